//! Looking at locks: `locks`, `locks show`, `log`.

use serde_json::{Value, json};

use crate::harness::{Checkout, Output, World, connections, snap};

/// A lock of ana's that her failed run has kept, and one of bob's that his run has left.
fn two_locks(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    a.alias("tofu apply").run().code(1);
    let b = world.clone("b");
    let beta = "build git-check lock true: -- beta prod";
    b.lockstep(beta).owner("bob@host2").run().code(0);
    a
}

fn parsed(out: &Output) -> Value {
    serde_json::from_str(&out.stdout()).unwrap_or_else(|e| panic!("no JSON ({e})\n{out}"))
}

/// Puts a commit with this text where a lock's record belongs.
fn plant(world: &World, name: &str, text: &str) {
    let tree = world.git_args(&world.origin(), &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let message = world.sign("message");
    std::fs::write(&message, format!("x\n\n{text}\n")).expect("the world is writable");
    let message = message.to_str().expect("text");
    let commit = world.git_args(&world.origin(), &["commit-tree", tree.trim(), "-F", message]);
    let name = format!("refs/lockstep/locks/{name}");
    world.git_args(&world.origin(), &["update-ref", &name, commit.trim()]);
}

#[test]
fn nothing_held_is_said_beside_the_data() {
    let world = World::new();
    let a = world.clone("a");
    let out = a.lockstep("locks").run();
    out.code(0).prints("").says("nothing is locked in refs/lockstep/locks on origin");
    let out = a.lockstep("locks --json").run();
    out.code(0).prints("[]\n").says("nothing is locked");
    a.lockstep("--quiet locks --json").run().code(0).prints("[]\n").never_says("nothing");
    // What was given back is not held.
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    a.lockstep("locks").run().code(0).prints("");
}

#[test]
fn what_is_held_is_listed_with_who_when_where_and_what() {
    let world = World::new();
    let a = two_locks(&world);
    let c = world.clone("c");
    let out = c.lockstep("locks").owner("carl@host3").run();
    out.code(0);
    let text = out.stdout();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 3, "{out}");
    assert_eq!(lines[0], ["LOCK", "STATE", "OWNER", "AGE", "HOST", "PROGRAM", "COMMIT"]);
    assert_eq!(lines[1][..3], ["alpha/prod", "failed", "ana@host1"], "{out}");
    assert_eq!(lines[1][5..7], ["tofu", "apply"], "{out}");
    assert!(a.head().starts_with(lines[1][7]), "{out}");
    assert_eq!(lines[2][..3], ["beta/prod", "held", "bob@host2"], "{out}");
    let listed = parsed(&c.lockstep("locks --json").run());
    let alpha = &listed[0];
    assert_eq!(alpha["key"], "alpha/prod");
    assert_eq!(
        (&alpha["state"], &alpha["owner"], &alpha["program"], &alpha["stale"]),
        (&json!("failed"), &json!("ana@host1"), &json!("tofu"), &json!(false))
    );
    assert_eq!(alpha["commit"], json!(a.head()));
    assert!(alpha["age_seconds"].is_u64() && alpha["host"].is_string());
    assert_eq!(listed[1]["owner"], "bob@host2");
}

#[test]
fn one_connection_lists_any_number() {
    let world = World::new();
    let a = two_locks(&world);
    for words in ["locks", "locks show alpha/prod", "log", "log beta/prod"] {
        let (out, made) = connections(&world, || a.lockstep(words).run());
        out.code(0);
        assert_eq!(made.len(), 1, "{words}: {made:#?}");
        std::fs::remove_file(world.sign("git.log")).expect("git was called");
    }
}

#[test]
fn an_old_lock_is_marked_and_nothing_else() {
    let world = World::new();
    let a = two_locks(&world);
    a.lockstep("locks").run().code(0).prints_no("stale");
    a.write("lockstep.toml", "[lock]\nstale_after = \"0s\"\n");
    let out = a.lockstep("locks").run();
    assert_eq!(out.stdout().matches("stale").count(), 2, "{out}");
    assert_eq!(parsed(&a.lockstep("locks --json").run())[1]["stale"], json!(true));
    a.lockstep("build lock true: unlock -- beta prod").run().code(75);
    a.write("lockstep.toml", "[lock]\nstale_after = \"never\"\n");
    a.lockstep("locks").run().code(0).prints_no("stale");
    a.write("lockstep.toml", "[lock]\nstale_after = \"tomorrow\"\n");
    let out = a.lockstep("locks").run();
    out.code(78);
    snap!(out);
}

#[test]
fn a_record_that_cannot_be_understood_is_named_and_hides_no_other() {
    let world = World::new();
    let a = two_locks(&world);
    let mut evil = world.lock("alpha/prod").expect("a record");
    evil["state"] = json!("\u{1b}]0;owned\u{7}\u{202e}");
    plant(&world, "alpha/prod", &evil.to_string());
    plant(&world, "alpha/dev", "{");
    plant(&world, "no%2fkey/prod", "{}");
    let out = a.lockstep("locks").run();
    out.code(78).says("alpha/dev").says("alpha/prod").says("no%2fkey/prod");
    assert!(out.stdout().contains("bob@host2"), "{out}");
    assert_eq!(out.stdout().matches("unreadable").count(), 3, "{out}");
    for text in [out.stdout(), out.stderr()] {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{out}");
    }
    let out = a.lockstep("locks --json").run();
    out.code(78);
    let listed = parsed(&out);
    let states: Vec<_> = listed.as_array().expect("a list").iter().map(|lock| &lock["state"]).collect();
    assert_eq!(states, ["unreadable", "unreadable", "held", "unreadable"], "{out}");
    assert!(listed[0]["error"].as_str().is_some_and(|why| !why.is_empty()), "{out}");
    a.lockstep("locks show alpha/prod").run().code(78).prints("");
    let out = a.lockstep("log").run();
    out.code(78).says("alpha/prod");
    assert!(out.stdout().contains("bob@host2"), "{out}");
}

