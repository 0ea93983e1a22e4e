//! Refs and objects through libgit2: no process is started.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use git2::{ErrorCode, ObjectType, Repository};
use jiff::Timestamp;

use super::identity::{Identity, Makers};
use super::{GitError, Oid};

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The commit; none on a branch without any.
    pub oid: Option<Oid>,
    /// The branch's short name; none in a detached HEAD.
    pub branch: Option<String>,
}

/// Whether one commit is in the history of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ancestry {
    /// It is.
    Contains,
    /// It is not.
    Lacks,
    /// It is not, and it is not in this clone at all.
    Absent,
    /// The clone is shallow, and what is here does not tell.
    Unknown,
}

/// The parts of a commit that matter to a lock record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitText {
    /// The message as it stands, as far as it is kept.
    pub message: Vec<u8>,
    /// Its parents.
    pub parents: Vec<Oid>,
    /// Its tree holds nothing.
    pub empty_tree: bool,
}

impl CommitText {
    /// No more bytes of a message are kept. The parents of a larger commit are still wanted: what is
    /// below it may be good.
    pub const LONGEST: usize = 1 << 20;
}

/// The name of the tree that holds nothing, in both object formats.
pub(super) const EMPTY_TREES: [&str; 2] = [
    "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
];

fn failed(what: impl Into<String>) -> impl FnOnce(git2::Error) -> GitError {
    let what = what.into();
    |source| GitError::Repository { what, source: Box::new(source) }
}

fn own(oid: git2::Oid) -> Oid {
    Oid::new(oid.to_string()).expect("libgit2 prints object names as lower-case hexadecimal digits")
}

fn theirs(oid: &Oid) -> Result<git2::Oid, GitError> {
    git2::Oid::from_str(oid.as_str()).map_err(failed(format!("read {oid}")))
}

pub(super) fn head(repo: &Repository) -> Result<Head, GitError> {
    let head = repo.find_reference("HEAD").map_err(failed("read HEAD"))?;
    let Some(target) = head.symbolic_target_bytes() else {
        return Ok(Head { oid: head.target().map(own), branch: None });
    };
    let target = str::from_utf8(target).map_err(|source| GitError::Repository {
        what: "read HEAD: the branch's name is not UTF-8".to_owned(),
        source: Box::new(source),
    })?;
    let branch = target.strip_prefix("refs/heads/").map(str::to_owned);
    Ok(Head { oid: resolve(repo, target)?, branch })
}

pub(super) fn resolve(repo: &Repository, name: &str) -> Result<Option<Oid>, GitError> {
    match repo.refname_to_id(name) {
        Ok(oid) => Ok(Some(own(oid))),
        Err(e) if matches!(e.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => Ok(None),
        Err(e) => Err(failed(format!("read ref `{}`", super::printable(name.as_bytes())))(e)),
    }
}

pub(super) fn refs(repo: &Repository, prefix: &str) -> Result<Vec<(String, Oid)>, GitError> {
    let what = || format!("read the refs below `{}`", super::printable(prefix.as_bytes()));
    let mut found = Vec::new();
    for reference in repo.references_glob(&format!("{prefix}/*")).map_err(failed(what()))? {
        let reference = reference.map_err(failed(what()))?;
        // Names that are not UTF-8 are none of ours; symbolic refs point to ones that are listed.
        if let (Ok(name), Some(oid)) = (reference.name(), reference.target()) {
            found.push((name.to_owned(), own(oid)));
        }
    }
    Ok(found)
}

pub(super) fn contains(repo: &Repository, descendant: &Oid, ancestor: &Oid) -> Result<bool, GitError> {
    repo.graph_descendant_of(theirs(descendant)?, theirs(ancestor)?)
        .map_err(failed(format!("compare {descendant} with {ancestor}")))
}

pub(super) fn ahead_behind(
    repo: &Repository,
    local: &Oid,
    upstream: &Oid,
) -> Result<(usize, usize), GitError> {
    repo.graph_ahead_behind(theirs(local)?, theirs(upstream)?)
        .map_err(failed(format!("compare {local} with {upstream}")))
}

pub(super) fn commit(repo: &Repository, oid: &Oid) -> Result<Option<CommitText>, GitError> {
    let what = || format!("read commit {oid}");
    let odb = repo.odb().map_err(failed(what()))?;
    let (size, kind) = match odb.read_header(theirs(oid)?) {
        Ok(header) => header,
        Err(e) if e.code() == ErrorCode::NotFound => return Ok(None),
        Err(e) => return Err(failed(what())(e)),
    };
    if kind != ObjectType::Commit || size as u64 > crate::read::SOURCE {
        return Ok(None);
    }
    let commit = repo.find_commit(theirs(oid)?).map_err(failed(what()))?;
    let message = commit.message_raw_bytes();
    Ok(Some(CommitText {
        message: message[..message.len().min(CommitText::LONGEST)].to_vec(),
        parents: commit.parent_ids().map(own).collect(),
        empty_tree: EMPTY_TREES.contains(&commit.tree_id().to_string().as_str()),
    }))
}

pub(super) fn write_commit(
    repo: &Repository,
    message: &str,
    parent: Option<&Oid>,
    time: Timestamp,
    makers: &Makers,
) -> Result<Oid, GitError> {
    let write = || -> Result<git2::Oid, git2::Error> {
        let tree = repo.treebuilder(None)?.write()?;
        let tree = repo.find_tree(tree)?;
        let time = git2::Time::new(time.as_second(), 0);
        let sign = |one: &Identity| git2::Signature::new(&one.name, &one.mail, &time);
        let (author, committer) = (sign(&makers.author)?, sign(&makers.committer)?);
        let parent = match parent {
            Some(oid) => Some(repo.find_commit(git2::Oid::from_str(oid.as_str())?)?),
            None => None,
        };
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        let oid = repo.commit(None, &author, &committer, message, &tree, &parents)?;
        // libgit2 says that all went well even when the disk was full.
        repo.find_commit(oid).map(|_| oid)
    };
    write().map(own).map_err(failed("write a lock record"))
}

pub(super) fn set_ref(repo: &Repository, name: &str, to: Option<&Oid>) -> Result<(), GitError> {
    let what = || format!("change ref `{}`", super::printable(name.as_bytes()));
    let Some(to) = to else {
        return match repo.find_reference(name).and_then(|mut found| found.delete()) {
            Ok(()) => Ok(()),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(()),
            Err(e) => Err(failed(what())(e)),
        };
    };
    repo.reference(name, theirs(to)?, true, "lockstep").map(drop).map_err(failed(what()))
}

/// The files below a directory that the index lists. The index is sorted by path.
pub(super) fn tracked_below(repo: &Repository, directory: &Path) -> Result<Vec<Vec<u8>>, git2::Error> {
    let index = repo.index()?;
    let mut prefix = directory.as_os_str().as_bytes().to_vec();
    if !prefix.is_empty() {
        prefix.push(b'/');
    }
    let Ok(first) = index.find_prefix(prefix.as_slice()) else { return Ok(Vec::new()) };
    let mut paths: Vec<Vec<u8>> = (first..index.len())
        .map_while(|at| index.get(at))
        .map(|entry| entry.path)
        .take_while(|path| path.starts_with(&prefix))
        .collect();
    // A file in conflict is listed once for each side.
    paths.dedup();
    Ok(paths)
}
