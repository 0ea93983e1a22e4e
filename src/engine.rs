//! The public door: an engine takes requests and gives reports. The command line uses nothing else.
//!
//! An engine holds no global state and reads nothing that it was not given: environment, clock,
//! owner, cancellation and streams can all be said by the program around it.

mod affected;
mod affected_stacks;
mod backend;
mod gone;
mod lock_log;
mod locks;
mod open;
mod trust;

use std::path::Path;
use std::sync::Arc;

use crate::env::{Clock, Environment, Host};
use crate::git::{GitError, Repo};
use crate::lock::{Alive, LockError};
use crate::process::{CommandRunner, Interrupts, Stdio, SystemRunner};
use crate::project::{Answers, DIST, Project, Trust};
use crate::report::Fanout;
use crate::workflow::LockFate;
use crate::workflow::journal::Journal;
use crate::workflow::{
    self, Ask, Asking, DataSink, Event, LineSink, Patience, Plan, PlanError, Report, Reporter, Request, Role,
    Services, Shared, StageNote, Step, planner,
};
use crate::{Error, env, lock, steps};

pub use affected::AffectedQuery;
pub use lock_log::{LockLog, LogEntry};
pub use locks::ProjectLocks;
pub(crate) use open::{counted, inputs_of, open_project};

/// Says whether a plan may be run.
pub type Confirm = Arc<dyn Fn(&Project, &Plan) -> bool + Send + Sync>;

/// Runs pipelines. Cheap to make; one engine can take any number of requests, one after the other
/// or from several threads.
///
/// ```no_run
/// use lockstep::{Engine, env::Environment, workflow::Request};
/// let engine = Engine::new(Environment::from_process()?).owner("deploy-service");
/// let request = Request::new("/srv/infra", ["build", "git-check", "lock", "exec", "unlock"], "alpha", "prod")
///     .args(["tofu", "plan"]);
/// let report = engine.run(&request)?;
/// println!("{}", report.exit_code);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Engine {
    env: Environment,
    clock: Clock,
    host: Option<Host>,
    owner: Option<String>,
    interrupts: Interrupts,
    runner: Arc<dyn CommandRunner>,
    stdio: Stdio,
    reporters: Vec<Arc<dyn Reporter>>,
    ask: Option<Ask>,
    confirm: Option<Confirm>,
    output: DataSink,
    lines: LineSink,
    terminal: bool,
    journal: bool,
    trusted: bool,
    steps: &'static [&'static dyn Step],
}

impl Engine {
    /// An engine that lives in this environment, with everything else as the command line has it,
    /// except that nothing is reported to anybody and nobody is asked.
    pub fn new(env: Environment) -> Self {
        Self {
            env,
            clock: Clock::System,
            host: None,
            owner: None,
            interrupts: Interrupts::new(),
            runner: Arc::new(SystemRunner),
            stdio: Stdio::Inherit,
            reporters: Vec::new(),
            ask: None,
            confirm: None,
            output: DataSink::default(),
            lines: LineSink::default(),
            terminal: false,
            journal: true,
            trusted: false,
            steps: steps::STEPS,
        }
    }

