//! `workflows/NAME.toml`: a named pipeline, or a thing made of several modules in stages.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::stage::{Rest, Stage, StageAction};
use super::toml_file::TomlFile;
use super::{Name, Place, Project, ProjectError, RESERVED, command_word};

/// What a workflow's file says: `steps`, or stages.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(transform = one_kind)]
pub struct WorkflowFile {
    /// One line for people.
    pub description: String,
    /// Words as on the command line, in order.
    #[serde(deserialize_with = "command_word::list")]
    #[schemars(with = "Vec<command_word::Word>", length(min = 1))]
    pub steps: Vec<String>,
    /// Words that run after the others, whatever became of them.
    #[serde(deserialize_with = "command_word::list")]
    #[schemars(with = "Vec<command_word::Word>")]
    pub finally: Vec<String>,
    /// Where the words of `steps` are written, one by one.
    #[serde(skip)]
    pub step_places: Vec<Place>,
    /// Where those of `finally` are.
    #[serde(skip)]
    pub finally_places: Vec<Place>,
    /// The stages that make the thing; read, they are in the order in which they run.
    #[schemars(length(min = 1))]
    pub create: Vec<Stage>,
    /// The stages that take it away, likewise.
    #[schemars(length(min = 1))]
    pub delete: Vec<Stage>,
}

/// Says that a file has `steps` or stages.
fn one_kind(schema: &mut Schema) {
    let kinds = json!([{ "required": ["steps"] }, { "required": ["create"] }, { "required": ["delete"] }]);
    schema.insert("anyOf".into(), kinds);
}

impl WorkflowFile {
    /// Whether it consists of stages.
    pub fn is_staged(&self) -> bool {
        !self.create.is_empty() || !self.delete.is_empty()
    }

    /// The stages of an action, in the order in which they run.
    pub fn stages(&self, action: StageAction) -> &[Stage] {
        match action {
            StageAction::Create => &self.create,
            StageAction::Delete => &self.delete,
        }
    }

    fn parse(file: &TomlFile) -> Result<Self, ProjectError> {
        let mut table = file.parse()?;
        let [steps, finally] = ["steps", "finally"].map(|key| places(table.get_ref().get(key), file));
        file.refuse_expressions(table.get_ref())?;
        let create = Rest::take(table.get_mut(), StageAction::Create, file)?;
        let delete = Rest::take(table.get_mut(), StageAction::Delete, file)?;
        let mut workflow: Self = file.decode(table, &["params"])?;
        (workflow.step_places, workflow.finally_places) = (steps, finally);
        let refuse = |why: &str| Err(ProjectError::config(file.place(0), why));
        match (workflow.is_staged(), workflow.steps.is_empty(), workflow.finally.is_empty()) {
            (true, false, _) => return refuse("a workflow has `steps` or stages, not both"),
            (true, true, false) => return refuse("a workflow of stages has no `finally`"),
            (false, true, _) => return refuse("`steps` is empty or missing"),
            (true, true, true) | (false, false, _) => {}
        }
        workflow.create = create.complete(workflow.create)?;
        workflow.delete = delete.complete(workflow.delete)?;
        Ok(workflow)
    }
}

impl Project {
    /// Reads a workflow.
    ///
    /// # Errors
    /// When it does not exist, cannot be understood, has neither steps nor stages, or has a name that
    /// is taken by a module or a word of the command line.
    pub fn workflow(&self, name: &Name) -> Result<WorkflowFile, ProjectError> {
        let path = format!("workflows/{name}.toml");
        let Some(file) = TomlFile::read(self.files(), &path)? else {
            return Err(self.unknown("workflow", name.as_str()));
        };
        if RESERVED.contains(&name.as_str()) {
            return Err(ProjectError::reserved(file.place(0), name.as_str()));
        }
        if self.has_module(name) {
            return Err(ProjectError::config(
                file.place(0),
                format!("`{name}` is the name of a module as well"),
            ));
        }
        WorkflowFile::parse(&file)
    }
}

fn places(list: Option<&Spanned<DeValue<'_>>>, file: &TomlFile) -> Vec<Place> {
    match list.map(Spanned::get_ref) {
        Some(DeValue::Array(items)) => items.iter().map(|item| file.place(item.span().start)).collect(),
        _ => Vec::new(),
    }
}
