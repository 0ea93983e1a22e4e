//! `lock`: takes the unit's lock and makes sure that the branch has not moved since git-check saw it, be
//! that just now or at an earlier fetch: in one atomic push where the lock is kept on the branch's
//! remote, else by a second look.

use super::wait::Wait;
use super::{applied, branch, git_check, head, rendering, surroundings, tool_variables, turn};
use crate::Error;
use crate::env::Span;
use crate::git::{Ancestry, GitError, Oid};
use crate::lock::{
    AcquireRequest, Alive, BranchChange, ByKnown, Effect, Freshness, Lease, LockError, Locks, Proof, Record,
};
use crate::process::{Pulse, tools};
use crate::workflow::{Argv, Call, Done, Event, Plan, Role, Run, State, Step, SuccessNote, locks};

/// Takes the lock.
pub struct Lock;

impl Step for Lock {
    fn name(&self) -> &'static str {
        "lock"
    }

    fn summary(&self) -> &'static str {
        "take the lock of the unit"
    }

    fn details(&self) -> &'static str {
        "Takes the lock of the unit for this run, on the remote (or in files, without one), and the further\n\
         keys that the configuration names, all or nothing.\n\
         Refuses with 75 if somebody else holds it, and names who, since when and with what; a lock of\n\
         your own is taken over if its run has failed or has ended beyond doubt.\n\
         Refuses with 77 if HEAD lacks the commit that was last applied to the unit, or if the branch\n\
         moved since git-check; where the lock is kept elsewhere than on the branch's remote, both are looked\n\
         at once more. With --wait it waits for a lock that is held; what git-check proved is then\n\
         proved again, and when the time is over it ends with 75. Given back as it was found if the run\n\
         ends before a command has started that may change things; kept and marked failed if it ends after."
    }

    fn role(&self) -> Role {
        Role::Lock
    }

    fn run(&self, _call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        if state.lease.is_some() {
            return Ok(Done::quietly());
        }
        head::may_act(run)?;
        head::unmoved(run, state)?;
        if run.plan.runs_commands() {
            surroundings::settle(run, state)?;
        }
        let of_tools = tool_variables::overrides(run, &commands_under_lock(run))?;
        if !of_tools.is_empty() {
            run.note(format!("your environment decides too: {}", of_tools.join(", ")));
        }
        if !is_built_before(run) && commands_under_lock(run).iter().any(|argv| run.changes(argv)) {
            rendering::proved(run, state)?;
        }
        let alive = Alive::of_user(&run.services.env);
        hold_alive(run, alive.as_ref());
        if state.pulse.is_none() {
            // Without the thread only what the system tells counts.
            state.pulse = Pulse::start(run.services.clock).ok();
        }
        push_options_pass(run, state)?;
        let (lease, waited) = take(run, state, alive.as_ref())?;
        run.services.shared.took(run.id(), &lease);
        state.took_lock = true;
        state.command_started = false;
        state.effect = Effect::None;
        run.emit(&Event::LockTaken {
            unit: run.unit.id.clone(),
            generation: lease.generation(),
            place: locks(run)?.backend.place(),
        });
        let resumed = lease.taken_over().then(|| "taken over from your earlier run".to_owned());
        let waited = waited.map(|span| format!("taken after waiting {}", span.rough()));
        let told: Vec<String> = waited.into_iter().chain(resumed).collect();
        let done = if told.is_empty() { Done::quietly() } else { Done::says(told.join(", ")) };
        // Ours from here on: if the branch has moved, the run gives it back as any other that ends early.
        let lease = state.lease.insert(lease).clone();
        branch::still_as_checked(run, state, &lease)?;
        Ok(done)
    }
}

/// Refuses before anything is done if the push at the end would be refused for good.
fn push_options_pass(run: &Run<'_>, state: &State) -> Result<(), Error> {
    let pushes = run.plan.calls.iter().any(|call| call.step.role() == Role::Push);
    let (Some(repo), Some(checked), true) = (&run.services.repo, &state.checked, pushes) else {
        return Ok(());
    };
    let Some(upstream) = checked.upstream.as_ref().filter(|_| checked.ahead > 0) else { return Ok(()) };
    let _turn = turn::remote(run, state)?;
    match repo.push_options_refused(&upstream.remote, &upstream.name, &checked.head)? {
        true => Err(GitError::NoPushOptions { remote: upstream.remote.clone() }.into()),
        false => Ok(()),
    }
}

