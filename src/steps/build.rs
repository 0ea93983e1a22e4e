//! `build`: renders the module for the profile and keeps the rendered directory in use.

use super::rendering::{from_outside, not_utf8, with_batch, with_request};
use super::{head, inputs, surroundings};
use crate::Error;
use crate::process::Signal;
use crate::render::{
    BuildRequest, RenderError, Rendered, Results, build, build_all, check, check_all, content, list,
};
use crate::workflow::{Call, Done, Event, Role, Run, State, Step};

/// The step.
#[derive(Debug)]
pub struct Build;

impl Step for Build {
    fn name(&self) -> &'static str {
        "build"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["render"]
    }

    fn summary(&self) -> &'static str {
        "render the module for the profile into .dist/MODULE/PROFILE"
    }

    fn details(&self) -> &'static str {
        "Merges the parameters, renders the module's files and writes those that differ; removes what it \
         made before and no longer makes. Files that the tool put there stay. Refuses (78) to overwrite a \
         generated file that was edited, unless --force is given, and (75) to change a directory that \
         another run is using. From here to the end of the run nobody else can change the directory. \
         `build --check` writes nothing and ends with 1 if anything would change; `build --print FILE` \
         writes one rendered file to standard output and nothing else. Alone or with --check it goes \
         through all units that MODULE and PROFILE select, as in 'net-*,alpha' 'prod,dev', also after one has failed; of '*' '*' it also removes what it made for \
         units that are gone."
    }

    fn role(&self) -> Role {
        Role::Build
    }

    fn run(&self, _call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        let options = &run.plan.options;
        if let Some(file) = &options.print {
            let bytes = with_request(run, |request| Ok(content(request, file)?))?;
            run.print(state, &bytes)?;
            return Ok(Done::quietly());
        }
        if options.check {
            with_request(run, |request| Ok(check(request)?))?;
            return Ok(Done::as_usual("nothing would change"));
        }
        // A second build in one run must not wait for the first one's guard.
        state.rendered = None;
        head::unmoved(run, state)?;
        let rendered = with_request(run, |request| {
            // Before anything is written, as the rest.
            surroundings::settle_by(request.params, run, state)?;
            let (keep, holder) = (keeps_edits(run), request.holder.clone());
            Ok(build(&BuildRequest { keep, holder, ..*request })?)
        })?;
        if state.checked.is_some() {
            inputs::prove(run, &rendered.inputs)?;
        }
        state.overrides.clone_from(&rendered.override_keys);
        let done = told(run, &rendered);
        state.rendered = Some(rendered);
        Ok(done)
    }

    fn run_many(&self, _call: &Call, runs: &[Run<'_>]) -> Vec<Result<Done, Error>> {
        if runs.first().is_some_and(|run| run.plan.options.check) {
            let results = with_batch(runs, check_all);
            return settle(runs, results, |_, ()| Done::as_usual("nothing would change"));
        }
        let results = with_batch(runs, build_all);
        settle(runs, results, |run, rendered| {
            // The others were told once for all units; which variables a unit asks for is its own affair.
            let is_asked = |key: &&String| key.starts_with("env(");
            let asked: Vec<String> = rendered.override_keys.iter().filter(is_asked).cloned().collect();
            if !asked.is_empty() {
                run.warn(from_outside(&asked));
            }
            told(run, &rendered)
        })
    }
}

/// What became of each unit: one that was left out was so because the run was asked to end.
fn settle<T>(
    runs: &[Run<'_>],
    results: Results<T>,
    done: impl Fn(&Run<'_>, T) -> Done,
) -> Vec<Result<Done, Error>> {
    let one = |(run, result): (&Run<'_>, Option<Result<T, RenderError>>)| match result {
        Some(result) => Ok(done(run, result?)),
        None => Err(Error::Interrupted(run.services.interrupts.requested().unwrap_or(Signal::Int))),
    };
    runs.iter().zip(results).map(one).collect()
}

/// Whether files that something else has changed stop nobody: who only looks or makes ready applies nothing
/// of them, and may be what rewrites them.
fn keeps_edits(run: &Run<'_>) -> bool {
    let calls = run.plan.calls.iter().chain(&run.plan.finally);
    let mut commands = calls.filter_map(|call| call.argv.as_ref()).map(|argv| run.unit.argv(argv)).peekable();
    commands.peek().is_some() && commands.all(|argv| !run.changes(argv))
}

/// Tells what a build did.
fn told<G>(run: &Run<'_>, rendered: &Rendered<G>) -> Done {
    let written = |(path, source): &(String, String)| Event::FileWritten {
        unit: run.id().clone(),
        path: path.clone(),
        source: source.clone(),
    };
    if !rendered.made.is_empty() {
        run.emit_all(&rendered.made.iter().map(written).collect::<Vec<_>>());
    }
    if !rendered.foreign.is_empty() {
        run.warn(format!(
            "the tool may read files that lockstep did not make: {}; remove them, or for one of the module: \
             lockstep save {} FILE",
            list(&rendered.foreign),
            run.id()
        ));
    }
    if !rendered.kept.is_empty() {
        let unit = run.id();
        run.warn(format!(
            "generated files were changed by something else, and stay so for a command that changes nothing: {}; to keep one: \
             lockstep save {unit} FILE; to see how they differ: lockstep diff -- {} {}",
            list(&rendered.kept),
            unit.module,
            unit.profile
        ));
    }
    not_utf8(run, &rendered.undecoded);
    if !rendered.secrets.is_empty()
        && let Some(committed) = run.services.shared.committed(run.project, run.services.repo.as_ref())
    {
        let seen = rendered.secrets.iter().filter(|path| committed.holds(run.id(), path));
        let seen: Vec<String> = seen.map(|path| path.escape_debug().to_string()).collect();
        if !seen.is_empty() {
            run.note(format!("these files hold secrets, and git does not ignore them: {}", seen.join(", ")));
        }
    }
    summary(rendered)
}

fn summary<G>(rendered: &Rendered<G>) -> Done {
    if rendered.written == 0 && rendered.removed == 0 {
        return Done::quietly();
    }
    let counts =
        [(rendered.written, "written"), (rendered.removed, "removed"), (rendered.unchanged, "unchanged")];
    let said = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    Done::says(said.collect::<Vec<_>>().join(", "))
}
