//! What a build tells of a unit.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// A rendered unit. The directory stays as it is for as long as the guard lives.
#[derive(Debug)]
pub struct Rendered<G = Arc<OwnedFd>> {
    /// Where the files are; absolute.
    pub directory: PathBuf,
    /// Keeps other builds from changing the directory; tools inherit it.
    pub guard: G,
    /// How many files were written.
    pub written: usize,
    /// The files that were written, relative to the directory, each with what it was made of,
    /// relative to the project.
    pub made: Vec<(String, String)>,
    /// How many files were removed.
    pub removed: usize,
    /// How many files were as they should be.
    pub unchanged: usize,
    /// Files that lockstep did not make and that the tool would read.
    pub foreign: Vec<String>,
    /// The directories that were searched for such files.
    pub(super) searched: Vec<String>,
    /// Files that are not UTF-8 and were copied although they seem to be templates, relative to the project.
    pub undecoded: Vec<String>,
    /// Files with secrets that were written, relative to the directory.
    pub secrets: Vec<String>,
    /// Keys of parameters, never values, that came from outside the repository.
    pub override_keys: Vec<String>,
    /// Files that something else has changed, and that were left so.
    pub kept: Vec<String>,
    /// Digest of all files, by which equal output is known elsewhere; nothing secret is in it. None for what
    /// was passed over as unchanged, and where files were left as something else has changed them.
    pub digest: Option<String>,
    /// What was read for it, relative to the project: files, and directories with all below them.
    pub inputs: Vec<PathBuf>,
}
