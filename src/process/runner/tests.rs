//! Real children: what reaches them, what comes back, and who may tell them what. Python is the
//! tool where more is asked of it than `true`; every wait is for something that it says.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::env::Environment;
use crate::process::{Signal, ToolStatus, find_program};

pub(super) fn spec(program: &str, args: &[&str]) -> CommandSpec {
    super::dispositions::as_in_a_shell();
    let env = Environment::from_process().unwrap();
    CommandSpec {
        program: find_program(OsStr::new(program), env.cwd(), &env).unwrap(),
        name: program.into(),
        args: args.iter().map(OsString::from).collect(),
        cwd: env.cwd().to_owned(),
        env: env.vars().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        stdio: Stdio::Capture,
        keep_open: Vec::new(),
        mark: None,
        lines: None,
        limit: None,
    }
}

pub(in crate::process) fn python(script: &str, args: &[&str]) -> CommandSpec {
    spec("python3", &[&["-c", script], args].concat())
}

pub(in crate::process) fn run(spec: &CommandSpec) -> Result<Finished, ProcessError> {
    SystemRunner::new().run(spec, &Interrupts::new())
}

fn stdout(spec: &CommandSpec) -> String {
    let finished = run(spec).unwrap();
    assert_eq!(finished.status, ToolStatus::Code(0), "{}", String::from_utf8_lossy(&finished.stderr));
    String::from_utf8(finished.stdout).unwrap()
}

/// A pipe whose reading end tells of the tool, in lines.
fn channel() -> (OwnedFd, BufReader<fs::File>) {
    let (reader, writer) = std::io::pipe().unwrap();
    (writer.into(), BufReader::new(fs::File::from(OwnedFd::from(reader))))
}

/// Finds the inherited end of the pipe that the first argument names, and tells through it.
const TELL: &str = "
import os, signal, sys
def inode(fd):
    try: return os.fstat(fd).st_ino
    except OSError: return None
fd = next(fd for fd in range(3, 200) if str(inode(fd)) == sys.argv[1])
def tell(*words): os.write(fd, (' '.join(map(str, words)) + '\\n').encode())
";

/// To be moved into whoever runs it: when it is gone and the tool too, the reader comes to an end.
fn telling(script: &str, writer: OwnedFd) -> CommandSpec {
    let inode = rustix::fs::fstat(&writer).unwrap().st_ino.to_string();
    CommandSpec { keep_open: vec![Arc::new(writer)], ..python(&format!("{TELL}{script}"), &[&inode]) }
}

/// Waits for SIGTERM, the default action of which ends it.
const WAIT: &str = "signal.signal(15, signal.SIG_DFL); tell('ready'); signal.pause()";

/// Ends the tool if the test fails before it does: a scope waits for its threads.
struct EndIt<'a>(&'a Interrupts);

impl Drop for EndIt<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            [Signal::Term, Signal::Hup].into_iter().for_each(|signal| self.0.deliver(signal, false));
        }
    }
}

fn start<'a>(
    scope: &'a std::thread::Scope<'a, '_>,
    runner: &'a SystemRunner,
    interrupts: &'a Interrupts,
    spec: CommandSpec,
) -> std::thread::ScopedJoinHandle<'a, ToolStatus> {
    scope.spawn(move || {
        let finished = runner.run(&spec, interrupts).unwrap();
        let errors = String::from_utf8_lossy(&finished.stderr);
        assert_eq!(errors, "");
        finished.status
    })
}

