//! What a run's units are made of must be what others get from the same commit.
//!
//! git-check proves it of what it knows: of what `build` has read, or, before a build, of what the unit's
//! configuration and module name. A build after git-check proves it of everything that it has read.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::git::{GitError, Repo, undelivered};
use crate::project::MARKER;
use crate::render::inputs;
use crate::workflow::{Run, State};

/// What every unit of a project is made of.
const COMMON: [&str; 3] = [MARKER, "profiles", "workflows"];

/// Refuses what was read, relative to the project, if it is not what others get.
pub(super) fn prove(run: &Run<'_>, inputs: &[PathBuf]) -> Result<(), Error> {
    let Some(repo) = &run.services.repo else { return Ok(()) };
    match undelivered(repo, &from_top(run, repo, inputs)?)? {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

/// What the unit is made of, relative to the project, as far as it is known.
pub(super) fn of_unit(run: &Run<'_>, state: &State) -> Result<Vec<PathBuf>, Error> {
    let common = COMMON.map(PathBuf::from);
    let own = match &state.rendered {
        Some(rendered) => rendered.inputs.clone(),
        None => inputs::of_unit(run.project, run.id(), run.services.repo.as_ref())?,
    };
    Ok(common.into_iter().chain(own).collect())
}

/// What must be clean for a unit where not all of the repository must: what it is made of, or all of the
/// project, if its files may name others that a tool reads or an expression.
pub(super) fn scope(run: &Run<'_>, state: &State) -> Result<Vec<PathBuf>, Error> {
    let inputs = of_unit(run, state)?;
    let reaches_out = |path: &PathBuf| match std::fs::read(run.project.root().join(path)) {
        Ok(bytes) => reaches_out(&String::from_utf8_lossy(&bytes), state.rendered.is_some()),
        // A directory, or nothing.
        Err(_) => false,
    };
    if inputs.iter().any(reaches_out) { Ok(vec![PathBuf::new()]) } else { Ok(inputs) }
}

/// Whether a file names what lies outside of its unit: by a path upwards, or by an expression. Which files
/// an expression has read is known after a build.
fn reaches_out(text: &str, is_built: bool) -> bool {
    const TAGS: [&str; 8] = ["{{", "{%", "[[", "<<", "<%", "((", "#{", "@{"];
    text.contains("../")
        || text.lines().any(|line| {
            let names = |word: &str| line.contains(word);
            (names("root") || (!is_built && names("file"))) && TAGS.iter().any(|tag| line.contains(tag))
        })
}

/// Paths of the project, seen from the top of the working tree.
pub(super) fn from_top(run: &Run<'_>, repo: &Repo, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let top = repo.work_dir().canonicalize().unwrap_or_else(|_| repo.work_dir().to_owned());
    let root = run.project.root();
    let below =
        root.strip_prefix(top).map_err(|_| GitError::NoRepository { path: root.display().to_string() })?;
    Ok(paths.iter().map(|path| normal(&below.join(path))).collect())
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(found.pop()),
            std::path::Component::Normal(part) => found.push(part),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_name_others_are_told_from_those_that_do_not() {
        for text in ["source = \"../../tofu/vpc\"", "a\nsource = \"{{ root }}/tofu\"", "{{ file('x') }}"] {
            assert!(reaches_out(text, false), "{text}");
        }
        for text in ["user: root\n{{ name }}", "./module", "profile = 1"] {
            assert!(!reaches_out(text, false), "{text}");
        }
        assert!(!reaches_out("{{ file('x') }}", true), "what was read is known then");
        assert_eq!(normal(Path::new("infra/./modules/a/../b")), Path::new("infra/modules/b"));
    }
}
