//! A tool's name that stands for the pipeline around it: aliases and shims, as shells have them.

use std::ffi::OsString;
use std::path::Path;

use serde_json::json;

use crate::harness::{Checkout, Cmd, World, find, snap, write_script};

/// Runs a program of the shims' directory, which stands first on the `PATH`.
fn through_shim<'w>(world: &'w World, at: &'w Checkout<'_>, name: &str) -> Cmd<'w> {
    world.program(&format!("../shims/{name}"), at.dir()).env("PATH", path(world))
}

fn path(world: &World) -> OsString {
    std::env::join_paths([world.path("shims"), world.path("bin")]).expect("no colon in it")
}

fn write_shims<'w>(world: &'w World, at: &'w Checkout<'_>) -> Cmd<'w> {
    at.lockstep("shim").arg(world.path("shims")).env("PATH", path(world))
}

#[test]
fn a_shim_runs_the_pipeline_around_the_next_tool_of_its_name() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    world.tool("kubectl");
    let out = write_shims(&world, &a).words("tofu=alpha/prod kubectl=./dev").run();
    out.code(0).prints("");
    snap!("written", out);
    let out = through_shim(&world, &a, "tofu").args(["apply", "a b", "", "$HOME", "--"]).run();
    out.code(0);
    let call = &world.calls()[0];
    assert_eq!(call.argv, ["apply", "a b", "", "$HOME", "--"]);
    assert_eq!(call.env("LOCKSTEP_DEPTH").as_deref(), Some("1".as_ref()));
    assert_eq!(call.env("PATH").as_deref(), Some(world.path("bin").as_os_str()), "shims are for the user");
    assert_eq!(world.lock_history("alpha/prod").len(), 2, "taken and given back, once");
    through_shim(&world, &a, "kubectl").arg("get").cwd("modules/beta").run().code(0);
    assert_eq!(world.calls()[1].cwd, a.path(".dist/beta/dev"));
}

#[test]
fn what_a_command_runs_itself_asks_for_no_second_lock() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    world.tool("terragrunt").does(json!([{ "run": ["tofu", "apply"] }]));
    write_shims(&world, &a).words("tofu=alpha/prod terragrunt=alpha/prod").run().code(0);
    through_shim(&world, &a, "terragrunt").arg("apply").run().code(0);
    assert_eq!(world.called(), ["terragrunt", "tofu"]);
    assert_eq!(world.lock_history("alpha/prod").len(), 2);
}

#[test]
fn among_other_programs_a_shim_is_still_passed_over() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    write_script(&world.path("shims"), "mine", "echo mine\n");
    write_shims(&world, &a).words("tofu=alpha/prod").run().code(0);
    through_shim(&world, &a, "tofu").arg("apply").run().code(0);
    assert_eq!(world.called(), ["tofu"]);
    assert_eq!(world.calls()[0].env("PATH"), Some(path(&world)), "there is more in it than shims");
}

#[test]
fn without_the_tool_a_shim_says_what_is_missing() {
    let world = World::new();
    let a = world.clone("a");
    let out = write_shims(&world, &a).words("tofu=alpha/prod").run();
    out.code(0);
    snap!("tool_missing_when_written", out);
    let out = through_shim(&world, &a, "tofu").arg("apply").run();
    out.code(127);
    snap!("tool_missing_when_run", out);
}

#[test]
fn nothing_but_a_shim_is_replaced() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    write_script(&world.path("shims"), "kubectl", "echo mine\n");
    std::os::unix::fs::symlink("kubectl", world.path("shims/helm")).expect("the world is writable");
    for other in ["kubectl", "helm"] {
        let out = write_shims(&world, &a).words("tofu=alpha/prod").arg(format!("{other}=alpha/prod")).run();
        out.code(74);
        assert!(!world.path("shims/tofu").exists(), "all or nothing");
        snap!(format!("foreign_{other}"), out);
    }
    assert_eq!(
        std::fs::read_to_string(world.path("shims/kubectl")).expect("it is there"),
        "#!/bin/sh\necho mine\n"
    );
    for unit in ["alpha/prod", "beta/dev"] {
        write_shims(&world, &a).arg(format!("tofu={unit}")).run().code(0);
    }
    let text = std::fs::read_to_string(world.path("shims/tofu")).expect("it is there");
    assert!(text.contains("-- beta dev tofu"), "{text}");
}

