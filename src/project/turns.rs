//! The order in which the units of one run have their turns.
//!
//! What must hold: a unit comes after all that it needs, also where it needs that only by way of units
//! that are not in the run, and whatever the order in which the units were named; among those that
//! are free to go, the first by name goes first.

use std::collections::{BTreeSet, HashMap};

use super::{Configs, Project, ProjectError, UnitGraph, UnitId};

/// A unit in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The unit.
    pub unit: UnitId,
    /// The places, smaller than its own, of the units of the same run that must have succeeded before.
    pub needs: Vec<usize>,
}

impl Project {
    /// The units in an order in which each comes after what it needs; `reversed`, for what takes things
    /// down, each comes before what it needs.
    ///
    /// A single unit has no order. Of its needs only the names are looked at: what is wrong with another
    /// module must keep nobody from mending, or from giving a lock back.
    ///
    /// # Errors
    /// When units need each other in a circle, a need names no unit, or a unit's configuration cannot be
    /// read.
    pub fn in_order(&self, units: Vec<UnitId>, reversed: bool) -> Result<Vec<Turn>, ProjectError> {
        Configs::new(self).in_order(units, reversed)
    }
}

impl Configs<'_> {
    /// As [`Project::in_order`].
    ///
    /// # Errors
    /// As there.
    pub fn in_order(&self, mut units: Vec<UnitId>, reversed: bool) -> Result<Vec<Turn>, ProjectError> {
        units.sort();
        units.dedup();
        if let [unit] = units.as_slice() {
            self.check_needs(unit)?;
            return Ok(vec![Turn { unit: unit.clone(), needs: Vec::new() }]);
        }
        Ok(self.unit_graph(units.iter().cloned())?.turns(&units, reversed))
    }
}

impl UnitGraph {
    /// Units of the graph in the order of their turns, as [`Project::in_order`] has them. Units that
    /// are not in the graph are passed over.
    pub fn turns(&self, units: &[UnitId], reversed: bool) -> Vec<Turn> {
        let run: BTreeSet<usize> = units.iter().filter_map(|unit| self.number(unit)).collect();
        let needs = self.within(&run);
        let mut before: HashMap<usize, BTreeSet<usize>> = HashMap::with_capacity(run.len());
        let mut after: HashMap<usize, Vec<usize>> = HashMap::with_capacity(run.len());
        for &unit in &run {
            before.entry(unit).or_default();
            for &need in &needs[unit] {
                let (first, second) = if reversed { (unit, need) } else { (need, unit) };
                before.entry(second).or_default().insert(first);
                after.entry(first).or_default().push(second);
            }
        }
        let mut missing: HashMap<usize, usize> =
            before.iter().map(|(unit, all)| (*unit, all.len())).collect();
        let mut free: BTreeSet<usize> = run.iter().copied().filter(|unit| missing[unit] == 0).collect();
        let mut places: HashMap<usize, usize> = HashMap::with_capacity(run.len());
        let mut turns = Vec::with_capacity(run.len());
        while let Some(unit) = free.pop_first() {
            // All that is before it has its place: only then did it become free.
            let mut needs: Vec<usize> = before[&unit].iter().map(|other| places[other]).collect();
            needs.sort_unstable();
            places.insert(unit, turns.len());
            turns.push(Turn { unit: self.units()[unit].clone(), needs });
            for next in after.get(&unit).into_iter().flatten() {
                let left = missing.entry(*next).or_default();
                *left = left.saturating_sub(1);
                if *left == 0 {
                    free.insert(*next);
                }
            }
        }
        turns
    }

    /// For each unit of the run those of the run that it needs, directly or by way of others.
    fn within(&self, run: &BTreeSet<usize>) -> Vec<BTreeSet<usize>> {
        let mut nearest: Vec<Option<BTreeSet<usize>>> = vec![None; self.units().len()];
        for &unit in run {
            let mut open = vec![unit];
            while let Some(&at) = open.last() {
                let unknown = |edge: &&super::Edge| nearest[edge.to].is_none() && !run.contains(&edge.to);
                match self.needs(at).iter().find(unknown) {
                    // There is no circle, so this ends.
                    Some(edge) => open.push(edge.to),
                    None => {
                        let mut found = BTreeSet::new();
                        for edge in self.needs(at) {
                            match &nearest[edge.to] {
                                _ if run.contains(&edge.to) => drop(found.insert(edge.to)),
                                Some(further) => found.extend(further),
                                None => {}
                            }
                        }
                        nearest[at] = Some(found);
                        open.pop();
                    }
                }
            }
        }
        nearest.into_iter().map(Option::unwrap_or_default).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Sample, message};
    use super::*;

