//! Which locks a run takes: scopes, further keys, projects that share a place.

use serde_json::{Value, json};

use crate::harness::{Checkout, Output, World, snap};

const BOB: &str = "bob@host2";

/// The usual pipeline for a unit.
fn apply(repo: &Checkout<'_>, unit: &str, owner: &str) -> Output {
    let unit = unit.replace('/', " ");
    let words = format!("build git-check lock exec git-push unlock-any -- {unit} tofu apply");
    repo.lockstep(&words).owner(owner).run()
}

/// Takes the lock of a unit and keeps it.
fn hold(repo: &Checkout<'_>, unit: &str, owner: &str) -> Output {
    let words = format!("build lock true: -- {}", unit.replace('/', " "));
    repo.lockstep(&words).owner(owner).run()
}

fn refs(world: &World) -> Vec<String> {
    let all = world.origin_refs("refs/lockstep/locks");
    all.iter().map(|name| name.trim_start_matches("refs/lockstep/locks/").to_owned()).collect()
}

#[test]
fn a_profile_or_a_module_can_be_one_lock() {
    for (scope, lock, excluded, free) in [
        ("profile", "@all/prod", "beta/prod", "alpha/dev"),
        ("module", "alpha/@all", "alpha/dev", "beta/prod"),
    ] {
        let world = World::new();
        let a = world.clone("a");
        a.publish("lockstep.toml", &format!("[lock]\nscope = \"{scope}\"\n"));
        let b = world.clone("b");
        world.tool("tofu");
        hold(&a, "alpha/prod", "ana@host1").code(0);
        assert_eq!(refs(&world), ["@all/@all", lock]);
        let refused = hold(&b, excluded, BOB);
        refused.code(75).says(&format!("lock `{lock}` is held by `ana@host1`")).says("for `alpha/prod`");
        refused.says("unlock-any --reason TEXT -- alpha prod");
        hold(&b, free, BOB).code(0);
        let listed = b.lockstep("locks").run();
        assert!(listed.stdout().contains(&format!("{lock} (alpha/prod)")), "{listed}");
        b.lockstep(&format!("locks show {lock}")).run().code(0);
        a.lockstep("unlock-any -- alpha prod").run().code(0);
        apply(&b, excluded, BOB).code(0);
        assert_eq!(world.lock(lock).expect("a record")["applied"], json!(b.head()));
        b.lockstep(&format!("log {lock}")).run().code(0);
    }
}

#[test]
fn a_unit_is_told_by_the_lock_that_its_runs_take() {
    for (scope, lock, typo) in
        [("profile", "@all/prod", "alhpa/prod"), ("module", "alpha/@all", "alpha/prdo")]
    {
        let world = World::new();
        let a = world.clone("a");
        a.publish("lockstep.toml", &format!("[lock]\nscope = \"{scope}\"\n"));
        let never = format!("lock `{lock}` was never taken");
        a.lockstep("locks show alpha/prod").run().code(0).prints("").says(&never);
        a.lockstep("log alpha/prod").run().code(0).prints("").says(&never);
        hold(&a, "alpha/prod", "ana@host1").code(0);
        let json = |words: &str| -> Value {
            let mut shown: Value = serde_json::from_str(&a.lockstep(words).run().stdout()).expect("JSON");
            if let Some(fields) = shown.as_object_mut() {
                // A second may pass between two looks.
                fields.remove("age_seconds");
            }
            shown
        };
        let shown = a.lockstep("locks show alpha/prod").run();
        assert!(shown.stdout().contains(lock) && shown.stdout().contains("ana@host1"), "{shown}");
        let shown = json("locks show alpha/prod --json");
        assert_eq!((&shown["key"], &shown["state"]), (&json!(lock), &json!("held")));
        assert_eq!(shown, json(&format!("locks show {lock} --json")));
        // As docs/locks.md has it.
        let evict = format!("--expect {} unlock-any -- alpha prod", shown["generation"]);
        a.lockstep(&evict).run().code(0).says(lock);
        let log = json("log alpha/prod --json");
        assert_eq!((&log[0]["key"], &log[0]["act"]), (&json!(lock), &json!("evicted")));
        // A freeze of the unit is another lock that keeps its runs from going.
        a.lockstep("freeze --reason why alpha/prod").run().code(0);
        let shown = json("locks show alpha/prod --json");
        assert_eq!((&shown["key"], &shown["state"]), (&json!("alpha/prod"), &json!("frozen")));
        let both = a.lockstep("locks show alpha/prod").run();
        assert!(both.stdout().contains(lock) && both.stdout().contains("frozen"), "{both}");
        // What is no unit is not told of a lock that it has no part in.
        for words in ["locks show", "log"] {
            a.lockstep(&format!("{words} {typo}")).run().code(64).prints("");
        }
        // What has been one is.
        hold(&a, "beta/dev", "ana@host1").code(0);
        a.git("rm -q -r modules/beta");
        a.lockstep("locks show beta/dev").run().code(0).prints_no("never");
        let log = a.lockstep("log beta/dev").run();
        assert!(log.stdout().contains("acquired"), "{log}");
    }
}

