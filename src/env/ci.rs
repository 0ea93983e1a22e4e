//! What continuous-integration services tell about the branch that they checked out, and about the one
//! that it is to go into: they leave HEAD detached, so the branch's name is only in their variables.
//!
//! A name from here is a claim and nothing more: whoever uses it must compare HEAD with that
//! branch on the remote.

use super::Environment;

/// One service: the variable by which it is recognised, then where it names the branch, best first, and
/// where the target of a pull request.
struct Service {
    mark: &'static str,
    branch: &'static [&'static str],
    target: &'static [&'static str],
}

/// `GIT_BRANCH` of Jenkins is left out: it may be a remote's branch (`origin/main`) or a local one.
const SERVICES: [Service; 7] = [
    // GITHUB_REF is refs/heads/…, refs/tags/… or refs/pull/…; GITHUB_HEAD_REF is a pull request's branch.
    Service {
        mark: "GITHUB_ACTIONS",
        branch: &["GITHUB_HEAD_REF", "GITHUB_REF"],
        target: &["GITHUB_BASE_REF"],
    },
    Service {
        mark: "GITLAB_CI",
        branch: &["CI_COMMIT_BRANCH", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"],
        target: &["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"],
    },
    Service {
        mark: "BUILDKITE",
        branch: &["BUILDKITE_BRANCH"],
        target: &["BUILDKITE_PULL_REQUEST_BASE_BRANCH"],
    },
    Service { mark: "CIRCLECI", branch: &["CIRCLE_BRANCH"], target: &[] },
    Service {
        mark: "BITBUCKET_BUILD_NUMBER",
        branch: &["BITBUCKET_BRANCH"],
        target: &["BITBUCKET_PR_DESTINATION_BRANCH"],
    },
    Service { mark: "JENKINS_URL", branch: &["CHANGE_BRANCH", "BRANCH_NAME"], target: &["CHANGE_TARGET"] },
    Service {
        mark: "TF_BUILD",
        branch: &["SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH"],
        target: &["SYSTEM_PULLREQUEST_TARGETBRANCH"],
    },
];

/// The branch that the present CI run is for, by its short name; none outside of the known services
/// and for tags.
///
/// ```
/// use lockstep::env::{Environment, ci_branch};
/// let env = Environment::new("/", [("GITHUB_ACTIONS", "true"), ("GITHUB_REF", "refs/heads/main")]);
/// assert_eq!(ci_branch(&env).as_deref(), Some("main"));
/// ```
pub fn ci_branch(env: &Environment) -> Option<String> {
    let service = SERVICES.iter().find(|service| env.var(service.mark).is_some())?;
    service.branch.iter().find_map(|name| short(env.var(name)?))
}

/// The branch into which the pull request is to go that the present CI run is for, by its short name.
///
/// ```
/// use lockstep::env::{Environment, ci_target};
/// let env = Environment::new("/", [("GITHUB_ACTIONS", "true"), ("GITHUB_BASE_REF", "main")]);
/// assert_eq!(ci_target(&env).as_deref(), Some("main"));
/// ```
pub fn ci_target(env: &Environment) -> Option<String> {
    let service = SERVICES.iter().find(|service| env.var(service.mark).is_some())?;
    service.target.iter().find_map(|name| short(env.var(name)?))
}

/// Whether this is a run of a CI: of one that is known, or of one that says so in `CI`.
pub fn is_ci(env: &Environment) -> bool {
    let said = env.var("CI").is_some_and(|value| !matches!(value, "0" | "false" | "no"));
    said || SERVICES.iter().any(|service| env.var(service.mark).is_some())
}

/// A branch's short name; other refs are none.
pub(super) fn short(value: &str) -> Option<String> {
    match value.strip_prefix("refs/heads/") {
        Some(branch) => Some(branch.to_owned()),
        None => (!value.starts_with("refs/")).then(|| value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(vars: &[(&str, &str)]) -> Option<String> {
        ci_branch(&Environment::new("/", vars.iter().copied()))
    }

    #[test]
    fn each_service() {
        let main = Some("main".to_owned());
        for (mark, name, value) in [
            ("GITHUB_ACTIONS", "GITHUB_REF", "refs/heads/main"),
            ("GITHUB_ACTIONS", "GITHUB_HEAD_REF", "main"),
            ("GITLAB_CI", "CI_COMMIT_BRANCH", "main"),
            ("GITLAB_CI", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "main"),
            ("BUILDKITE", "BUILDKITE_BRANCH", "main"),
            ("CIRCLECI", "CIRCLE_BRANCH", "main"),
            ("BITBUCKET_BUILD_NUMBER", "BITBUCKET_BRANCH", "main"),
            ("JENKINS_URL", "BRANCH_NAME", "main"),
            ("TF_BUILD", "BUILD_SOURCEBRANCH", "refs/heads/main"),
        ] {
            assert_eq!(branch(&[(mark, "1"), (name, value)]), main, "{name}");
            assert_eq!(branch(&[(name, value)]), None, "{name} alone");
        }
    }

    #[test]
    fn pull_requests_and_tags() {
        let github = |vars: &[(&str, &str)]| branch(&[&[("GITHUB_ACTIONS", "true")], vars].concat());
        assert_eq!(
            github(&[("GITHUB_REF", "refs/pull/1/merge"), ("GITHUB_HEAD_REF", "fix")]),
            Some("fix".into())
        );
        assert_eq!(github(&[("GITHUB_REF", "refs/tags/v1"), ("GITHUB_HEAD_REF", "")]), None);
        assert_eq!(branch(&[("GITLAB_CI", "1"), ("CI_COMMIT_TAG", "v1")]), None);
    }
}
