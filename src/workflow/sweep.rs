//! After a build of all units: what is left in `.dist` of units that are gone.

use super::runner::step_report;
use super::{Event, Plan, Services, UnitReport};
use crate::Error;
use crate::project::Project;
use crate::render::{Gone, RenderError, gone, list, remove_gone};

/// Removes what was made for units that are gone, or tells of it where nothing may be written. What comes
/// back failed, or would change.
pub(super) fn sweep(plan: &Plan, project: &Project, services: &Services) -> Vec<UnitReport> {
    let repo = services.repo.as_ref();
    // A project of which the units cannot be told has said so.
    let Ok(mut found) = gone(project, repo) else { return Vec::new() };
    found.retain(|gone| !gone.made.is_empty());
    let one = |gone: Gone| {
        if plan.options.check {
            let Gone { unit, made, .. } = gone;
            return Some((unit.clone(), RenderError::Gone { unit, files: made }));
        }
        match remove_gone(project, &gone.unit, repo, plan.options.force) {
            Ok(gone) => {
                services.reporter.emit(&told(&gone));
                None
            }
            Err(error) => Some((gone.unit, error)),
        }
    };
    let wrong = found.into_iter().filter_map(one);
    wrong.map(|(unit, error)| step_report(&unit, Some(Error::from(error)))).collect()
}

fn told(gone: &Gone) -> Event {
    let Gone { unit, made, others } = gone;
    let mut message =
        format!("removed what was rendered for `{unit}`, which is no unit any more: {}", list(made));
    if others.is_empty() {
        return Event::Note { unit: None, message };
    }
    message.push_str(&format!("; what lockstep did not make there stays: {}", list(others)));
    Event::Warning { unit: None, message }
}
