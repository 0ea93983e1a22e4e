//! Locks that move from one git remote to another, with the project or without it.

use serde_json::{Value, json};

use crate::connections::words;
use crate::harness::{Checkout, Output, World, connections, write_script};

const BOB: &str = "bob@host2";

/// A clone whose branch is on a second remote by now, and whose locks are there and on `origin`.
fn moved<'w>(world: &'w World, name: &str) -> Checkout<'w> {
    let second = world.path("second.git");
    let is_new = !second.exists();
    if is_new {
        world.git_args(&world.path("tmp"), &["clone", "-q", "--bare", &world.url(), "../second.git"]);
    }
    let clone = world.clone(name);
    clone.git(&format!("remote add second file://{}", second.display()));
    clone.git("fetch -q second");
    clone.git("branch -q -u second/main");
    if is_new {
        clone.publish(
            "lockstep.toml",
            "[lock.git]\nremote = \"second\"\n[lock.former.git]\nremote = \"origin\"\n",
        );
    } else {
        clone.git("pull -q");
    }
    clone
}

fn apply(repo: &Checkout<'_>, owner: &str) -> Output {
    repo.alias("tofu apply").owner(owner).run()
}

/// The last record of a lock on the second remote.
fn second_lock(world: &World, unit: &str) -> Option<Value> {
    let name = format!("refs/lockstep/locks/{unit}");
    let refs = world.git(&world.path("second.git"), "for-each-ref --format=%(refname)");
    refs.lines().find(|found| **found == *name)?;
    let message = world.git(&world.path("second.git"), &format!("log -1 --format=%B {name}"));
    let start = message.find('{').expect("a record");
    Some(serde_json::from_str(&message[start..]).expect("JSON"))
}

/// What both places say of a lock's field, the former one first.
fn both(world: &World, field: &str) -> [Value; 2] {
    let record = |record: Option<Value>| record.map_or(Value::Null, |record| record[field].clone());
    [record(world.lock("alpha/prod")), record(second_lock(world, "alpha/prod"))]
}

#[test]
fn the_usual_alias_takes_both_and_pushes_to_the_new_remote_alone() {
    let world = World::new();
    let old = world.clone("old");
    world.tool("tofu");
    apply(&old, "ana@host1").code(0);
    let new = moved(&world, "new");
    let before = world.origin_at("main");
    for round in 2..5 {
        let commit = new.commit_file("modules/alpha/a.tf", &format!("{round}\n"));
        let (out, calls) = connections(&world, || apply(&new, BOB));
        out.code(0);
        // Both halves are taken, and given back the other way round.
        let usual = ["fetch", "push", "push", "push", "push"];
        let first = ["fetch", "push", "fetch", "push", "push", "push", "push"];
        assert_eq!(words(&calls), if round == 2 { first.as_slice() } else { &usual }, "{calls:#?}");
        assert_eq!(world.git(&world.path("second.git"), "rev-parse main").trim(), commit);
        assert_eq!(both(&world, "state"), [json!("free"), json!("free")]);
        assert_eq!(both(&world, "generation"), [json!(round), json!(round)]);
        assert_eq!(both(&world, "applied"), [json!(commit), json!(commit)]);
    }
    assert_eq!(world.origin_at("main"), before);
    // Who has not moved yet lacks what was applied, and does not even have it.
    apply(&old, "ana@host1").code(77).says("which this tree does not contain");
    let listed = new.lockstep("log").run().stdout();
    assert!(listed.contains("@former:alpha/prod") && listed.contains(" alpha/prod"), "{listed}");
    new.lockstep("locks").run().code(0).never_says("still needed for");
}

#[test]
fn who_has_moved_and_who_has_not_exclude_each_other() {
    let world = World::new();
    let (old, new) = (world.clone("old"), moved(&world, "new"));
    world.tool("tofu");
    old.lockstep("build lock true: -- alpha prod").run().code(0);
    apply(&new, BOB).code(75).says("lock `@former:alpha/prod` is held by `ana@host1`");
    assert_eq!(both(&world, "state"), [json!("held"), Value::Null]);
    old.lockstep("unlock-any -- alpha prod").run().code(0);
    new.lockstep("build git-check lock true: -- alpha prod").owner(BOB).run().code(0);
    assert_eq!(both(&world, "state"), [json!("held"), json!("held")]);
    apply(&old, "ana@host1").code(75).says("held by `bob@host2`");
    let listed = new.lockstep("locks").owner(BOB).run().code(0).stdout();
    assert!(listed.contains("\n@former:alpha/prod ") && listed.contains("\nalpha/prod "), "{listed}");
    new.lockstep("unlock-any -- alpha prod").owner(BOB).run().code(0).says("`@former:alpha/prod`");
    assert_eq!(both(&world, "state"), [json!("free"), json!("free")]);
    apply(&old, "ana@host1").code(0);
    apply(&new, BOB).code(0);
}

