//! Expressions in the words of workflows and in `[env]`, evaluated for each unit before anything runs.
//!
//! What must hold: whatever a unit makes of a command, it is judged as it is written: whether it only
//! reads, takes down, asks. So the program and the words that say what it does are written out.

use std::ffi::OsString;

use super::Planner;
use crate::Error;
use crate::env::Environment;
use crate::project::{Asker, Overrides, Params, Place, ProjectError};
use crate::workflow::{Argv, Call, Request, UnitPlan};

impl Planner<'_> {
    /// Works out the commands of a unit, and makes sure that its `[env]` can be evaluated as far as that
    /// can be said without reading a secret or running anything.
    pub(super) fn evaluate(
        &self,
        (calls, finally): (&[Call], &[Call]),
        unit: &mut UnitPlan,
        request: &Request,
        env: &Environment,
    ) -> Result<(), Error> {
        let commands: Vec<(&Argv, &Option<Place>)> = calls
            .iter()
            .chain(finally)
            .filter_map(|call| call.argv.as_ref().map(|argv| (argv, &call.written)))
            .collect();
        if commands.is_empty() {
            return Ok(());
        }
        let options = &request.options;
        let overrides = Overrides { set: &options.set, files: &options.params, env };
        let params = || self.project.params(&unit.id, &overrides);
        let own = self.project.command_env(&unit.id, Asker::Module)?;
        if own.is_computed() {
            own.evaluate_known(&params()?.with_stand_ins())?;
        }
        let computed = commands.iter().filter_map(|(argv, place)| Some((*argv, place.as_ref()?)));
        let computed: Vec<(&Argv, &Place)> = computed.filter(|(argv, _)| is_computed(argv)).collect();
        if computed.is_empty() {
            return Ok(());
        }
        let params = params()?;
        for (argv, place) in computed {
            let made = (argv.clone(), self.made(argv, place, &params)?);
            unit.words.push(made);
        }
        Ok(())
    }

    fn made(&self, argv: &Argv, place: &Place, params: &Params) -> Result<Argv, ProjectError> {
        let args = argv.args.iter().map(|word| match word.to_str() {
            Some(text) => params.argument(text, place).map(OsString::from),
            None => Ok(word.clone()),
        });
        let made = Argv { program: argv.program.clone(), args: args.collect::<Result<_, _>>()? };
        let rules = self.project.config().rules_for(&argv.program);
        let judged = |argv: &Argv| {
            let args = &argv.args;
            (rules.subcommand(args), rules.changes(args), rules.only_reads(args), rules.takes_down(args))
        };
        match judged(argv) == judged(&made) {
            true => Ok(made),
            false => {
                let message = "what this command does depends on a parameter";
                let hint = "write out the words that say what it does; others may hold expressions";
                Err(ProjectError::config_hint(place.clone(), message, Some(hint.to_owned())))
            }
        }
    }
}

/// Refuses a program that is computed.
pub(super) fn check_program(argv: &Argv, place: Option<&Place>) -> Result<(), ProjectError> {
    match place.filter(|_| has_expression(&argv.program)) {
        Some(place) => {
            let message = "the program of a command cannot be computed";
            let hint = "write it out; its arguments may hold expressions".to_owned();
            Err(ProjectError::config_hint(place.clone(), message, Some(hint)))
        }
        None => Ok(()),
    }
}

fn is_computed(argv: &Argv) -> bool {
    std::iter::once(&argv.program).chain(&argv.args).any(|word| has_expression(word))
}

fn has_expression(word: &std::ffi::OsStr) -> bool {
    word.to_str().is_some_and(|word| word.contains("{{"))
}
