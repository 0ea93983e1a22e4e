//! Two states of the repository side by side: which commit a word means, where two histories part, what
//! differs from a commit in the working tree, and what stood there.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::spawn::Git;
use super::{GitError, Oid, Repo};
use crate::read::{self, Unfit};

/// A path of which a commit and the working tree do not say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedPath {
    /// Relative to the top of the working tree, in bytes, without a slash at the end.
    pub path: Vec<u8>,
    /// What the commit has there.
    pub was: WasThere,
}

/// What a commit has at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WasThere {
    /// Nothing.
    Nothing,
    /// A file.
    File {
        /// It may be executed.
        executable: bool,
        /// Its content.
        blob: Oid,
    },
    /// A symbolic link; the blob holds its target.
    Link {
        /// Its target.
        blob: Oid,
    },
    /// Another repository, of which this one knows only a commit.
    Submodule,
    /// A merge that is not finished hides it.
    Conflict,
}

impl Repo {
    /// The commit that a word means, as git reads it: a branch, a tag, `HEAD~2`; none if there is no such.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn revision(&self, word: &str) -> Result<Option<Oid>, GitError> {
        let word = format!("{word}^{{commit}}");
        let said = self.git().run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &word], &[])?;
        if said.code != Some(0) {
            return Ok(None);
        }
        oid(&said.stdout, "rev-parse").map(Some)
    }

    /// The commit at which two histories part; none if they have nothing in common here.
    ///
    /// # Errors
    /// When git fails.
    pub fn merge_base(&self, one: &Oid, other: &Oid) -> Result<Option<Oid>, GitError> {
        if one == other {
            return Ok(Some(one.clone()));
        }
        let said = self.git().ask(&["merge-base", one.as_str(), other.as_str()])?;
        said.map(|said| oid(said.split(|b| *b == b'\n').next().unwrap_or_default(), "merge-base")).transpose()
    }

    /// What differs below a directory between a commit and the working tree: what is staged, changed
    /// and removed, and files that are neither tracked nor ignored. Without a commit everything is new.
    ///
    /// # Errors
    /// When git fails.
    pub fn changed_since(&self, commit: Option<&Oid>, below: &Path) -> Result<Vec<ChangedPath>, GitError> {
        let below = if below.as_os_str().is_empty() { OsStr::new(".") } else { below.as_os_str() };
        std::thread::scope(|scope| {
            let listed = scope.spawn(|| untracked(self.git(), below, commit.is_none()));
            let mut changed = match commit {
                Some(commit) => differing(self.git(), commit, below)?,
                None => Vec::new(),
            };
            let new = listed.join().map_err(|_| odd("ls-files"))??;
            changed.extend(new.into_iter().map(|path| ChangedPath { path, was: WasThere::Nothing }));
            // What the commit has comes first, and counts.
            let rank = |was: &WasThere| match was {
                WasThere::File { .. } | WasThere::Link { .. } | WasThere::Submodule => 0,
                WasThere::Conflict => 1,
                WasThere::Nothing => 2,
            };
            changed.sort_by(|one, other| (&one.path, rank(&one.was)).cmp(&(&other.path, rank(&other.was))));
            changed.dedup_by(|later, first| later.path == first.path);
            Ok(changed)
        })
    }

    /// The content of a blob.
    ///
    /// # Errors
    /// When it is not here and cannot be fetched, or cannot be read.
    pub fn blob(&self, blob: &Oid) -> Result<Vec<u8>, GitError> {
        let fits = |size: u64| match size {
            size if size <= read::SOURCE => Ok(()),
            _ => {
                let source = Box::new(Unfit::TooLarge(read::SOURCE));
                Err(GitError::Repository { what: format!("read {blob}"), source })
            }
        };
        let known = self.library().and_then(|library| {
            let oid = git2::Oid::from_str(blob.as_str()).ok()?;
            let size = library.odb().ok()?.read_header(oid).ok()?.0 as u64;
            Some(fits(size).map(|()| library.find_blob(oid).map(|blob| blob.content().to_vec())))
        });
        if let Some(Ok(content)) = known.transpose()? {
            return Ok(content);
        }
        // What a partial clone has left out, git itself fetches.
        let size = self.git().read(&["cat-file", "-s", blob.as_str()])?;
        fits(String::from_utf8_lossy(&size).trim().parse().unwrap_or(u64::MAX))?;
        self.git().read(&["cat-file", "blob", blob.as_str()])
    }
}

/// Files that are neither tracked nor ignored; with `all` those that are tracked as well.
pub(super) fn untracked(git: &Git, below: &OsStr, all: bool) -> Result<Vec<Vec<u8>>, GitError> {
    let mut args = vec!["--literal-pathspecs", "ls-files", "-z", "--others", "--exclude-standard"];
    if all {
        args.push("--cached");
    }
    args.push("--");
    let args: Vec<&OsStr> = args.into_iter().map(OsStr::new).chain([below]).collect();
    let said = git.read(&args)?;
    let paths = said.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    // A repository inside this one is listed as a directory.
    Ok(paths.map(|path| path.strip_suffix(b"/").unwrap_or(path).to_vec()).collect())
}

fn differing(git: &Git, commit: &Oid, below: &OsStr) -> Result<Vec<ChangedPath>, GitError> {
    let args = [
        "--literal-pathspecs",
        "diff",
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-renames",
        "--no-relative",
        "--no-ext-diff",
        "--ignore-submodules=none",
        commit.as_str(),
        "--",
    ];
    let args: Vec<OsString> = args.into_iter().map(OsString::from).chain([below.to_owned()]).collect();
    parse(&git.read(&args)?).ok_or_else(|| odd("diff"))
}

