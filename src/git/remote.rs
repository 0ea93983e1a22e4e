//! Remotes: which one is meant, and whether lockstep can rely on it.
//!
//! Fetching and pushing must speak to one and the same repository, or a check of the one would say
//! nothing about the other. Names come from configuration and end up on git's command line and in
//! ref names, so they are checked before they are used.

use std::path::Path;

use super::config::Config;
use super::text::bounded;
use super::url::{Place, display};
use super::{GitError, Repo};

/// A remote that `check_remote` let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteUrl {
    /// The URL that git fetches from, without credentials.
    pub display: String,
}

/// The remote that lock and branch live on: the configured one, else the upstream's, else `origin`,
/// else the only one. None in a repository without any remote.
///
/// # Errors
/// When the configured one does not exist, or when none of the rules singles one out.
pub fn lock_remote(
    repo: &Repo,
    configured: Option<&str>,
    upstream: Option<&str>,
) -> Result<Option<String>, GitError> {
    choose(&repo.remotes()?, configured, upstream)
}

fn choose(
    remotes: &[String],
    configured: Option<&str>,
    upstream: Option<&str>,
) -> Result<Option<String>, GitError> {
    let has = |name: &str| remotes.iter().any(|r| r == name);
    if let Some(name) = configured {
        if has(name) {
            return Ok(Some(name.to_owned()));
        }
        return Err(GitError::Config(format!(
            "the configured remote `{}` does not exist; see `git remote`",
            bounded(name)
        )));
    }
    let guess = upstream.filter(|name| has(name)).or_else(|| has("origin").then_some("origin"));
    match (guess, remotes) {
        (Some(name), _) => Ok(Some(name.to_owned())),
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only.clone())),
        (None, several) => Err(GitError::Config(format!(
            "it is not clear which of the remotes {} is meant; name one in lockstep.toml: `[lock.git] remote = \"{}\"`",
            several.iter().map(|name| format!("`{}`", bounded(name))).collect::<Vec<_>>().join(", "),
            bounded(&several[0])
        ))),
    }
}

/// The names of all remotes that have a URL, in git's order.
pub(super) fn names(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in config.sections("remote", "url").chain(config.sections("remote", "pushurl")) {
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Remote and ref of a branch's upstream, as configured.
pub(super) fn upstream_of(config: &Config, branch: &str) -> Option<(String, String)> {
    let remote = config.last(&format!("branch.{branch}.remote"))?;
    let merge = config.last(&format!("branch.{branch}.merge"))?;
    let merge = if merge.starts_with("refs/") { merge.to_owned() } else { format!("refs/heads/{merge}") };
    (!remote.is_empty()).then(|| (remote.to_owned(), merge))
}

/// Checks name and URLs.
pub(super) fn check(config: &Config, work_dir: &Path, remote: &str) -> Result<RemoteUrl, GitError> {
    check_name(remote)?;
    let urls = config.all(&format!("remote.{remote}.url"));
    let push_urls = config.all(&format!("remote.{remote}.pushurl"));
    let Some(first) = urls.first() else {
        return Err(GitError::Config(format!(
            "remote `{remote}` has no URL; `git remote add {remote} URL` sets one"
        )));
    };
    if config
        .last(&format!("remote.{remote}.mirror"))
        .is_some_and(|v| matches!(v, "true" | "push" | "1" | "yes"))
    {
        return Err(GitError::Config(format!(
            "remote `{remote}` is a push mirror, to which single refs cannot be pushed; `git config unset remote.{remote}.mirror` changes that"
        )));
    }
    let (fetch, push) = effective(config, first, &urls, &push_urls);
    if push.len() > 1 {
        return Err(GitError::Config(format!(
            "remote `{remote}` has several push URLs, and a push to several repositories cannot be all or nothing; see `git remote get-url --push --all {remote}`"
        )));
    }
    if let Some(push) = push.first()
        && !Place::new(push, work_dir).is(&Place::new(&fetch, work_dir))
    {
        return Err(GitError::Config(format!(
            "remote `{remote}` fetches from {} and pushes to {}: both must be one repository; name another in lockstep.toml (`[lock.git] remote`) or see `git remote -v`",
            display(&fetch),
            display(push)
        )));
    }
    Ok(RemoteUrl { display: display(&fetch) })
}

/// The URL that is fetched from and the one that is pushed to, of a remote that [`check`] let through.
pub(super) fn used(config: &Config, remote: &str) -> Option<(String, String)> {
    let urls = config.all(&format!("remote.{remote}.url"));
    let push_urls = config.all(&format!("remote.{remote}.pushurl"));
    let (fetch, push) = effective(config, urls.first()?, &urls, &push_urls);
    Some((fetch, push.into_iter().next()?))
}

/// The URLs as git uses them: to fetch from the first, to push to all.
fn effective(config: &Config, first: &str, urls: &[&str], push_urls: &[&str]) -> (String, Vec<String>) {
    let fetch = rewritten(config, "insteadof", first).unwrap_or_else(|| first.to_owned());
    // git applies pushInsteadOf only where no push URL is set, and pushes to every URL there is.
    let push = if push_urls.is_empty() {
        let push = |url: &str| {
            rewritten(config, "pushinsteadof", url)
                .or_else(|| rewritten(config, "insteadof", url))
                .unwrap_or_else(|| url.to_owned())
        };
        urls.iter().map(|url| push(url)).collect()
    } else {
        push_urls
            .iter()
            .map(|url| rewritten(config, "insteadof", url).unwrap_or_else(|| (*url).to_owned()))
            .collect()
    };
    (fetch, push)
}

/// Refuses names that git could take for an option, a path or a URL, or that make no ref name.
fn check_name(name: &str) -> Result<(), GitError> {
    let ok = !name.is_empty()
        && name.len() <= 200
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+'))
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with(['-', '.'])
                && !part.ends_with('.')
                && !part.ends_with(".lock")
        })
        && !name.contains("..");
    if ok {
        Ok(())
    } else {
        Err(GitError::Config(format!(
            "`{}` cannot be used as a remote: it must be the name of one (letters, digits, `-`, `_`, `.`), not a path or a URL",
            display(name)
        )))
    }
}

