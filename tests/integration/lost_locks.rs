//! Lock refs that the remote has lost: a mirror push, a restored backup.

use crate::harness::{Checkout, World};

/// The remote loses all that it knew of locks, and the last commit.
fn lose(world: &World, repo: &Checkout<'_>) -> String {
    let applied = repo.head();
    for name in world.origin_refs("refs/lockstep") {
        let name = name.split_whitespace().last().expect("a name").to_owned();
        world.git(&world.origin(), &format!("update-ref -d {name}"));
    }
    world.git(&world.origin(), "update-ref refs/heads/main main~1");
    repo.git("reset -q --hard HEAD~1");
    repo.git("fetch -q");
    applied
}

#[test]
fn a_lock_that_the_remote_has_lost_is_refused_once_and_then_gone_on_from() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.commit_file("notes", "x\n");
    a.alias("tofu apply").run().code(0);
    a.alias("tofu apply").run().code(0);
    let generation = world.lock("alpha/prod").expect("there is a record")["generation"].as_u64().unwrap();
    let applied = lose(&world, &a);
    let out = a.alias("tofu apply").run();
    out.code(78).says("lock `alpha/prod` is gone from").says(&format!("generation {generation}"));
    out.says("mirror push");
    // What it knows of what was applied counts, though the remote has forgotten it.
    a.alias("tofu apply").run().code(77).says(&applied);
    assert_eq!(world.called().len(), 2);
    a.git(&format!("reset -q --hard {applied}"));
    a.alias("tofu apply").run().code(0);
    let record = world.lock("alpha/prod").expect("there is a record");
    assert_eq!(record["generation"].as_u64(), Some(generation + 1));
    assert_eq!(record["applied"].as_str(), Some(&*applied));
    // From then on it is a lock like any other, also to a clone that has seen nothing.
    a.alias("tofu apply").run().code(0);
    world.clone("b").alias("tofu apply").owner("bob@host2").run().code(0);
}

#[test]
fn a_chain_that_was_begun_anew_by_a_clone_that_knew_nothing_is_not_believed_either() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.commit_file("notes", "x\n");
    a.alias("tofu apply").run().code(0);
    a.alias("tofu apply").run().code(0);
    lose(&world, &a);
    world.clone("b").alias("tofu apply").owner("bob@host2").run().code(0);
    a.alias("tofu apply").run().code(78).says("is gone from");
    a.alias("tofu apply").run().code(77);
}

#[test]
fn the_hint_puts_a_lost_lock_back() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    let record = world.lock("alpha/prod");
    world.git(&world.origin(), "update-ref -d refs/lockstep/locks/alpha/prod");
    let out = a.alias("tofu apply").run();
    out.code(78);
    let command = out.offered_commands().into_iter().find(|line| line.starts_with("git push --no-verify"));
    a.git(command.expect("it is offered").strip_prefix("git ").expect("a command of git"));
    assert_eq!(world.lock("alpha/prod"), record);
    a.alias("tofu apply").run().code(0);
}

#[test]
fn another_prefix_or_a_first_look_is_no_loss() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    b.alias("tofu apply").owner("bob@host2").run().code(0);
    a.publish("lockstep.toml", "[lock.git]\nprefix = \"refs/other/locks\"\n");
    a.alias("tofu apply").run().code(0).never_says("gone");
    b.git("pull -q");
    b.alias("tofu apply").owner("bob@host2").run().code(0).never_says("gone");
}

const LOCK: &str = "refs/lockstep/locks/alpha/prod";

/// Two changes, and the remote set back to the record of the first while it ran; the commits of both.
fn set_back(world: &World, a: &Checkout<'_>) -> (String, String) {
    world.tool("tofu");
    let first = a.commit_file("modules/alpha/v1.tf", "v1\n");
    a.alias("tofu apply").run().code(0);
    let held = world.git(&world.origin(), &format!("rev-parse {LOCK}~1"));
    let second = a.commit_file("modules/alpha/v2.tf", "v2\n");
    a.alias("tofu apply").run().code(0);
    world.git(&world.origin(), &format!("update-ref {LOCK} {}", held.trim()));
    (first, second)
}

#[test]
fn what_a_clone_knows_outlives_an_eviction_from_a_chain_that_was_set_back() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (first, second) = set_back(&world, &a);
    let known = 2;
    a.alias("tofu apply").run().code(78).says("is gone from").says("generation 2");
    // It is held, as far as the remote knows, by a run of long ago.
    a.alias("tofu apply").run().code(75).says("unlock-any");
    a.lockstep("--reason old unlock-any -- alpha prod").run().code(0);
    let record = world.lock("alpha/prod").expect("there is a record");
    assert_eq!(record["generation"].as_u64(), Some(known + 1));
    assert_eq!(record["applied"].as_str(), Some(&*second));
    b.git(&format!("fetch -q origin {first}"));
    b.git(&format!("reset -q --hard {first}"));
    world.git(&world.origin(), &format!("update-ref refs/heads/main {first}"));
    b.alias("tofu apply").owner("bob@host2").run().code(77).says(&second[..10]);
}

#[test]
fn an_eviction_and_a_freeze_are_refused_once_where_a_chain_was_lost() {
    for words in ["--reason why unlock-any -- alpha prod", "freeze --reason why alpha/prod"] {
        let world = World::new();
        let a = world.clone("a");
        let (_, second) = set_back(&world, &a);
        if words.starts_with("freeze") {
            world.git(&world.origin(), &format!("update-ref -d {LOCK}"));
        }
        a.lockstep(words).run().code(78).says("is gone from").says("git push --no-verify");
        a.lockstep(words).run().code(0);
        let record = world.lock("alpha/prod").expect("there is a record");
        assert_eq!(record["generation"].as_u64(), Some(3), "{words}");
        assert_eq!(record["applied"].as_str(), Some(&*second), "{words}");
    }
}
