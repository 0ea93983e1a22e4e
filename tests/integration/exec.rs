//! Running the tool: where, with what, what its end means, and that it is the only one heard on stdout.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::harness::{ALIAS, World, snap};

#[test]
fn the_tool_runs_in_the_rendered_directory_with_our_variables() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").does(json!([{ "print": "out\n" }, { "eprint": "err\n" }]));
    let out = a.alias("tofu plan").env("KEPT", "as it is").cwd("modules").run();
    out.code(0).prints("out\n").says("err\n");
    let call = &world.calls()[0];
    assert_eq!(call.cwd, a.path(".dist/alpha/prod"));
    for (name, value) in [
        ("LOCKSTEP_MODULE", "alpha".as_ref()),
        ("LOCKSTEP_PROFILE", "prod".as_ref()),
        ("LOCKSTEP_INVOCATION_DIR", a.path("modules").as_os_str()),
        ("PWD", a.path(".dist/alpha/prod").as_os_str()),
        ("KEPT", "as it is".as_ref()),
    ] {
        assert_eq!(call.env(name).as_deref(), Some(value), "{name}");
    }
    assert!(call.env("LOCKSTEP_RUN_ID").is_some_and(|id| !id.is_empty()));
    assert_eq!(call.log["ignored"], json!([]));
    snap!(out);
}

#[test]
fn never_again_commands_are_hoisted_to_the_first_exec() {
    let world = World::new();
    let a = world.clone("a");
    let look = |file: &str| {
        let refs = json!([
            "git",
            "--git-dir",
            world.origin(),
            "for-each-ref",
            "--format=%(subject)",
            "refs/lockstep"
        ]);
        json!([{ "run": refs, "save": world.sign(file) }])
    };
    for name in ["first", "second", "third"] {
        world.tool(name).does(look(name));
    }
    world.tool("tofu").does(look("tofu"));
    a.lockstep("build first: git-check lock second: exec third: git-push unlock-any -- alpha prod tofu plan")
        .run()
        .code(0);
    assert_eq!(world.called(), ["first", "second", "tofu", "third"]);
    let seen = |file: &str| std::fs::read_to_string(world.sign(file)).expect("saved");
    assert_eq!(seen("first"), "", "the first command ran before the lock was taken");
    for name in ["second", "tofu", "third"] {
        assert!(!seen(name).is_empty(), "{name} ran under the lock");
    }
}

#[test]
fn nothing_runs_after_a_failure() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("first").exits(9);
    world.tool("tofu");
    a.lockstep("build lock first: exec unlock -- alpha prod tofu plan").run().code(9);
    assert_eq!(world.called(), ["first"]);
}

#[test]
fn exit_codes_pass_through_and_a_failure_keeps_the_lock() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    for code in [1_u8, 2, 64, 75, 77, 127, 255] {
        tool.exits(code);
        a.alias("tofu apply").run().code(i32::from(code));
        assert_eq!(world.lock_state("alpha/prod"), "failed", "after {code}");
    }
    tool.does(json!([{ "kill_self": 9 }]));
    let out = a.alias("tofu apply").run();
    out.code(137);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    snap!("killed_by_a_signal", out);
    tool.exits(0);
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn a_plan_with_changes_goes_on_and_ends_with_its_code() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(2);
    a.commit_file("notes", "x\n");
    let out = a.alias("tofu plan -detailed-exitcode").run();
    out.code(2);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    assert_eq!(world.origin_at("main"), a.head());
    snap!(out);
    let pushed = world.origin_at("main");
    a.commit_file("notes", "y\n");
    a.alias("tofu plan").run().code(2);
    assert_eq!(world.origin_at("main"), pushed, "without the option 2 is a failure");
    assert_eq!(world.lock_state("alpha/prod"), "free", "of a look");
}

#[test]
fn what_counts_as_success_can_be_configured() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("lockstep.toml", "[tools.mytool]\nsuccess = [0, 4]\n");
    world.tool("mytool").exits(4);
    a.alias("mytool go").run().code(4);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    world.tool("kubectl").exits(1);
    a.alias("kubectl diff").run().code(1);
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn commands_that_only_read_can_be_spared_the_lock() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("lockstep.toml", "[exec]\nread_only = \"skip\"\n\n[tools.mytool]\nreads = [\"look\"]\n");
    world.tool("tofu");
    world.tool("mytool");
    a.write("not-committed", "");
    let out = a.alias("tofu plan").run();
    out.code(0);
    snap!(out);
    a.alias("mytool look").run().code(0);
    assert!(world.origin_refs("refs/lockstep").is_empty());
    a.alias("tofu apply").run().code(77);
    a.alias("mytool look-like").run().code(77);
    assert_eq!(world.called(), ["tofu", "mytool"]);
}

