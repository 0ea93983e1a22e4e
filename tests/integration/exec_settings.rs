//! What a project says about its commands: their environment, how long they may run, which versions
//! of tools it wants.

use serde_json::json;

use crate::harness::{World, snap};

#[test]
fn variables_can_be_taken_out_of_a_commands_environment() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/module.toml", "[exec]\nunset = [\"OF_THE_MODULE\"]\n[env]\nBACK = \"module\"\n");
    a.publish("lockstep.toml", "[exec]\nunset = [\"AWS_PROFILE\", \"BACK\"]\n[env]\nOF_THE_MODULE = \"x\"\n");
    world.tool("tofu");
    let run =
        a.alias("tofu plan").env("AWS_PROFILE", "s3cret").env("BACK", "user").env("OF_THE_MODULE", "user");
    run.run().code(0);
    let call = &world.calls()[0];
    assert_eq!(call.env("AWS_PROFILE"), None);
    assert_eq!(call.env("OF_THE_MODULE"), None);
    assert_eq!(call.env("BACK").as_deref(), Some("module".as_ref()));
    a.write("lockstep.toml", "[exec]\nunset = [\"AWS-PROFILE\"]\n");
    let out = a.alias("tofu plan").run();
    out.code(78);
    snap!("unset_no_variable", out);
}

#[test]
fn the_trace_that_a_run_belongs_to_is_passed_on_untouched() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let (parent, state) =
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "rojo=00f067aa0ba902b7,x=y");
    a.alias("tofu plan").env("TRACEPARENT", parent).env("TRACESTATE", state).run().code(0);
    a.alias("tofu plan").run().code(0);
    let calls = world.calls();
    assert_eq!(calls[0].env("TRACEPARENT").as_deref(), Some(parent.as_ref()));
    assert_eq!(calls[0].env("TRACESTATE").as_deref(), Some(state.as_ref()));
    assert_eq!(calls[1].env("TRACEPARENT"), None, "none is made up");
}

#[test]
fn a_command_whose_time_is_over_is_asked_to_end_once_and_waited_for() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("lockstep.toml", "[tools.tofu]\ntimeout = \"3s\"\n");
    let tool = world.tool("tofu");
    tool.does(json!([
        { "trap": ["SIGTERM"] }, { "touch": tool.started() }, { "await_signal": "SIGTERM" }, { "await": tool.go() }
    ]));
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    tool.wait_for_signal("SIGTERM");
    run.wait_for_text("asked it to end");
    // Somebody else asks too: the tool has been told already.
    run.signal(rustix::process::Signal::TERM);
    tool.let_go();
    let out = run.finish();
    out.code(124);
    assert_eq!(tool.signals(), ["SIGTERM"], "once");
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    snap!(out);
}

#[test]
fn a_tool_that_fails_when_its_time_is_over_keeps_its_code() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/module.toml", "[exec]\ntimeout = \"1s\"\n");
    a.publish("lockstep.toml", "[exec]\ntimeout = \"never\"\n");
    let tool = world.tool("tofu");
    tool.waits();
    let commit = a.commit_file("notes", "x\n");
    let out = a.alias("tofu apply").run();
    out.code(143);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    assert_ne!(world.origin_at("main"), commit, "nothing is pushed");
    snap!(out);
}

#[test]
fn only_who_says_so_has_his_tools_killed() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("lockstep.toml", "[exec]\ntimeout = \"3s\"\nkill_after = \"1s\"\n");
    let tool = world.tool("tofu");
    tool.does(json!([{ "trap": ["SIGTERM"] }, { "touch": tool.started() }, { "await": tool.go() }]));
    let out = a.alias("tofu apply").run();
    out.code(137).says("killed it");
    assert_eq!(tool.signals(), ["SIGTERM"]);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
}

#[test]
fn a_tool_of_the_wrong_version_is_found_out_before_anything_is_done() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("lockstep.toml", "[tools.tofu]\nreads = []\nversion = \">=1.8\"\n");
    let tool = world.tool("tofu");
    let says = |version: &str| {
        let text = json!({ "terraform_version": version, "provider_selections": {} }).to_string();
        tool.does(json!([{ "print": text }]));
    };
    says("1.7.3");
    let out = a.alias("tofu apply").run();
    out.code(78).prints("");
    assert!(!a.has(".dist") && world.origin_refs("refs/lockstep").is_empty());
    snap!("tool_too_old", out);
    says("1.12.6-dev");
    a.alias("tofu apply").run().code(78).says("1.12.6-dev").says("a prerelease), and");
    tool.does(json!([{ "print": "no idea\n" }]));
    let out = a.alias("tofu apply").run();
    out.code(78);
    snap!("tool_without_a_version", out);
    // Ctrl-C reaches the tool that is asked; it is no answer.
    tool.does(json!([{ "kill_self": 2 }]));
    a.alias("tofu apply").run().code(130);
    says("1.9.0");
    let before = world.calls().len();
    a.lockstep("build tofu:init exec -- alpha prod tofu apply").run().code(0);
    let calls = world.calls();
    let words: Vec<_> = calls[before..].iter().map(|call| call.argv.join(" ".as_ref())).collect();
    assert_eq!(words, ["version -json", "init", "apply"], "asked once");
    assert_eq!(calls[before].env("CHECKPOINT_DISABLE").as_deref(), Some("1".as_ref()));
    a.lockstep("build true: -- alpha prod").run().code(0);
    assert_eq!(world.calls().len(), before + 3, "no other tool is asked, nor this one for another");
}

#[test]
fn the_version_of_a_real_tool_is_understood() {
    let world = World::new();
    let a = world.clone("a");
    let (name, path) = crate::harness::tofu();
    world.link(name, &path);
    world.link("kubectl", &crate::harness::kubectl());
    let want = |rule: &str| {
        a.write(
            "lockstep.toml",
            format!("[tools.{name}]\nversion = \"{rule}\"\n[tools.kubectl]\nversion = \"{rule}\"\n"),
        );
    };
    let run = |words: &str| a.lockstep("build exec -- alpha prod").words(words).run();
    want(">=0.1");
    run(&format!("{name} version")).code(0);
    run("kubectl version --client").code(0);
    want(">=99");
    run(&format!("{name} version")).code(78).says("lockstep.toml:2");
    run("kubectl version --client").code(78).says("lockstep.toml:4");
}
