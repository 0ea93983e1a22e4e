//! What `git status --porcelain=v2 -z` says, parsed from bytes: no locale, no quoting, no lossy names.

use std::os::unix::ffi::OsStrExt as _;

use super::GitError;
use super::spawn::Git;

/// What differs from HEAD. A path is relative to the top of the working tree, in bytes, as git has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// In the index and different from HEAD.
    pub staged: Vec<Vec<u8>>,
    /// In the working tree and different from the index; submodules with changes in them too.
    pub unstaged: Vec<Vec<u8>>,
    /// Submodules with changes of their own, each among `unstaged` too.
    pub submodules: Vec<Vec<u8>>,
    /// Submodules of which only another commit is checked out, each among `unstaged` too.
    pub moved: Vec<Vec<u8>>,
    /// Neither tracked nor ignored; a directory ends with `/`.
    pub untracked: Vec<Vec<u8>>,
    /// Left over from a merge.
    pub conflicts: Vec<Vec<u8>>,
}

impl Status {
    /// Nothing differs.
    pub fn is_clean(&self) -> bool {
        self.staged.is_empty()
            && self.unstaged.is_empty()
            && self.untracked.is_empty()
            && self.conflicts.is_empty()
    }

    /// Whether something differs, and nothing of it in a directory, named from the top of the working tree.
    pub(super) fn is_outside(&self, directory: &str) -> bool {
        let Self { staged, unstaged, untracked, conflicts, .. } = self;
        let directory = std::path::Path::new(directory);
        let mut paths = [staged, unstaged, untracked, conflicts].into_iter().flatten();
        !self.is_clean()
            && paths.all(|path| {
                let path = std::path::Path::new(std::ffi::OsStr::from_bytes(path));
                !path.starts_with(directory) && !directory.starts_with(path)
            })
    }

    /// Only what differs at paths that count; files with conflicts always do.
    pub(super) fn within(mut self, counts: &dyn Fn(&[u8]) -> bool) -> Self {
        let Self { staged, unstaged, submodules, moved, untracked, .. } = &mut self;
        for paths in [staged, unstaged, submodules, moved, untracked] {
            paths.retain(|path| counts(path));
        }
        self
    }

    /// Asks git. Submodules are looked into whatever the configuration says of them: what is in
    /// them is read by the tools as well.
    pub(super) fn read(git: &Git) -> Result<Self, GitError> {
        let output = git.read(&[
            "status",
            "--porcelain=v2",
            "-z",
            "--no-renames",
            "--untracked-files=normal",
            "--ignore-submodules=none",
        ])?;
        Self::parse(&output).ok_or_else(|| GitError::Failed {
            command: "status".to_owned(),
            message: "its output cannot be understood".to_owned(),
        })
    }

    /// Parses porcelain v2 with `-z`; none if a line is of no known kind.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut status = Self::default();
        let mut lines = bytes.split(|b| *b == 0);
        while let Some(line) = lines.next() {
            match line.first() {
                None | Some(b'#' | b'!') => {}
                // `1 XY sub mH mI mW hH hI path`
                Some(b'1') => status.changed(line, 8)?,
                // `2 XY sub mH mI mW hH hI Xscore path NUL original`
                Some(b'2') => {
                    status.changed(line, 9)?;
                    lines.next()?;
                }
                // `u XY sub m1 m2 m3 mW h1 h2 h3 path`
                Some(b'u') => status.conflicts.push(field(line, 10)?.to_vec()),
                Some(b'?') => status.untracked.push(line.strip_prefix(b"? ")?.to_vec()),
                Some(_) => return None,
            }
        }
        Some(status)
    }

    fn changed(&mut self, line: &[u8], path: usize) -> Option<()> {
        let path = field(line, path)?;
        let &[_, b' ', x, y, b' ', submodule, _, modified, untracked, ..] = line else { return None };
        if x != b'.' {
            self.staged.push(path.to_vec());
        }
        if y != b'.' {
            self.unstaged.push(path.to_vec());
            match (submodule, modified, untracked) {
                (b'S', b'.', b'.') => self.moved.push(path.to_vec()),
                (b'S', ..) => self.submodules.push(path.to_vec()),
                _ => {}
            }
        }
        Some(())
    }
}

/// The rest of a line after `n` fields that end with a space.
fn field(line: &[u8], n: usize) -> Option<&[u8]> {
    let rest = line.splitn(n + 1, |b| *b == b' ').nth(n)?;
    (!rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_kind() {
        let bytes = b"# branch.oid 1234\0# stash 2\0\
            1 M. N... 100644 100644 100644 aa bb staged file\0\
            1 .M S.MU 160000 160000 160000 aa bb sub\0\
            1 MM N... 100644 100644 100644 aa bb both\0\
            2 R. N... 100644 100644 100644 aa bb R100 new\0old name\0\
            u UU N... 100644 100644 100644 100644 aa bb cc clash\n\"x\"\0\
            ? un tracked/\xff/\0! ignored\0";
        let status = Status::parse(bytes).unwrap();
        assert_eq!(status.staged, [&b"staged file"[..], b"both", b"new"]);
        assert_eq!(status.unstaged, [&b"sub"[..], b"both"]);
        assert_eq!(status.submodules, [b"sub"]);
        assert_eq!(status.conflicts, [b"clash\n\"x\""]);
        assert_eq!(status.untracked, [b"un tracked/\xff/"]);
        assert!(!status.is_clean());
        assert!(Status::parse(b"").unwrap().is_clean());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for bad in [
            &b"x what"[..],
            b"1 M. N... short",
            b"1 M. N... 1 2 3 a b ",
            b"2 R. N... 1 2 3 a b R100 new",
            b"?x",
        ] {
            assert_eq!(Status::parse(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_names(name in proptest::collection::vec(1_u8..=255, 1..40), noise in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Status::parse(&noise);
            let mut line = b"1 .M N... 100644 100644 100644 aa bb ".to_vec();
            line.extend(&name);
            line.push(0);
            let status = Status::parse(&line).unwrap();
            prop_assert_eq!(&status.unstaged, &vec![name]);
        }
    }
}
