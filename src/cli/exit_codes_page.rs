//! `docs/exit-codes.md`: every exit code with what it means and what to do next, made from the one table.

use std::fmt::Write as _;

use crate::ExitCode;

/// The page, as Markdown.
pub(super) fn page() -> String {
    let mut text = String::from(HEAD);
    text.push_str(
        "| code | name | means | same again later | what next |\n| --- | --- | --- | --- | --- |\n",
    );
    for code in ExitCode::ALL {
        let again = if code.retryable() { "may succeed" } else { "" };
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {again} | {} |",
            code.code(),
            name(code),
            cell(code.meaning()),
            cell(code.advice())
        );
    }
    text.push_str(TAIL);
    text
}

/// As events and reports write it.
fn name(code: ExitCode) -> String {
    serde_json::to_value(code).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Text that cannot end a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

const HEAD: &str = "# Exit codes

Made from the program by `lockstep generate`; changes here are lost.

The tool's own code passes through unchanged, and `128+n` if signal n killed it. The codes below are for what
lockstep itself decides. A failure of ours after a tool's success replaces the code; nothing ever hides a
tool's failure.

";

const TAIL: &str = "
A tool may use these numbers, too. Where lockstep decided, a line on standard error begins with `error:` and says
what; the event `run_finished` (`--events FILE`) says the same.

What counts as a tool's success is a rule for each tool: `tofu plan -detailed-exitcode` ending with 2 and `kubectl
diff` ending with 1 are successes with changes, so the pipeline goes on and the code is still the result
(`[tools.NAME] success` changes it, see [configuration.md](configuration.md#locksteptoml)).

The messages that end with these codes: [troubleshooting.md](troubleshooting.md).
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_whole_row() {
        let page = page();
        for code in ExitCode::ALL {
            let row = page.lines().find(|line| line.starts_with(&format!("| {} | `", code.code())));
            let row = row.unwrap_or_else(|| panic!("no row for {code:?}"));
            assert_eq!(row.matches(" | ").count(), 4, "{row}");
            assert!(!row.contains("``") && !row.contains("  | |"), "{row}");
        }
    }
}
