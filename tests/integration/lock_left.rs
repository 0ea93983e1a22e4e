//! Locks that are left of what the configuration no longer names: units that are gone, further keys that
//! were taken out.

use crate::harness::{Checkout, World};

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
