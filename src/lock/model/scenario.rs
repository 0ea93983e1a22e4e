//! What is explored: who takes part, what may go wrong how often, and which rule is left out.

use super::state::{CLIENTS, Client, Commit, Enum, Kind, Record, State};
use crate::lock::Effect;

/// A rule of the protocol that is left out, to prove that the search would notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mutation {
    None,
    /// Acquiring overwrites whatever is there.
    NoLease,
    /// HEAD need not contain what was applied.
    NoAppliedCheck,
    /// What a holder writes is not bound to the record that it holds.
    NoFence,
    /// An owner takes his lock over although run or tool may live.
    NoProof,
    /// The branch is not named in the acquiring push.
    NoGuard,
    /// Success frees the lock also after a run that changed nothing.
    FreeAfterReading,
    /// What a run has pushed without hearing of it counts as somebody else's.
    OwnPushUnknown,
    /// A run that was evicted before it heard that it had won takes the lock once more.
    EvictedReturns,
    /// A command's end is taken for the end of all that it started.
    WrapperIsTool,
    /// The limit on unpushed commits holds for the owner of a run that died without a word.
    NoFixAfterDeath,
}

/// One exploration.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Owner, host and branch of each client.
    pub(super) clients: &'static [(u8, u8, usize)],
    /// What each client may begin.
    pub(super) kinds: [&'static [Kind]; CLIENTS],
    /// How many runs each client may begin, at most three.
    pub(super) runs: [u8; CLIENTS],
    /// How many changes each client commits.
    pub(super) commits: [u8; CLIENTS],
    /// Each client's HEAD at first.
    pub(super) heads: [u32; CLIENTS],
    pub(super) crashes: u8,
    pub(super) reboots: u8,
    pub(super) breaks: u8,
    pub(super) evictions: u8,
    pub(super) outside: u8,
    pub(super) mutation: Mutation,
    /// Fewer states make the search worthless.
    pub(super) floor: usize,
}

/// How often a run says the same push again, looks again after a lost race, and tries again a write
/// that was refused although nothing stood in its way. Fewer than in the crate: more say nothing new.
pub(super) const TRIES: u8 = 2;

/// The change that somebody pushes without lockstep.
pub(super) const OUTSIDE: u8 = 15;

impl Scenario {
    pub(super) fn start(&self) -> State {
        let client = |n: usize| Client::idle(0, 0, Commit(self.heads[n]));
        State {
            branches: [Commit(0); 2],
            tip: Record::ABSENT,
            clients: [client(0), client(1), client(2)],
            adrift: [None; 2],
            tools: 0,
            unprovable: 0,
            evicted: 0,
            over: 0,
            unfinished: false,
            applied: Commit(0),
            crashes: self.crashes,
            reboots: self.reboots,
            breaks: self.breaks,
            evictions: self.evictions,
            outside: self.outside,
            shown: 0,
        }
    }

    pub(super) fn without(&self, mutation: Mutation) -> Self {
        Self { mutation, floor: 0, ..self.clone() }
    }

    pub(super) fn owner(&self, client: usize) -> u8 {
        self.clients[client].0
    }

    pub(super) fn host(&self, client: usize) -> u8 {
        self.clients[client].1
    }

    pub(super) fn branch(&self, client: usize) -> usize {
        self.clients[client].2
    }
}

impl Kind {
    /// Whether it runs a command, and one that changes things.
    pub(super) const fn command(self) -> Option<Effect> {
        match self {
            Self::Apply | Self::Apart => Some(Effect::Applied),
            Self::Plan => Some(Effect::None),
            Self::Push | Self::Evict => None,
        }
    }
}

impl From<Effect> for Enum<Effect> {
    fn from(effect: Effect) -> Self {
        Self(effect)
    }
}
