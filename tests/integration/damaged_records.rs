//! Records that cannot be understood: what is said of them, and the ways out.

use crate::harness::{Checkout, World};

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
    let said = "the record of lock `alpha/prod` in refs/lockstep/locks on origin cannot be understood: \
                it has more than 65536 bytes";
    let evict = "--reason why unlock-any -- alpha prod";
    for words in ["locks", "locks show alpha/prod", evict, "freeze --reason why alpha/prod"] {
        a.lockstep(words).run().code(78).says(said);
    }
    a.alias("tofu apply").run().code(78).says(said);
    assert_eq!(world.called().len(), 1, "nothing was run");
}
