//! Interrupts: a terminal's Ctrl-C, signals to lockstep alone, and what they leave behind.

use std::io::Write as _;

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{ALIAS, EventGate, Terminal, World, find, snap, wait_for_file};

fn words(command: &str) -> Vec<String> {
    format!("{ALIAS} {command}").split_whitespace().map(str::to_owned).collect()
}

fn on_terminal(world: &World, dir: &std::path::Path, command: &str) -> Terminal {
    let words = words(command);
    Terminal::lockstep(world, dir, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn sigterm_to_lockstep_reaches_the_tool_once() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.does(json!([
        { "trap": ["SIGTERM", "SIGHUP", "SIGINT"] }, { "touch": tool.started() },
        { "await_signal": "SIGHUP" }, { "exit": 4 }
    ]));
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    run.signal(Signal::TERM);
    tool.wait_for_signal("SIGTERM");
    run.signal(Signal::TERM);
    run.signal(Signal::INT);
    tool.wait_for_signal("SIGINT");
    run.signal(Signal::HUP);
    let out = run.finish();
    out.code(4);
    assert_eq!(tool.signals(), ["SIGTERM", "SIGINT", "SIGHUP"], "each once");
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    snap!(out);
}

/// As a job in a container may have it: no process that it can see leads its session.
#[test]
#[cfg(target_os = "linux")]
fn in_a_session_whose_leader_cannot_be_seen_all_is_as_ever() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.does(json!([{ "trap": ["SIGTERM"] }, { "touch": tool.started() }, { "await_signal": "SIGTERM" }, { "exit": 3 }]));
    world.link("unshare", &find("unshare"));
    let namespace = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "sh", "-c"];
    let apart = |script: &str| world.program("unshare", a.dir()).args(namespace).arg(script);
    let probe = apart("true").run();
    if probe.status.code() != Some(0) {
        let why = probe.stderr();
        let _ = writeln!(std::io::stderr(), "\na test in a namespace of processes is skipped: {why}");
        return;
    }
    // Process numbers of the namespace are nobody's out here: it is in there that the signal is sent.
    let script = "started=$0; \"$@\" & until [ -e \"$started\" ] || ! kill -0 $!; do sleep 0.01; done
        kill -TERM $!; wait $!; exit $?";
    let run = apart(script).arg(tool.started()).arg(env!("CARGO_BIN_EXE_lockstep"));
    run.words(&format!("{ALIAS} tofu apply")).run().code(3);
    assert_eq!(tool.signals(), ["SIGTERM"], "once");
    assert_eq!(world.lock_state("alpha/prod"), "failed");
}

#[test]
fn lockstep_outlives_a_tool_that_ends_by_the_signal() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.waits();
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    run.signal(Signal::TERM);
    let out = run.finish();
    out.code(143);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    snap!(out);
}

#[test]
fn a_tool_that_ends_well_in_spite_of_the_signal_is_released() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.does(json!([{ "trap": ["SIGTERM"] }, { "touch": tool.started() }, { "await_signal": "SIGTERM" }]));
    let commit = a.commit_file("notes", "x\n");
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    run.signal(Signal::TERM);
    run.finish().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    assert_eq!(world.origin_at("main"), commit);
}

#[test]
fn interrupted_before_a_command_the_lock_is_given_back() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    // The remote has taken the lock's record and keeps the client waiting.
    world.origin_hook(
        "post-receive",
        "[ -e \"$WORLD/tmp/reached\" ] && exit 0\ntouch \"$WORLD/tmp/reached\"\n\
         while [ ! -e \"$WORLD/tmp/go\" ]; do sleep 0.01; done\n",
    );
    let mut run = a.alias("tofu apply").start();
    run.wait_for(world.sign("reached"));
    assert_eq!(world.lock_state("alpha/prod"), "held");
    run.signal(Signal::INT);
    std::fs::write(world.sign("go"), "").expect("the world is writable");
    let out = run.finish();
    out.code(130);
    assert!(world.called().is_empty());
    assert_eq!(world.lock_state("alpha/prod"), "free");
    assert_eq!(world.lock("alpha/prod").expect("a record")["act"], "given_back");
    snap!(out);
}

#[test]
fn ctrl_c_on_a_terminal_is_never_sent_on_a_second_time() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    // In a group of its own the tool does not get the terminal's signal: what it gets was sent on.
    // (Were it in the same group, two signals close together might be one.)
    tool.does(json!([
        { "own_group": true }, { "trap": ["SIGINT", "SIGTERM"] }, { "touch": tool.started() },
        { "await_signal": "SIGTERM" }, { "exit": 1 }
    ]));
    let mut terminal = on_terminal(&world, a.dir(), "tofu apply");
    wait_for_file(tool.started());
    terminal.ctrl_c();
    // The terminal shows it after it has sent the signal.
    terminal.wait_for("^C");
    // A signal to lockstep alone comes after whatever it did with the first.
    let lockstep = world.calls()[0].log["parent"].as_u64().expect("a pid");
    let lockstep = rustix::process::Pid::from_raw(i32::try_from(lockstep).expect("a pid")).expect("a pid");
    rustix::process::kill_process(lockstep, Signal::TERM).expect("it waits for its tool");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 1", "{screen}");
    assert_eq!(tool.signals(), ["SIGTERM"], "{screen}");
    assert_eq!(world.lock_state("alpha/prod"), "failed");
}