    /// Who holds the locks, instead of what environment and configuration say.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Where the time comes from.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Which machine this is.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.host = Some(host);
        self
    }

    /// Cancellation: deliver a signal to a clone of it, from any thread, to end a run.
    #[must_use]
    pub fn interrupts(mut self, interrupts: Interrupts) -> Self {
        self.interrupts = interrupts;
        self
    }

    /// What runs the tools.
    #[must_use]
    pub fn runner(mut self, runner: Arc<dyn CommandRunner>) -> Self {
        self.runner = runner;
        self
    }

    /// Whether tools have this process's streams or are captured into the report.
    #[must_use]
    pub fn stdio(mut self, stdio: Stdio) -> Self {
        self.stdio = stdio;
        self
    }

    /// One more listener. Each sees every event.
    #[must_use]
    pub fn reporter(mut self, reporter: Arc<dyn Reporter>) -> Self {
        self.reporters.push(reporter);
        self
    }

    /// How to ask the user a question, where there is one to ask.
    #[must_use]
    pub fn ask(mut self, ask: Ask) -> Self {
        self.ask = Some(ask);
        self
    }

    /// Who has the last word on a plan, before anything is done.
    #[must_use]
    pub fn confirm(mut self, confirm: Confirm) -> Self {
        self.confirm = Some(confirm);
        self
    }

    /// Where the data goes that steps give out, such as a difference; without this it is collected
    /// into the report.
    #[must_use]
    pub fn output(mut self, output: DataSink) -> Self {
        self.output = output;
        self
    }

    /// Where the lines go that commands write which run beside others.
    #[must_use]
    pub fn lines(mut self, lines: LineSink) -> Self {
        self.lines = lines;
        self
    }

    /// Whether standard input is a terminal: a command that may ask its user something then has the
    /// terminal for itself, also in a run of several units.
    #[must_use]
    pub fn terminal(mut self, terminal: bool) -> Self {
        self.terminal = terminal;
        self
    }

    /// Finds the project and makes the plan: everything is checked, nothing is done. Tools of which
    /// the project wants certain versions (`[tools.NAME] version`) are asked which they are, but for
    /// those that are files of the project; nothing of the project's is started.
    ///
    /// # Errors
    /// Whatever is wrong with the request or the project.
    pub fn plan(&self, request: &Request) -> Result<(Project, Plan), Error> {
        let (project, plan) = self.planned(request)?;
        self.check_versions(&project, &plan, Asking::Look)?;
        Ok((project, plan))
    }

    fn check_versions(&self, project: &Project, plan: &Plan, asking: Asking<'_>) -> Result<(), Error> {
        workflow::check_versions(project, plan, asking, &self.env, (&*self.runner, &self.interrupts))
    }

    fn planned(&self, request: &Request) -> Result<(Project, Plan), Error> {
        let project = open_project(&request.directory, &self.env, &self.interrupts)?;
        let base = request.options.affected.as_deref();
        let affected = base.map(|base| self.affected_of(&project, request, base)).transpose()?;
        let stage = project.of_stage(&request.module, &request.profile, &self.env)?;
        let project = stage.map_or(project, |(project, _)| project);
        let plan = planner::plan(&project, request, affected.as_ref(), &self.env, self.steps)
            .or_else(|error| self.plan_of_gone(&project, request, error))?;
        Ok((project, plan))
    }

    /// Makes the plan and runs it. When this returns an error nothing was done; once anything was
    /// done, what went wrong is in the report.
    ///
    /// # Errors
    /// As for [`Engine::plan`], when the repository or the lock's configuration cannot be used, and
    /// when the plan was not confirmed.
    pub fn run(&self, request: &Request) -> Result<Report, Error> {
        let (project, plan) = self.planned(request)?;
        // Units side by side would ask for a password at the same time.
        let alone =
            workflow::manner(&plan, project.config(), self.stdio, self.terminal).stdio != Stdio::Lines;
        workflow::check_answers(&plan, &project, self.stdio, self.terminal)?;
        let env = self.env.clone().asking(self.env.may_ask() && alone);
        let repo = Repo::discover(project.root(), &env, &self.interrupts)?;
        let trust = self.trust_of(&project, repo.as_ref());
        if trust::changes_environment(&project, &plan)? {
            trust.need()?;
        }
        self.check_versions(&project, &plan, Asking::Run(&trust))?;
        if self.confirm.as_ref().is_some_and(|confirm| !confirm(&project, &plan)) {
            return Err(Error::Declined);
        }
        let services = self.services(&project, &plan, repo, trust)?;
        let report = workflow::run(&plan, &project, &services);
        if services.alive.get().is_some() && nobody_will_ask(&report) {
            let units = report.units.iter().map(|unit| &unit.unit);
            Alive::of_user(&self.env).inspect(|alive| alive.forget(&services.run_id, units));
        }
        Ok(report)
    }

    fn services(
        &self,
        project: &Project,
        plan: &Plan,
        repo: Option<Repo>,
        trust: Trust,
    ) -> Result<Services, Error> {
        needs(plan, project.root(), repo.as_ref())?;
        if let Some(repo) = &repo {
            repo.share(Some(&project.root().join(DIST)));
        }
        let host = self.host.clone().unwrap_or_else(Host::current);
        let owner = self.owner_of(&host);
        let uses_lock = |role| matches!(role, Role::Check | Role::Lock | Role::Unlock | Role::UnlockAny);
        let backend = if plan.calls.iter().any(|call| uses_lock(call.step.role())) {
            if trust::names_credentials(&project.config().lock) {
                trust.need()?;
            }
            Some(self.open_backend(project, repo.as_ref(), &trust)?)
        } else if plan.calls.iter().any(|call| call.step.looks_at_lock()) {
            self.open_backend(project, repo.as_ref(), &trust)
                .inspect_err(|error| self.warn(format!("the lock cannot be looked at: {error}")))
                .ok()
        } else {
            None
        };
        let run_id = run_id()?;
        let mut reporters = self.reporters.clone();
        let mut logs = None;
        if self.journal
            && !plan.only_looks()
            && let Some(journal) = self.open_journal(project, repo.as_ref(), &run_id)
        {
            logs = journal.logs().map(Path::to_owned);
            reporters.push(Arc::new(journal.warning(self.reporters.clone())));
        }
        let manner = workflow::manner(plan, project.config(), self.stdio, self.terminal);
        let logs = logs.filter(|_| manner.stdio == Stdio::Lines);
        Ok(Services {
            env: self.env.clone(),
            clock: self.clock,
            host,
            owner,
            run_id,
            interrupts: self.interrupts.clone(),
            runner: Arc::clone(&self.runner),
            stdio: manner.stdio,
            reporter: Arc::new(Fanout::new(reporters)),
            repo,
            backend,
            ask: self.ask.clone(),
            output: self.output.clone(),
            lines: self.lines.clone(),
            answers: Answers::default(),
            trust,
            alive: std::sync::OnceLock::new(),
            shared: Shared::new(manner.jobs, logs, manner.note).with_patience(self.patience()),
        })
    }

    /// How long a remote is tried again that is away after a command has run.
    fn patience(&self) -> Patience {
        let Some(said) = self.env.var(Patience::VARIABLE).filter(|said| !said.is_empty()) else {
            return Patience::default();
        };
        match said.parse() {
            Ok(limit) => Patience::new(limit),
            Err(error) => {
                self.warn(format!("{} is ignored: {error}", Patience::VARIABLE));
                Patience::default()
            }
        }
    }

    fn owner_of(&self, host: &Host) -> String {
        self.owner.clone().unwrap_or_else(|| lock::owner(&self.env, host))
    }

    /// The journal is for looking back: a disk that is full does not keep anyone from working.
    fn open_journal(&self, project: &Project, repo: Option<&Repo>, run_id: &str) -> Option<Journal> {
        let directory = Journal::directory(project.root(), repo);
        match Journal::open(&directory, run_id, self.clock.now(), project.config().journal.keep) {
            Ok(journal) => Some(journal),
            Err(error) => {
                self.warn(format!("no journal of this run: {}: {error}", directory.display()));
                None
            }
        }
    }

    fn warn(&self, message: String) {
        let event = Event::Warning { unit: None, message };
        self.reporters.iter().for_each(|reporter| reporter.emit(&event));
    }
}