#[test]
fn further_keys_are_taken_with_the_units_own_all_or_nothing() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/module.toml", "[lock]\nkeys = [\"shared-vpc\"]\n");
    a.publish(
        "profiles/prod.toml",
        "[params]\nregion = \"x\"\n[modules.beta.lock]\nkeys = [\"shared-vpc\"]\n",
    );
    let b = world.clone("b");
    world.tool("tofu").exits(1);
    let dry = a.lockstep("--dry-run build lock true: unlock -- alpha prod").run();
    dry.code(0).says("lock alpha/prod shared-vpc");
    apply(&a, "alpha/prod", "ana@host1").code(1);
    for key in ["alpha/prod", "@1/shared-vpc"] {
        assert_eq!(world.lock_state(key), "failed", "{key}");
    }
    let refused = apply(&b, "beta/prod", BOB);
    refused.code(75);
    snap!("refused_by_a_further_key", refused);
    assert_eq!(world.lock_state("beta/prod"), "none", "all or nothing");
    apply(&b, "beta/dev", BOB).code(1);
    let shown = a.lockstep("locks show shared-vpc").run();
    assert!(shown.stdout().contains("taken for   alpha/prod"), "{shown}");
    assert!(shown.stdout().contains("taken with  alpha/prod"), "{shown}");
    // The commit that mends it goes through, and one push moves the branch and frees both.
    world.tool("tofu");
    a.commit_file("modules/alpha/a.tf", "1\n");
    a.commit_file("modules/alpha/a.tf", "2\n");
    apply(&a, "alpha/prod", "ana@host1").code(0);
    for key in ["alpha/prod", "@1/shared-vpc"] {
        let record = world.lock(key).expect("a record");
        assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(a.head())), "{key}");
    }
    // The shared thing was changed from a commit that bob has not got.
    let stale = b.lockstep("build lock true: unlock -- beta prod").owner(BOB).run();
    stale.code(77).says("`shared-vpc` was last changed from commit");
    b.git("pull -q --rebase");
    apply(&b, "beta/prod", BOB).code(0);
}

#[test]
fn taking_a_lock_away_takes_its_whole_set_of_one_run() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("modules/alpha/module.toml", "[lock]\nkeys = [\"dns\", \"vpc\"]\n");
    hold(&a, "beta/prod", "ana@host1").code(0);
    hold(&a, "alpha/prod", "ana@host1").code(0);
    // The generations differ: one of the set was taken before.
    a.lockstep("unlock-any -- alpha prod").run().code(0);
    hold(&a, "alpha/dev", "ana@host1").code(0);
    let generation = |key: &str| world.lock(key).expect("a record")["generation"].as_u64().expect("a number");
    assert_eq!((generation("alpha/dev"), generation("@1/vpc")), (1, 3));
    let other = a.lockstep("--expect 2 unlock-any -- alpha dev").run();
    other.code(75).says("not 2");
    let evicted = a.lockstep("--expect 1 unlock-any -- alpha dev").run();
    evicted.code(0).says("`alpha/dev`").says("`dns`").says("`vpc`");
    assert_eq!(world.lock_state("beta/prod"), "held");
}

