//! What to type where a lock's record cannot be understood: to look at it, and to set it back to the last
//! one that can. Every way names exactly what was found, so that it undoes nobody's later change.

use std::path::Path;

use crate::lock::{ItemMend, Mend, RefMend};
use crate::process::Left;
use crate::workflow::{LockFate, UnitReport, parse};

/// The section of docs/locks.md that says what to make sure of first.
const FIRST: &str = "what to make sure of before that: docs/locks.md, `A record that cannot be understood`";

pub(super) fn hints(mend: &Mend) -> Vec<String> {
    match mend {
        Mend::Upgrade => vec!["upgrade lockstep; nothing was done".into()],
        Mend::Unknown => vec![FIRST.into()],
        Mend::Ref(at) => {
            let RefMend { remote, name, tip, good } = &**at;
            let (remote, name) = (word(remote), word(name));
            let set_back = match good {
                Some(good) => format!(
                    "to set it back to the last good record: git push --no-verify --force-with-lease={name}:{tip} {remote} {good}:{name}"
                ),
                None => format!(
                    "none below it is good; to delete it, and with it what was applied: git push --no-verify --force-with-lease={name}:{tip} {remote} :{name}"
                ),
            };
            vec![
                format!("to look at it: git cat-file -p {tip} | head -c 2000 | cat -v"),
                set_back,
                FIRST.into(),
            ]
        }
        Mend::Item(item) => {
            let look = format!("to look at it: {} --consistent-read", of_item("get-item", item));
            let mut hints = vec![look, put_back(item)];
            hints.push(FIRST.into());
            hints
        }
        Mend::File { directory } => vec![
            format!("to look at it: head -c 2000 {} | cat -v", path(&directory.join("state.json"))),
            format!("to make it anew from the journals beside it: {}", anew(directory)),
            FIRST.into(),
        ],
    }
}

/// An error of a run, with what became of its lock.
pub(super) fn with_lock(text: &str, unit: &UnitReport) -> String {
    match unit.lock {
        LockFate::Kept if unit.lock_recorded => format!("{text}; lock `{}` is kept", unit.unit),
        LockFate::Kept => {
            format!(
                "{text}; lock `{}` is kept, and the remote could not be told that this run has ended",
                unit.unit
            )
        }
        LockFate::Free | LockFate::Lost => text.to_owned(),
    }
}

/// What to do while something that a run started still lives.
pub(super) fn wait_for(left: &Left) -> String {
    format!(
        "wait until {left} has ended, or: {}; then fix the cause, commit, and run the same again",
        left.cure()
    )
}

/// What to do about a chain of records that the remote has lost.
pub(super) fn gone(at: &RefMend) -> Vec<String> {
    let (remote, name) = (word(&at.remote), word(&at.name));
    vec![
        format!("to put it back: git push --no-verify {remote} {}:{name}", at.tip),
        "a mirror push or a restored backup removes lock refs; or, once you know that no run is under way, run the same again: it goes on from what this clone knows".into(),
    ]
}

/// A command of the AWS command line about the item.
fn of_item(command: &str, item: &ItemMend) -> String {
    let options: String =
        item.options.iter().map(|(name, value)| format!(" {name} {}", word(value))).collect();
    let key = serde_json::json!({ "LockID": { "S": item.id } });
    format!(
        "aws dynamodb {command}{options} --table-name {} --key {}",
        word(&item.table),
        word(&key.to_string())
    )
}

fn put_back(item: &ItemMend) -> String {
    // Only what is there now is changed. A nonce that is no word is none of ours, and nobody's condition.
    let mut values = serde_json::Map::new();
    let mut condition = String::new();
    if let Some(nonce) = &item.nonce {
        values.insert(":bad".into(), serde_json::json!({ "S": nonce }));
        condition = " --condition-expression '#n = :bad'".into();
    }
    let Some((at, nonce)) = &item.good else {
        let mut command = format!("{}{condition}", of_item("delete-item", item));
        if !condition.is_empty() {
            command.push_str(" --expression-attribute-names '{\"#n\":\"nonce\"}'");
            command.push_str(&format!(" --expression-attribute-values {}", json(values)));
        }
        return format!("none before it is good; to delete it, and with it what was applied: {command}");
    };
    values.insert(":good".into(), serde_json::json!({ "S": nonce }));
    let names = r##"'{"#r":"record","#h":"history","#n":"nonce"}'"##;
    format!(
        "to set it back to the last good record: {}{condition} --update-expression 'SET #r = #h[{at}], #n = :good' \
         --expression-attribute-names {names} --expression-attribute-values {}",
        of_item("update-item", item),
        json(values),
    )
}

fn json(values: serde_json::Map<String, serde_json::Value>) -> String {
    word(&serde_json::Value::Object(values).to_string())
}

/// Each journal's last line is the last record of its lock, beginning with format and key.
fn anew(directory: &Path) -> String {
    format!(
        "cd {} && mv state.json state.json.bad && (printf '{{\"lockstep\":1,\"locks\":{{'; \
         for j in *.journal; do grep '^{{.*}}$' \"$j\" | tail -n 1; done \
         | sed 's/^{{\"lockstep\":1,\"key\":\\(\"[^\"]*\"\\).*/\\1:&/' | paste -s -d , -; printf '}}}}') >state.json",
        path(directory)
    )
}

fn word(text: &str) -> String {
    parse::quote(text.as_ref())
}

fn path(path: &Path) -> String {
    parse::quote(path.as_os_str())
}