/// From here on other runs can see that this one lives. Without the file the lock is as good as
/// with it; only a takeover after a sudden death will have to be done by hand.
fn hold_alive(run: &Run<'_>, alive: Option<&Alive>) {
    let services = run.services;
    if services.alive.get().is_some() {
        return;
    }
    let Some(alive) = alive else { return };
    // The units of a run begin it once together.
    let _turn = services.shared.remote();
    if services.alive.get().is_some() {
        return;
    }
    match alive.start(&services.run_id, services.clock) {
        // There is one file a run, so nobody else can have set it.
        Ok(file) => drop(services.alive.set(file)),
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            run.warn(format!(
                "{error}{cause}; should this run be killed, its lock has to be freed by hand. To prevent that, set \
                 XDG_STATE_HOME to a directory that you can write"
            ));
        }
    }
}

/// Takes the lock, after waiting for it if that was asked for; tells how long it waited.
fn take(run: &Run<'_>, state: &mut State, alive: Option<&Alive>) -> Result<(Lease, Option<Span>), Error> {
    if state.unproved
        && let Some(lease) = take_by_known(run, state, alive)?
    {
        return Ok((lease, None));
    }
    let acquire = |state: &State| with_request(run, state, alive, |locks, request| locks.acquire(request));
    let Some(limit) = run.plan.options.wait else { return Ok((acquire(state)?, None)) };
    let mut wait = Wait::new(run, limit);
    loop {
        let in_the_way = match acquire(state) {
            Ok(lease) => return Ok((lease, wait.waited())),
            Err(Error::Lock(error)) if Wait::can_pass(&error) => error,
            Err(error) => return Err(error),
        };
        wait.until_free(in_the_way, state.command_started, || {
            with_request(run, state, alive, |locks, request| locks.look(request))
        })?;
        // Meanwhile the holder has pushed, most likely, and the user may have gone on working: what
        // was proved before the wait is proved again.
        if state.checked.is_some() {
            git_check::prove(run, state)?;
        }
        head::unmoved(run, state)?;
    }
}

/// Takes the lock by what an earlier fetch saw, which proves what git-check has found by it. If it is
/// no longer so, git-check is done as if there had been no earlier fetch, and nothing is taken yet.
fn take_by_known(run: &Run<'_>, state: &mut State, alive: Option<&Alive>) -> Result<Option<Lease>, Error> {
    match with_request(run, state, alive, |locks, request| locks.acquire_by_known(request))? {
        ByKnown::Taken(lease) => {
            state.unproved = false;
            Ok(Some(lease))
        }
        ByKnown::NotSo { looked } => {
            if looked {
                git_check::prove_by_look(run, state)?;
            } else {
                git_check::prove(run, state)?;
            }
            Ok(None)
        }
    }
}

