//! One ssh connection for all that a run says to a remote, where nobody has decided otherwise.
//!
//! Opening an ssh connection costs far more than what goes over it. So git is told, by its own
//! `GIT_SSH_COMMAND`, to let the first connection stay open for those that follow. That is left to
//! the user as soon as he has said anything about it: in git's configuration or environment, or in
//! his ssh configuration for that host. Proxies, keys, agents and jump hosts stay as he set them up.
//!
//! The connection that stays is a background process of ssh in a session of its own, without a
//! terminal: Ctrl-C reaches neither it nor, through it, a push. It is ended with the run, and ends by
//! itself a few seconds after its last use, also after a `kill -9`. The tool never hears of it.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::config::Config;
use crate::env::{self, Environment};
use crate::process::start_alone;

/// What git is told with.
pub(super) const VARIABLE: &str = "GIT_SSH_COMMAND";
/// How long the connection outlives its last use, in seconds.
const STAYS: u32 = 10;
/// ssh binds the socket under the path and 17 more bytes; the system takes 104 at least, with the
/// zero at the end.
const LONGEST_PATH: usize = 104 - 17 - 1;

/// Where an ssh URL leads, in words that neither ssh nor a shell could misread.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Destination {
    /// `host` or `user@host`.
    host: String,
    port: Option<String>,
}

impl Destination {
    /// Reads a URL as git does; none if it is not ssh's, or too odd to be sure.
    fn of(url: &str) -> Option<Self> {
        let (host, port) = match url.split_once("://") {
            Some((scheme, rest)) => {
                if !matches!(scheme, "ssh" | "git+ssh" | "ssh+git") {
                    return None;
                }
                let authority = rest.split_once('/')?.0;
                match authority.rsplit_once(':') {
                    Some((host, port)) => (host, Some(port)),
                    None => (authority, None),
                }
            }
            // `user@host:path`: a colon before the first slash; two are for another transport.
            None => {
                let (host, path) = url.split_once(':')?;
                if host.contains('/') || path.starts_with(':') {
                    return None;
                }
                (host, None)
            }
        };
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        let named = match host.split_once('@') {
            Some((user, host)) => plain(user) && plain(host),
            None => plain(host),
        };
        let numbered = port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        (named && numbered).then(|| Self { host: host.to_owned(), port: port.map(str::to_owned) })
    }

    /// As ssh takes it on its command line.
    fn words(&self) -> Vec<&str> {
        let port = self.port.iter().flat_map(|port| ["-p", port]);
        port.chain(["--", &self.host]).collect()
    }
}

/// The connection of one run to one host. Made by ssh when it is first used, ended when dropped.
#[derive(Debug)]
pub(super) struct Shared {
    ssh: PathBuf,
    to: Destination,
    socket: PathBuf,
    env: Environment,
    /// Where git's standard error may be kept.
    scratch: PathBuf,
}

impl Shared {
    /// For a remote that is fetched from and pushed to by these URLs; none where something else is
    /// wanted, where ssh is not OpenSSH, or where the socket has no safe place.
    pub(super) fn new(
        env: &Environment,
        config: &Config,
        fetch: &str,
        push: &str,
        scratch: &Path,
    ) -> Option<Self> {
        let to = Destination::of(fetch)?;
        // Another user at the same host is another connection.
        if Destination::of(push).as_ref() != Some(&to) || decided(env, config) {
            return None;
        }
        let ssh = which::which_in("ssh", env.var_os("PATH"), env.cwd()).ok()?;
        let socket = socket(env)?;
        let shared = Self { ssh, to, socket, env: env.clone(), scratch: scratch.to_owned() };
        shared.is_free().then_some(shared)
    }

    /// What git is told, for its `GIT_SSH_COMMAND`. git gives it to a shell, so it must hold nothing
    /// that means something there, and `%` would mean something to ssh: see `socket`.
    pub(super) fn command(&self) -> OsString {
        let socket = self.socket.display();
        format!("ssh -o ControlMaster=auto -o ControlPath={socket} -o ControlPersist={STAYS}").into()
    }

