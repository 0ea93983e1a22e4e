//! Keys as git refs and file names: readable, reversible, and never in each other's way.
//!
//! A ref cannot be a directory of another (`alpha` and `alpha/prod`), so keys of another number of
//! parts than the usual two go below `@1`, `@3`, `@4`, and those of a named project below
//! `@in/PROJECT`; none of these can be a name. What git does not accept in a component (`..`, a
//! trailing `.`, `.lock` at the end) is percent-encoded.

use super::LockKey;

/// The key as the last part of a ref: `alpha/prod`.
pub(super) fn to_ref(key: &LockKey) -> String {
    let parts: Vec<String> = key.path().split('/').map(component).collect();
    let path = parts.join("/");
    let path = if parts.len() == 2 { path } else { format!("@{}/{path}", parts.len()) };
    match key.project() {
        Some(project) => format!("@in/{}/{path}", component(project)),
        None => path,
    }
}

/// The key of a ref's last part; none if no key is written so.
pub(super) fn from_ref(path: &str) -> Option<LockKey> {
    let (project, inner) = match path.strip_prefix("@in/") {
        Some(rest) => {
            let (project, inner) = rest.split_once('/')?;
            (format!("{project}:"), inner)
        }
        None => (String::new(), path),
    };
    let bare = ["@1/", "@3/", "@4/"].iter().find_map(|below| inner.strip_prefix(below)).unwrap_or(inner);
    let key = LockKey::new(&format!("{project}{bare}").replace("%2E", ".")).ok()?;
    // Only one spelling is a key's own: a second one would be a second lock.
    (!key.is_former() && to_ref(&key) == path).then_some(key)
}

/// The key as one component of a file name.
pub(super) fn to_file(key: &LockKey) -> String {
    key.as_str().replace('/', "%2F").replace(':', "%3A")
}

fn component(name: &str) -> String {
    let mut text = name.replace("..", ".%2E");
    // `...` leaves `.%2E.`; a dot after an encoded one is single again.
    for suffix in [".lock", "."] {
        if let Some(stem) = text.strip_suffix(suffix) {
            text = format!("{stem}%2E{}", &suffix[1..]);
        }
    }
    text
}

/// Whether a text can be a prefix for lock refs: what is wrong with it, if anything.
pub(super) fn check_prefix(prefix: &str) -> Result<(), &'static str> {
    let parts: Vec<&str> = prefix.split('/').collect();
    let bad = |part: &&str| {
        part.is_empty()
            || part.starts_with(['.', '-'])
            || part.ends_with('.')
            || part.to_ascii_lowercase().ends_with(".lock")
            || part.contains("..")
            || !part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    if prefix.len() > 200 || parts.iter().any(bad) {
        return Err("it is not a ref name of letters, digits, `-`, `_`, `.` and `/`");
    }
    if parts.len() < 3 || parts[0] != "refs" {
        return Err("it must start with `refs/` and have at least two more parts");
    }
    if matches!(parts[1], "heads" | "tags" | "remotes" | "notes")
        || prefix.starts_with("refs/lockstep/remotes")
    {
        return Err("these refs are not for locks: other tools read, fetch or delete them");
    }
    // Some servers move refs one by one, in order: the branch must come before the lock that frees it.
    if prefix < "refs/heads/" {
        return Err(
            "it must sort after `refs/heads/`, so that a lock is freed only after its branch was moved",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_keys_stay_readable() {
        for (key, path) in [
            ("alpha/prod", "alpha/prod"),
            ("alpha", "@1/alpha"),
            ("a/b/c", "@3/a/b/c"),
            ("eks-1.30/prod", "eks-1.30/prod"),
            ("a..b/prod", "a.%2Eb/prod"),
            ("a.lock/prod.", "a%2Elock/prod%2E"),
            ("a.../x...lock", "a.%2E%2E/x.%2E%2Elock"),
            ("@all/prod", "@all/prod"),
            ("alpha/@all", "alpha/@all"),
            ("infra:alpha/prod", "@in/infra/alpha/prod"),
            ("a.lock:@all/@all", "@in/a%2Elock/@all/@all"),
            ("infra:vpc", "@in/infra/@1/vpc"),
        ] {
            assert_eq!(to_ref(&LockKey::new(key).unwrap()), path);
            assert_eq!(from_ref(path).unwrap().as_str(), key);
        }
        for path in [
            "%2Ealpha/prod",
            "alp%2Eha/prod",
            "@2/alpha/prod",
            "@1/a/b",
            "@x/a",
            "alpha",
            "",
            "a//b",
            "@in/x",
            "@in/x/@in/y/a/b",
            "@in/@former/a/b",
            "@in//a/b",
            "x:a/b",
        ] {
            assert_eq!(from_ref(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn refs_are_valid_reversible_and_never_directories_of_each_other(
            a in "([ab][ab.]{0,2}(\\.lock)?:)?([ab_][ab.]{0,3}(\\.lock)?|@all)(/([ab][ab.]{0,3}(\\.lock)?|@all)){0,3}",
            b in "([ab][ab.]{0,2}(\\.lock)?:)?([ab_][ab.]{0,3}(\\.lock)?|@all)(/([ab][ab.]{0,3}(\\.lock)?|@all)){0,3}",
        ) {
            let (Ok(a), Ok(b)) = (LockKey::new(&a), LockKey::new(&b)) else { return Ok(()) };
            let (x, y) = (to_ref(&a), to_ref(&b));
            prop_assert!(git2::Reference::is_valid_name(&format!("refs/lockstep/locks/{x}")), "{x}");
            prop_assert_eq!(from_ref(&x), Some(a.clone()));
            prop_assert_eq!(x == y, a == b);
            prop_assert!(!y.starts_with(&format!("{x}/")), "{x} {y}");
        }
    }

    #[test]
    fn prefixes() {
        for good in ["refs/lockstep/locks", "refs/locks/infra", "refs/meta/lock.s"] {
            assert_eq!(check_prefix(good), Ok(()), "{good}");
        }
        for bad in [
            "refs/heads/locks",
            "refs/tags/x",
            "refs/changes/x",
            "refs/x",
            "x/y/z",
            "refs//x",
            "refs/lockstep/",
            "-refs/a/b",
            "refs/a/..",
            "refs/a/b.lock",
            "refs/a/*",
            "refs/a/b:c",
            "refs/lockstep/remotes/x",
            "",
        ] {
            assert!(check_prefix(bad).is_err(), "{bad}");
        }
    }
}
