//! `lockstep alias TOOL=MODULE/PROFILE…`: the lines for a shell's start-up file that make a tool's name
//! stand for the pipeline around it.
//!
//! The name stays that of the tool, so the tool's own completion is found by it as before, and reaches
//! the tool alone (see `tool_completion`).

use clap::Args;

use super::binding::{self, Binding, Home, Steps, USUAL};
use super::completions::Shell;
use super::quoting;
use super::terminal::Terminal;
use crate::env::Environment;

/// What `alias` takes.
#[derive(Args, Debug)]
pub(super) struct AliasArgs {
    /// A tool, and the unit that it is run for; `.` is the module or profile that you stand in
    #[arg(value_name = "TOOL=MODULE/PROFILE", required = true)]
    pub bindings: Vec<Binding>,
    /// The shell; without this the one that you use
    #[arg(long, value_name = "SHELL")]
    pub shell: Option<Shell>,
    /// The pipeline around the tool
    #[arg(long, value_name = "WORDS", default_value = USUAL, allow_hyphen_values = true)]
    pub steps: Steps,
}

/// Prints the lines.
pub(super) fn run(args: &AliasArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    args.steps.check(env)?;
    let shell = args.shell.unwrap_or_else(|| used(env));
    let home = Home::here(env, terminal);
    let lines: String =
        args.bindings.iter().map(|binding| line(shell, binding, &args.steps, &home)).collect();
    let code = terminal.data(&lines)?;
    binding::warn_of_nothing(&args.bindings, env, terminal);
    Ok(code)
}

fn used(env: &Environment) -> Shell {
    let shell = env.var("SHELL").unwrap_or_default();
    match shell.rsplit('/').next().unwrap_or_default() {
        "fish" => Shell::Fish,
        "zsh" => Shell::Zsh,
        // What any other shell understands too.
        _ => Shell::Bash,
    }
}

fn line(shell: Shell, binding: &Binding, steps: &Steps, home: &Home) -> String {
    let tool = &binding.tool;
    match shell {
        Shell::Bash | Shell::Zsh => {
            // Quoted twice: once for the line that the alias stands for, once for this one.
            let line = binding.line(steps, home, quoting::sh);
            format!("alias {tool}='{}'\n", line.replace('\'', r"'\''"))
        }
        // In fish an alias is a function.
        Shell::Fish => {
            let line = binding.line(steps, home, quoting::fish);
            format!("function {tool}; {line} $argv; end\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(shell: Shell, steps: &str) -> String {
        line(shell, &"tofu=alpha/prod".parse().unwrap(), &steps.parse().unwrap(), &Home::default())
    }

    #[test]
    fn each_shell_gets_its_line() {
        let usual = "lockstep build git-check lock exec git-push unlock-any -- alpha prod tofu";
        assert_eq!(said(Shell::Bash, USUAL), format!("alias tofu='{usual}'\n"));
        assert_eq!(said(Shell::Zsh, USUAL), said(Shell::Bash, USUAL));
        assert_eq!(said(Shell::Fish, USUAL), format!("function tofu; {usual} $argv; end\n"));
    }

    #[test]
    fn what_is_odd_is_quoted_for_both_readings() {
        let steps = "say:it's:$HOME exec";
        let expected = r"alias tofu='lockstep '\''say:it'\''\'\'''\''s:$HOME'\'' exec -- alpha prod tofu'";
        assert_eq!(said(Shell::Bash, steps).trim_end(), expected);
        let expected = r"function tofu; lockstep 'say:it\'s:$HOME' exec -- alpha prod tofu $argv; end";
        assert_eq!(said(Shell::Fish, steps).trim_end(), expected);
    }

    #[test]
    fn the_shell_is_told_by_its_variable() {
        let of = |shell: &str| used(&Environment::new("/", [("SHELL", shell)]));
        assert_eq!(
            [of("/usr/bin/fish"), of("/bin/zsh"), of("bash"), of("/bin/dash"), of("")],
            [Shell::Fish, Shell::Zsh, Shell::Bash, Shell::Bash, Shell::Bash]
        );
    }
}
