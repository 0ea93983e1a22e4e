//! Completion scripts, made by clap from the definitions. The first word may be a subcommand or a step.

use clap::ValueEnum;
use clap_complete::aot::{Shell as Target, generate};

use super::args;
use crate::steps::STEPS;

/// The shells that completions are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

/// The script for a shell.
pub(super) fn script(shell: Shell) -> String {
    let target = match shell {
        Shell::Bash => Target::Bash,
        Shell::Zsh => Target::Zsh,
        Shell::Fish => Target::Fish,
    };
    let mut script = Vec::new();
    let steps = STEPS.iter().map(|step| clap::Command::new(step.name()).about(step.summary()));
    generate(target, &mut args::command().subcommands(steps), "lockstep", &mut script);
    // clap writes text, and cuts no character in two.
    String::from_utf8_lossy(&script).into_owned()
}
