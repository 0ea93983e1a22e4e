//! Whether a commit's change is in a history under another name: a squash merge, a rebase merge, a
//! cherry-pick. Asked only where the commit itself is not in it.

use std::ffi::OsString;
use std::path::Path;

use super::{Ancestry, GitError, Oid, Repo};

/// So many commits are looked at, from the newest on.
const LIMIT: &str = "--max-count=2000";

impl Repo {
    /// As [`Repo::ancestry`]; but a commit also counts as contained if, since the histories parted, one
    /// commit has its very tree, or others make the same changes as all that led to it.
    ///
    /// # Errors
    /// As for [`Repo::ancestry`].
    pub fn contains_change(&self, head: &Oid, commit: &Oid) -> Result<Ancestry, GitError> {
        let ancestry = self.ancestry(head, commit)?;
        if ancestry != Ancestry::Lacks {
            return Ok(ancestry);
        }
        let Some(base) = self.merge_base(head, commit)? else { return Ok(ancestry) };
        // A HEAD that is behind has nothing since.
        let is_in = base != *head
            && (self.has_tree_since(&base, head, commit)?
                || self.has_changes_since(&base, head, commit)?
                || self.has_change_as_one(&base, head, commit)?);
        Ok(if is_in { Ancestry::Contains } else { ancestry })
    }

    fn has_tree_since(&self, base: &Oid, head: &Oid, commit: &Oid) -> Result<bool, GitError> {
        let tree = self.tree(commit, Path::new(""))?;
        let range = format!("{base}..{head}");
        let said = self.git().read(&["log", "--no-show-signature", "--format=%T", LIMIT, &range, "--"])?;
        Ok(tree.is_some_and(|tree| String::from_utf8_lossy(&said).lines().any(|line| line == tree.as_str())))
    }

    /// Each commit by itself, as after a rebase. A merge among them may have changed anything.
    fn has_changes_since(&self, base: &Oid, head: &Oid, commit: &Oid) -> Result<bool, GitError> {
        let range = format!("{base}..{commit}");
        let merges = self.git().read(&["rev-list", "--merges", "--max-count=1", &range, "--"])?;
        Ok(merges.is_empty() && self.all_are_in(base, head, commit)?)
    }

    /// All of them as one, as after a squash merge.
    fn has_change_as_one(&self, base: &Oid, head: &Oid, commit: &Oid) -> Result<bool, GitError> {
        let tree = format!("{commit}^{{tree}}");
        // No ref ever points to it; git removes it some day.
        let args = [
            "-c",
            "user.name=lockstep",
            "-c",
            "user.email=lockstep@localhost",
            "-c",
            "commit.gpgSign=false",
            "commit-tree",
            "-m",
            "as one",
            "-p",
            base.as_str(),
            &tree,
        ];
        let said = self.git().read(&args)?;
        let one = Oid::new(String::from_utf8_lossy(said.trim_ascii()));
        one.map_or(Ok(false), |one| self.all_are_in(base, head, &one))
    }

    /// Whether each of the commits up to `tip` makes a change that one of those up to `head` makes too.
    fn all_are_in(&self, base: &Oid, head: &Oid, tip: &Oid) -> Result<bool, GitError> {
        let said = self.git().read(&["cherry", head.as_str(), tip.as_str(), base.as_str()])?;
        let lines = String::from_utf8_lossy(&said).into_owned();
        Ok(!lines.is_empty() && lines.lines().all(|line| line.starts_with("- ")))
    }

