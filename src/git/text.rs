//! What git and remotes say, made fit for people: no control characters, no credentials, bounded.

use crate::text;

/// At most so many characters of a message are kept.
const LONGEST: usize = 1000;

/// At most so many lines are kept of what a hook and a server say.
const MOST: usize = 60;

/// Lines that say nothing beyond the line before them.
const IDLE: [&str; 3] = [
    "Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
];

/// git's standard error as one line of text.
pub(super) fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<&str> = text
        .lines()
        // A progress line overwrites itself; only what it ended with counts.
        .filter_map(|line| line.rsplit('\r').find(|part| !part.trim().is_empty()))
        .map(str::trim)
        .filter(|line| !line.starts_with("hint:"))
        .map(|line| line.strip_prefix("fatal: ").or_else(|| line.strip_prefix("error: ")).unwrap_or(line))
        .collect();
    if lines.iter().any(|line| !IDLE.contains(line)) {
        lines.retain(|line| !IDLE.contains(line));
    }
    if lines.is_empty() {
        return "git gave no reason".to_owned();
    }
    bounded(&without_credentials(&lines.join("; ")))
}

/// What the user's hook and the server said to a push that went well, as git shows it: at most
/// [`MOST`] lines.
pub(super) fn lines(stderr: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stderr);
    let shown = |line: &str| bounded(&without_credentials(line.trim_end()));
    // A progress line overwrites itself; only what it ended with counts.
    let last = |line: &str| shown(line.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or(""));
    let mut lines: Vec<String> = text.lines().map(last).collect();
    let empty = |line: &String| line.is_empty() || line == "remote:";
    while lines.last().is_some_and(empty) {
        lines.pop();
    }
    let first = lines.iter().position(|line| !empty(line)).unwrap_or(0);
    lines.drain(..first);
    if lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("and {more} more lines"));
    }
    lines
}

/// A text on one line, cut at a bound.
pub(super) fn bounded(text: &str) -> String {
    text::short(text, LONGEST)
}

/// A remote and names of refs as arguments of git, to be pasted: none of them is an option.
pub(crate) fn arguments<'a>(remote: &'a str, refs: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = std::iter::once(remote).chain(refs).collect();
    let dashes = if words.iter().any(|word| word.starts_with('-')) { "-- " } else { "" };
    let words: Vec<String> = words.into_iter().map(text::shell_shown).collect();
    format!("{dashes}{}", words.join(" "))
}

/// Removes `user:password@` from every URL in a text, and what its query says: it may be a token.
pub(super) fn without_credentials(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c == '/' || c == '?' || c == '#' || c.is_whitespace() || matches!(c, '\'' | '"'))
            .unwrap_or(after.len());
        let host = after[..end].rfind('@').map_or(0, |at| at + 1);
        out.push_str(&after[host..end]);
        let (path, others) = after[end..].split_at(
            after[end..]
                .find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"'))
                .unwrap_or(after.len() - end),
        );
        match path.split_once('?') {
            Some((path, query)) if !query.is_empty() => {
                out.push_str(path);
                out.push_str("?…");
            }
            _ => out.push_str(path),
        }
        rest = others;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_what_matters() {
        let said = b"fatal: 'x' does not appear to be a git repository\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n";
        assert_eq!(clean(said), "'x' does not appear to be a git repository");
        assert_eq!(
            clean(b"fatal: Could not read from remote repository."),
            "Could not read from remote repository."
        );
        assert_eq!(clean(b""), "git gave no reason");
        assert_eq!(
            clean(b"Counting: 1%\rCounting: 2%\nremote: \x1b[31mno\n"),
            "Counting: 2%; remote: \\u{1b}[31mno"
        );
    }

    #[test]
    fn what_a_server_says_is_shown_line_by_line() {
        let said = b"\nremote: \nremote: To create a merge request, visit:\nremote:   https://h/x \x1b[31m\nremote: \n";
        let shown = ["remote: To create a merge request, visit:", "remote:   https://h/x \\u{1b}[31m"];
        assert_eq!(lines(said), shown);
        assert_eq!(lines(b""), [""; 0]);
        let many = lines("x\n".repeat(100).as_bytes());
        assert_eq!((many.len(), many[MOST].as_str()), (MOST + 1, "and 40 more lines"));
    }

    #[test]
    fn hides_credentials() {
        let text = "unable to access 'https://me:s3cret@host/x.git/': 403, ssh://git@h/x";
        assert_eq!(without_credentials(text), "unable to access 'https://host/x.git/': 403, ssh://h/x");
        assert_eq!(without_credentials("https://a:b@c@host"), "https://host");
        let text = "to 'https://h/x.git?private_token=s3cret&x=/': 403, https://h?t=s3cret https://h/x?";
        assert_eq!(without_credentials(text), "to 'https://h/x.git?…': 403, https://h?… https://h/x?");
    }

    #[test]
    fn no_argument_is_an_option() {
        assert_eq!(arguments("origin", ["main"]), "origin main");
        assert_eq!(arguments("origin", ["-f"]), "-- origin -f");
        assert_eq!(arguments("-x", ["a;b"]), "-- -x 'a;b'");
    }

    proptest! {
        #[test]
        fn nothing_reaches_the_terminal(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(clean(&bytes).chars().all(text::is_harmless));
            prop_assert!(clean(&bytes).len() <= LONGEST * 10);
        }

        #[test]
        fn a_password_never_stays(user in "[a-z]{1,8}", password in "[A-Z0-9@:]{6,20}", tail in "[ -~]{0,30}") {
            let text = without_credentials(&format!("x https://{user}:{password}@host/{tail}"));
            prop_assert!(text.starts_with("x https://host/"), "{}", text);
        }
    }
}