/// `url.<base>.insteadOf`: the longest prefix that fits is replaced.
fn rewritten(config: &Config, variable: &str, url: &str) -> Option<String> {
    config
        .sections("url", variable)
        .filter_map(|(base, prefix)| Some((base, prefix.len(), url.strip_prefix(prefix)?)))
        .max_by_key(|(_, length, _)| *length)
        .map(|(base, _, rest)| format!("{base}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Config {
        let bytes: Vec<u8> = pairs.iter().flat_map(|(k, v)| format!("{k}\n{v}\0").into_bytes()).collect();
        Config::parse(&bytes)
    }

    fn checked(pairs: &[(&str, &str)]) -> Result<String, String> {
        let check = check(&config(pairs), Path::new("/base"), "origin");
        check.map(|url| url.display).map_err(|e| e.to_string())
    }

    #[test]
    fn one_repository_only() {
        let url = ("remote.origin.url", "https://me:pw@h/x.git");
        assert_eq!(checked(&[url]).unwrap(), "https://h/x.git");
        assert!(checked(&[url, ("remote.origin.pushurl", "git@h:x")]).is_ok());
        let other = checked(&[url, ("remote.origin.pushurl", "git@h:y")]).unwrap_err();
        assert!(
            other.contains("https://h/x.git") && other.contains("git@h:y") && !other.contains("pw"),
            "{other}"
        );
        assert!(
            checked(&[url, ("remote.origin.url", "https://h/x")]).unwrap_err().contains("several push URLs")
        );
        assert!(
            checked(&[url, ("remote.origin.pushurl", "git@h:x"), ("remote.origin.pushurl", "git@h:x")])
                .is_err()
        );
        assert!(checked(&[]).unwrap_err().contains("no URL"));
        assert!(checked(&[url, ("remote.origin.mirror", "true")]).is_err());
    }

    #[test]
    fn rewriting_is_seen() {
        let url = ("remote.origin.url", "gh:x");
        let short = ("url.https://wrong/.insteadof", "g");
        let long = ("url.https://h/.insteadof", "gh:");
        assert_eq!(checked(&[url, short, long]).unwrap(), "https://h/x");
        assert!(checked(&[url, long, ("url.git@h:.pushinsteadof", "gh:")]).is_ok());
        assert!(checked(&[url, long, ("url.git@other:.pushinsteadof", "gh:")]).is_err());
        // An explicit push URL is not subject to pushInsteadOf.
        let explicit = ("remote.origin.pushurl", "gh:x");
        assert!(checked(&[url, long, explicit, ("url.git@other:.pushinsteadof", "gh:")]).is_ok());
    }

    #[test]
    fn odd_names_are_refused() {
        for bad in ["", "-x", "a b", ".", "../x", "a/-b", "https://h/x", "a\n", "a..b", "x.lock", "a/", "~x"]
        {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for good in ["origin", "team/origin", "my-fork_2.0"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn which_remote() {
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let two = names(&["a", "origin"]);
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(choose(&two, Some("a"), None).unwrap(), some("a"));
        assert!(choose(&two, Some("b"), None).is_err());
        assert_eq!(choose(&two, None, Some("a")).unwrap(), some("a"));
        assert_eq!(choose(&two, None, Some("gone")).unwrap(), some("origin"));
        assert_eq!(choose(&names(&["a"]), None, None).unwrap(), some("a"));
        assert_eq!(choose(&[], None, Some(".")).unwrap(), None);
        assert!(choose(&names(&["a", "b"]), None, None).is_err());
    }

    #[test]
    fn upstreams() {
        let config = config(&[("branch.a.b.remote", "origin"), ("branch.a.b.merge", "refs/heads/main")]);
        assert_eq!(upstream_of(&config, "a.b"), Some(("origin".into(), "refs/heads/main".into())));
        assert_eq!(upstream_of(&config, "a"), None);
    }
}
