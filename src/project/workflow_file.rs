//! `workflows/NAME.toml`: a named pipeline.

use schemars::JsonSchema;
use serde::Deserialize;

use super::toml_file::TomlFile;
use super::{Name, Project, ProjectError, RESERVED};

/// What a workflow's file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["steps"]))]
pub struct WorkflowFile {
    /// One line for people.
    pub description: String,
    /// Words as on the command line, in order.
    #[schemars(length(min = 1))]
    pub steps: Vec<String>,
    /// Words that run after the others, whatever became of them.
    pub finally: Vec<String>,
}

impl Project {
    /// Reads a workflow.
    ///
    /// # Errors
    /// When it does not exist, cannot be understood, has no steps, or has a name that is taken by
    /// a module or a word of the command line.
    pub fn workflow(&self, name: &Name) -> Result<WorkflowFile, ProjectError> {
        let path = format!("workflows/{name}.toml");
        let Some(file) = TomlFile::read(self.files(), &path)? else {
            return Err(self.unknown("workflow", name.as_str()));
        };
        if RESERVED.contains(&name.as_str()) {
            return Err(ProjectError::config(file.place(0), format!("`{name}` is a word of lockstep's own")));
        }
        if self.has_module(name) {
            return Err(ProjectError::config(
                file.place(0),
                format!("`{name}` is the name of a module as well"),
            ));
        }
        let workflow: WorkflowFile = file.decode(file.parse()?, &[])?;
        if workflow.steps.is_empty() {
            return Err(ProjectError::config(file.place(0), "`steps` is empty or missing"));
        }
        Ok(workflow)
    }
}
