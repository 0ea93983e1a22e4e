//! The steps around the lock, run against a real origin by runs with clones of their own.

mod lock_steps;
mod push_steps;
mod several;
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::Error;
use crate::env::{Clock, Host};
use crate::git::testing::World;
use crate::git::{Oid, lock_remote};
use crate::lock::{BackendPlace, Effect, Freshness, Naming, Record, open_backend};
use crate::process::{CommandRunner, CommandSpec, Finished, Interrupts, ProcessError, Stdio};
use crate::project::{Project, UnitId};
use crate::workflow::{
    Argv, Call, Done, Event, Options, Plan, Reporter, Run, Services, State, Step, UnitPlan,
};

const MAIN: &str = "refs/heads/main";

/// Keeps events.
#[derive(Default)]
struct Kept(Mutex<Vec<Event>>);

impl Reporter for Kept {
    fn emit(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// Steps around the lock start no tool.
struct NoTools;

impl CommandRunner for NoTools {
    fn run(&self, spec: &CommandSpec, _: &Interrupts) -> Result<Finished, ProcessError> {
        panic!("{spec:?}")
    }
}

/// One invocation in one clone.
struct Session {
    project: Project,
    services: Services,
    plan: Plan,
    state: State,
    events: Arc<Kept>,
}

/// A world whose `main` holds a project with the units `alpha/prod` and `beta/prod`.
fn world() -> World {
    let world = World::empty();
    let dir = world.clone_as("seed");
    for (file, text) in [
        ("lockstep.toml", ""),
        (".gitignore", "/.dist/\n"),
        ("profiles/prod.toml", ""),
        ("modules/alpha/main.tf", "# nothing\n"),
        ("modules/beta/main.tf", "# nothing\n"),
    ] {
        std::fs::create_dir_all(dir.join(file).parent().unwrap()).unwrap();
        std::fs::write(dir.join(file), text).unwrap();
    }
    world.git(&dir, &["add", "-A"]);
    world.git(&dir, &["commit", "-q", "-m", "project"]);
    world.git(&dir, &["push", "-q", "-u", "origin", "main"]);
    world
}

fn clone(world: &World, name: &str) -> PathBuf {
    let dir = world.path().join(name);
    if dir.exists() { dir } else { world.clone_as(name) }
}

impl Session {
    fn new(world: &World, clone_name: &str, owner: &str, run: &str) -> Self {
        Self::with(world, clone_name, owner, run, &[])
    }

    fn with(world: &World, clone_name: &str, owner: &str, run: &str, extra: &[(&str, &str)]) -> Self {
        let dir = clone(world, clone_name);
        let env = world.env(&dir, extra);
        let interrupts = Interrupts::new();
        let project = Project::discover(&dir, &crate::env::Environment::bare()).unwrap();
        let repo = crate::git::Repo::discover(&dir, &env, &interrupts).unwrap();
        let remote = repo.as_ref().and_then(|repo| lock_remote(repo, None, None).unwrap());
        let place = BackendPlace {
            repo: repo.as_ref(),
            remote: remote.as_deref(),
            prefix: "refs/lockstep/locks",
            records: &project.config().lock.git,
            former_prefix: None,
            dynamodb: &project.config().lock.dynamodb,
            root: &dir,
            env: &env,
            interrupts: &interrupts,
        };
        let backend = open_backend(None, &place).unwrap();
        let events = Arc::new(Kept::default());
        let services = Services {
            env,
            clock: Clock::System,
            host: Host { name: "box".into(), boot: "b".into(), pid_namespace: "p".into() },
            owner: owner.into(),
            run_id: run.into(),
            interrupts,
            runner: Arc::new(NoTools),
            stdio: Stdio::Capture,
            reporter: Arc::clone(&events) as Arc<dyn Reporter>,
            repo,
            backend: Some(backend),
            ask: None,
            lines: crate::workflow::LineSink::default(),
            output: crate::workflow::DataSink::default(),
            answers: crate::project::Answers::default(),
            trust: crate::project::Trust::everything(),
            alive: std::sync::OnceLock::new(),
            shared: crate::workflow::Shared::default(),
        };
        let id: UnitId = "alpha/prod".parse().unwrap();
        let apply = Argv { program: "tofu".into(), args: vec!["apply".into(), "-var=x=secret".into()] };
        let unit = UnitPlan {
            words: Vec::new(),
            keys: Naming::default().unit(&id, []),
            directory: dir.join(".dist/alpha/prod"),
            id,
            needs: Vec::new(),
        };
        let [build, lock] = [call(&super::Build, false), call(&super::Lock, false)];
        let calls = vec![build, lock.clone(), Call { argv: Some(apply), ..lock }];
        let plan = Plan {
            units: vec![unit],
            builds_all: false,
            staged: None,
            calls,
            finally: Vec::new(),
            left_out: None,
            options: Options::default(),
        };
        Self { project, services, plan, state: State::default(), events }
    }

    fn dir(&self) -> &Path {
        self.services.env.cwd()
    }

    fn view(&self) -> Run<'_> {
        Run { project: &self.project, unit: &self.plan.units[0], plan: &self.plan, services: &self.services }
    }

    fn step(&mut self, step: &'static dyn Step) -> Result<Done, Error> {
        self.call(&call(step, false))
    }

    /// `git-push` directly before `unlock`.
    fn push_and_release(&mut self) -> Result<Done, Error> {
        self.call(&call(&super::GitPush, true))
    }

    fn call(&mut self, call: &Call) -> Result<Done, Error> {
        let mut state = std::mem::take(&mut self.state);
        let done = call.step.run(call, &self.view(), &mut state);
        self.state = state;
        done
    }

    /// build, git-check and lock.
    fn check_and_lock(&mut self) -> Result<Done, Error> {
        self.step(&super::Build)?;
        self.step(&super::GitCheck)?;
        self.step(&super::Lock)
    }

    /// As if `tofu apply` had run.
    fn applies(&mut self) {
        self.state.command_started = true;
        self.state.effect = Effect::Applied;
    }

    fn settle(&mut self, error: &Error) -> crate::workflow::Settled {
        let mut state = std::mem::take(&mut self.state);
        let settled = crate::workflow::settle(&self.view(), &mut state, error);
        self.state = state;
        settled
    }

    fn record(&self) -> Record {
        let backend = self.services.backend.as_ref().unwrap();
        backend.read(&self.plan.units[0].keys.take, Freshness::Now).unwrap()[0].last.clone().unwrap().1
    }

    fn commit(&self, world: &World, text: &str) -> Oid {
        world.commit(self.dir(), "modules/alpha/main.tf", text)
    }
}

fn call(step: &'static dyn Step, releases: bool) -> Call {
    Call { written: None, step, argv: None, releases, label: step.name().to_owned() }
}

fn some_failure() -> Error {
    Error::Git(crate::git::GitError::Config("tofu ended with 1".into()))
}
