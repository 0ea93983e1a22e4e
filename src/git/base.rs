//! The commit with which the working tree is compared: what the branch began with, as a review sees it.

use super::{Ancestry, GitError, Oid, Repo, printable};
use crate::env::{CiPush, Environment, ci_push, ci_target};

/// A commit to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The commit; none where there is nothing to compare with, so that everything is new.
    pub commit: Option<Oid>,
    /// What it is, for people: `origin/main`, `HEAD^`.
    pub name: String,
    /// What the name stands for has gone on since: the commit is where the histories part.
    pub parted: bool,
}

/// Why there is no commit to compare with.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// A word that means no commit.
    #[error("there is no commit `{word}` in this clone")]
    Unknown {
        /// The word, safe to print.
        word: String,
        /// What brings it here, where that is known.
        cure: Option<String>,
    },
    /// What the branch was before the push that CI runs for is not here.
    #[error("the push began at commit {}, which is not in this clone", .commit.short())]
    BeforePush {
        /// The commit.
        commit: Oid,
        /// The remote that may still have it, if its name can be typed as it is.
        fetch: Option<String>,
    },
    /// The histories have nothing in common.
    #[error("HEAD and `{word}` have no commit in common{}", if *.shallow { " here: this clone is shallow" } else { "" })]
    Apart {
        /// The other one, safe to print.
        word: String,
        /// History was cut off in this clone.
        shallow: bool,
    },
    /// The repository cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl BaseError {
    /// What to type next.
    pub fn cure(&self) -> Option<String> {
        match self {
            Self::Unknown { cure, .. } => Some(cure.clone().unwrap_or_else(|| "git branch --all".into())),
            Self::BeforePush { commit, fetch } => {
                let fetch = fetch.as_ref().map(|remote| format!("git fetch {remote} {commit}, or "));
                let fetch = fetch.unwrap_or_default();
                Some(format!(
                    "check out with full history (`fetch-depth: 0`, `GIT_DEPTH: 0`); after a force push: {fetch}--base REF"
                ))
            }
            Self::Apart { shallow: true, .. } => Some("git fetch --unshallow".into()),
            Self::Apart { .. } => Some("name a commit that HEAD has grown from: --base REF".into()),
            Self::Git(_) => None,
        }
    }
}

impl Repo {
    /// The commit to compare the working tree with: where HEAD's history parts from that of `word`.
    /// Without a word it is parted from, in this order: the target of the pull request that CI runs for,
    /// what the pushed branch was before the push that CI runs for, the branch's upstream, the remote's default
    /// branch, the commit before HEAD. In CI the last one counts as well if HEAD is the tip of such a
    /// branch: what was just merged is what differs.
    ///
    /// # Errors
    /// When a word means no commit, the histories have nothing in common, or git fails.
    pub fn base(&self, word: Option<&str>, env: &Environment) -> Result<Base, BaseError> {
        let head = self.head()?;
        let Some(tip) = head.oid else {
            return Ok(Base { commit: None, name: "nothing: there is no commit yet".into(), parted: false });
        };
        if let Some(word) = word {
            let unknown =
                || BaseError::Unknown { word: printable(word.as_bytes()), cure: self.fetching(word) };
            return self.parting(&tip, word, &self.revision(word)?.ok_or_else(unknown)?);
        }
        let remote = self.usual_remote(head.branch.as_deref())?;
        if let Some(target) = ci_target(env) {
            let name = format!("{}/{target}", remote.as_deref().unwrap_or("origin"));
            let unknown =
                || BaseError::Unknown { word: printable(name.as_bytes()), cure: self.fetching(&name) };
            let commit = self.revision(&format!("refs/remotes/{name}"))?.ok_or_else(unknown)?;
            return self.parting(&tip, &name, &commit);
        }
        if let Some(push) = ci_push(env)
            && let Some(base) = self.before_push(&tip, &push, remote.as_deref())?
        {
            return Ok(base);
        }
        let found = match self.tracked(head.branch.as_deref())? {
            Some(found) => Some(found),
            None => self.default_branch(remote.as_deref())?,
        };
        match found {
            Some((_, commit)) if commit == tip && env.var("CI").is_some() => self.one_before(),
            Some((name, commit)) => self.parting(&tip, &name, &commit),
            None => self.one_before(),
        }
    }