#[test]
fn a_freeze_on_either_side_is_one_on_the_other() {
    let world = World::new();
    let (old, new) = (world.clone("old"), moved(&world, "new"));
    let by_old = |unit: &str| old.lockstep(&format!("git-check lock unlock -- {unit}")).run();
    let by_new = |unit: &str| new.lockstep(&format!("git-check lock unlock -- {unit}")).owner(BOB).run();
    by_new("alpha prod").code(0);
    for (words, beta) in [("alpha/prod", 0), ("prod", 75), ("--all", 75)] {
        old.lockstep(&format!("freeze --reason why {words}")).run().code(0);
        by_new("alpha prod").code(75).says(&format!("lockstep thaw {words}"));
        by_new("beta prod").code(beta);
        new.lockstep(&format!("thaw {words}")).owner(BOB).run().code(0);
        by_new("alpha prod").code(0);
        new.lockstep(&format!("freeze --reason why {words}")).owner(BOB).run().code(0);
        by_old("alpha prod").code(75).says("frozen by `bob@host2`");
        by_old("beta prod").code(beta);
        old.lockstep(&format!("thaw {words}")).run().code(0);
        // His half is still frozen: who has not moved cannot end it.
        by_old("alpha prod").code(0);
        by_new("alpha prod").code(75);
        new.lockstep(&format!("thaw {words}")).owner(BOB).run().code(0);
        by_new("alpha prod").code(0);
    }
}

#[test]
fn what_the_second_remote_refuses_is_given_back_on_the_first() {
    let world = World::new();
    let new = moved(&world, "new");
    world.tool("tofu");
    apply(&new, BOB).code(0);
    // Somebody else has it on the second remote: only the halves of one run go together.
    let elsewhere = moved(&world, "elsewhere");
    elsewhere.write("lockstep.toml", "[lock.git]\nremote = \"second\"\n");
    elsewhere.lockstep("build lock true: -- alpha prod").run().code(0);
    apply(&new, BOB).code(75).says("lock `alpha/prod` is held by `ana@host1`");
    assert_eq!(both(&world, "state"), [json!("free"), json!("held")]);
    elsewhere.lockstep("unlock-any -- alpha prod").run().code(0);
    // And one that a hook refuses.
    write_script(&world.path("second.git/hooks"), "pre-receive", "exit 1\n");
    apply(&new, BOB).code(78);
    assert_eq!(both(&world, "state"), [json!("free"), json!("free")]);
    std::fs::remove_file(world.path("second.git/hooks/pre-receive")).expect("it was there");
    apply(&new, BOB).code(0);
    assert_eq!(world.called().len(), 2, "no run that was refused has run anything");
}

#[test]
fn a_remote_that_is_away_refuses_and_leaves_nothing_held() {
    let world = World::new();
    let new = moved(&world, "new");
    world.tool("tofu");
    apply(&new, BOB).code(0);
    for (remote, away) in [("origin.git", "origin.away"), ("second.git", "second.away")] {
        std::fs::rename(world.path(remote), world.path(away)).expect("it is there");
        apply(&new, BOB).code(69);
        new.lockstep("build lock true: unlock -- alpha prod").owner(BOB).run().code(69);
        new.lockstep("locks").run().code(69);
        std::fs::rename(world.path(away), world.path(remote)).expect("it is there");
        assert_eq!(both(&world, "state"), [json!("free"), json!("free")], "{remote}");
    }
    // The former remote goes away while the tool works: the branch and the new half are through, the other
    // stays held, which the run says.
    let away = format!("mv {} {}\n", world.path("origin.git").display(), world.path("origin.away").display());
    write_script(&world.path("bin"), "unplugs", &away);
    new.commit_file("modules/alpha/a.tf", "a\n");
    let half = new.alias("unplugs").owner(BOB).run();
    std::fs::rename(world.path("origin.away"), world.path("origin.git")).expect("it is there");
    half.code(69).says("the new lock was given back, the former was not").says("need not run again");
    assert_eq!(both(&world, "state"), [json!("held"), json!("free")]);
    apply(&new, "ana@host1").code(75).says("lock `@former:alpha/prod` is held by `bob@host2`");
    apply(&new, BOB).code(0);
    assert_eq!(both(&world, "state"), [json!("free"), json!("free")]);
    assert_eq!(both(&world, "applied"), [json!(new.head()), json!(new.head())]);
}
