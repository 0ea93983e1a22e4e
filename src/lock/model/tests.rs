//! What is explored, and what is left out to see that it is missed.

use super::properties::{Promise, Sight};
use super::scenario::{Mutation, Scenario};
use super::search::{explore, unseen};
use super::state::Kind;

const NONE: &[Kind] = &[];
const APPLY: &[Kind] = &[Kind::Apply];
const ANY: &[Kind] = &[Kind::Apply, Kind::Plan, Kind::Push];

const BASE: Scenario = Scenario {
    name: "",
    clients: &[],
    kinds: [NONE; 3],
    runs: [0; 3],
    commits: [1; 3],
    heads: [0; 3],
    crashes: 0,
    reboots: 0,
    breaks: 0,
    evictions: 0,
    outside: 0,
    mutation: Mutation::None,
    floor: 0,
};

/// Two people on two machines, and everything that can happen to one taking of the lock.
fn eviction() -> Scenario {
    Scenario {
        name: "two owners, an eviction, a broken connection",
        clients: &[(0, 0, 0), (1, 1, 0)],
        kinds: [APPLY, &[Kind::Apply, Kind::Evict], NONE],
        runs: [1, 2, 0],
        breaks: 1,
        evictions: 1,
        floor: 30_000,
        ..BASE
    }
}

/// Two people, and somebody who pushes without lockstep.
fn outside() -> Scenario {
    Scenario {
        name: "two owners, a push from outside",
        clients: &[(0, 0, 0), (1, 1, 0)],
        kinds: [&[Kind::Apply, Kind::Push], APPLY, NONE],
        runs: [2, 1, 0],
        outside: 1,
        floor: 40_000,
        ..BASE
    }
}

/// One owner in two terminals of one machine.
fn terminals() -> Scenario {
    Scenario {
        name: "one owner in two terminals, two crashes",
        clients: &[(0, 0, 0), (0, 0, 0)],
        kinds: [&[Kind::Apply, Kind::Plan], APPLY, NONE],
        runs: [2, 1, 0],
        crashes: 2,
        floor: 130_000,
        ..BASE
    }
}

/// One owner on two machines: on the other one nothing can be proved.
fn machines() -> Scenario {
    Scenario {
        name: "one owner on two machines, a crash, a power failure, an eviction",
        clients: &[(0, 0, 0), (0, 1, 0)],
        kinds: [APPLY, &[Kind::Plan, Kind::Evict], NONE],
        runs: [2, 1, 0],
        crashes: 1,
        reboots: 1,
        evictions: 1,
        floor: 30_000,
        ..BASE
    }
}

/// Push and release are two pushes, and three connections break.
fn apart() -> Scenario {
    Scenario {
        name: "push and release apart, three broken connections, an eviction",
        clients: &[(0, 0, 0), (1, 1, 0)],
        kinds: [&[Kind::Apart], &[Kind::Apply, Kind::Evict], NONE],
        runs: [1, 1, 0],
        breaks: 3,
        evictions: 1,
        floor: 100_000,
        ..BASE
    }
}

/// One of them works on a branch of his own.
fn branches() -> Scenario {
    Scenario {
        name: "two branches, a broken connection",
        clients: &[(0, 0, 0), (1, 1, 1)],
        kinds: [APPLY, &[Kind::Apply, Kind::Plan], NONE],
        runs: [1, 2, 0],
        breaks: 1,
        floor: 60_000,
        ..BASE
    }
}

/// One client by himself: all that he can do one after the other.
fn alone() -> Scenario {
    Scenario {
        name: "one client, three runs of any kind, a crash, a broken connection",
        clients: &[(0, 0, 0)],
        kinds: [ANY, NONE, NONE],
        runs: [3, 0, 0],
        commits: [2; 3],
        crashes: 1,
        breaks: 1,
        floor: 60_000,
        ..BASE
    }
}

/// Three at once.
fn three() -> Scenario {
    Scenario {
        name: "three clients, two of one owner, a crash, an eviction",
        clients: &[(0, 0, 0), (0, 0, 0), (1, 1, 0)],
        kinds: [APPLY, APPLY, &[Kind::Apply, Kind::Evict]],
        runs: [1, 1, 1],
        crashes: 1,
        evictions: 1,
        floor: 65_000,
        ..BASE
    }
}