fn line(reader: &mut BufReader<fs::File>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn codes_and_signals_come_back() {
    assert_eq!(run(&spec("true", &[])).unwrap().status, ToolStatus::Code(0));
    for code in [1_u8, 2, 64, 130, 255] {
        let script = format!("import os; os._exit({code})");
        assert_eq!(run(&python(&script, &[])).unwrap().status, ToolStatus::Code(code));
    }
    for signal in [2_u8, 9, 15] {
        let script = format!(
            "import os, signal; signal.signal(2, 0); signal.signal(15, 0); os.kill(os.getpid(), {signal})"
        );
        let status = run(&python(&script, &[])).unwrap().status;
        assert_eq!(status, ToolStatus::Signal(signal));
        assert_eq!(status.exit_code(), 128 + signal);
    }
}

#[test]
fn arguments_arrive_byte_for_byte() {
    let odd: [&[u8]; 9] =
        [b"", b" ", b"two words", b"a\nb", b"{{ x }}", b"-var", b"a:b", b"$HOME `id` ; *", b"\xff\xfe"];
    let script = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))";
    let mut spec = python(script, &[]);
    spec.args.extend(odd.iter().map(|arg| OsString::from_vec(arg.to_vec())));
    assert_eq!(run(&spec).unwrap().stdout, odd.join(&0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_argument_arrives(args in prop::collection::vec(prop::collection::vec(1_u8.., 0..12), 0..6)) {
        let mut spec = spec("printf", &["%s\\0"]);
        spec.args.extend(args.iter().map(|arg| OsString::from_vec(arg.clone())));
        let mut expected: Vec<u8> = args.iter().flat_map(|arg| arg.iter().copied().chain([0])).collect();
        if args.is_empty() {
            expected = vec![0];
        }
        prop_assert_eq!(run(&spec).unwrap().stdout, expected);
    }
}

#[test]
fn name_directory_and_environment_are_the_given_ones() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let mut spec = spec("env", &["-0"]);
    spec.env = vec![("ONE".into(), OsString::from_vec(vec![0xff, b'\n'])), ("TWO".into(), OsString::new())];
    assert_eq!(run(&spec).unwrap().stdout, b"ONE=\xff\n\0TWO=\0");

    let script = "import os; print(os.getcwd()); print(open('/proc/self/cmdline').read().split(chr(0))[0])";
    let mut spec = python(script, &[]);
    spec.name = "my-word".into();
    spec.program = find_program(
        OsStr::new("python3"),
        Path::new("/"),
        &Environment::new("/", [("PATH", "/usr/bin:/usr/local/bin:/bin")]),
    )
    .unwrap_or(spec.program);
    spec.cwd = directory.clone();
    let text = stdout(&spec);
    assert_eq!(text.lines().next(), directory.to_str());
    if spec.program.starts_with("/usr") && cfg!(target_os = "linux") {
        assert_eq!(text.lines().nth(1), Some("my-word"));
    }
}

#[test]
fn captured_output_is_whole_and_input_is_empty() {
    let script = "
import sys
assert sys.stdin.buffer.read() == b''
for _ in range(300):
    sys.stdout.buffer.write(b'o' * 10000)
    sys.stderr.buffer.write(b'e' * 10000)
";
    let finished = run(&python(script, &[])).unwrap();
    assert_eq!(finished.status, ToolStatus::Code(0));
    assert!(finished.stdout.len() == 3_000_000 && finished.stdout.iter().all(|b| *b == b'o'));
    assert!(finished.stderr.len() == 3_000_000 && finished.stderr.iter().all(|b| *b == b'e'));
}

#[test]
#[cfg(target_os = "linux")]
fn the_child_starts_with_clean_signals_in_our_group() {
    let script = "
import os
fields = dict(l.split(':', 1) for l in open('/proc/self/status'))
print(int(fields['SigBlk'], 16), int(fields['SigIgn'], 16) >> 12 & 1, os.getpgrp())
";
    // Python itself ignores SIGPIPE; `grep` does not.
    let grep = stdout(&spec("grep", &["SigIgn", "/proc/self/status"]));
    let ignored = u64::from_str_radix(grep.split_whitespace().nth(1).unwrap(), 16).unwrap();
    assert_eq!(ignored >> 12 & 1, 0, "SIGPIPE is ignored: {grep}");
    let text = stdout(&python(script, &[]));
    let fields: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(fields[0], "0", "signals are blocked");
    assert_eq!(fields[2], nix::unistd::getpgrp().to_string());
}

