//! The command line as clap sees it. Only types and texts: what they mean is decided elsewhere, and
//! what a subcommand takes stands in that subcommand's file.
//!
//! A pipeline's words and a subcommand share the first place on the line. `Top` tells them apart:
//! a first word that is no subcommand makes the whole line a pipeline, which `PipelineArgs` reads.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use super::many::ManyArgs;
use super::stage_args::StageArgs;
use super::{
    affected, alias, completions, demo, doctor, freeze, graph, help, init, list, locks, log, new, save,
    schema, shim, trust, why,
};
use crate::env::Span;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Options that stand anywhere before `--`, or before a subcommand.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Global {
    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say what each step does and how long it takes
    #[arg(short, long)]
    pub verbose: bool,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = false)]
    pub color: ColorChoice,
}

/// Options of a pipeline.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PipelineOptions {
    /// Check everything, print the plan, do nothing
    #[arg(long, help_heading = "Pipeline options")]
    pub dry_run: bool,
    /// Refuse to run in any other project than the one in DIR
    #[arg(long, value_name = "DIR", help_heading = "Pipeline options")]
    pub only_in: Option<PathBuf>,
    /// Set a parameter for this run (a TOML value, else text, as is a number that would print otherwise, such as 1.10); may be repeated
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Pipeline options")]
    pub set: Vec<String>,
    /// Take parameters for this run from a TOML or JSON file; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Pipeline options")]
    pub params: Vec<PathBuf>,
    /// Overwrite generated files that were edited by hand
    #[arg(long, help_heading = "Pipeline options")]
    pub force: bool,
    /// This run only looks, whatever its command: it pushes, records and frees nothing
    #[arg(long, help_heading = "Pipeline options")]
    pub read: bool,
    /// With `build` alone: write nothing, end with 1 if anything would change
    #[arg(long, help_heading = "Pipeline options")]
    pub check: bool,
    /// With `build` alone: write nothing but this rendered file, to standard output
    #[arg(long, value_name = "FILE", conflicts_with = "check", help_heading = "Pipeline options")]
    pub print: Option<String>,
    /// With `describe`: print JSON
    #[arg(long, help_heading = "Pipeline options")]
    pub json: bool,
    /// The branch that a detached HEAD stands for
    #[arg(long, value_name = "NAME", help_heading = "Pipeline options")]
    pub branch: Option<String>,
    /// With `lock`: wait so long for a lock that somebody holds (90s, 10m, 1h30m)
    #[arg(long, value_name = "DURATION", help_heading = "Pipeline options")]
    pub wait: Option<Span>,
    /// Why a lock is taken from somebody else
    #[arg(long, value_name = "TEXT", help_heading = "Pipeline options")]
    pub reason: Option<String>,
    /// With `unlock-any`: take the lock only if it is still at this generation
    #[arg(long, value_name = "GENERATION", value_parser = generation, help_heading = "Pipeline options")]
    pub expect: Option<u64>,
    /// Go on although the commit that was applied last is gone from the history
    #[arg(long, help_heading = "Pipeline options")]
    pub accept_rewrite: bool,
    /// Write the run's events as lines of JSON to FILE, or to an open descriptor as fd:N
    #[arg(long, value_name = "FILE|fd:N", help_heading = "Pipeline options")]
    pub events: Option<OsString>,
    /// Options for many units.
    #[command(flatten)]
    pub many: ManyArgs,
    /// Options for staged workflows.
    #[command(flatten)]
    pub stages: StageArgs,
}

fn generation(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "a generation is a number, as `lockstep locks show` and `lockstep log` tell it")
}

/// The line up to its first word that is no option.
#[derive(Parser, Debug)]
#[command(
    name = "lockstep",
    version,
    about = "The safe way of changing infrastructure, made the easy way",
    disable_help_subcommand = true,
    max_term_width = 100,
    override_usage = help::USAGE,
    subcommand_help_heading = "Subcommands"
)]
pub(super) struct Top {
    /// Options for everything.
    #[command(flatten)]
    pub global: Global,
    /// Options for pipelines.
    #[command(flatten)]
    pub options: PipelineOptions,
    /// A subcommand, or the first word of a pipeline.
    #[command(subcommand)]
    pub command: Option<Sub>,
}