    /// A file for git's standard error: an older ssh that stays keeps that open, and a pipe would
    /// then have no end before it ends.
    pub(super) fn errors(&self) -> Option<File> {
        let make = || tempfile::tempfile_in(&self.scratch);
        make().or_else(|_| super::sharing::make_directories(&self.scratch, 0o777).and_then(|()| make())).ok()
    }

    /// Whether the user's ssh configuration says nothing about sharing for this host. An ssh that
    /// cannot tell is not OpenSSH, or not one of this decade.
    fn is_free(&self) -> bool {
        let mut command = self.start(&["-G"]);
        command.stdout(Stdio::piped());
        let ran = {
            let _alone = start_alone();
            command.spawn()
        };
        let said = ran.and_then(std::process::Child::wait_with_output);
        said.is_ok_and(|said| said.status.success() && says_nothing(&said.stdout))
    }

    fn end(&self) {
        if !self.socket.exists() {
            return;
        }
        let socket = format!("ControlPath={}", self.socket.display());
        let mut command = self.start(&["-o", &socket, "-O", "exit"]);
        let ran = {
            let _alone = start_alone();
            command.spawn()
        };
        // If it cannot be told, it ends by itself.
        let _ = ran.and_then(|mut child| child.wait());
    }

    #[expect(clippy::disallowed_methods, reason = "asks the ssh that git will use; nothing is run by it")]
    fn start(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.ssh);
        command.args(words).args(self.to.words()).current_dir(self.env.cwd());
        command.env_clear().envs(self.env.vars());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether the user has said how git is to use ssh.
fn decided(env: &Environment, config: &Config) -> bool {
    let other = |variant: Option<&str>| variant.is_some_and(|variant| !matches!(variant, "auto" | "ssh"));
    env.var_os(VARIABLE).is_some()
        || env.var_os("GIT_SSH").is_some()
        || config.last("core.sshcommand").is_some()
        || other(config.last("ssh.variant"))
        || other(env.var("GIT_SSH_VARIANT"))
}

/// Pure: whether the answer of `ssh -G` is one, and leaves sharing alone.
fn says_nothing(said: &[u8]) -> bool {
    let said = String::from_utf8_lossy(said);
    let value = |key: &str| {
        said.lines().filter_map(|line| line.split_once(' ')).find(|(k, _)| *k == key).map(|(_, v)| v.trim())
    };
    value("hostname").is_some()
        && value("controlmaster").is_none_or(|master| matches!(master, "false" | "no"))
        && value("controlpath").is_none_or(|path| path == "none")
}

/// A name for the socket, new for each run, in a directory that nobody else can look into.
fn socket(env: &Environment) -> Option<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let runtime = env.var_os("XDG_RUNTIME_DIR").map(|dir| Path::new(dir).join("lockstep"));
    let temporary = env.var_os("TMPDIR").map_or(Path::new("/tmp"), Path::new);
    let temporary = temporary.join(format!("lockstep-{user}"));
    let name = env::nonce().ok()?;
    let name = name.get(..12)?;
    let good = |dir: &PathBuf| fits(dir.join(name).as_os_str()) && is_private(dir, user);
    runtime.into_iter().chain([temporary]).find(good).map(|dir| dir.join(name))
}

/// Whether a path means the same to a shell, to ssh and to the system, and is short enough for it.
fn fits(path: &OsStr) -> bool {
    let bytes = path.as_encoded_bytes();
    bytes.first() == Some(&b'/')
        && bytes.len() <= LONGEST_PATH
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"/-._+".contains(b))
}

