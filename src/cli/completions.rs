//! The scripts by which shells complete a line. They hold no words of ours: they ask the program
//! (`complete`), which knows the project.

use clap::ValueEnum;

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
pub(super) const fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("complete/lockstep.bash"),
        Shell::Zsh => include_str!("complete/_lockstep"),
        Shell::Fish => include_str!("complete/lockstep.fish"),
    }
}