fn with_request<T>(
    run: &Run<'_>,
    state: &State,
    alive: Option<&Alive>,
    act: impl FnOnce(&Locks<'_>, &AcquireRequest<'_>) -> Result<T, LockError>,
) -> Result<T, Error> {
    let locks = locks(run)?;
    let repo = run.services.repo.as_ref();
    let turn = turn::remote(run, state)?;
    let upstream = state
        .checked
        .as_ref()
        .and_then(|checked| turn.upstream(checked))
        .filter(|upstream| locks.backend.branch_remote() == Some(upstream.remote.as_str()));
    let commit: Option<Oid> = state.head.as_ref().and_then(|head| head.oid.clone());
    let remote = state.checked.as_ref().and_then(|checked| Some(checked.upstream.as_ref()?.remote.as_str()));
    let contains = |applied: &Oid| match (&commit, repo) {
        (Some(head), Some(repo)) => applied::contains(repo, remote, head, applied),
        _ => Ok(Ancestry::Lacks),
    };
    let in_effect = |left: &Record| applied::in_effect(run, state, commit.as_ref(), left);
    let ancestry = |newer: &Oid, older: &Oid| match repo {
        Some(repo) => repo.ancestry(newer, older),
        None => Ok(Ancestry::Unknown),
    };
    let ended = |record: &Record| match alive.map_or(Proof::Unknown, |alive| alive.ended(record)) {
        Proof::Ended if succeeded(run, record) => Proof::Succeeded,
        proof => proof,
    };
    let commands = commands_under_lock(run);
    let first = commands.first();
    let mut overrides = state.overrides.clone();
    overrides.extend(tool_variables::overrides(run, &commands)?);
    let request = AcquireRequest {
        keys: &run.unit.keys.take,
        watch: &run.unit.keys.watch,
        carry: &run.unit.keys.carry,
        unit: run.unit.id.to_string(),
        // git-check has fetched the lock refs together with the branch; without it what is known from an
        // earlier run will do where it is likely to be still so, for the push that takes the lock decides.
        freshness: if upstream.is_some() || git_check::locks_are_likely_as_known(run)? {
            Freshness::Known
        } else {
            Freshness::Now
        },
        commit: commit.clone(),
        output: applied::output(state),
        contains: &contains,
        ancestry: &ancestry,
        ended: &ended,
        branch: upstream.and_then(|upstream| {
            let seen = upstream.seen.clone()?;
            Some(BranchChange::Unmoved { name: upstream.name.clone(), seen })
        }),
        program: match &run.plan.staged {
            Some(_) => Some("lockstep".to_owned()),
            None => first.and_then(|argv| tools::tool_name(&argv.program)).map(str::to_owned),
        },
        subcommand: match &run.plan.staged {
            Some(staged) => Some(staged.action.word().to_owned()),
            None => first.and_then(|argv| run.rules_for(argv).subcommand(&argv.args)),
        },
        overrides,
        will_change: commands.iter().any(|argv| run.changes(argv)),
        only_finishes: commands.is_empty() && gives_back(run),
        in_effect: &in_effect,
        accept_rewrite: run.plan.options.accept_rewrite,
    };
    act(&locks, &request).map_err(|mut error| {
        if let (LockError::Stale { applied, absent: false, shallow: false, branch, .. }, Some(repo)) =
            (&mut error, repo)
        {
            // Only for the hint: without an answer it is another one.
            *branch = repo.branch_with(applied).unwrap_or_default();
        }
        error.into()
    })
}

/// Whether the lock is given back, or the branch pushed under it; `lock` alone is for what comes later.
fn gives_back(run: &Run<'_>) -> bool {
    let after = run.plan.calls.iter().skip_while(|call| call.step.role() != Role::Lock);
    after.into_iter().any(|call| matches!(call.step.role(), Role::Push | Role::Unlock | Role::UnlockAny))
}

/// Whether a `build` stands before the first command under the lock, on either side of `lock`; stages
/// have theirs each.
fn is_built_before(run: &Run<'_>) -> bool {
    let lock = run.plan.calls.iter().position(|call| call.step.role() == Role::Lock).unwrap_or_default();
    let under = run.plan.calls.iter().skip(lock);
    let before = run.plan.calls.iter().take(lock).chain(under.take_while(|call| call.argv.is_none()));
    run.plan.staged.is_some() || before.into_iter().any(|call| call.step.role() == Role::Build)
}

/// Whether this clone knows that the change of the run which wrote the record has succeeded.
fn succeeded(run: &Run<'_>, record: &Record) -> bool {
    let note = |unit| SuccessNote::of(&unit, run.project.root(), run.services.repo.as_ref());
    record.unit.parse().is_ok_and(|unit| note(unit).tells_of(record))
}

/// The commands that the plan runs after its `lock`.
fn commands_under_lock<'a>(run: &Run<'a>) -> Vec<&'a Argv> {
    let plan: &Plan = run.plan;
    let after = plan.calls.iter().skip_while(|call| call.step.role() != Role::Lock);
    after.flat_map(|call| plan.commands_of(call)).collect()
}
