//! Proof that a run and its tools have ended: operating-system locks on files of the run's own.
//!
//! lockstep holds one while it lives. Each unit has another one for the tools that run under its lock, which
//! they and all that they start inherit ([`Mark`]): after `kill -9` of lockstep, or of a wrapper, the tool
//! still holds it. A file of the run that is not there proves nothing: it may have been on another
//! machine, or swept.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};

use super::record_json::is_identifier;
use super::{LockError, LockState, Record};
use crate::env::{Clock, Environment, state_directory};
use crate::process::{Left, Mark, left, listed, open_plain, users_of};
use crate::project::UnitId;

/// A file is not swept before this age: a record may still need it as proof.
const KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// At most so many files are looked at in one sweep.
const SWEEP: usize = 256;

/// What can be said about the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Run and tool have ended.
    Ended,
    /// They have, and all that the tool was to change has been changed.
    Succeeded,
    /// One of them still lives: which, for people; empty where that cannot be seen.
    Lives(String),
    /// Nothing is known here.
    Unknown,
}

/// The directory of one user in which the runs keep their files.
#[derive(Clone, Debug)]
pub struct Alive {
    directory: PathBuf,
}

impl Alive {
    /// The user's own; none if the environment does not say where such files belong.
    pub fn of_user(env: &Environment) -> Option<Self> {
        let runtime = || env.var_os("XDG_RUNTIME_DIR").map(Path::new).filter(|path| path.is_absolute());
        let base = state_directory(env).or_else(|| runtime().map(Path::to_owned))?;
        Some(Self { directory: base.join("lockstep/alive") })
    }

