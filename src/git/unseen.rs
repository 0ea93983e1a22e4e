//! What `git status` does not tell of a working tree: files that git was told not to look at, and commits
//! of submodules that nobody else can have.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::file_list::FileList;
use super::index::{EntryKind, Hidden, IndexEntry};
use super::refusal::CheckRefusal;
use super::{Ancestry, GitError, Oid, Repo};
use crate::text::shell_shown as quoted;

/// So many names fit on one command line, whatever they are.
const AT_ONCE: usize = 200;

/// The first thing in the working tree, as far as it `counts`, that git has and `status` is silent about.
/// Paths are relative to the top of the working tree.
pub(super) fn refusal(repo: &Repo, counts: &dyn Fn(&[u8]) -> bool) -> Result<Option<CheckRefusal>, GitError> {
    look(repo, b"", counts)
}

/// Changes that git was told not to look at, anywhere in the repository.
///
/// # Errors
/// When a repository cannot be read.
pub fn hidden_changes(repo: &Repo) -> Result<Option<CheckRefusal>, GitError> {
    look(repo, b"", &|_| true)
}

/// The first submodule that is at a commit which none of its remotes has.
///
/// # Errors
/// When a repository cannot be read.
pub fn unpushed_submodule(repo: &Repo) -> Result<Option<CheckRefusal>, GitError> {
    let submodules = repo.index_where(Path::new(""), &|_, kind, _| kind == EntryKind::Submodule)?;
    for entry in &submodules {
        if let Some(inner) = repo.submodule(as_path(&entry.path))?
            && let Some(refusal) = unpushed(&inner, &entry.path, &entry.id)?
        {
            return Ok(Some(refusal));
        }
    }
    Ok(None)
}

fn unpushed(inner: &Repo, path: &[u8], commit: &Oid) -> Result<Option<CheckRefusal>, GitError> {
    if is_elsewhere(inner, commit)? {
        return Ok(None);
    }
    let push = match (inner.head()?.branch, inner.remotes()?.into_iter().next()) {
        (_, None) => format!("{} remote add origin URL", command(inner)),
        (Some(_), _) => format!("{} push", command(inner)),
        (None, Some(remote)) => format!("{} push {} HEAD:BRANCH", command(inner), quoted(&remote)),
    };
    let path = super::printable(path);
    Ok(Some(CheckRefusal::SubmoduleUnpushed { path, commit: commit.clone(), push }))
}

/// As [`refusal`], in a repository that lies at `at` in the first one.
fn look(repo: &Repo, at: &[u8], counts: &dyn Fn(&[u8]) -> bool) -> Result<Option<CheckRefusal>, GitError> {
    let whole = |path: &[u8]| if at.is_empty() { path.to_vec() } else { [at, b"/", path].concat() };
    let entries = repo.index_where(Path::new(""), &|path, kind, hidden| {
        (hidden.is_some() || kind == EntryKind::Submodule) && counts(&whole(path))
    })?;
    let changed = changed(repo, &entries)?;
    if !changed.is_empty() {
        let marks = [(Hidden::SkipWorktree, "skip-worktree"), (Hidden::AssumeUnchanged, "assume-unchanged")];
        let undo = marks.iter().filter_map(|(mark, option)| {
            let marked = changed.iter().filter(|entry| entry.hidden == Some(*mark));
            let names: Vec<String> =
                marked.take(FileList::SHOWN).map(|e| quoted(&String::from_utf8_lossy(&e.path))).collect();
            let git = command(repo);
            (!names.is_empty()).then(|| format!("{git} update-index --no-{option} -- {}", names.join(" ")))
        });
        let undo = undo.collect::<Vec<_>>().join(" && ");
        let paths: Vec<Vec<u8>> = changed.iter().map(|entry| whole(&entry.path)).collect();
        return Ok(Some(CheckRefusal::Hidden { files: FileList::new(&paths), undo }));
    }
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Submodule) {
        let Some(inner) = repo.submodule(as_path(&entry.path))? else { continue };
        let path = whole(&entry.path);
        if let Some(refusal) = unpushed(&inner, &path, &entry.id)? {
            return Ok(Some(refusal));
        }
        if let Some(refusal) = look(&inner, &path, counts)? {
            return Ok(Some(refusal));
        }
    }
    Ok(None)
}

/// How git is called for a repository by someone who stands where lockstep was called.
fn command(repo: &Repo) -> String {
    let (top, cwd) = (repo.work_dir(), repo.git().env().cwd());
    match top.strip_prefix(cwd) {
        Ok(below) if below.as_os_str().is_empty() => "git".to_owned(),
        Ok(below) => format!("git -C {}", quoted(&below.to_string_lossy())),
        Err(_) => format!("git -C {}", quoted(&top.to_string_lossy())),
    }
}

