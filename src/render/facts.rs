//! What expressions can ask of the repository (`git.commit`, `git.branch`).

use std::sync::Arc;

use crate::env::{Environment, ci_branch};
use crate::git::{GitError, Repo};
use crate::project::{GitFacts, GitSource};

/// Reads the facts of a repository when an expression asks for them. In a detached HEAD the branch
/// is the one that the user names (`--branch`), else the one that a CI service does.
pub fn git_facts(
    env: &Environment,
    branch: Option<&str>,
    repo: impl Fn() -> Result<Option<Repo>, GitError> + Send + Sync + 'static,
) -> GitSource {
    let named = branch.map(str::to_owned).or_else(|| ci_branch(env));
    let read = move || {
        let Some(repo) = repo()? else { return Ok(None) };
        let head = repo.head()?;
        let commit = head.oid.map(|oid| oid.to_string());
        Ok(Some(GitFacts { commit, branch: head.branch.or_else(|| named.clone()) }))
    };
    Arc::new(move || read().map_err(|error: GitError| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::World;

    fn facts(repo: Option<Repo>, branch: Option<&str>, vars: &[(&str, &str)]) -> Option<GitFacts> {
        let env = Environment::new("/", vars.iter().copied());
        git_facts(&env, branch, move || Ok(repo.clone()))().unwrap()
    }

    #[test]
    fn a_detached_head_is_on_the_branch_that_ci_names() {
        let (world, repo) = World::new();
        let ci = [("GITHUB_ACTIONS", "true"), ("GITHUB_REF", "refs/heads/release")];
        let at = |branch: &str| {
            let commit = world.oid(repo.work_dir(), "HEAD").to_string();
            Some(GitFacts { commit: Some(commit), branch: Some(branch.to_owned()) })
        };
        assert_eq!(facts(Some(repo.clone()), Some("x"), &ci), at("main"), "what is checked out comes first");
        world.git(repo.work_dir(), &["checkout", "-q", "--detach"]);
        assert_eq!(facts(Some(repo.clone()), None, &ci), at("release"));
        assert_eq!(facts(Some(repo.clone()), Some("x"), &ci), at("x"), "what the user says comes next");
        assert_eq!(facts(Some(repo.clone()), None, &[]).unwrap().branch, None);
        assert_eq!(facts(None, None, &ci), None);
    }
}
