//! Whether a call may move the state that the tool keeps, which is known only afterwards: by what it has
//! written down of where the state is, and by a state in its own directory.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ToolRules;
use super::grammar::{Reading, Sure};
use super::pattern::Pattern;

/// How it is seen that the state has moved.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MoveWay {
    /// The commands that may move it.
    of: Vec<Pattern>,
    /// Options with which none does.
    unless: Vec<Pattern>,
    /// Files and directories, relative to the directory of the command. If one that holds something is not
    /// the same afterwards, the state has moved. `{VARIABLE:directory}` is the directory that a variable names.
    by: Vec<String>,
}

impl MoveWay {
    /// Whether each place can be read.
    #[cfg(test)]
    pub(super) fn is_sound(&self) -> bool {
        !self.of.is_empty() && self.by.iter().all(|place| !place.starts_with('{') || named(place).is_some())
    }
}

impl ToolRules {
    /// The files and directories by which it is seen whether a call has moved the state, relative to where it
    /// runs; none of a call that does not, or that counts as a change whatever it does. `variable` gives the
    /// command's environment.
    pub fn shows_move(&self, args: &[OsString], variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
        let Some(moves) = self.tool.moves.as_ref().filter(|_| !self.changes(args)) else { return Vec::new() };
        self.read(args, |reading, ways| {
            let ways = ways.unwrap_or_default();
            let any = |list: &[Pattern], sure| {
                ways.iter().any(|way| list.iter().any(|pattern| pattern.matches(reading, way, sure)))
            };
            if !any(&moves.of, Sure::Possibly) || any(&moves.unless, Sure::Certainly) {
                return Vec::new();
            }
            moves.by.iter().map(|place| start(reading).join(path(place, &variable))).collect()
        })
    }
}

/// The directory into which the tool is told to go first.
pub(super) fn start<'r>(reading: &'r Reading<'_>) -> &'r Path {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(reading.value("chdir").map(OsStr::from_bytes).unwrap_or_default())
}

fn path(place: &str, variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let Some((name, instead, rest)) = named(place) else { return place.into() };
    let directory = variable(name).filter(|value| !value.is_empty()).unwrap_or_else(|| instead.into());
    Path::new(&directory).join(rest)
}

/// `{VARIABLE:directory}/rest` in its parts.
fn named(place: &str) -> Option<(&str, &str, &str)> {
    let (inner, rest) = place.strip_prefix('{')?.split_once("}/")?;
    let (name, instead) = inner.split_once(':')?;
    Some((name, instead, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_init_may_move_the_state_unless_it_is_told_not_to() {
        let rules = ToolRules::of("tofu".as_ref(), None);
        let shown = |line: &str, data: Option<&str>| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            rules.shows_move(&words, |name| data.filter(|_| name == "TF_DATA_DIR").map(OsString::from))
        };
        let of = |start: &str, data: &str| {
            [data, "terraform.tfstate", "terraform.tfstate.d"].map(|place| Path::new(start).join(place))
        };
        assert_eq!(shown("init", None), of("", ".terraform/terraform.tfstate"));
        assert_eq!(shown("init -upgrade", Some("")), of("", ".terraform/terraform.tfstate"));
        assert_eq!(shown("-chdir=x init", Some("d")), of("x", "d/terraform.tfstate"));
        assert_eq!(shown("init", Some("/d")), of("", "/d/terraform.tfstate"));
        for line in ["init -reconfigure", "plan", "apply", "init -migrate-state", "get"] {
            assert!(shown(line, None).is_empty(), "{line}");
        }
    }
}
