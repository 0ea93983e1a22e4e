//! The README's commands, run as they stand there.

use std::fmt::Write as _;

use crate::harness::{Checkout, World, repository, tofu};

/// The shell commands of the README, block by block.
fn blocks() -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("README.md")).expect("readable");
    let blocks = text.split("\n```sh\n").skip(1);
    blocks.map(|rest| rest.split("\n```").next().expect("a block has an end").to_owned()).collect()
}

/// What a newcomer does with the program's own source: everything else happens in his repository.
const OF_THE_SOURCE: &[&str] = &["cargo run -- demo", "cargo test"];

#[test]
fn the_first_command_after_the_clone_is_the_demo() {
    let blocks = blocks();
    assert_eq!(blocks[0], "cargo run -- demo", "which the tests of the demo run");
    assert!(blocks.iter().any(|b| b == "cargo test"), "the test command, which runs this");
}

#[test]
fn two_minutes_in_ones_own_repository() {
    let world = World::bare();
    let (tool, path) = tofu();
    world.link(tool, &path);
    world.git(&world.path(""), "init -q --bare origin.git");
    world.git_args(&world.path(""), &["clone", "-q", &world.url(), "own"]);
    let own = Checkout::at(&world, "own");
    let mut script = String::from("set -e\n");
    for block in blocks().iter().filter(|b| !OF_THE_SOURCE.contains(&b.as_str())) {
        // As the README says: with terraform, write `terraform` in place of `tofu`.
        let _ = writeln!(script, "{}", block.replace("tofu", tool));
    }
    assert!(script.contains("alias ") && script.contains("git push"), "{script}");
    let out = world.program("sh", own.dir()).args(["-c", &script]).run();
    out.code(0);
    assert!(out.stdout().contains("hello from prod"), "{out}");
    assert_eq!(world.lock_state("alpha/prod"), "free");
    assert_eq!(world.origin_at("main"), own.head());
    assert_eq!(own.git("status --porcelain"), "");
}
