//! `secret(…)`: a text that must not be shown, and neither must anything that is made of it.

use std::path::Path;
use std::sync::Arc;

use minijinja::Error;
use minijinja::value::{Kwargs, Value, from_args};

use super::super::access::Answer;
use super::super::error::printable;
use super::super::params::Scope;
use super::super::{Opaque, ProjectError};
use super::refuse;
use crate::read::{self, Unfit};

const USAGE: &str =
    "say where it is by one of `env=\"NAME\"`, `file=\"path\"` and `command=[\"program\", …]`";

const COMMAND: &str = "`command` is a list of texts: the program, then its arguments";

pub(super) fn secret(scope: &Arc<Scope>, args: &[Value]) -> Result<Value, Error> {
    scope.outside.reach();
    let (options,): (Kwargs,) = from_args(args).map_err(|_| refuse(USAGE))?;
    let env: Option<&str> = options.get("env")?;
    let file: Option<&str> = options.get("file")?;
    let command: Option<Vec<Value>> = options.get("command").map_err(|_| refuse(COMMAND))?;
    options.assert_all_used().map_err(|_| refuse(USAGE))?;
    let command = command.map(|argv| words(&argv)).transpose()?;
    if scope.outside.stand_ins.are_given() {
        scope.watch.touch();
        let definition = match (env, file, &command) {
            (Some(name), None, None) => vec!["env", name],
            (None, Some(path), None) => vec!["file", path],
            (None, None, Some(argv)) => {
                std::iter::once("command").chain(argv.iter().map(String::as_str)).collect()
            }
            _ => return Err(refuse(USAGE)),
        };
        return Ok(scope.outside.stand_ins.text("secret", &definition));
    }
    match (env, file, command) {
        (Some(name), None, None) => reveal(scope, || variable(scope, name)),
        (None, Some(path), None) => reveal(scope, || {
            let path = scope.outside.files.root().join(path);
            text(&scope.read_once(&path, || read(&path))?)
        }),
        (None, None, Some(argv)) => reveal(scope, || {
            let answer =
                scope.run_once(&argv, None, &scope.asking_place()).map_err(|failure| {
                    match failure.error {
                        Some(error) => scope.raise(error),
                        None => refuse(failure.message),
                    }
                })?;
            text(&answer)
        }),
        _ => Err(refuse(USAGE)),
    }
}

/// The words of a command.
fn words(argv: &[Value]) -> Result<Vec<String>, Error> {
    let words: Option<Vec<String>> = argv.iter().map(|word| word.as_str().map(str::to_owned)).collect();
    words
        .filter(|words| words.first().is_some_and(|program| !program.is_empty()))
        .ok_or_else(|| refuse(COMMAND))
}

/// From here on everything that is computed counts as secret, whether it comes to a value or not.
fn reveal(scope: &Arc<Scope>, get: impl FnOnce() -> Result<String, Error>) -> Result<Value, Error> {
    if scope.outside.access.get().is_none() {
        return Err(scope.raise(ProjectError::Opaque(Opaque::Secret)));
    }
    scope.watch.touch();
    let text = get()?;
    if text.is_empty() {
        return Err(refuse("the secret is empty"));
    }
    scope.watch.reveal(&text);
    Ok(Value::from(text))
}

fn variable(scope: &Arc<Scope>, name: &str) -> Result<String, Error> {
    let fail = |why| refuse(format!("the environment variable `{}` is not {why}", printable(name)));
    let value = scope.outside.env.var_os(name).ok_or_else(|| fail("set"))?;
    value.to_str().map(str::to_owned).ok_or_else(|| fail("UTF-8"))
}

/// A regular file: a pipe would be empty the second time, and wait for a writer the first.
fn read(path: &Path) -> Result<Answer, Error> {
    let shown = printable(&path.to_string_lossy());
    let fail = |error: std::io::Error| refuse(format!("cannot read `{shown}`: {error}"));
    read::regular(path, read::ANSWER).map(Arc::new).map_err(|error| match Unfit::of(&error) {
        Some(Unfit::NotRegular) => refuse(format!("`{shown}` is not a regular file")),
        _ => fail(error),
    })
}

/// Without the newline at its end: files and programs have one, secrets do not.
fn text(bytes: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| refuse("the secret is not UTF-8"))?;
    Ok(text.strip_suffix('\n').unwrap_or(text).to_owned())
}