#[test]
fn one_lock_is_shown_in_full() {
    let world = World::new();
    let a = two_locks(&world);
    let out = a.lockstep("locks show alpha/prod").run();
    out.code(0);
    for text in ["failed", "ana@host1", "tofu apply", &a.head(), "begun and not finished", "generation"] {
        assert!(out.stdout().contains(text), "{text}: {out}");
    }
    let shown = parsed(&a.lockstep("locks show alpha/prod --json").run());
    assert_eq!((&shown["generation"], &shown["effect"]), (&json!(1), &json!("unfinished")));
    a.lockstep("locks show alpha/dev").run().code(0).prints("").says("never taken");
    a.lockstep("locks show alpha/dev --json").run().code(0).prints("null\n");
    let out = a.lockstep("locks show ../etc").run();
    out.code(64);
    snap!(out);
}

#[test]
fn the_log_tells_who_did_what_when_and_why() {
    let world = World::new();
    let a = two_locks(&world);
    let b = world.clone("bb");
    b.lockstep("--reason")
        .arg("ana is ill")
        .words("unlock-any -- alpha prod")
        .owner("bob@host2")
        .run()
        .code(0);
    world.tool("tofu");
    b.alias("tofu apply").owner("bob@host2").run().code(0);
    let out = a.lockstep("log alpha/prod").run();
    out.code(0);
    let text = out.stdout();
    let acts = ["released", "acquired", "evicted", "failed", "acquired"];
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), acts.len(), "{out}");
    for (line, act) in lines.iter().zip(acts) {
        assert!(line.contains(act) && line.contains("alpha/prod"), "{act}: {out}");
    }
    assert!(lines[2].contains("bob@host2") && lines[2].contains("ana@host1"), "{out}");
    assert!(lines[2].contains("ana is ill"), "{out}");
    assert!(lines[0].contains("applied") && lines[3].contains("change unfinished"), "{out}");
    let log = parsed(&a.lockstep("log --json").run());
    let log = log.as_array().expect("a list");
    assert_eq!(log.len(), 6, "beta as well");
    let evicted = log.iter().find(|e| e["act"] == "evicted").expect("an eviction");
    assert_eq!((&evicted["from"]["owner"], &evicted["reason"]), (&json!("ana@host1"), &json!("ana is ill")));
    // A part of it, and that it is one.
    let out = a.lockstep("log alpha/prod -n 2").run();
    out.code(0).says("there is more: lockstep log alpha/prod -n 50");
    assert_eq!(out.stdout().lines().count(), 3, "{out}");
    a.lockstep("log alpha/dev").run().code(0).prints("").says("never taken");
    let none = a.lockstep("log alpha/dev --json").run();
    none.code(0).prints("[]\n");
}

#[test]
fn without_a_remote_the_local_locks_are_shown() {
    let world = World::new();
    let a = world.clone("a");
    a.git("remote remove origin");
    a.lockstep("locks").run().code(0).prints("").says("nothing is locked");
    a.lockstep("build lock true: -- alpha prod").run().code(0);
    let out = a.lockstep("locks").run();
    assert!(out.stdout().contains("alpha/prod"), "{out}");
    let out = a.lockstep("log").run();
    assert!(out.stdout().contains("acquired"), "{out}");
}

#[test]
fn a_remote_that_cannot_be_reached_and_no_project_have_their_own_codes() {
    let world = World::new();
    let a = two_locks(&world);
    std::fs::rename(world.origin(), world.path("gone.git")).expect("the world is writable");
    for words in ["locks", "locks show alpha/prod", "log --json"] {
        a.lockstep(words).run().code(69).prints("");
    }
    a.lockstep("locks").cwd("..").run().code(78);
    // Options of a pipeline mean nothing here.
    a.lockstep("--reason x locks").run().code(64);
}

#[test]
fn an_eviction_can_be_bound_to_what_was_seen() {
    let world = World::new();
    let a = two_locks(&world);
    let evict = |generation: &str| {
        let words = format!("--reason why --expect {generation} unlock-any -- alpha prod");
        a.lockstep(&words).owner("bob@host2").run()
    };
    let out = evict("2");
    out.code(75).says("ana@host1");
    snap!("another_generation", out);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    evict("1").code(0).says("ana@host1");
    assert_eq!(world.lock_state("alpha/prod"), "free");
    // Again: it is no longer there to be taken.
    evict("1").code(0).says("free already");
    evict("x").code(64);
    // Where nothing is taken away the option would promise what it does not do.
    let out = a.lockstep("--expect 1 lock true: unlock-any -- alpha prod").run();
    out.code(64);
    snap!("expect_means_nothing", out);
}
