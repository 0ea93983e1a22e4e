//! The question before a run that changes several units: which they are, and what is run for them.
//!
//! It is asked after everything was checked and before anything is done. Without a terminal nobody is
//! asked, and `--yes` is the answer beforehand.

use std::fmt::Write as _;

use crate::project::Project;
use crate::workflow::{Call, Plan, Role};

/// What is asked; none where there is nothing to ask.
pub(super) fn question(project: &Project, plan: &Plan) -> Option<String> {
    let (calls, read) = (|| plan.calls.iter().chain(&plan.finally), plan.options.read);
    if plan.units.len() < 2 || !calls().any(|call| changes(project, call, read)) {
        return None;
    }
    let mut text = String::new();
    for unit in &plan.units {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {}", unit.id);
    }
    let named = |commands: bool| {
        let mut names: Vec<String> = Vec::new();
        for call in calls().filter(|call| call.argv.is_some() == commands && changes(project, call, read)) {
            let name = format!("`{}`", call.label);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    };
    // What people have in mind is the command; the steps around it protect it.
    let names = Some(named(true)).filter(|names| !names.is_empty()).unwrap_or_else(|| named(false));
    let _ = write!(text, "Run {} for these {} units? [y/N]", names.join(", "), plan.units.len());
    Some(text)
}

/// Whether an answer is a yes.
pub(super) fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

/// Whether a step changes anything beyond the project's own directory: what a tool manages, a lock or a
/// branch.
fn changes(project: &Project, call: &Call, read: bool) -> bool {
    match &call.argv {
        Some(argv) => !read && project.config().rules_for(&argv.program).changes(&argv.args),
        None => matches!(call.step.role(), Role::Lock | Role::Push | Role::Unlock | Role::UnlockAny),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Environment;
    use crate::lock::UnitKeys;
    use crate::steps::STEPS;
    use crate::workflow::{Request, UnitPlan, planner};

    /// What is asked for these words and this command, for several units.
    fn asked(words: &str, args: &str, units: &[&str]) -> Option<String> {
        let directory = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("lockstep.toml", "[tools.true]\nreads = [\"look\"]\n"),
            ("modules/alpha/main.tf", ""),
            ("profiles/prod.toml", ""),
        ] {
            let path = directory.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let project = Project::discover(directory.path(), &Environment::bare()).unwrap();
        let request =
            Request::new(directory.path(), words.split(' '), "alpha", "prod").args(args.split_whitespace());
        let env = Environment::from_process().unwrap();
        let mut plan = planner::plan(&project, &request, None, &env, STEPS).unwrap();
        plan.units = units
            .iter()
            .map(|unit| UnitPlan {
                words: Vec::new(),
                id: unit.parse().unwrap(),
                keys: UnitKeys::default(),
                directory: directory.path().to_owned(),
                needs: Vec::new(),
            })
            .collect();
        question(&project, &plan)
    }

    #[test]
    fn units_and_commands_are_named() {
        let units = ["vpc/prod", "alpha/prod"];
        assert_eq!(
            asked("build lock exec unlock", "true apply", &units).unwrap(),
            "  vpc/prod\n  alpha/prod\nRun `true` for these 2 units? [y/N]"
        );
        assert!(
            asked("build lock true:look unlock", "", &units)
                .unwrap()
                .ends_with("Run `lock`, `unlock` for these 2 units? [y/N]")
        );
        assert!(asked("unlock-any", "", &units).unwrap().contains("Run `unlock-any` for"));
    }

    #[test]
    fn what_changes_nothing_is_not_asked_about() {
        let units = ["vpc/prod", "alpha/prod"];
        for (words, args) in [("build", ""), ("build exec", "true look"), ("validate diff", "")] {
            assert_eq!(asked(words, args, &units), None, "{words}");
        }
        assert_eq!(asked("build lock exec unlock", "true apply", &units[..1]), None);
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, yes) in [("y", true), (" YES ", true), ("n", false), ("", false), ("yep", false)] {
            assert_eq!(is_yes(answer), yes, "{answer}");
        }
    }
}
