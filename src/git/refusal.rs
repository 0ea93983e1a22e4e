//! Why git-check refuses: one variant for each cause, with what is needed to say what is wrong and
//! the command that mends it.
//!
//! Names of files, branches and remotes come from elsewhere; what is shown of them is escaped.

use super::Oid;
use super::file_list::{FileList, counted};
use super::text::arguments;
use crate::text::shell_shown;

/// A submodule that is not as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submodule {
    /// Where it is, safe to print.
    pub path: String,
    /// All that differs is the commit that is checked out in it.
    pub moved: bool,
}

/// Why git-check refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckRefusal {
    /// A merge, rebase or the like was begun and not ended.
    #[error("a {operation} is not finished")]
    Unfinished {
        /// What git calls it.
        operation: &'static str,
        /// Files with conflicts, if there are any.
        conflicts: FileList,
    },
    /// Files with conflicts.
    #[error("{} with conflicts:{files}", .files.counted())]
    Conflicts {
        /// Which.
        files: FileList,
    },
    /// Changes in the index.
    #[error("{} staged and not committed:{files}", .files.counted())]
    Staged {
        /// Which.
        files: FileList,
    },
    /// Changes in the working tree.
    #[error("{} changed and not committed:{files}", .files.counted())]
    Unstaged {
        /// Which.
        files: FileList,
        /// The first submodule among them, if there is one.
        submodule: Option<Submodule>,
    },
    /// Changes that git was told not to look at.
    #[error("{} changed and hidden from git:{files}", .files.counted())]
    Hidden {
        /// Which.
        files: FileList,
        /// The command that shows them to git.
        undo: String,
    },
    /// A submodule is at a commit that was never pushed.
    #[error("submodule `{path}` is at {}, which none of its remotes has", .commit.short())]
    SubmoduleUnpushed {
        /// Where it is.
        path: String,
        /// The commit.
        commit: Oid,
        /// The command that pushes it.
        push: String,
    },
    /// Files are not on the disk as others get them from the same commit.
    #[error("{} not as others check {} out: {why}:{files}", .files.counted(), if .files.total == 1 { "it" } else { "them" })]
    Undelivered {
        /// Which.
        files: FileList,
        /// What makes the difference.
        why: Undelivered,
        /// The first ones, as words for a shell.
        first: String,
    },
    /// What differs lies outside of the project, and the whole repository has to be clean.
    #[error("{refusal}")]
    Outside {
        /// What differs.
        refusal: Box<CheckRefusal>,
        /// The project's directory, from the top of the working tree.
        project: String,
    },
    /// Files that git does not know.
    #[error("{} not tracked by git:{files}", .files.counted())]
    Untracked {
        /// Which.
        files: FileList,
        /// The directory of rendered output, if they lie in it.
        rendered: Option<String>,
    },
    /// The branch has no commit yet.
    #[error("branch `{branch}` has no commit yet")]
    Unborn {
        /// The branch.
        branch: String,
    },
    /// HEAD is on no branch, and nothing says which one it stands for.
    #[error("HEAD is detached at {}, and nothing says which branch it stands for", .head.short())]
    Detached {
        /// The commit.
        head: Oid,
    },
    /// The branch follows none on a remote.
    #[error("branch `{branch}` has no upstream to be compared with")]
    NoUpstream {
        /// The branch.
        branch: String,
        /// The remote on which it would be looked for.
        remote: String,
    },
    /// The remote has no such branch.
    #[error("`{upstream}` does not exist on remote `{remote}`")]
    UpstreamGone {
        /// The local branch; none in a detached HEAD.
        branch: Option<String>,
        /// The remote.
        remote: String,
        /// The branch's name there.
        upstream: String,
    },
    /// The remote has commits that are not here.
    #[error("branch `{branch}` is {} behind `{remote}/{upstream}`", counted(*.behind, "commit"))]
    Behind {
        /// The local branch.
        branch: String,
        /// The remote.
        remote: String,
        /// The branch's name there.
        upstream: String,
        /// How many.
        behind: usize,
    },
    /// Both sides have commits that the other has not.
    #[error(
        "branch `{branch}` and `{remote}/{upstream}` have diverged: {} here, {} there",
        counted(*.ahead, "commit"), counted(*.behind, "commit")
    )]
    Diverged {
        /// The local branch.
        branch: String,
        /// The remote.
        remote: String,
        /// The branch's name there.
        upstream: String,
        /// Commits only here.
        ahead: usize,
        /// Commits only there.
        behind: usize,
    },
    /// More commits than allowed that nobody else has seen.
    #[error(
        "branch `{branch}` is {} ahead of `{remote}/{upstream}`; at most {max} may be applied before the push",
        counted(*.ahead, "commit")
    )]
    TooFarAhead {
        /// The local branch.
        branch: String,
        /// The remote.
        remote: String,
        /// The branch's name there.
        upstream: String,
        /// How many.
        ahead: usize,
        /// How many are allowed.
        max: u32,
    },
    /// A detached HEAD that is not the last commit of its branch.
    #[error("HEAD is at {}, but `{remote}/{upstream}` is at {}", .head.short(), .tip.short())]
    NotTip {
        /// The commit that is checked out.
        head: Oid,
        /// The remote.
        remote: String,
        /// The branch's name there.
        upstream: String,
        /// Its last commit.
        tip: Oid,
    },
    /// HEAD is no longer what the run began with.
    #[error("HEAD moved from {} to {} while this run was under way", .was.short(), .now.short())]
    HeadMoved {
        /// The commit that the run began with.
        was: Oid,
        /// The commit that is checked out now.
        now: Oid,
    },
    /// A branch follows one of another name, and nothing says that it is to be pushed there.
    #[error(
        "branch `{branch}` follows `{remote}/{upstream}`, which has another name: git-push would move that one"
    )]
    OtherName {
        /// The local branch.
        branch: String,
        /// The remote.
        remote: String,
        /// The name of the other branch there.
        upstream: String,
    },
    /// Commands that change things run from other branches only.
    #[error(
        "commands that change things run from {} only ([git] apply_from), and this is {}",
        .allowed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        .branch.as_ref().map_or_else(|| "a detached HEAD".to_owned(), |name| format!("branch `{name}`"))
    )]
    OtherBranch {
        /// The branch that HEAD is or stands for; none if nothing says so.
        branch: Option<String>,
        /// What `[git] apply_from` says.
        allowed: Vec<String>,
    },
    /// A command that changes things was to run in what this pipeline has not rendered.
    #[error("the rendered directory of `{unit}` is not what HEAD renders, and there is no `build` before the command{}", listed(.files))]
    NotRendered {
        /// The unit.
        unit: String,
        /// What differs, each safe to print.
        files: Vec<String>,
    },
    /// The clone is shallow, and what is here does not tell which commit is newer.
    #[error(
        "this clone is too shallow to tell whether {} is up to date with `{remote}/{upstream}`",
        .head.short()
    )]
    Shallow {
        /// The commit that is checked out.
        head: Oid,
        /// The remote.
        remote: String,
        /// The branch's name there.
        upstream: String,
    },
}

