//! Making the first files of a project, a module, a profile or a workflow.
//!
//! Nothing that exists is ever overwritten, and nothing is reached through a link: what has the name
//! already is left and named. Every file comes whole or not at all. What is made works as it stands.

mod adopt;
mod error;
mod ignored;
mod project;
mod templates;

use std::path::Path;

pub use adopt::{Candidate, Found, candidates};
pub use error::ScaffoldError;
pub use project::{NewProject, init, may_start};
pub use templates::Tool;

use crate::env::Environment;
use crate::process::Interrupts;
use crate::project::{Name, Place, Project, ProjectError};
use crate::render::tree::Tree;

/// What was done, for people: paths relative to the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Files that were written.
    pub written: Vec<String>,
    /// What was there already and was left as it is.
    pub left: Vec<String>,
    /// Lines that were added to `.gitignore`.
    pub ignored: Vec<&'static str>,
    /// Lines that `.gitignore` needs and that could not be added to it.
    pub to_ignore: Vec<&'static str>,
}

/// A file to be made.
struct NewFile {
    path: String,
    text: String,
    executable: bool,
}

impl NewFile {
    fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), executable: false }
    }
}

/// Makes a module for a tool.
///
/// # Errors
/// When the name is none or is taken, or a file cannot be written.
pub fn module<'a>(
    project: &Project,
    name: &str,
    tool: Tool,
    steps: impl IntoIterator<Item = &'a str>,
    (env, interrupts): (&Environment, &Interrupts),
) -> Result<Made, ScaffoldError> {
    let name = free_name(project, "module", name, steps)?;
    let mut made = Made::default();
    write(project.root(), tool.files(&name), &mut made)?;
    ignored::ensure(project.root(), tool.leaves(), &mut made, (env, interrupts))?;
    Ok(made)
}

/// Makes a profile above others.
///
/// # Errors
/// When the name is none or is taken, one of the others is not there, or the file cannot be written.
pub fn profile(
    project: &Project,
    name: &str,
    extends: &[String],
    is_abstract: bool,
) -> Result<Made, ScaffoldError> {
    let name = Name::new(name)?;
    let path = format!("profiles/{name}.toml");
    if exists(project.root(), &path) {
        return Err(taken("profile", &name, path));
    }
    let mut parents = Vec::new();
    for parent in extends {
        let known = Name::new(parent.as_str()).ok().filter(|parent| project.has_profile(parent));
        parents.push(known.ok_or_else(|| project.unknown("profile", parent))?);
    }
    let mut made = Made::default();
    write(project.root(), vec![NewFile::new(path, templates::profile(&parents, is_abstract))], &mut made)?;
    Ok(made)
}

/// Makes a workflow.
///
/// # Errors
/// When the name is none or is taken, or the file cannot be written.
pub fn workflow<'a>(
    project: &Project,
    name: &str,
    has_remote: bool,
    steps: impl IntoIterator<Item = &'a str>,
) -> Result<Made, ScaffoldError> {
    let name = free_name(project, "workflow", name, steps)?;
    let mut made = Made::default();
    let text = templates::workflow(&name, has_remote);
    write(project.root(), vec![NewFile::new(format!("workflows/{name}.toml"), text)], &mut made)?;
    Ok(made)
}

/// A name that neither a module nor a workflow nor a word of the command line has.
fn free_name<'a>(
    project: &Project,
    what: &'static str,
    name: &str,
    steps: impl IntoIterator<Item = &'a str>,
) -> Result<Name, ScaffoldError> {
    let name = own_name(what, name, steps)?;
    let places = [format!("modules/{name}"), format!("workflows/{name}.toml")];
    match places.into_iter().find(|place| exists(project.root(), place)) {
        Some(place) => Err(taken(what, &name, place)),
        None => Ok(name),
    }
}

/// A name that no word of the command line has. `what` it is for: `module` or `workflow`.
///
/// # Errors
/// When it is none, or such a word.
pub fn own_name<'a>(
    what: &'static str,
    name: &str,
    steps: impl IntoIterator<Item = &'a str>,
) -> Result<Name, ScaffoldError> {
    let name = Name::new(name)?;
    let mut words = crate::project::RESERVED.iter().copied().chain(steps);
    if words.any(|word| word == name.as_str()) {
        return Err(ScaffoldError::Reserved { what, name: name.to_string() });
    }
    Ok(name)
}

fn taken(what: &'static str, name: &Name, by: String) -> ScaffoldError {
    ScaffoldError::Taken { what, name: name.to_string(), by }
}

/// Writes files that do not exist yet; what has the name of one is left.
fn write(root: &Path, files: Vec<NewFile>, made: &mut Made) -> Result<(), ScaffoldError> {
    let mut tree = open(root)?;
    for file in files {
        let mode = if file.executable { 0o755 } else { 0o644 };
        if tree.create(&file.path, file.text.as_bytes(), mode)? {
            made.written.push(file.path);
        } else {
            made.left.push(file.path);
        }
    }
    Ok(())
}

fn open(root: &Path) -> Result<Tree, ScaffoldError> {
    let absent = || ProjectError::Config {
        place: Place::whole(root.display().to_string()),
        message: "the directory is gone".to_owned(),
        hint: None,
    };
    Ok(Tree::open(root, &[], false)?.ok_or_else(absent)?)
}

/// Whether anything has this name, a link that leads nowhere included.
fn exists(root: &Path, path: &str) -> bool {
    root.join(path).symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests;
