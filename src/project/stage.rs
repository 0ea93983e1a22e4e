//! One stage of a staged workflow, `[[create]]` or `[[delete]]`, and the order of several.
//!
//! What must hold: a stage comes after all that it needs, and what the file says in which order
//! decides where that leaves a choice.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file_schema::with_params;
use super::toml_file::TomlFile;
use super::value::Node;
use super::{Name, Place, ProjectError, command_word, nearest};

/// What a staged workflow does as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageAction {
    /// Makes something.
    Create,
    /// Takes it away.
    Delete,
}

impl StageAction {
    /// Its word on the command line and in the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
        }
    }
}

/// `[[create]]` and `[[delete]]`: a module of its own within the whole.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = with_params)]
pub struct Stage {
    /// What other stages call it.
    pub name: Name,
    /// The module that it renders; without it the one of its own name.
    pub module: Option<Name>,
    /// The profile, if not that of the command line.
    pub profile: Option<Name>,
    /// The stages that come before it.
    #[serde(default)]
    pub needs: Vec<Name>,
    /// What it runs once it is rendered: words as in `steps`, commands and steps that only look.
    #[serde(deserialize_with = "command_word::list")]
    #[schemars(with = "Vec<command_word::Word>", length(min = 1))]
    pub run: Vec<String>,
    /// Parameters above those of module and profile.
    #[serde(skip)]
    pub params: Node,
    /// Where it stands.
    #[serde(skip, default = "nowhere")]
    pub place: Place,
    #[serde(skip)]
    need_places: Vec<Place>,
    #[serde(skip)]
    run_places: Vec<Place>,
}

fn nowhere() -> Place {
    Place::whole("workflows")
}

impl Stage {
    /// The module that it renders.
    pub fn source(&self) -> &Name {
        self.module.as_ref().unwrap_or(&self.name)
    }

    /// Where one of the stages stands that it needs.
    pub fn place_of_need(&self, index: usize) -> &Place {
        self.need_places.get(index).unwrap_or(&self.place)
    }

    /// Where one of its words stands.
    pub fn place_of_word(&self, index: usize) -> &Place {
        self.run_places.get(index).unwrap_or(&self.place)
    }
}

/// What serde would lose of each stage of an action.
pub(super) struct Rest(Vec<(Node, Place, Vec<Place>, Vec<Place>)>);

impl Rest {
    /// Takes it out of the tree.
    pub(super) fn take(
        table: &mut DeTable<'_>,
        action: StageAction,
        file: &TomlFile,
    ) -> Result<Self, ProjectError> {
        let mut rest = Vec::new();
        if let Some(stages) = table.get_mut(action.word())
            && let DeValue::Array(stages) = stages.get_mut()
        {
            for stage in stages.iter_mut() {
                let place = file.place(stage.span().start);
                if let DeValue::Table(stage) = stage.get_mut() {
                    let params = Node::take_params(stage, file)?;
                    rest.push((params, place, places(stage, "needs", file), places(stage, "run", file)));
                }
            }
        }
        Ok(Self(rest))
    }

    /// Puts it back, checks what serde cannot, and brings the stages into their order.
    pub(super) fn complete(self, mut stages: Vec<Stage>) -> Result<Vec<Stage>, ProjectError> {
        for (stage, (params, place, needs, run)) in stages.iter_mut().zip(self.0) {
            (stage.params, stage.place, stage.need_places, stage.run_places) = (params, place, needs, run);
        }
        for (at, stage) in stages.iter().enumerate() {
            let refuse = |message: String| Err(ProjectError::config(stage.place.clone(), message));
            if let Some(first) = stages[..at].iter().find(|other| other.name == stage.name) {
                let other = if first.source() == stage.source() {
                    "; a module may be in two stages of two names"
                } else {
                    ""
                };
                return refuse(format!("stage `{}` stands at {} already{other}", stage.name, first.place));
            }
            if stage.run.is_empty() {
                return refuse(format!("stage `{}` runs nothing: `run` is empty", stage.name));
            }
        }
        in_order(stages)
    }
}

fn places(table: &DeTable<'_>, key: &str, file: &TomlFile) -> Vec<Place> {
    let place = |item: &Spanned<DeValue<'_>>| file.place(item.span().start);
    match table.get(key).map(Spanned::get_ref) {
        Some(DeValue::Array(items)) => items.iter().map(place).collect(),
        _ => Vec::new(),
    }
}