/// Explores with every rule in place, says how much there was, and insists that it was not empty.
fn holds(on: &Scenario, wanted: &[Sight]) {
    let found = explore(on, &Promise::ALL);
    println!("{}: {} states, {} steps, {} stuck", on.name, found.states, found.steps, found.stuck);
    if let Some((promise, trace)) = &found.broken {
        panic!("{}: {promise:?} is broken\n{trace}", on.name);
    }
    assert!(found.states >= on.floor, "{}: {} states only", on.name, found.states);
    assert_eq!(unseen(found.seen, wanted), [], "{}: not seen", on.name);
}

/// Explores without one rule, and insists that a promise is broken.
fn breaks(mutation: Mutation, on: &Scenario, promise: Promise) {
    let found = explore(&on.without(mutation), &Promise::ALL);
    let (broken, trace) = found.broken.unwrap_or_else(|| panic!("{mutation:?} is not noticed"));
    println!("{mutation:?} breaks {broken:?} within {} states:\n{trace}", found.states);
    assert_eq!(broken, promise, "{mutation:?}:\n{trace}");
}

#[test]
fn an_eviction_fences() {
    let wanted = [
        Sight::Evicted,
        Sight::EvictedRunRefused,
        Sight::Superseded,
        Sight::ArrivedLate,
        Sight::TakenOverFailed,
        Sight::ToolOfEvicted,
        // The documented window, and what is no harm.
        Sight::EvictedStarts,
        Sight::EvictedUnaware,
    ];
    holds(&eviction(), &wanted);
}

#[test]
fn a_push_from_outside_is_caught_or_in_the_one_round_trip() {
    holds(&outside(), &[Sight::PushRefused, Sight::MovedInTheRoundTrip, Sight::LeftUnfinished]);
}

#[test]
fn a_tool_that_outlives_its_lockstep_keeps_the_lock() {
    let wanted = [
        Sight::ToolOutlives,
        Sight::WrapperEnds,
        Sight::TakenOverProved,
        Sight::RefusedHeld,
        Sight::StuckProvable,
    ];
    holds(&terminals(), &wanted);
}

#[test]
fn what_cannot_be_proved_needs_a_person() {
    holds(&machines(), &[Sight::StuckUnprovable, Sight::StuckFailed, Sight::ToolOutlives, Sight::Evicted]);
}

#[test]
fn a_lost_answer_leaves_the_truth_to_be_found() {
    let wanted = [Sight::Ambiguous, Sight::ReleasedUnheard, Sight::Superseded, Sight::ArrivedLate];
    holds(&apart(), &wanted);
}

#[test]
fn another_branch_is_no_way_around_what_was_applied() {
    holds(&branches(), &[Sight::RefusedStale, Sight::ArrivedLate]);
}

#[test]
fn one_client_always_gets_on() {
    let wanted = [Sight::TakenOverFailed, Sight::TakenOverProved, Sight::LeftUnfinished];
    holds(&alone(), &wanted);
}

#[test]
fn three_clients_have_one_holder() {
    holds(&three(), &[Sight::RefusedHeld, Sight::TakenOverProved, Sight::EvictedRunRefused]);
}

#[test]
fn each_rule_is_missed_where_it_is_left_out() {
    breaks(Mutation::NoLease, &eviction(), Promise::OneHolder);
    breaks(Mutation::NoAppliedCheck, &branches(), Promise::NeverOlder);
    breaks(Mutation::NoFence, &eviction(), Promise::Fenced);
    // The tool that outlived its lockstep, the other terminal, the other machine.
    breaks(Mutation::NoProof, &alone(), Promise::OneHolder);
    breaks(Mutation::NoProof, &terminals(), Promise::OneHolder);
    breaks(Mutation::NoProof, &machines(), Promise::OneHolder);
    // The tool behind a wrapper that was killed.
    breaks(Mutation::WrapperIsTool, &terminals(), Promise::OneHolder);
    breaks(Mutation::EvictedReturns, &eviction(), Promise::Fenced);
    breaks(Mutation::NoGuard, &outside(), Promise::Fresh);
    breaks(Mutation::FreeAfterReading, &outside(), Promise::Whole);
    breaks(Mutation::OwnPushUnknown, &apart(), Promise::Truthful);
    breaks(Mutation::NoFixAfterDeath, &alone(), Promise::WayOut);
}

/// The guard is what git adds. Where a backend cannot name the branch, freshness is all that is lost.
#[test]
fn without_the_guard_every_other_promise_holds() {
    let others = Promise::ALL.into_iter().filter(|p| *p != Promise::Fresh).collect::<Vec<_>>();
    for on in [outside(), branches()] {
        let found = explore(&on.without(Mutation::NoGuard), &others);
        assert!(found.broken.is_none(), "{}", found.broken.map(|(_, trace)| trace).unwrap_or_default());
    }
}
