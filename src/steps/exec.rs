//! `exec` and inline commands: runs a program in the unit's rendered directory.
//!
//! The program gets its arguments byte for byte, the process's own streams, and the environment of
//! the user with what the project, the module and lockstep add. Nothing of its arguments is reported.
//! The state says that a command has started from before the start until it is certain that there
//! was none: the fate of the lock hangs on it.

use std::path::PathBuf;
use std::sync::Arc;

use super::surroundings::{self, Setting};
use super::{doubt, head, kept_files, moved_state, plugin_cache, rendering, saved_plan};
use crate::Error;
use crate::lock::{Alive, Effect};
use crate::process::tools::ToolRules;
use crate::process::{
    CommandSpec, Expiry, Finished, Limit, Mark, Piece, ProcessError, Signal, Stdio, TakePiece, ToolStatus,
    find_program,
};
use crate::project::CommandLimit;
use crate::workflow::{
    Argv, Call, CommandEnd, Done, Event, Role, Run, State, Step, SuccessNote, verify_after_a_stop,
};

/// Runs a command: the step's own words come after module and profile, an inline command's with it.
#[derive(Debug)]
pub struct Exec;

impl Step for Exec {
    fn name(&self) -> &'static str {
        "exec"
    }

    fn summary(&self) -> &'static str {
        "run the command that stands after MODULE PROFILE, in the rendered directory"
    }

    fn details(&self) -> &'static str {
        "Runs the program with exactly its arguments, on your terminal. Its exit code becomes lockstep's.\n\
         0 is success; so are 2 of `tofu plan -detailed-exitcode` and 1 of `kubectl diff`, which say that\n\
         there are changes ([tools.NAME] success = [...] for others). Ctrl-C is the tool's own affair: lockstep\n\
         waits for it. SIGTERM is passed on once. If the command fails, nothing after it runs, and the\n\
         lock is kept if it may have changed something (docs/tools.md). `tofu:plan` as a step is the same for a command of its own.\n\
         A command that runs longer than [exec] timeout gets SIGTERM once and is waited for.\n\
         The command gets LOCKSTEP_MODULE, LOCKSTEP_PROFILE, LOCKSTEP_RUN_ID, LOCKSTEP_INVOCATION_DIR\n\
         and what lockstep.toml, module.toml and profiles say under [env]."
    }

    fn role(&self) -> Role {
        Role::Command
    }

    fn run(&self, call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        let Some(argv) = call.argv.as_ref().map(|argv| run.unit.argv(argv)) else {
            // Every plan sets it; a program that makes its own plans may not have.
            let (program, looked_in) = (call.label.clone(), "a plan that gives it no command".to_owned());
            return Err(ProcessError::NotFound { program, looked_in }.into());
        };
        let services = run.services;
        verify_after_a_stop(run, state)?;
        let rules = run.rules_for(argv);
        // What stands in `finally` runs whatever became of the others.
        if run.changes(argv) && state.result.is_none() {
            head::may_act(run)?;
            if state.lease.is_some() && state.rendered.is_none() {
                rendering::proved(run, state)?;
            }
        }
        let own = surroundings::settle(run, state)?;
        let directory = directory(call, run, state)?;
        saved_plan::may_apply(argv, &rules, &directory, run, state)?;
        let planned = saved_plan::planned(argv, &rules, &directory, run, state)?;
        let module = run.project.module_config(&run.id().module)?;
        let limit = run.project.config().limit_for(&module, &argv.program);
        let mark = mark(run, state);
        let mut spec = CommandSpec {
            program: find_program(&argv.program, &directory, &services.env)?,
            name: argv.program.clone(),
            args: argv.args.clone(),
            env: Setting::of(run).environment(&own, state.result, &directory),
            cwd: directory,
            stdio: services.stdio,
            keep_open: keep_open(state),
            mark,
            limit: limit.map(|limit| watched(limit, call, run)),
            lines: (services.stdio == Stdio::Lines).then(|| handed_on(run, state)),
        };
        moved_state::count_left(run, state);
        let before = state.effect;
        let watch = moved_state::watch(argv, &rules, &spec, (run, state));
        let kept = kept_files::before(&rules, &spec.cwd);
        plugin_cache::take_turn(&rules, argv, &mut spec, run).map_err(|signal| stopped(signal, state))?;
        let finished = start(call, argv, &spec, run, state)?;
        let moved = watch.is_some_and(moved_state::Watch::ended);
        let meaning = Meaning { rules: &rules, limit, before, changes: counts(moved, argv, run, state) };
        kept.tell(&spec.cwd, run);
        let done = finish(call, argv, finished, &meaning, run, state)?;
        if let Some(planned) = planned {
            planned.record(run);
        }
        Ok(done)
    }
}

