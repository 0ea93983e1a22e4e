//! Locks that move: `[lock.former]` while not everybody has the new configuration yet.

use serde_json::json;

use crate::harness::{Checkout, Output, World, snap};

const BOB: &str = "bob@host2";
const NEW: &str = "refs/zz/locks";

/// Says where the locks are from now on, and that they were where they are by default.
fn moves(repo: &Checkout<'_>, lock: &str) {
    repo.publish("lockstep.toml", &format!("{lock}\n[lock.former]\n"));
}

fn apply(repo: &Checkout<'_>, owner: &str) -> Output {
    repo.alias("tofu apply").owner(owner).run()
}

#[test]
fn old_and_new_configuration_exclude_each_other_and_nothing_is_forgotten() {
    let world = World::new();
    let (old, new) = (world.clone("old"), world.clone("new"));
    world.tool("tofu");
    apply(&old, "ana@host1").code(0);
    moves(&new, &format!("[lock.git]\nprefix = \"{NEW}\""));
    // Ana has not pulled; her run is under way.
    old.lockstep("build lock true: -- alpha prod").run().code(0);
    let refused = apply(&new, BOB);
    refused.code(75);
    snap!("held_in_the_former_place", refused);
    old.lockstep("unlock-any -- alpha prod").run().code(0);
    let hold = new.lockstep("build git-check lock true: -- alpha prod").owner(BOB).run();
    hold.code(0);
    assert_eq!(world.origin_refs(NEW), [format!("{NEW}/@all/@all"), format!("{NEW}/alpha/prod")]);
    old.lockstep("build lock true: unlock -- alpha prod").run().code(75).says("held by `bob@host2`");
    let listed = new.lockstep("locks").owner(BOB).run();
    assert!(listed.stdout().contains("\n@former:alpha/prod "), "{listed}");
    assert!(listed.stdout().contains("\nalpha/prod "), "{listed}");
    // One word frees both.
    new.lockstep("unlock-any -- alpha prod").owner(BOB).run().code(0).says("`@former:alpha/prod`");
    let frees = |key: &str| new.lockstep(&format!("locks show {key}")).run().stdout().contains("free");
    assert!(frees("alpha/prod") && frees("@former:alpha/prod"));
}

#[test]
fn what_was_applied_under_the_former_lock_is_known_under_the_new() {
    let world = World::new();
    let (old, new) = (world.clone("old"), world.clone("new"));
    world.tool("tofu");
    old.commit_file("modules/alpha/a.tf", "1\n");
    apply(&old, "ana@host1").code(0);
    // Bob has not pulled. The new lock was never taken; the former one speaks for it.
    let moved = format!("[lock.git]\nprefix = \"{NEW}\"\n");
    new.write("lockstep.toml", format!("{moved}[lock.former]\n"));
    let words = "build lock true: unlock -- alpha prod";
    let stale = new.lockstep(words).owner(BOB).run();
    stale.code(77).says("`@former:alpha/prod` was last changed from commit");
    new.lockstep("locks").run().code(0).says("[lock.former] is still needed").says("since of alpha/prod");
    new.git("pull -q --rebase --autostash");
    new.lockstep("build lock diff unlock -- alpha prod").owner(BOB).run().code(0);
    // Nobody has taken both locks of beta, but nothing was ever applied under it.
    new.lockstep("locks").run().code(0).never_says("still needed");
    let shown = |key: &str| {
        let out = new.lockstep(&format!("locks show {key} --json")).run().stdout();
        serde_json::from_str::<serde_json::Value>(&out).expect("JSON")
    };
    let (now, former) = (shown("alpha/prod"), shown("@former:alpha/prod"));
    assert_eq!(now["applied"], former["applied"]);
    assert_eq!((&now["applied"], &now["generation"]), (&json!(old.head()), &json!(2)));
    assert_eq!(former["generation"], 2);
    // Once the former place is given up, the new lock goes on alone and remembers.
    new.git("checkout -q HEAD~1");
    new.write("lockstep.toml", &moved);
    new.lockstep(words).owner(BOB).run().code(77).says("lock").says(&old.head());
    new.git("checkout -q main");
    new.lockstep(words).owner(BOB).run().code(0);
    assert_eq!(shown("alpha/prod")["generation"], 3);
    new.lockstep("locks show @former:alpha/prod").run().code(78).says("no `[lock.former]`");
}

