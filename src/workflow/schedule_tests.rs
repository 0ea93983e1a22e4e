//! The laws of turns, over any graph, any end of any unit, in any order.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn units(needs: &[&[usize]]) -> Vec<Turns> {
    needs.iter().map(|needs| Turns { needs: needs.to_vec(), locks: Vec::new() }).collect()
}

#[test]
fn a_failure_leaves_out_what_needs_it_and_says_why() {
    let mut turns = Schedule::new(units(&[&[], &[0], &[1], &[]]), 1, true);
    assert_eq!(turns.begin(), Some(0));
    assert_eq!(turns.begin(), None, "one at a time");
    assert_eq!(turns.end(0, false, false), [(1, Why::NeedsFailed(0)), (2, Why::NeedsLeftOut(1))]);
    assert_eq!(turns.begin(), Some(3));
    assert_eq!(turns.end(3, true, false), []);
    assert!(turns.is_over());
}

#[test]
fn after_a_failure_nothing_begins_unless_it_shall() {
    let mut turns = Schedule::new(units(&[&[], &[], &[0], &[]]), 2, false);
    assert_eq!((turns.begin(), turns.begin(), turns.begin()), (Some(0), Some(1), None));
    assert_eq!(turns.end(0, false, false), [(2, Why::NeedsFailed(0)), (3, Why::Failed(0))]);
    assert_eq!(turns.begin(), None);
    assert!(!turns.is_over(), "one still runs");
    assert_eq!(turns.end(1, true, false), []);
    assert!(turns.is_over());
}

#[test]
fn units_of_one_lock_run_one_after_the_other_and_a_kept_one_keeps_the_rest_back() {
    let locks = |locks: &[usize]| Turns { needs: Vec::new(), locks: locks.to_vec() };
    let units = vec![locks(&[0, 1]), locks(&[1, 2]), locks(&[3]), locks(&[2]), locks(&[0])];
    let mut turns = Schedule::new(units, 8, true);
    assert_eq!((turns.begin(), turns.begin(), turns.begin()), (Some(0), Some(2), Some(3)));
    assert_eq!(turns.begin(), None);
    assert_eq!(turns.end(3, true, false), []);
    assert_eq!(turns.begin(), None, "1 shares another one with 0");
    assert_eq!(turns.end(0, false, true), [(1, Why::Kept(0)), (4, Why::Kept(0))]);
    turns.end(2, true, false);
    assert!(turns.is_over());
}

#[test]
fn a_request_to_end_leaves_out_whatever_was_not_begun() {
    let mut turns = Schedule::new(units(&[&[], &[], &[0]]), 1, true);
    assert_eq!(turns.begin(), Some(0));
    let asked = Why::Asked(Signal::Term);
    assert_eq!(turns.stop(Signal::Term), [(1, asked), (2, asked)]);
    turns.end(0, true, false);
    assert!(turns.is_over());
}

/// A run: units with what they need and take, how each ends, and in which order.
#[derive(Clone, Debug)]
struct Case {
    units: Vec<Turns>,
    /// Whether each would end well, and whether it would keep its locks.
    ends: Vec<(bool, bool)>,
    order: Vec<Index>,
    jobs: usize,
    keep_going: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let unit = (
        prop::collection::vec(any::<Index>(), 0..3),
        prop::collection::btree_set(0_usize..4, 0..3),
        (prop::bool::weighted(0.8), prop::bool::weighted(0.2)),
    );
    let units = prop::collection::vec(unit, 0..12);
    (units, prop::collection::vec(any::<Index>(), 12), 0_usize..5, any::<bool>()).prop_map(
        |(units, order, jobs, keep_going)| {
            let turns = |(at, (needs, locks, _)): (usize, &(Vec<Index>, BTreeSet<usize>, _))| Turns {
                needs: if at == 0 { Vec::new() } else { needs.iter().map(|need| need.index(at)).collect() },
                locks: locks.iter().copied().collect(),
            };
            let ends = units.iter().map(|(_, _, end)| *end).collect();
            Case { units: units.iter().enumerate().map(turns).collect(), ends, order, jobs, keep_going }
        },
    )
}

/// What became of each unit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Became {
    Ended(bool),
    LeftOut(Why),
}

/// Plays a case to its end; asserts the laws on the way.
fn play(case: &Case) -> Vec<Became> {
    let mut turns = Schedule::new(case.units.clone(), case.jobs, case.keep_going);
    let mut became: Vec<Option<Became>> = vec![None; case.units.len()];
    let (mut running, mut failed, mut step) = (Vec::new(), false, 0);
    while !turns.is_over() {
        while let Some(at) = turns.begin() {
            let unit = &case.units[at];
            assert!(became[at].is_none() && !running.contains(&at), "{at} begins once");
            assert!(!failed || case.keep_going, "nothing begins after a failure");
            assert!(unit.needs.iter().all(|need| became[*need] == Some(Became::Ended(true))));
            let shares =
                |other: &usize| case.units[*other].locks.iter().any(|lock| unit.locks.contains(lock));
            assert!(!running.iter().any(shares), "one lock, one unit");
            running.push(at);
            assert!(running.len() <= case.jobs.max(1));
        }
        assert!(!running.is_empty(), "it never stands still");
        let at = running.remove(case.order[step % 12].index(running.len()));
        step += 1;
        let (well, keeps) = case.ends[at];
        became[at] = Some(Became::Ended(well));
        failed |= !well;
        for (other, why) in turns.end(at, well, keeps) {
            assert!(became[other].replace(Became::LeftOut(why)).is_none(), "{other} is left out once");
        }
    }
    became.into_iter().map(|became| became.expect("everybody ran or was left out")).collect()
}

proptest! {
    #[test]
    fn every_unit_has_its_turn_or_a_reason(case in case()) {
        let became = play(&case);
        for (at, became_of) in became.iter().enumerate() {
            match became_of {
                Became::LeftOut(Why::NeedsFailed(need)) => {
                    prop_assert!(case.units[at].needs.contains(need));
                    prop_assert_eq!(became[*need], Became::Ended(false));
                }
                Became::LeftOut(Why::NeedsLeftOut(need)) => {
                    prop_assert!(case.units[at].needs.contains(need));
                    prop_assert!(matches!(became[*need], Became::LeftOut(_)));
                }
                Became::LeftOut(Why::Kept(by)) => {
                    prop_assert!(case.ends[*by].1 && matches!(became[*by], Became::Ended(_)));
                }
                Became::LeftOut(Why::Failed(by)) => {
                    prop_assert!(!case.keep_going && became[*by] == Became::Ended(false));
                }
                Became::LeftOut(Why::Asked(_)) => prop_assert!(false, "nobody asked"),
                Became::Ended(well) => prop_assert_eq!(*well, case.ends[at].0),
            }
        }
    }

    /// Where no lock is kept, going on reaches the same end in whatever order units end.
    #[test]
    fn the_order_of_ends_does_not_matter(case in case(), other in prop::collection::vec(any::<Index>(), 12), jobs in 1_usize..9) {
        let ends = case.ends.iter().map(|(well, _)| (*well, false)).collect();
        let case = Case { keep_going: true, ends, ..case };
        let again = Case { order: other, jobs, ..case.clone() };
        let ended = |case: &Case| -> Vec<Option<bool>> {
            let ended = |became| match became { Became::Ended(well) => Some(well), Became::LeftOut(_) => None };
            play(case).into_iter().map(ended).collect()
        };
        prop_assert_eq!(ended(&case), ended(&again));
    }
}
