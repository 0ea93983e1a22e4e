//! Records that cannot be understood: what is said of them, and the ways out.

use serde_json::Value;

use crate::harness::{Checkout, Output, World};

const REF: &str = "refs/lockstep/locks/alpha/prod";

/// A commit with that message on `origin`, on the empty tree. Of a huge one the words would be too long for
/// an argument.
fn commit(world: &World, parent: Option<&str>, message: &str) -> String {
    let tree = world.git_args(&world.origin(), &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let file = world.sign("message");
    std::fs::write(&file, message).expect("the world is writable");
    let mut args = vec!["commit-tree", tree.trim(), "-F", file.to_str().expect("text")];
    args.extend(parent.into_iter().flat_map(|parent| ["-p", parent]));
    world.git_args(&world.origin(), &args).trim().to_owned()
}

/// Puts a commit with that message upon the last record of alpha/prod. Its name.
fn plant(world: &World, message: &str) -> String {
    let tip = world.git_args(&world.origin(), &["rev-parse", REF]);
    let bad = commit(world, Some(tip.trim()), message);
    world.git_args(&world.origin(), &["update-ref", REF, &bad]);
    bad
}

/// A clone whose run has taken the lock of alpha/prod and given it back.
fn with_a_run(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    a
}

#[test]
fn a_huge_record_is_one_that_cannot_be_understood() {
    let world = World::new();
    let a = with_a_run(&world);
    plant(&world, &format!("x\n\n{}\n", "y".repeat(2 << 20)));
    let said = "the record of lock `alpha/prod` in refs/lockstep/locks on origin cannot be understood: ";
    let evict = "--reason why unlock-any -- alpha prod";
    for words in ["locks", "locks show alpha/prod", evict, "freeze --reason why alpha/prod"] {
        a.lockstep(words).run().code(78).says(said).says("it has more than 65536 bytes");
    }
    a.alias("tofu apply").run().code(78).says(said);
    assert_eq!(world.called().len(), 1, "nothing was run");
}

/// What `log` printed of alpha/prod: the acts, newest first.
fn acts(out: &Output) -> Vec<String> {
    let log: Vec<Value> =
        serde_json::from_str(&out.stdout()).unwrap_or_else(|e| panic!("no JSON ({e})\n{out}"));
    let mut own = log.iter().filter(|entry| entry["key"] == "alpha/prod");
    own.by_ref().map(|entry| entry["act"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn one_record_that_cannot_be_understood_hides_none_above_or_below_it() {
    let world = World::new();
    let a = with_a_run(&world);
    let good = world.git_args(&world.origin(), &["rev-parse", REF]);
    let bad = plant(&world, "no record");
    let words = ["log alpha/prod", "log"];
    let told = format!("cannot be understood: commit {}: its message holds no record", &bad[..10]);
    // At the tip.
    for words in words {
        let out = a.lockstep(words).run();
        out.code(78).says(&told);
        assert!(out.stdout().contains("released") && out.stdout().contains("acquired"), "{out}");
        let out = a.lockstep(&format!("{words} --json")).run();
        out.code(78).says(&told);
        assert_eq!(acts(&out), ["released", "acquired"]);
    }
    // Good ones upon it, as somebody who mends by hand would put them, and a huge one between.
    let top = world.git_args(&world.origin(), &["log", "-1", "--format=%B", good.trim()]);
    plant(&world, &top);
    let huge = plant(&world, &"y".repeat(2 << 20));
    plant(&world, &top);
    for words in words {
        let out = a.lockstep(&format!("{words} --json")).run();
        out.code(78).says(&told).says(&format!("commit {}: it has more than 65536 bytes", &huge[..10]));
        assert_eq!(acts(&out), ["released", "released", "released", "acquired"]);
    }
    let out = a.lockstep("log alpha/prod -n 1 --json").run();
    out.code(78).never_says("no record");
    assert_eq!(acts(&out), ["released"], "as many as were asked for, of those that can be understood");
    // A run asks for the last one alone.
    a.alias("tofu apply").run().code(0);
}

#[test]
fn a_ref_that_was_pointed_elsewhere_is_not_read_to_its_root() {
    let world = World::new();
    let a = with_a_run(&world);
    for number in 0..20 {
        plant(&world, &format!("no record {number}"));
    }
    let out = a.lockstep("log alpha/prod").run();
    out.code(78).prints("");
    assert_eq!(out.stderr().matches("no record").count(), 10, "{out}");
}
