//! Which processes of this machine still belong to something that was started earlier.
//!
//! Only Linux shows them. What must hold: a process is named only for what cannot be an accident (an open
//! file, its pid with its start, the environment of a run within the session of its tool), and a signal
//! reaches only the process that was looked at.

use std::fmt;
use std::fs::File;

use rustix::process::{Pid, Signal};

use super::error::show;

/// A process, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Living {
    /// Its id.
    pub pid: u32,
    /// What the system calls it, safe to print.
    pub name: String,
    /// Its process group.
    pub(super) group: i32,
    /// When it started.
    pub(super) start: u64,
}

impl fmt::Display for Living {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (process {})", self.name, self.pid)
    }
}

/// Several of them as a list, the first few by name.
pub fn listed(living: &[Living]) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<String> = living.iter().take(SHOWN).map(ToString::to_string).collect();
    if living.len() > SHOWN {
        names.push(format!("{} more", living.len() - SHOWN));
    }
    names.join(", ")
}

/// What the system shows of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) pid: u32,
    pub(super) name: String,
    pub(super) group: i32,
    pub(super) session: i32,
    pub(super) start: u64,
}

impl Shown {
    fn living(self) -> Living {
        Living { pid: self.pid, name: self.name, group: self.group, start: self.start }
    }
}

/// The processes of the machine, without this one and those that have ended, of which `is_meant` is so.
pub(super) fn find(is_meant: impl Fn(&Shown) -> bool) -> Vec<Living> {
    let own = crate::env::pid();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    if !is_of_our_namespace() {
        return Vec::new();
    }
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<Living> = pids
        .filter(|pid| *pid != own)
        .filter_map(stat)
        .filter(|shown| is_meant(shown))
        .map(Shown::living)
        .collect();
    found.sort_by_key(|living| (living.start, living.pid));
    found
}

/// The processes that have a file open, besides this one.
pub fn users_of(file: &File) -> Vec<Living> {
    let place = FilePlace::of(file);
    find(|shown| place.is_open_in(shown.pid))
}

/// Whether `/proc` calls this process as it is called itself. In a namespace of processes that has no `/proc` of
/// its own each number there is another process's.
fn is_of_our_namespace() -> bool {
    let own = crate::env::pid().to_string();
    std::fs::read_link("/proc/self").is_ok_and(|name| name.as_os_str() == own.as_str())
}

/// What the system shows of one; none if it has ended.
pub(super) fn shown(pid: u32) -> Option<Shown> {
    is_of_our_namespace().then(|| stat(pid))?
}

fn stat(pid: u32) -> Option<Shown> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state ppid group session … start`; the name may hold anything.
    let (before, after) = stat.rsplit_once(')')?;
    let name = before.split_once('(')?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ended = matches!(*fields.first()?, "Z" | "X" | "x");
    (!ended).then_some(())?;
    let number = |at: usize| fields.get(at)?.parse().ok();
    Some(Shown {
        pid,
        name: show(name),
        group: number(2)?,
        session: number(3)?,
        start: fields.get(19)?.parse().ok()?,
    })
}

/// Which file it is, whatever its path is called.
pub(super) struct FilePlace(Option<(u64, u64)>);

impl FilePlace {
    pub(super) fn of(file: &File) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(file.metadata().ok().map(|meta| (meta.dev(), meta.ino())))
    }

    /// Whether a process has it open. Only regular files are looked at more closely: others may wait.
    pub(super) fn is_open_in(&self, pid: u32) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let (Some(place), Ok(open)) = (self.0, std::fs::read_dir(format!("/proc/{pid}/fd"))) else {
            return false;
        };
        let links = open.flatten().map(|entry| entry.path());
        let mut files = links.filter(|link| {
            let target = std::fs::read_link(link).unwrap_or_default();
            // Ours are called so; a file of a network that is gone is not waited for.
            let name = target.to_string_lossy();
            name.starts_with('/') && name.contains(".lock")
        });
        files.any(|link| link.metadata().is_ok_and(|meta| (meta.dev(), meta.ino()) == place))
    }
}

/// Whether the environment with which a process was started has all of these variables.
pub(super) fn has_environment(pid: u32, wanted: &[(&str, &str)]) -> bool {
    use std::io::Read as _;
    const MOST: u64 = 4 << 20;
    let mut bytes = Vec::new();
    let Ok(file) = File::open(format!("/proc/{pid}/environ")) else { return false };
    if file.take(MOST).read_to_end(&mut bytes).is_err() {
        return false;
    }
    wanted.iter().all(|(name, value)| {
        bytes.split(|byte| *byte == 0).any(|variable| {
            variable.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
                == Some(value.as_bytes())
        })
    })
}

/// Sends a signal to a process that was found, and to no other that may have its number by now.
#[cfg(target_os = "linux")]
pub(super) fn tell(living: &Living, signal: Signal) {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let Some(pid) = Pid::from_raw(living.pid.cast_signed()) else { return };
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    // It cannot change any more which process is meant; so it is looked at once more now.
    if shown(living.pid).is_some_and(|now| now.start == living.start) {
        let _ = pidfd_send_signal(process, signal);
    }
}

/// Elsewhere none is found.
#[cfg(not(target_os = "linux"))]
pub(super) fn tell(_: &Living, _: Signal) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_shown_and_never_found() {
        let own = shown(crate::env::pid()).unwrap();
        assert_eq!(own.start, crate::env::process_start());
        assert_eq!(own.group, nix::unistd::getpgrp().as_raw());
        assert!(find(|shown| shown.pid == own.pid).is_empty());
        assert!(find(|_| true).len() > 1 || find(|_| true).is_empty(), "and nothing of it panics");
        assert_eq!(shown(0), None);
    }

    #[test]
    fn lists_are_short() {
        let one = |pid| Living { pid, name: "sh".into(), group: 1, start: 1 };
        assert_eq!(listed(&[one(1), one(2)]), "`sh` (process 1), `sh` (process 2)");
        let many: Vec<Living> = (1..9).map(one).collect();
        assert!(listed(&many).ends_with("`sh` (process 3), 5 more"), "{}", listed(&many));
    }
}
