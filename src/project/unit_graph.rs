//! What units need, and what those need in turn: the graph from which every order is made.
//!
//! What must hold: it is whole (with a unit come all that it needs, however far away) and it has no
//! circle. Both are seen to while it is made, so nobody who has one need think of them again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Configs, Place, Project, ProjectError, UnitId};

/// Units and what they need. Units are numbered by name.
#[derive(Clone, Debug, Default)]
pub struct UnitGraph {
    units: Vec<UnitId>,
    needs: Vec<Vec<Edge>>,
}

/// That one unit needs another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The number of the unit that is needed.
    pub to: usize,
    /// What says so.
    pub because: Because,
}

/// What says that a unit needs another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// `needs` in its module.toml, at this line.
    Needs(Place),
    /// Its parameters use the other one's outputs, first here.
    Outputs(Place),
}

impl Because {
    /// Where it is written.
    pub fn place(&self) -> &Place {
        match self {
            Self::Needs(place) | Self::Outputs(place) => place,
        }
    }
}

/// What a unit needs, with what says so.
pub(super) type Found = Vec<(UnitId, Because)>;

impl Project {
    /// The graph of these units and of all that they need.
    ///
    /// # Errors
    /// When a file cannot be read, a need names no unit, or units need each other in a circle.
    pub fn unit_graph(&self, units: impl IntoIterator<Item = UnitId>) -> Result<UnitGraph, ProjectError> {
        Configs::new(self).unit_graph(units)
    }
}

impl Configs<'_> {
    /// As [`Project::unit_graph`], with what was read already.
    ///
    /// # Errors
    /// As there.
    pub fn unit_graph(&self, units: impl IntoIterator<Item = UnitId>) -> Result<UnitGraph, ProjectError> {
        UnitGraph::grow(units, |unit| self.needs_of(unit))
    }

    /// What `needs` alone says.
    pub(super) fn needed(&self, unit: &UnitId) -> Result<Found, ProjectError> {
        let needs = self.needs(unit)?.into_iter();
        Ok(needs.map(|(other, place)| (other, Because::Needs(place))).collect())
    }
}

impl UnitGraph {
    /// Asks for what each unit needs, once for each, until all is there.
    pub(super) fn grow(
        units: impl IntoIterator<Item = UnitId>,
        mut needed: impl FnMut(&UnitId) -> Result<Found, ProjectError>,
    ) -> Result<Self, ProjectError> {
        let mut open: BTreeSet<UnitId> = units.into_iter().collect();
        let mut found: BTreeMap<UnitId, Found> = BTreeMap::new();
        while let Some(unit) = open.pop_first() {
            let needs = needed(&unit)?;
            open.extend(
                needs.iter().map(|(other, _)| other).filter(|other| !found.contains_key(other)).cloned(),
            );
            open.remove(&unit);
            found.insert(unit, needs);
        }
        let numbers: BTreeMap<UnitId, usize> = found.keys().cloned().zip(0..).collect();
        let edges = |needs: Found| {
            let edge = |(unit, because)| numbers.get(&unit).map(|to| Edge { to: *to, because });
            let mut edges: Vec<Edge> = needs.into_iter().filter_map(edge).collect();
            edges.sort_by_key(|edge| edge.to);
            edges
        };
        let (units, needs) = found.into_iter().map(|(unit, needs)| (unit, edges(needs))).unzip();
        let graph = Self { units, needs };
        match graph.circle() {
            Some(circle) => Err(graph.tell(&circle)),
            None => Ok(graph),
        }
    }

    /// The units, sorted; a unit's place here is its number.
    pub fn units(&self) -> &[UnitId] {
        &self.units
    }

    /// What the unit of that number needs, by number; nothing for a number that is none.
    pub fn needs(&self, number: usize) -> &[Edge] {
        self.needs.get(number).map_or(&[], Vec::as_slice)
    }

    /// The number of a unit.
    pub fn number(&self, unit: &UnitId) -> Option<usize> {
        self.units.binary_search(unit).ok()
    }

    /// For each unit the numbers of those that it needs, or, `reversed`, of those that need it; sorted.
    pub fn neighbours(&self, reversed: bool) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new(); self.units.len()];
        for (from, edges) in self.needs.iter().enumerate() {
            for edge in edges {
                let (at, other) = if reversed { (edge.to, from) } else { (from, edge.to) };
                all[at].push(other);
            }
        }
        all
    }

    /// These units and all that they need, or, `reversed`, all that need them, however far away, as
    /// numbers. Units that are not in the graph are passed over.
    pub fn reach<'a>(&self, from: impl IntoIterator<Item = &'a UnitId>, reversed: bool) -> BTreeSet<usize> {
        let neighbours = self.neighbours(reversed);
        let mut open: Vec<usize> = from.into_iter().filter_map(|unit| self.number(unit)).collect();
        let mut reached = BTreeSet::new();
        while let Some(number) = open.pop() {
            if reached.insert(number) {
                open.extend(&neighbours[number]);
            }
        }
        reached
    }

    /// The first circle by name, as numbers, each needing the next and the last the first.
    fn circle(&self) -> Option<Vec<usize>> {
        let mut done = vec![false; self.units.len()];
        let mut on_path = vec![false; self.units.len()];
        for start in 0..self.units.len() {
            // The way down, and for each unit on it how many of its needs have been looked at.
            let mut path = if done[start] { Vec::new() } else { vec![(start, 0)] };
            while let Some((at, seen)) = path.last_mut() {
                on_path[*at] = true;
                match self.needs[*at].get(*seen) {
                    Some(edge) => {
                        *seen += 1;
                        if on_path[edge.to] {
                            let from = path.iter().position(|(number, _)| *number == edge.to)?;
                            return Some(path[from..].iter().map(|(number, _)| *number).collect());
                        }
                        if !done[edge.to] {
                            path.push((edge.to, 0));
                        }
                    }
                    None => {
                        (on_path[*at], done[*at]) = (false, true);
                        path.pop();
                    }
                }
            }
        }
        None
    }

    /// `a/prod -> b/prod (modules/a/module.toml:1) -> a/prod (modules/b/module.toml:1)`
    fn tell(&self, circle: &[usize]) -> ProjectError {
        // From the first by name on, whoever it was found from.
        let begin = (0..circle.len()).min_by_key(|at| circle[*at]).unwrap_or_default();
        let turned: Vec<usize> = circle[begin..].iter().chain(&circle[..begin]).copied().collect();
        let mut text = turned.first().map(|first| self.units[*first].to_string()).unwrap_or_default();
        let mut first_place = None;
        for (from, to) in turned.iter().zip(turned.iter().cycle().skip(1)) {
            let edge = self.needs[*from].iter().find(|edge| edge.to == *to);
            let Some(place) = edge.map(|edge| edge.because.place()) else { continue };
            first_place = first_place.or(Some(place));
            text.push_str(&format!(" -> {} ({place})", self.units[*to]));
        }
        let place = first_place.cloned().unwrap_or_else(|| {
            let module = turned.first().map(|first| self.units[*first].module.to_string());
            Place::whole(format!("modules/{}", module.unwrap_or_default()))
        });
        let hint = "take one of these needs away: of two units one must come first".to_owned();
        ProjectError::config_hint(place, format!("units need each other in a circle: {text}"), Some(hint))
    }
}

#[cfg(test)]
mod tests;
