//! Reading files within bounds: regular ones only, and never more than a caller can hold.
//!
//! What a clone holds is untrusted: a link to a device would be read without end, a pipe would wait for
//! a writer for ever. So a file is opened without blocking, and looked at before it is read.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// The most bytes of a configuration file: `lockstep.toml`, `module.toml`, profiles, workflows, schemas,
/// `--params`.
pub(crate) const CONFIG: u64 = 1 << 20;
/// The most bytes of all files of a module together, and of all that a unit is rendered to.
pub(crate) const SOURCE: u64 = 64 << 20;
/// The most bytes of what an expression reads: `file()`, `secret()`, and what a command prints for it.
pub(crate) const ANSWER: u64 = 4 << 20;
/// The most bytes of a note of lockstep's own: a journal, and what is kept beside it.
pub(crate) const NOTE: u64 = 32 << 20;

/// Why a file is not read, although it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// A directory, a pipe, a socket or a device.
    NotRegular,
    /// Larger than this many bytes.
    TooLarge(u64),
    /// Reached through a link that leads out of the project.
    Outside,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegular => f.write_str("it is not a regular file"),
            Self::TooLarge(limit) => write!(f, "it is larger than {}", size(*limit)),
            Self::Outside => f.write_str("it is a link that leads out of the project"),
        }
    }
}

impl std::error::Error for Unfit {}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        Self::new(io::ErrorKind::InvalidData, unfit)
    }
}

impl Unfit {
    /// What is wrong with the file, if that is what an error says.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Self>().copied()
    }
}

/// The bytes of a regular file, at most `limit` of them; links are followed.
///
/// # Errors
/// An [`Unfit`], or what the operating system said.
pub(crate) fn regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    match file.metadata()? {
        meta if meta.is_file() => whole(&mut file, meta.len(), limit),
        _ => Err(Unfit::NotRegular.into()),
    }
}

/// The bytes of whatever the user named, such as `/dev/stdin`, at most `limit` of them.
///
/// # Errors
/// As [`regular`].
pub(crate) fn any(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    whole(&mut File::open(path)?, 0, limit)
}

/// Opens a file for reading without waiting for anybody.
///
/// # Errors
/// What the operating system said.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// All of a file of which `length` bytes are expected, if it has no more than `limit`. It may grow while
/// it is read.
///
/// # Errors
/// [`Unfit::TooLarge`], or what the operating system said.
pub(crate) fn whole(file: &mut impl io::Read, length: u64, limit: u64) -> io::Result<Vec<u8>> {
    if length > limit {
        return Err(Unfit::TooLarge(limit).into());
    }
    // One more than is there, so that the end is found without another growth.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Unfit::TooLarge(limit).into());
    }
    Ok(bytes)
}

/// `1 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfit(path: &Path, limit: u64) -> Option<Unfit> {
        Unfit::of(&regular(path, limit).unwrap_err())
    }

    #[test]
    fn a_regular_file_is_read_up_to_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(regular(&path, 5).unwrap(), b"12345");
        assert_eq!(any(&path, 5).unwrap(), b"12345");
        assert_eq!(unfit(&path, 4), Some(Unfit::TooLarge(4)));
        assert_eq!(regular(&dir.path().join("b"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn nothing_else_is_read_and_nothing_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        let (kind, mode) = (rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [dir.path(), &pipe, &link, Path::new("/dev/zero")] {
            assert_eq!(unfit(path, 100), Some(Unfit::NotRegular), "{}", path.display());
        }
        let error = any(Path::new("/dev/zero"), 1 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 1 MiB");
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_bounded_too() {
        let mut endless = io::repeat(b'x');
        assert!(matches!(whole(&mut endless, 3, 10), Err(error) if Unfit::of(&error).is_some()));
    }
}
