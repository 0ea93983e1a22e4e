//! What the model knows of the world: commits, records, clients, processes, and what only an
//! all-seeing witness knows. Small, copied and compared as a whole; every field that no longer
//! matters is set back to its default, so that equal situations are equal states.

use crate::lock::{Act, Effect, LockState, Prior};

/// Runs that one client may begin, one of them kept for the way out.
pub(super) const RUNS: u8 = 4;
/// Clients at most.
pub(super) const CLIENTS: usize = 3;

/// A commit as the path to it: one digit a change, the last one lowest. A rebased change is another
/// commit, for its path is another.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Commit(pub(super) u32);

impl Commit {
    pub(super) fn with(self, change: u8) -> Self {
        Self(self.0 << 4 | u32::from(change))
    }

    pub(super) fn contains(self, other: Self) -> bool {
        let mut at = self.0;
        while at != other.0 && at != 0 {
            at >>= 4;
        }
        at == other.0
    }

    /// Whether every change of the other is in this one, be it rebased: what a run that goes on is asked for.
    pub(super) fn brings(self, other: Self) -> bool {
        other.changes().all(|change| self.changes().any(|has| has == change))
    }

    pub(super) fn length(self) -> u32 {
        8 - self.0.leading_zeros() / 4
    }

    fn changes(self) -> impl DoubleEndedIterator<Item = u8> {
        (0..self.length()).rev().map(move |at| (self.0 >> (4 * at) & 15) as u8)
    }

    /// `git pull --rebase`: the changes that the other lacks, put on top of it.
    pub(super) fn onto(self, other: Self) -> Self {
        if self.contains(other) {
            return self;
        }
        let missing = self.changes().filter(|change| !other.changes().any(|has| has == *change));
        missing.fold(other, Self::with)
    }
}

impl std::fmt::Display for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0{}", self.changes().map(|change| format!("-{change}")).collect::<String>())
    }
}

/// One invocation: the client's number times [`RUNS`], and which of its runs.
pub(super) type RunId = u8;

pub(super) fn bit(run: RunId) -> u16 {
    1 << run
}

pub(super) fn client_of(run: RunId) -> usize {
    usize::from(run / RUNS)
}

/// A lock record, and the nonce by which it is told from every other.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) nonce: u8,
    pub(super) run: RunId,
    pub(super) generation: u8,
    pub(super) state: Enum<LockState>,
    pub(super) act: Enum<Act>,
    pub(super) effect: Enum<Effect>,
    pub(super) applied: Commit,
    pub(super) commit: Commit,
}

/// The crate's own words, given the hash that they do not need themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Enum<T>(pub(super) T);

impl<T: Copy + Into<Number>> std::hash::Hash for Enum<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u8(self.0.into().0);
    }
}

/// What an [`Enum`] is hashed as.
pub(super) struct Number(u8);

impl From<LockState> for Number {
    fn from(state: LockState) -> Self {
        Self(state as u8)
    }
}

impl From<Act> for Number {
    fn from(act: Act) -> Self {
        Self(act as u8)
    }
}

impl From<Effect> for Number {
    fn from(effect: Effect) -> Self {
        Self(effect as u8)
    }
}

impl From<Prior> for Number {
    fn from(prior: Prior) -> Self {
        Self(match prior {
            Prior::Free => 0,
            Prior::Failed { effect } => 1 + effect as u8,
        })
    }
}

impl Record {
    /// No record: a lock that was never taken.
    pub(super) const ABSENT: Self = Self {
        nonce: u8::MAX,
        run: 15,
        generation: 0,
        state: Enum(LockState::Free),
        act: Enum(Act::Released),
        effect: Enum(Effect::None),
        applied: Commit(0),
        commit: Commit(0),
    };
}

/// What a client's invocation is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Kind {
    /// `git-check lock exec git-push unlock` with a command that changes things.
    Apply,
    /// The same with a command between push and unlock, so that they are two pushes.
    Apart,
    /// `git-check lock exec git-push unlock` with a command that only reads.
    Plan,
    /// `git-check lock git-push unlock`: what is typed after a refused push.
    Push,
    /// `unlock-any`.
    Evict,
}

/// What a run holds in its hands.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Lease {
    pub(super) record: Record,
    pub(super) prior: Enum<Prior>,
}

/// Where a client is. With a push under way it is at that push.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum At {
    /// No run.
    Idle,
    /// In git-check's fetch: which of the two refs has been read.
    Check(Half),
    /// Looking at the lock before it is refused.
    Refresh,
    /// Reading whom to evict.
    Holders,
    /// About to start a command under the lock.
    Exec,
    /// Waiting for its command.
    Tool,
    /// At its push.
    Swap,
}

