//! Locks that are left of what the configuration no longer names: units that are gone, further keys that
//! were taken out.

use serde_json::json;

use crate::harness::{Checkout, World, connections};

/// A run of a unit whose tool fails: its locks stay.
fn fail(world: &World, repo: &Checkout<'_>, unit: &str) {
    world.tool("tofu").exits(1);
    let unit = unit.replace('/', " ");
    let words = format!("build git-check lock exec git-push unlock -- {unit} tofu apply");
    repo.lockstep(&words).run().code(1);
}

#[test]
fn the_lock_of_a_unit_that_is_gone_can_be_taken_away() {
    type Leave = fn(&Checkout<'_>);
    let ways: [(&str, Leave); 4] = [
        ("module", |a| drop(a.git("rm -q -r modules/alpha"))),
        ("profile", |a| drop(a.git("rm -q profiles/prod.toml"))),
        ("left out", |a| a.write("profiles/prod.toml", "[modules.alpha]\nenabled = false\n")),
        ("abstract", |a| a.write("profiles/prod.toml", "abstract = true\n")),
    ];
    for (what, leave) in ways {
        let world = World::new();
        let a = world.clone("a");
        fail(&world, &a, "alpha/prod");
        leave(&a);
        a.commit(what);
        a.git("push -q");
        a.lockstep("--dry-run unlock-any -- alpha prod").run().code(0).says("lock alpha/prod");
        // It is no unit again by that, and what is somebody else's still wants a reason.
        a.lockstep("build unlock-any -- alpha prod").run().code(64);
        a.lockstep("unlock-any -- alpha prod").owner("bob@host2").run().code(64).says("needs a reason");
        a.lockstep("--expect 7 unlock-any -- alpha prod").run().code(75);
        assert_eq!(world.lock_state("alpha/prod"), "failed", "{what}");
        let out = a.lockstep("unlock-any -- . .").cwd(a.path(".dist/alpha/prod")).run();
        out.code(0).says("took `alpha/prod` from `ana@host1`");
        assert_eq!(world.lock_state("alpha/prod"), "free", "{what}");
        // Now there is nothing left of it.
        a.lockstep("unlock-any -- alpha prod").run().code(64).never_says("free already");
        a.lockstep("unlock-any -- alpah dev").run().code(64).says("no module `alpah`");
    }
}

#[test]
fn the_shared_lock_of_a_unit_that_is_gone_is_taken_from_it_alone() {
    for (scope, lock, other) in [("profile", "@all/prod", "beta/prod"), ("module", "alpha/@all", "alpha/dev")]
    {
        let world = World::new();
        let a = world.clone("a");
        a.publish("lockstep.toml", &format!("[lock]\nscope = \"{scope}\"\n"));
        fail(&world, &a, "alpha/prod");
        a.publish("profiles/prod.toml", "[modules.alpha]\nenabled = false\n");
        a.lockstep("unlock-any -- alpha prod").run().code(0).says(&format!("took `{lock}`"));
        assert_eq!(world.lock_state(lock), "free");
        // Another unit's run under the same lock is not meant.
        fail(&world, &a, other);
        a.lockstep("unlock-any -- alpha prod").run().code(64);
        assert_eq!(world.lock_state(lock), "failed");
    }
}

/// alpha and beta share a key; a run of alpha has failed, and alpha does without the key since.
fn without_its_key<'w>(world: &'w World) -> Checkout<'w> {
    let a = world.clone("a");
    a.write("modules/beta/module.toml", "[lock]\nkeys = [\"net\"]\n");
    a.publish("modules/alpha/module.toml", "[lock]\nkeys = [\"net\"]\n");
    fail(world, &a, "alpha/prod");
    a.publish("modules/alpha/module.toml", "");
    a
}

