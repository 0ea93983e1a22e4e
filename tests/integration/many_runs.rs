//! Pipelines for many units, through the binary: what runs beside what, what is told and kept of each
//! unit, and what failures, signals and death leave behind.

use std::collections::BTreeMap;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Checkout, Output, Terminal, World, find, wait_for_file, wait_until, write_script};

/// Three units in `prod`, and a tool `work` that does as the text says, in sh.
fn world(work: &str) -> World {
    let world = World::with_project(&[
        ("lockstep.toml", ""),
        (".gitignore", "/.dist/\n"),
        ("profiles/prod.toml", ""),
        ("modules/alpha/main.tf", "x\n"),
        ("modules/beta/main.tf", "x\n"),
        ("modules/gamma/main.tf", "x\n"),
    ]);
    write_script(
        &world.path("bin"),
        "work",
        &work.replace("WORLD", &world.path("tmp").display().to_string()),
    );
    world
}

/// The tool waits for the file `go`, and tells of each signal.
const WAITS: &str = "me=WORLD/$LOCKSTEP_MODULE
    for s in INT TERM HUP; do trap \"echo $s >> $me.signals; touch $me.$s\" $s; done
    touch $me.started; while [ ! -e WORLD/go ] && [ ! -e $me.TERM ] && [ ! -e $me.INT ]; do sleep 0.01; done
    [ ! -e $me.TERM ] && [ ! -e $me.INT ]";

const USUAL: &str = "build git-check lock exec git-push unlock-any";