#[test]
fn a_bad_key_is_an_error_with_its_place() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/module.toml", "[lock]\nkeys = [\"a b\"]\n");
    let out = a.lockstep("build lock true: unlock -- alpha prod").run();
    out.code(78).says("modules/alpha/module.toml:2");
    snap!("bad_key", out);
    a.write("modules/alpha/module.toml", "");
    for bad in
        ["scope = \"world\"", "project = \"a/b\"", "keys = \"vpc\"", "former = 1", "keys = [\"@all/prod\"]"]
    {
        a.write("lockstep.toml", format!("[lock]\n{bad}\n"));
        a.lockstep("build lock true: unlock -- alpha prod").run().code(78).says("lockstep.toml:2");
    }
    assert!(refs(&world).is_empty());
}

#[test]
fn projects_in_one_place_are_kept_apart_by_their_names() {
    let files = [
        ("infra/lockstep.toml", "[lock]\nproject = \"infra\"\n"),
        ("infra/profiles/prod.toml", ""),
        ("infra/modules/alpha/main.tf", ""),
        ("web/lockstep.toml", "[lock]\nproject = \"web\"\n"),
        ("web/profiles/prod.toml", ""),
        ("web/modules/alpha/main.tf", ""),
    ];
    let world = World::with_project(&files);
    let a = world.clone("a");
    let words = "build lock true: -- alpha prod";
    let run = |dir: &str, owner: &str, words: &str| a.lockstep(words).cwd(a.path(dir)).owner(owner).run();
    run("infra", "ana@host1", words).code(0);
    run("web", BOB, words).code(0);
    run("web", "ana@host1", words).code(75).says("lock `web:alpha/prod` is held by `bob@host2`");
    assert_eq!(
        refs(&world),
        ["@in/infra/@all/@all", "@in/infra/alpha/prod", "@in/web/@all/@all", "@in/web/alpha/prod"]
    );
    let rows = |out: &Output| -> Vec<String> {
        out.stdout().lines().skip(1).map(|l| l.split(' ').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(rows(&run("infra", "ana@host1", "locks")), ["alpha/prod"]);
    let all = run("infra", "ana@host1", "locks --all-projects");
    assert_eq!(rows(&all), ["infra:alpha/prod", "web:alpha/prod"]);
    let json = run("web", BOB, "locks --json").stdout();
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[0]["key"], "web:alpha/prod");
    for (dir, key, owner) in [("infra", "alpha/prod", "ana"), ("infra", "web:alpha/prod", "bob")] {
        let shown = run(dir, "carl", &format!("locks show {key}"));
        assert!(shown.stdout().contains(owner), "{shown}");
    }
    run("infra", "carl", "locks show :alpha/prod").code(0).says("never taken");
    run("infra", "ana@host1", "freeze --reason why prod").code(75).says("`infra:alpha/prod`");
    run("infra", "ana@host1", "unlock-any -- alpha prod").code(0);
    run("infra", "ana@host1", "freeze --reason why prod").code(0);
    run("infra", "ana@host1", words).code(75).says("lockstep thaw prod");
    // The neighbour is not frozen.
    run("web", BOB, "unlock-any -- alpha prod").code(0);
    run("web", BOB, words).code(0);
    run("infra", BOB, "thaw prod").code(0);
    let log = run("infra", BOB, "log --json").stdout();
    let log: Vec<Value> = serde_json::from_str(&log).expect("JSON");
    assert!(log.iter().all(|entry| entry["key"].as_str().is_some_and(|key| key.starts_with("infra:"))));
}
