//! Which version a tool is: how to ask it, and how to read its answer.
//!
//! Asking must reach no network: terraform is told not to look for news of itself, kubectl not to ask
//! its cluster.

use std::ffi::OsStr;

use semver::Version;
use serde_json::Value;

use super::data::{self, VersionWay};
use super::tool_name;

/// What is set for the question, beside the command's own environment.
pub const QUESTION_ENV: [(&str, &str); 1] = [("CHECKPOINT_DISABLE", "1")];

/// Where a tool is asked by who only looks: nothing there is anybody's settings.
pub const NEUTRAL: &str = "/";

/// The arguments with which a tool tells its version.
pub fn question(program: &OsStr) -> Vec<&'static str> {
    match way(program) {
        Some(way) => way.ask.iter().map(String::as_str).collect(),
        None => vec!["--version"],
    }
}

fn way(program: &OsStr) -> Option<&'static VersionWay> {
    tool_name(program).and_then(data::known)?.version.as_ref()
}

/// Reads a tool's answer; none if it holds no version.
///
/// ```
/// use lockstep::process::tools::version::answer;
/// let said = b"ansible-playbook [core 2.16.3]\n  python version = 3.11.2\n";
/// assert_eq!(answer("ansible-playbook".as_ref(), said, b""), Some("2.16.3".parse().unwrap()));
/// ```
pub fn answer(program: &OsStr, stdout: &[u8], stderr: &[u8]) -> Option<Version> {
    let path = way(program).map_or(&[][..], |way| &way.at);
    if !path.is_empty()
        && let Ok(json) = serde_json::from_slice::<Value>(stdout)
    {
        let told = path.iter().try_fold(&json, |value, key| value.get(key))?;
        return first_version(told.as_str()?);
    }
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    first_version(&text(stdout)).or_else(|| first_version(&text(stderr)))
}

/// The first version in a text: two or three numbers with dots between, and what semver lets follow.
pub fn first_version(text: &str) -> Option<Version> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    text.split(|c: char| !is_part(c)).find_map(version)
}

/// `1.8.0`, `v1.29.3-eks-a1`, `3.11`, `git-2.39.2`.
fn version(word: &str) -> Option<Version> {
    let starts = word.char_indices().filter(|(at, c)| {
        let before = word[..*at].chars().next_back();
        // A `v` alone may stand before the number, or a name with a dash.
        c.is_ascii_digit() && matches!(before, None | Some('v' | 'V' | '-' | '_'))
    });
    starts.map(|(at, _)| &word[at..]).find_map(|text| {
        let text = text.trim_end_matches(['.', '-', '+', '_']).replace('_', "-");
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        match numbers.split('.').count() {
            2 => Version::parse(&format!("{numbers}.0{rest}")).ok(),
            3 => Version::parse(&text).or_else(|_| Version::parse(numbers)).ok(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(program: &str, stdout: &str) -> Option<String> {
        answer(program.as_ref(), stdout.as_bytes(), b"").map(|version| version.to_string())
    }

    #[test]
    fn known_tools_are_understood() {
        let terraform = r#"{"terraform_version": "1.5.7", "platform": "linux_amd64", "provider_selections": {"x": "9.9.9"}}"#;
        let kubectl = r#"{"clientVersion": {"major": "1", "gitVersion": "v1.29.3-eks-a1b2"}, "kustomizeVersion": "v5.0.4"}"#;
        for (program, said, expected) in [
            ("tofu", terraform, Some("1.5.7")),
            ("/opt/terraform", "Terraform v0.12.31\n+ provider.aws v3.0.0\n", Some("0.12.31")),
            ("terraform", "{}", None),
            ("kubectl", kubectl, Some("1.29.3-eks-a1b2")),
            ("helm", "v3.14.0", Some("3.14.0")),
            ("ansible", "ansible [core 2.16.3]\n  config file = None\n", Some("2.16.3")),
            ("ansible", "ansible 2.9.27\n", Some("2.9.27")),
            ("git", "git version 2.39.2\n", Some("2.39.2")),
            ("bash", "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\n", Some("5.2.15")),
            ("python3", "Python 3.11.2\n", Some("3.11.2")),
            ("go", "go version go1.22.1 linux/amd64", None),
            ("less", "less 590 (GNU regular expressions)\n", None),
            ("x", "x 2.4", Some("2.4.0")),
            ("x", "x-1.2.3-rc1, built 2024-01-05", Some("1.2.3-rc1")),
            ("x", "", None),
        ] {
            assert_eq!(told(program, said).as_deref(), expected, "{program}: {said}");
        }
        assert_eq!(answer("java".as_ref(), b"", b"openjdk 17.0.9\n"), Some(Version::new(17, 0, 9)));
    }

    #[test]
    fn the_questions_reach_no_cluster() {
        assert!(question("kubectl".as_ref()).contains(&"--client"));
        assert_eq!(question("/usr/bin/tofu".as_ref()), ["version", "-json"]);
        assert_eq!(question("ansible-playbook".as_ref()), ["--version"]);
    }

    proptest! {
        #[test]
        fn a_version_among_words_is_found(major in 0_u64..99, minor in 0_u64..99, patch in 0_u64..99, before in "[a-z ]{0,9}") {
            let text = format!("{before} v{major}.{minor}.{patch} more");
            prop_assert_eq!(first_version(&text), Some(Version::new(major, minor, patch)));
        }

        #[test]
        fn no_answer_is_too_odd(text in "\\PC{0,40}") {
            let _ = first_version(&text);
        }
    }
}