/// Runs a pipeline for units of `prod` and gives its events as well.
fn run(a: &Checkout<'_>, words: &str) -> (Output, Vec<Value>) {
    let file = a.path("../events");
    let out = a.lockstep("--events").arg(&file).words(words).run();
    let text = std::fs::read_to_string(&file).expect("events were asked for");
    std::fs::remove_file(&file).expect("just read");
    (out, text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

/// How each unit ended, by module: outcome, code, reason.
fn ends(events: &[Value]) -> BTreeMap<String, (String, u64, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ended = events.iter().filter(|event| event["event"] == "unit_finished");
    let entry = |event: &Value| {
        let module = text(&event["unit"]).trim_end_matches("/prod").to_owned();
        (module, (text(&event["outcome"]), event["code"].as_u64().expect("a code"), text(&event["reason"])))
    };
    let all: Vec<_> = ended.map(entry).collect();
    let map: BTreeMap<_, _> = all.iter().cloned().collect();
    assert_eq!(map.len(), all.len(), "each unit ends once");
    map
}

fn end(outcome: &str, code: u64, reason: &str) -> (String, u64, String) {
    (outcome.to_owned(), code, reason.to_owned())
}

#[test]
fn lines_come_whole_with_their_units_and_are_kept() {
    let world = world("echo out $LOCKSTEP_MODULE; echo err >&2; cat; printf 'no end'");
    let a = world.clone("a");
    let (out, events) = run(&a, "-j3 build exec -- * prod work");
    out.code(0);
    let mut lines: Vec<String> = out.stdout().lines().map(str::to_owned).collect();
    lines.sort();
    // Names are padded, so that the lines stand below each other.
    let of = |module: &str| {
        ["no end".to_owned(), format!("out {module}")]
            .map(|text| format!("{:10} | {text}", format!("{module}/prod")))
    };
    assert_eq!(lines, ["alpha", "beta", "gamma"].map(of).concat());
    assert!(out.stderr().contains("alpha/prod | err\n"), "{out}");
    for event in events.iter().filter(|event| event["event"] == "unit_finished") {
        let log = std::fs::read_to_string(event["log"].as_str().expect("a log")).expect("it is there");
        assert!(log.contains("err\n") && log.ends_with("no end"), "{log:?}");
    }
    assert_eq!(ends(&events)["beta"], end("ok", 0, ""));
    assert_eq!(events.iter().filter(|event| event["event"] == "unit_started").count(), 3);
    // One unit, or one at a time: the streams are the tool's own.
    let (out, events) = run(&a, "-j3 build exec -- beta prod work");
    out.code(0).prints("out beta\nno end");
    assert!(!events.iter().any(|event| event["event"].as_str().unwrap_or_default().starts_with("unit_")));
    let (out, events) = run(&a, "-j1 build exec -- *,!gamma prod work");
    out.code(0).prints("out alpha\nno endout beta\nno end");
    assert_eq!(events.iter().filter(|event| event["event"] == "unit_finished").count(), 2);
    assert!(events.iter().all(|event| event["log"].is_null()));
}

#[test]
fn logs_go_with_their_journals() {
    let world = world("echo $LOCKSTEP_MODULE");
    let a = world.clone("a");
    a.write("lockstep.toml", "[journal]\nkeep = 2\n");
    let runs = a.path(".git/lockstep/runs");
    for _ in 0..3 {
        a.lockstep("build exec -- * prod work").run().code(0);
    }
    let entries = || std::fs::read_dir(&runs).expect("there are journals").count();
    assert_eq!(entries(), 4, "two journals, and the logs of two runs");
    a.write("lockstep.toml", "[journal]\nkeep = 0\n");
    let (out, events) = run(&a, "build exec -- * prod work");
    out.code(0);
    assert!(events.iter().all(|event| event["log"].is_null()), "nothing is kept");
    assert_eq!(entries(), 4);
}

#[test]
fn after_a_failure_nothing_begins_unless_told_to() {
    let world = world("[ $LOCKSTEP_MODULE != alpha ] || exit 3");
    let a = world.clone("a");
    let failed = end("failed", 3, "`work` ended with exit code 3");
    let (out, events) = run(&a, "-j1 build exec -- * prod work");
    out.code(3);
    let skipped = end("skipped", 0, "alpha/prod failed before its turn");
    let all = ends(&events);
    assert_eq!((&all["alpha"], &all["beta"], &all["gamma"]), (&failed, &skipped, &skipped));
    let (out, events) = run(&a, "-j2 --keep-going build exec -- * prod work");
    out.code(3);
    let all = ends(&events);
    assert_eq!((&all["alpha"], &all["beta"], &all["gamma"]), (&failed, &end("ok", 0, ""), &end("ok", 0, "")));
}

#[test]
fn a_failure_beats_changes_and_a_killed_tool_has_failed() {
    let world = world("");
    let a = world.clone("a");
    let tofu = |body: &str| write_script(&world.path("bin"), "tofu", body);
    tofu("[ $LOCKSTEP_MODULE != beta ] || exit 2");
    let (out, events) = run(&a, "-j3 build exec -- * prod tofu plan -detailed-exitcode");
    out.code(2);
    assert_eq!(ends(&events)["beta"], end("changes", 2, ""));
    tofu("case $LOCKSTEP_MODULE in alpha) exit 2;; beta) kill -9 $$;; esac; exit 1");
    let (out, events) = run(&a, "-j3 --keep-going build exec -- * prod tofu plan -detailed-exitcode");
    out.code(137);
    let killed = end("failed", 137, "`tofu plan` was killed by signal 9");
    assert_eq!((&ends(&events)["beta"], ends(&events)["gamma"].1), (&killed, 1));
}

#[test]
fn units_of_one_commit_push_it_once_and_each_gives_its_lock_back() {
    let world = world("true");
    let a = world.clone("a");
    a.write("modules/beta/module.toml", "[lock]\nkeys = [\"shared\"]\n");
    a.write("modules/gamma/module.toml", "[lock]\nkeys = [\"shared\"]\n");
    for round in 0..3 {
        let commit = a.commit_file("notes", &format!("{round}\n"));
        let (out, events) = run(&a, &format!("-j3 {USUAL} -- * prod work"));
        out.code(0);
        assert_eq!(world.origin_at("main"), commit);
        assert!(ends(&events).values().all(|ended| *ended == end("ok", 0, "")));
        for lock in ["alpha/prod", "beta/prod", "gamma/prod", "@1/shared"] {
            assert_eq!(world.lock(lock).expect("a record")["state"], "free", "{lock}");
        }
    }
    let generation = world.lock("@1/shared").expect("a record")["generation"].clone();
    assert_eq!(generation, json!(6), "taken by two units in each of three runs");
}

#[test]
fn a_lock_that_a_failed_unit_keeps_is_not_taken_by_the_next() {
    let world = world("[ $LOCKSTEP_MODULE != alpha ]");
    let a = world.clone("a");
    for module in ["alpha", "beta"] {
        a.publish(&format!("modules/{module}/module.toml"), "[lock]\nkeys = [\"shared\"]\n");
    }
    let (out, events) = run(&a, &format!("-j3 --keep-going {USUAL} -- * prod work"));
    out.code(1);
    let all = ends(&events);
    assert_eq!(all["beta"], end("skipped", 0, "shares a lock with alpha/prod, which keeps it"));
    assert_eq!(all["gamma"], end("ok", 0, ""));
    let state = |lock: &str| world.lock(lock).map(|record| record["state"].clone());
    assert_eq!((state("@1/shared"), state("beta/prod")), (Some(json!("failed")), None));
    // Nothing would give it back before the next unit wants it.
    let out = a.lockstep("lock -- * prod").run();
    out.code(64).says("alpha/prod and beta/prod both take lock `shared`");
}

#[test]
fn a_shared_cache_of_plugins_is_filled_by_one_unit_at_a_time() {
    // Of two at the same time one fails.
    let init = "mkdir WORLD/filling || exit 9; sleep 0.05; rmdir WORLD/filling";
    let world = world(init);
    let a = world.clone("a");
    world.link("rmdir", &find("rmdir"));
    std::fs::rename(world.path("bin/work"), world.path("bin/tofu")).expect("just written");
    let init = a.lockstep("-j3 build tofu:init -- * prod").env("TF_PLUGIN_CACHE_DIR", world.path("cache"));
    init.run().code(0);
}

#[test]
fn a_request_to_end_reaches_every_tool_once_and_begins_nothing() {
    let world = world(WAITS);
    let (a, b) = (world.clone("a"), world.clone("b"));
    let started = |module: &str| world.path(format!("tmp/{module}.started"));
    let mut running = a.lockstep(&format!("-j2 --keep-going {USUAL} -- * prod work")).start();
    running.wait_for(started("alpha"));
    running.wait_for(started("beta"));
    running.signal(Signal::TERM);
    let out = running.finish();
    out.code(1).says("lock `alpha/prod` is kept").says("lock `beta/prod` is kept");
    for module in ["alpha", "beta"] {
        let told = std::fs::read_to_string(world.path(format!("tmp/{module}.signals"))).expect("it was told");
        assert_eq!(told, "TERM\n", "{module}");
    }
    assert!(!started("gamma").exists());
    let state = |module: &str| world.lock_state(&format!("{module}/prod"));
    assert_eq!(["alpha", "beta", "gamma"].map(state), ["failed", "failed", "none"]);
    // What the next ones see is true: whoever it was goes on, and others are kept out.
    let theirs = b.lockstep(&format!("--keep-going {USUAL} -- * prod true")).owner("bob@host2").run();
    theirs.code(75).says("alpha/prod").says("beta/prod").says("ana@host1");
    a.lockstep(&format!("{USUAL} -- * prod true")).run().code(0);
    assert_eq!(["alpha", "beta", "gamma"].map(state), ["free", "free", "free"]);
}

#[test]
fn ctrl_c_on_a_terminal_ends_the_run_although_the_tools_got_it_themselves() {
    let world = world(WAITS);
    let a = world.clone("a");
    let started = |module: &str| world.path(format!("tmp/{module}.started"));
    let words = format!("-j2 --yes --keep-going {USUAL} -- * prod work");
    let mut terminal = Terminal::lockstep(&world, a.dir(), &words.split(' ').collect::<Vec<_>>());
    wait_for_file(started("alpha"));
    wait_for_file(started("beta"));
    terminal.ctrl_c();
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 1", "{screen}");
    let told = |module: &str| std::fs::read_to_string(world.path(format!("tmp/{module}.signals")));
    for module in ["alpha", "beta"] {
        assert_eq!(told(module).expect("it was told"), "INT\n", "{screen}");
    }
    assert!(!started("gamma").exists(), "{screen}");
    assert_eq!(world.lock_state("gamma/prod"), "none");
}

#[test]
fn a_command_that_may_ask_has_the_terminal_and_the_others_wait() {
    let world = world("");
    let a = world.clone("a");
    write_script(
        &world.path("bin"),
        "tofu",
        "echo \"$LOCKSTEP_MODULE? \"; read answer; [ \"$answer\" = yes ]",
    );
    let words = ["-j3", "build", "exec", "--", "*", "prod", "tofu", "apply"];
    let mut terminal = Terminal::lockstep(&world, a.dir(), &words);
    terminal.wait_for("Run `tofu apply` for these 3 units? [y/N]");
    assert!(
        terminal.screen().contains("  alpha/prod\r\n  beta/prod\r\n  gamma/prod"),
        "{}",
        terminal.screen()
    );
    assert!(!a.has(".dist"), "nothing is done before the answer");
    terminal.types("y\n");
    for module in ["alpha", "beta", "gamma"] {
        terminal.wait_for(&format!("{module}? "));
        let after = ["beta", "gamma"].iter().filter(|other| **other > module);
        for other in after {
            assert!(!terminal.screen().contains(&format!("{other}? ")), "{}", terminal.screen());
        }
        terminal.types("yes\n");
    }
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
    assert!(screen.contains("`tofu apply` may ask for something: the units run one at a time"), "{screen}");
    assert!(!screen.contains("alpha/prod | "), "{screen}");
}

#[test]
fn whoever_says_no_has_done_nothing() {
    let world = world("true");
    let a = world.clone("a");
    for answer in ["n\n", "\n", "\u{4}"] {
        let mut terminal = Terminal::lockstep(&world, a.dir(), &["build", "exec", "--", "*", "prod", "work"]);
        terminal.wait_for("Run `work` for these 3 units? [y/N]");
        terminal.types(answer);
        let (status, screen) = terminal.finish();
        assert_eq!(status, "exit 130", "{screen}");
        assert!(screen.contains("nothing was done"), "{screen}");
        assert!(!a.has(".dist") && !a.has(".git/lockstep/runs"), "{screen}");
    }
    // What only builds or looks is not asked about, nor is anybody without a terminal.
    let mut terminal = Terminal::lockstep(&world, a.dir(), &["build", "--", "*", "prod"]);
    terminal.wait_for("written");
    assert_eq!(terminal.finish().0, "exit 0");
    a.lockstep("build exec -- * prod work").run().code(0);
}

#[test]
fn after_kill_9_the_tools_keep_their_locks_until_they_end() {
    let world = world(WAITS);
    let (a, b) = (world.clone("a"), world.clone("b"));
    let mut running = a.lockstep(&format!("-j2 {USUAL} -- * prod work")).start();
    for module in ["alpha", "beta"] {
        running.wait_for(world.path(format!("tmp/{module}.started")));
    }
    let _ = running.kill();
    let state = |module: &str| world.lock_state(&format!("{module}/prod"));
    assert_eq!(["alpha", "beta", "gamma"].map(state), ["held", "held", "none"]);
    let again = || a.lockstep(&format!("--keep-going {USUAL} -- *,!gamma prod true")).run();
    // Its tools live: neither the owner nor anybody else gets the locks, nor the directories.
    again().code(75).says("still lives on this host");
    b.lockstep(&format!("{USUAL} -- beta prod true")).owner("bob@host2").run().code(75).says("ana@host1");
    std::fs::write(world.path("tmp/go"), "").expect("the world is writable");
    wait_until("the tools to end", || again().status.code() == Some(0));
    assert_eq!(["alpha", "beta"].map(state), ["free", "free"]);
}

#[test]
fn only_what_is_affected_is_run() {
    let world = world("echo $LOCKSTEP_MODULE");
    let a = world.clone("a");
    let nothing = a.lockstep("--affected build exec -- * prod work").run();
    nothing.code(0).prints("").says("nothing to do: none of the 3 selected units is affected");
    assert!(!a.has(".dist"));
    a.write("modules/beta/more", "x\n");
    a.lockstep("--affected build exec -- * prod work").run().code(0).prints("beta\n");
    a.lockstep("--affected=HEAD build exec -- *,!beta prod work").run().code(0).prints("");
    a.lockstep("--affected=gone build exec -- * prod work").run().code(64).says("there is no commit `gone`");
}

#[test]
fn too_many_units_are_refused_before_anything_is_done() {
    let world = world("true");
    let a = world.clone("a");
    let out = a.lockstep("--max-units 2 build exec -- * prod work").run();
    out.code(64).says("3 units are selected, and --max-units allows 2");
    assert!(!a.has(".dist"));
    a.lockstep("--max-units 2 build exec -- *,!beta prod work").run().code(0);
}

#[test]
fn after_ctrl_c_what_never_began_is_said_to_be_so_for_that() {
    let world = world(WAITS);
    let a = world.clone("a");
    let events = a.path("../events");
    let mut run = a.lockstep("-j1 --events").arg(&events).words("build exec -- * prod work").start();
    run.wait_for(world.path("tmp/alpha.started"));
    run.signal(Signal::INT);
    let out = run.finish();
    out.code(1).says("the run was interrupted (SIGINT)").never_says("failed before its turn");
    let text = std::fs::read_to_string(&events).expect("events were asked for");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let all = ends(&events);
    assert_eq!(all["alpha"], end("failed", 1, "`work` ended with exit code 1"));
    let skipped = end("skipped", 0, "the run was interrupted (SIGINT)");
    assert_eq!((&all["beta"], &all["gamma"]), (&skipped, &skipped));
}