/// Starts the command and waits for its end.
fn start(
    call: &Call,
    argv: &Argv,
    spec: &CommandSpec,
    run: &Run<'_>,
    state: &mut State,
) -> Result<Finished, Error> {
    let interrupts = &run.services.interrupts;
    if let Some(signal) = interrupts.requested() {
        return Err(stopped(signal, state));
    }
    let before = (state.command_started, state.effect);
    state.command_started = true;
    if run.changes(argv) {
        state.effect = Effect::Unfinished;
    }
    run.emit(&Event::CommandStarted {
        unit: run.id().clone(),
        program: call.label.clone(),
        directory: spec.cwd.display().to_string(),
        terminal: spec.stdio == Stdio::Inherit,
    });
    run.services.runner.run(spec, interrupts).map_err(|error| {
        let code = match &error {
            ProcessError::NotFound { .. } => Some(crate::ExitCode::NotFound),
            ProcessError::NotExecutable { .. } | ProcessError::TooLarge { .. } => {
                Some(crate::ExitCode::NotExecutable)
            }
            ProcessError::Directory { .. } | ProcessError::Loop { .. } => Some(crate::ExitCode::Config),
            ProcessError::Interrupted { .. } => Some(crate::ExitCode::Interrupted),
            ProcessError::Io { .. } => None,
        };
        if code.is_some() {
            // It is certain that nothing was started.
            (state.command_started, state.effect) = before;
        }
        run.emit(&Event::CommandFinished {
            unit: run.id().clone(),
            program: call.label.clone(),
            code: code.unwrap_or(crate::ExitCode::Io).code(),
            signal: None,
            ok: false,
        });
        match error {
            ProcessError::Interrupted { signal, .. } => stopped(signal, state),
            error => error.into(),
        }
    })
}

/// Whether a command that has ended counts as a change. One that has only moved the state does, but finishes no
/// change of an earlier run.
fn counts(moved: bool, argv: &Argv, run: &Run<'_>, state: &mut State) -> bool {
    if moved && state.lease.as_ref().is_none_or(|lease| !lease.found_unfinished()) {
        run.note("the state is not where it was before the command: that counts as a change");
        state.effect = Effect::Unfinished;
        return true;
    }
    run.changes(argv)
}

/// What a command means for the run.
struct Meaning<'a> {
    rules: &'a ToolRules,
    limit: Option<CommandLimit>,
    /// What the run had done before it.
    before: Effect,
    /// It counts as a change.
    changes: bool,
}

/// Judges how it ended.
fn finish(
    call: &Call,
    argv: &Argv,
    finished: Finished,
    meaning: &Meaning<'_>,
    run: &Run<'_>,
    state: &mut State,
) -> Result<Done, Error> {
    let &Meaning { rules, limit, before, changes } = meaning;
    let Finished { status, expired, interrupted, left, stdout, stderr } = finished;
    let succeeded = rules.judge(status, &argv.args).is_success();
    // A tool that ends well although it was interrupted may have done a part of it.
    let unproven = interrupted.filter(|_| succeeded && changes && !rules.tells_interruption());
    let ends_well = succeeded && !expired && unproven.is_none();
    let declined = match ends_well && changes {
        true => doubt::confirmed(call, argv, rules, run, state).err(),
        false => None,
    };
    let ok = ends_well && declined.is_none();
    let signal = match status {
        ToolStatus::Signal(number) => Some(number),
        ToolStatus::Code(_) => None,
    };
    // What `finally` does is no part of the change.
    if ok && state.result.is_none() && changes {
        // Until all of them have run, what was to be changed is not whole.
        state.effect = if changes_more(call, run) { Effect::Unfinished } else { Effect::Applied };
        state.changed.insert(run.id().clone());
        // Before anybody is told anything, for that may be the end.
        note_success(run, state);
    }
    let (unit, program) = (run.id().clone(), call.label.clone());
    run.emit(&Event::CommandFinished { unit, program, code: status.exit_code(), signal, ok });
    state.commands.push(CommandEnd { status, ok, stdout, stderr });
    if let Some(left) = left.filter(|_| ok) {
        run.warn(format!("`{}` has ended, and {left} that it started still runs", call.label));
    }
    if expired && let Some(CommandLimit { timeout: limit, .. }) = limit {
        return Err(Error::TimedOut { program: call.label.clone(), limit, status, ok: succeeded });
    }
    if let Some(signal) = unproven {
        let why = format!("also after {signal}, which it got");
        return Err(Error::Unproven { program: call.label.clone(), why });
    }
    if let Some(error) = declined {
        return Err(error);
    }
    if !ok {
        // Of a command that was killed nobody knows.
        if let (ToolStatus::Code(code), Effect::Unfinished, None) = (status, state.effect, interrupted)
            && changes
            && doubt::changed_nothing(call, code, run, state)
        {
            state.effect = before;
        }
        return Err(Error::CommandFailed { program: call.label.clone(), status });
    }
    Ok(Done::quietly())
}