/// Each after what it needs, else as they stand.
fn in_order(mut stages: Vec<Stage>) -> Result<Vec<Stage>, ProjectError> {
    for stage in &stages {
        for (at, need) in stage.needs.iter().enumerate() {
            if !stages.iter().any(|other| other.name == *need) {
                let place = stage.need_places.get(at).unwrap_or(&stage.place).clone();
                let known: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
                let hint = match nearest(need.as_str(), known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the stages here: {}", known.join(", ")),
                };
                let message = format!("stage `{}` needs `{need}`, and there is no such stage", stage.name);
                return Err(ProjectError::config_hint(place, message, Some(hint)));
            }
        }
    }
    let mut ordered: Vec<Stage> = Vec::with_capacity(stages.len());
    while !stages.is_empty() {
        let done = |name: &Name| ordered.iter().any(|stage| stage.name == *name);
        match stages.iter().position(|stage| stage.needs.iter().all(done)) {
            Some(next) => ordered.push(stages.remove(next)),
            None => return Err(circle(&stages)),
        }
    }
    Ok(ordered)
}

/// Each of these needs another of them.
fn circle(stages: &[Stage]) -> ProjectError {
    let mut path: Vec<&Stage> = Vec::new();
    let mut next = stages.first();
    while let Some(stage) = next {
        if let Some(start) = path.iter().position(|other| other.name == stage.name) {
            let names: Vec<String> = path[start..]
                .iter()
                .chain([&stage])
                .map(|stage| format!("{} ({})", stage.name, stage.place))
                .collect();
            let message = format!("stages need each other in a circle: {}", names.join(" -> "));
            return ProjectError::config(stage.place.clone(), message);
        }
        path.push(stage);
        next = stage.needs.iter().find_map(|need| stages.iter().find(|other| other.name == *need));
    }
    ProjectError::config(nowhere(), "stages need each other in a circle")
}

#[cfg(test)]
mod tests {
    use crate::project::tests::Sample;
    use crate::project::{Name, ProjectError, WorkflowFile};

    fn read(text: &str) -> Result<WorkflowFile, ProjectError> {
        let sample = Sample::new(&[("workflows/go.toml", text)]);
        sample.project().workflow(&Name::new("go").unwrap())
    }

    fn stage(name: &str, needs: &str) -> String {
        format!("[[create]]\nname = '{name}'\nneeds = [{needs}]\nrun = ['true:']\n")
    }

    #[test]
    fn stages_are_in_the_order_of_their_needs_else_as_they_stand() {
        let text = [stage("d", "'c', 'b'"), stage("b", ""), stage("a", ""), stage("c", "'a'")].concat();
        let file = read(&text).unwrap();
        let names: Vec<&str> = file.create.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "c", "d"]);
        assert_eq!(file.create[0].place.to_string(), "workflows/go.toml:5");
        assert_eq!(file.create[3].place_of_word(0).to_string(), "workflows/go.toml:4");
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_line() {
        for (text, message) in [
            (
                stage("a", "'b'") + &stage("b", "'a'"),
                "1: stages need each other in a circle: a (workflows/go.toml:1) -> b (workflows/go.toml:5) -> a (workflows/go.toml:1)",
            ),
            (stage("a", "'a'"), "1: stages need each other in a circle: a"),
            (stage("abc", "") + &stage("b", "'abd'"), "7: stage `b` needs `abd`, and there is no such stage"),
            (stage("a", "") + &stage("a", ""), "5: stage `a` stands at workflows/go.toml:1 already"),
            ("[[create]]\nname = 'a'\nrun = []\n".to_owned(), "1: stage `a` runs nothing"),
            ("[[create]]\nname = 'a'\n".to_owned(), "1: missing field `run`"),
            ("[[create]]\nname = 'a'\nrun = ['x:']\nneed = []\n".to_owned(), "4: unknown key `need`"),
            (
                "steps = ['build']\n".to_owned() + &stage("a", ""),
                "1: a workflow has `steps` or stages, not both",
            ),
            ("finally = ['x:']\n".to_owned() + &stage("a", ""), "1: a workflow of stages has no `finally`"),
            ("description = 'x'\n".to_owned(), "1: `steps` is empty or missing"),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("workflows/go.toml:{message}")), "{error}\n{text}");
        }
    }
}
