//! lockstep over real remotes: smart HTTP and ssh, whole and broken.

mod credentials;
mod http;
mod http_faults;
mod killed_server;
mod ssh;
mod ssh_shared;

use serde_json::json;

use crate::harness::{Checkout, Output, Running, World};

/// What the usual alias must have done with a commit.
#[track_caller]
fn assert_applied(world: &World, commit: &str) {
    assert_eq!(world.origin_at("main"), commit);
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(commit)));
}

/// A run that holds the lock while its tool waits, and another owner who wants it meanwhile.
fn refuses_a_contender(world: &World) {
    let (a, b) = (world.clone("a"), world.clone("b"));
    let tool = world.tool("holder");
    tool.waits();
    world.tool("tofu");
    let mut run = a.alias("holder apply").start();
    run.wait_for(tool.started());
    let out = b.alias("tofu apply").owner("bob@host2").run();
    out.code(75).says("ana@host1").says("holder");
    assert_eq!(world.called(), ["holder"]);
    tool.let_go();
    run.finish().code(0);
    b.alias("tofu apply").owner("bob@host2").run().code(0);
    assert_applied(world, &b.head());
}

/// Processes in clones of their own, each with a commit to push, race for the lock: in each round
/// one wins, its commit is pushed, and the others are told who holds it.
fn races(world: &World, runs: usize, rounds: usize) {
    let origin = world.origin().display().to_string();
    // Made by file, which is quicker: only the runs are what matters here.
    let clone = |n: usize| {
        let name = format!("clone{n}");
        world.git_args(&world.path("tmp"), &["clone", "-q", &origin, &format!("../{name}")]);
        let clone = Checkout::at(world, &name);
        world.git_args(clone.dir(), &["remote", "set-url", "origin", &world.url()]);
        clone
    };
    let clones: Vec<_> = (0..runs).map(clone).collect();
    for round in 1..=rounds {
        let go = world.sign(&format!("go{round}"));
        world.tool("tofu").does(json!([{ "await": go }]));
        let start = |(n, clone): (usize, &Checkout<'_>)| {
            world.git_args(clone.dir(), &["fetch", "-q", &origin, "main"]);
            clone.git("reset -q --hard FETCH_HEAD");
            clone.commit_file("winner", &format!("{n} in round {round}\n"));
            clone.alias("tofu apply").owner(&format!("owner{n}@host{n}")).start()
        };
        let mut all: Vec<Running> = clones.iter().enumerate().map(start).collect();
        crate::harness::wait_until("all but the winner to end", || {
            all.iter_mut().filter_map(|r| r.has_ended().then_some(())).count() >= runs - 1
        });
        std::fs::write(&go, "").expect("the world is writable");
        let ends: Vec<Output> = all.into_iter().map(Running::finish).collect();
        let (won, lost): (Vec<_>, Vec<_>) =
            ends.iter().enumerate().partition(|(_, out)| out.status.success());
        let [(winner, _)] = won[..] else { panic!("{} winners", won.len()) };
        for (_, loser) in lost {
            loser.code(75).says(&format!("owner{winner}@host{winner}"));
        }
        assert_applied(world, &clones[winner].head());
        assert_eq!(world.calls().len(), round, "one tool a round");
        assert_eq!(world.lock("alpha/prod").expect("a record")["generation"], json!(round));
    }
}