/// Makes the directory if it is not there; whether it is the user's, and his alone.
fn is_private(dir: &Path, user: u32) -> bool {
    // That it cannot be made will be seen.
    let _ = DirBuilder::new().mode(0o700).create(dir);
    std::fs::symlink_metadata(dir)
        .is_ok_and(|found| found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(url: &str) -> Option<String> {
        Destination::of(url).map(|to| to.words().join(" "))
    }

    #[test]
    fn where_urls_lead() {
        for (url, expected) in [
            ("git@github.com:team/repo.git", Some("-- git@github.com")),
            ("host:repo", Some("-- host")),
            ("ssh://git@host/repo", Some("-- git@host")),
            ("ssh://git@host:2222/repo", Some("-p 2222 -- git@host")),
            ("git+ssh://host/x", Some("-- host")),
            ("https://host/x", None),
            ("file:///x", None),
            ("/srv/x", None),
            ("./a:b", None),
            ("ssh://-oProxyCommand=x/y", None),
            ("-oProxyCommand=x:y", None),
            ("user@-x:y", None),
            ("ssh://[::1]:22/x", None),
            ("[host:22]:x", None),
            ("ssh://host:$(x)/y", None),
            ("a b:x", None),
            ("ext::sh -c x", None),
            ("ssh://host:/x", None),
        ] {
            assert_eq!(words(url).as_deref(), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_url_makes_an_option_or_a_word_that_a_shell_reads(url in "\\PC*") {
            if let Some(to) = Destination::of(&url) {
                let harmless = |c: char| c.is_ascii_alphanumeric() || "-._@".contains(c);
                prop_assert!(to.host.chars().all(harmless) && !to.host.starts_with('-'));
                prop_assert!(to.port.iter().all(|port| port.bytes().all(|b| b.is_ascii_digit())));
            }
        }
    }

    #[test]
    fn what_the_user_said_stands() {
        let nothing = Config::parse(b"core.bare\nfalse\0");
        let env = |pairs: &[(&str, &str)]| Environment::new("/", pairs.iter().copied());
        assert!(!decided(&env(&[]), &nothing));
        assert!(!decided(&env(&[("GIT_SSH_VARIANT", "ssh")]), &nothing));
        for variable in ["GIT_SSH_COMMAND", "GIT_SSH"] {
            assert!(decided(&env(&[(variable, "")]), &nothing));
        }
        assert!(decided(&env(&[("GIT_SSH_VARIANT", "plink")]), &nothing));
        for said in ["core.sshcommand\nssh -v\0", "ssh.variant\nsimple\0"] {
            assert!(decided(&env(&[]), &Config::parse(said.as_bytes())));
        }
    }

    #[test]
    fn what_ssh_says_of_a_host() {
        assert!(says_nothing(b"host h\nhostname h\ncontrolmaster false\n"));
        assert!(says_nothing(b"hostname h\ncontrolmaster no\ncontrolpath none\n"));
        for said in [
            "",
            "hostname h\ncontrolmaster auto\n",
            "hostname h\ncontrolmaster false\ncontrolpath /home/me/.ssh/c\n",
            "usage: dbclient",
        ] {
            assert!(!says_nothing(said.as_bytes()), "{said}");
        }
    }

    #[test]
    fn the_socket_lies_where_nobody_else_looks() {
        let temp = tempfile::Builder::new().prefix("s").tempdir_in("/tmp").unwrap();
        let base = temp.path().to_str().unwrap();
        let env = Environment::new("/", [("TMPDIR", base)]);
        let (one, two) = (socket(&env).unwrap(), socket(&env).unwrap());
        assert_ne!(one, two);
        let dir = one.parent().unwrap();
        assert_eq!(std::fs::metadata(dir).unwrap().mode() & 0o777, 0o700);
        // A directory that others may look into, or that is a link, is not trusted.
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(socket(&env), None);
        std::fs::remove_dir(dir).unwrap();
        std::os::unix::fs::symlink(temp.path(), dir).unwrap();
        assert_eq!(socket(&env), None);
        for bad in ["/a b", "/a;b", "/a%b", "/a'b", "relative", "/ä"] {
            assert!(!fits(OsStr::new(bad)), "{bad}");
        }
        assert!(!fits(OsStr::new(&format!("/{}", "x".repeat(LONGEST_PATH)))));
    }
}
