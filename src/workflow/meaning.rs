//! What the commands of a run mean: by what is known of their tools, in the unit that runs them, and by what
//! the user says of this run.

use super::{Argv, Run};
use crate::process::tools::ToolRules;

impl Run<'_> {
    /// The rules for a command as this unit runs it.
    pub fn rules_for(&self, argv: &Argv) -> ToolRules {
        self.project.rules_for(self.id(), &argv.program)
    }

    /// Whether a command may change what its tool manages.
    pub fn changes(&self, argv: &Argv) -> bool {
        !self.plan.options.read && self.rules_for(argv).changes(&argv.args)
    }
}
