//! What a command gets, what its end does to the run, and what becomes of the lock's facts when
//! none was started. The runner is a recording one; real children are its own tests' affair.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::env::{Clock, Environment, Host};
use crate::process::{CommandRunner, Interrupts, Signal, Stdio};
use crate::project::{Name, Project, UnitId};
use crate::workflow::{Options, Plan, Reporter, Services, UnitPlan};

/// Answers with what it was told, and remembers what it was asked.
struct Recording {
    answer: Box<dyn Fn() -> Result<ToolStatus, ProcessError> + Send + Sync>,
    asked: Mutex<Vec<CommandSpec>>,
}

impl CommandRunner for Recording {
    fn run(&self, spec: &CommandSpec, _: &Interrupts) -> Result<Finished, ProcessError> {
        self.asked.lock().unwrap().push(spec.clone());
        (self.answer)().map(|status| Finished {
            status,
            expired: false,
            interrupted: None,
            left: None,
            stdout: b"out".to_vec(),
            stderr: Vec::new(),
        })
    }
}

#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl Reporter for Events {
    fn emit(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

struct World {
    directory: tempfile::TempDir,
    runner: Arc<Recording>,
    events: Arc<Events>,
    interrupts: Interrupts,
}

impl World {
    fn new(answer: impl Fn() -> Result<ToolStatus, ProcessError> + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        file(
            "lockstep.toml",
            "[env]\nA = 'project'\nB = 'project'\n[tools.true]\nsuccess = [3]\nreads = ['look']\n",
        );
        file("modules/alpha/module.toml", "[env]\nB = 'module'\nLOCKSTEP_MODULE = 'lies'\n");
        file("profiles/prod.toml", "");
        let asked = Mutex::default();
        let runner = Arc::new(Recording { answer: Box::new(answer), asked });
        Self { directory, runner, events: Arc::default(), interrupts: Interrupts::new() }
    }

    fn rendered(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(".dist/alpha/prod")
    }

    fn run(&self, program: &str, args: &[&str], state: &mut State) -> Result<Done, Error> {
        let project = Project::discover(self.directory.path(), &Environment::bare()).unwrap();
        let module = Name::new("alpha").unwrap();
        let id = UnitId { module, profile: Name::new("prod").unwrap() };
        let keys = crate::lock::Naming::default().unit(&id, []);
        let unit = UnitPlan { words: Vec::new(), id, keys, directory: self.rendered(), needs: Vec::new() };
        let args = args.iter().map(OsString::from).collect();
        let argv = Some(Argv { program: program.into(), args });
        let call = Call { written: None, step: &Exec, argv, releases: false, label: "true look".to_owned() };
        let plan = Plan {
            builds_all: false,
            staged: None,
            units: vec![unit],
            calls: vec![call],
            finally: Vec::new(),
            left_out: None,
            options: Options::default(),
        };
        let path = crate::process::find_program(
            OsStr::new("true"),
            Path::new("/"),
            &Environment::from_process().unwrap(),
        );
        let bin = path.unwrap().parent().unwrap().to_owned();
        let vars: [(&str, OsString); 4] =
            [("PATH", bin.into()), ("A", "user".into()), ("C", "user".into()), ("PWD", "/user".into())];
        let services = Services {
            env: Environment::new("/user", vars),
            clock: Clock::System,
            host: Host::current(),
            owner: "ana@host".into(),
            run_id: "r1".into(),
            interrupts: self.interrupts.clone(),
            runner: self.runner.clone(),
            stdio: Stdio::Capture,
            reporter: self.events.clone(),
            repo: None,
            backend: None,
            ask: None,
            lines: crate::workflow::LineSink::default(),
            output: crate::workflow::DataSink::default(),
            answers: crate::project::Answers::default(),
            trust: crate::project::Trust::everything(),
            alive: std::sync::OnceLock::new(),
            shared: crate::workflow::Shared::default(),
        };
        let run = Run { project: &project, unit: &plan.units[0], plan: &plan, services: &services };
        Exec.run(&plan.calls[0], &run, state)
    }

    fn built(self) -> Self {
        fs::create_dir_all(self.rendered()).unwrap();
        self
    }
}

fn ends(status: ToolStatus) -> World {
    World::new(move || Ok(status)).built()
}

#[test]
fn a_command_gets_its_directory_its_bytes_and_its_environment() {
    let world = ends(ToolStatus::Code(0));
    let mut state = State::default();
    world.run("true", &["{{ x }}", "", "a:b"], &mut state).unwrap();
    let asked = world.runner.asked.lock().unwrap();
    let spec = &asked[0];
    assert_eq!(spec.cwd, world.rendered());
    assert_eq!(spec.args, ["{{ x }}", "", "a:b"]);
    assert_eq!(spec.name, "true");
    assert!(spec.program.is_absolute() && spec.program.ends_with("true"));
    assert_eq!(spec.stdio, Stdio::Capture);
    let env: BTreeMap<&str, &str> =
        spec.env.iter().map(|(name, value)| (name.to_str().unwrap(), value.to_str().unwrap())).collect();
    let rendered = world.rendered();
    for (name, value) in [
        ("A", "project"),
        ("B", "module"),
        ("C", "user"),
        ("LOCKSTEP_MODULE", "alpha"),
        ("LOCKSTEP_PROFILE", "prod"),
        ("LOCKSTEP_RUN_ID", "r1"),
        ("LOCKSTEP_INVOCATION_DIR", "/user"),
        ("PWD", rendered.to_str().unwrap()),
    ] {
        assert_eq!(env.get(name), Some(&value), "{name}");
    }
    assert_eq!(env["LOCKSTEP_DEPTH"], "1");
    assert_eq!(env.len(), 10);
    assert!(state.command_started && state.effect != Effect::None);
    assert_eq!(state.commands[0].stdout, b"out");
}

#[test]
fn events_tell_the_label_and_no_argument() {
    let world = ends(ToolStatus::Code(0));
    world.run("true", &["hunter2"], &mut State::default()).unwrap();
    let events = world.events.0.lock().unwrap();
    assert!(matches!(&events[..], [
        Event::CommandStarted { program, .. },
        Event::CommandFinished { code: 0, signal: None, ok: true, .. },
    ] if program == "true look"));
    assert!(!serde_json::to_string(&*events).unwrap().contains("hunter2"));
}

#[test]
fn what_only_reads_changes_nothing() {
    let mut state = State::default();
    ends(ToolStatus::Code(0)).run("true", &["look"], &mut state).unwrap();
    assert!(state.command_started && state.effect == Effect::None);
}

#[test]
fn the_end_of_a_command_is_judged_and_kept() {
    for (status, ok) in [
        (ToolStatus::Code(0), true),
        (ToolStatus::Code(1), false),
        (ToolStatus::Code(3), true),
        (ToolStatus::Signal(9), false),
    ] {
        let mut state = State::default();
        let result = ends(status).run("true", &[], &mut state);
        assert_eq!(state.commands[0].status, status);
        assert_eq!(state.commands[0].ok, ok);
        assert!(state.command_started);
        match result {
            Ok(done) => assert!(ok && done == Done::quietly()),
            Err(Error::CommandFailed { program, status: failed }) => {
                assert!(!ok && failed == status && program == "true look");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_command_that_certainly_did_not_start_leaves_the_lock_to_be_given_back() {
    let program = || "true".to_owned();
    let world =
        World::new(move || Err(ProcessError::NotFound { program: program(), looked_in: String::new() }));
    let mut state = State::default();
    assert!(world.built().run("true", &[], &mut state).is_err());
    assert!(!state.command_started && state.effect == Effect::None);

    let world =
        World::new(move || Err(ProcessError::Io { program: program(), source: io::Error::other("x") }));
    let mut state = State::default();
    assert!(world.built().run("true", &[], &mut state).is_err());
    assert!(state.command_started && state.effect != Effect::None, "it may have run");

    let world = ends(ToolStatus::Code(0));
    let mut state = State { command_started: true, ..State::default() };
    let error = world.run("no-such-program", &[], &mut state).unwrap_err();
    assert!(matches!(error, Error::Process(ProcessError::NotFound { .. })));
    assert!(state.command_started && state.effect == Effect::None, "of an earlier command it stays true");
    assert!(world.runner.asked.lock().unwrap().is_empty());
}

#[test]
fn nothing_starts_after_a_request_to_end() {
    let world = ends(ToolStatus::Code(0));
    world.interrupts.deliver(Signal::Term, false);
    let mut state = State::default();
    assert!(matches!(world.run("true", &[], &mut state), Err(Error::Interrupted(Signal::Term))));
    assert!(!state.command_started);
    state.command_started = true;
    assert!(matches!(world.run("true", &[], &mut state), Err(Error::Stopped(Signal::Term))));
    assert!(world.runner.asked.lock().unwrap().is_empty());
    assert!(world.events.0.lock().unwrap().is_empty());

    // The same where the runner is the first to know.
    let interrupted = || ProcessError::Interrupted { program: "true".into(), signal: Signal::Int };
    let world = World::new(move || Err(interrupted())).built();
    let mut state = State::default();
    assert!(matches!(world.run("true", &[], &mut state), Err(Error::Interrupted(Signal::Int))));
    assert!(!state.command_started && state.effect == Effect::None);
}

#[test]
fn without_a_rendered_directory_nothing_runs() {
    let world = World::new(|| Ok(ToolStatus::Code(0)));
    let error = world.run("true", &[], &mut State::default()).unwrap_err();
    let Error::Process(ProcessError::Directory { directory, .. }) = error else { panic!("{error:?}") };
    assert_eq!(Path::new(&directory), world.rendered());
    fs::create_dir_all(world.rendered().parent().unwrap()).unwrap();
    fs::write(world.rendered(), "").unwrap();
    assert!(world.run("true", &[], &mut State::default()).is_err());
}

#[test]
fn a_program_can_come_from_the_rendered_directory_by_its_path_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = ends(ToolStatus::Code(0));
    let script = world.rendered().join("deploy");
    fs::write(&script, "#!/bin/true\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    world.run("./deploy", &[], &mut State::default()).unwrap();
    assert!(world.run("deploy", &[], &mut State::default()).is_err());
    assert_eq!(world.runner.asked.lock().unwrap()[0].name, "./deploy");
}
