//! Whose turn it is: which unit of a run of several begins next, and which are left out.
//!
//! Pure: nothing here runs anything. What must hold, in whatever order units end:
//!
//! - a unit begins only when all that it needs has ended well, and never while another runs that takes
//!   one of the same locks;
//! - never more units run at a time than were allowed, and of those that may begin the first one does;
//! - every unit either runs, once, or is left out, once, with a reason;
//! - after a failure nothing begins that needs the failed unit, or a lock that it keeps; and nothing
//!   at all, unless the run shall keep going.

use std::collections::BTreeSet;

use crate::process::Signal;

/// One unit, as far as turns go.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    /// The places of those that must have ended well before; each smaller than the unit's own.
    pub(super) needs: Vec<usize>,
    /// The locks that it takes, by numbers.
    pub(super) locks: Vec<usize>,
}

/// Why a unit was never begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It needs this unit, which failed.
    NeedsFailed(usize),
    /// It needs this unit, which was left out itself.
    NeedsLeftOut(usize),
    /// It takes a lock that this unit keeps.
    Kept(usize),
    /// This unit failed, and nothing is to be begun after a failure.
    Failed(usize),
    /// The run was asked to end.
    Asked(Signal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting,
    Running,
    Well,
    Failed,
    LeftOut,
}

/// The turns of a run.
#[derive(Debug)]
pub(super) struct Schedule {
    units: Vec<Turns>,
    places: Vec<Place>,
    waiting: BTreeSet<usize>,
    running: usize,
    jobs: usize,
    keep_going: bool,
    /// By lock: whether a unit runs that takes it.
    busy: Vec<bool>,
    /// By lock: the unit that has ended and keeps it.
    kept: Vec<Option<usize>>,
}

impl Schedule {
    /// At most `jobs` units at a time, at least one. With `keep_going` a failure keeps back only what
    /// needs the failed unit.
    pub(super) fn new(units: Vec<Turns>, jobs: usize, keep_going: bool) -> Self {
        let locks = units.iter().flat_map(|unit| &unit.locks).max().map_or(0, |last| last + 1);
        Self {
            places: vec![Place::Waiting; units.len()],
            waiting: (0..units.len()).collect(),
            running: 0,
            jobs: jobs.max(1),
            keep_going,
            busy: vec![false; locks],
            kept: vec![None; locks],
            units,
        }
    }

    /// The next unit that begins now; none if none may.
    pub(super) fn begin(&mut self) -> Option<usize> {
        if self.running >= self.jobs {
            return None;
        }
        let ready = |at: &&usize| {
            let Turns { needs, locks } = &self.units[**at];
            needs.iter().all(|need| self.places[*need] == Place::Well)
                && !locks.iter().any(|lock| self.busy[*lock])
        };
        let at = *self.waiting.iter().find(ready)?;
        self.waiting.remove(&at);
        self.places[at] = Place::Running;
        self.running += 1;
        self.take(at, true);
        Some(at)
    }

    /// A unit that was begun has ended: whether well, and whether a lock of its stays. Gives who is left
    /// out because of that.
    pub(super) fn end(&mut self, at: usize, well: bool, keeps: bool) -> Vec<(usize, Why)> {
        self.places[at] = if well { Place::Well } else { Place::Failed };
        self.running -= 1;
        self.take(at, false);
        if keeps {
            for lock in &self.units[at].locks {
                self.kept[*lock] = Some(at);
            }
        }
        let stops = !well && !self.keep_going;
        self.leave_out(|why| why.or(stops.then_some(Why::Failed(at))))
    }

    /// The run was asked to end: gives all that were not begun.
    pub(super) fn stop(&mut self, signal: Signal) -> Vec<(usize, Why)> {
        self.leave_out(|_| Some(Why::Asked(signal)))
    }

    /// Whether every unit has had its turn or was left out.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.running == 0
    }

    fn take(&mut self, at: usize, busy: bool) {
        for lock in &self.units[at].locks {
            self.busy[*lock] = busy;
        }
    }

    /// What each unit needs comes before it, so that one pass finds all that is left out in turn.
    fn leave_out(&mut self, and: impl Fn(Option<Why>) -> Option<Why>) -> Vec<(usize, Why)> {
        let mut out = Vec::new();
        for at in &self.waiting {
            if let Some(why) = and(self.hindrance(*at)) {
                self.places[*at] = Place::LeftOut;
                out.push((*at, why));
            }
        }
        for (at, _) in &out {
            self.waiting.remove(at);
        }
        out
    }

    /// What will keep a unit from ever beginning.
    fn hindrance(&self, at: usize) -> Option<Why> {
        let Turns { needs, locks } = &self.units[at];
        let needed = needs.iter().find_map(|need| match self.places[*need] {
            Place::Failed => Some(Why::NeedsFailed(*need)),
            Place::LeftOut => Some(Why::NeedsLeftOut(*need)),
            Place::Waiting | Place::Running | Place::Well => None,
        });
        needed.or_else(|| locks.iter().find_map(|lock| self.kept[*lock]).map(Why::Kept))
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
