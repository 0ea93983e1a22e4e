//! `--report FILE`: what became of each unit, as JSON, or as JUnit XML if the name ends in `.xml`.
//!
//! What must hold: the file is there whole or not at all, also if the run fails or is interrupted; one of an
//! earlier run never stands for this one; and what cannot be written changes nothing of the run.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::junit;
use super::run_report::{Collector, RunReport};
use crate::workflow::{Event, Reporter};

/// Writes the report of a run when it is over.
pub struct ReportFile {
    path: PathBuf,
    junit: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    collector: Collector,
    failure: Option<ReportFileError>,
}

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportFileError {
    /// Nothing can be written there: known before anything is done.
    #[error("cannot write a report to `{target}`: {why}")]
    Target {
        /// The file, as it was named.
        target: String,
        /// What is wrong with it.
        why: String,
        /// A directory to be made first, if that is all that is missing.
        missing: Option<PathBuf>,
    },
    /// It could not be written when it came to that.
    #[error("cannot write the report `{target}`")]
    Write {
        /// The file.
        target: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl ReportFile {
    /// A report to this file, relative to `cwd`. Nothing is written and nothing removed yet.
    ///
    /// # Errors
    /// When the directory of the file does not exist, or there is something else than a file.
    pub fn new(target: &OsStr, cwd: &Path) -> Result<Self, ReportFileError> {
        let refused = |why: String, missing| {
            let target = target.to_string_lossy().escape_debug().to_string();
            Err(ReportFileError::Target { target, why, missing })
        };
        let path = cwd.join(target);
        let ends_so = target.to_string_lossy().ends_with('/');
        if target.is_empty() || ends_so || path.file_name().is_none() {
            return refused("it is not the name of a file".to_owned(), None);
        }
        // A link is followed: the file that it leads to is replaced, and the link stays.
        let path = path.canonicalize().unwrap_or(path);
        let directory = path.parent().unwrap_or(cwd);
        match fs::metadata(directory) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return refused(format!("`{}` is not a directory", directory.display()), None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let why = format!("there is no directory `{}`", directory.display());
                return refused(why, Some(directory.to_owned()));
            }
            Err(error) => return refused(error.to_string(), None),
        }
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => return refused("it is a directory".to_owned(), None),
            Ok(found) if !found.is_file() => return refused("it is not a regular file".to_owned(), None),
            Ok(_) | Err(_) => {}
        }
        let junit = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("xml"));
        Ok(Self { path, junit, state: Mutex::default() })
    }

    /// Removes the report of an earlier run: if this one ends before it has begun, no file says otherwise.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_earlier(&self) -> Result<(), ReportFileError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.cannot(error)),
            _ => Ok(()),
        }
    }

    /// Why the report of the run that is over could not be written, if it could not.
    pub fn failure(&self) -> Option<ReportFileError> {
        self.lock().failure.take()
    }

    /// The form of the JSON as JSON Schema.
    pub fn schema() -> serde_json::Value {
        RunReport::schema()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cannot(&self, source: io::Error) -> ReportFileError {
        ReportFileError::Write { target: self.path.display().to_string(), source }
    }

    fn write(&self, report: &RunReport) -> io::Result<()> {
        let text = match self.junit {
            true => junit::document(report),
            false => serde_json::to_string_pretty(report)? + "\n",
        };
        // A path that was joined to a directory has a parent.
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        // Read by other programs and other users, as a file that a shell makes.
        file.as_file().set_permissions(PermissionsExt::from_mode(0o644))?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

impl Reporter for ReportFile {
    fn emit(&self, event: &Event) {
        let mut state = self.lock();
        if let Some(report) = state.collector.add(event) {
            state.failure = self.write(&report).err().map(|error| self.cannot(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::run_report::tests::everything;
    use super::*;

    fn new(target: &str, cwd: &Path) -> Result<ReportFile, ReportFileError> {
        ReportFile::new(target.as_ref(), cwd)
    }

    #[test]
    fn it_is_written_whole_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        for (name, start) in [("report.json", "{\n  \"lockstep_report\": 1"), ("report.XML", "<?xml ")] {
            let path = directory.path().join(name);
            fs::write(&path, "of an earlier run").unwrap();
            let file = new(name, directory.path()).unwrap();
            assert!(path.exists());
            file.remove_earlier().unwrap();
            assert!(!path.exists());
            file.remove_earlier().unwrap();
            let mut events = everything();
            let last = events.pop().unwrap();
            events.iter().for_each(|event| file.emit(event));
            assert!(!path.exists());
            file.emit(&last);
            assert!(file.failure().is_none());
            assert!(fs::read_to_string(&path).unwrap().starts_with(start));
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing temporary is left");
    }

    #[test]
    fn what_cannot_be_written_is_known_before_if_it_can_be() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("dir")).unwrap();
        fs::write(directory.path().join("file"), "").unwrap();
        for (target, why) in [
            ("none/r.json", "there is no directory"),
            ("dir", "it is a directory"),
            ("dir/", "it is not the name"),
            ("", "it is not the name"),
            ("..", "it is not the name"),
            ("/dev/null", "it is not a regular file"),
            ("file/r.json", "is not a directory"),
        ] {
            let text = new(target, directory.path()).err().expect(target).to_string();
            assert!(text.starts_with("cannot write a report to `") && text.contains(why), "{target}: {text}");
        }
    }

    #[test]
    fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (link, to) = (directory.path().join("link.json"), directory.path().join("real.json"));
        fs::write(&to, "").unwrap();
        std::os::unix::fs::symlink(&to, &link).unwrap();
        let file = new("link.json", directory.path()).unwrap();
        everything().iter().for_each(|event| file.emit(event));
        assert!(link.is_symlink() && !fs::read_to_string(&to).unwrap().is_empty());
    }

    #[test]
    fn what_fails_in_the_end_is_remembered_and_ends_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let file = new("inner/r.json", directory.path()).unwrap();
        fs::remove_dir(&inner).unwrap();
        everything().iter().for_each(|event| file.emit(event));
        let failure = file.failure().expect("there is no such directory");
        assert!(failure.to_string().ends_with("inner/r.json`"), "{failure}");
        assert!(file.failure().is_none());
    }
}