#[test]
fn a_scope_or_a_name_changes_in_one_place() {
    for (lock, key) in [("scope = \"profile\"", "@all/prod"), ("project = \"infra\"", "@in/infra/alpha/prod")]
    {
        let world = World::new();
        let (old, new) = (world.clone("old"), world.clone("new"));
        world.tool("tofu");
        apply(&old, "ana@host1").code(0);
        moves(&new, &format!("[lock]\n{lock}"));
        old.lockstep("build lock true: -- alpha prod").run().code(0);
        apply(&new, BOB).code(75).says("lock `alpha/prod` is held by `ana@host1`");
        old.lockstep("unlock-any -- alpha prod").run().code(0);
        apply(&new, BOB).code(0);
        for name in [key, "alpha/prod"] {
            let record = world.lock(name).expect("a record");
            assert_eq!(
                (&record["state"], &record["applied"]),
                (&json!("free"), &json!(new.head())),
                "{name}"
            );
        }
        // A freeze in either configuration is one in the other.
        old.lockstep("freeze --reason why alpha/prod").run().code(0);
        apply(&new, BOB).code(75).says("lockstep thaw alpha/prod");
        new.lockstep("thaw alpha/prod").owner(BOB).run().code(0);
        new.lockstep("freeze --reason why prod").owner(BOB).run().code(0);
        old.lockstep("build lock true: unlock -- alpha prod").run().code(75).says("frozen by `bob@host2`");
    }
}

#[test]
fn locks_move_from_files_to_the_remote() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.publish("lockstep.toml", "[lock]\nbackend = \"local\"\n");
    apply(&a, "ana@host1").code(0);
    a.publish("lockstep.toml", "[lock]\nbackend = \"git\"\n[lock.former]\nbackend = \"local\"\n");
    apply(&a, "ana@host1").code(0);
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!((&record["generation"], &record["applied"]), (&json!(2), &json!(a.head())));
    let listed = a.lockstep("log").run();
    assert!(listed.stdout().contains("@former:alpha/prod"), "{listed}");
}

#[test]
fn a_former_place_that_is_the_same_or_impossible_is_refused() {
    let world = World::new();
    let a = world.clone("a");
    for (text, says) in [
        ("[lock.git]\nremote = \"origin\"\n[lock.former]\n", "both mean origin: say `backend` and `remote`"),
        (
            "[lock.git]\nremote = \"origin\"\nprefix = \"refs/zz/locks\"\n[lock.former]\n",
            "both mean origin: say `backend` and `remote`",
        ),
        ("[lock.git]\nprefix = \"refs/lockstep/locks/x\"\n[lock.former]\n", "one is below the other"),
        ("[lock]\nscope = \"unit\"\n[lock.former.git]\nprefix = \"refs/heads/x\"\n", "prefix"),
        ("[lock.former]\nbackend = \"paper\"\n", "`paper`"),
        ("[lock.former]\nkeys = []\n", "unknown key `keys`"),
    ] {
        a.write("lockstep.toml", text);
        a.lockstep("build lock true: unlock -- alpha prod").run().code(78).says(says);
        a.lockstep("locks").run().code(78).says(says);
    }
    // Nothing has moved: as if it were not there.
    a.write("lockstep.toml", "[lock.former]\n");
    a.lockstep("build lock true: unlock -- alpha prod").run().code(0);
    assert_eq!(world.lock_history("alpha/prod").len(), 2);
}
