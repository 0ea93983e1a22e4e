//! Strings of configuration in which expressions are not evaluated: one that holds `{{` is refused, for
//! nobody means the braces.
//!
//! What is evaluated, or has marks of its own, is listed here by key; everything else is literal.

use toml::de::{DeTable, DeValue};

use super::toml_file::TomlFile;
use super::{Place, ProjectError};

/// Keys of which any file may say something that is evaluated, or that is text for templates: `*` stands for
/// any name and for the items of a list, and what lies below is meant too.
const EVALUATED: &[&[&str]] = &[
    &["params"],
    &["env"],
    &["modules", "*", "params"],
    &["modules", "*", "env"],
    &["data", "*", "command"],
    &["outputs", "command"],
    &["steps"],
    &["finally"],
    &["create", "*", "run"],
    &["create", "*", "params"],
    &["delete", "*", "run"],
    &["delete", "*", "params"],
    // A schema may ask for braces.
    &["schema"],
    // Conditions, names that are templates, and globs for them; marks.
    &["build", "when"],
    &["build", "file"],
    &["build", "rename"],
    &["build", "raw"],
    &["build", "replace"],
    &["build", "exclude"],
    &["build", "directory"],
    &["build", "delimiters"],
];

impl TomlFile {
    /// Refuses an expression where none is evaluated.
    pub(super) fn refuse_expressions(&self, table: &DeTable<'_>) -> Result<(), ProjectError> {
        match self.text.contains("{{") {
            true => in_table(table, &mut Vec::new(), self),
            false => Ok(()),
        }
    }
}

fn in_table(table: &DeTable<'_>, path: &mut Vec<String>, file: &TomlFile) -> Result<(), ProjectError> {
    for (key, value) in table.iter() {
        path.push(key.get_ref().to_string());
        in_value(value.get_ref(), path, (file, value.span().start))?;
        path.pop();
    }
    Ok(())
}

fn in_value(
    value: &DeValue<'_>,
    path: &mut Vec<String>,
    (file, at): (&TomlFile, usize),
) -> Result<(), ProjectError> {
    let is_listed = |listed: &&[&str]| {
        listed.len() == path.len()
            && listed.iter().zip(path.iter()).all(|(one, key)| *one == "*" || *one == key)
    };
    if EVALUATED.iter().any(is_listed) {
        return Ok(());
    }
    match value {
        DeValue::String(text) if text.contains("{{") => Err(refused(&path.join("."), file.place(at))),
        DeValue::Table(table) => in_table(table, path, file),
        DeValue::Array(items) => {
            for item in items.iter() {
                path.push("*".to_owned());
                in_value(item.get_ref(), path, (file, item.span().start))?;
                path.pop();
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn refused(key: &str, place: Place) -> ProjectError {
    let key = key.replace(".*", "");
    let hint = "write it out; expressions are for parameters, [env], words of commands and names of files";
    let message = format!("`{}` holds an expression, and none is evaluated here", key.escape_debug());
    ProjectError::config_hint(place, message, Some(hint.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_refused_wherever_none_is_evaluated() {
        let check = |text: &str| {
            let file = TomlFile { name: "f".into(), text: text.to_owned() };
            let table = file.parse().unwrap();
            file.refuse_expressions(table.get_ref()).map_err(|error| error.to_string())
        };
        for fine in [
            "description = '{ {x} }'",
            "[params]\na.b = ['{{ x }}']",
            "[env]\nA = '{{ x }}'",
            "[modules.a.env]\nA = '{{ x }}'",
            "[[create]]\nname = 'a'\nrun = ['x:{{ y }}', ['x', '{{ y }}']]",
            "[build]\nrename = { a = '{{ x }}' }\n[[build.when]]\nif = '{{ x }}'",
            "[data.x]\ncommand = ['a', '{{ x }}']",
            "[outputs]\ncommand = ['a', '{{ x }}']",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for (refused, said) in [
            ("description = 'x {{ y }}'", "f:1: `description` holds an expression"),
            ("[lock]\nproject = '{{ y }}'", "f:2: `lock.project` holds"),
            ("[git]\napply_from = [\n'a',\n'{{ y }}']", "f:4: `git.apply_from` holds"),
            ("[exec]\ntimeout = '{{ y }}'", "f:2: `exec.timeout` holds"),
            ("[data.x]\ncommand = ['a']\ntimeout = '{{ y }}'", "f:3: `data.x.timeout` holds"),
            ("[build]\nsources = ['{{ y }}']", "f:2: `build.sources` holds"),
            ("[[create]]\nname = '{{ x }}'", "f:2: `create.name` holds"),
            ("needs = ['{{ x }}']", "f:1: `needs` holds"),
        ] {
            let error = check(refused).unwrap_err();
            assert!(error.starts_with(said), "{refused}: {error}");
        }
    }
}
