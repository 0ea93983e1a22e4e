//! What the command line says about the stages of a workflow: where to begin.

use clap::Args;

use crate::workflow::Options;

/// Options of `create` and `delete`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StageArgs {
    /// Go on where the last run of the workflow stopped, with the word that did not finish
    #[arg(long, help_heading = "Options for staged workflows")]
    pub resume: bool,
    /// Begin with this stage; those before it are taken to be done
    #[arg(
        long,
        value_name = "STAGE",
        conflicts_with = "resume",
        help_heading = "Options for staged workflows"
    )]
    pub from: Option<String>,
}

impl StageArgs {
    /// Says them in the words of a request.
    pub(super) fn put_into(&self, options: &mut Options) {
        options.resume = self.resume;
        options.from.clone_from(&self.from);
    }
}
