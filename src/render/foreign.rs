//! Files in a unit's directory that lockstep did not make and that the tool would read: what is applied
//! would then be more than the commit.

use std::collections::BTreeSet;

use super::RenderError;
use super::outputs::Output;
use super::tree::Tree;
use crate::process::tools::ReadBeside;

/// What tools put beside their input and do not take for it: the packages of a language. Like all that
/// is hidden (`.terraform/`) it is not looked at.
const PACKAGES: [&str; 3] = ["__pycache__", "node_modules", "venv"];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    /// The files, and links to directories; sorted.
    pub(super) files: Vec<String>,
    /// The directories that were searched.
    pub(super) directories: Vec<String>,
}

impl Foreign {
    /// Searches a unit's directory, however deep it is.
    pub(super) fn search(tree: &mut Tree, outputs: &[Output]) -> Result<Self, RenderError> {
        let made: BTreeSet<&str> = outputs.iter().map(|output| output.path.as_str()).collect();
        let read = ReadBeside::these(made.iter().copied());
        let (mut found, mut waiting) = (Self::default(), vec![String::new()]);
        while let Some(directory) = waiting.pop() {
            let path = |name: &String| match directory.is_empty() {
                true => name.clone(),
                false => format!("{directory}/{name}"),
            };
            let [files, directories] = tree.entries(&directory)?;
            for path in files.iter().map(path).filter(|path| !made.contains(path.as_str())) {
                let is_visible = !path.rsplit('/').next().unwrap_or(&path).starts_with('.');
                if read.holds(&path) || is_visible && tree.leads_to_directory(&path)? {
                    found.files.push(path);
                }
            }
            let is_searched = |name: &&String| !name.starts_with('.') && !PACKAGES.contains(&name.as_str());
            waiting.extend(directories.iter().filter(is_searched).map(path));
            found.directories.push(directory);
        }
        found.files.sort();
        Ok(found)
    }
}