    fn sample() -> Sample {
        Sample::new(&[
            ("modules/app/module.toml", "needs = ['dns', 'aux']\n"),
            ("modules/aux/x", ""),
            ("modules/dns/module.toml", "needs = ['vpc', 'zone/shared']\n"),
            ("modules/vpc/x", ""),
            ("modules/zone/module.toml", "profiles = ['shared']\n"),
            ("profiles/dev.toml", ""),
            ("profiles/shared.toml", ""),
        ])
    }

    fn told(turns: &[Turn]) -> String {
        let one = |turn: &Turn| {
            let needs: Vec<String> = turn.needs.iter().map(|at| turns[*at].unit.to_string()).collect();
            format!("{}({})", turn.unit, needs.join(" "))
        };
        turns.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn order(units: &str, reversed: bool) -> String {
        let units = units.split(' ').map(|unit| unit.parse().unwrap()).collect();
        told(&sample().project().in_order(units, reversed).unwrap())
    }

    #[test]
    fn a_unit_comes_after_what_it_needs_and_before_it_when_things_are_taken_down() {
        let all = "app/dev aux/dev dns/dev vpc/dev zone/shared";
        assert_eq!(
            order(all, false),
            "aux/dev(), vpc/dev(), zone/shared(), dns/dev(vpc/dev zone/shared), app/dev(aux/dev dns/dev)"
        );
        assert_eq!(
            order(all, true),
            "app/dev(), aux/dev(app/dev), dns/dev(app/dev), vpc/dev(dns/dev), zone/shared(dns/dev)"
        );
    }

    #[test]
    fn needs_by_way_of_units_that_are_not_in_the_run_count() {
        assert_eq!(order("app/dev vpc/dev app/dev", false), "vpc/dev(), app/dev(vpc/dev)");
        assert_eq!(order("vpc/dev app/dev", true), "app/dev(), vpc/dev(app/dev)");
        assert_eq!(order("aux/dev vpc/dev", false), "aux/dev(), vpc/dev()");
        assert_eq!(order("app/dev", false), "app/dev()");
        assert!(sample().project().in_order(Vec::new(), false).unwrap().is_empty());
    }

    #[test]
    fn a_circle_is_told_with_the_line_of_each_need() {
        let sample = sample();
        sample.write("modules/vpc/module.toml", "\nneeds = ['aux']\n");
        sample.write("modules/aux/module.toml", "needs = [\n  'dns',\n]\n");
        let units = |list: &[&str]| list.iter().map(|unit| unit.parse().unwrap()).collect();
        let (text, hint, code) = message(sample.project().in_order(units(&["app/dev", "vpc/dev"]), false));
        assert_eq!(
            text,
            "modules/aux/module.toml:2: units need each other in a circle: aux/dev -> dns/dev \
             (modules/aux/module.toml:2) -> vpc/dev (modules/dns/module.toml:1) -> aux/dev \
             (modules/vpc/module.toml:2)"
        );
        assert!(hint.contains("take one"), "{hint}");
        assert_eq!(code, crate::ExitCode::Config);
        sample.write("modules/aux/module.toml", "needs = ['aux']\n");
        let (text, ..) = message(sample.project().in_order(units(&["app/dev", "vpc/dev"]), true));
        assert!(text.ends_with("circle: aux/dev -> aux/dev (modules/aux/module.toml:1)"), "{text}");
    }

    #[test]
    fn what_is_wrong_elsewhere_keeps_a_single_unit_back_only_where_it_names_nothing() {
        let sample = sample();
        sample.write("modules/dns/module.toml", "nonsense = 1\n");
        let one = |unit: &str| sample.project().in_order(vec![unit.parse().unwrap()], false);
        assert_eq!(told(&one("app/dev").unwrap()), "app/dev()");
        sample.write("modules/app/module.toml", "needs = ['dsn']\n");
        assert!(message(one("app/dev")).0.starts_with("modules/app/module.toml:1: `needs` names `dsn`"));
    }
}
