//! What to type instead of words that cannot be understood.

use super::{binding, help};
use crate::workflow::ParseError;

/// Commands to copy, for words of a command line or a workflow.
pub(super) fn parse_hints(error: &ParseError) -> Vec<String> {
    match error {
        ParseError::Unknown { word, place: None, .. } if help::is_subcommand(word) => {
            vec![format!("`{word}` is a subcommand, and stands alone: lockstep {word} --help")]
        }
        ParseError::Unknown { nearest: Some(nearest), .. } => vec![format!("did you mean `{nearest}`?")],
        ParseError::Unknown { nearest: None, word, place } => {
            let subcommand = if place.is_none() { help::nearest_subcommand(word) } else { None };
            if let Some(near) = subcommand {
                return vec![format!("did you mean `lockstep {near}`?")];
            }
            vec![format!("a command ends with a colon: `{word}:`; for the steps: lockstep help steps")]
        }
        ParseError::Misplaced { better, .. } | ParseError::NoSeparator { better } => vec![better.clone()],
        ParseError::NoWords => vec!["lockstep build exec -- MODULE PROFILE PROGRAM [ARG]...".into()],
        ParseError::NoExec { .. } => vec![format!("the usual words: {}", binding::USUAL)],
        ParseError::NoUnit { .. } | ParseError::NotText { .. } => Vec::new(),
        ParseError::NoProgram { .. } => vec!["a command is PROGRAM:ARG:ARG, a colon within it `\\:`".into()],
        ParseError::Nested { .. } => vec!["write the inner workflow's steps out".into()],
    }
}
