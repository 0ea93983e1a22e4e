//! What a tool keeps for itself (states, saved plans, `.terraform/`) and is no source of a module: every
//! profile would get the state of one, and the next build put an old one in the place of a newer one.

use super::RenderError;
use super::source::SourceFile;
use crate::project::shell_word;

/// The directories of tools that hold what `init` has fetched.
const OF_TOOLS: [&str; 2] = [".terraform", ".terragrunt-cache"];

/// Refuses all of these files that are a tool's own.
pub(super) fn refuse<'a>(files: impl Iterator<Item = &'a SourceFile>) -> Result<(), RenderError> {
    let mut found: Vec<(String, &str)> = Vec::new();
    for file in files {
        let Some((length, what)) = of_tool(&file.path, &file.bytes) else { continue };
        // Of a directory only the name is told; what is escaped in it stands before the rest.
        let rest = file.path[length..].escape_debug().to_string().len();
        let shown = file.shown[..file.shown.len() - rest].to_owned();
        if found.last().is_none_or(|(last, _)| *last != shown) {
            found.push((shown, what));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let words: Vec<String> = found.iter().map(|(path, _)| shell_word(path)).collect();
    let ignored: Vec<String> = found.iter().map(|(path, _)| shell_word(&format!("/{path}"))).collect();
    let mut cure = format!(
        "take it out of git, which leaves it here: git rm -r -q --cached --ignore-unmatch {} && printf '%s\\n' {} >> .gitignore",
        words.join(" "),
        ignored.join(" ")
    );
    if let Some((state, _)) = found.iter().find(|(_, what)| *what == STATE) {
        cure.push_str(&format!(
            "; the backend takes it by: lockstep build exec -- MODULE PROFILE tofu state push \"$PWD\"/{}",
            shell_word(state)
        ));
    }
    Err(RenderError::Leftover { files: found, cure })
}

const STATE: &str = "a state";

/// What a file is, if it is a tool's own, and how much of its path says so.
pub(super) fn of_tool(path: &str, bytes: &[u8]) -> Option<(usize, &'static str)> {
    for (end, _) in path.match_indices('/') {
        let name = path[..end].rsplit('/').next().unwrap_or_default();
        if OF_TOOLS.contains(&name) {
            return Some((end, "what `init` has fetched"));
        }
        if name.ends_with(".tfstate.d") {
            return Some((end, "states of workspaces"));
        }
    }
    let is_state = path.ends_with(".tfstate")
        || path.ends_with(".tfstate.backup")
        || path.contains(".tfstate.") && path.ends_with(".backup");
    match (is_state, is_plan(bytes)) {
        (true, _) => Some((path.len(), STATE)),
        (_, true) => Some((path.len(), "a saved plan")),
        _ => None,
    }
}

/// Whether it is an archive with an entry `tfplan`, as the tools save their plans.
fn is_plan(bytes: &[u8]) -> bool {
    const ENTRY: &[u8] = b"PK\x01\x02";
    const NAME: &[u8] = b"tfplan";
    // Of an entry of the archive's directory: where its name begins, and where that name's length stands.
    const AT: usize = 46;
    const LENGTH: usize = 28;
    let is_named = |entry: &[u8]| {
        entry.starts_with(ENTRY)
            && entry.get(LENGTH..LENGTH + 2) == Some(&[6, 0])
            && entry.get(AT..AT + NAME.len()) == Some(NAME)
    };
    bytes.starts_with(b"PK\x03\x04") && (0..bytes.len()).any(|at| is_named(&bytes[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_tools_own_is_known_by_its_name_and_a_plan_by_its_content() {
        let told = |path: &str| of_tool(path, b"{}").map(|(length, _)| path[..length].to_owned());
        for (path, named) in [
            ("terraform.tfstate", Some("terraform.tfstate")),
            ("env/prod.tfstate.backup", Some("env/prod.tfstate.backup")),
            ("terraform.tfstate.1712.backup", Some("terraform.tfstate.1712.backup")),
            ("x/terraform.tfstate.d/prod/terraform.tfstate", Some("x/terraform.tfstate.d")),
            ("x/.terraform/providers/p", Some("x/.terraform")),
            (".terraform.lock.hcl", None),
            ("tfplan", None),
            ("tfstate.tf", None),
            ("db.backup", None),
        ] {
            assert_eq!(told(path).as_deref(), named, "{path}");
        }
        let archive = |name: &str| {
            let mut entry = b"PK\x01\x02".to_vec();
            entry.resize(46, 0);
            entry[28] = u8::try_from(name.len()).unwrap();
            [b"PK\x03\x04 content ".as_slice(), &entry, name.as_bytes(), b"PK\x05\x06"].concat()
        };
        assert!(is_plan(&archive("tfplan")));
        assert!(!is_plan(&archive("tfplan.txt")) && !is_plan(&archive("a")) && !is_plan(b"PK tfplan"));
    }
}