/// A fresh identifier of an invocation.
fn run_id() -> Result<String, Error> {
    env::nonce().map_err(|source| Error::Io { what: "get a random run id".into(), source })
}

/// Whether no record can be left that needs proof that this run has ended.
fn nobody_will_ask(report: &Report) -> bool {
    report.units.iter().all(|unit| {
        let open = matches!(unit.error, Some(Error::Lock(LockError::Ambiguous { .. })));
        unit.lock == LockFate::Free && !open
    })
}

/// Steps that need a repository or a remote are refused before anything is done without one.
fn needs(plan: &Plan, root: &Path, repo: Option<&Repo>) -> Result<(), Error> {
    if let Some(staged) = plan.staged.as_ref().filter(|_| plan.options.resume) {
        StageNote::new(staged, root, repo, "", None).resume(staged)?;
    }
    let of = |role| plan.calls.iter().find(|call| call.step.role() == role);
    let (check, push) = (of(Role::Check), of(Role::Push));
    let Some(repo) = repo else {
        return match check.or(push) {
            Some(_) => Err(GitError::NoRepository { path: root.display().to_string() }.into()),
            None => Ok(()),
        };
    };
    if let Some(push) = push
        && repo.remotes()?.is_empty()
    {
        let needs = "needs a remote to push to, and this repository has none";
        return Err(PlanError::Needs { step: push.label.clone(), needs }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
