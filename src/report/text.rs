//! Texts from events made harmless for a terminal: they may come from a remote or a file tree.

use crate::project::is_harmless;

/// A name in which line breaks are escapes: one file is one line.
pub(super) fn on_one_line(name: &str) -> String {
    name.replace('\n', "\\n").replace('\r', "\\r")
}

/// A text as a line and indented lines after it; what could move a cursor, change the direction of
/// text or hide it is shown as an escape.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.trim_end().lines().enumerate() {
        if number > 0 {
            // No line of another's may look like one of ours.
            out.push_str("\n  ");
        }
        for c in line.chars() {
            match c {
                '\t' => out.push(' '),
                c if is_harmless(c) => out.push(c),
                c => out.extend(c.escape_unicode()),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::harmless;

    #[test]
    fn what_people_write_stays() {
        assert_eq!(harmless("main.tf — \"ümlaut\" e\u{301} \\d"), "main.tf — \"ümlaut\" e\u{301} \\d");
    }

    #[test]
    fn what_fools_a_terminal_is_shown() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\u{202e}c"), "a\\u{1b}[2Jb\\u{d}\\u{202e}c");
        assert_eq!(harmless("one\ntwo\n"), "one\n  two");
    }

    proptest! {
        #[test]
        fn nothing_that_controls_comes_through(text: String) {
            let shown = harmless(&text);
            prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
            prop_assert!(shown.lines().skip(1).all(|line| line.starts_with("  ")));
        }
    }
}
