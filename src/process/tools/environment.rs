//! Arguments that a tool takes from variables, as it takes them.

use std::ffi::{OsStr, OsString};

use super::data::ToolData;

/// What one of the variables of a tool's arguments holds.
pub(super) fn arguments(
    tool: &ToolData,
    subcommand: Option<&str>,
    lookup: &mut dyn FnMut(&str) -> Option<OsString>,
) -> Vec<OsString> {
    let mut found = Vec::new();
    for name in &tool.environment {
        let name = match (name.contains('{'), subcommand) {
            (false, _) => name.clone(),
            (true, Some(subcommand)) => {
                let last = subcommand.rsplit(' ').next().unwrap_or_default();
                let plain = |text: &str| text.replace([' ', '-'], "_");
                name.replace("{command}", &plain(subcommand)).replace("{last}", &plain(last))
            }
            (true, None) => continue,
        };
        found.extend(lookup(&name).iter().flat_map(|value| split(value)));
    }
    found
}

/// The words of a value, quoted as in a shell; what is not quoted well is one word for each blank.
fn split(value: &OsStr) -> Vec<OsString> {
    match value.to_str() {
        Some(text) => match shlex::split(text) {
            Some(words) => words.into_iter().map(OsString::from).collect(),
            None => text.split_whitespace().map(OsString::from).collect(),
        },
        None => vec![value.to_owned()],
    }
}

/// Whether a variable is meant by an entry of a tool's list.
pub(super) fn is_of(name: &str, pattern: &str) -> bool {
    let holes = || pattern.split_once("{command}").or_else(|| pattern.split_once("{last}"));
    match holes() {
        Some((before, after)) => {
            name.len() > before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
        None => name == pattern,
    }
}

/// Which of an environment's variables hold a tool's arguments or decide what it works on.
pub(super) fn named<'a>(tool: &ToolData, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let lists = || tool.overrides.iter().chain(&tool.environment);
    names.filter(|name| lists().any(|pattern| is_of(name, pattern))).map(str::to_owned).collect()
}
