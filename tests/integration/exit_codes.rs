//! Every exit code of the table is provoked at least once somewhere; this file has those that no
//! other theme owns, and the sum.

use std::collections::BTreeSet;

use lockstep::ExitCode;

use crate::harness::{World, repository};

/// No test can provoke a defect on purpose.
const NOT_PROVOKED: &[ExitCode] = &[ExitCode::Internal];

#[test]
fn a_check_that_finds_something_ends_with_one() {
    let world = World::bare();
    world.program("lockstep", &world.path("home")).words("generate --check").run().code(1);
    world.program("lockstep", &world.path("home")).words("generate").run().code(0);
    world.program("lockstep", &world.path("home")).words("generate --check").run().code(0);
}

#[test]
fn every_code_of_the_table_is_provoked_by_some_test() {
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(repository().join("tests/integration")).expect("readable") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(path).expect("readable");
            for rest in text.split(".code(").skip(1) {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                seen.extend(digits.parse::<u8>());
            }
        }
    }
    let missing: Vec<_> = ExitCode::ALL
        .into_iter()
        .filter(|c| !seen.contains(&c.code()) && !NOT_PROVOKED.contains(c))
        .collect();
    assert!(missing.is_empty(), "no test provokes {missing:?}");
}