/// What makes the files of this clone other than those of others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// A filter that is committed as an attribute has no driver here.
    #[error("filter `{0}` is not set up here")]
    NoDriver(String),
    /// The filter's driver gives something else.
    #[error("filter `{0}` makes something else of what is committed")]
    Filter(String),
    /// Attributes of this clone alone: the file that holds them.
    #[error("attributes in `{0}` change the content here")]
    Attributes(String),
    /// A setting that changes the ends of lines.
    #[error("`{0}` changes the ends of lines here")]
    LineEnds(String),
    /// Nothing that is known.
    #[error("the content is not what is committed")]
    Content,
}

impl Undelivered {
    fn cure(&self, files: &str) -> String {
        const ALL: &str = "git rm -rq --cached . && git reset -q --hard";
        match self {
            Self::NoDriver(filter) => match filter.as_str() {
                "lfs" => "git lfs install && git lfs pull".to_owned(),
                "git-crypt" => "git-crypt unlock".to_owned(),
                other => {
                    let key = shell_shown(&format!("filter.{other}.smudge"));
                    format!("git config {key} COMMAND && rm {files} && git checkout -- {files}")
                }
            },
            Self::Attributes(file) => format!("take them out of {file}, then, in a clean tree: {ALL}"),
            Self::LineEnds(setting) => {
                let key = setting.split('=').next().unwrap_or_default();
                let value = if key == "core.eol" { "lf" } else { "false" };
                format!("git config {key} {value}, then, in a clean tree: {ALL}")
            }
            Self::Filter(_) => format!("rm {files} && git checkout -- {files}"),
            Self::Content => format!(
                "git commit {files}, or to have what is committed: rm {files} && git checkout -- {files}"
            ),
        }
    }
}

