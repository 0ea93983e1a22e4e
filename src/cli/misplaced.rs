//! Options that stand before a subcommand and were typed behind it: what the line should have been.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

use super::args;

/// Where the option belongs that clap does not know there; none if it is no option of ours. Takes
/// clap's own advice away, which would make a value of it.
pub(super) fn hint(error: &mut clap::Error, argv: &[OsString]) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return None };
    let command = args::command();
    let is_it = |arg: &&clap::Arg| {
        let short = arg.get_short().map(|short| format!("-{short}"));
        let long = arg.get_long().map(|long| format!("--{long}"));
        // Those of pipelines have a heading.
        arg.get_help_heading().is_none() && [short, long].contains(&Some(option.clone()))
    };
    let arg = command.get_arguments().find(is_it)?;
    let takes = if arg.get_action().takes_values() { arg.get_value_names() } else { None };
    let value = takes.and_then(|names| names.first()).map(|name| format!(" {name}")).unwrap_or_default();
    let words = argv.iter().skip(1).filter_map(|word| word.to_str());
    let sub = words.into_iter().find(|word| command.find_subcommand(word).is_some())?;
    let hint = format!("`{option}` stands before the subcommand: lockstep {option}{value} {sub} …");
    error.remove(ContextKind::Suggested);
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> (Option<String>, String) {
        let argv: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let mut error = args::read(&argv).unwrap_err();
        let hint = hint(&mut error, &argv);
        (hint, error.to_string())
    }

    #[test]
    fn an_option_behind_a_subcommand_is_told_its_place() {
        for (line, better) in [
            ("lockstep list -q", "lockstep -q list …"),
            ("lockstep why alpha/prod --quiet", "lockstep --quiet why …"),
            ("lockstep locks show a/b -v", "lockstep -v locks …"),
            ("lockstep doctor -C /tmp", "lockstep -C DIR doctor …"),
            ("lockstep list --color=never", "lockstep --color WHEN list …"),
        ] {
            let (hint, text) = said(line);
            assert!(hint.as_ref().is_some_and(|hint| hint.ends_with(better)), "{line}: {hint:?}");
            assert!(!text.contains("as a value"), "{text}");
        }
    }

    #[test]
    fn other_unknown_options_are_left_as_they_are() {
        for line in ["lockstep list --nope", "lockstep list --wait", "lockstep --nope build", "lockstep why"]
        {
            assert_eq!(said(line).0, None, "{line}");
        }
    }
}
