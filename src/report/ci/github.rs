//! GitHub's workflow commands: lines of the log that begin with `::`.
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use crate::text::for_log;

/// Begins a part of the log that can be folded.
pub(super) fn open_group(title: &str) -> String {
    format!("::group::{}\n", data(title))
}

/// Ends it.
pub(super) fn close_group() -> String {
    "::endgroup::\n".to_owned()
}

/// An error that is shown at the job, and at a file's line where there is one.
pub(super) fn annotation(title: &str, message: &str, place: Option<(&str, usize)>) -> String {
    let mut properties = format!("title={}", property(title));
    if let Some((file, line)) = place {
        properties.push_str(&format!(",file={},line={line}", property(file)));
    }
    format!("::error {properties}::{}\n", data(message))
}

fn data(text: &str) -> String {
    for_log(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_is_named() {
        let line = annotation("lockstep: alpha/prod", "50% of it\nis wrong", Some(("profiles/a,b.toml", 3)));
        let expected =
            "::error title=lockstep%3A alpha/prod,file=profiles/a%2Cb.toml,line=3::50%25 of it%0Ais wrong\n";
        assert_eq!(line, expected);
    }

    proptest! {
        /// Whatever a text holds, it makes one line and no second command.
        #[test]
        fn a_text_stays_within_its_command(title: String, message: String) {
            for line in [annotation(&title, &message, Some((&title, 1))), open_group(&title)] {
                prop_assert_eq!(line.matches('\n').count(), 1);
                prop_assert!(!line.contains('\r'));
            }
            let head = annotation(&title, "", None);
            prop_assert_eq!(head.matches(',').count(), 0);
        }
    }
}
