//! The command line: reads argv, calls the engine, prints, and gives one exit code.
//!
//! Data goes to standard output and talk to standard error; while a tool runs, both are its own.

mod affected;
mod alias;
mod annotations;
mod args;
mod binding;
mod complete;
mod completions;
mod config_reference;
mod confirm;
mod demo;
mod diagnose;
mod doctor;
mod dry_run;
mod exit_codes_page;
mod freeze;
mod functions_page;
mod generate;
mod git_hints;
mod graph;
mod graph_text;
mod help;
mod init;
mod list;
mod lock_json;
mod lock_text;
mod locks;
mod log;
mod man;
mod many;
mod mending;
mod misplaced;
mod new;
mod next;
mod parse_hints;
mod pipeline;
mod quoting;
mod save;
mod schema;
mod shim;
mod signals;
mod stacks;
mod stage_args;
mod terminal;
mod tool_completion;
mod trust;
mod units;
mod why;
mod write_files;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode as ProcessExit;

use crate::env::Environment;
use crate::{Error, ExitCode};
use args::{Line, Sub};
use terminal::Terminal;

/// Runs the command line of this process.
pub fn main() -> ProcessExit {
    let argv: Vec<OsString> = std::env::args_os().collect();
    ProcessExit::from(run(&argv))
}

/// From argv to an exit code.
fn run(argv: &[OsString]) -> u8 {
    if let [_, first, call @ ..] = argv
        && first == complete::CALL
    {
        return complete::run(call);
    }
    let line = match args::read(argv) {
        Ok(line) => line,
        Err(error) => return clap_end(error, argv),
    };
    let global = match &line {
        Line::Sub(global, _) => global.clone(),
        Line::Pipeline(args, _) => args.global.clone(),
        Line::Empty => return no_words(),
    };
    let env = match Environment::from_process() {
        Ok(env) => match &global.directory {
            Some(dir) => env.in_directory(dir),
            None => env,
        },
        Err(source) => {
            let error = Error::Io { what: "tell the current directory".into(), source };
            return diagnose::print(&error, &[], Terminal::plain());
        }
    };
    let terminal = Terminal::new(&global, &env);
    let env = env.asking(terminal.interactive);
    match line {
        Line::Pipeline(args, separated) => pipeline::run(*args, separated, env, terminal),
        Line::Sub(_, sub) => subcommand(sub, env, terminal),
        Line::Empty => no_words(),
    }
}

fn subcommand(sub: Sub, env: Environment, terminal: Terminal) -> u8 {
    let result = match sub {
        Sub::Demo(args) => demo::run(&args, &env, terminal),
        Sub::Locks(args) => locks::run(args, env, terminal),
        Sub::Log(args) => log::run(&args, env, terminal),
        Sub::Init(args) => init::run(&args, &env, terminal),
        Sub::New(args) => new::run(&args, &env, terminal),
        Sub::List(args) => list::run(&args, &env, terminal),
        Sub::Graph(args) => graph::run(&args, &env, terminal),
        Sub::Affected(args) => affected::run(&args, &env, terminal),
        Sub::Why(args) => why::run(&args, &env, terminal),
        Sub::Freeze(args) => freeze::freeze(&args, env, terminal),
        Sub::Thaw(args) => freeze::thaw(&args, env, terminal),
        Sub::Doctor(args) => doctor::run(&args, &env, terminal),
        Sub::Save(args) => save::run(&args, &env, terminal),
        Sub::Schema(args) => schema::run(&args, &env, terminal),
        Sub::Trust(args) => trust::run(&args, &env, terminal),
        Sub::Alias(args) => alias::run(&args, &env, terminal),
        Sub::Shim(args) => shim::run(&args, &env, terminal),
        Sub::Help { topic } => return help_topic(topic.as_deref(), terminal),
        Sub::Completions { shell } => terminal.data(completions::script(shell)),
        Sub::Generate { check } => generate::run(check, &env, terminal),
        // `args::read` turns these into `Line::Pipeline`.
        Sub::Pipeline(_) => Ok(ExitCode::Internal.code()),
    };
    result.unwrap_or_else(|error| diagnose::print_any(&error, terminal))
}

fn help_topic(topic: Option<&str>, terminal: Terminal) -> u8 {
    let text = match topic {
        None => args::command().render_long_help().to_string(),
        Some(topic) => match help::topic(topic) {
            Some(text) => text,
            None => {
                terminal.error(&format!("no help on `{}`", topic.escape_debug()));
                terminal.hint(&format!("lockstep help {} | STEP | SUBCOMMAND", help::TOPICS.join(" | ")));
                return ExitCode::Usage.code();
            }
        },
    };
    terminal.data(&text).unwrap_or_else(|error| diagnose::print_any(&error, terminal))
}

fn no_words() -> u8 {
    let terminal = Terminal::plain();
    terminal.say(&args::command().render_help().to_string());
    ExitCode::Usage.code()
}

/// `--help` and `--version` go to standard output and succeed; everything else is a usage error.
fn clap_end(mut error: clap::Error, argv: &[OsString]) -> u8 {
    use clap::error::ErrorKind;
    let hint = misplaced::hint(&mut error, argv);
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    if let Some(hint) = hint {
        Terminal::plain().hint(&hint);
    }
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match printed {
            // A reader that went away is no failure of ours.
            Err(source) if source.kind() != std::io::ErrorKind::BrokenPipe => {
                let error = Error::Io { what: "write to standard output".into(), source };
                diagnose::print(&error, &[], Terminal::plain())
            }
            _ => ExitCode::Success.code(),
        },
        _ => ExitCode::Usage.code(),
    }
}
