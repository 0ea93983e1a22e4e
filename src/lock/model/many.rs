//! A freeze of many and runs that take their locks at the same moment, explored exhaustively.
//!
//! One run wants a lock that was taken before, another one that nobody has heard of; a person freezes
//! both, thaws, and freezes again; another person freezes one of them, or everything, and ends that. Every
//! read of every key is a step of its own, in every order; only a swap is atomic. When a freeze has returned nobody holds a lock, and nobody takes
//! one until the thaw. The rules are those of `lock::cover` and `lock::freeze_many`, said once more.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

/// A rule that is left out, to prove that the search would notice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mutation {
    None,
    /// A freeze leaves free locks where they are.
    NoFence,
    /// The first taking of a lock moves nothing else.
    NoGate,
    /// What a freeze has moved is believed to be read with the freezes at one instant.
    NoReread,
    /// A freeze is placed although somebody holds a lock.
    NoRefusal,
    /// A freeze looks for locks before it has read the key that first takings move.
    LateGate,
    /// What another freeze holds is passed over for good.
    NoLookBack,
    /// The freeze of a lock that never was moves nothing else.
    NoGateOfFreeze,
    /// The end of another freeze is no reason to read again.
    NoRereadOfEnd,
}

/// One key of the backend.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
struct Key {
    /// Grows with each write; none was made yet.
    version: u8,
    held: bool,
    frozen: bool,
    /// The last write, or one before it, was a freeze's or a thaw.
    fenced: bool,
}

/// A lock that was taken before, one that was not, the freeze's own key, the key of everything.
const OLD: usize = 0;
const NEW: usize = 1;
const FREEZE: usize = 2;
const GATE: usize = 3;
const KEYS: usize = 4;
/// Which lock each run wants (it has that number, too); the last one to act is the person who freezes.
const WANTS: [usize; 2] = [OLD, NEW];
const PERSON: usize = WANTS.len();
const ACTORS: usize = PERSON + 1;
/// How often anybody looks again, and how often the person freezes.
const LOOKS: u8 = 3;
const FREEZES: u8 = 2;

/// What somebody is about to do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
struct Actor {
    /// What he has read so far.
    read: [Option<Key>; KEYS],
    /// The versions of lock and gate that he knows to be moved by a freeze, and has read again after.
    believed: [u8; 2],
    looks: u8,
    holds: bool,
    done: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
struct State {
    keys: [Key; KEYS],
    actors: [Actor; ACTORS],
    /// A freeze has returned, and its thaw has not begun.
    returned: bool,
    freezes: u8,
    /// A freeze is written, and what it passed over is looked at once more.
    passed: Option<[Option<Key>; KEYS]>,
    /// What another person freezes, if there is one, and how far he is.
    other: Option<usize>,
    other_did: u8,
}

impl State {
    /// Beside another person one run is enough, and one freeze.
    fn start(beside: Option<(usize, usize)>) -> Self {
        let mut state = Self { other: beside.map(|(other, _)| other), ..Self::default() };
        if let Some((_, run)) = beside {
            state.actors[1 - run].done = true;
            state.freezes = FREEZES - 1;
        }
        state.keys[OLD].version = 1;
        state
    }

    fn write(&mut self, key: usize, change: impl FnOnce(&mut Key)) {
        self.keys[key].version += 1;
        change(&mut self.keys[key]);
    }

    fn again(&mut self, who: usize) {
        let me = &mut self.actors[who];
        me.read = [None; KEYS];
        me.looks += 1;
        if me.looks == LOOKS {
            *me = Actor { done: true, ..Actor::default() };
        }
    }

    fn unchanged(&self, who: usize, keys: impl IntoIterator<Item = usize>) -> bool {
        keys.into_iter().all(|key| self.actors[who].read[key] == Some(self.keys[key]))
    }

    /// Every state that one step leads to.
    fn next(&self, without: Mutation) -> Vec<Self> {
        let mut all: Vec<Self> = self.other_acts(without).into_iter().collect();
        for (who, me) in self.actors.into_iter().enumerate() {
            if me.done && !me.holds && !(who == PERSON && self.returned) {
                continue;
            }
            let mut wanted = if who == PERSON { (0..KEYS).collect() } else { vec![WANTS[who], FREEZE, GATE] };
            wanted.retain(|key| me.read[*key].is_none());
            if who == PERSON && wanted.contains(&GATE) && without != Mutation::LateGate {
                wanted = vec![GATE];
            }
            let mut s = *self;
            if let (PERSON, Some(passed)) = (who, self.passed) {
                s.look_back(passed, without);
                all.push(s);
            } else if me.holds {
                // Given back, or taken away by somebody: to a freeze both are the same.
                s.write(WANTS[who], |key| (key.held, key.fenced) = (false, false));
                s.actors[who] = Actor { done: true, ..Actor::default() };
                all.push(s);
            } else if who == PERSON && self.returned {
                s.write(FREEZE, |key| (key.frozen, key.fenced) = (false, true));
                s.returned = false;
                s.actors[who] = Actor { done: s.freezes == FREEZES, ..Actor::default() };
                all.push(s);
            } else if wanted.is_empty() {
                if who == PERSON {
                    s.freeze(without)
                } else {
                    s.take(who, without)
                }
                all.push(s);
            } else {
                all.extend(wanted.into_iter().map(|key| {
                    let mut s = *self;
                    s.actors[who].read[key] = Some(self.keys[key]);
                    s
                }));
            }
        }
        all
    }

