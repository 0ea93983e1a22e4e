//! The functions and values that expressions and templates have beside their parameters: one
//! registry, from which they are looked up and the documentation is made.
//!
//! A parameter of the same name comes first. Arguments are checked before a function sees them, so
//! that none is undefined; no message holds an argument's value.

mod cidr;
pub(super) mod decode;
mod files;
pub(super) mod git;
mod secret;
mod variable;

use std::sync::Arc;

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};

use super::params::{Scope, UNTOLD};
use super::{data, output_names, output_values, strict};

/// Something that expressions can use by its name.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it gives.
    pub summary: &'static str,
    /// An expression and what that gives, where it needs nothing from outside.
    pub example: Option<(&'static str, &'static str)>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Call(fn(&Arc<Scope>, &[Value]) -> Result<Value, Error>),
    /// A table that is there or not.
    Table(fn(&Arc<Scope>) -> Option<Value>),
}

/// All of them, in the order in which they are documented.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "env",
        usage: "env(\"NAME\", default)",
        summary: "the environment variable, as text; the default if it is not set or empty, and without a \
                  default an error. What is set counts as an override from outside the repository.",
        example: None,
        kind: Kind::Call(variable::env),
    },
    Function {
        name: "file",
        usage: "file(\"path\")",
        summary: "the text of a file of the project, the path seen from its root. No link is followed.",
        example: None,
        kind: Kind::Call(files::file),
    },
    Function {
        name: "filebase64",
        usage: "filebase64(\"path\")",
        summary: "the bytes of a file of the project in base64.",
        example: None,
        kind: Kind::Call(files::filebase64),
    },
    Function {
        name: "fileexists",
        usage: "fileexists(\"path\")",
        summary: "whether the project has such a file.",
        example: None,
        kind: Kind::Call(files::fileexists),
    },
    Function {
        name: "secret",
        usage: "secret(env=\"NAME\"), secret(file=\"path\"), secret(command=[\"pass\", \"show\", \"db\"])",
        summary: "a secret as text, without the newline at its end. Everything made of it is sensitive.",
        example: None,
        kind: Kind::Call(secret::secret),
    },
    Function {
        name: "data",
        usage: "data.NAME",
        summary: "what the command `[data.NAME]` printed as JSON.",
        example: None,
        kind: Kind::Table(data::table),
    },
    Function {
        name: output_names::WORD,
        usage: "outputs.MODULE.KEY, outputs[\"MODULE/PROFILE\"].KEY",
        summary: "an output of another unit, of the same profile or of the one that is named; in parameters \
                  only.",
        example: None,
        kind: Kind::Table(output_values::elsewhere),
    },
    Function {
        name: "git",
        usage: "git.commit, git.branch",
        summary: "the commit that is checked out, and its branch; of a detached HEAD the branch that `--branch` or the CI service names.",
        example: None,
        kind: Kind::Table(git::table),
    },
    Function {
        name: "cidrsubnet",
        usage: "cidrsubnet(block, bits, number)",
        summary: "the subnet of that number, with a prefix that is longer by so many bits.",
        example: Some(("cidrsubnet('10.0.0.0/16', 8, 2)", "10.0.2.0/24")),
        kind: Kind::Call(cidr::cidrsubnet),
    },
    Function {
        name: "cidrsubnets",
        usage: "cidrsubnets(block, bits, ...)",
        summary: "a list of subnets one after the other, each with a prefix that is longer by so many bits.",
        example: Some(("cidrsubnets('10.0.0.0/16', 8, 4) | join(' ')", "10.0.0.0/24 10.0.16.0/20")),
        kind: Kind::Call(cidr::cidrsubnets),
    },
    Function {
        name: "cidrhost",
        usage: "cidrhost(block, number)",
        summary: "the address of that number; below zero counted from the end.",
        example: Some(("cidrhost('10.0.2.0/24', 5)", "10.0.2.5")),
        kind: Kind::Call(cidr::cidrhost),
    },
    Function {
        name: "cidrnetmask",
        usage: "cidrnetmask(block)",
        summary: "the mask of an IPv4 block.",
        example: Some(("cidrnetmask('10.0.0.0/12')", "255.240.0.0")),
        kind: Kind::Call(cidr::cidrnetmask),
    },
];

/// What a name stands for that is no parameter.
pub(super) fn value(scope: &Arc<Scope>, name: &str) -> Option<Value> {
    let function = FUNCTIONS.iter().find(|function| function.name == name)?;
    match function.kind {
        Kind::Table(table) => table(scope),
        Kind::Call(call) => {
            let scope = Arc::clone(scope);
            Some(strict::function(move |args| {
                call(&scope, args).map_err(|error| {
                    let error = named(function.name, &error);
                    // Names of files and variables are told, and may be made of a secret.
                    if scope.watch.is_revealed(error.detail().unwrap_or_default()) {
                        return named(function.name, &refuse(UNTOLD));
                    }
                    error
                })
            }))
        }
    }
}

/// The engine's own complaints about arguments do not say whose they are.
pub(super) fn named(name: &str, error: &Error) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("`{name}`: {}", strict::describe(error)))
}

pub(super) fn refuse(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::project::tests::Sample;

    /// An expression as text, in a project without parameters.
    pub(in super::super) fn eval(expression: &str) -> Result<String, String> {
        static PARAMS: std::sync::OnceLock<crate::project::Params> = std::sync::OnceLock::new();
        let params = PARAMS.get_or_init(|| {
            let sample = Sample::new(&[("modules/alpha/x", ""), ("profiles/dev.toml", "")]);
            sample.params("alpha/dev", &[]).unwrap()
        });
        let place = crate::project::Place::whole("test");
        params.expand(&format!("{{{{ {expression} }}}}"), &place).map_err(|error| error.to_string())
    }

    #[test]
    fn examples_give_what_they_say() {
        for (expression, result) in FUNCTIONS.iter().filter_map(|function| function.example) {
            assert_eq!(eval(expression), Ok(result.to_owned()), "{expression}");
        }
    }

    #[test]
    fn every_function_refuses_what_is_undefined_and_arguments_too_many() {
        for function in FUNCTIONS.iter().filter(|function| matches!(function.kind, Kind::Call(_))) {
            let name = function.name;
            for call in ["(nope)", "([nope])", "(x=nope)"] {
                let error = eval(&format!("{name}{call}")).unwrap_err();
                assert!(error.contains("undefined"), "{name}{call}: {error}");
            }
            let error = eval(&format!("{name}('x', 1, 2, 3, y=4)")).unwrap_err();
            assert!(error.contains(&format!("`{name}`: ")), "{error}");
            let error = eval(&format!("{name}()")).unwrap_err();
            assert!(error.contains(&format!("`{name}`: ")), "{error}");
            assert!(eval(name).is_err(), "a function is no value that could be printed");
        }
    }

    #[test]
    fn parameters_come_before_functions_of_the_same_name() {
        let sample = Sample::new(&[
            ("modules/alpha/x", ""),
            ("profiles/dev.toml", "[params]\nenv = \"dev\"\ngit = { a = 1 }\nx = \"{{ env }}{{ git.a }}\"\n"),
        ]);
        assert_eq!(sample.params("alpha/dev", &[]).unwrap().to_json().unwrap()["x"], "dev1");
    }
}
