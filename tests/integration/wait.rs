//! Waiting for a lock: who waits is told for whom, gets it when it is free, proves again what the
//! wait has made old, and leaves at once when he is asked to.

use rustix::process::Signal;

use crate::harness::{ALIAS, Checkout, Cmd, Running, Terminal, Tool, World, snap, wait_until};

const BOB: &str = "bob@host2";

/// A run in `repo` that holds the lock while its tool waits.
fn holding(repo: &Checkout<'_>, world: &World) -> (Running, Tool) {
    let tool = world.tool("holder");
    tool.waits();
    let mut run = repo.alias("holder apply").start();
    run.wait_for(tool.started());
    (run, tool)
}

/// Bob's usual pipeline, which waits so long.
fn waiting<'w>(repo: &Checkout<'w>, limit: &str) -> Cmd<'w> {
    repo.lockstep(&format!("--wait {limit} {ALIAS} tofu apply")).owner(BOB)
}

#[test]
fn who_waits_gets_the_lock_when_it_is_given_back() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (run, tool) = holding(&a, &world);
    world.tool("tofu");
    let mut bob = waiting(&b, "10m").start();
    bob.wait_for_text("by `ana@host1` (holder)");
    assert!(!world.called().contains(&"tofu".to_owned()));
    tool.let_go();
    run.finish().code(0);
    let out = bob.finish();
    out.code(0)
        .prints("")
        .says("waiting for lock `alpha/prod`, ")
        .says(" left: held ")
        .says("taken after waiting");
    assert_eq!(out.stderr().matches("waiting for lock").count(), 1, "one line at the start: {out}");
    assert_eq!(world.called(), ["holder", "tofu"]);
    let owners: Vec<_> = world.lock_history("alpha/prod").iter().map(|r| r["owner"].clone()).collect();
    assert_eq!(owners, [BOB, BOB, "ana@host1", "ana@host1"]);
}

#[test]
fn who_need_not_wait_is_told_nothing_of_it() {
    let world = World::new();
    let b = world.clone("b");
    world.tool("tofu");
    waiting(&b, "10m").run().code(0).never_says("wait");
}

#[test]
fn when_the_time_is_over_the_holder_is_named() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (run, tool) = holding(&a, &world);
    world.tool("tofu");
    let out = waiting(&b, "2s").run();
    out.code(75).says("waiting for lock").says("waited 2s for the lock in vain").says("ana@host1");
    waiting(&b, "0s").run().code(75).never_says("waiting").never_says("waited");
    assert!(!world.called().contains(&"tofu".to_owned()));
    tool.let_go();
    run.finish().code(0);
}

#[test]
fn a_request_to_end_ends_the_wait_and_leaves_nothing() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (run, tool) = holding(&a, &world);
    world.tool("tofu");
    for signal in [Signal::INT, Signal::TERM] {
        let mut bob = waiting(&b, "1h").start();
        bob.wait_for_text("waiting for lock");
        bob.signal(signal);
        bob.finish().code(130).says("interrupted before a command ran");
    }
    let alive = std::fs::read_dir(world.path("home/.local/state/lockstep/alive"))
        .map(|entries| {
            let names = entries.map(|e| e.expect("readable").file_name().into_string().expect("a name"));
            names
                .filter_map(|name| name.get(..32).map(str::to_owned))
                .collect::<std::collections::BTreeSet<_>>()
        })
        .unwrap_or_default();
    assert!(alive.len() <= 1, "only the holder's is left: {alive:?}");
    tool.let_go();
    run.finish().code(0);
    assert_eq!(world.lock("alpha/prod").expect("a record")["generation"], 1);
    assert_eq!(world.called(), ["holder"]);
}

#[test]
fn times_and_holder_are_seen_on_a_narrow_terminal_however_long_its_name_is() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let owner = "github:acme/infrastructure:1234567:apply-prod";
    a.lockstep("build lock true: -- alpha prod").owner(owner).run().code(0);
    world.tool("tofu");
    let line = format!("stty cols 80; exec lockstep --wait 59m {ALIAS} tofu apply");
    world.link("stty", &crate::harness::find("stty"));
    let mut terminal = Terminal::program(&world, &world.path("bin/sh"), b.dir(), &["-c", &line]);
    terminal.wait_for("waiting for lock `alpha/prod`, 5");
    terminal.wait_for(" left: held ");
    terminal.wait_for(" by `github:");
    assert!(!terminal.screen().contains("apply-prod"), "it is cut: {}", terminal.screen());
    terminal.ctrl_c();
    let (end, screen) = terminal.finish();
    assert_eq!(end.trim(), "exit 130", "{screen}");
}

