//! `diff`: what a build would change in the rendered directory, on standard output.

use super::rendering::with_request;
use crate::Error;
use crate::render::{DiffStyle, FileChange, preview, unified};
use crate::workflow::{Call, Done, Role, Run, State, Step};

/// The step.
#[derive(Debug)]
pub struct Diff;

impl Step for Diff {
    fn name(&self) -> &'static str {
        "diff"
    }

    fn summary(&self) -> &'static str {
        "show what `build` would change in .dist/MODULE/PROFILE"
    }

    fn details(&self) -> &'static str {
        "Renders in memory and writes the difference to standard output, as git writes differences: \
         files that would be new, changed or removed; with colours on a terminal. Nothing is written. \
         Without a difference there is no output. It succeeds either way: for an exit code there is \
         `build --check`."
    }

    fn role(&self) -> Role {
        Role::Inspect
    }

    fn run(&self, _call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        let changes = with_request(run, |request| Ok(preview(request)?))?;
        if changes.is_empty() {
            return Ok(Done::as_usual("nothing would change"));
        }
        let sink = &run.services.output;
        let style = DiffStyle { color: sink.color, escape: sink.shown };
        let directory = run.unit.directory.strip_prefix(run.project.root()).unwrap_or(&run.unit.directory);
        let directory = directory.display().to_string();
        let text: String = changes.iter().map(|change| unified(change, &directory, style)).collect();
        run.print(state, text.as_bytes())?;
        if !run.plan.options.force {
            let warn = |why: &str, which: fn(&&FileChange) -> bool| {
                let paths: Vec<String> = changes
                    .iter()
                    .filter(which)
                    .map(|change| change.path.escape_debug().to_string())
                    .collect();
                if !paths.is_empty() {
                    run.warn(format!("{why}, so that build stops: {}", paths.join(", ")));
                }
            };
            warn("edited since they were generated", |change| change.edited && !change.foreign);
            warn("lockstep did not make these", |change| change.foreign);
        }
        Ok(Done::as_usual(format!("{} would change", count(changes.len()))))
    }
}

fn count(files: usize) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}
