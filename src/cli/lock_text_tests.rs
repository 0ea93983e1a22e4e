//! What people read of locks, to the letter.

use super::*;
use crate::lock::LockKey;
use crate::lock::contract::fixture::{host, oid, record};

fn ages() -> Ages {
    Ages {
        now: Timestamp::from_second(1_800_000_000 + 3 * 60 * 60 + 5 * 60).unwrap(),
        stale_after: StaleAfter::default(),
    }
}

fn listed(record: Record) -> Listed {
    Listed { name: record.key.to_string(), last: Ok(record) }
}

#[test]
fn a_table_is_readable_without_colours() {
    let failed = Record {
        state: LockState::Failed,
        owner: "github:acme/infra:7:apply".into(),
        time: Timestamp::from_second(1_800_000_000 - 3 * 24 * 60 * 60).unwrap(),
        host: host("runner-1"),
        program: None,
        commit: None,
        ..record("beta-long/prod")
    };
    let bad = Listed { name: "gamma/prod".into(), last: Err("it is torn".into()) };
    let text = table(&[listed(record("alpha/prod")), listed(failed), bad], ages());
    let expected = "\
LOCK            STATE          OWNER                      AGE    HOST      PROGRAM     COMMIT
alpha/prod      held           ana@laptop                 3h 5m  laptop    tofu apply  1111111111
beta-long/prod  failed, stale  github:acme/infra:7:apply  3d 3h  runner-1  -           -
gamma/prod      unreadable     -                          -      -         -           -
";
    assert_eq!(text, expected);
}

#[test]
fn hostile_texts_are_escaped_everywhere() {
    let evil = "\u{1b}[2J\u{7}\u{202e}\nx".to_owned();
    let hostile = Record {
        owner: evil.clone(),
        unit: evil.clone(),
        host: host(&evil),
        program: Some(evil.clone()),
        subcommand: Some(evil.clone()),
        overrides: vec![evil.clone()],
        reason: Some(evil),
        act: Act::Evicted,
        ..record("alpha/prod")
    };
    let entry = LogEntry { record: hostile.clone(), before: Some(hostile.clone()) };
    for text in [table(&[listed(hostile.clone())], ages()), detail(&hostile, ages()), log(&[entry])] {
        assert!(!text.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202e}'), "{text:?}");
    }
    assert_eq!(table(&[listed(hostile)], ages()).lines().count(), 2);
}

#[test]
fn one_lock_is_told_in_full() {
    let one = Record {
        keys: ["alpha/prod", "vpc/prod"].map(|k| LockKey::new(k).unwrap()).into_iter().collect(),
        ..record("alpha/prod")
    };
    let expected = "\
lock        alpha/prod
state       held
owner       ana@laptop
since       2027-01-15 08:00:00 UTC, 3h 5m ago
last act    acquired
generation  7
run         r1
host        laptop, process 4711
taken with  vpc/prod
program     tofu apply
commit      1111111111111111111111111111111111111111
applied     2222222222222222222222222222222222222222
changes     may be under way
overrides   size
reason      why \u{1f600} \"not\"
";
    assert_eq!(detail(&one, ages()), expected);
}

#[test]
fn a_history_says_who_did_what_to_whom_with_which_outcome_and_why() {
    let taken = Record { reason: None, overrides: Vec::new(), ..record("alpha/prod") };
    let evicted = Record {
        state: LockState::Free,
        act: Act::Evicted,
        owner: "bob@host2".into(),
        generation: 8,
        program: None,
        commit: None,
        reason: Some("ana is ill".into()),
        ..taken.clone()
    };
    let released = Record {
        state: LockState::Free,
        act: Act::Released,
        effect: Effect::Applied,
        commit: Some(oid('3')),
        generation: 9,
        ..taken.clone()
    };
    let entries = [
        LogEntry { record: released, before: None },
        LogEntry { record: evicted, before: Some(taken.clone()) },
        LogEntry { record: taken, before: None },
    ];
    let expected = "\
WHEN                     LOCK        GEN  WHAT      WHO         COMMIT      MORE
2027-01-15 08:00:00 UTC  alpha/prod  9    released  ana@laptop  3333333333  applied
2027-01-15 08:00:00 UTC  alpha/prod  8    evicted   bob@host2   -           from `ana@laptop` since 2027-01-15 08:00:00 UTC (tofu apply, run r1); ana is ill
2027-01-15 08:00:00 UTC  alpha/prod  7    acquired  ana@laptop  1111111111  tofu apply
";
    assert_eq!(log(&entries), expected);
}

#[test]
fn only_what_is_taken_gets_stale() {
    let old = Record { time: Timestamp::from_second(0).unwrap(), ..record("alpha/prod") };
    assert!(ages().is_stale(&old));
    assert!(!ages().is_stale(&Record { state: LockState::Free, ..old.clone() }));
    assert!(!ages().is_stale(&Record { state: LockState::Frozen, ..old.clone() }));
    assert!(!Ages { stale_after: StaleAfter::Never, ..ages() }.is_stale(&old));
}
