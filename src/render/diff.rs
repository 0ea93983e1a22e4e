//! The difference that a build would make, as git writes differences: `git apply` and every viewer
//! of patches reads it. For a terminal it has colours, and what would act on the terminal is escaped.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::preview::{FileChange, FileState};

/// How a difference is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiffStyle {
    /// With colours.
    pub color: bool,
    /// For a terminal: control characters are escaped.
    pub escape: bool,
}

/// One file's difference; `directory` is the unit's directory as it is to be named.
pub fn unified(change: &FileChange, directory: &str, style: DiffStyle) -> String {
    let path = format!("{directory}/{}", change.path.escape_debug());
    let mut out = Painter { text: String::new(), style };
    out.header(&format!("diff --git a/{path} b/{path}"));
    match (&change.before, &change.after) {
        (None, Some(after)) => out.header(&format!("new file mode 100{:o}", after.mode)),
        (Some(before), None) => out.header(&format!("deleted file mode 100{:o}", before.mode)),
        (Some(before), Some(after)) if before.mode != after.mode => {
            out.header(&format!("old mode 100{:o}", before.mode));
            out.header(&format!("new mode 100{:o}", after.mode));
        }
        _ => {}
    }
    let bytes = |state: &Option<FileState>| state.as_ref().map_or(Vec::new(), |state| state.bytes.clone());
    let (before, after) = (bytes(&change.before), bytes(&change.after));
    if before == after {
        return out.text;
    }
    let side = |state: &Option<FileState>, side: &str| match state {
        Some(_) => format!("{side}/{path}"),
        None => "/dev/null".to_owned(),
    };
    let (old, new) = (side(&change.before, "a"), side(&change.after, "b"));
    let secret = |state: &Option<FileState>| state.as_ref().is_some_and(|state| state.sensitive);
    if secret(&change.before) || secret(&change.after) {
        // Also what was a secret before this change must not be shown, and its value is not known.
        out.header(&format!("Files {old} and {new} with sensitive parameters differ"));
        return out.text;
    }
    match (text(&before), text(&after)) {
        (Some(before), Some(after)) => {
            out.header(&format!("--- {old}"));
            out.header(&format!("+++ {new}"));
            out.hunks(before, after);
        }
        _ => out.header(&format!("Binary files {old} and {new} differ")),
    }
    out.text
}

/// The bytes as text, if they are any.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

struct Painter {
    text: String,
    style: DiffStyle,
}

impl Painter {
    fn header(&mut self, line: &str) {
        self.line("1", line);
    }

    fn line(&mut self, color: &str, line: &str) {
        // Writing to a string cannot fail.
        let _ = if self.style.color && !color.is_empty() {
            writeln!(self.text, "\x1b[{color}m{line}\x1b[0m")
        } else {
            writeln!(self.text, "{line}")
        };
    }

    fn hunks(&mut self, before: &str, after: &str) {
        let diff = TextDiff::from_lines(before, after);
        for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
            self.line("36", &hunk.header().to_string());
            for change in hunk.iter_changes() {
                let (sign, color) = match change.tag() {
                    ChangeTag::Equal => (' ', ""),
                    ChangeTag::Delete => ('-', "31"),
                    ChangeTag::Insert => ('+', "32"),
                };
                let value: &str = change.value();
                let value = value.strip_suffix('\n').unwrap_or(value);
                let shown = if self.style.escape { escaped(value) } else { value.to_owned() };
                self.line(color, &format!("{sign}{shown}"));
                if change.missing_newline() {
                    self.line("", "\\ No newline at end of file");
                }
            }
        }
    }
}

fn escaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\t' => out.push('\t'),
            c => crate::text::push(&mut out, c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: Option<&str>, after: Option<&str>) -> FileChange {
        let state = |text: Option<&str>| {
            text.map(|text| FileState { bytes: text.as_bytes().to_vec(), mode: 0o644, sensitive: false })
        };
        FileChange {
            path: "a.tf".into(),
            before: state(before),
            after: state(after),
            edited: false,
            foreign: false,
            newer: false,
        }
    }

    #[test]
    fn new_removed_changed_and_binary_files_are_told_apart() {
        let show = |before, after| unified(&change(before, after), "d", DiffStyle::default());
        assert_eq!(
            show(Some("a\nb\n"), Some("a\nc")),
            "diff --git a/d/a.tf b/d/a.tf\n--- a/d/a.tf\n+++ b/d/a.tf\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n"
        );
        assert_eq!(
            show(None, Some("x\n")),
            "diff --git a/d/a.tf b/d/a.tf\nnew file mode 100644\n--- /dev/null\n+++ b/d/a.tf\n@@ -0,0 +1 @@\n+x\n"
        );
        assert!(show(Some("x\n"), None).contains("deleted file mode 100644\n--- a/d/a.tf\n+++ /dev/null\n"));
        let binary = show(Some("\0"), Some("x"));
        assert!(binary.ends_with("Binary files a/d/a.tf and b/d/a.tf differ\n"), "{binary}");
        let mut mode = change(Some("x"), Some("x"));
        mode.after.as_mut().unwrap().mode = 0o755;
        assert_eq!(
            unified(&mode, "d", DiffStyle::default()),
            "diff --git a/d/a.tf b/d/a.tf\nold mode 100644\nnew mode 100755\n"
        );
    }

    #[test]
    fn a_terminal_gets_colours_and_nothing_that_acts_on_it() {
        let style = DiffStyle { color: true, escape: true };
        let shown = unified(&change(None, Some("\u{1b}[2Jx\ty\n")), "d", style);
        assert!(shown.contains("\x1b[32m+\\u{1b}[2Jx\ty\x1b[0m\n"), "{shown:?}");
    }
}