#[test]
fn a_wrapper_that_calls_itself_through_lockstep_is_stopped() {
    let world = World::new();
    let a = world.clone("a");
    write_script(&world.path("bin"), "tofu", "exec lockstep exec -- alpha prod tofu \"$@\"\n");
    a.lockstep("build -- alpha prod").run().code(0);
    let out = a.lockstep("exec -- alpha prod tofu plan").run();
    out.code(78).says("wrapper");
    snap!(out);
}

#[test]
fn words_that_make_no_sense_are_refused() {
    let world = World::new();
    let a = world.clone("a");
    for (name, words) in [
        ("no_binding", vec!["tofu"]),
        ("hostile", vec!["x;rm=alpha/prod"]),
        ("itself", vec!["lockstep=alpha/prod"]),
        ("no_unit", vec!["tofu=alpha"]),
        ("typo", vec!["--steps", "build git-chek exec", "tofu=alpha/prod"]),
        ("no_exec", vec!["--steps", "build lock unlock", "tofu=alpha/prod"]),
    ] {
        for subcommand in ["alias", "shim"] {
            let line = if subcommand == "shim" { "shim shims" } else { "alias" };
            let out = a.lockstep(line).args(&words).run();
            out.code(64).prints("");
            assert!(!a.has("shims"));
            if subcommand == "alias" {
                snap!(format!("refused_{name}"), out);
            }
        }
    }
}

/// Words that a shell would make much of.
const ODD: &str = "build say:it's:$HOME;*:\"x\" exec";
const ODD_ARGS: [&str; 3] = ["it's", "$HOME;*", "\"x\""];

#[test]
fn odd_words_reach_the_pipeline_as_they_are() {
    let world = World::new();
    let a = world.clone("a");
    for name in ["bash", "dash"] {
        if Path::new("/bin").join(name).exists() {
            world.link(name, &find(name));
        }
    }
    world.tool("say");
    world.tool("tofu");
    write_shims(&world, &a).args(["--steps", ODD, "tofu=alpha/prod"]).run().code(0);
    through_shim(&world, &a, "tofu").arg("apply").run().code(0);
    assert_eq!(
        (world.called(), world.calls()[0].argv.clone()),
        (vec!["say".into(), "tofu".into()], ODD_ARGS.map(OsString::from).to_vec())
    );
    let lines = a.lockstep("alias --shell bash --steps").args([ODD, "tofu=alpha/prod"]).run();
    lines.code(0);
    let script = format!("shopt -s expand_aliases\n{}tofu apply 'a b'\n", lines.stdout());
    world.program("bash", a.dir()).args(["-c", &script]).run().code(0);
    let calls = world.calls();
    assert_eq!(calls[2].argv, ODD_ARGS);
    assert_eq!((calls[3].tool.as_str(), calls[3].argv.clone()), ("tofu", vec!["apply".into(), "a b".into()]));
}

#[test]
fn aliases_are_printed_for_the_shell_that_is_used() {
    let world = World::new();
    let a = world.clone("a");
    let out = a.lockstep("alias tofu=alpha/prod kubectl=./.").env("SHELL", "/usr/bin/fish").run();
    out.code(0);
    snap!("alias_fish", out);
    let out = a.lockstep("alias tofu=alpha/prod kubectl=./.").run();
    out.code(0);
    snap!("alias_bash", out);
}

#[test]
fn a_tool_that_is_asked_to_complete_answers_alone() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("lockstep.toml", "[env]\nKUBECONFIG = \"of the project\"\n");
    let tool = world.tool("kubectl");
    tool.does(json!([{ "print": "pods\n" }, { "exit": 3 }]));
    let out = a.alias("kubectl __complete get po").run();
    out.code(3).prints("pods\n");
    assert_eq!(out.stderr(), "");
    assert_eq!(
        world.calls()[0].env("KUBECONFIG"),
        None,
        "the project's environment is for commands that run"
    );
    a.alias("tofu tofu app tofu").env("COMP_LINE", "tofu app").env("COMP_POINT", "8").run().code(1);
    assert!(!a.has(".dist") && world.origin_refs("refs/lockstep").is_empty());
}