#[test]
fn a_key_that_was_taken_out_is_taken_away_with_the_others_of_its_unit() {
    let world = World::new();
    let a = without_its_key(&world);
    let refused = a.lockstep("build lock true: unlock -- beta prod").owner("bob@host2").run();
    refused.code(75).says("lock `net`").says("lockstep unlock-any --reason TEXT -- alpha prod");
    let evict = |words: &str| {
        let words = format!("--reason gone {words} unlock-any -- alpha prod");
        connections(&world, || a.lockstep(&words).owner("bob@host2").run())
    };
    // Of the same run, so the generation of one is that of all.
    evict("--expect 2").0.code(75);
    std::fs::remove_file(world.sign("git.log")).expect("git was called");
    let (out, made) = evict("--expect 1");
    out.code(0).says("took `alpha/prod` from").says("took `net` from");
    assert_eq!(world.lock_state("@1/net"), "free");
    assert_eq!(made.len(), 3, "the look, another one before the eviction, the push: {made:#?}");
}

#[test]
fn what_is_left_of_a_unit_alone_is_taken_away_and_nothing_of_another() {
    let world = World::new();
    let a = without_its_key(&world);
    fail(&world, &a, "beta/dev");
    world.tool("tofu");
    a.lockstep("unlock-any -- alpha prod").run().code(0).says("took `alpha/prod`").never_says("`net`");
    assert_eq!(world.lock_state("@1/net"), "failed", "it has gone over to beta/dev");
    let json = a.lockstep("locks show net --json").run().stdout();
    assert!(json.contains("beta/dev"), "{json}");
}

#[test]
fn the_run_that_goes_on_gives_back_a_key_that_was_taken_out() {
    let world = World::new();
    let a = without_its_key(&world);
    world.tool("tofu");
    a.lockstep("build git-check lock exec git-push unlock -- alpha prod tofu apply").run().code(0);
    for key in ["alpha/prod", "@1/net"] {
        let record = world.lock(key).expect("a record");
        assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(a.head())), "{key}");
    }
    a.lockstep("build lock true: unlock -- beta prod").owner("bob@host2").run().code(0);
}

#[cfg(feature = "dynamodb")]
#[test]
fn a_table_is_looked_through_only_where_nothing_else_is_found() {
    let (world, table) = crate::harness::Dynamodb::world();
    let a = without_its_key(&world);
    table.asked();
    let evict = || a.lockstep("unlock-any -- alpha prod").run();
    evict().code(0).says("took `alpha/prod`");
    assert!(!table.asked().contains(&"Scan".to_owned()));
    // Who may not scan learns that the unit's own lock is free, as ever.
    let denied = json!({"status": 400, "type": "AccessDeniedException", "message": "no"});
    table.faults(&json!([{"at": "Scan", "do": denied}]));
    evict().code(0).says("free already");
    table.faults(&json!([]));
    assert_eq!(table.record("net")["state"], "failed");
    evict().code(0).says("took `net`");
    assert_eq!(table.record("net")["state"], "free");
}

#[test]
fn a_freeze_and_further_keys_of_a_unit_that_is_gone_are_ended_as_well() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("modules/alpha/module.toml", "[lock]\nkeys = [\"net\"]\n");
    fail(&world, &a, "alpha/prod");
    a.git("rm -q -r modules/alpha");
    a.commit("gone");
    a.git("push -q");
    a.lockstep("unlock-any -- alpha prod").run().code(0).says("`alpha/prod`").says("`net`");
    for key in ["alpha/prod", "@1/net"] {
        assert_eq!(world.lock_state(key), "free", "{key}");
    }
    a.git("remote remove origin");
    // The same where there is no remote.
    a.write("modules/alpha/main.tf", "");
    a.lockstep("freeze --reason why alpha/prod").run().code(0);
    std::fs::remove_dir_all(a.path("modules/alpha")).expect("just written");
    a.lockstep("--reason over unlock-any -- alpha prod").run().code(0).says("the frozen `alpha/prod`");
}