/// How far a look at branch and lock has come: the two are read one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Half {
    Neither,
    Branch,
    Lock,
}

/// Why a record is pushed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Purpose {
    Acquire,
    Pushed,
    Release,
    Fail,
    GiveBack,
    Evict,
}

/// What a push says about the branch.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Branch {
    None,
    Unmoved(Commit),
    Forward(Commit),
}

/// Where a push is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Stage {
    /// Reading what the remote advertises.
    Connect(Half),
    /// Sent and not answered.
    Sent,
    /// Refused: looking why.
    Look(Half),
}

/// A compare-and-set that a client is making.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Swap {
    pub(super) purpose: Purpose,
    pub(super) new: Record,
    pub(super) expect: u8,
    pub(super) prior: Enum<Prior>,
    pub(super) branch: Branch,
    pub(super) stage: Stage,
    /// An earlier push of it may have arrived.
    pub(super) open: bool,
    pub(super) tries: u8,
    pub(super) advertised_lock: u8,
    pub(super) advertised_branch: Commit,
}

/// What has been sent to the remote: it arrives whole or not at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Write {
    pub(super) client: u8,
    pub(super) writer: RunId,
    pub(super) purpose: Purpose,
    pub(super) new: Record,
    pub(super) old: u8,
    /// From where to where the branch moves.
    pub(super) branch: Option<(Commit, Commit)>,
    /// For an acquisition: the branch as git-check saw it, and as the remote then advertised it.
    pub(super) seen: Commit,
    pub(super) advertised: Commit,
}

/// One clone, and the run in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Client {
    /// Runs begun so far.
    pub(super) runs: u8,
    /// Changes committed so far.
    pub(super) commits: u8,
    pub(super) head: Commit,
    /// The rest is about the run that goes on, and default without one.
    pub(super) at: At,
    pub(super) kind: Kind,
    /// The last known refs of the remote.
    pub(super) branch: Commit,
    pub(super) lock: Record,
    /// Which writes of this run are in the chain as last fetched.
    pub(super) chain: u8,
    pub(super) seen: Commit,
    pub(super) asked: bool,
    pub(super) lost: u8,
    pub(super) lease: Option<Lease>,
    pub(super) started: bool,
    pub(super) effect: Enum<Effect>,
    pub(super) pushed: Option<Commit>,
    pub(super) swap: Option<Swap>,
    pub(super) writes: u8,
    /// Which writes of this run are in the chain in truth.
    pub(super) landed: u8,
    /// Whom it evicts.
    pub(super) names: RunId,
}

/// The bit of [`Client::landed`] that says that the run has let go.
pub(super) const LET_GO: u8 = 1 << 7;

impl Client {
    pub(super) const fn idle(runs: u8, commits: u8, head: Commit) -> Self {
        Self {
            runs,
            commits,
            head,
            at: At::Idle,
            kind: Kind::Apply,
            branch: Commit(0),
            lock: Record::ABSENT,
            chain: 0,
            seen: Commit(0),
            asked: false,
            lost: 0,
            lease: None,
            started: false,
            effect: Enum(Effect::None),
            pushed: None,
            swap: None,
            writes: 0,
            landed: 0,
            names: 15,
        }
    }

    pub(super) fn run(&self, client: usize) -> RunId {
        client as u8 * RUNS + self.runs.max(1) - 1
    }
}

/// Everything.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// The remote: two branches and the lock.
    pub(super) branches: [Commit; 2],
    pub(super) tip: Record,
    pub(super) clients: [Client; CLIENTS],
    /// What was sent by a connection that broke or a process that died: it may yet arrive.
    pub(super) adrift: [Option<Write>; 2],
    /// Runs whose tool lives.
    pub(super) tools: u16,
    /// Runs of whose end this host can tell nothing any more: it was started again.
    pub(super) unprovable: u16,
    /// The witness: runs that were evicted, and that were taken over.
    pub(super) evicted: u16,
    pub(super) over: u16,
    /// The witness: a change was begun, and none has succeeded since.
    pub(super) unfinished: bool,
    /// The witness: the last commit that was released after a successful change.
    pub(super) applied: Commit,
    /// What may still happen.
    pub(super) crashes: u8,
    pub(super) reboots: u8,
    pub(super) breaks: u8,
    pub(super) evictions: u8,
    pub(super) outside: u8,
    /// What the step to here has shown. Taken out before the state is stored.
    pub(super) shown: u32,
}

impl State {
    pub(super) fn run_lives(&self, run: RunId) -> bool {
        let client = &self.clients[client_of(run)];
        client.at != At::Idle && client.run(client_of(run)) == run
    }

    pub(super) fn is_over(&self, run: RunId) -> bool {
        (self.evicted | self.over) & bit(run) != 0
    }
}
