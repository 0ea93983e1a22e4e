//! `freeze` and `thaw`: a lock that a person takes on purpose.

use serde_json::json;

use crate::harness::{ALIAS, Checkout, Output, World, snap};

const BOB: &str = "bob@host2";

fn freeze(repo: &Checkout<'_>, unit: &str) -> Output {
    repo.lockstep("freeze --reason").arg("database migration").words(unit).run()
}

#[test]
fn a_frozen_unit_is_changed_by_nobody_until_it_is_thawed() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu");
    let out = freeze(&a, "alpha/prod");
    out.code(0).prints("");
    snap!("frozen", out);
    assert_eq!(world.lock_state("alpha/prod"), "frozen");
    let refused = b.alias("tofu apply").owner(BOB).run();
    refused
        .code(75)
        .says("frozen by `ana@host1`")
        .says("database migration")
        .says("lockstep thaw alpha/prod");
    snap!("refused", refused);
    // Not by whoever froze it either: his process has ended, and that says nothing.
    a.alias("tofu apply").run().code(75).says("frozen by");
    // Other units are free.
    a.lockstep("build lock true: unlock -- beta prod").run().code(0);
    let listed = b.lockstep("locks").run();
    assert!(listed.stdout().contains("alpha/prod  frozen  ana@host1"), "{listed}");
    let thawed = b.lockstep("thaw alpha/prod --reason done").owner(BOB).run();
    thawed.code(0).prints("");
    snap!("thawed", thawed);
    b.lockstep("thaw alpha/prod").run().code(0).says("is not frozen");
    b.alias("tofu apply").owner(BOB).run().code(0);
    let acts: Vec<_> = world.lock_history("alpha/prod").iter().map(|r| r["act"].clone()).collect();
    assert_eq!(acts, ["released", "acquired", "thawed", "frozen"]);
    let log = a.lockstep("log alpha/prod").run();
    for text in ["frozen", "database migration", "thawed", "done"] {
        assert!(log.stdout().contains(text), "{text}: {log}");
    }
}

#[test]
fn only_what_is_free_can_be_frozen_or_thawed() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let tool = world.tool("holder");
    tool.waits();
    let mut run = a.alias("holder apply").start();
    run.wait_for(tool.started());
    b.lockstep("freeze --reason why alpha/prod").owner(BOB).run().code(75).says("held by `ana@host1`");
    b.lockstep("thaw alpha/prod").owner(BOB).run().code(75).says("held by `ana@host1`");
    tool.let_go();
    run.finish().code(0);
    freeze(&a, "alpha/prod").code(0);
    freeze(&b, "alpha/prod").code(75).says("frozen by `ana@host1`");
    assert_eq!(world.lock("alpha/prod").expect("a record")["applied"], json!(a.head()));
}

#[test]
fn a_freeze_wants_a_reason_and_a_unit_that_exists() {
    let world = World::new();
    let a = world.clone("a");
    a.lockstep("freeze alpha/prod").run().code(64).says("--reason");
    a.lockstep("freeze --reason").arg("  ").words("alpha/prod").run().code(64);
    let out = freeze(&a, "alpha/prd");
    out.code(64);
    snap!("no_such_unit", out);
    freeze(&a, "alpha").code(64).says("there is no profile `alpha`");
    assert!(world.origin_refs("refs/lockstep").is_empty());
}

#[test]
fn evicting_a_freeze_names_it_and_wants_the_reason_of_its_owner_too() {
    let world = World::new();
    let a = world.clone("a");
    freeze(&a, "alpha/prod").code(0);
    let out = a.lockstep("unlock-any -- alpha prod").run();
    out.code(64).says("it is a freeze").says("lockstep thaw alpha/prod");
    snap!("eviction_wants_a_reason", out);
    assert_eq!(world.lock_state("alpha/prod"), "frozen");
    let out = a.lockstep("--reason enough unlock-any -- alpha prod").run();
    out.code(0).says("frozen");
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn who_waits_is_let_in_by_the_thaw() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu");
    freeze(&a, "alpha/prod").code(0);
    let mut bob = b.lockstep(&format!("--wait 10m {ALIAS} tofu apply")).owner(BOB).start();
    bob.wait_for_text(" left: frozen ");
    a.lockstep("thaw alpha/prod").run().code(0);
    bob.finish().code(0);
    assert_eq!(world.called(), ["tofu"]);
}

