//! What must hold of every graph and every order, whatever the units need.

use proptest::prelude::*;

use super::super::tests::Sample;
use super::super::{Name, Turn};
use super::*;

fn unit(number: usize) -> UnitId {
    UnitId::new(Name::new(format!("m{number:04}")).unwrap(), Name::new("prod").unwrap())
}

/// The graph of units by number that need others by number.
fn graph(count: usize, needs: &[(usize, usize)]) -> Result<UnitGraph, ProjectError> {
    UnitGraph::grow((0..count).map(unit), |of| {
        let of_it = needs.iter().filter(|(from, _)| unit(*from) == *of);
        let mut found: Found = Vec::new();
        for (_, to) in of_it {
            if !found.iter().any(|(known, _)| *known == unit(*to)) {
                found.push((unit(*to), Because::Needs(Place::new("f", *to + 1))));
            }
        }
        Ok(found)
    })
}

/// What can be reached from a unit by its needs, without it unless it needs itself.
fn closure(count: usize, needs: &[(usize, usize)]) -> Vec<BTreeSet<usize>> {
    let mut all: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); count];
    loop {
        let mut grew = false;
        for (from, to) in needs {
            let further: Vec<usize> = all[*to].iter().copied().chain([*to]).collect();
            for one in further {
                grew |= all[*from].insert(one);
            }
        }
        if !grew {
            return all;
        }
    }
}

fn pairs(turns: &[Turn]) -> BTreeSet<(UnitId, UnitId)> {
    turns
        .iter()
        .flat_map(|turn| turn.needs.iter().map(|at| (turn.unit.clone(), turns[*at].unit.clone())))
        .collect()
}

prop_compose! {
    /// Needs among a few units; without circles if the numbers only fall.
    fn needs(falling: bool)(list in prop::collection::vec((0..9_usize, 0..9_usize), 0..20)) -> Vec<(usize, usize)> {
        let fall = |(a, b): (usize, usize)| if falling { (a.max(b), a.min(b)) } else { (a, b) };
        // Names must not be what decides: the numbers are mixed up.
        let mixed = |(a, b): (usize, usize)| (a * 4 % 9, b * 4 % 9);
        list.into_iter().map(fall).filter(|(a, b)| !falling || a != b).map(mixed).collect()
    }
}

