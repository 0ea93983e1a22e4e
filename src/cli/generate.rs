//! The files in the repository that are made from the program: completions, references, schemas.
//! `lockstep generate` writes them, `lockstep generate --check` says whether they are current.

use std::fmt::Write as _;

use anyhow::Context as _;

use super::args;
use super::completions::Shell;
use super::terminal::Terminal;
use super::{completions, config_reference, exit_codes_page, functions_page, help, man, schema, write_files};
use crate::ExitCode;
use crate::env::Environment;

/// Writes the files below the current directory, or compares them.
pub(super) fn run(check: bool, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let mut differ = false;
    for (name, content) in files()? {
        let path = env.cwd().join(&name);
        if std::fs::read_to_string(&path).is_ok_and(|present| present == content) {
            continue;
        }
        differ = true;
        if check {
            terminal.error(&format!("{name} is not current"));
            continue;
        }
        write_files::replace(&path, &content)?;
        terminal.say(&format!("wrote {name}"));
    }
    if check && differ {
        terminal.hint("cargo run -- generate");
        return Ok(ExitCode::Found.code());
    }
    Ok(ExitCode::Success.code())
}

fn files() -> anyhow::Result<Vec<(String, String)>> {
    let named = [
        ("completions/lockstep.bash", completions::script(Shell::Bash).to_owned()),
        ("completions/_lockstep", completions::script(Shell::Zsh).to_owned()),
        ("completions/lockstep.fish", completions::script(Shell::Fish).to_owned()),
        ("docs/cli.md", reference()),
        ("docs/exit-codes.md", exit_codes_page::page()),
        ("docs/functions.md", functions_page::page()),
        ("docs/lockstep.1", man::page().context("cannot make the manual page")?),
        ("docs/reference.md", config_reference::text()),
    ];
    let schemas = schema::files().map(|(name, content)| (format!("docs/schemas/{name}"), content));
    Ok(named.into_iter().map(|(name, content)| (name.to_owned(), content)).chain(schemas).collect())
}

/// Of one width, whatever terminal this runs in.
fn command() -> clap::Command {
    args::command().term_width(100)
}

fn reference() -> String {
    let mut text = String::from(
        "# Command line\n\nMade from the program by `lockstep generate`; changes here are lost.\n\n## lockstep --help\n\n```text\n",
    );
    let _ = write!(text, "{}", plain(&command().render_long_help().to_string()));
    text.push_str("```\n\n## lockstep help steps\n\n```text\n");
    text.push_str(&plain(&help::steps()));
    text.push_str("```\n\n## lockstep help exit-codes\n\n```text\n");
    text.push_str(&plain(&help::exit_codes()));
    text.push_str("```\n");
    subcommands(&command(), "lockstep", &mut text);
    text
}

/// The help of each subcommand, and after it that of its own.
fn subcommands(of: &clap::Command, path: &str, text: &mut String) {
    for sub in of.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name());
        let help = sub.clone().term_width(100).bin_name(&path).render_long_help().to_string();
        let _ = write!(text, "\n## {path}\n\n```text\n{}```\n", plain(&help));
        subcommands(sub, &path, text);
    }
}

/// Without spaces at the ends of lines and with one newline at the end.
fn plain(text: &str) -> String {
    let mut out = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    out.push('\n');
    out
}