/// The subcommands.
#[derive(Subcommand, Debug)]
pub(super) enum Sub {
    /// Show the whole job in a throwaway repository: lock, refusal, failure, recovery
    Demo(demo::DemoArgs),
    /// Start a project: the first files, and what to type next
    Init(init::InitArgs),
    /// Make a module, a profile or a workflow that works as it stands
    New(new::NewArgs),
    /// Show the locks that are held, failed, frozen or unreadable
    Locks(locks::LocksArgs),
    /// Show what was done to the locks: who took, released or evicted what, when and why
    Log(log::LogArgs),
    /// List the units of the project, or its modules, profiles, workflows or steps
    List(list::ListArgs),
    /// Show which units need which, and in what order they run
    Graph(graph::GraphArgs),
    /// List the units that differ from an earlier commit, such as the target of a pull request
    Affected(affected::AffectedArgs),
    /// Show what a unit's parameters are, where that is written, and what it overrides
    Why(why::WhyArgs),
    /// Lock a unit on purpose, until somebody thaws it
    Freeze(freeze::FreezeArgs),
    /// End a freeze
    Thaw(freeze::ThawArgs),
    /// Look over what a run stands on, and say what to mend: 1 if there is a problem
    Doctor(doctor::DoctorArgs),
    /// Bring files that a tool wrote into the rendered directory back into the module
    Save(save::SaveArgs),
    /// Print JSON Schemas of what lockstep reads and writes, for editors and programs
    Schema(schema::SchemaArgs),
    /// Let this project start the programs and set the variables that it names, until that changes
    Trust(trust::TrustArgs),
    /// Print the lines that make a tool's name stand for the pipeline around it, for your shell
    Alias(alias::AliasArgs),
    /// Write scripts that do the same, for those who know no aliases: other scripts, editors, CI
    Shim(shim::ShimArgs),
    /// Explain: `help steps`, `help exit-codes`, `help STEP`, `help SUBCOMMAND`
    Help {
        /// `steps`, `exit-codes`, a step or a subcommand.
        topic: Option<String>,
    },
    /// Print the completion script for a shell
    Completions {
        /// The shell.
        shell: completions::Shell,
    },
    /// Write the files that are generated from the program (completions, CLI reference)
    #[command(hide = true)]
    Generate {
        /// Only compare: 1 if any file differs.
        #[arg(long)]
        check: bool,
    },
    /// A pipeline's words.
    #[command(external_subcommand)]
    Pipeline(
        #[expect(dead_code, reason = "only that there is one matters: the whole line is read again")]
        Vec<OsString>,
    ),
}

/// A whole pipeline line.
#[derive(Parser, Clone, Debug)]
#[command(
    name = "lockstep",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    override_usage = help::USAGE
)]
pub(super) struct PipelineArgs {
    /// Options for everything.
    #[command(flatten)]
    pub global: Global,
    /// Options for pipelines.
    #[command(flatten)]
    pub options: PipelineOptions,
    /// Steps, workflows and commands.
    #[arg(value_name = "STEP|WORKFLOW|COMMAND")]
    pub words: Vec<OsString>,
    /// Module, profile and arguments.
    #[arg(last = true, value_name = "MODULE PROFILE [ARG]")]
    pub rest: Vec<OsString>,
}

/// What a line asks for.
#[derive(Debug)]
pub(super) enum Line {
    /// A subcommand.
    Sub(Global, Sub),
    /// A pipeline; whether `--` stood on the line.
    Pipeline(Box<PipelineArgs>, bool),
    /// Nothing at all.
    Empty,
}

/// Reads the line; `argv` includes the program's name.
///
/// # Errors
/// clap's, which also stand for `--help` and `--version`.
pub(super) fn read(argv: &[OsString]) -> Result<Line, clap::Error> {
    let top = Top::from_arg_matches(&command().try_get_matches_from(argv)?)?;
    let separated = argv.iter().skip(1).any(|arg| arg == "--");
    match top.command {
        Some(Sub::Pipeline(_)) => match PipelineArgs::try_parse_from(argv) {
            Ok(line) => Ok(Line::Pipeline(Box::new(line), separated)),
            // One help for both readings of the line.
            Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
                let long = argv.iter().any(|arg| arg == "--help");
                command()
                    .try_get_matches_from(["lockstep", if long { "--help" } else { "-h" }])
                    .map(|_| Line::Empty)
            }
            Err(error) => Err(error),
        },
        Some(sub) => {
            if top.options != PipelineOptions::default() {
                let message =
                    "the options of a pipeline mean nothing to a subcommand; its own come after its name";
                return Err(command().error(clap::error::ErrorKind::ArgumentConflict, message));
            }
            Ok(Line::Sub(top.global, sub))
        }
        // `lockstep -- alpha prod` and `lockstep --dry-run`.
        None if argv.len() > 1 => {
            PipelineArgs::try_parse_from(argv).map(|line| Line::Pipeline(Box::new(line), separated))
        }
        None => Ok(Line::Empty),
    }
}

/// The whole command line, for help, completions and the reference.
pub(super) fn command() -> clap::Command {
    Top::command().after_help(help::after_short()).after_long_help(help::after_long())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Line {
        let argv: Vec<OsString> =
            std::iter::once("lockstep").chain(words.iter().copied()).map(Into::into).collect();
        read(&argv).unwrap()
    }

    #[test]
    fn clap_finds_no_fault_with_the_definitions() {
        command().debug_assert();
        PipelineArgs::command().debug_assert();
    }

    #[test]
    fn options_stand_before_and_between_words_and_nothing_after_the_separator_is_one() {
        let Line::Pipeline(args, true) = line(&[
            "-v",
            "build",
            "--dry-run",
            "exec",
            "--",
            "alpha",
            "prod",
            "tofu",
            "-v",
            "--dry-run",
            "--",
            "x",
        ]) else {
            panic!("not a pipeline")
        };
        assert!(args.global.verbose && args.options.dry_run);
        assert_eq!(args.words, ["build", "exec"]);
        assert_eq!(args.rest, ["alpha", "prod", "tofu", "-v", "--dry-run", "--", "x"]);
    }

    #[test]
    fn subcommands_are_subcommands_only_in_the_first_place() {
        assert!(matches!(line(&["-q", "demo", "--keep"]), Line::Sub(_, Sub::Demo(_))));
        assert!(matches!(line(&["build", "demo", "--", "a", "b"]), Line::Pipeline(..)));
        assert!(matches!(line(&["build", "a", "b"]), Line::Pipeline(_, false)));
        assert!(matches!(line(&["--", "a", "b"]), Line::Pipeline(_, true)));
        assert!(matches!(line(&[]), Line::Empty));
    }
}