/// `:MODE MODE OID OID STATUS NUL path NUL`, again and again.
fn parse(bytes: &[u8]) -> Option<Vec<ChangedPath>> {
    let mut changed = Vec::new();
    let mut parts = bytes.split(|byte| *byte == 0);
    while let Some(head) = parts.next().filter(|head| !head.is_empty()) {
        let head = std::str::from_utf8(head).ok()?.strip_prefix(':')?;
        let mut words = head.split(' ');
        let (mode, _, blob, _, status) =
            (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
        let path = parts.next().filter(|path| !path.is_empty())?.to_vec();
        let blob = || Oid::new(blob).ok();
        let was = match mode {
            _ if status.starts_with('U') => WasThere::Conflict,
            "000000" => WasThere::Nothing,
            "120000" => WasThere::Link { blob: blob()? },
            "160000" => WasThere::Submodule,
            mode if mode.starts_with("100") => {
                WasThere::File { executable: mode.ends_with("755"), blob: blob()? }
            }
            _ => return None,
        };
        changed.push(ChangedPath { path, was });
    }
    Some(changed)
}

fn odd(command: &str) -> GitError {
    GitError::Failed { command: command.to_owned(), message: "its output cannot be understood".to_owned() }
}

fn oid(bytes: &[u8], command: &str) -> Result<Oid, GitError> {
    Oid::new(String::from_utf8_lossy(bytes.trim_ascii())).map_err(|_| odd(command))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::World;
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn every_kind_of_entry_is_understood() {
        let bytes = format!(
            ":100644 100755 {A} {A} M\0a b\n\0:100755 000000 {A} {A} D\0x\0:120000 100644 {A} {A} T\0l\0\
             :160000 160000 {A} {A} M\0sub\0:000000 100644 {A} {A} A\0new\0:000000 000000 {A} {A} U\0both\0"
        );
        let found = parse(bytes.as_bytes()).unwrap();
        let blob = || Oid::new(A).unwrap();
        let expected = [
            ("a b\n", WasThere::File { executable: false, blob: blob() }),
            ("x", WasThere::File { executable: true, blob: blob() }),
            ("l", WasThere::Link { blob: blob() }),
            ("sub", WasThere::Submodule),
            ("new", WasThere::Nothing),
            ("both", WasThere::Conflict),
        ];
        for (found, (path, was)) in found.iter().zip(expected) {
            assert_eq!((found.path.as_slice(), &found.was), (path.as_bytes(), &was));
        }
        for bad in ["x", ":1 2 3", ":100644 100644 zz zz M\0p\0", ":100644 100644 aa aa M\0"] {
            assert!(parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_working_tree_is_compared_with_a_commit() {
        let (world, repo) = World::new();
        let top = repo.work_dir().to_owned();
        std::fs::create_dir(top.join("sub")).unwrap();
        world.commit(&top, "sub/keep", "one");
        world.commit(&top, "sub/gone", "one");
        let base = repo.revision("HEAD").unwrap().unwrap();
        world.commit(&top, "sub/committed", "two");
        std::fs::write(top.join("sub/keep"), "two").unwrap();
        std::fs::write(top.join("sub/untracked"), "").unwrap();
        std::fs::write(top.join("sub/ignored"), "").unwrap();
        std::fs::write(top.join(".gitignore"), "ignored\n").unwrap();
        world.git(&top, &["rm", "-q", "sub/gone"]);
        let changed = repo.changed_since(Some(&base), Path::new("sub")).unwrap();
        let names: Vec<_> = changed.iter().map(|c| String::from_utf8_lossy(&c.path).into_owned()).collect();
        assert_eq!(names, ["sub/committed", "sub/gone", "sub/keep", "sub/untracked"]);
        assert_eq!(changed[0].was, WasThere::Nothing);
        let WasThere::File { executable: false, blob } = &changed[2].was else { panic!("{changed:?}") };
        assert_eq!(repo.blob(blob).unwrap(), b"one");
        let new = repo.changed_since(None, Path::new("")).unwrap();
        assert!(new.iter().all(|c| c.was == WasThere::Nothing) && new.len() == 5, "{new:?}");
        assert_eq!(repo.revision("nope").unwrap(), None);
        assert_eq!(repo.revision("--all").unwrap(), None);
        assert_eq!(repo.revision("HEAD:sub").unwrap(), None);
    }

    #[test]
    fn histories_part_where_git_says() {
        let (world, repo) = World::new();
        let top = repo.work_dir().to_owned();
        let fork = repo.revision("main").unwrap().unwrap();
        world.git(&top, &["checkout", "-q", "-b", "side"]);
        world.commit(&top, "x", "1");
        let side = repo.revision("side").unwrap().unwrap();
        world.git(&top, &["checkout", "-q", "main"]);
        world.commit(&top, "y", "1");
        let main = repo.revision("HEAD").unwrap().unwrap();
        assert_eq!(repo.merge_base(&main, &side).unwrap(), Some(fork));
        world.git(&top, &["checkout", "-q", "--orphan", "other"]);
        world.commit(&top, "z", "1");
        let other = repo.revision("HEAD").unwrap().unwrap();
        assert_eq!(repo.merge_base(&main, &other).unwrap(), None);
    }

    proptest! {
        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes);
        }
    }
}
