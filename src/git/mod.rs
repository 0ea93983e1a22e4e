//! The user's repository: git2 for discovery, refs and objects; the `git` program for working-tree
//! status and the network, started from one place (`spawn.rs`).
//!
//! Nothing here writes to the working tree or the index. No argument that comes from configuration
//! or a remote can be read by git as an option.

mod asked;
mod base;
mod check;
mod config;
mod delivered;
mod fallback;
mod fetch;
mod file_list;
mod identity;
mod index;
mod left_locked;
mod merged;
mod objects;
mod oid;
mod push;
mod push_place;
mod refusal;
mod remote;
mod repo;
mod revisions;
mod safe;
mod sharing;
mod spawn;
mod ssh;
mod status;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;
mod trace;
mod unseen;
mod url;

pub use base::{Base, BaseError};
pub use check::{CheckError, CheckRequest, Standing, Tracked, check, check_known, lock_refspecs};
pub use delivered::undelivered;
pub use fetch::Fetched;
pub use file_list::FileList;
pub use identity::{CommitStyle, Identity};
pub use index::{EntryKind, Hidden, IndexEntry, Sparse};
pub use objects::{Ancestry, CommitText, Head};
pub use oid::{Oid, OidError};
pub use push::{Expect, Push, PushEnd, PushFlag, Pushed, RefResult, RefUpdate};
pub use push_place::PushPlace;
pub use refusal::{CheckRefusal, Undelivered};
pub use remote::{RemoteUrl, lock_remote};
pub use repo::{Installed, LostRef, ProbeEnd, Repo, installed};
pub use revisions::{ChangedPath, WasThere};
pub use safe::{crosses_file_systems, is_safe, is_shared, is_top};
pub use sharing::{hand_down, hand_down_in, make_directories, make_directory_in, mode_in};
pub use status::Status;
pub(crate) use text::arguments;
pub use unseen::{hidden_changes, unpushed_submodule};

pub use crate::text::printable;

/// Why something about the repository failed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The project is not in a git repository.
    #[error("`{path}` is not in a git repository")]
    NoRepository {
        /// Where it was looked for, upwards.
        path: String,
    },
    /// The `git` program is not there, or too old.
    #[error("{0}")]
    Program(String),
    /// A remote cannot be reached: network, rights, or a repository that is not there.
    #[error("remote `{remote}` cannot be reached: {message}")]
    Unreachable {
        /// The remote's name.
        remote: String,
        /// What git said, cleaned and without credentials.
        message: String,
    },
    /// A remote's server does not take several refs all or nothing.
    #[error("remote `{remote}` does not take several refs in one atomic push, which a lock needs")]
    NotAtomic {
        /// The remote's name.
        remote: String,
    },
    /// A remote's server takes no push options, and the user's configuration sends some.
    #[error("remote `{remote}` takes no push options, and `push.pushOption` is set")]
    NoPushOptions {
        /// The remote's name.
        remote: String,
    },
    /// git does not use a repository that belongs to somebody else.
    #[error("git does not use the repository at `{path}`, which belongs to another user")]
    Owner {
        /// The repository, as git names it.
        path: String,
    },
    /// A file locks what git was to change, and nobody seems to work on it.
    #[error("git cannot go on: `{}` is there{age}, left by a git that was killed or held by one that still runs", printable(.path.as_bytes()))]
    Locked {
        /// The file.
        path: String,
        /// ` since 5m`, or nothing if that is not known.
        age: String,
    },
    /// A remote, a branch or a URL is configured in a way that cannot work.
    #[error("{0}")]
    Config(String),
    /// git did not do what was asked of it.
    #[error("git {command} failed: {message}")]
    Failed {
        /// The subcommand.
        command: String,
        /// What it said, cleaned.
        message: String,
    },
    /// An interrupt ended git before it was done.
    #[error("git {command} was interrupted")]
    Interrupted {
        /// The subcommand.
        command: String,
    },
    /// Reading or writing the repository's objects and refs failed.
    #[error("cannot {what}")]
    Repository {
        /// What was being done.
        what: String,
        /// What libgit2 or the operating system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