    /// Whether two commits have the same below a directory of the working tree.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn is_alike(&self, one: &Oid, other: &Oid, directory: &Path) -> Result<bool, GitError> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let Ok(below) = real(directory).strip_prefix(real(self.work_dir())).map(Path::to_owned) else {
            return Ok(false);
        };
        let tree = self.tree(one, &below)?;
        Ok(tree.is_some() && tree == self.tree(other, &below)?)
    }

    /// A directory's tree at a commit; none if either is not there.
    fn tree(&self, commit: &Oid, below: &Path) -> Result<Option<Oid>, GitError> {
        let mut word = OsString::from(format!("{commit}:"));
        word.push(below);
        let args = ["rev-parse", "--verify", "--quiet", "--end-of-options"].map(OsString::from);
        let said = self.git().run(&args.into_iter().chain([word]).collect::<Vec<_>>(), &[])?;
        Ok((said.code == Some(0))
            .then(|| Oid::new(String::from_utf8_lossy(said.stdout.trim_ascii())).ok())
            .flatten())
    }

    /// A branch that contains a commit, as this clone knows it: one of a remote if there is one.
    ///
    /// # Errors
    /// When git fails.
    pub fn branch_with(&self, commit: &Oid) -> Result<Option<String>, GitError> {
        for (prefix, tracked) in
            [("refs/remotes/", false), ("refs/lockstep/remotes/", true), ("refs/heads/", false)]
        {
            let contains = format!("--contains={commit}");
            let args = ["for-each-ref", "--format=%(refname)", &contains, "--", prefix];
            let said = self.git().read(&args)?;
            let names = String::from_utf8_lossy(&said).into_owned();
            let short = |name: &str| {
                let name = name.strip_prefix(prefix)?;
                match tracked {
                    // Ours: REMOTE/heads/BRANCH, beside the locks.
                    true => name.split_once("/heads/").map(|(remote, branch)| format!("{remote}/{branch}")),
                    false => (!name.ends_with("/HEAD")).then(|| name.to_owned()),
                }
            };
            if let Some(name) = names.lines().find_map(short) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::World;
    use super::*;

    fn on_branch(world: &World, top: &Path) -> Oid {
        world.git(top, &["switch", "-q", "-c", "side"]);
        world.commit(top, "a", "1");
        world.commit(top, "b", "1");
        let tip = world.oid(top, "HEAD");
        world.git(top, &["switch", "-q", "main"]);
        tip
    }

    #[test]
    fn a_merge_under_another_name_contains_what_it_merged() {
        for elsewhere in [false, true] {
            for merge in [&["merge", "-q", "--squash", "side"][..], &["cherry-pick", "side~1", "side"]] {
                let (world, repo) = World::new();
                let top = repo.work_dir().to_owned();
                let tip = on_branch(&world, &top);
                if elsewhere {
                    world.commit(&top, "other", "1");
                }
                let before = world.oid(&top, "HEAD");
                assert_eq!(repo.contains_change(&before, &tip).unwrap(), Ancestry::Lacks);
                world.git(&top, merge);
                if merge[0] == "merge" {
                    world.git(&top, &["commit", "-q", "-m", "squashed"]);
                }
                world.commit(&top, "later", "1");
                let head = world.oid(&top, "HEAD");
                assert_eq!(repo.contains_change(&head, &tip).unwrap(), Ancestry::Contains, "{merge:?}");
                let one = world.oid(&top, "HEAD~1");
                assert_eq!(repo.contains_change(&one, &tip).unwrap(), Ancestry::Contains, "{merge:?}");
            }
        }
    }

    #[test]
    fn half_of_it_is_not_it() {
        let (world, repo) = World::new();
        let top = repo.work_dir().to_owned();
        let tip = on_branch(&world, &top);
        world.git(&top, &["cherry-pick", "side~1"]);
        let head = world.oid(&top, "HEAD");
        assert_eq!(repo.contains_change(&head, &tip).unwrap(), Ancestry::Lacks);
    }

    #[test]
    fn a_commit_that_undoes_what_came_before_is_not_in_what_came_before() {
        let (world, repo) = World::new();
        let top = repo.work_dir().to_owned();
        world.commit(&top, "x", "1");
        let main = world.oid(&top, "HEAD");
        world.git(&top, &["switch", "-q", "-c", "side"]);
        world.git(&top, &["revert", "--no-edit", "HEAD"]);
        let tip = world.oid(&top, "HEAD");
        assert_eq!(repo.contains_change(&main, &tip).unwrap(), Ancestry::Lacks);
    }

    #[test]
    fn directories_are_compared_and_branches_found() {
        let (world, repo) = World::new();
        let top = repo.work_dir().to_owned();
        std::fs::create_dir(top.join("sub")).unwrap();
        world.commit(&top, "sub/x", "1");
        let one = world.oid(&top, "HEAD");
        world.commit(&top, "y", "1");
        let other = world.oid(&top, "HEAD");
        assert!(repo.is_alike(&one, &other, &top.join("sub")).unwrap());
        assert!(!repo.is_alike(&one, &other, &top).unwrap());
        assert_eq!(repo.branch_with(&other).unwrap(), Some("main".into()));
        world.git(&top, &["push", "-q"]);
        assert_eq!(repo.branch_with(&other).unwrap(), Some("origin/main".into()));
        world.git(&top, &["commit", "-q", "--amend", "-m", "again"]);
        world.git(&top, &["push", "-q", "--force"]);
        assert_eq!(repo.branch_with(&other).unwrap(), None);
    }
}
