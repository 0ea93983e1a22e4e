//! The exit code of a run, out of the ends of its units.
//!
//! Any failure beats 'changes', and 'changes' beats 0. Of several failures the first in the plan's order
//! counts, not the first in time; of several 'changes' as well. A unit that was left out because of
//! another's failure does not count, for that failure does. One that was left out although nothing
//! failed (the run was asked to end, a lock stayed) counts with the code of that reason: what was asked
//! for was not done.
//!
//! A tool that was killed has failed (128 and the signal's number), also one whose exit code could mean
//! 'changes'.

/// How one unit ended, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnitCode {
    /// It ended well with this code; another one than 0 says that there are changes.
    Well(u8),
    /// It failed with this code.
    Failed(u8),
    /// It was left out because of a failure elsewhere.
    LeftOut,
    /// It was left out for a reason of its own, which has this code.
    LeftOutWith(u8),
}

/// The code of a run, from its units in the plan's order.
pub(super) fn run_code(units: impl Iterator<Item = UnitCode> + Clone) -> u8 {
    let first = |code: fn(UnitCode) -> Option<u8>| units.clone().find_map(code);
    // A failure must never look like success, whatever code it was given.
    let failed = first(|unit| match unit {
        UnitCode::Failed(code) => Some(code.max(1)),
        _ => None,
    });
    let left_out = || {
        first(|unit| match unit {
            UnitCode::LeftOutWith(code) => Some(code.max(1)),
            _ => None,
        })
    };
    let changes = || {
        first(|unit| match unit {
            UnitCode::Well(code) if code != 0 => Some(code),
            _ => None,
        })
    };
    failed.or_else(left_out).or_else(changes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::UnitCode::{Failed, LeftOut, LeftOutWith, Well};
    use super::*;

    #[test]
    fn by_example() {
        let of = |units: &[UnitCode]| run_code(units.iter().copied());
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[Well(0), Well(2), Well(0)]), 2);
        assert_eq!(of(&[Well(2), Failed(1), LeftOut]), 1);
        assert_eq!(of(&[Well(2), Failed(137), Failed(1)]), 137);
        assert_eq!(of(&[Well(2), LeftOutWith(143)]), 143);
        assert_eq!(of(&[LeftOutWith(130), Failed(7)]), 7);
    }

    fn unit() -> impl Strategy<Value = UnitCode> {
        prop_oneof![
            3 => Just(Well(0)),
            1 => (1_u8..64).prop_map(Well),
            1 => any::<u8>().prop_map(Failed),
            1 => Just(LeftOut),
            1 => any::<u8>().prop_map(LeftOutWith),
        ]
    }

    proptest! {
        #[test]
        fn any_failure_beats_changes_and_changes_beat_0(units in prop::collection::vec(unit(), 0..9)) {
            let code = run_code(units.iter().copied());
            let failed: Vec<u8> =
                units.iter().filter_map(|u| if let Failed(c) = u { Some((*c).max(1)) } else { None }).collect();
            let left_out = units.iter().any(|unit| matches!(unit, LeftOutWith(_)));
            let changes: Vec<u8> =
                units.iter().filter_map(|u| match u { Well(c) if *c > 0 => Some(*c), _ => None }).collect();
            match (failed.first(), left_out, changes.first()) {
                (Some(first), _, _) => prop_assert_eq!(code, *first),
                (None, true, _) => prop_assert!(code != 0),
                (None, false, Some(first)) => prop_assert_eq!(code, *first),
                (None, false, None) => prop_assert_eq!(code, 0),
            }
        }

        /// What is 0 is 0 whoever is left away, and one more success changes nothing.
        #[test]
        fn a_success_more_changes_nothing(units in prop::collection::vec(unit(), 0..9), at in any::<prop::sample::Index>()) {
            let code = run_code(units.iter().copied());
            let mut more = units.clone();
            more.insert(at.index(units.len() + 1), Well(0));
            prop_assert_eq!(run_code(more.iter().copied()), code);
        }
    }
}
