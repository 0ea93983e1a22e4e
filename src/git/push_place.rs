//! Where git's own `git push` would send a branch. `git-push` moves the upstream; where git itself would
//! push somewhere else, or not at all, somebody has said so in git's configuration, and is not overruled.

use std::path::Path;

use super::config::Config;
use super::remote::{upstream_of, used};
use super::url::Place;
use super::{CheckError, CheckRefusal, GitError, Repo, printable};

/// Where a push of a branch goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushPlace {
    /// The remote.
    pub remote: String,
    /// The branch's short name there.
    pub branch: String,
}

impl std::fmt::Display for PushPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", printable(self.remote.as_bytes()), printable(self.branch.as_bytes()))
    }
}

impl Repo {
    /// Where a push of a local branch goes; none if it has no upstream.
    ///
    /// # Errors
    /// [`CheckRefusal::OtherName`] if the upstream has another name and nothing says that this is meant;
    /// [`GitError::Config`] if git's configuration sends pushes elsewhere.
    pub fn push_place(&self, branch: &str) -> Result<Option<PushPlace>, CheckError> {
        place(self.config()?, self.work_dir(), branch)
    }
}

fn place(config: &Config, work_dir: &Path, branch: &str) -> Result<Option<PushPlace>, CheckError> {
    let Some((remote, name)) = upstream_of(config, branch) else { return Ok(None) };
    let upstream = name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned();
    let own = format!("branch.{branch}.pushremote");
    let keys = [
        (own.as_str(), format!("branch.{branch}.pushRemote")),
        ("remote.pushdefault", "remote.pushDefault".into()),
    ];
    let said = keys.into_iter().find_map(|(key, shown)| Some((config.last(key)?, shown)));
    if let Some((other, key)) = said
        && other != remote
        && !is_same(config, work_dir, &remote, other)
    {
        let [branch, remote, other] = [branch, &remote, other].map(|text| printable(text.as_bytes()));
        return Err(GitError::Config(format!(
            "branch `{branch}` follows one on `{remote}`, and `{key}` sends pushes to `{other}`: lock and \
             branch must be in one repository; `git branch --set-upstream-to={other}/BRANCH {branch}`, or \
             `git config --unset {}`",
            printable(key.as_bytes())
        ))
        .into());
    }
    let specs = config.all(&format!("remote.{remote}.push"));
    match specs.iter().find_map(|spec| target(spec, branch)) {
        Some(to) if to == name => {}
        Some(to) => {
            let [branch, name, to] = [branch, &name, &to].map(|text| printable(text.as_bytes()));
            return Err(GitError::Config(format!(
                "branch `{branch}` follows `{name}`, and `remote.{0}.push` sends it to `{to}`: git-push moves \
                 the branch that is followed; `git config --unset-all remote.{0}.push` changes that",
                printable(remote.as_bytes())
            ))
            .into());
        }
        None => {
            let is_meant = matches!(config.last("push.default"), Some("upstream" | "tracking"));
            if upstream != branch && !is_meant {
                return Err(CheckRefusal::OtherName { branch: branch.to_owned(), remote, upstream }.into());
            }
        }
    }
    Ok(Some(PushPlace { remote, branch: upstream }))
}

/// Whether pushes to two remotes reach one repository.
fn is_same(config: &Config, work_dir: &Path, one: &str, other: &str) -> bool {
    let place = |remote: &str| used(config, remote).map(|(_, push)| Place::new(&push, work_dir));
    matches!((place(one), place(other)), (Some(one), Some(other)) if one.is(&other))
}

/// The full name to which a refspec of `remote.NAME.push` sends a branch, if it does.
fn target(spec: &str, branch: &str) -> Option<String> {
    let spec = spec.strip_prefix('+').unwrap_or(spec);
    let name = format!("refs/heads/{branch}");
    let (from, to) = spec.split_once(':').unwrap_or((spec, spec));
    let full = |to: &str| match to {
        "" | "HEAD" | "@" => name.clone(),
        to if to.starts_with("refs/") => to.to_owned(),
        to => format!("refs/heads/{to}"),
    };
    if from.is_empty() {
        // `:` pushes what has the same name on both sides; `:x` deletes.
        return to.is_empty().then(|| name.clone());
    }
    if let Some((before, after)) = from.split_once('*') {
        let middle = name.strip_prefix(before)?.strip_suffix(after)?;
        return Some(to.replacen('*', middle, 1));
    }
    let is_it = from == branch || from == name || matches!(from, "HEAD" | "@");
    is_it.then(|| full(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(pairs: &[(&str, &str)]) -> Result<String, String> {
        let base = [
            ("remote.origin.url", "https://h/x"),
            ("remote.fork.url", "https://h/y"),
            ("remote.same.url", "git@h:x.git"),
            ("branch.main.remote", "origin"),
            ("branch.main.merge", "refs/heads/main"),
            ("branch.fix.remote", "origin"),
            ("branch.fix.merge", "refs/heads/main"),
        ];
        let (branch, pairs) = match pairs {
            [("on", branch), rest @ ..] => (*branch, rest),
            all => ("main", all),
        };
        let bytes = base.iter().chain(pairs).flat_map(|(k, v)| format!("{k}\n{v}\0").into_bytes());
        let config = Config::parse(&bytes.collect::<Vec<u8>>());
        place(&config, Path::new("/base"), branch)
            .map(|place| place.map_or_else(|| "none".to_owned(), |place| place.to_string()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_branch_goes_to_its_upstream_unless_git_would_send_it_elsewhere() {
        let main = || Ok("origin/main".to_owned());
        assert_eq!(placed(&[]), main());
        assert_eq!(placed(&[("on", "unknown")]), Ok("none".to_owned()));
        for other in ["branch.main.pushremote", "remote.pushdefault"] {
            let error = placed(&[(other, "fork")]).unwrap_err();
            assert!(error.contains("sends pushes to `fork`") && error.contains("--unset"), "{error}");
            assert_eq!(placed(&[(other, "origin")]), main());
            assert_eq!(placed(&[(other, "same")]), main(), "another name of the same repository");
        }
        assert_eq!(placed(&[("remote.pushdefault", "fork"), ("branch.main.pushremote", "origin")]), main());
        let review = placed(&[("remote.origin.push", "HEAD:refs/for/main")]).unwrap_err();
        assert!(review.contains("refs/for/main"), "{review}");
        for same in ["refs/heads/*:refs/heads/*", ":", "main", "+main:main", "HEAD", "other:elsewhere"] {
            assert_eq!(placed(&[("remote.origin.push", same)]), main(), "{same}");
        }
    }

    #[test]
    fn another_name_must_be_meant() {
        let error = placed(&[("on", "fix")]).unwrap_err();
        assert!(error.contains("`fix`") && error.contains("origin/main"), "{error}");
        for default in ["simple", "current", "matching", "nothing"] {
            assert!(placed(&[("on", "fix"), ("push.default", default)]).is_err(), "{default}");
        }
        for meant in
            [("push.default", "upstream"), ("push.default", "tracking"), ("remote.origin.push", "fix:main")]
        {
            assert_eq!(placed(&[("on", "fix"), meant]), Ok("origin/main".to_owned()), "{meant:?}");
        }
    }
}