#[test]
fn on_a_terminal_there_is_one_line_and_ctrl_c_leaves() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (run, tool) = holding(&a, &world);
    world.tool("tofu");
    let line = format!("--wait 1h {ALIAS} tofu apply");
    let args: Vec<&str> = line.split(' ').collect();
    // The same owner, in another clone: his first run lives.
    let mut terminal = Terminal::lockstep(&world, b.dir(), &args);
    terminal.wait_for("by `ana@host1`");
    // It is drawn again at the next look, in its own place.
    let drawn = |terminal: &Terminal| terminal.screen().matches("waiting for lock").count();
    wait_until("the line to be drawn again", || drawn(&terminal) > 1);
    assert!(!terminal.screen().contains("left\r\n"), "{}", terminal.screen());
    terminal.ctrl_c();
    let (end, screen) = terminal.finish();
    assert_eq!(end.trim(), "exit 130", "{screen}");
    tool.let_go();
    run.finish().code(0);
    assert_eq!(world.called(), ["holder"]);
}

#[test]
fn a_branch_that_moved_during_the_wait_is_refused_by_the_same_check() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    a.commit_file("modules/alpha/main.tf", "newer\n");
    let (run, tool) = holding(&a, &world);
    world.tool("tofu");
    let mut bob = waiting(&b, "10m").start();
    bob.wait_for_text("waiting for lock");
    tool.let_go();
    run.finish().code(0);
    let out = bob.finish();
    out.code(77).says("1 commit behind").says("git pull --rebase");
    assert_eq!(world.called(), ["holder"]);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    assert_eq!(world.lock("alpha/prod").expect("a record")["owner"], "ana@host1");
}

#[test]
fn what_changes_here_during_the_wait_is_not_applied() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (run, tool) = holding(&a, &world);
    world.tool("tofu");
    let mut committed = waiting(&b, "10m").start();
    committed.wait_for_text("waiting for lock");
    let c = world.clone("c");
    let mut unchecked =
        c.lockstep("--wait 10m build lock exec unlock -- alpha prod tofu apply").owner(BOB).start();
    unchecked.wait_for_text("waiting for lock");
    let d = world.clone("d");
    let mut edited = waiting(&d, "10m").start();
    edited.wait_for_text("waiting for lock");
    b.commit_file("modules/alpha/main.tf", "newer\n");
    c.commit_file("modules/alpha/main.tf", "newer\n");
    d.write("modules/alpha/main.tf", "newer\n");
    tool.let_go();
    run.finish().code(0);
    let out = committed.finish();
    out.code(77).says("while this run was under way").says("run the same again");
    unchecked.finish().code(77).says("while this run was under way");
    edited.finish().code(77).says("changed and not committed");
    assert_eq!(world.called(), ["holder"]);
}

#[test]
fn a_change_of_holder_is_told_and_an_eviction_frees() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("holder").exits(1);
    a.alias("holder apply").run().code(1);
    world.tool("tofu");
    let mut bob = waiting(&b, "10m").start();
    bob.wait_for_text(" left: failed ");
    a.lockstep("unlock-any -- alpha prod").run().code(0);
    bob.finish().code(0);
    assert_eq!(world.called(), ["holder", "tofu"]);
}

#[test]
fn several_wait_and_each_has_its_turn() {
    let world = World::new();
    let a = world.clone("a");
    let (run, tool) = holding(&a, &world);
    world.tool("tofu");
    let clones: Vec<_> = (0..4).map(|n| world.clone(&format!("clone{n}"))).collect();
    let mut runs: Vec<_> =
        (0..4).map(|n| waiting(&clones[n], "10m").owner(&format!("o{n}@h{n}")).start()).collect();
    for run in &mut runs {
        run.wait_for_text("waiting for lock");
    }
    tool.let_go();
    run.finish().code(0);
    for run in runs {
        run.finish().code(0);
    }
    assert_eq!(world.lock("alpha/prod").expect("a record")["generation"], 5);
}

#[test]
fn in_ci_the_refusal_tells_how_to_wait() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (run, tool) = holding(&a, &world);
    world.tool("tofu");
    let out = b.alias("tofu apply").owner(BOB).env("CI", "true").run();
    out.code(75).says("--wait");
    snap!(out);
    b.alias("tofu apply").owner(BOB).run().code(75).never_says("--wait");
    tool.let_go();
    run.finish().code(0);
}

#[test]
fn a_wait_that_makes_no_sense_is_refused() {
    let world = World::new();
    let b = world.clone("b");
    let out = b.lockstep("--wait 10 lock true: unlock -- alpha prod").run();
    out.code(64);
    snap!("no_length_of_time", out);
    let out = b.lockstep("--wait 10m build true: -- alpha prod").run();
    out.code(64);
    snap!("nothing_to_wait_for", out);
}
