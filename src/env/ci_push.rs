//! The push that the present CI run is for, as the service tells it: what the branch was before it.
//!
//! A claim like every variable: whoever uses it must look whether the commits are in the repository.

use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use super::{Environment, ci::short};

/// A push to a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiPush {
    /// The branch, by its short name.
    pub branch: String,
    /// The commit that it pointed to, in hexadecimal digits; none for a new branch.
    pub before: Option<String>,
    /// The commit that it points to now.
    pub after: String,
    /// The repository's default branch, where that is told.
    pub default_branch: Option<String>,
}

/// No event is larger; GitHub's own bound is 25 MB.
const LARGEST: u64 = 32 << 20;

/// What matters of the payload of GitHub's event.
#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "ref")]
    name: String,
    before: String,
    after: String,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    default_branch: Option<String>,
}

/// The push to a branch that the present CI run is for; none for everything else that starts a run, and where the
/// service does not tell.
pub fn ci_push(env: &Environment) -> Option<CiPush> {
    if env.var("GITHUB_ACTIONS").is_some() {
        if env.var("GITHUB_EVENT_NAME") != Some("push") {
            return None;
        }
        return github(&payload(Path::new(env.var("GITHUB_EVENT_PATH")?))?);
    }
    if env.var("GITLAB_CI").is_some() && env.var("CI_PIPELINE_SOURCE") == Some("push") {
        let default = env.var("CI_DEFAULT_BRANCH").map(str::to_owned);
        let branch = env.var("CI_COMMIT_BRANCH")?.to_owned();
        return push(branch, env.var("CI_COMMIT_BEFORE_SHA")?, env.var("CI_COMMIT_SHA")?, default);
    }
    None
}

/// The text of the event, if it is a regular file of a sane size.
fn payload(path: &Path) -> Option<Vec<u8>> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    std::fs::File::open(path).ok()?.take(LARGEST + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= LARGEST).then_some(text)
}

fn github(text: &[u8]) -> Option<CiPush> {
    let payload: Payload = serde_json::from_slice(text).ok()?;
    let branch = short(payload.name.strip_prefix("refs/heads/")?)?;
    let default = payload.repository.and_then(|repository| repository.default_branch);
    push(branch, &payload.before, &payload.after, default)
}

fn push(branch: String, before: &str, after: &str, default_branch: Option<String>) -> Option<CiPush> {
    let is_name = |text: &str| {
        matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !is_name(before) || !is_name(after) {
        return None;
    }
    let before = before.bytes().any(|b| b != b'0').then(|| before.to_owned());
    Some(CiPush { branch, before, after: after.to_owned(), default_branch })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1111111111111111111111111111111111111111";
    const NEW: &str = "2222222222222222222222222222222222222222";
    const NONE: &str = "0000000000000000000000000000000000000000";

    fn event(name: &str, before: &str) -> String {
        format!(
            r#"{{"ref":"{name}","before":"{before}","after":"{NEW}","forced":true,"repository":{{"default_branch":"trunk","id":1}}}}"#
        )
    }

    #[test]
    fn githubs_event_names_the_commit_before() {
        let push = github(event("refs/heads/a/b", OLD).as_bytes()).unwrap();
        assert_eq!((push.branch.as_str(), push.before.as_deref()), ("a/b", Some(OLD)));
        assert_eq!((push.after.as_str(), push.default_branch.as_deref()), (NEW, Some("trunk")));
        assert_eq!(github(event("refs/heads/new", NONE).as_bytes()).unwrap().before, None);
        for odd in [
            event("refs/tags/v1", OLD),
            event("refs/heads/x", "HEAD^"),
            event("refs/heads/x", "--upload-pack=x"),
            event("refs/heads/x", &OLD[1..]),
            "[]".into(),
            String::new(),
        ] {
            assert_eq!(github(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn the_event_is_read_only_for_a_push_and_only_from_a_file_of_a_sane_size() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("event.json");
        std::fs::write(&file, event("refs/heads/main", OLD)).unwrap();
        let ask = |name: &str, path: &Path| {
            let vars = [("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", name)];
            let path = ("GITHUB_EVENT_PATH", path.to_str().unwrap());
            ci_push(&Environment::new("/", vars.into_iter().chain([path])))
        };
        assert!(ask("push", &file).is_some());
        assert_eq!(ask("workflow_dispatch", &file), None);
        assert_eq!(ask("push", Path::new("/dev/zero")), None);
        assert_eq!(ask("push", Path::new("/nowhere")), None);
        std::fs::File::options().write(true).open(&file).unwrap().set_len(LARGEST + 1).unwrap();
        assert_eq!(ask("push", &file), None);
    }

    #[test]
    fn gitlabs_variables_name_the_commit_before() {
        let vars = [
            ("GITLAB_CI", "true"),
            ("CI_PIPELINE_SOURCE", "push"),
            ("CI_COMMIT_BRANCH", "main"),
            ("CI_COMMIT_BEFORE_SHA", OLD),
            ("CI_COMMIT_SHA", NEW),
        ];
        assert_eq!(ci_push(&Environment::new("/", vars)).unwrap().before.as_deref(), Some(OLD));
        // A schedule, a tag: not a push to a branch.
        assert_eq!(ci_push(&Environment::new("/", [vars[0], vars[2], vars[3], vars[4]])), None);
        assert_eq!(ci_push(&Environment::new("/", [vars[0], vars[1], vars[3], vars[4]])), None);
    }
}
