//! How the units of a run have their turns: how many at a time, and whose the terminal is.
//!
//! A command either has the terminal, and then nothing else of the run goes on beside it, or it runs
//! beside those of other units: its input is empty and its lines are handed on. Which of the two is
//! decided once for the whole run, from its commands, before anything is done.

use super::{Call, Plan, PlanError, UnitPlan};
use crate::env;
use crate::process::Stdio;
use crate::process::tools::Asks;
use crate::project::{Config, Project};

/// How the units of a run have their turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// How many units run at a time at most.
    pub jobs: usize,
    /// Where the streams of commands lead.
    pub stdio: Stdio,
    /// What the user should know about it.
    pub note: Option<String>,
}

/// Decides it for a plan. `stdio` is where streams lead for a single unit; `terminal` says that standard
/// input is a terminal, so that a command can ask somebody.
pub fn manner(plan: &Plan, config: &Config, stdio: Stdio, terminal: bool) -> Manner {
    let one_by_one = |note| Manner { jobs: 1, stdio, note };
    let asked_for = plan.options.jobs.map(std::num::NonZeroUsize::get);
    let jobs = asked_for.unwrap_or_else(env::processors).min(plan.units.len());
    if jobs <= 1 {
        return one_by_one(None);
    }
    let mut commands = plan.calls.iter().chain(&plan.finally).filter(|call| call.argv.is_some()).peekable();
    if stdio != Stdio::Inherit || commands.peek().is_none() {
        return Manner { jobs, stdio, note: None };
    }
    let asks = |call: &&Call| {
        let argv = call.argv.as_ref();
        match argv.map(|argv| config.rules_for(&argv.program).asks(&argv.args)) {
            None | Some(Asks::No) => false,
            Some(Asks::Yes) => true,
            // Whoever says how many shall run at a time says that nobody will be asked.
            Some(Asks::Unknown) => asked_for.is_none(),
        }
    };
    match commands.find(asks).filter(|_| terminal) {
        None => Manner { jobs, stdio: Stdio::Lines, note: None },
        Some(call) => one_by_one(asked_for.map(|_| {
            format!("`{}` may ask for something: the units run one at a time, on the terminal", call.label)
        })),
    }
}

/// Refuses a plan whose commands would each ask for an approval that nobody can give: beside each other
/// without a terminal all of them would fail halfway.
///
/// # Errors
/// [`PlanError::NobodyToAsk`]
pub fn check_answers(plan: &Plan, project: &Project, stdio: Stdio, terminal: bool) -> Result<(), PlanError> {
    if terminal || plan.options.read || manner(plan, project.config(), stdio, terminal).stdio != Stdio::Lines
    {
        return Ok(());
    }
    for call in &plan.calls {
        let Some(argv) = &call.argv else { continue };
        let asks = |unit: &UnitPlan| project.rules_for(&unit.id, &argv.program).needs_an_answer(&argv.args);
        if plan.units.iter().any(asks) {
            return Err(PlanError::NobodyToAsk { command: call.label.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::project::Project;
    use crate::workflow::{Argv, Done, Options, Role, Run, State, Step, UnitPlan};

    struct Any;

    impl Step for Any {
        fn name(&self) -> &'static str {
            "any"
        }
        fn summary(&self) -> &'static str {
            ""
        }
        fn details(&self) -> &'static str {
            ""
        }
        fn role(&self) -> Role {
            Role::Command
        }
        fn run(&self, _: &Call, _: &Run<'_>, _: &mut State) -> Result<Done, crate::Error> {
            Ok(Done::quietly())
        }
    }

    /// How units run with a command, `-j` and a terminal.
    fn of(units: usize, command: &str, jobs: Option<usize>, terminal: bool) -> (usize, Stdio, bool) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("lockstep.toml"), "").unwrap();
        let mut words = command.split(' ').map(Into::into);
        let argv = words.next().filter(|word: &std::ffi::OsString| !word.is_empty());
        let argv = argv.map(|program| Argv { program, args: words.collect() });
        let unit = |at| UnitPlan {
            words: Vec::new(),
            id: format!("m{at}/prod").parse().unwrap(),
            keys: crate::lock::UnitKeys::default(),
            directory: "/".into(),
            needs: Vec::new(),
        };
        let plan = Plan {
            units: (0..units).map(unit).collect(),
            calls: vec![Call { written: None, step: &Any, argv, releases: false, label: command.to_owned() }],
            finally: Vec::new(),
            staged: None,
            left_out: None,
            builds_all: false,
            options: Options { jobs: jobs.and_then(NonZeroUsize::new), ..Options::default() },
        };
        let project = Project::discover(directory.path(), &crate::env::Environment::bare()).unwrap();
        let Manner { jobs, stdio, note } = manner(&plan, project.config(), Stdio::Inherit, terminal);
        (jobs, stdio, note.is_some())
    }

    #[test]
    fn whose_the_terminal_is() {
        let (beside, alone) = (Stdio::Lines, Stdio::Inherit);
        assert_eq!(of(1, "tofu plan", Some(4), true), (1, alone, false));
        assert_eq!(of(9, "tofu plan", Some(4), true), (4, beside, false));
        assert_eq!(of(9, "tofu plan", Some(1), false), (1, alone, false));
        assert_eq!(of(3, "tofu plan", Some(8), false), (3, beside, false));
        assert_eq!(of(9, "tofu apply", Some(4), true), (1, alone, true));
        assert_eq!(of(9, "tofu apply", None, true), (1, alone, false));
        assert_eq!(of(9, "tofu apply", Some(4), false), (4, beside, false));
        assert_eq!(of(9, "tofu apply -auto-approve", Some(4), true), (4, beside, false));
        assert_eq!(of(9, "deploy.sh", Some(4), true), (4, beside, false));
        assert_eq!(of(9, "deploy.sh", None, true), (1, alone, false));
        // Without commands there is nothing that could want it.
        assert_eq!(of(9, "", Some(4), true), (4, alone, false));
    }
}
