//! The only reader of environment variables, clock, host identity and randomness.
//!
//! Everything else takes an [`Environment`], a [`Clock`] and a [`Host`] as values, so that a
//! program that embeds lockstep, and a test, can say what they are. Nothing here changes state.

mod ci;
mod ci_push;
mod span;

pub use ci::{ci_branch, ci_target, is_ci};
pub use ci_push::{CiPush, ci_push};
pub use span::{Span, SpanError};

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Environment variables and the directory in which the user stands. Cloning shares the variables.
///
/// ```
/// use lockstep::env::Environment;
/// let env = Environment::new("/work", [("PATH", "/usr/bin")]);
/// assert_eq!(env.var("PATH"), Some("/usr/bin"));
/// assert_eq!(env.var("HOME"), None);
/// ```
#[derive(Clone, Debug)]
pub struct Environment {
    vars: Arc<BTreeMap<OsString, OsString>>,
    cwd: PathBuf,
    may_ask: bool,
}

impl Environment {
    /// An environment made of the given variables; nothing is inherited from the process.
    pub fn new<K: Into<OsString>, V: Into<OsString>>(
        cwd: impl Into<PathBuf>,
        vars: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let vars: BTreeMap<_, _> = vars.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        Self { vars: Arc::new(vars), cwd: cwd.into(), may_ask: false }
    }

    /// No variables at all.
    #[cfg(test)]
    pub(crate) fn bare() -> Self {
        Self::new("/", std::iter::empty::<(OsString, OsString)>())
    }

    /// The environment of this process. Fails if the current directory no longer exists.
    #[expect(clippy::disallowed_methods, reason = "this file is the one reader")]
    pub fn from_process() -> std::io::Result<Self> {
        let (vars, cwd) = (Arc::new(std::env::vars_os().collect()), std::env::current_dir()?);
        Ok(Self { vars, cwd, may_ask: false })
    }

    /// The same variables, seen from another directory (`-C DIR`, taken relative to the present one).
    #[must_use]
    pub fn in_directory(mut self, dir: &Path) -> Self {
        self.cwd = self.cwd.join(dir);
        self
    }

    /// The same, with somebody at a terminal whom git may ask for a password, or not.
    #[must_use]
    pub fn asking(mut self, may_ask: bool) -> Self {
        self.may_ask = may_ask;
        self
    }

    /// Whether git may ask for a password on the terminal; not unless it was said.
    pub const fn may_ask(&self) -> bool {
        self.may_ask
    }

    /// The directory in which the user stands; always absolute.
    pub fn cwd(&self) -> &Path {
        &self.cwd
    }

    /// A variable's value, if it is set, not empty and UTF-8.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(OsStr::new(name)).and_then(|v| v.to_str()).filter(|v| !v.is_empty())
    }

    /// A variable's value as it stands.
    pub fn var_os(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// All variables, sorted by name.
    pub fn vars(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.vars.iter().map(|(k, v)| (k.as_os_str(), v.as_os_str()))
    }
}

/// Tells the time; `Fixed` is for tests and replays.
#[derive(Clone, Copy, Debug, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// Always the same instant.
    Fixed(Timestamp),
}

impl Clock {
    /// The present instant, whole seconds.
    #[expect(clippy::disallowed_methods, reason = "this file is the one reader")]
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Self::System => Timestamp::now(),
            Self::Fixed(at) => *at,
        };
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}

/// Measures how long something takes, unmoved by changes of the system's clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Whole milliseconds since the start.
    pub fn milliseconds(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Which machine, boot and process namespace a run lives in.
///
/// The name alone proves nothing: two containers may share it. Two runs are on the very same host
/// only if boot id and pid namespace agree and are both known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Host name, for people.
    pub name: String,
    /// Boot id of the kernel; empty where it cannot be told.
    pub boot: String,
    /// Identity of the pid namespace; empty where it cannot be told.
    pub pid_namespace: String,
}

impl Host {
    /// The host of this process.
    pub fn current() -> Self {
        Self { name: host_name(), boot: boot_id(), pid_namespace: pid_namespace() }
    }

    /// Whether processes of both can be told apart by their pid: the same boot of the same kernel,
    /// in the same pid namespace. Unknown identities never match.
    pub fn is_same_as(&self, other: &Self) -> bool {
        !self.boot.is_empty()
            && !self.pid_namespace.is_empty()
            && self.boot == other.boot
            && self.pid_namespace == other.pid_namespace
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(target_os = "linux")]
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(target_os = "linux")]
fn pid_namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid").map(|l| l.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Without `/proc` the identity is unknown: no takeover by proof, only by a recorded failure.
#[cfg(not(target_os = "linux"))]
fn boot_id() -> String {
    String::new()
}

#[cfg(not(target_os = "linux"))]
fn pid_namespace() -> String {
    String::new()
}

/// Where the program of this process is.
///
/// # Errors
/// When the operating system cannot tell.
pub fn program_path() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// How many threads this machine runs at once, as far as it says.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// This process's id.
pub fn pid() -> u32 {
    std::process::id()
}

/// When this process started, in the kernel's clock ticks since boot; 0 where it cannot be told.
/// With the pid it names a process exactly, however often pids are used again.
pub fn process_start() -> u64 {
    // Field 22 of /proc/self/stat; the second field is the name in parentheses and may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    stat.rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().nth(19))
        .and_then(|ticks| ticks.parse().ok())
        .unwrap_or(0)
}

/// A fresh random identifier: 16 bytes from the operating system, in hexadecimal.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn nonce() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// Where what a program keeps for a user belongs; none if the environment does not say.
pub fn state_directory(env: &Environment) -> Option<PathBuf> {
    let absolute = |name: &str| env.var_os(name).map(Path::new).filter(|path| path.is_absolute());
    let home = absolute("HOME");
    if cfg!(target_os = "macos") {
        return home.map(|home| home.join("Library/Application Support"));
    }
    absolute("XDG_STATE_HOME").map(Path::to_owned).or_else(|| home.map(|home| home.join(".local/state")))
}

/// The number of the user who this process acts as.
pub fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The login name of the user as the environment has it, else as the system's list of users, else the user's
/// number.
pub fn user_name(env: &Environment) -> String {
    let said = env.var("USER").or_else(|| env.var("LOGNAME")).map(str::to_owned);
    said.or_else(listed_name).unwrap_or_else(|| format!("uid{}", rustix::process::geteuid().as_raw()))
}

fn listed_name() -> Option<String> {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten()?;
    Some(user.name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_host_is_never_the_same() {
        let unknown = Host { name: "a".into(), boot: String::new(), pid_namespace: String::new() };
        assert!(!unknown.is_same_as(&unknown));
        let known = Host { name: "a".into(), boot: "b".into(), pid_namespace: "c".into() };
        let renamed = Host { name: "z".into(), ..known.clone() };
        assert!(known.is_same_as(&renamed));
        let container = Host { pid_namespace: "d".into(), ..known.clone() };
        assert!(!known.is_same_as(&container));
    }

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce().unwrap(), nonce().unwrap());
    }
}
