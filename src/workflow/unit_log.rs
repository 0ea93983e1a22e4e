//! The file with what one unit's commands wrote while they ran beside others.
//!
//! It is made with the first line, readable by its owner alone, and bounded: when it has become too
//! long it is put aside, in the place of what was put aside before, and begun anew, so that the end is
//! always there. Trouble with it is kept for the end and never keeps a command from running.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::git;
use crate::process::Piece;
use crate::project::UnitId;

/// How long one file becomes, in bytes; with what was put aside there are two of them.
const LONGEST: u64 = 8 * 1024 * 1024;

/// Takes what one unit's commands write.
#[derive(Debug)]
pub struct UnitLog {
    path: PathBuf,
    longest: u64,
    out: Mutex<Out>,
}

#[derive(Debug, Default)]
struct Out {
    file: Option<File>,
    length: u64,
    trouble: Option<io::Error>,
}

impl UnitLog {
    /// The log of a unit in a directory of its run. Nothing is made before there is something to write.
    pub fn new(directory: &Path, unit: &UnitId) -> Self {
        let path = directory.join(format!("{}@{}.log", unit.module, unit.profile));
        Self { path, longest: LONGEST, out: Mutex::default() }
    }

    /// Adds a line or a piece of one.
    pub fn take(&self, piece: Piece<'_>) {
        let mut out = self.lock();
        if out.trouble.is_none()
            && let Err(error) = self.append(&mut out, piece)
        {
            out.trouble = Some(error);
        }
    }

    /// The file, if there was anything to write.
    pub fn path(&self) -> Option<&Path> {
        let out = self.lock();
        (out.file.is_some()).then_some(&self.path)
    }

    /// What went wrong, if anything did: from then on nothing was written.
    pub fn trouble(&self) -> Option<String> {
        let out = self.lock();
        out.trouble.as_ref().map(|error| format!("{}: {error}", self.path.display()))
    }

    fn lock(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, out: &mut Out, piece: Piece<'_>) -> io::Result<()> {
        if out.length >= self.longest {
            out.file = None;
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        let file = match &mut out.file {
            Some(file) => file,
            None => {
                out.length = 0;
                out.file.insert(begin(&self.path)?)
            }
        };
        let end: &[u8] = if piece.ended { b"\n" } else { b"" };
        // One write, so that a sudden end tears no line.
        file.write_all(&[piece.bytes, end].concat())?;
        out.length += u64::try_from(piece.bytes.len() + end.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

fn begin(path: &Path) -> io::Result<File> {
    let directory = path.parent().ok_or(io::ErrorKind::NotFound)?;
    git::make_directories(directory, 0o700)?;
    let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    git::hand_down_in(&file, directory);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::process::Stream;

    fn piece(bytes: &[u8], ended: bool) -> Piece<'_> {
        Piece { stream: Stream::Out, bytes, ended }
    }

    #[test]
    fn bytes_are_kept_as_they_came_and_for_their_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let log = UnitLog::new(&directory.path().join("run"), &"alpha/prod".parse().unwrap());
        assert_eq!(log.path(), None);
        assert!(!directory.path().join("run").exists(), "nothing to write, nothing made");
        log.take(piece(b"a\xff", true));
        log.take(piece(b"b", false));
        let path = log.path().unwrap();
        assert!(path.ends_with("run/alpha@prod.log"), "{}", path.display());
        assert_eq!(fs::read(path).unwrap(), b"a\xff\nb");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn it_is_bounded_and_the_end_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = UnitLog::new(directory.path(), &"alpha/prod".parse().unwrap());
        log.longest = 10;
        for line in 0..100 {
            log.take(piece(format!("line {line}").as_bytes(), true));
        }
        assert_eq!(log.trouble(), None);
        let kept = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(kept("alpha@prod.log.1"), "line 96\nline 97\n");
        assert_eq!(kept("alpha@prod.log"), "line 98\nline 99\n");
        assert_eq!(directory.path().read_dir().unwrap().count(), 2);
    }

    #[test]
    fn trouble_is_told_and_stops_nobody() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("run"), "").unwrap();
        let log = UnitLog::new(&directory.path().join("run"), &"alpha/prod".parse().unwrap());
        log.take(piece(b"a", true));
        log.take(piece(b"b", true));
        assert_eq!(log.path(), None);
        assert!(log.trouble().unwrap().contains("alpha@prod.log"), "{:?}", log.trouble());
    }
}
