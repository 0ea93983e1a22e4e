//! Lines for `.gitignore`: only those that are missing, and only at the end of what is there.

use std::path::Path;

use super::{Made, ScaffoldError, open};
use crate::env::Environment;
use crate::git::Repo;
use crate::process::Interrupts;
use crate::render::tree::Existing;

const FILE: &str = ".gitignore";

/// Makes git ignore these directories of the project (`/.dist/`), where it does not yet.
pub(super) fn ensure(
    root: &Path,
    wanted: &[&'static str],
    made: &mut Made,
    (env, interrupts): (&Environment, &Interrupts),
) -> Result<(), ScaffoldError> {
    let repo = Repo::discover(root, env, interrupts)?;
    let mut missing = Vec::new();
    for line in wanted {
        let ignored = match &repo {
            Some(repo) => is_ignored(repo, root, line)?,
            None => false,
        };
        if !ignored {
            missing.push(*line);
        }
    }
    let mut tree = open(root)?;
    let (text, mode) = match tree.look(FILE)? {
        Existing::Missing => (Vec::new(), 0o644),
        Existing::File { bytes, mode } => (bytes, mode),
        Existing::Directory | Existing::Other => {
            made.to_ignore.extend(missing);
            return Ok(());
        }
    };
    missing.retain(|wanted| !text.split(|b| *b == b'\n').any(|line| line == wanted.as_bytes()));
    if missing.is_empty() {
        return Ok(());
    }
    tree.write(FILE, &with_lines(text, &missing), mode)?;
    made.ignored.extend(missing);
    Ok(())
}

/// Whether git ignores what will lie in a directory of the project.
fn is_ignored(repo: &Repo, root: &Path, line: &str) -> Result<bool, ScaffoldError> {
    let top = repo.work_dir().canonicalize().unwrap_or_else(|_| repo.work_dir().to_owned());
    let inside = root.join(line.trim_matches('/')).join("x");
    match inside.strip_prefix(&top) {
        Ok(relative) => Ok(repo.is_ignored(relative)?),
        Err(_) => Ok(false),
    }
}

/// The lines after the text, each on its own.
fn with_lines(mut text: Vec<u8>, lines: &[&str]) -> Vec<u8> {
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    for line in lines {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::with_lines;

    #[test]
    fn lines_stand_on_their_own_after_what_was_there() {
        assert_eq!(with_lines(Vec::new(), &["/a/"]), b"/a/\n");
        assert_eq!(with_lines(b"x\r\ny".to_vec(), &["/a/", "/b/"]), b"x\r\ny\n/a/\n/b/\n");
    }
}