#[test]
fn ctrl_c_that_ends_the_tool_keeps_the_lock_and_says_so() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.does(json!([{ "trap": ["SIGINT"] }, { "touch": tool.started() }, { "await_signal": "SIGINT" }, { "exit": 1 }]));
    let mut terminal = on_terminal(&world, a.dir(), "tofu apply");
    wait_for_file(tool.started());
    terminal.ctrl_c();
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 1", "{screen}");
    assert_eq!(tool.signals(), ["SIGINT"]);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    assert!(screen.contains("lock"), "{screen}");
}

#[test]
fn the_tool_has_the_terminal_to_itself() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    let answer = world.sign("answer");
    tool.does(json!([{ "print": "Do you want to? " }, { "read_line": answer }, { "print": "done\n" }]));
    let mut terminal = on_terminal(&world, a.dir(), "tofu apply");
    terminal.wait_for("Do you want to? ");
    terminal.types("yes\n");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
    assert_eq!(std::fs::read_to_string(answer).expect("saved"), "yes\n");
    assert_eq!(world.calls()[0].log["tty"], json!([true, true, true]));
    let (before, after) = screen.split_once("Do you want to? ").expect("it was there");
    assert!(after.starts_with("yes\r\ndone\r\n"), "nothing of ours comes between\n{before}|{after}");
}

#[test]
fn ctrl_z_stops_both_and_fg_continues_with_the_lock_verified() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let tool = world.tool("tofu");
    tool.waits();
    let commit = a.commit_file("notes", "x\n");
    let mut terminal = on_terminal(&world, a.dir(), "tofu apply");
    wait_for_file(tool.started());
    terminal.ctrl_z();
    // While it sleeps, somebody takes the lock away.
    b.lockstep("--reason asleep unlock-any -- alpha prod").owner("bob@host2").run().code(0);
    tool.let_go();
    terminal.foreground();
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 76", "{screen}");
    assert_ne!(world.origin_at("main"), commit);
}

/// The tool's end and the news of the stop come at once then, and a thread would be too late with the news.
#[test]
#[cfg(target_os = "linux")]
fn no_further_command_starts_after_a_stop_in_which_tool_and_lock_were_lost() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (first, second) = (world.tool("first"), world.tool("second"));
    second.exits(0);
    for _ in 0..10 {
        first.waits();
        let words = "build git-check lock first: exec git-push unlock-any -- alpha prod second";
        let mut run = a.lockstep(words).start();
        run.wait_for(first.started());
        run.signal(Signal::STOP);
        first.let_go();
        let stat = format!("/proc/{}/stat", world.calls().last().expect("it runs").pid());
        // Until it has ended and waits to be reaped.
        while !std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z ")) {
            std::thread::yield_now();
        }
        b.lockstep("--reason asleep unlock-any -- alpha prod").owner("bob@host2").run().code(0);
        run.signal(Signal::CONT);
        run.finish().code(76);
        assert!(world.called().iter().all(|call| !call.starts_with("second")), "{:?}", world.called());
        std::fs::remove_file(first.started()).expect("it ran");
        std::fs::remove_file(first.go()).expect("it was let go");
    }
}

#[test]
fn a_stopped_run_that_still_holds_its_lock_goes_on() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.waits();
    let mut terminal = on_terminal(&world, a.dir(), "tofu apply");
    wait_for_file(tool.started());
    terminal.ctrl_z();
    tool.let_go();
    terminal.foreground();
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn the_reason_of_an_eviction_is_asked_for_on_a_terminal() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu").exits(1);
    a.alias("tofu apply").owner("bob@host2").run().code(1);
    let mut terminal = Terminal::lockstep(&world, b.dir(), &["unlock-any", "--", "alpha", "prod"]);
    terminal.wait_for("bob@host2");
    terminal.types("he is on holiday\n");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
    assert_eq!(world.lock("alpha/prod").expect("a record")["reason"], "he is on holiday");
}

#[test]
fn signals_that_were_ignored_stay_ignored() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    // As nohup does it.
    let line = format!("trap '' HUP; exec lockstep {ALIAS} tofu apply");
    world.program("sh", a.dir()).args(["-c", &line]).run().code(0);
    assert_eq!(world.calls()[0].log["ignored"], json!(["SIGHUP"]));
}

#[test]
fn a_closed_terminal_lets_the_tool_end_and_keeps_the_record_straight() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.does(json!([{ "trap": ["SIGHUP"] }, { "touch": tool.started() }, { "await_signal": "SIGHUP" }, { "exit": 1 }]));
    let mut terminal = on_terminal(&world, a.dir(), "tofu apply");
    wait_for_file(tool.started());
    terminal.hang_up();
    crate::harness::wait_until("the record of the failure", || world.lock_state("alpha/prod") == "failed");
    assert_eq!(tool.signals(), ["SIGHUP"]);
}

#[test]
fn asked_to_end_between_two_commands_the_code_says_that_one_has_run() {
    let steps = "build lock tofu:apply tofu:apply unlock -- alpha prod";
    let begin = |world: &World| {
        world.tool("tofu");
        EventGate::start(|fd| world.clone("a").lockstep(&format!("--events {fd} {steps}")))
    };
    let world = World::new();
    let (_, events) = begin(&world).finish();
    let ended = events.iter().position(|event| event["event"] == "command_finished").expect("it is told");
    let world = World::new();
    let mut gate = begin(&world);
    gate.hold_at(ended);
    gate.signal(Signal::INT);
    let (out, _) = gate.finish();
    out.code(80).says("stopped by SIGINT after a command had run").never_says("need not run again");
    assert_eq!((world.called().len(), world.lock_state("alpha/prod")), (1, "failed".to_owned()));
}