#[test]
fn without_the_setting_every_step_runs_as_the_alias_says() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.alias("tofu plan").run().code(0);
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!(record["state"], "free");
    assert_eq!(record["applied"], json!(null), "a plan changes nothing, so nothing was applied");
}

#[test]
fn a_tool_that_disappears_before_it_runs() {
    let world = World::new();
    let a = world.clone("a");
    let path = world.path("bin/tofu");
    world.tool("tofu");
    world.tool("remove").does(json!([{ "run": ["rm", path] }]));
    a.lockstep("build lock remove: exec unlock -- alpha prod tofu apply").run().code(127);
    world.tool("tofu");
    let forbid = ["sh", "-c", "mv $0 $0.x; cat $0.x > $0", path.to_str().expect("text")];
    world.tool("forbid").does(json!([{ "run": forbid }]));
    a.lockstep("build lock forbid: exec unlock -- alpha prod tofu apply").run().code(126);
    let mode = path.metadata().expect("it exists").permissions().mode();
    assert_eq!(mode & 0o111, 0, "the test took the permission away");
}

#[test]
fn exec_without_build_wants_something_rendered() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let out = a.lockstep("exec -- alpha prod tofu plan").run();
    out.code(78).says("build");
    assert!(world.called().is_empty());
    snap!(out);
    a.lockstep("build -- alpha prod").run().code(0);
    a.lockstep("exec -- alpha prod tofu plan").run().code(0);
}

#[test]
fn the_tool_reads_what_the_user_gives_it() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").does(json!([{ "read_line": world.sign("answer") }]));
    a.alias("tofu apply").stdin("yes\nand more").run().code(0);
    assert_eq!(std::fs::read_to_string(world.sign("answer")).expect("saved"), "yes\n");
}

#[test]
fn environment_from_the_project_reaches_the_tool() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/module.toml", "[env]\nTF_IN_AUTOMATION = \"1\"\nBOTH = \"module\"\n");
    a.publish("lockstep.toml", "[env]\nPROJECT = \"yes\"\nBOTH = \"project\"\n");
    world.tool("tofu");
    a.alias("tofu plan").run().code(0);
    let call = &world.calls()[0];
    let value = |name: &str| call.env(name).map(|v| v.to_string_lossy().into_owned());
    assert_eq!(value("TF_IN_AUTOMATION").as_deref(), Some("1"));
    assert_eq!(value("PROJECT").as_deref(), Some("yes"));
    assert_eq!(value("BOTH").as_deref(), Some("module"));
}

#[test]
fn a_second_terminal_cannot_rewrite_what_a_running_tool_reads() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.waits();
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    a.lockstep("build -- alpha prod").run().code(0);
    a.write("modules/alpha/main.tf", "changed\n");
    let out = a.lockstep("build -- alpha prod").run();
    out.code(75).says(&run.pid().to_string());
    snap!(out);
    a.lockstep("build -- beta prod").run().code(0);
    tool.let_go();
    run.finish().code(0);
    a.lockstep("build -- alpha prod").run().code(0);
    assert_eq!(a.read(".dist/alpha/prod/main.tf"), "changed\n");
}

#[test]
fn events_are_lines_of_json() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(3);
    let file = world.sign("events");
    a.lockstep("--events").arg(&file).words(ALIAS).words("tofu apply secret").run().code(3);
    let text = std::fs::read_to_string(file).expect("written");
    let events: Vec<serde_json::Value> =
        text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let kinds: Vec<_> = events.iter().filter_map(|e| e["event"].as_str()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"run_started"), Some(&"run_finished")), "{kinds:?}");
    for kind in ["lock_taken", "command_started", "command_finished", "lock_kept"] {
        assert!(kinds.contains(&kind), "{kind} is missing in {kinds:?}");
    }
    assert_eq!(events.last().map(|e| e["code"].clone()), Some(json!(3)));
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn events_go_to_an_open_descriptor() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let file = world.sign("events");
    let line = format!("lockstep --events fd:7 build exec -- alpha prod tofu plan 7>'{}'", file.display());
    world.program("sh", a.dir()).args(["-c", &line]).run().code(0);
    let text = std::fs::read_to_string(file).expect("written");
    assert!(text.lines().count() > 3 && text.contains("run_finished"), "{text}");
}