    /// What a pushed branch was before, as it was: after a force push that is no part of HEAD's history. None
    /// if what is checked out does not come from that push.
    fn before_push(&self, tip: &Oid, push: &CiPush, remote: Option<&str>) -> Result<Option<Base>, BaseError> {
        let (Ok(after), Ok(before)) =
            (Oid::new(push.after.as_str()), push.before.as_deref().map(Oid::new).transpose())
        else {
            return Ok(None);
        };
        if self.ancestry(tip, &after)? != Ancestry::Contains {
            return Ok(None);
        }
        let remote = remote.unwrap_or("origin");
        if let Some(commit) = before {
            if self.commit(&commit)?.is_none() {
                let fetch = harmless(remote).then(|| remote.to_owned());
                return Err(BaseError::BeforePush { commit, fetch });
            }
            let name = format!("{}, before the push", commit.short());
            return Ok(Some(Base { commit: Some(commit), name, parted: false }));
        }
        let default = match &push.default_branch {
            Some(branch) => {
                let name = format!("{remote}/{branch}");
                self.revision(&format!("refs/remotes/{name}"))?.map(|commit| (name, commit))
            }
            None => self.default_branch(Some(remote))?,
        };
        match default {
            Some((name, commit)) if name != format!("{remote}/{}", push.branch) => {
                self.parting(tip, &name, &commit).map(Some)
            }
            _ => {
                let name = format!("nothing: branch {} is new", printable(push.branch.as_bytes()));
                Ok(Some(Base { commit: None, name, parted: false }))
            }
        }
    }

    fn parting(&self, tip: &Oid, word: &str, commit: &Oid) -> Result<Base, BaseError> {
        let name = printable(word.as_bytes());
        match self.merge_base(tip, commit)? {
            Some(base) => Ok(Base { parted: base != *commit, commit: Some(base), name }),
            None => Err(BaseError::Apart { word: name, shallow: self.is_shallow() }),
        }
    }

    /// The first parent of HEAD.
    fn one_before(&self) -> Result<Base, BaseError> {
        let name = "HEAD^".to_owned();
        match self.revision(&name)? {
            None if self.is_shallow() => Err(BaseError::Apart { word: name, shallow: true }),
            None => {
                Ok(Base { commit: None, name: "nothing: HEAD is the first commit".into(), parted: false })
            }
            commit => Ok(Base { commit, name, parted: false }),
        }
    }

    /// The branch's upstream as it was fetched last.
    fn tracked(&self, branch: Option<&str>) -> Result<Option<(String, Oid)>, GitError> {
        let Some(branch) = branch else { return Ok(None) };
        let Some((remote, full)) = self.upstream_of(branch)? else { return Ok(None) };
        let commit = self.revision(&format!("refs/heads/{branch}@{{upstream}}"))?;
        let short = full.strip_prefix("refs/heads/").unwrap_or(&full);
        let name = if remote == "." { short.to_owned() } else { format!("{remote}/{short}") };
        Ok(commit.map(|commit| (name, commit)))
    }