#[test]
fn without_a_remote_a_freeze_is_local() {
    let world = World::new();
    let a = world.clone("a");
    a.git("remote remove origin");
    freeze(&a, "alpha/prod").code(0);
    a.lockstep("build lock true: unlock -- alpha prod").run().code(75).says("frozen by");
    a.lockstep("thaw alpha/prod").run().code(0);
    a.lockstep("build lock true: unlock -- alpha prod").run().code(0);
}

#[test]
fn a_profile_is_frozen_for_units_old_and_new() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    b.git("pull -q");
    let out = freeze(&a, "prod");
    out.code(0).prints("");
    snap!("profile_frozen", out);
    let listed = b.lockstep("locks").run();
    assert!(
        listed.stdout().lines().nth(1).is_some_and(|line| line.starts_with("@all/prod  frozen  ana@host1"))
    );
    assert_eq!(listed.stdout().lines().count(), 2, "{listed}");
    let refused = b.alias("tofu apply").owner(BOB).run();
    refused.code(75);
    snap!("refused_by_the_profile", refused);
    // Taken for the first time; and not there yet when the freeze was made.
    b.lockstep("build lock true: unlock -- beta prod").run().code(75).says("frozen by");
    b.write("modules/gamma/main.tf", "");
    b.lockstep("build lock true: unlock -- gamma prod").run().code(75).says("frozen by");
    b.lockstep("build lock true: unlock -- gamma dev").run().code(0);
    let unit = b.lockstep("thaw alpha/prod").run();
    unit.code(0).says("`alpha/prod` is not frozen").says("`prod` is still frozen").says("lockstep thaw prod");
    b.lockstep("thaw prod").run().code(0).says("`prod` is free again");
    b.git("clean -qfd modules");
    b.alias("tofu apply").owner(BOB).run().code(0);
    assert_eq!(world.called(), ["tofu", "tofu"]);
    assert_eq!(world.lock("alpha/prod").expect("a record")["generation"], json!(2));
}

#[test]
fn everything_is_frozen_and_a_module() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let out = a.lockstep("freeze --all --reason why").run();
    out.code(0).says("everything is frozen; to end that: lockstep thaw --all");
    for unit in ["alpha prod", "beta dev"] {
        let words = format!("build lock true: unlock -- {unit}");
        b.lockstep(&words).run().code(75).says("lockstep thaw --all");
    }
    b.lockstep("freeze --all --reason again").run().code(75).says("frozen by `ana@host1`");
    b.lockstep("thaw --all").run().code(0).says("everything is free again");
    freeze(&a, "alpha/@all").code(0);
    b.lockstep("build lock true: unlock -- alpha dev").run().code(75).says("lockstep thaw alpha/@all");
    b.lockstep("build lock true: unlock -- beta dev").run().code(0);
}

#[test]
fn many_are_frozen_only_while_none_of_them_is_held() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    a.lockstep("build lock true: -- alpha prod").run().code(0);
    for what in ["prod", "--all", "alpha/@all"] {
        let words = format!("freeze --reason why {what}");
        b.lockstep(&words).owner(BOB).run().code(75).says("lock `alpha/prod` is held by `ana@host1`");
    }
    assert_eq!(world.lock_state("@all/prod"), "none");
    freeze(&b, "dev").code(0);
    a.lockstep("build lock true: unlock -- alpha dev").run().code(75);
}

#[test]
fn what_is_frozen_must_exist_and_be_said() {
    let world = World::new();
    let a = world.clone("a");
    let out = freeze(&a, "prd");
    out.code(64);
    snap!("no_such_profile", out);
    freeze(&a, "gamma/@all").code(64).says("gamma");
    a.lockstep("freeze --reason why").run().code(64).says("--all");
    a.lockstep("freeze --reason why prod --all").run().code(64);
    a.lockstep("thaw").run().code(64);
    a.lockstep("thaw */prod").run().code(64);
    a.write("profiles/base.toml", "abstract = true\n");
    freeze(&a, "base").code(64).says("no unit");
    assert!(world.origin_refs("refs/lockstep").is_empty());
}
