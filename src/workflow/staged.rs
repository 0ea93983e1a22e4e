//! The plan of a staged workflow's action: its stages, each with all that it runs.

use super::{Call, Options, Plan, UnitPlan};
use crate::project::{Name, Place, Project, StageAction};

/// What `create` or `delete` will do.
#[derive(Clone, Debug)]
pub struct StagedPlan {
    /// The workflow.
    pub workflow: Name,
    /// The profile of the command line.
    pub profile: Name,
    /// Which of the two.
    pub action: StageAction,
    /// The project as the stages see it.
    pub project: Project,
    /// The stages in the order in which they run.
    pub stages: Vec<StagePlan>,
}

/// One stage.
#[derive(Clone, Debug)]
pub struct StagePlan {
    /// Its name.
    pub name: Name,
    /// Its unit.
    pub unit: UnitPlan,
    /// What it runs: first of all, its unit is rendered.
    pub calls: Vec<Call>,
    /// The same as words.
    pub words: Vec<String>,
}

impl StagePlan {
    /// It alone as a plan.
    pub fn plan(&self, options: &Options) -> Plan {
        Plan {
            units: vec![self.unit.clone()],
            calls: self.calls.clone(),
            finally: Vec::new(),
            left_out: None,
            builds_all: false,
            options: options.clone(),
            staged: None,
        }
    }
}

/// Why a staged workflow cannot be run as it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// `create` of something that has no stages.
    #[error("`{step}` is for a workflow of stages, and there is none called `{word}`")]
    NotStaged {
        /// `create` or `delete`.
        step: String,
        /// What was named, safe to print.
        word: String,
        /// What could be meant.
        known: Vec<String>,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// An action that the workflow does not have.
    #[error("workflows/{workflow}.toml has no [[{action}]]")]
    NoStages {
        /// The workflow.
        workflow: String,
        /// The action.
        action: &'static str,
    },
    /// A step of a unit in the line of a staged workflow.
    #[error("`{step}` means nothing to workflow `{workflow}`: its stages say what runs")]
    NotHere {
        /// The step.
        step: String,
        /// The workflow.
        workflow: String,
    },
    /// A step that does something, for one stage by itself.
    #[error("`{step}` cannot be done for `{unit}` alone, which is stage `{stage}` of workflow `{workflow}`")]
    Alone {
        /// The step.
        step: String,
        /// The stage's unit.
        unit: String,
        /// The stage.
        stage: String,
        /// The workflow.
        workflow: String,
        /// What to type instead, without the program.
        line: String,
    },
    /// A staged workflow where a step should stand.
    #[error("`{workflow}` is a workflow of stages, which comes after `--`")]
    AsStep {
        /// The workflow.
        workflow: String,
    },
    /// A word that a stage cannot run.
    #[error("{place}: `{word}` cannot stand in a stage")]
    Word {
        /// Where it stands.
        place: Place,
        /// The word.
        word: String,
    },
    /// `--from` names no stage.
    #[error("`{workflow}` has no stage `{stage}` to begin with")]
    UnknownStage {
        /// The workflow.
        workflow: String,
        /// What was named, safe to print.
        stage: String,
        /// The stages.
        known: Vec<String>,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// Nothing was begun here, or all is done.
    #[error(
        "there is nothing to resume: no {action} of `{unit}` was begun here that has not come to its end"
    )]
    NothingToResume {
        /// The action.
        action: &'static str,
        /// Workflow and profile.
        unit: String,
    },
    /// The other action was begun.
    #[error("the {begun} of `{unit}` was begun here and not finished, and no {action}")]
    OtherAction {
        /// What is asked for.
        action: &'static str,
        /// What was begun.
        begun: &'static str,
        /// Workflow and profile.
        unit: String,
    },
    /// The file is no longer what it was.
    #[error("`{unit}` has other stages now than when its {action} was begun: {what}")]
    OtherStages {
        /// Workflow and profile.
        unit: String,
        /// The action.
        action: &'static str,
        /// What differs.
        what: String,
    },
    /// The note of how far it was cannot be understood.
    #[error("`{path}` cannot be understood")]
    Unreadable {
        /// The file.
        path: String,
    },
}

impl StageError {
    /// What helps.
    pub fn cure(&self) -> String {
        let words = |unit: &str| unit.replace('/', " ");
        match self {
            Self::NotStaged { nearest: Some(near), .. } | Self::UnknownStage { nearest: Some(near), .. } => {
                format!("did you mean `{near}`?")
            }
            Self::NotStaged { known, .. } if known.is_empty() => {
                "this project has no workflow of stages yet: see docs/staged-workflows.md".to_owned()
            }
            Self::NotStaged { known, .. } => format!("known workflows of stages: {}", known.join(", ")),
            Self::UnknownStage { known, .. } => format!("its stages: {}", known.join(", ")),
            Self::NoStages { workflow, action } => {
                format!("say what it is made of: [[{action}]] in workflows/{workflow}.toml")
            }
            Self::NotHere { workflow, .. } | Self::AsStep { workflow } => {
                format!("lockstep create -- {workflow} PROFILE")
            }
            Self::Alone { line, .. } => format!("as a part of the whole: lockstep {line}"),
            Self::Word { .. } => {
                "a stage runs commands (`tofu:apply`) and steps that only look; locks and pushes belong to the \
                 whole"
                    .to_owned()
            }
            Self::NothingToResume { action, unit } => {
                format!("from the beginning: lockstep {action} -- {}", words(unit))
            },
            Self::OtherAction { begun, unit, .. } => format!("lockstep {begun} --resume -- {}", words(unit)),
            Self::OtherStages { action, unit, .. } => {
                format!("name the stage to go on with: lockstep {action} --from STAGE -- {}", words(unit))
            }
            Self::Unreadable { .. } => "remove it, and name the stage to go on with: --from STAGE".to_owned(),
        }
    }
}