    /// The short name of the branch that the others are merged into: the remote's default branch as far as
    /// this clone knows it, else the one that is checked out, be it without a commit.
    ///
    /// # Errors
    /// When git fails.
    pub fn main_branch(&self) -> Result<Option<String>, GitError> {
        let current = self.head()?.branch;
        let Some(remote) = self.usual_remote(current.as_deref())? else { return Ok(current) };
        let prefix = format!("refs/remotes/{remote}/");
        let said = self.git().ask(&["symbolic-ref", "--quiet", &format!("{prefix}HEAD")])?;
        let said = said.map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned());
        if let Some(name) = said.as_deref().and_then(|name| name.strip_prefix(&prefix)) {
            return Ok(Some(name.to_owned()));
        }
        for name in ["main", "master"] {
            if self.resolve(&format!("{prefix}{name}"))?.is_some() {
                return Ok(Some(name.to_owned()));
            }
        }
        Ok(current)
    }

    fn default_branch(&self, remote: Option<&str>) -> Result<Option<(String, Oid)>, GitError> {
        let Some(remote) = remote else { return Ok(None) };
        for name in ["HEAD", "main", "master"] {
            let name = format!("{remote}/{name}");
            if let Some(commit) = self.revision(&format!("refs/remotes/{name}"))? {
                return Ok(Some((name, commit)));
            }
        }
        Ok(None)
    }

    /// The remote of the branch's upstream, else `origin`, else the only one.
    fn usual_remote(&self, branch: Option<&str>) -> Result<Option<String>, GitError> {
        if let Some(branch) = branch
            && let Some((remote, _)) = self.upstream_of(branch)?
            && remote != "."
        {
            return Ok(Some(remote));
        }
        let remotes = self.remotes()?;
        if remotes.iter().any(|name| name == "origin") {
            return Ok(Some("origin".into()));
        }
        Ok(remotes.into_iter().next())
    }

    /// How a remote's branch is brought here, if a word looks like one.
    fn fetching(&self, word: &str) -> Option<String> {
        let (remote, branch) = word.split_once('/')?;
        let known = self.remotes().is_ok_and(|remotes| remotes.iter().any(|name| name == remote));
        (known && harmless(branch)).then(|| {
            let deep = if self.is_shallow() { "--unshallow " } else { "" };
            format!("git fetch {deep}{remote} +refs/heads/{branch}:refs/remotes/{remote}/{branch}")
        })
    }
}

