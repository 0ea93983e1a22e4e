//! The run journal under `.git/lockstep/runs/`.

use serde_json::Value;

use crate::harness::World;

fn events(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_run_leaves_one_with_its_version_its_events_and_its_end() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(3);
    a.alias("tofu apply").run().code(3);
    let journals = a.journals();
    assert_eq!(journals.len(), 1, "{journals:?}");
    let events = events(&journals[0]);
    assert!(events[0].to_string().contains("version") || events[0].get("journal").is_some(), "{}", events[0]);
    let finished = events.last().expect("events");
    assert_eq!((finished["event"].as_str(), finished["code"].as_u64()), (Some("run_finished"), Some(3)));
    assert_eq!(a.git("status --porcelain"), "");
}

#[test]
fn they_are_bounded_in_number() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("lockstep.toml", "[journal]\nkeep = 3\n");
    for _ in 0..6 {
        a.lockstep("build -- alpha prod").run().code(0);
    }
    assert_eq!(a.journals().len(), 3);
}

#[test]
fn a_run_that_is_killed_leaves_what_it_had_done() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.waits();
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    assert_eq!(run.kill().status.code(), None);
    tool.let_go();
    let kinds: Vec<_> =
        events(&a.journals()[0]).iter().filter_map(|e| e["event"].as_str().map(str::to_owned)).collect();
    assert_eq!(kinds.last().map(String::as_str), Some("command_started"), "{kinds:?}");
}

#[test]
fn a_journal_that_cannot_be_written_stops_nothing() {
    let world = World::new();
    let a = world.clone("a");
    a.write(".git/lockstep/runs", "a file where the directory should be\n");
    a.lockstep("build -- alpha prod").run().code(0);
}

#[test]
fn worktrees_share_one_place() {
    let world = World::new();
    let a = world.clone("a");
    a.git("worktree add -q ../tree -b tree origin/main");
    crate::harness::Checkout::at(&world, "tree").lockstep("build -- alpha prod").run().code(0);
    assert_eq!(a.journals().len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn events_that_cannot_be_written_are_told_and_hide_no_failure() {
    let world = World::new();
    let a = world.clone("a");
    let told = "cannot write events to `/dev/full`: No space left on device";
    let tofu = world.tool("tofu");
    let run = |words: &str| a.lockstep("--events /dev/full").words(words).run();
    run("build -- alpha prod").code(74).says(told);
    tofu.exits(0);
    run("build exec -- alpha prod tofu plan").code(74).says(told);
    tofu.exits(2);
    run("build exec -- alpha prod tofu plan -detailed-exitcode").code(74).says(told);
    tofu.exits(3);
    run("build exec -- alpha prod tofu plan").code(3).says(told);
    assert_eq!(a.journals().len(), 4, "the runs themselves were whole");
}
