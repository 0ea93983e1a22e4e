//! The lock: one record, one protocol over it, one trait that backends implement, one file each.
//!
//! A lock is a chain of records under a key. Whoever changes it names the exact version that he
//! read; the backend makes the change only if that is still the last one, for all keys of a set or
//! for none. Everything that decides who may do what is in the protocol, above the backends, so
//! that all of them keep the same promises:
//!
//! - at most one run holds a key; the generation grows by one at each acquire, takeover and
//!   eviction and never shrinks;
//! - `applied` is carried from record to record and never lost;
//! - nothing is released in `Drop`: a run that dies leaves its lock, and the record says whose it is;
//! - a backend that cannot be reached, or a record that cannot be understood, refuses.

mod alive;
mod applied;
mod backend;
mod backends;
mod cover;
mod damage;
mod dynamo_error;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod encode;
mod error;
mod evict;
mod freeze;
mod freeze_many;
mod git_answer;
mod git_chain;
mod git_names;
mod git_record;
mod git_ref;
mod hold;
mod key;
mod lease;
mod likely;
mod local;
mod lost;
mod moving;
mod naming;
mod owner;
mod protocol;
mod record;
mod record_json;
mod request;
mod won;

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
mod model;

pub use alive::{Alive, Proof};
pub use backend::{
    BranchChange, BranchRefusal, Change, Freshness, Listed, LockBackend, LostChain, LostTo, Observed, Swap,
    Swapped, Version,
};
pub use backends::{BACKENDS, BackendEntry, BackendPlace, check_backend, open_backend};
pub use damage::{ItemMend, Mend, Past, RefMend, Unreadable};
pub use dynamo_error::DynamoError;
#[cfg(feature = "dynamodb")]
pub use dynamodb::DynamoTable;
pub use error::LockError;
pub use evict::Evicted;
pub(crate) use git_record::style as record_style;
pub use git_ref::GitRefs;
pub use hold::{Outcome, Written};
pub use key::{KeySet, LockKey};
pub use lease::{Lease, LeaseEntry, Prior};
pub use local::LocalFiles;
pub use moving::Moving;
pub use naming::{Extent, Naming, UnitKeys};
pub use owner::owner;
pub use protocol::Locks;
pub(crate) use record::escape;
pub use record::{Act, Effect, LockState, Record};
pub use request::{AcquireRequest, ByKnown};