/// Whether a name can be typed as it is.
fn harmless(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    name.chars().all(plain) && !name.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::super::testing::World;
    use super::*;

    fn base(world: &World, repo: &Repo, word: Option<&str>, vars: &[(&str, &str)]) -> Result<Base, String> {
        repo.base(word, &world.env(repo.work_dir(), vars)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_base_is_where_the_branch_began() {
        let (world, repo) = World::new();
        let top = repo.work_dir().to_owned();
        let fork = world.oid(&top, "HEAD");
        let plain = |name: &str, commit: &Oid| {
            Ok(Base { commit: Some(commit.clone()), name: name.into(), parted: false })
        };
        world.commit(&top, "x", "1");
        assert_eq!(base(&world, &repo, None, &[]), plain("origin/main", &fork));
        world.git(&top, &["push", "-q"]);
        world.git(&top, &["checkout", "-q", "-b", "side", &fork.to_string()]);
        world.commit(&top, "y", "1");
        world.git(&top, &["remote", "set-head", "origin", "main"]);
        let parted = Base { commit: Some(fork.clone()), name: "origin/HEAD".into(), parted: true };
        assert_eq!(base(&world, &repo, None, &[]), Ok(parted.clone()));
        let target = [("GITHUB_ACTIONS", "true"), ("GITHUB_BASE_REF", "main"), ("CI", "true")];
        assert_eq!(base(&world, &repo, None, &target), Ok(Base { name: "origin/main".into(), ..parted }));
        assert_eq!(base(&world, &repo, Some("HEAD^"), &[]), plain("HEAD^", &fork));
    }

    #[test]
    fn the_main_branch_is_the_remotes_or_the_only_one_there_is() {
        let (world, repo) = World::new();
        let top = repo.work_dir().to_owned();
        world.git(&top, &["checkout", "-q", "-b", "side"]);
        assert_eq!(repo.main_branch().unwrap().as_deref(), Some("main"));
        world.git(&top, &["push", "-q", "origin", "side:trunk"]);
        world.git(&top, &["fetch", "-q"]);
        world.git(&top, &["remote", "set-head", "origin", "trunk"]);
        assert_eq!(repo.main_branch().unwrap().as_deref(), Some("trunk"));
        world.git(&top, &["remote", "remove", "origin"]);
        world.git(&top, &["checkout", "-q", "--orphan", "unborn"]);
        let interrupts = crate::process::Interrupts::new();
        let again = Repo::discover(&top, &world.env(&top, &[]), &interrupts).unwrap().unwrap();
        assert_eq!(again.main_branch().unwrap().as_deref(), Some("unborn"));
    }

    #[test]
    fn in_ci_on_the_tip_of_the_branch_it_is_the_commit_before() {
        let (world, repo) = World::new();
        let top = repo.work_dir().to_owned();
        let first = world.oid(&top, "HEAD");
        world.commit(&top, "x", "1");
        world.git(&top, &["push", "-q"]);
        world.git(&top, &["checkout", "-q", "--detach"]);
        let ci = [("CI", "true")];
        let before = Base { commit: Some(first), name: "HEAD^".into(), parted: false };
        assert_eq!(base(&world, &repo, None, &ci), Ok(before));
        world.git(&top, &["checkout", "-q", "--orphan", "new"]);
        world.commit(&top, "x", "2");
        world.git(&top, &["remote", "remove", "origin"]);
        assert_eq!(base(&world, &repo, None, &ci).unwrap().commit, None);
    }

    #[test]
    fn on_a_push_it_is_what_the_branch_was_before() {
        let (world, repo) = World::new();
        let top = repo.work_dir().to_owned();
        let first = world.oid(&top, "HEAD");
        world.commit(&top, "x", "1");
        world.commit(&top, "y", "1");
        world.git(&top, &["push", "-q"]);
        let after = world.oid(&top, "HEAD");
        world.git(&top, &["checkout", "-q", "--detach"]);
        let ask = |branch: &str, before: &str, after: &Oid| {
            let after = after.to_string();
            let vars = [
                ("CI", "true"),
                ("GITLAB_CI", "true"),
                ("CI_PIPELINE_SOURCE", "push"),
                ("CI_COMMIT_BRANCH", branch),
                ("CI_COMMIT_BEFORE_SHA", before),
                ("CI_COMMIT_SHA", &after),
            ];
            repo.base(None, &world.env(repo.work_dir(), &vars))
        };
        let name = format!("{}, before the push", first.short());
        let before = Base { commit: Some(first.clone()), name, parted: false };
        assert_eq!(ask("main", first.as_str(), &after).unwrap(), before);
        // What is checked out does not come from that push.
        assert_eq!(ask("main", first.as_str(), &Oid::new("2".repeat(40)).unwrap()).unwrap().name, "HEAD^");
        // After a force push that commit is no ancestor, and it is compared with all the same.
        world.git(&top, &["checkout", "-q", "--orphan", "again"]);
        world.commit(&top, "x", "2");
        let forced = world.oid(&top, "HEAD");
        assert_eq!(ask("main", after.as_str(), &forced).unwrap().commit, Some(after.clone()));
        let gone = "1".repeat(40);
        let error = ask("main", &gone, &forced).unwrap_err();
        assert_eq!(error.to_string(), "the push began at commit 1111111111, which is not in this clone");
        assert!(error.cure().unwrap().contains(&format!("git fetch origin {gone}")));
        // A new branch was nothing: the default branch is what it is compared with, if it is another.
        let zeros = "0".repeat(40);
        world.git(&top, &["checkout", "-q", "--detach", after.as_str()]);
        world.commit(&top, "z", "1");
        let new = world.oid(&top, "HEAD");
        assert_eq!(ask("side", &zeros, &new).unwrap().commit, Some(after));
        assert_eq!(ask("main", &zeros, &new).unwrap().commit, None);
    }

    #[test]
    fn what_is_not_there_is_told_with_what_brings_it() {
        let (world, repo) = World::new();
        let error = repo.base(Some("origin/gone"), &world.env(repo.work_dir(), &[])).unwrap_err();
        assert_eq!(error.to_string(), "there is no commit `origin/gone` in this clone");
        let cure = "git fetch origin +refs/heads/gone:refs/remotes/origin/gone";
        assert_eq!(error.cure().as_deref(), Some(cure));
        assert!(base(&world, &repo, Some("-x"), &[]).unwrap_err().contains("no commit `-x`"));
        assert!(base(&world, &repo, Some("a\x1bb"), &[]).unwrap_err().contains("\\u{1b}"));
    }
}
