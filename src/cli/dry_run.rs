//! `--dry-run`: the plan as a person reads it. The arguments are shown as they would be handed
//! over, for that is the question; a dry run is neither journaled nor sent anywhere.

use std::fmt::Write as _;

use crate::env::Environment;
use crate::git::Repo;
use crate::process::tools;
use crate::project::Project;
use crate::workflow::parse::quote;
use crate::workflow::{Call, Plan, Role, StagedPlan, UnitPlan, is_own_program};

/// The plan in lines.
pub(super) fn show(project: &Project, plan: &Plan, env: &Environment, repo: Option<&Repo>) -> String {
    let mut text = String::new();
    let goes = where_to(plan, repo);
    for unit in &plan.units {
        let keys: Vec<&str> = unit.keys.take.iter().map(|key| key.as_str()).collect();
        let directory = unit.directory.strip_prefix(project.root()).unwrap_or(&unit.directory);
        // Many units that are only built take no lock, and the stages of a workflow have a directory each.
        let lock = (!keys.is_empty()).then(|| format!("lock {}", keys.join(" ")));
        let directory = plan.staged.is_none().then(|| format!("directory {}", directory.display()));
        let facts: Vec<String> = lock.into_iter().chain(directory).collect();
        let _ = writeln!(text, "would run for {} ({}):", unit.id, facts.join(", "));
        for call in &plan.calls {
            let _ = match call.step.role() {
                Role::Push => writeln!(text, "  {}", push(call, &goes)),
                _ => writeln!(text, "  {}", line(call, (project, unit, env))),
            };
            if let (Some(staged), Role::Stages(_)) = (&plan.staged, call.step.role()) {
                stages(staged, env, &mut text);
            }
        }
        for call in &plan.finally {
            let _ = writeln!(text, "  finally {}", line(call, (project, unit, env)));
        }
    }
    if let Some(left_out) = &plan.left_out {
        let _ = writeln!(text, "{left_out}");
    }
    text.push_str("nothing was done (--dry-run)");
    text
}

/// The stages with what each of them runs.
fn stages(staged: &StagedPlan, env: &Environment, text: &mut String) {
    for stage in &staged.stages {
        let (unit, root) = (&stage.unit, staged.project.root());
        let directory = unit.directory.strip_prefix(root).unwrap_or(&unit.directory).display();
        let _ = writeln!(text, "    stage {} ({}, directory {directory})", stage.name, unit.id);
        for call in &stage.calls {
            let _ = writeln!(text, "      {}", line(call, (&staged.project, unit, env)));
        }
    }
}

/// What is said of a push that is known to go nowhere.
const REFUSED: &str = "refused: ";

/// Where a push goes, or why it does not; nothing where that is found out by the push.
fn where_to(plan: &Plan, repo: Option<&Repo>) -> String {
    let branch = repo.and_then(|repo| Some((repo, repo.head().ok()?.branch)));
    match (branch, &plan.options.branch) {
        (Some((repo, Some(branch))), _) => match repo.push_place(&branch) {
            Ok(place) => place.map_or_else(String::new, |place| format!("to {place}")),
            Err(error) => format!("{REFUSED}{error}"),
        },
        (Some((_, None)), Some(branch)) => format!("to branch {}", crate::git::printable(branch.as_bytes())),
        _ => String::new(),
    }
}

fn push(call: &Call, goes: &str) -> String {
    let and = if call.releases && !goes.starts_with(REFUSED) {
        "and give the lock back in the same push"
    } else {
        ""
    };
    let comma = if goes.is_empty() || and.is_empty() { "" } else { ", " };
    format!("{:<11} {goes}{comma}{and}", call.step.name()).trim_end().to_owned()
}

fn line(call: &Call, (project, unit, env): (&Project, &UnitPlan, &Environment)) -> String {
    match call.argv.as_ref().map(|argv| unit.argv(argv)) {
        Some(argv) => {
            let words: Vec<String> =
                std::iter::once(&argv.program).chain(&argv.args).map(|word| quote(word)).collect();
            let tool = tools::tool_name(&argv.program).and_then(|name| project.config().tools.get(name));
            let wanted = tool.is_some_and(|tool| tool.version.is_some());
            let unasked = wanted && is_own_program(project, &argv.program, &unit.directory, env);
            let note = if unasked { " (a file of the project: version not asked)" } else { "" };
            format!("{:<11} {}{note}", "run", words.join(" "))
        }
        None => call.step.name().to_owned(),
    }
}
