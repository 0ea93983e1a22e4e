//! What `--help`, `help steps` and `help exit-codes` say. Steps and exit codes come from their
//! registries, so that the help cannot fall behind.

use std::fmt::Write as _;

use super::args;
use crate::ExitCode;
use crate::project::nearest;
use crate::steps::STEPS;
use crate::workflow::Step;

/// Both shapes of the command line.
pub(super) const USAGE: &str = "lockstep [OPTIONS] <STEP|WORKFLOW|COMMAND>... -- <MODULE> <PROFILE> [ARG]...
       lockstep [OPTIONS] <SUBCOMMAND> [ARGS]";

/// The topics of `lockstep help`.
pub(super) const TOPICS: [&str; 2] = ["steps", "exit-codes"];

/// What follows the options in `-h`.
pub(super) fn after_short() -> String {
    format!("{}\nMore: `lockstep --help`, `lockstep help steps`, `lockstep help exit-codes`", steps_list())
}

/// What follows the options in `--help`.
pub(super) fn after_long() -> String {
    format!(
        "{}
Commands:
  A word with a colon is a command, run in the rendered directory: `tofu:plan:-out:x` is
  `tofu plan -out x`, `true:` is `true`, `\\:` is a colon. Any other word that is neither a step nor
  a workflow of the project is an error.

After `--`:
  MODULE and PROFILE name the unit; `.` is the one that you stand in. Everything beyond is kept byte
  for byte: it is the command of `exec`, or else is added to the one command among the words.

Example:
  alias tofu=\"lockstep build git-check lock exec git-push unlock-any -- alpha prod tofu\"
  tofu apply

  renders module alpha for profile prod, proves that the tree is clean and current, takes the lock,
  runs `tofu apply` in the rendered directory, pushes the commit and gives the lock back. Each step
  runs only if the one before it succeeded; if an apply fails, nothing is pushed and the lock stays.

Exit codes:
{}
More: `lockstep help steps`, `lockstep demo`",
        steps_list(),
        exit_codes()
    )
}

/// Whether this is a subcommand that people call.
pub(super) fn is_subcommand(word: &str) -> bool {
    args::command().get_subcommands().any(|sub| !sub.is_hide_set() && sub.get_name() == word)
}

/// The subcommand that was probably meant.
pub(super) fn nearest_subcommand(word: &str) -> Option<String> {
    let command = args::command();
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    nearest(word, shown.map(clap::Command::get_name)).map(str::to_owned)
}

/// What `lockstep help TOPIC` says; none if there is no such topic.
pub(super) fn topic(topic: &str) -> Option<String> {
    match topic {
        "steps" => return Some(steps()),
        "exit-codes" => return Some(format!("Exit codes:\n{}", exit_codes())),
        _ => {}
    }
    if let Some(known) = STEPS.iter().find(|step| step.name() == topic || step.aliases().contains(&topic)) {
        return Some(step(*known));
    }
    // The usage line names the whole command only once the tree is built.
    let mut command = args::command();
    command.build();
    let sub = command.find_subcommand_mut(topic).filter(|sub| !sub.is_hide_set())?;
    Some(sub.render_long_help().to_string())
}

fn steps_list() -> String {
    let mut text = String::from("Steps, run in the order in which they are written:\n");
    for step in STEPS {
        let names: Vec<&str> = std::iter::once(step.name()).chain(step.aliases().iter().copied()).collect();
        let _ = writeln!(text, "  {:<15} {}", names.join(", "), step.summary());
    }
    text
}

/// `lockstep help steps`.
pub(super) fn steps() -> String {
    let mut text = String::from(
        "Steps run in the order in which they are written, each only if the one before it succeeded.\n",
    );
    for known in STEPS {
        let _ = write!(text, "\n{}", step(*known));
    }
    text.push_str(
        "\nworkflows\n  A file workflows/NAME.toml names a list of words; `lockstep NAME -- …` runs them.\n  \
         Its `finally` commands also run after a failure. A workflow of [[create]] and [[delete]] stages\n  \
         stands after `--` instead: `lockstep create -- NAME PROFILE`.\n",
    );
    text
}

fn step(step: &dyn Step) -> String {
    let aliases = match step.aliases() {
        [] => String::new(),
        aliases => format!(" (also: {})", aliases.join(", ")),
    };
    format!("{}{aliases}\n  {}\n{}", step.name(), step.summary(), wrapped(step.details()))
}

/// A paragraph, indented, in lines of at most 98 characters, whatever lines it was written in.
fn wrapped(paragraph: &str) -> String {
    let mut text = String::new();
    let mut width = usize::MAX;
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if width.saturating_add(1 + length) > 98 {
            text.push_str(if text.is_empty() { "  " } else { "\n  " });
            width = 2;
        } else {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
    text
}

/// `lockstep help exit-codes`.
pub(super) fn exit_codes() -> String {
    let mut text = String::new();
    let _ = writeln!(text, "  the tool's  its own code, unchanged; 128+n if signal n killed it");
    for code in ExitCode::ALL {
        let _ = writeln!(text, "  {:<10}  {}", code.code(), code.meaning());
    }
    text
}
