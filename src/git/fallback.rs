//! The answers of `objects.rs` from git itself, for repositories that libgit2 cannot open.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::identity::Makers;
use super::objects::{CommitText, EMPTY_TREES, Head};
use super::spawn::Git;
use super::{GitError, Oid};

fn odd(command: &str) -> GitError {
    GitError::Failed { command: command.to_owned(), message: "its output cannot be understood".to_owned() }
}

fn line(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\n").unwrap_or(bytes)
}

fn oid(bytes: &[u8], command: &str) -> Result<Oid, GitError> {
    Oid::new(String::from_utf8_lossy(line(bytes))).map_err(|_| odd(command))
}

/// Working tree, git directory and common directory; none without a working tree.
pub(super) fn directories(git: &Git) -> Result<Option<[PathBuf; 3]>, GitError> {
    match git.read(&["rev-parse", "--is-inside-work-tree"]) {
        Ok(said) if line(&said) == b"true" => {}
        // What only looks like one is refused by the setting that every git here gets.
        Err(GitError::Failed { message, .. }) if message.contains("safe.bareRepository") => return Ok(None),
        Ok(_) => return Ok(None),
        Err(error) => return Err(error),
    }
    // One question each: a path may hold a newline.
    let ask = |what: &[&str]| -> Result<PathBuf, GitError> {
        let said = git.read(what)?;
        Ok(PathBuf::from(OsString::from_vec(line(&said).to_vec())))
    };
    Ok(Some([
        ask(&["rev-parse", "--show-toplevel"])?,
        ask(&["rev-parse", "--absolute-git-dir"])?,
        ask(&["rev-parse", "--path-format=absolute", "--git-common-dir"])?,
    ]))
}

pub(super) fn head(git: &Git) -> Result<Head, GitError> {
    let target = git.ask(&["symbolic-ref", "--quiet", "HEAD"])?;
    let target = target.map(|name| String::from_utf8_lossy(line(&name)).into_owned());
    let oid = resolve(git, "HEAD")?;
    Ok(Head { oid, branch: target.and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned)) })
}

pub(super) fn resolve(git: &Git, name: &str) -> Result<Option<Oid>, GitError> {
    let pseudo = name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    if !pseudo && !name.starts_with("refs/") {
        return Ok(None);
    }
    let said = git.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", name])?;
    said.map(|said| oid(&said, "rev-parse")).transpose()
}

pub(super) fn refs(git: &Git, prefix: &str) -> Result<Vec<(String, Oid)>, GitError> {
    let pattern = format!("{prefix}/");
    let said = git.read(&["for-each-ref", "--format=%(objectname) %(refname)", "--", &pattern])?;
    let lines = String::from_utf8_lossy(&said).into_owned();
    lines
        .lines()
        .map(|line| {
            let (name, rest) = line.split_once(' ').ok_or_else(|| odd("for-each-ref"))?;
            Ok((rest.to_owned(), oid(name.as_bytes(), "for-each-ref")?))
        })
        .collect()
}

pub(super) fn contains(git: &Git, descendant: &Oid, ancestor: &Oid) -> Result<bool, GitError> {
    let said = git.ask(&["merge-base", "--is-ancestor", ancestor.as_str(), descendant.as_str()])?;
    Ok(said.is_some())
}

pub(super) fn ahead_behind(git: &Git, local: &Oid, upstream: &Oid) -> Result<(usize, usize), GitError> {
    let range = format!("{local}...{upstream}");
    let said = git.read(&["rev-list", "--count", "--left-right", &range, "--"])?;
    let said = String::from_utf8_lossy(&said);
    let mut counts = said.split_whitespace().map(str::parse);
    match (counts.next(), counts.next()) {
        (Some(Ok(ahead)), Some(Ok(behind))) => Ok((ahead, behind)),
        _ => Err(odd("rev-list")),
    }
}

pub(super) fn commit(git: &Git, name: &Oid) -> Result<Option<CommitText>, GitError> {
    // `-e` tells a missing object (1) from a failure.
    if git.ask(&["cat-file", "-e", name.as_str()])?.is_none() {
        return Ok(None);
    }
    if line(&git.read(&["cat-file", "-t", name.as_str()])?) != b"commit" {
        return Ok(None);
    }
    parse_commit(&git.read(&["cat-file", "commit", name.as_str()])?).map(Some)
}

/// Header lines, an empty line, the message.
fn parse_commit(bytes: &[u8]) -> Result<CommitText, GitError> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").ok_or_else(|| odd("cat-file"))?;
    let message = &bytes[end + 2..];
    let message = message[..message.len().min(CommitText::LONGEST)].to_vec();
    let mut text = CommitText { message, parents: Vec::new(), empty_tree: false };
    for header in bytes[..end].split(|b| *b == b'\n') {
        if let Some(parent) = header.strip_prefix(b"parent ") {
            text.parents.push(oid(parent, "cat-file")?);
        } else if let Some(tree) = header.strip_prefix(b"tree ") {
            text.empty_tree = EMPTY_TREES.iter().any(|empty| empty.as_bytes() == tree);
        }
    }
    Ok(text)
}

pub(super) fn write_commit(
    git: &Git,
    message: &str,
    parent: Option<&Oid>,
    time: Timestamp,
    makers: &Makers,
    sign: bool,
) -> Result<Oid, GitError> {
    // Standard input is empty, so this writes the empty tree in the repository's own format.
    let tree = oid(&git.read(&["mktree"])?, "mktree")?;
    let sign = if sign { "--gpg-sign" } else { "--no-gpg-sign" };
    let mut args = vec!["-c", "i18n.commitEncoding=UTF-8", "commit-tree", sign, "-m", message];
    if let Some(parent) = parent {
        args.extend(["-p", parent.as_str()]);
    }
    args.push(tree.as_str());
    let date = format!("@{} +0000", time.as_second());
    let date = OsStr::new(&date);
    let (author, committer) = (&makers.author, &makers.committer);
    let who = [
        ("GIT_AUTHOR_NAME", OsStr::new(&author.name)),
        ("GIT_AUTHOR_EMAIL", OsStr::new(&author.mail)),
        ("GIT_AUTHOR_DATE", date),
        ("GIT_COMMITTER_NAME", OsStr::new(&committer.name)),
        ("GIT_COMMITTER_EMAIL", OsStr::new(&committer.mail)),
        ("GIT_COMMITTER_DATE", date),
    ];
    let ran = git.run(&args, &who)?;
    if ran.code != Some(0) {
        return Err(git.failure("commit-tree", &ran));
    }
    oid(&ran.stdout, "commit-tree")
}

pub(super) fn set_ref(git: &Git, name: &str, to: Option<&Oid>) -> Result<(), GitError> {
    let args = match to {
        Some(oid) => vec!["update-ref", "--no-deref", name, oid.as_str()],
        None => vec!["update-ref", "--no-deref", "-d", name],
    };
    git.read(&args).map(drop)
}

pub(super) fn tracked_below(git: &Git, directory: &Path) -> Result<Vec<Vec<u8>>, GitError> {
    let mut args: Vec<OsString> =
        ["--literal-pathspecs", "ls-files", "--cached", "--full-name", "-z"].map(OsString::from).into();
    if !directory.as_os_str().is_empty() {
        args.extend(["--".into(), directory.as_os_str().to_owned()]);
    }
    let listed = git.read(&args)?;
    let mut paths: Vec<Vec<u8>> =
        listed.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect();
    paths.dedup();
    Ok(paths)
}
