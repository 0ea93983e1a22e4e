//! Events as lines of JSON, for programs: `--events FILE|fd:N`.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::text;
use crate::workflow::{Event, Reporter};

/// Writes each event as one line, in one write, as it happens.
pub struct Json {
    /// None after a write that failed: the reader has gone, or sees a line that has no end.
    out: Mutex<Option<Box<dyn Write + Send>>>,
    target: String,
    failure: Mutex<Option<io::Error>>,
}

/// Why events cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write events to `{target}`")]
pub struct EventsError {
    target: String,
    #[source]
    source: io::Error,
}

impl Json {
    /// To any writer.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self::named(out, String::from("a writer"))
    }

    fn named(out: impl Write + Send + 'static, target: String) -> Self {
        Self { out: Mutex::new(Some(Box::new(out))), target, failure: Mutex::default() }
    }

    /// Why not all events could be written, if that is so. A reader that has gone wants no more.
    pub fn failure(&self) -> Option<EventsError> {
        let source = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(EventsError { target: self.target.clone(), source })
    }

    /// To a file (emptied first), relative to `cwd`; or, as `fd:N`, to a descriptor that this
    /// process was started with.
    ///
    /// # Errors
    /// When the file cannot be opened or there is no such descriptor.
    pub fn open(target: &OsStr, cwd: &Path) -> Result<Self, EventsError> {
        let file = match target.to_str().and_then(|text| text.strip_prefix("fd:")) {
            Some(number) => descriptor(number),
            // They name units, owners and remotes: no matter of other users.
            None => {
                File::options().write(true).create(true).truncate(true).mode(0o600).open(cwd.join(target))
            }
        };
        let target = target.to_string_lossy().escape_debug().to_string();
        match file {
            Ok(file) => Ok(Self::named(file, target)),
            Err(source) => Err(EventsError { target, source }),
        }
    }
}

impl Reporter for Json {
    fn emit(&self, event: &Event) {
        let Ok(line) = serde_json::to_string(event) else { return };
        // It may be a log that it goes to.
        let mut line = text::json(&line).into_bytes();
        line.push(b'\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = out.as_mut()
            && let Err(error) = writer.write_all(&line).and_then(|()| writer.flush())
        {
            *out = None;
            if error.kind() != io::ErrorKind::BrokenPipe {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        }
    }
}

/// A copy of one of our own descriptors, by its number.
fn descriptor(number: &str) -> io::Result<File> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "not the number of a descriptor");
    let number: u16 = number.parse().map_err(|_| invalid())?;
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
        let copy = pidfd_open(getpid(), PidfdFlags::empty())
            .and_then(|me| pidfd_getfd(me, i32::from(number), PidfdGetfdFlags::empty()));
        match copy {
            Ok(fd) => return Ok(File::from(fd)),
            Err(rustix::io::Errno::BADF) => return Err(rustix::io::Errno::BADF.into()),
            // An old kernel, or a sandbox: the way below does for all but sockets.
            Err(_) => {}
        }
    }
    File::options().append(true).open(format!("/dev/fd/{number}"))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    fn note(message: &str) -> Event {
        Event::Note { unit: None, message: message.into() }
    }

    fn lines(text: &str) -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_for_each_event() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("events"), "old").unwrap();
        let json = Json::open(OsStr::new("events"), directory.path()).unwrap();
        json.emit(&note("one\ntwo"));
        json.emit(&note("three"));
        let lines = lines(&std::fs::read_to_string(directory.path().join("events")).unwrap());
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], serde_json::json!({ "event": "note", "unit": null, "message": "one\ntwo" }));
    }

    #[test]
    fn a_descriptor_by_number() {
        let (reader, writer) = std::io::pipe().unwrap();
        let json = Json::open(OsStr::new(&format!("fd:{}", writer.as_raw_fd())), Path::new("/")).unwrap();
        drop(writer);
        json.emit(&note("x"));
        drop(json);
        assert_eq!(lines(&std::io::read_to_string(reader).unwrap()).len(), 1);
        for bad in ["fd:", "fd:x", "fd:-1", "fd:60000", "none/events"] {
            let error = Json::open(OsStr::new(bad), Path::new("/")).err().unwrap();
            assert_eq!(error.to_string(), format!("cannot write events to `{bad}`"));
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_trouble() {
        let (reader, writer) = std::io::pipe().unwrap();
        let json = Json::new(writer);
        drop(reader);
        json.emit(&note("x"));
        json.emit(&note("y"));
        assert!(json.failure().is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_could_not_be_written_is_known() {
        let json = Json::open(OsStr::new("/dev/full"), Path::new("/")).unwrap();
        assert!(json.failure().is_none());
        json.emit(&note("x"));
        assert_eq!(json.failure().unwrap().to_string(), "cannot write events to `/dev/full`");
    }
}
