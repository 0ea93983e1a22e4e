//! What the contract's cases are made of: a place, clients of it, runs, and requests.

use std::sync::Arc;

use jiff::Timestamp;

use crate::env::{Clock, Host};
use crate::git::{Ancestry, GitError, Oid};
use crate::lock::{
    AcquireRequest, Act, Effect, Freshness, KeySet, Lease, LockBackend, LockError, LockKey, LockState, Locks,
    Proof, Record,
};

/// Makes a client of its own.
pub(crate) type Client = Box<dyn Fn() -> Arc<dyn LockBackend> + Sync>;

/// Puts bytes in a key's place.
pub(crate) type Plant = Box<dyn Fn(&LockKey, &[u8])>;

/// Somewhere to keep locks.
pub(crate) struct Place {
    /// For git another clone.
    pub(crate) client: Client,
    /// Puts bytes where a key's record belongs, as anyone with access could.
    pub(crate) plant: Plant,
    /// Takes the place away.
    pub(crate) unplug: Box<dyn Fn()>,
}

/// A run: an owner's invocation on a host.
#[derive(Clone)]
pub(crate) struct Actor {
    pub(crate) backend: Arc<dyn LockBackend>,
    pub(crate) owner: String,
    pub(crate) run: String,
    pub(crate) host: Host,
}

static NONE: std::sync::LazyLock<KeySet> = std::sync::LazyLock::new(KeySet::default);

pub(crate) fn oid(digit: char) -> Oid {
    Oid::new(digit.to_string().repeat(40)).unwrap()
}

pub(crate) fn keys(texts: &[&str]) -> KeySet {
    texts.iter().map(|text| LockKey::new(text).unwrap()).collect()
}

pub(crate) fn host(name: &str) -> Host {
    Host { name: name.into(), boot: format!("boot-{name}"), pid_namespace: "pid:[1]".into() }
}

pub(crate) fn contains(_: &Oid) -> Result<Ancestry, GitError> {
    Ok(Ancestry::Contains)
}

/// Of two of [`oid`]'s commits the one with the greater digit contains the other.
pub(crate) fn by_digit(newer: &Oid, older: &Oid) -> Result<Ancestry, GitError> {
    Ok(if newer.as_str() >= older.as_str() { Ancestry::Contains } else { Ancestry::Lacks })
}

/// What was applied is in effect if a run of commit `1…` looks at its own commit.
pub(crate) fn same_commit(left: &Record) -> Result<bool, GitError> {
    Ok(left.commit == Some(oid('1')))
}

pub(crate) fn lacks(_: &Oid) -> Result<Ancestry, GitError> {
    Ok(Ancestry::Lacks)
}

pub(crate) fn unknown(_: &Record) -> Proof {
    Proof::Unknown
}

pub(crate) fn ended(_: &Record) -> Proof {
    Proof::Ended
}

/// A request for the keys from commit `1…`, with nothing proved and everything contained.
pub(crate) fn request(keys: &KeySet) -> AcquireRequest<'_> {
    AcquireRequest {
        keys,
        watch: &NONE,
        carry: &[],
        unit: "alpha/prod".into(),
        freshness: Freshness::Now,
        commit: Some(oid('1')),
        output: None,
        contains: &contains,
        ancestry: &by_digit,
        ended: &unknown,
        branch: None,
        program: Some("tofu".into()),
        subcommand: Some("apply".into()),
        overrides: Vec::new(),
        will_change: true,
        only_finishes: false,
        in_effect: &same_commit,
        accept_rewrite: false,
    }
}

impl Place {
    /// A run of `owner` on a host of his own, through a client of its own.
    pub(crate) fn run(&self, owner: &str, run: &str) -> Actor {
        Actor { backend: (self.client)(), owner: owner.into(), run: run.into(), host: host(owner) }
    }
}

impl Actor {
    /// A later invocation of the same owner from the same place.
    pub(crate) fn again(&self, run: &str) -> Self {
        Self { run: run.into(), ..self.clone() }
    }

    pub(crate) fn locks(&self) -> Locks<'_> {
        Locks {
            backend: self.backend.as_ref(),
            clock: Clock::Fixed("2026-11-21T12:04:07Z".parse().unwrap()),
            host: &self.host,
            owner: &self.owner,
            run: &self.run,
            patience: None,
        }
    }

    pub(crate) fn take(&self, texts: &[&str]) -> Result<Lease, LockError> {
        self.locks().acquire(&request(&keys(texts)))
    }

    /// The chain of a key, of which all can be understood.
    pub(crate) fn chain(&self, key: &str, limit: usize) -> Vec<Record> {
        let chain = self.backend.history(&LockKey::new(key).unwrap(), limit).unwrap();
        chain.into_iter().map(Result::unwrap).collect()
    }

    /// The last record of a key, asked for now.
    pub(crate) fn last(&self, key: &str) -> Record {
        let observed = self.backend.read(&keys(&[key]), Freshness::Now).unwrap();
        observed[0].last.clone().unwrap().1
    }
}

/// A record with every field set.
pub(crate) fn record(key: &str) -> Record {
    Record {
        lockstep: Record::VERSION,
        key: LockKey::new(key).unwrap(),
        unit: key.into(),
        keys: keys(&[key]),
        generation: 7,
        state: LockState::Held,
        act: Act::Acquired,
        owner: "ana@laptop".into(),
        run: "r1".into(),
        nonce: "n1".into(),
        host: host("laptop"),
        pid: 4711,
        process_start: 12,
        program: Some("tofu".into()),
        subcommand: Some("apply".into()),
        commit: Some(oid('1')),
        output: Some("c0ffee".into()),
        applied: Some(oid('2')),
        applied_output: Some("decade".into()),
        effect: Effect::Unfinished,
        unfinished: Vec::new(),
        overrides: vec!["size".into()],
        time: Timestamp::from_second(1_800_000_000).unwrap(),
        reason: Some("why \u{1f600} \"not\"".into()),
    }
}

/// The same request with a way to prove that a run has ended.
pub(crate) fn with_proof<'a>(keys: &'a KeySet, ended: &'a dyn Fn(&Record) -> Proof) -> AcquireRequest<'a> {
    AcquireRequest { ended, ..request(keys) }
}
