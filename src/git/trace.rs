//! What a push did before it ended, from git's own trace. Exit code and output cannot tell a remote
//! that was never reached from one that died after it had moved the refs: by file and ssh both are
//! 128 and silence (by HTTP the second is 1 and `Done`).
//!
//! git writes its events to a file of ours, in the format that it documents (trace2). Without a
//! trace, or with one that makes no sense, nothing is certain.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use serde::Deserialize;

/// The variable that names the file.
pub(super) const VARIABLE: &str = "GIT_TRACE2_EVENT";

/// A trace file; removed when dropped.
pub(super) struct Trace(tempfile::NamedTempFile);

/// What a trace says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// For certain, git sent no pack, so the remote cannot have changed anything.
    pub(super) nothing_sent: bool,
    /// The user's pre-push hook ran and said no.
    pub(super) hook_refused: bool,
}

#[derive(Deserialize)]
struct Line {
    event: String,
    sid: String,
    #[serde(default)]
    child_id: u64,
    #[serde(default)]
    child_class: String,
    #[serde(default)]
    hook_name: String,
    #[serde(default)]
    argv: Vec<String>,
    #[serde(default)]
    code: i64,
}

impl Trace {
    /// A new file in a directory of ours; none if it cannot be made, and then nothing is certain.
    pub(super) fn new(common_dir: &Path) -> Option<Self> {
        let dir = common_dir.join("lockstep");
        let make = || tempfile::Builder::new().prefix("push-").suffix(".trace").tempfile_in(&dir);
        make().or_else(|_| super::sharing::make_directories(&dir, 0o777).and_then(|()| make())).ok().map(Self)
    }

    /// What git is told.
    pub(super) fn path(&self) -> &OsStr {
        self.0.path().as_os_str()
    }

    pub(super) fn read(&self) -> Told {
        std::fs::read(self.0.path()).map_or_else(|_| Told::default(), |bytes| parse(&bytes))
    }
}

/// Pure: the lines of a trace.
fn parse(bytes: &[u8]) -> Told {
    let mut first: Option<String> = None;
    let mut sent = false;
    let mut hooks = BTreeSet::new();
    let mut hook_refused = false;
    for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            sent = true; // Cut short or not ours: nothing is certain.
            continue;
        };
        if first.is_none() {
            first = Some(line.sid.clone());
        }
        let own = first.as_ref() == Some(&line.sid);
        match line.event.as_str() {
            "child_start" => {
                sent |= line.argv.iter().any(|arg| arg == "pack-objects");
                // Helpers for other transports send in ways that are not seen here.
                sent |= line
                    .child_class
                    .strip_prefix("remote-")
                    .is_some_and(|to| !matches!(to, "http" | "https"));
                if own && line.child_class == "hook" && line.hook_name == "pre-push" {
                    hooks.insert(line.child_id);
                }
            }
            "child_exit" if own && hooks.contains(&line.child_id) => hook_refused |= line.code != 0,
            _ => {}
        }
    }
    Told { nothing_sent: first.is_some() && !sent, hook_refused: hook_refused && !sent }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"{"event":"version","sid":"a/1"}
{"event":"child_start","sid":"a/1","child_id":0,"child_class":"transport/file","argv":["git-receive-pack 'x'"]}
"#;

    #[test]
    fn tells_what_was_sent() {
        assert!(parse(START.as_bytes()).nothing_sent);
        assert!(!parse(b"").nothing_sent);
        assert!(!parse(format!("{START}{{\"event\":").as_bytes()).nothing_sent);
        let sent = format!(
            "{START}{}",
            r#"{"event":"child_start","sid":"a/1","child_id":1,"child_class":"?","argv":["git","pack-objects"]}"#
        );
        assert!(!parse(sent.as_bytes()).nothing_sent);
        let helper =
            r#"{"event":"child_start","sid":"a","child_id":1,"child_class":"remote-s3","argv":["git"]}"#;
        assert!(!parse(helper.as_bytes()).nothing_sent);
        let http =
            r#"{"event":"child_start","sid":"a","child_id":1,"child_class":"remote-https","argv":["git"]}"#;
        assert!(parse(http.as_bytes()).nothing_sent);
    }

    #[test]
    fn tells_the_users_hook_from_others() {
        let hook = |sid: &str, name: &str, code: i32| {
            let text = format!(
                "{START}{{\"event\":\"child_start\",\"sid\":\"{sid}\",\"child_id\":3,\"child_class\":\"hook\",\"hook_name\":\"{name}\",\"argv\":[]}}\n\
                 {{\"event\":\"child_exit\",\"sid\":\"{sid}\",\"child_id\":3,\"code\":{code}}}\n"
            );
            parse(text.as_bytes())
        };
        assert_eq!(hook("a/1", "pre-push", 1), Told { nothing_sent: true, hook_refused: true });
        assert!(!hook("a/1", "pre-push", 0).hook_refused);
        assert!(!hook("a/1/2", "pre-push", 1).hook_refused);
        assert!(!hook("a/1", "reference-transaction", 1).hook_refused);
    }
}
