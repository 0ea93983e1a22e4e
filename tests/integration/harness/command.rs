//! One run of the binary: how it is started, and everything that it said.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::World;
use super::wait::{DEADLINE, wait_until};

/// A command line to be run in a world.
pub(crate) struct Cmd<'w> {
    world: &'w World,
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    cwd: PathBuf,
    stdin: Option<Vec<u8>>,
    open_stdin: bool,
    stdin_fd: Option<OwnedFd>,
}

impl<'w> Cmd<'w> {
    pub(crate) fn new(world: &'w World, program: impl Into<PathBuf>, cwd: &Path) -> Self {
        Self {
            world,
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: cwd.to_owned(),
            stdin: None,
            open_stdin: false,
            stdin_fd: None,
        }
    }

    /// Adds arguments that hold no spaces, written as one text.
    pub(crate) fn words(mut self, words: &str) -> Self {
        self.args.extend(words.split_whitespace().map(OsString::from));
        self
    }

    /// Adds one argument exactly as it is.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments exactly as they are.
    pub(crate) fn args<T: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), Some(value.as_ref().to_owned())));
        self
    }

    /// Takes a variable out of the environment.
    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// Who runs it.
    pub(crate) fn owner(self, owner: &str) -> Self {
        self.env("LOCKSTEP_OWNER", owner)
    }

    /// Where the user stands.
    pub(crate) fn cwd(mut self, dir: impl AsRef<Path>) -> Self {
        self.cwd = self.cwd.join(dir);
        self
    }

    /// What its standard input holds; without this it is empty.
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.as_bytes().to_vec());
        self
    }

    /// Its standard input stays open and says nothing: what reads from it hangs.
    pub(crate) fn open_stdin(mut self) -> Self {
        self.open_stdin = true;
        self
    }

    /// Its descriptor 0, whatever that is open for.
    pub(crate) fn descriptor_0(mut self, fd: OwnedFd) -> Self {
        self.stdin_fd = Some(fd);
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Output {
        self.start().finish()
    }

    /// Starts it.
    #[track_caller]
    pub(crate) fn start(self) -> Running {
        let (program, args, env) = (self.program, self.args, self.env);
        let number = self.world.next_number();
        let (out, err) = (
            self.world.path(format!("out/{number}.stdout")),
            self.world.path(format!("out/{number}.stderr")),
        );
        let mut command = Command::new(&program);
        command.args(&args).env_clear().envs(self.world.base_env()).current_dir(&self.cwd);
        for (name, value) in env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdout(create(&out)).stderr(create(&err));
        match &self.stdin {
            Some(text) => {
                let path = self.world.path(format!("out/{number}.stdin"));
                std::fs::write(&path, text).expect("the world is writable");
                command.stdin(File::open(path).expect("just written"));
            }
            None if self.open_stdin => drop(command.stdin(Stdio::piped())),
            None => drop(command.stdin(Stdio::null())),
        }
        if let Some(fd) = self.stdin_fd {
            command.stdin(fd);
        }
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {}: {e}", program.display()));
        let shown = std::iter::once(program.as_os_str()).chain(args.iter().map(OsString::as_os_str));
        let line = shown.map(|a| format!("{a:?}")).collect::<Vec<_>>().join(" ");
        Running { child, out, err, line, ended: false }
    }
}

fn create(path: &Path) -> File {
    File::create(path).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()))
}

/// A process that the test started. It is killed if the test ends before it does.
pub(crate) struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    line: String,
    ended: bool,
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it (or what it runs) has made a file; fails at once if it ends without.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, file: impl AsRef<Path>) {
        let file = file.as_ref();
        wait_until(&format!("{} from {}", file.display(), self.line), || file.exists() || self.has_ended());
        if !file.exists() {
            panic!("it ended before {} appeared\n{}", file.display(), self.end());
        }
    }

    /// Waits until its standard error holds the text; fails at once if it ends without.
    #[track_caller]
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        let err = self.err.clone();
        wait_until(&format!("`{text}` from {}", self.line), || read(&err).contains(text) || self.has_ended());
        if !read(&self.err).contains(text) {
            panic!("it ended without `{text}`\n{}", self.end());
        }
    }

    /// Sends it (and it alone) a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("our child has not been reaped");
    }

    /// Kills it (and it alone) with SIGKILL and reaps it.
    pub(crate) fn kill(mut self) -> Output {
        self.child.kill().expect("our child has not been reaped");
        self.end()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_some()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Output {
        self.end()
    }

    #[track_caller]
    fn end(&mut self) -> Output {
        let start = std::time::Instant::now();
        let status = loop {
            match self.child.try_wait().expect("our own child") {
                Some(status) => break status,
                None if start.elapsed() > DEADLINE => panic!(
                    "{} has not ended after {DEADLINE:?}\n--- stdout\n{}\n--- stderr\n{}",
                    self.line,
                    read(&self.out),
                    read(&self.err)
                ),
                None => std::thread::sleep(std::time::Duration::from_millis(2)),
            }
        };
        self.ended = true;
        Output { status, stdout: bytes(&self.out), stderr: bytes(&self.err), line: self.line.clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&bytes(path)).into_owned()
}

/// How a run ended and what it said.
#[must_use = "look at what came"]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    line: String,
}

impl Output {
    /// Standard output as text.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// It ended by itself with this code.
    #[track_caller]
    pub(crate) fn code(&self, code: i32) -> &Self {
        assert!(self.status.code() == Some(code), "expected exit code {code} of {}\n{self}", self.line);
        self
    }

    /// Its standard error holds the text.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stderr().contains(text), "expected `{text}` on stderr of {}\n{self}", self.line);
        self
    }

    /// Its standard error does not hold the text.
    #[track_caller]
    pub(crate) fn never_says(&self, text: &str) -> &Self {
        assert!(!self.stderr().contains(text), "unexpected `{text}` on stderr of {}\n{self}", self.line);
        self
    }

    /// Its standard output is exactly this.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) -> &Self {
        assert!(self.stdout() == text, "expected exactly {text:?} on stdout of {}\n{self}", self.line);
        self
    }

    /// Its standard output does not hold the text.
    #[track_caller]
    pub(crate) fn prints_no(&self, text: &str) -> &Self {
        assert!(!self.stdout().contains(text), "unexpected `{text}` on stdout of {}\n{self}", self.line);
        self
    }

    /// Every command that a hint offers to copy.
    pub(crate) fn offered_commands(&self) -> Vec<String> {
        let stderr = self.stderr();
        let hints = stderr.lines().filter_map(|line| line.strip_prefix("hint: "));
        let is_command = |text: &&str| ["git ", "lockstep "].iter().any(|program| text.starts_with(program));
        // A hint is a command, or words, a colon and the command, or words with the command in backticks.
        let command = |hint: &str| {
            let quoted = hint.split('`').skip(1).step_by(2).find(is_command);
            let rest =
                || std::iter::once(hint).chain(hint.split_once(": ").map(|(_, rest)| rest)).find(is_command);
            quoted.or_else(rest).map(str::to_owned)
        };
        hints.filter_map(command).collect()
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => write!(f, "exit code: {code}")?,
            (None, Some(signal)) => write!(f, "killed by signal {signal}")?,
            (None, None) => write!(f, "{:?}", self.status)?,
        }
        write!(f, "\n----- stdout -----\n{}\n----- stderr -----\n{}", self.stdout(), self.stderr())
    }
}
