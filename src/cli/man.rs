//! The manual page `lockstep(1)`, made from the same definitions and registries as the help.

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::args;
use crate::ExitCode;
use crate::steps::STEPS;

/// What the program reads from the environment, and what for.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("LOCKSTEP_OWNER", "Who takes locks."),
    ("LOCKSTEP_PROFILE", "The profile that `.` stands for."),
    ("LOCKSTEP_PARAM_a__b", "The parameter a.b, as a TOML value, else as text."),
    ("CI, GITHUB_ACTIONS, GITLAB_CI", "Nobody is asked; the service is told of the run."),
    ("NO_COLOR, CLICOLOR_FORCE", "Whether to use colour, where --color does not say."),
];

/// What the program reads and writes.
const FILES: &[(&str, &str)] = &[
    ("lockstep.toml", "Marks the root of a project, and holds its settings."),
    ("modules/NAME/", "The templates of a module, with module.toml beside them."),
    ("profiles/NAME.toml", "An environment: parameters."),
    ("workflows/NAME.toml", "A named list of steps."),
    (".dist/MODULE/PROFILE/", "The rendered files, and where commands run."),
    (".git/lockstep/", "The journal of runs, and local locks."),
];

/// The page as roff, without a date.
///
/// # Errors
/// When it cannot be rendered, which writing to memory does not cause.
pub(super) fn page() -> std::io::Result<String> {
    let man =
        Man::new(args::command().term_width(100)).title("LOCKSTEP").section("1").date("").manual("lockstep");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    synopsis().to_writer(&mut out)?;
    man.render_options_section(&mut out)?;
    subcommands().to_writer(&mut out)?;
    steps().to_writer(&mut out)?;
    let codes = ExitCode::ALL.map(|code| (code.code().to_string(), code.meaning()));
    let codes: Vec<(&str, &str)> = codes.iter().map(|(code, meaning)| (code.as_str(), *meaning)).collect();
    let mut exit =
        listed("EXIT STATUS", &[("the tool's", "Its own code, unchanged; 128+n if signal n killed it.")]);
    items(&mut exit, &codes);
    exit.to_writer(&mut out)?;
    listed("ENVIRONMENT", ENVIRONMENT).to_writer(&mut out)?;
    listed("FILES", FILES).to_writer(&mut out)?;
    String::from_utf8(out).map_err(std::io::Error::other)
}

fn synopsis() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    let words = " [OPTIONS] STEP|WORKFLOW|COMMAND... -- MODULE PROFILE [ARG]...";
    roff.text([bold("lockstep"), roman(words)]);
    roff.control("br", []);
    roff.text([bold("lockstep"), roman(" [OPTIONS] SUBCOMMAND [ARGS]")]);
    roff.control("SH", ["DESCRIPTION"]);
    for paragraph in [
        "Steps run in the order in which they are written, each only if the one before it succeeded. A word \
         with a colon is a command, run in the rendered directory: `tofu:plan:-out:x` is `tofu plan -out x`.",
        "MODULE and PROFILE name the unit; `.` is the one that you stand in. Everything beyond is kept byte for \
         byte: it is the command of `exec`, or else is added to the one command among the words.",
    ] {
        roff.control("PP", []);
        roff.text([roman(paragraph)]);
    }
    roff
}

fn subcommands() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SUBCOMMANDS"]);
    for sub in args::command().get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        items(&mut roff, &[(sub.get_name(), &about)]);
    }
    roff.control("PP", []);
    roff.text([bold("lockstep SUBCOMMAND --help"), roman(" says what each takes.")]);
    roff
}

fn steps() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["STEPS"]);
    for step in STEPS {
        roff.control("TP", []);
        let names: Vec<&str> = std::iter::once(step.name()).chain(step.aliases().iter().copied()).collect();
        roff.text([bold(names.join(", "))]);
        let details = step.details().split_whitespace().collect::<Vec<_>>().join(" ");
        roff.text([roman(format!("{}. {details}", step.summary()))]);
    }
    roff
}

fn listed(title: &str, list: &[(&str, &str)]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    items(&mut roff, list);
    roff
}

fn items(roff: &mut Roff, list: &[(&str, &str)]) {
    for (term, text) in list {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*text)]);
    }
}
