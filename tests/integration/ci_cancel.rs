//! A job that is cancelled: the service signals the process that it started, and that one alone.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{World, find, repository, write_script};

/// Runs a step's text as GitHub does, signals its first process once the tool runs, and returns how it ended.
fn cancelled(world: &World, text: &str, signal: Signal) {
    world.link("bash", &find("bash"));
    let a = world.clone("a");
    let tool = world.tool("tofu");
    let name = if signal == Signal::INT { "SIGINT" } else { "SIGTERM" };
    tool.does(
        json!([{ "trap": [name] }, { "touch": tool.started() }, { "await_signal": name }, { "exit": 3 }]),
    );
    std::fs::write(world.path("out/step.sh"), text).expect("the world is writable");
    let bash = world.program("bash", a.dir()).args(["--noprofile", "--norc", "-e", "-o", "pipefail"]);
    let mut step = bash
        .arg(world.path("out/step.sh"))
        .env("GITHUB_ACTION_PATH", repository().join(".github/actions/lockstep"))
        .env("INPUT_MODULE", "alpha")
        .env("INPUT_PROFILE", "prod")
        .env("INPUT_COMMAND", "tofu\napply")
        .env("INPUT_STEPS", "build git-check lock exec git-push unlock-any")
        .env("INPUT_OPTIONS", "")
        .env("INPUT_WAIT", "")
        .start();
    step.wait_for(tool.started());
    step.signal(signal);
    step.finish().code(3).says("`tofu apply` ended with exit code 3");
    assert_eq!(tool.signals(), [name]);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
}

#[test]
fn the_action_passes_a_cancel_on_to_the_tool() {
    let text =
        std::fs::read_to_string(repository().join(".github/actions/lockstep/action.yml")).expect("shipped");
    let action: Value = serde_saphyr::from_str(&text).expect("YAML");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let run = steps.iter().find(|step| step["id"] == "run").and_then(|step| step["run"].as_str());
    cancelled(&World::new(), run.expect("the step that runs lockstep"), Signal::INT);
}

#[test]
fn a_step_with_exec_passes_a_cancel_on_to_the_tool() {
    let line =
        "echo first\nexec lockstep build git-check lock exec git-push unlock-any -- alpha prod tofu apply\n";
    cancelled(&World::new(), line, Signal::TERM);
}

#[test]
fn every_line_of_the_docs_that_a_job_ends_with_starts_lockstep_by_exec() {
    let mut seen = 0;
    for name in ["docs/ci.md", "docs/gitlab-ci.yml"] {
        let text = std::fs::read_to_string(repository().join(name)).expect("shipped");
        for line in text.lines() {
            let line = line.trim_start_matches(['#', ' ']);
            let Some(script) = line.strip_prefix("- run: ").or_else(|| line.strip_prefix("- ")) else {
                continue;
            };
            let is_pipeline = script.contains("lockstep") && script.contains(" -- ");
            if is_pipeline {
                assert!(script.starts_with("exec lockstep "), "{name}: {line}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 4, "the examples are not found: {seen}");
}

/// `install.sh` with a cargo that notes its arguments and "builds" a program.
#[test]
fn the_action_builds_its_own_source_and_no_crate_of_a_registry() {
    let world = World::bare();
    for program in ["bash", "find", "cut", if cfg!(target_os = "linux") { "sha256sum" } else { "shasum" }] {
        world.link(program, &find(program));
    }
    let cargo = "printf '%s\\n' \"$@\" >>\"$HOME/cargo\"\nfor last; do :; done\nmkdir -p \"$last/bin\"\n\
                 printf '#!/bin/sh\\necho lockstep 0\\n' >\"$last/bin/lockstep\"\nchmod +x \"$last/bin/lockstep\"\n";
    write_script(&world.path("bin"), "cargo", cargo);
    let run = |what: &str, vars: &[(&str, &str)]| {
        let script = repository().join(".github/actions/lockstep/install.sh");
        let mut cmd = world.program("bash", &world.path("")).arg(script).arg(what);
        cmd = cmd.env("GITHUB_OUTPUT", world.path("out/output")).env("GITHUB_PATH", world.path("out/path"));
        cmd = cmd.env("RUNNER_TEMP", world.path("tmp")).env("RUNNER_OS", "Linux").env("RUNNER_ARCH", "X64");
        for (name, value) in vars {
            cmd = cmd.env(name, value);
        }
        cmd.run()
    };
    let read = |path: &str| std::fs::read_to_string(world.path(path)).unwrap_or_default();
    run("plan", &[]).code(0);
    let told = read("out/output");
    let value = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)).expect("told").to_owned();
    let (key, root) = (value("key="), value("root="));
    assert!(key.starts_with("lockstep-Linux-X64-") && key.len() == "lockstep-Linux-X64-".len() + 64, "{key}");
    for _ in 0..2 {
        run("build", &[("INSTALL_ROOT", &root)]).code(0).prints("lockstep 0\n");
    }
    let words = format!("install\n--locked\n--path\n{}\n--root\n{root}\n", repository().display());
    assert_eq!(read("home/cargo"), words, "once, from here");
    assert_eq!(read("out/path"), format!("{root}/bin\n").repeat(2));
    // One that is installed is taken as it is.
    std::fs::remove_file(world.path("out/output")).expect("written above");
    run("plan", &[("INPUT_BINARY", "lockstep")]).code(0);
    assert_eq!(read("out/output"), "");
}
