//! What a remote's URL points at, so that two spellings of one repository are seen as one.

use std::path::Path;

use super::text::{bounded, without_credentials};

/// A repository as a URL names it, without user, password, scheme's spelling or `.git`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On another host.
    Host {
        scheme: String,
        host: String,
        /// Only if it is not the scheme's own.
        port: Option<String>,
        path: String,
    },
    /// A directory of this machine, resolved where it exists.
    Local(std::path::PathBuf),
}

impl Place {
    /// Reads a URL as git does; relative paths start at `base`.
    pub(super) fn new(url: &str, base: &Path) -> Self {
        if let Some((scheme, rest)) = url.split_once("://") {
            let scheme = scheme.to_ascii_lowercase();
            if scheme == "file" {
                return local(rest, base);
            }
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            // A port is what follows the last colon outside of an IPv6 address.
            let (host, port) = match host.rsplit_once(':') {
                Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => {
                    (name, port)
                }
                _ => (host, ""),
            };
            let own = match scheme.as_str() {
                "https" => "443",
                "http" => "80",
                "ssh" | "git+ssh" | "ssh+git" => "22",
                "git" => "9418",
                _ => "",
            };
            let port = (!port.is_empty() && port != own).then(|| port.to_owned());
            return Self::Host { scheme, host: host.to_ascii_lowercase(), port, path: trimmed(path) };
        }
        // `user@host:path`: a colon before the first slash.
        let colon = url.find(':').filter(|colon| url.find('/').is_none_or(|slash| *colon < slash));
        if let Some(colon) = colon {
            let (host, path) = (&url[..colon], &url[colon + 1..]);
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host).to_ascii_lowercase();
            return Self::Host { scheme: "ssh".to_owned(), host, port: None, path: trimmed(path) };
        }
        local(url, base)
    }

    /// Whether both are the same repository. Ports tell repositories apart only within one scheme:
    /// a host may well serve the same by https on 8443 and by ssh on 22.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Local(a), Self::Local(b)) => a == b,
            (
                Self::Host { scheme: s1, host: h1, port: p1, path: path1 },
                Self::Host { scheme: s2, host: h2, port: p2, path: path2 },
            ) => h1 == h2 && path1 == path2 && (s1 != s2 || p1 == p2),
            _ => false,
        }
    }
}

fn trimmed(path: &str) -> String {
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/').to_owned()
}

fn local(path: &str, base: &Path) -> Place {
    let path = base.join(path);
    let found = std::fs::canonicalize(&path);
    // git adds `.git` where only that exists.
    let found = found.or_else(|_| {
        let mut with = path.clone().into_os_string();
        with.push(".git");
        std::fs::canonicalize(with)
    });
    Place::Local(found.unwrap_or(path))
}

/// A URL for people: without credentials, on one line.
pub(super) fn display(url: &str) -> String {
    bounded(&without_credentials(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(a: &str, b: &str) -> bool {
        let base = Path::new("/base");
        Place::new(a, base).is(&Place::new(b, base))
    }

    #[test]
    fn spellings_of_one_repository() {
        for url in [
            "git@H:x/y",
            "ssh://git@h/x/y.git",
            "ssh://h:22/x/y/",
            "https://me:secret@h/x/y.git/",
            "https://h:443/x/y",
            "https://h:8443/x/y",
            "h:/x/y",
        ] {
            assert!(one("https://h/x/y", url) || url.contains("8443"), "{url}");
            assert!(one("git@h:x/y.git", url), "{url}");
        }
        assert!(one("/nowhere/x", "file:///nowhere/x"));
        assert!(one("../x", "/base/../x"));
        assert!(one("ssh://[::1]/x", "ssh://git@[::1]:22/x"));
    }

    #[test]
    fn different_repositories() {
        for (a, b) in [
            ("https://h/x", "https://h/y"),
            ("https://h/x", "https://i/x"),
            ("https://h:1/x", "https://h:2/x"),
            ("https://h/x", "/h/x"),
            ("/nowhere/x", "/nowhere/y"),
            ("git@h:x", "git@h:X"),
        ] {
            assert!(!one(a, b), "{a} {b}");
        }
    }
}
