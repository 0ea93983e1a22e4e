//! What `lockstep list` prints, exactly.

use crate::harness::{World, snap};

#[test]
fn each_list_has_one_thing_a_line_and_the_same_as_json() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/module.toml", "description = \"the first\"\n[params]\nx = \"{{ nope }}\"\n");
    a.write("modules/beta/module.toml", "profiles = [\"dev\"]\n");
    a.write("profiles/base.toml", "description = \"what all share\"\nabstract = true\n");
    a.write("profiles/prod.toml", "extends = [\"base\"]\n[params]\nregion = \"eu-west\"\n");
    a.write("workflows/go.toml", "description = \"all of it\"\nsteps = [\"build\"]\n");
    a.write("workflows/bare.toml", "steps = [\"build\", \"true:\"]\nfinally = [\"false:\"]\n");
    let units = a.lockstep("list").run();
    units.code(0).prints("alpha/dev   the first\nalpha/prod  the first\nbeta/dev\n");
    assert_eq!(units.stderr(), "");
    for what in ["units", "modules", "profiles", "workflows", "steps"] {
        let out = a.lockstep("list").arg(what).run();
        out.code(0);
        snap!(format!("list_{what}"), out);
    }
    for what in ["units", "modules", "profiles", "workflows"] {
        let out = a.lockstep("list --json").arg(what).run();
        out.code(0);
        snap!(format!("list_{what}_json"), out);
    }
    assert!(!a.has(".dist") && !a.has(".git/lockstep"), "nothing is done");
}

#[test]
fn tags_have_a_column_of_their_own_once_there_are_any() {
    let world = World::new();
    let a = world.clone("a");
    a.write(
        "modules/alpha/module.toml",
        "description = \"the first\"\ntags = [\"net\", \"core\"]\nneeds = [\"beta\"]\n",
    );
    a.lockstep("list").run().code(0).prints(
        "alpha/dev   tags=net,core  the first\nalpha/prod  tags=net,core  the first\nbeta/dev    -\nbeta/prod   -\n",
    );
    let modules = a.lockstep("list modules").run();
    modules.code(0).prints("alpha  dev,prod  tags=net,core  the first\nbeta   dev,prod  -\n");
    let json: serde_json::Value =
        serde_json::from_str(&a.lockstep("list modules --json").run().stdout()).expect("JSON");
    assert_eq!(json[0]["tags"], serde_json::json!(["net", "core"]));
    assert_eq!(json[0]["needs"], serde_json::json!(["beta"]));
}

#[test]
fn broken_files_are_named_and_the_rest_is_listed() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/broken/module.toml", "\nnonsense = 1\n");
    a.write("modules/lock/x", "");
    a.write("profiles/dev.toml", "extends = [\"gone\"]\n");
    a.write("workflows/none.toml", "");
    let out = a.lockstep("list").run();
    out.code(78).prints("alpha/prod\nbeta/prod\nlock/prod\n");
    snap!(out);
}

#[test]
fn nothing_to_list_says_how_to_make_some() {
    let world = World::bare();
    let empty = world.path("home");
    world.program("lockstep", &empty).words("list").run().code(78);
    world.program("lockstep", &empty).words("list steps").run().code(0).says("");
    std::fs::write(empty.join("lockstep.toml"), "").expect("the world is writable");
    let out = world.program("lockstep", &empty).words("list").run();
    out.code(0).prints("").says("lockstep new module NAME");
    world.program("lockstep", &empty).words("list units --json").run().code(0).prints("[]\n");
    world.program("lockstep", &empty).words("list unit").run().code(64).says("units");
}
