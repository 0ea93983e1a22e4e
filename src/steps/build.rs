//! `build`: renders the module for the profile and keeps the rendered directory in use.

use std::path::PathBuf;

use crate::Error;
use crate::env::{self, Environment};
use crate::project::Overrides;
use crate::render::{BuildRequest, Holder, Rendered, build};
use crate::workflow::{Call, Done, Role, Run, State, Step};

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
         another run is using. From here to the end of the run nobody else can change the directory."
    }

    fn role(&self) -> Role {
        Role::Build
    }

    fn run(&self, _call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        let (services, options) = (run.services, &run.plan.options);
        let overrides = Overrides { set: &options.set, files: &options.params, env: &services.env };
        let params = run.project.params(run.id(), &overrides)?;
        let excludes = user_excludes(&services.env);
        // A second build in one run must not wait for the first one's guard.
        state.rendered = None;
        let rendered = build(&BuildRequest {
            project: run.project,
            unit: run.id(),
            params: &params,
            repo: services.repo.as_ref(),
            excludes: &excludes,
            force: options.force,
            holder: Holder { pid: env::pid(), run: services.run_id.clone(), program: program(run) },
        })?;
        state.overrides.clone_from(&rendered.override_keys);
        if !rendered.override_keys.is_empty() {
            run.warn(format!(
                "parameters from outside the repository: {}; what is rendered differs from the commit",
                rendered.override_keys.join(", ")
            ));
        }
        if !rendered.foreign.is_empty() {
            run.warn(format!(
                "the tool may read files that lockstep did not make: {}",
                rendered.foreign.join(", ")
            ));
        }
        let done = summary(&rendered);
        state.rendered = Some(rendered);
        Ok(done)
    }
}

fn summary(rendered: &Rendered) -> Done {
    if rendered.written == 0 && rendered.removed == 0 {
        return Done::quietly();
    }
    let counts =
        [(rendered.written, "written"), (rendered.removed, "removed"), (rendered.unchanged, "unchanged")];
    let said = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    Done::says(said.collect::<Vec<_>>().join(", "))
}

/// What the run's commands are, for the message that a concurrent build gets.
fn program(run: &Run<'_>) -> String {
    let commands = run.plan.calls.iter().filter(|call| call.step.role() == Role::Command);
    let labels: Vec<&str> = commands.map(|call| call.label.as_str()).collect();
    if labels.is_empty() { "lockstep".into() } else { labels.join(", ") }
}

/// What the user's machine ignores on top of the repository, where git looks for it by default.
fn user_excludes(env: &Environment) -> Vec<PathBuf> {
    let config = match (env.var_os("XDG_CONFIG_HOME"), env.var_os("HOME")) {
        (Some(config), _) if !config.is_empty() => PathBuf::from(config),
        (_, Some(home)) => PathBuf::from(home).join(".config"),
        _ => return Vec::new(),
    };
    vec![config.join("git/ignore")]
}