#[test]
fn what_was_sent_to_lockstep_is_forwarded_exactly_once() {
    let script = "
seen = []
def on(number, frame):
    seen.append(number)
    tell('got', number)
for number in (1, 2, 15): signal.signal(number, on)
tell('ready')
while 1 not in seen: signal.pause()
tell('seen', *seen)
os._exit(7)
";
    let (writer, mut reader) = channel();
    let (runner, interrupts) = (SystemRunner::new(), Interrupts::new());
    std::thread::scope(|scope| {
        let _end = EndIt(&interrupts);
        let tool = start(scope, &runner, &interrupts, telling(script, writer));
        assert_eq!(line(&mut reader), "ready");
        interrupts.deliver(Signal::Int, true);
        interrupts.deliver(Signal::Term, false);
        interrupts.deliver(Signal::Term, false);
        assert_eq!(line(&mut reader), "got 15");
        interrupts.deliver(Signal::Hup, false);
        assert_eq!(line(&mut reader), "got 1");
        assert_eq!(line(&mut reader), "seen 15 1");
        assert_eq!(tool.join().unwrap(), ToolStatus::Code(7));
    });
    assert_eq!(interrupts.requested(), Some(Signal::Term));
}

#[test]
fn cancellation_from_another_thread_ends_a_tool_and_prevents_the_next() {
    let (writer, mut reader) = channel();
    let (runner, interrupts) = (SystemRunner::new(), Interrupts::new());
    std::thread::scope(|scope| {
        let _end = EndIt(&interrupts);
        let tool = start(scope, &runner, &interrupts, telling(WAIT, writer));
        assert_eq!(line(&mut reader), "ready");
        interrupts.deliver(Signal::Term, false);
        assert_eq!(tool.join().unwrap(), ToolStatus::Signal(15));
    });
    let next = runner.run(&spec("true", &[]), &interrupts);
    assert!(matches!(next, Err(ProcessError::Interrupted { signal: Signal::Term, .. })), "{next:?}");
}

#[test]
fn a_tool_that_is_stopped_has_not_ended() {
    let (writer, mut reader) = channel();
    let script = "tell(os.getpid()); os.kill(os.getpid(), signal.SIGSTOP); tell('again'); os._exit(3)";
    let (runner, interrupts) = (SystemRunner::new(), Interrupts::new());
    std::thread::scope(|scope| {
        let _end = EndIt(&interrupts);
        let tool = start(scope, &runner, &interrupts, telling(script, writer));
        let pid = Pid::from_raw(line(&mut reader).parse().unwrap()).unwrap();
        // Stopped for certain, and still nobody has given up on it.
        waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT).unwrap();
        assert!(!tool.is_finished());
        kill_process(pid, rustix::process::Signal::CONT).unwrap();
        assert_eq!(line(&mut reader), "again");
        assert_eq!(tool.join().unwrap(), ToolStatus::Code(3));
    });
}

/// Whether somebody else can lock a file. Not while a child of another test is between its fork
/// and its exec, where it has a copy of every descriptor of ours.
fn lockable(path: &Path) -> bool {
    let _alone = start_alone();
    let file = fs::File::options().write(true).open(path).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
}

#[test]
fn a_tool_keeps_the_lock_and_another_that_started_meanwhile_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lock");
    let file = fs::File::create(&path).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let guard = Arc::new(OwnedFd::from(file));
    assert!(rustix::io::fcntl_getfd(&guard).unwrap().contains(FdFlags::CLOEXEC));

    let (runner, interrupts, other_interrupts) = (SystemRunner::new(), Interrupts::new(), Interrupts::new());
    let (writer, mut holder_says) = channel();
    let (other_writer, mut other_says) = channel();
    let mut holder = telling(WAIT, writer);
    holder.keep_open.push(guard);
    std::thread::scope(|scope| {
        let _end = (EndIt(&interrupts), EndIt(&other_interrupts));
        let other = start(scope, &runner, &other_interrupts, telling(WAIT, other_writer));
        let holder = start(scope, &runner, &interrupts, holder);
        assert_eq!(line(&mut holder_says), "ready");
        assert_eq!(line(&mut other_says), "ready");
        assert!(!lockable(&path));
        interrupts.deliver(Signal::Term, false);
        assert_eq!(holder.join().unwrap(), ToolStatus::Signal(15));
        // The other one still runs; it has not got the lock.
        assert!(lockable(&path));
        other_interrupts.deliver(Signal::Term, false);
        assert_eq!(other.join().unwrap(), ToolStatus::Signal(15));
    });
}

