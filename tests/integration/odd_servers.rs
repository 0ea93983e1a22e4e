//! Servers that keep a part of what a lock needs from us: each is told by its name, and the ways on work.

use serde_json::Value;

use crate::harness::{Checkout, World};

/// What `doctor --probe` finds about the lock's refs: how bad it is, and all that it says.
fn probed(a: &Checkout<'_>, options: &str) -> (String, String) {
    let out = a.lockstep(&format!("doctor {options} --json")).run();
    let all: Vec<Value> =
        serde_json::from_str(&out.stdout()).unwrap_or_else(|e| panic!("no JSON ({e})\n{out}"));
    let own = all.iter().find(|finding| finding["id"] == "git.push").expect("it was looked at");
    (own["severity"].as_str().expect("a word").to_owned(), own.to_string())
}

#[test]
fn refs_that_are_hidden_from_a_fetch_are_told_so() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    a.lockstep("build git-check lock true: -- alpha prod").run().code(0);
    world.git(&world.origin(), "config uploadpack.hideRefs refs/lockstep");
    for words in ["build git-check lock true: unlock -- alpha prod", "freeze --reason why alpha/prod"] {
        let out = b.lockstep(words).owner("bob@host2").run();
        out.code(78)
            .says("refs/lockstep/locks on origin are not shown to those who fetch")
            .says("lockstep doctor --probe");
    }
    let (severity, told) = probed(&b, "--probe");
    assert_eq!(severity, "problem", "{told}");
    assert!(told.contains("does not show it"), "{told}");
    assert!(world.origin_refs("refs/lockstep/probe").is_empty(), "nothing is left");
    world.git(&world.origin(), "config --unset uploadpack.hideRefs");
    assert_eq!(probed(&b, "--probe").0, "ok");
    b.lockstep("lock true: unlock -- alpha prod").owner("bob@host2").run().code(75);
}

#[test]
fn a_server_without_atomic_pushes_is_told_so_and_can_still_have_the_branch() {
    let world = World::new();
    let a = world.clone("a");
    world.git(&world.origin(), "config receive.advertiseAtomic false");
    let said = "remote `origin` does not take several refs in one atomic push";
    for words in ["build git-check lock true: unlock -- alpha prod", "freeze --reason why alpha/prod"] {
        a.lockstep(words).run().code(78).says(said).says("keep the locks elsewhere");
    }
    assert!(world.origin_refs("refs/lockstep").is_empty());
    for options in ["", "--probe"] {
        let (severity, told) = probed(&a, options);
        assert!(severity == "problem" && told.contains(&said.replace('"', "\\\"")), "{told}");
    }
    let head = a.commit_file("lockstep.toml", "[lock]\nbackend = \"local\"\n");
    a.lockstep("build git-check lock true: git-push unlock -- alpha prod").run().code(0);
    assert_eq!(world.origin_at("main"), head);
}