impl CheckRefusal {
    /// What mends it: a command to copy, or a few words around one.
    pub fn cure(&self) -> String {
        match self {
            Self::Unfinished { operation, .. } => match *operation {
                "bisect" => "git bisect reset".to_owned(),
                other => format!("git {other} --continue (or git {other} --abort)"),
            },
            Self::Conflicts { .. } => "resolve them, then git add -A && git commit".to_owned(),
            Self::Staged { .. } => "git commit (or git stash)".to_owned(),
            Self::Unstaged { submodule: Some(Submodule { path, moved: false }), .. } => {
                format!("git -C {} add -A && git -C {0} commit, then git commit -a here", shell_shown(path))
            }
            Self::Unstaged { submodule: Some(Submodule { path, moved: true }), .. } => {
                format!("git commit -a (or, for what is committed: git submodule update -- {})", shell_shown(path))
            }
            Self::Outside { refusal, project } => format!(
                "{}; or, as none of it lies in the project: `scope = \"project\"` under [git] in {}",
                refusal.cure(),
                shell_shown(&format!("{project}/lockstep.toml"))
            ),
            Self::Unstaged { submodule: None, .. } => "git commit -a (or git stash)".to_owned(),
            Self::Hidden { undo, .. } => format!("{undo}, then commit the changes, or take them back"),
            Self::SubmoduleUnpushed { push, .. } => push.clone(),
            Self::Undelivered { why, first, .. } => why.cure(first),
            Self::Untracked { rendered: Some(directory), .. } => {
                format!("this is rendered output: echo {} >> .gitignore && git add .gitignore && git commit", shell_shown(&format!("{directory}/")))
            }
            Self::Untracked { rendered: None, .. } => {
                "git add -A && git commit, or list them in .gitignore".to_owned()
            }
            Self::Unborn { .. } => "git add -A && git commit".to_owned(),
            Self::Detached { .. } => {
                "git switch BRANCH, or name the branch that this commit is the tip of: lockstep --branch BRANCH …"
                    .to_owned()
            }
            Self::NoUpstream { branch, remote } => format!("git push -u {}", arguments(remote, [branch.as_str()])),
            Self::UpstreamGone { branch: Some(branch), remote, upstream } => {
                format!("git push -u {}", arguments(remote, [format!("{branch}:{upstream}").as_str()]))
            }
            Self::UpstreamGone { branch: None, .. } => {
                "name the branch that this commit is the tip of: lockstep --branch BRANCH …".to_owned()
            }
            Self::Behind { .. } | Self::Diverged { .. } => "git pull --rebase".to_owned(),
            Self::TooFarAhead { .. } => {
                "git push (or raise `[git] max_ahead` in lockstep.toml)".to_owned()
            }
            Self::NotTip { remote, upstream, .. } => format!(
                "run the pipeline for the branch's newest commit: git fetch {} && git checkout --detach FETCH_HEAD",
                arguments(remote, [upstream.as_str()])
            ),
            Self::HeadMoved { .. } => "run the same again: what was rendered is of the earlier commit".to_owned(),
            Self::OtherName { branch, remote, .. } => format!(
                "git push -u {} (or, if this branch is meant to be pushed there: git config push.default upstream)",
                arguments(remote, [branch.as_str()])
            ),
            Self::OtherBranch { branch: None, allowed } => format!(
                "git switch {}, or name the branch that this commit is the tip of: lockstep --branch BRANCH …",
                shell_shown(allowed.first().map_or("BRANCH", String::as_str))
            ),
            Self::OtherBranch { branch: Some(_), allowed } => format!(
                "merge it first, then: git switch {}",
                shell_shown(allowed.first().map_or("BRANCH", String::as_str))
            ),
            Self::NotRendered { unit, .. } => {
                let (module, profile) = unit.split_once('/').unwrap_or((unit, "PROFILE"));
                format!("put `build` before it, or first: lockstep build -- {module} {profile}")
            }
            Self::Shallow { remote, .. } => format!(
                "git fetch --unshallow {} (in CI: check out with full history, `fetch-depth: 0`)",
                arguments(remote, [])
            ),
        }
    }
}

/// Names that are safe to print, a line for each of the first ones.
fn listed(names: &[String]) -> String {
    let shown: Vec<Vec<u8>> = names.iter().map(|name| name.clone().into_bytes()).collect();
    if shown.is_empty() { String::new() } else { format!(":{}", FileList::new(&shown)) }
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