#[test]
fn the_lock_outlives_us_in_the_tool() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lock");
    let file = fs::File::create(&path).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let (writer, mut reader) = channel();
    let mut spec = telling(WAIT, writer);
    spec.keep_open.push(Arc::new(OwnedFd::from(file)));
    let mut child = SystemRunner::spawn(&spec, None).unwrap();
    drop(spec);
    // Every descriptor of ours is closed: only the child has the lock.
    assert_eq!(line(&mut reader), "ready");
    assert!(!lockable(&path));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lockable(&path));
}

#[test]
fn why_a_tool_did_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        CommandSpec { program: path, ..spec("true", &[]) }
    };
    let not_executable = |spec: &CommandSpec| {
        let error = run(spec).unwrap_err();
        assert!(matches!(error, ProcessError::NotExecutable { .. }), "{error:?}");
    };
    not_executable(&at("plain", "#!/bin/sh\n", 0o644));
    not_executable(&at("interpreter", "#!/no/such/interpreter\n", 0o755));
    if cfg!(target_os = "linux") {
        not_executable(&at("text", "neither script nor program\n", 0o755));
        let spec = at("busy", "", 0o755);
        let mut busy = fs::File::options().write(true).open(&spec.program).unwrap();
        busy.write_all(&fs::read("/bin/true").unwrap()).unwrap();
        not_executable(&spec);
    }
    let mut gone = at("gone", "", 0o755);
    fs::remove_file(&gone.program).unwrap();
    assert!(matches!(run(&gone), Err(ProcessError::NotFound { .. })));

    gone = spec("true", &[]);
    gone.cwd = directory.path().join("none");
    assert!(matches!(run(&gone), Err(ProcessError::Directory { .. })));
    gone.cwd = directory.path().join("plain");
    assert!(matches!(run(&gone), Err(ProcessError::Directory { .. })));

    let mut nul = spec("true", &[]);
    nul.args.push(OsStr::from_bytes(b"a\0b").to_owned());
    assert!(matches!(run(&nul), Err(ProcessError::Io { .. })));
}

#[test]
fn a_failed_start_leaves_interrupts_as_they_were() {
    let interrupts = Interrupts::new();
    let mut spec = spec("true", &[]);
    spec.program = "/no/such/program".into();
    assert!(SystemRunner::new().run(&spec, &interrupts).is_err());
    interrupts.deliver(Signal::Int, true);
    assert_eq!(interrupts.requested(), Some(Signal::Int));
}

#[test]
fn environment_order_does_not_matter_and_nothing_is_inherited() {
    let mut spec = spec("env", &["-0"]);
    let wanted: BTreeMap<OsString, OsString> = [("B".into(), "2".into()), ("A".into(), "1".into())].into();
    spec.env = wanted.into_iter().collect();
    assert_eq!(run(&spec).unwrap().stdout, b"A=1\0B=2\0");
}

#[test]
fn an_answer_is_collected_and_input_is_empty() {
    let script = "import sys; print(len(sys.stdin.read())); print('told to the user', file=sys.stderr)";
    let finished = run(&CommandSpec { stdio: Stdio::Answer, ..python(script, &[]) }).unwrap();
    assert_eq!(finished.status, ToolStatus::Code(0));
    assert_eq!((finished.stdout.as_slice(), finished.stderr.len()), (&b"0\n"[..], 0));
}
