//! A new project in a repository.

use std::path::{Path, PathBuf};

use super::{Made, NewFile, ScaffoldError, Tool, exists, ignored, own_name, templates, write};
use crate::env::Environment;
use crate::git::Repo;
use crate::process::Interrupts;
use crate::project::{MARKER, Name};

/// What a new project begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProject {
    /// Its first module.
    pub module: String,
    /// Its first profile.
    pub profile: String,
    /// What the module is for.
    pub tool: Tool,
}

/// The root that a project would have that is started in `directory`, and the repository it is in.
///
/// # Errors
/// When the directory is in a project already, or in no repository.
pub fn may_start(
    directory: &Path,
    env: &Environment,
    interrupts: &Interrupts,
) -> Result<(PathBuf, Repo), ScaffoldError> {
    let root = directory.canonicalize().map_err(|source| crate::project::ProjectError::Read {
        path: directory.display().to_string(),
        source,
    })?;
    if let Some(taken) = root.ancestors().find(|above| exists(above, MARKER)) {
        return Err(ScaffoldError::AlreadyProject { root: taken.display().to_string() });
    }
    match Repo::discover(&root, env, interrupts)? {
        Some(repo) => Ok((root, repo)),
        None => Err(ScaffoldError::NoRepository { path: root.display().to_string() }),
    }
}

/// Starts a project. `lockstep.toml`, which makes it one, is written last, so that what was broken
/// off can be done again.
///
/// # Errors
/// As for [`may_start`], when a name is none or is taken, or a file cannot be written.
pub fn init<'a>(
    directory: &Path,
    wanted: &NewProject,
    steps: impl IntoIterator<Item = &'a str>,
    (env, interrupts): (&Environment, &Interrupts),
) -> Result<Made, ScaffoldError> {
    let (root, repo) = may_start(directory, env, interrupts)?;
    let module = own_name("module", &wanted.module, steps)?;
    let profile = Name::new(wanted.profile.as_str())?;
    let mut made = Made::default();
    let place = format!("modules/{module}");
    let workflow = format!("workflows/{module}.toml");
    if exists(&root, &workflow) {
        return Err(ScaffoldError::Taken { what: "module", name: module.to_string(), by: workflow });
    }
    if exists(&root, &place) {
        made.left.push(place);
    } else {
        write(&root, wanted.tool.files(&module), &mut made)?;
    }
    let profile = NewFile::new(format!("profiles/{profile}.toml"), templates::profile(&[], false));
    write(&root, vec![profile], &mut made)?;
    let lines: Vec<&str> = [&["/.dist/"], wanted.tool.leaves()].concat();
    ignored::ensure(&root, &lines, &mut made, (env, interrupts))?;
    write(&root, vec![NewFile::new(MARKER, templates::settings(repo.main_branch()?.as_deref()))], &mut made)?;
    Ok(made)
}
