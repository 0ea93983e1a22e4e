//! The search: breadth first over every state that can be reached, so that the first trace which
//! breaks a promise is a shortest one. States are kept once and found again by hash and comparison.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::client::{Next, WORLD, successors};
use super::properties::{Promise, Sight};
use super::scenario::Scenario;
use super::state::{At, CLIENTS, Kind, RUNS, State};
use crate::lock::LockState;

/// More states than this are a mistake in a scenario.
const CEILING: usize = 3_000_000;

/// What was found.
pub(super) struct Found {
    pub(super) states: usize,
    pub(super) steps: usize,
    /// Stuck states whose way out was tried.
    pub(super) stuck: usize,
    /// Every [`Sight`] that was seen, by its bit.
    pub(super) seen: u32,
    /// The first broken promise, and how it came to that.
    pub(super) broken: Option<(Promise, String)>,
}

/// Explores a scenario until everything was seen or one of the promises is broken.
pub(super) fn explore(on: &Scenario, promises: &[Promise]) -> Found {
    let mask: u32 = promises.iter().map(|promise| 1 << *promise as u32).sum();
    let mut known = Known::default();
    let mut found = Found { states: 0, steps: 0, stuck: 0, seen: 0, broken: None };
    let mut freed = HashSet::new();
    known.add(on.start(), 0, 0);
    let mut next = Vec::new();
    let mut at = 0;
    while at < known.states.len() {
        let state = known.states[at];
        successors(on, &state, &mut next);
        assert!(!next.is_empty() || is_at_rest(&state), "nobody can move:\n{}", known.trace(on, at));
        for (number, (_, _, mut to)) in next.drain(..).enumerate() {
            found.steps += 1;
            to.judge();
            if to.is_stuck() && mask & (1 << Promise::WayOut as u32) != 0 && freed.insert(as_new(&to)) {
                has_way_out(on, &mut to);
            }
            let shown = std::mem::take(&mut to.shown);
            found.seen |= shown;
            let index = known.add(to, at, number);
            if let Some(promise) = Promise::ALL.iter().find(|p| shown & mask & (1 << **p as u32) != 0) {
                // It may have been reached before by a step that broke nothing.
                let trace = known.trace_by(on, index, at, number);
                found.broken = Some((*promise, trace));
                break;
            }
        }
        if found.broken.is_some() {
            break;
        }
        at += 1;
        assert!(known.states.len() < CEILING, "{}: too many states", on.name);
    }
    found.states = known.states.len();
    found.stuck = freed.len();
    found
}

fn is_at_rest(state: &State) -> bool {
    state.clients.iter().all(|client| client.at == At::Idle)
}

/// The state with all that may still happen put back to nothing.
fn as_new(state: &State) -> State {
    let mut new = State { crashes: 0, reboots: 0, breaks: 0, evictions: 0, outside: 0, shown: 0, ..*state };
    for client in &mut new.clients {
        client.runs = RUNS - 1;
    }
    new
}

/// Tries each documented way out of a stuck state by itself, with nobody else about.
fn has_way_out(on: &Scenario, state: &mut State) {
    let owner = |client: usize| (on.owner(client), on.host(client));
    for (client, kind) in state.ways_out(on.clients.len(), owner) {
        let mut alone = on.clone();
        let kinds: &'static [Kind] = match kind {
            Kind::Evict => &[Kind::Evict],
            Kind::Apply => &[Kind::Apply],
            // Where something else came with it, what is applied has to be applied once more.
            _ => &[Kind::Push, Kind::Apply],
        };
        alone.kinds = [&[]; CLIENTS];
        alone.kinds[client] = kinds;
        alone.runs = [RUNS; CLIENTS];
        let from = as_new(state);
        let begin = State { evictions: u8::from(kind == Kind::Evict), ..from };
        if !becomes_free(&alone, begin) {
            state.breaks_promise(Promise::WayOut);
        }
    }
}

fn becomes_free(on: &Scenario, start: State) -> bool {
    let (mut todo, mut seen, mut next) = (vec![start], HashSet::new(), Vec::new());
    while let Some(state) = todo.pop() {
        if state.tip.state.0 == LockState::Free {
            return true;
        }
        if seen.insert(state) {
            successors(on, &state, &mut next);
            todo.extend(next.drain(..).map(|(_, _, to)| State { shown: 0, ..to }));
        }
    }
    false
}

/// Every state once, with the step that led to it first.
#[derive(Default)]
struct Known {
    states: Vec<State>,
    from: Vec<(u32, u16)>,
    /// The last state with a hash, and for each state the one before it with the same.
    last: HashMap<u64, u32, BuildHasherDefault<Quick>>,
    before: Vec<Option<u32>>,
}

impl Known {
    fn add(&mut self, state: State, from: usize, number: usize) -> usize {
        let mut hasher = Quick::default();
        state.hash(&mut hasher);
        let hash = hasher.finish();
        let mut at = self.last.get(&hash).copied();
        while let Some(index) = at {
            if self.states[index as usize] == state {
                return index as usize;
            }
            at = self.before[index as usize];
        }
        let index = self.states.len();
        self.before.push(self.last.insert(hash, index as u32));
        self.states.push(state);
        self.from.push((from as u32, number as u16));
        index
    }

    fn trace_by(&mut self, on: &Scenario, index: usize, from: usize, number: usize) -> String {
        let way = std::mem::replace(&mut self.from[index], (from as u32, number as u16));
        let trace = self.trace(on, index);
        self.from[index] = way;
        trace
    }

    /// How it came to a state, step by step, with what has changed.
    fn trace(&self, on: &Scenario, mut index: usize) -> String {
        let mut way: Vec<usize> = Vec::new();
        while index != 0 {
            let (from, number) = self.from[index];
            way.push(usize::from(number));
            index = from as usize;
        }
        let mut state = on.start();
        let mut text = String::new();
        for number in way.into_iter().rev() {
            let mut next: Vec<Next> = Vec::new();
            successors(on, &state, &mut next);
            let (who, what, to) = next.swap_remove(number);
            let who = if who == WORLD { "-".to_owned() } else { format!("client {who}") };
            let _ = write!(text, "  {who:<8}  {what}");
            if to.branches != state.branches {
                let _ = write!(text, "  [branches {} {}]", to.branches[0], to.branches[1]);
            }
            if to.tip.nonce != state.tip.nonce {
                let _ = write!(text, "  [{}]", told(&to));
            }
            text.push('\n');
            state = State { shown: 0, ..to };
        }
        text
    }
}

fn told(state: &State) -> String {
    let tip = &state.tip;
    format!(
        "lock: {:?} by run {} of client {}, {:?}, generation {}, effect {:?}, at {}, applied {}",
        tip.state.0,
        tip.run % RUNS,
        tip.run / RUNS,
        tip.act.0,
        tip.generation,
        tip.effect.0,
        tip.commit,
        tip.applied
    )
}

/// Good enough to spread states, and quick without optimisation.
#[derive(Default)]
struct Quick(u64);

impl Quick {
    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.mix(u64::from(*byte)));
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.mix(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.mix(value as u64);
    }
}

/// The names of what was not seen.
pub(super) fn unseen(seen: u32, wanted: &[Sight]) -> Vec<Sight> {
    wanted.iter().copied().filter(|sight| seen & (1 << *sight as u32) == 0).collect()
}