/// The hidden entries of which the disk has something else, or nothing although no sparse checkout leaves
/// them out.
fn changed<'e>(repo: &Repo, entries: &'e [IndexEntry]) -> Result<Vec<&'e IndexEntry>, GitError> {
    let hidden: Vec<&IndexEntry> =
        entries.iter().filter(|e| e.hidden.is_some() && e.kind != EntryKind::Submodule).collect();
    if hidden.is_empty() {
        return Ok(Vec::new());
    }
    let is_sparse = repo.sparse()?.is_some();
    let modes = repo.tells_modes();
    let (mut changed, mut doubtful) = (Vec::new(), Vec::new());
    for entry in hidden {
        let path = repo.work_dir().join(as_path(&entry.path));
        match content(&path, &entry.id) {
            Ok(Some(content)) => match entry.kind {
                EntryKind::Link if content.is_link || !repo.makes_links() => {
                    if content.id != entry.id {
                        changed.push(entry);
                    }
                }
                EntryKind::File { executable } if !content.is_link => {
                    if modes && executable != content.executable {
                        changed.push(entry);
                    } else if content.id != entry.id {
                        doubtful.push(entry);
                    }
                }
                _ => changed.push(entry),
            },
            // What a sparse checkout leaves out is refused where somebody reads it.
            Ok(None) if is_sparse && entry.hidden == Some(Hidden::SkipWorktree) => {}
            Ok(None) | Err(_) => changed.push(entry),
        }
    }
    // Other bytes may be the same file, by a filter or by the ends of its lines.
    for entries in doubtful.chunks(AT_ONCE) {
        let args = ["hash-object", "--"].map(std::ffi::OsStr::new);
        let args: Vec<_> =
            args.into_iter().chain(entries.iter().map(|e| as_path(&e.path).as_os_str())).collect();
        let said = repo.git().read(&args)?;
        let ids: Vec<&[u8]> = said.split(|byte| *byte == b'\n').collect();
        let differs = |(at, entry): &(usize, &&IndexEntry)| {
            ids.get(*at).is_none_or(|id| *id != entry.id.as_str().as_bytes())
        };
        changed.extend(entries.iter().enumerate().filter(differs).map(|(_, entry)| *entry));
    }
    changed.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(changed)
}

/// What stands at a path, as git would store it without any filter.
pub(super) struct Content {
    pub(super) id: Oid,
    is_link: bool,
    executable: bool,
}

/// Reads what stands at a path, hashed as `like` was; none if there is nothing or a directory.
pub(super) fn content(path: &Path, like: &Oid) -> io::Result<Option<Content>> {
    let meta = match path.symlink_metadata() {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if meta.is_symlink() {
        let target = std::fs::read_link(path)?;
        let bytes = target.as_os_str().as_bytes();
        return Ok(Some(Content {
            id: hash(&mut &*bytes, bytes.len() as u64, like)?,
            is_link: true,
            executable: false,
        }));
    }
    if !meta.is_file() {
        return Ok(None);
    }
    let id = hash(&mut std::fs::File::open(path)?, meta.len(), like)?;
    Ok(Some(Content { id, is_link: false, executable: meta.permissions().mode() & 0o100 != 0 }))
}

/// The name of a blob in the format of another object's name.
fn hash(from: &mut dyn io::Read, length: u64, like: &Oid) -> io::Result<Oid> {
    use sha2::Digest as _;
    let is_sha256 = like.as_str().len() == 64;
    if !is_sha256 {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        let id = git2::Oid::hash_object(git2::ObjectType::Blob, &bytes).map_err(io::Error::other)?;
        return Oid::new(id.to_string()).map_err(io::Error::other);
    }
    let mut hasher = sha2::Sha256::new();
    hasher.update(format!("blob {length}\0"));
    let mut part = [0; 1 << 16];
    loop {
        match from.read(&mut part)? {
            0 => break,
            n => hasher.update(&part[..n]),
        }
    }
    let digest = hasher.finalize();
    Oid::new(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).map_err(io::Error::other)
}

/// Whether a remote of a submodule has its commit, as far as this clone knows: it is part of a branch or
/// tag that was fetched, or was fetched by its name.
fn is_elsewhere(inner: &Repo, commit: &Oid) -> Result<bool, GitError> {
    let holds = |tip: &Oid| matches!(inner.ancestry(tip, commit), Ok(Ancestry::Contains));
    for prefix in ["refs/remotes", "refs/tags"] {
        if inner.refs(prefix)?.iter().any(|(_, tip)| holds(tip)) {
            return Ok(true);
        }
    }
    let named = |file: PathBuf| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let ids: Vec<Oid> =
            text.lines().filter_map(|line| Oid::new(line.split_whitespace().next()?).ok()).collect();
        ids
    };
    // A history is cut off only at commits that came from elsewhere.
    Ok(named(inner.common_dir().join("shallow")).contains(commit)
        || named(inner.git_dir().join("FETCH_HEAD")).iter().any(holds))
}

fn as_path(path: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(path))
}
