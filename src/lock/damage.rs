//! Records that cannot be understood: what is wrong with one, and where it lies, so that whoever has to
//! mend it by hand can be told the commands. lockstep itself never overwrites what it cannot read.

use std::fmt;
use std::path::PathBuf;

use super::Record;
use crate::git::Oid;

/// One record of a chain, or why it cannot be understood.
pub type Past = Result<Record, Unreadable>;

/// A record that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What the backend calls it, where it has a name of its own: `commit 1f2e3d4c5b`. Safe to print.
    pub name: Option<String>,
    /// What is wrong with it, safe to print.
    pub why: String,
    /// A newer lockstep has written it: nothing is wrong with it.
    pub newer: bool,
}

impl Unreadable {
    /// One of which the text says what is wrong.
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { name: None, why: why.into(), newer: false }
    }

    /// The same under a name.
    pub(super) fn named(self, name: String) -> Self {
        Self { name: Some(name), ..self }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// How a record that cannot be understood can be looked at and set back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// A newer lockstep wrote it, and can read it.
    Upgrade,
    /// It is a commit at a ref of a git remote.
    Ref(Box<RefMend>),
    /// It is in an item of a DynamoDB table.
    Item(Box<ItemMend>),
    /// It is in a file of this machine, and the files beside it hold the same records.
    File {
        /// The directory of all of them.
        directory: PathBuf,
    },
    /// There is no way that can be told.
    Unknown,
}

/// Where a lock's ref is, and what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefMend {
    /// The remote.
    pub remote: String,
    /// The ref there.
    pub name: String,
    /// What it points to.
    pub tip: Oid,
    /// The newest commit below it that is a record.
    pub good: Option<Oid>,
}

/// Where an item of a DynamoDB table is, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemMend {
    /// The table.
    pub table: String,
    /// Profile, region and address as the AWS command line takes them: option and value.
    pub options: Vec<(&'static str, String)>,
    /// The item's `LockID`.
    pub id: String,
    /// Its `nonce`, where that is a word.
    pub nonce: Option<String>,
    /// The newest entry of its `history` that is a record: where it stands, and its nonce.
    pub good: Option<(usize, String)>,
}
