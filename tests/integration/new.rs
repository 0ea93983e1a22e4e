//! `lockstep new`: what it makes works, with the commands that it prints.

use crate::harness::{Checkout, Output, World, ansible_playbook, kubectl, snap, tofu};

/// The commands that stand under `Next:`.
fn next(out: &Output) -> Vec<String> {
    let stderr = out.stderr();
    let after = stderr.split("\nNext:\n").nth(1).unwrap_or_else(|| panic!("no next commands\n{out}"));
    after.lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
}

/// Types commands as they stand.
fn types(world: &World, a: &Checkout<'_>, commands: &[String]) -> Output {
    let script = format!("set -e\n{}\n", commands.join("\n"));
    let out =
        world.program("sh", a.dir()).args(["-c", &script]).env("LC_ALL", "C.UTF-8").stdin("yes\n").run();
    out.code(0);
    out
}

#[test]
fn a_tofu_module_is_applied_by_the_commands_that_are_printed() {
    let world = World::new();
    let a = world.clone("a");
    let (tool, path) = tofu();
    world.link(tool, &path);
    let made = a.lockstep("new module gamma").run();
    made.code(0).prints("");
    snap!(made.to_string().replace("terraform", "tofu"));
    let out = types(&world, &a, &next(&made));
    assert!(out.stdout().contains("hello from dev"), "{out}");
    assert_eq!(world.lock_state("gamma/dev"), "free");
    assert_eq!(world.origin_at("main"), a.head());
    assert_eq!(a.git("status --porcelain"), "");
    a.lockstep("doctor --offline").run().code(0);
}

#[test]
fn an_ansible_module_is_played_by_the_commands_that_are_printed() {
    let world = World::new();
    let a = world.clone("a");
    world.link("ansible-playbook", &ansible_playbook());
    let made = a.lockstep("new module plays --tool ansible").run();
    let out = types(&world, &a, &next(made.code(0)));
    assert!(out.stdout().contains("failed=0"), "{out}");
    assert_eq!(a.read(".state/plays/dev/message"), "hello from dev\n");
    assert_eq!(world.lock_state("plays/dev"), "free");
}

#[test]
fn a_kubectl_module_is_built_by_the_command_that_is_printed() {
    let world = World::new();
    let a = world.clone("a");
    world.link("kubectl", &kubectl());
    let made = a.lockstep("new module Web_1 --tool kubectl").run();
    // Applying needs a cluster.
    let mut commands = next(made.code(0));
    assert!(commands.pop().expect("commands").ends_with("kubectl apply -k ."));
    let out = types(&world, &a, &commands);
    assert!(out.stdout().contains("name: web-1"), "{out}");
    assert_eq!(a.read(".gitignore"), "/.dist/\n", "nothing lies in .state");
}

#[test]
fn a_module_without_a_tool_runs_where_there_is_no_profile_yet() {
    let world = World::with_project(&[("lockstep.toml", ""), (".gitignore", "/.dist/")]);
    let a = world.clone("a");
    let made = a.lockstep("new module tiny").run();
    made.code(0);
    // A profile first, which has to be committed with it.
    let mut commands = next(&made);
    assert_eq!(commands[0], "lockstep new profile prod");
    commands.insert(1, "git add profiles".to_owned());
    let out = types(&world, &a, &commands);
    assert!(out.stdout().ends_with("hello from prod\n"), "{out}");
    assert_eq!(a.read(".gitignore"), "/.dist/\n/.state/\n");
    assert_eq!(a.git("status --porcelain"), "");
}

#[test]
fn profiles_and_workflows_work_too() {
    let world = World::new();
    let a = world.clone("a");
    let base = a.lockstep("new profile base --abstract").run();
    base.code(0).says("lockstep new profile NAME --extends base");
    let made = a.lockstep("new profile test --extends base --extends dev").run();
    let _ = types(&world, &a, &next(made.code(0)));
    snap!("new_profile", made);
    assert_eq!(a.lockstep("list profiles").run().stdout().lines().last(), Some("test  extends=base,dev"));
    let flow = a.lockstep("new workflow go").cwd("modules/alpha").run();
    let _ = types(&world, &a, &next(flow.code(0)));
    snap!("new_workflow", flow);
    a.commit("Add them");
    a.git("push -q");
    a.lockstep("go -- alpha test true").run().code(0);
    assert_eq!(world.lock_state("alpha/test"), "free");
}

#[test]
fn wrong_names_and_tools_make_nothing() {
    let world = World::new();
    let a = world.clone("a");
    a.write("workflows/flow.toml", "steps = [\"build\"]\n");
    for (words, code) in [
        ("new module alpha", 64),
        ("new module flow", 64),
        ("new module build", 64),
        ("new module list", 64),
        ("new module a/b", 64),
        ("new module .x", 64),
        ("new module", 64),
        ("new", 64),
        ("new thing x", 64),
        ("new module x --tool nope", 64),
        ("new profile dev", 64),
        ("new profile x --extends prd", 64),
        ("new profile a:b", 64),
        ("new workflow alpha", 64),
        ("new workflow flow", 64),
        ("new workflow render", 64),
    ] {
        let out = a.lockstep(words).run();
        out.code(code).prints("");
        assert!(!out.stderr().is_empty(), "{words}");
    }
    assert_eq!(a.git("status --porcelain"), "?? workflows/\n");
    let hostile = a.lockstep("new module").arg("a\u{1b}[2J").run();
    hostile.code(64).never_says("\u{1b}");
    let outside = world.program("lockstep", &world.path("home")).words("new module x").run();
    outside.code(78).says("lockstep init");
}