    fn take(&mut self, who: usize, without: Mutation) {
        let (lock, me) = (WANTS[who], self.actors[who]);
        let (seen, freeze, gate) = (
            me.read[lock].unwrap_or_default(),
            me.read[FREEZE].unwrap_or_default(),
            me.read[GATE].unwrap_or_default(),
        );
        if freeze.frozen || gate.frozen || seen.held || seen.frozen {
            self.actors[who] = Actor { done: true, ..Actor::default() };
            return;
        }
        let first = seen.version == 0;
        let moved =
            [if seen.fenced { seen.version } else { 0 }, if first && gate.fenced { gate.version } else { 0 }];
        if moved.iter().zip(me.believed).any(|(now, known)| *now != 0 && *now != known)
            && without != Mutation::NoReread
        {
            self.actors[who].believed = moved;
            self.again(who);
            return;
        }
        let gates = first && without != Mutation::NoGate;
        if !self.unchanged(who, [lock].into_iter().chain(gates.then_some(GATE))) {
            self.again(who);
            return;
        }
        self.write(lock, |key| key.held = true);
        if gates {
            self.write(GATE, |_| {});
        }
        self.actors[who] = Actor { holds: true, ..Actor::default() };
    }

    fn freeze(&mut self, without: Mutation) {
        let seen = self.actors[PERSON].read.map(Option::unwrap_or_default);
        if (seen[OLD].held || seen[NEW].held) && without != Mutation::NoRefusal {
            self.actors[PERSON] = Actor { done: true, ..Actor::default() };
            return;
        }
        let free = |lock: usize| seen[lock].version > 0 && !seen[lock].held && !seen[lock].frozen;
        let mut moves = vec![FREEZE];
        moves.extend((!seen[GATE].frozen).then_some(GATE));
        moves.extend([OLD, NEW].into_iter().filter(|lock| free(*lock) && without != Mutation::NoFence));
        if !self.unchanged(PERSON, moves.iter().copied()) {
            self.again(PERSON);
            return;
        }
        for key in moves {
            self.write(key, |key| key.fenced = true);
        }
        self.keys[FREEZE].frozen = true;
        self.freezes += 1;
        self.passed = Some(std::array::from_fn(|key| Some(seen[key]).filter(|k| key != FREEZE && k.frozen)));
    }

    /// Whether what was passed over has been frozen all the time; else the freeze is taken back.
    fn look_back(&mut self, passed: [Option<Key>; KEYS], without: Mutation) {
        let same = passed.iter().zip(self.keys).all(|(was, is)| was.is_none_or(|was| was == is));
        self.passed = None;
        if same || without == Mutation::NoLookBack {
            self.returned = true;
            self.actors[PERSON] = Actor::default();
        } else {
            self.write(FREEZE, |key| (key.frozen, key.fenced) = (false, true));
            self.freezes -= 1;
            self.again(PERSON);
        }
    }

    /// Another person's freeze, and its end; each is one step.
    fn other_acts(&self, without: Mutation) -> Option<Self> {
        let mut s = *self;
        s.other_did += 1;
        let other = self.other?;
        let key = self.keys[other];
        let everything = other == GATE;
        match self.other_did {
            0 if key.held || (everything && (self.keys[OLD].held || self.keys[NEW].held)) => return None,
            0 => {
                s.write(other, |key| key.frozen = true);
                let made = key.version == 0 && !everything && without != Mutation::NoGateOfFreeze;
                if made && !self.keys[GATE].frozen {
                    s.write(GATE, |_| {});
                }
                for lock in [OLD, NEW] {
                    if everything && self.keys[lock].version > 0 {
                        s.write(lock, |key| key.fenced = true);
                    }
                }
            }
            1 => {
                let seen = without != Mutation::NoRereadOfEnd;
                s.write(other, |key| (key.frozen, key.fenced) = (false, key.fenced || seen));
            }
            _ => return None,
        }
        Some(s)
    }

    /// What must hold in every state.
    fn wrong(&self) -> bool {
        self.returned && (self.keys[OLD].held || self.keys[NEW].held)
    }
}

/// How many states there are, or the steps that lead to one that must not be.
fn explore(without: Mutation) -> Result<usize, Vec<State>> {
    let beside = [None, Some((OLD, OLD)), Some((NEW, NEW)), Some((GATE, OLD)), Some((GATE, NEW))];
    let starts = beside.map(State::start);
    let mut from: HashMap<State, Option<State>> = starts.into_iter().map(|start| (start, None)).collect();
    let mut waiting = VecDeque::from(starts);
    while let Some(state) = waiting.pop_front() {
        if state.wrong() {
            let mut trace = vec![state];
            while let Some(Some(before)) = from.get(&trace[trace.len() - 1]) {
                trace.push(*before);
            }
            trace.reverse();
            return Err(trace);
        }
        for next in state.next(without) {
            if let Entry::Vacant(new) = from.entry(next) {
                new.insert(Some(state));
                waiting.push_back(next);
            }
        }
    }
    Ok(from.len())
}

#[test]
fn when_a_freeze_has_returned_nobody_holds_and_nobody_takes() {
    match explore(Mutation::None) {
        Ok(states) => assert!(states > 10_000, "{states}"),
        Err(trace) => panic!("{trace:#?}"),
    }
}

#[test]
fn leaving_out_any_rule_is_noticed() {
    for without in [
        Mutation::NoFence,
        Mutation::NoGate,
        Mutation::NoReread,
        Mutation::NoRefusal,
        Mutation::LateGate,
        Mutation::NoLookBack,
        Mutation::NoGateOfFreeze,
        Mutation::NoRereadOfEnd,
    ] {
        let trace = explore(without).expect_err("a rule that nothing needs");
        assert!(trace.len() > 4, "the shortest way: {trace:#?}");
    }
}