proptest! {
    #[test]
    fn turns_come_after_all_that_they_need(needs in needs(true), run in prop::collection::vec(0..9_usize, 0..9)) {
        let graph = graph(9, &needs).unwrap();
        let units: Vec<UnitId> = run.iter().map(|number| unit(*number)).collect();
        let turns = graph.turns(&units, false);
        let wanted: BTreeSet<UnitId> = units.iter().cloned().collect();
        prop_assert_eq!(turns.iter().map(|turn| turn.unit.clone()).collect::<BTreeSet<_>>(), wanted);
        prop_assert_eq!(turns.len(), run.iter().collect::<BTreeSet<_>>().len());
        let closure = closure(9, &needs);
        let number = |unit: &UnitId| graph.number(unit).unwrap();
        for (at, turn) in turns.iter().enumerate() {
            prop_assert!(turn.needs.windows(2).all(|pair| pair[0] < pair[1]), "sorted, none twice");
            prop_assert!(turn.needs.iter().all(|need| *need < at));
            // What it waits for, and what those wait for, is exactly what it needs of the run.
            let mut waits: BTreeSet<usize> = BTreeSet::new();
            let mut open = turn.needs.clone();
            while let Some(need) = open.pop() {
                if waits.insert(need) {
                    open.extend(&turns[need].needs);
                }
            }
            let waits: BTreeSet<usize> = waits.iter().map(|at| number(&turns[*at].unit)).collect();
            let run: BTreeSet<usize> = run.iter().copied().collect();
            let wanted: BTreeSet<usize> = closure[number(&turn.unit)].intersection(&run).copied().collect();
            prop_assert_eq!(waits, wanted, "{}", turn.unit);
        }
    }

    #[test]
    fn the_order_does_not_depend_on_how_units_are_named(
        needs in needs(true),
        (run, shuffled) in prop::collection::vec(0..9_usize, 0..12)
            .prop_flat_map(|run| (Just(run.clone()), Just(run).prop_shuffle())),
    ) {
        let (graph, units) = (graph(9, &needs).unwrap(), |run: &[usize]| run.iter().map(|n| unit(*n)).collect::<Vec<_>>());
        prop_assert_eq!(graph.turns(&units(&run), false), graph.turns(&units(&shuffled), false));
        // Nor on the order in which needs are written.
        let turned: Vec<_> = needs.iter().rev().copied().collect();
        let other = super::tests::graph(9, &turned).unwrap();
        prop_assert_eq!(graph.turns(&units(&run), true), other.turns(&units(&run), true));
    }

    #[test]
    fn without_needs_the_order_is_that_of_the_names(run in prop::collection::vec(0..9_usize, 0..12)) {
        let units: Vec<UnitId> = run.iter().map(|number| unit(*number)).collect();
        let turns = graph(9, &[]).unwrap().turns(&units, true);
        let names: Vec<UnitId> = units.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        prop_assert_eq!(turns.into_iter().map(|turn| turn.unit).collect::<Vec<_>>(), names);
    }

    #[test]
    fn reversed_is_the_mirror(needs in needs(true), run in prop::collection::vec(0..9_usize, 0..9)) {
        let graph = graph(9, &needs).unwrap();
        let units: Vec<UnitId> = run.iter().map(|number| unit(*number)).collect();
        let forth = pairs(&graph.turns(&units, false));
        let back = graph.turns(&units, true);
        prop_assert!(back.iter().enumerate().all(|(at, turn)| turn.needs.iter().all(|need| *need < at)));
        let mirrored: BTreeSet<_> = pairs(&back).into_iter().map(|(a, b)| (b, a)).collect();
        prop_assert_eq!(forth, mirrored);
    }

    #[test]
    fn every_circle_is_found_and_told_truly(needs in needs(false)) {
        let closure = closure(9, &needs);
        let in_circles: Vec<usize> = (0..9).filter(|number| closure[*number].contains(number)).collect();
        match graph(9, &needs) {
            Ok(_) => prop_assert!(in_circles.is_empty(), "{in_circles:?}"),
            Err(error) => {
                let text = error.to_string();
                let path: Vec<usize> = text
                    .split_once("circle: ").unwrap().1
                    .split(" -> ")
                    .map(|part| part[1..5].parse().unwrap())
                    .collect();
                prop_assert!(path.len() > 1 && path.first() == path.last(), "{text}");
                for edge in path.windows(2) {
                    prop_assert!(needs.contains(&(edge[0], edge[1])), "{text}");
                }
            }
        }
    }

    #[test]
    fn reach_is_all_that_is_needed_or_all_that_needs(needs in needs(true), from in 0..9_usize) {
        let (graph, closure) = (graph(9, &needs).unwrap(), closure(9, &needs));
        let mut needed = closure[from].clone();
        needed.insert(from);
        prop_assert_eq!(graph.reach([&unit(from)], false), needed);
        let needing: BTreeSet<usize> = (0..9).filter(|n| *n == from || closure[*n].contains(&from)).collect();
        prop_assert_eq!(graph.reach([&unit(from)], true), needing);
    }
}

#[test]
fn a_chain_may_be_longer_than_any_stack_is_deep() {
    let chain: Vec<(usize, usize)> = (1..5000).map(|n| (n, n - 1)).collect();
    let graph = UnitGraph::grow([unit(4999)], |of| {
        let number: usize = of.module.as_str()[1..].parse().unwrap();
        let next =
            chain.get(number.wrapping_sub(1)).map(|(_, to)| (unit(*to), Because::Outputs(Place::whole("x"))));
        Ok(next.into_iter().collect())
    })
    .unwrap();
    assert_eq!(graph.units().len(), 5000);
    let turns = graph.turns(&[unit(4999), unit(0)], false);
    assert_eq!((turns[1].unit.clone(), turns[1].needs.as_slice()), (unit(4999), &[0][..]));
}

#[test]
fn a_need_in_another_profile_stays_there() {
    let sample = Sample::new(&[
        ("modules/app/module.toml", "needs = ['vpc/shared']\n"),
        ("modules/vpc/module.toml", "needs = ['account']\n"),
        ("modules/account/x", ""),
        ("profiles/dev.toml", ""),
        ("profiles/shared.toml", ""),
    ]);
    let graph = sample.project().unit_graph(["app/dev".parse().unwrap()]).unwrap();
    let names: Vec<String> = graph.units().iter().map(UnitId::to_string).collect();
    assert_eq!(names, ["account/shared", "app/dev", "vpc/shared"]);
    assert_eq!(graph.needs(1)[0].because, Because::Needs(Place::new("modules/app/module.toml", 1)));
}
