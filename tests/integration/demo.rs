//! `lockstep demo`: with the real tool, with none, and that it leaves nothing behind.

use crate::harness::{Output, World, tofu};

/// Everything that the demo promises to show.
fn shows_everything(world: &World, out: &Output) {
    out.code(0);
    for code in ["(exit code 0)", "(exit code 1)", "(exit code 75)", "(exit code 77)"] {
        assert!(out.stderr().contains(code), "{code} is missing\n{out}");
    }
    let after = out.stderr();
    let contender = after.split("A second contender").nth(1).expect("the act is played");
    assert!(contender.contains("ana@demo"), "the holder is named\n{out}");
    let left: Vec<_> = std::fs::read_dir(world.path("tmp")).expect("readable").collect();
    assert!(left.is_empty(), "{left:?} stays behind");
}

#[test]
fn it_plays_with_the_tool_that_is_installed() {
    let world = World::bare();
    let (name, path) = tofu();
    world.link(name, &path);
    let out = world.program("lockstep", &world.path("home")).words("demo").run();
    shows_everything(&world, &out);
    assert!(out.stderr().contains(&format!("The tool is `{name}`")), "{out}");
}

#[test]
fn it_plays_without_any_tool() {
    let world = World::bare();
    let out = world.program("lockstep", &world.path("home")).words("demo").run();
    shows_everything(&world, &out);
    out.says("The tool is `./apply`");
}

#[test]
fn it_can_be_kept_to_look_around() {
    let world = World::bare();
    let out = world.program("lockstep", &world.path("home")).words("demo --keep").run();
    out.code(0);
    let left: Vec<_> = std::fs::read_dir(world.path("tmp"))
        .expect("readable")
        .map(|e| e.expect("readable").path())
        .collect();
    let stage = left.iter().find(|p| p.join("origin.git").is_dir()).unwrap_or_else(|| panic!("{left:?}"));
    out.says(&stage.display().to_string());
}

#[test]
fn it_is_cut_off_from_the_users_project_and_settings() {
    let world = World::new();
    let a = world.clone("a");
    a.lockstep("demo").env("LOCKSTEP_PROFILE", "nope").env("GIT_DIR", a.path(".git")).run().code(0);
    assert_eq!(a.git("status --porcelain"), "");
    assert!(world.origin_refs("refs/lockstep").is_empty());
}