/// Whether commands come after this one that may change things.
fn changes_more(call: &Call, run: &Run<'_>) -> bool {
    let after = run.plan.calls.iter().skip_while(|one| !std::ptr::eq(*one, call)).skip(1);
    after.flat_map(|call| run.plan.commands_of(call)).any(|argv| run.changes(argv))
}

/// Writes down that the change has succeeded, before anything can get in the way of telling the remote.
fn note_success(run: &Run<'_>, state: &mut State) {
    let Some(lease) = &state.lease else { return };
    // Of a stage: only the whole can be said to have succeeded.
    let whole = lease.entries.iter().all(|entry| entry.record.unit == run.id().to_string());
    if !whole || state.effect != Effect::Applied {
        return;
    }
    let note = SuccessNote::of(run.id(), run.project.root(), run.services.repo.as_ref());
    match note.write(&run.services.run_id) {
        Ok(()) => state.success_noted = true,
        Err(error) => run.warn(format!("that the command has succeeded could not be written down: {error}")),
    }
}

fn stopped(signal: Signal, state: &State) -> Error {
    if state.command_started { Error::Stopped(signal) } else { Error::Interrupted(signal) }
}

/// The rendered directory: this run's, or one that an earlier build has left.
fn directory(call: &Call, run: &Run<'_>, state: &State) -> Result<PathBuf, Error> {
    let directory = match &state.rendered {
        Some(rendered) => &rendered.directory,
        None => &run.unit.directory,
    };
    let problem = match directory.metadata() {
        Ok(metadata) if metadata.is_dir() => return Ok(directory.clone()),
        Ok(_) => std::io::ErrorKind::NotADirectory.into(),
        Err(error) => error,
    };
    let (program, directory) = (call.label.clone(), directory.display().to_string());
    Err(ProcessError::Directory { program, directory, source: problem }.into())
}

/// The limit of a command, of which the user is told when it is over.
fn watched(limit: CommandLimit, call: &Call, run: &Run<'_>) -> Limit {
    let (unit, program) = (run.id().clone(), call.label.clone());
    let reporter = Arc::clone(&run.services.reporter);
    let notice = move |expiry| {
        reporter.emit(&Event::CommandExpired {
            unit: unit.clone(),
            program: program.clone(),
            limit_seconds: limit.timeout.seconds(),
            killed: expiry == Expiry::Killed,
        });
    };
    Limit {
        timeout: limit.timeout.duration(),
        kill_after: limit.kill_after.map(crate::env::Span::duration),
        notice: Arc::new(notice),
    }
}

/// What the command writes goes to whoever shows lines, and into the unit's log.
fn handed_on(run: &Run<'_>, state: &State) -> TakePiece {
    let (unit, show, log) = (run.id().clone(), run.services.lines.show.clone(), state.log.clone());
    TakePiece(Arc::new(move |piece: Piece<'_>| {
        if let Some(log) = &log {
            log.take(piece);
        }
        if let Some(show) = &show {
            show(&unit, piece.stream, piece.bytes);
        }
    }))
}

/// The OS lock by which others see that the directory is still in use, even if lockstep is killed.
fn keep_open(state: &State) -> Vec<Arc<std::os::fd::OwnedFd>> {
    state.rendered.as_ref().map(|rendered| Arc::clone(&rendered.guard)).into_iter().collect()
}

/// Under the lock: the file by which others see whether the command, or what it started, still runs.
fn mark(run: &Run<'_>, state: &State) -> Option<Mark> {
    let entry = state.lease.as_ref()?.entries.first()?;
    run.services.alive.get()?;
    Alive::of_user(&run.services.env)?.mark(&run.services.run_id, &entry.record.unit, run.id())
}

#[cfg(test)]
mod tests;