    /// Below a directory of one's own.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Starts to hold the run's file; the run lives for others as long as the result, or a copy of
    /// it that a tool inherited, is open.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn start(&self, run: &str, clock: Clock) -> Result<Arc<OwnedFd>, LockError> {
        let path =
            self.file(run).ok_or_else(|| LockError::Config("the run's id is not an identifier".into()))?;
        self.sweep(clock);
        // It is locked before it has its name, so that nobody ever finds it free while the run lives.
        let new = path.with_extension("new");
        let locked = || -> io::Result<File> {
            std::fs::create_dir_all(&self.directory)?;
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&new)?;
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            // Never over a file that is there: somebody would find that one free.
            let linked = std::fs::hard_link(&new, &path);
            std::fs::remove_file(&new)?;
            linked.map(|()| file)
        };
        let what = || format!("lock `{}`, by which other runs see that this one lives", path.display());
        locked()
            .map(|file| Arc::new(OwnedFd::from(file)))
            .map_err(|source| LockError::Io { what: what(), source })
    }

    /// Whether what a record speaks of has ended: the run, tool and all, or of one that has recorded its
    /// failure what its tools have left. The record is untrusted.
    pub fn ended(&self, record: &Record) -> Proof {
        match self.left(&record.run, &record.unit) {
            Some(left) => Proof::Lives(left.to_string()),
            None if record.state == LockState::Failed => Proof::Ended,
            None => self.run_ended(&record.run),
        }
    }

    fn run_ended(&self, run: &str) -> Proof {
        let Some(file) = self.file(run).and_then(|path| open_plain(&path).ok()) else {
            return Proof::Unknown;
        };
        // Shared: two runs that ask at the same time do not take each other for the holder.
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Proof::Ended,
            Err(rustix::io::Errno::WOULDBLOCK) => Proof::Lives(listed(&users_of(&file))),
            Err(_) => Proof::Unknown,
        }
    }

    /// What the tools that ran under a unit's lock have left behind and that still lives.
    pub fn left(&self, run: &str, unit: &str) -> Option<Left> {
        left(&self.tools_file(run, unit)?, run)
    }

    /// The mark of a command that runs under the lock of a unit. `told` is the unit that it is told to run
    /// for: of a workflow that is the stage's.
    pub fn mark(&self, run: &str, unit: &str, told: &UnitId) -> Option<Mark> {
        let path = self.tools_file(run, unit)?;
        let (module, profile) = (told.module.to_string(), told.profile.to_string());
        Some(Mark { path, run: run.to_owned(), module, profile })
    }

    /// Removes the files of a run that has given back all that it took, for certain: nobody will ask
    /// for them. Not to be called after an outcome that was left open.
    pub fn forget<'a>(&self, run: &str, units: impl IntoIterator<Item = &'a UnitId>) {
        let of_tools = units.into_iter().filter_map(|unit| self.tools_file(run, &unit.to_string()));
        for path in self.file(run).into_iter().chain(of_tools) {
            // It is only tidiness; the sweep will come to it.
            let _ = std::fs::remove_file(path);
        }
    }

    /// The unit's name may come from a record, and may be longer than a file's.
    fn tools_file(&self, run: &str, unit: &str) -> Option<PathBuf> {
        use sha2::{Digest as _, Sha256};
        let digest: String = Sha256::digest(unit).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        is_identifier(run).then(|| self.directory.join(format!("{run}.{digest}.lock")))
    }

    fn file(&self, run: &str) -> Option<PathBuf> {
        is_identifier(run).then(|| self.directory.join(format!("{run}.lock")))
    }

    /// Removes files that are old and free. Failures are left to the next time.
    fn sweep(&self, clock: Clock) {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return };
        let now = Duration::from_secs(u64::try_from(clock.now().as_second()).unwrap_or_default());
        for entry in entries.flatten().take(SWEEP) {
            let age = entry
                .metadata()
                .and_then(|meta| meta.modified())
                .ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
                .and_then(|modified| now.checked_sub(modified));
            if age.is_some_and(|age| age > KEEP)
                && let Ok(file) = open_plain(&entry.path())
                && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
            {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::contract::fixture::record;
    use jiff::Timestamp;

    fn lives(proof: &Proof) -> bool {
        matches!(proof, Proof::Lives(_))
    }

    fn alive() -> (tempfile::TempDir, Alive) {
        let dir = tempfile::tempdir().unwrap();
        let alive = Alive::in_directory(dir.path().join("alive"));
        (dir, alive)
    }

    #[test]
    fn only_a_free_lock_proves_the_end() {
        let (_dir, alive) = alive();
        assert_eq!(alive.run_ended("r1"), Proof::Unknown);
        let held = alive.start("r1", Clock::System).unwrap();
        assert!(lives(&alive.run_ended("r1")));
        let copy = held.try_clone().unwrap();
        drop(held);
        assert!(lives(&alive.run_ended("r1")), "a copy is open");
        drop(copy);
        assert_eq!(alive.run_ended("r1"), Proof::Ended);
        assert_eq!(alive.run_ended("r1"), Proof::Ended, "asking changes nothing");
        alive.forget("r1", []);
        assert_eq!(alive.run_ended("r1"), Proof::Unknown);
    }

    #[test]
    fn what_a_tool_left_is_asked_for_whatever_the_record_says() {
        let (_dir, alive) = alive();
        let ran = |state| Record { run: "r1".into(), state, ..record("alpha/prod") };
        let (held, failed) = (ran(LockState::Held), ran(LockState::Failed));
        drop(alive.start("r1", Clock::System).unwrap());
        assert_eq!((alive.ended(&held), alive.ended(&failed)), (Proof::Ended, Proof::Ended));
        let tool = File::create(alive.tools_file("r1", "alpha/prod").unwrap()).unwrap();
        flock(&tool, FlockOperation::LockShared).unwrap();
        assert!(lives(&alive.ended(&held)) && lives(&alive.ended(&failed)));
        let other = Record { unit: "beta/prod".into(), ..ran(LockState::Failed) };
        assert_eq!(alive.ended(&other), Proof::Ended, "each unit for itself");
        drop(tool);
        assert_eq!((alive.ended(&held), alive.ended(&failed)), (Proof::Ended, Proof::Ended));
        alive.forget("r1", [&"alpha/prod".parse().unwrap()]);
        assert_eq!((alive.ended(&held), alive.ended(&failed)), (Proof::Unknown, Proof::Ended));
    }

    #[test]
    fn a_run_starts_once() {
        let (dir, alive) = alive();
        let held = alive.start("r1", Clock::System).unwrap();
        assert!(alive.start("r1", Clock::System).is_err());
        assert!(lives(&alive.run_ended("r1")));
        drop(held);
        assert_eq!(alive.run_ended("r1"), Proof::Ended);
        let names = std::fs::read_dir(dir.path().join("alive")).unwrap().map(|e| e.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["r1.lock"]);
    }

    #[test]
    fn a_run_name_from_a_record_cannot_leave_the_directory() {
        let (dir, alive) = alive();
        std::fs::create_dir_all(dir.path().join("alive")).unwrap();
        std::fs::write(dir.path().join("x.lock"), "").unwrap();
        for run in ["../x", "/x", "", "a/b", &"a".repeat(65)] {
            assert_eq!(alive.run_ended(run), Proof::Unknown, "{run}");
        }
        std::os::unix::fs::symlink(dir.path().join("x.lock"), dir.path().join("alive/y.lock")).unwrap();
        assert_eq!(alive.run_ended("y"), Proof::Unknown, "a link is no file of a run");
    }

    #[test]
    fn the_sweep_takes_old_free_files_and_nothing_else() {
        let (_dir, alive) = alive();
        let held = alive.start("held", Clock::System).unwrap();
        drop(alive.start("old", Clock::System).unwrap());
        let soon = Clock::System.now();
        drop(alive.start("next", Clock::Fixed(soon)).unwrap());
        assert_eq!(alive.run_ended("old"), Proof::Ended);
        let later = Timestamp::from_second(soon.as_second() + 31 * 24 * 60 * 60).unwrap();
        let _later = alive.start("later", Clock::Fixed(later)).unwrap();
        assert_eq!(alive.run_ended("old"), Proof::Unknown, "swept");
        assert!(lives(&alive.run_ended("held")));
        drop(held);
    }

    #[test]
    fn the_place_follows_the_environment() {
        let of = |vars: &[(&str, &str)]| {
            Alive::of_user(&Environment::new("/", vars.iter().copied())).map(|a| a.directory)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("HOME", "relative")]), None);
        assert_eq!(of(&[("XDG_RUNTIME_DIR", "/run/u")]), Some("/run/u/lockstep/alive".into()));
        #[cfg(target_os = "linux")]
        {
            assert_eq!(of(&[("HOME", "/h")]), Some("/h/.local/state/lockstep/alive".into()));
            assert_eq!(of(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]), Some("/s/lockstep/alive".into()));
        }
    }
}
