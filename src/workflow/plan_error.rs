//! Why a request makes no plan.

/// Why a request makes no plan, where the words and their order are right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// `exec` and nothing after module and profile.
    #[error("`exec` has nothing to run: no program after `-- {module} {profile}`")]
    NothingToRun {
        /// The module as it was written.
        module: String,
        /// The profile as it was written.
        profile: String,
    },
    /// `exec` more than once.
    #[error("`exec` stands twice, and there is one command after `--`")]
    ExecTwice,
    /// Arguments, and no command that could take them.
    #[error(
        "nothing takes the arguments {args} after module and profile: there is neither `exec` nor a command"
    )]
    NobodyTakes {
        /// The arguments, quoted.
        args: String,
    },
    /// Arguments, and several commands that could take them.
    #[error("the arguments {args} could go to {}: with several commands and no `exec` none takes them", .commands.join(" and "))]
    SeveralTake {
        /// The arguments, quoted.
        args: String,
        /// The commands.
        commands: Vec<String>,
    },
    /// An option that no step of the pipeline looks at.
    #[error("`{option}` means nothing here: {needs}")]
    Option {
        /// The option.
        option: &'static str,
        /// What would look at it.
        needs: &'static str,
    },
    /// An option of `build` alone, in a pipeline of more.
    #[error("`{option}` is for a pipeline of `build` alone")]
    BuildAlone {
        /// The option.
        option: &'static str,
    },
    /// More units than were allowed.
    #[error("{count} units are selected, and --max-units allows {limit}")]
    TooMany {
        /// How many are selected.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// What others may need as well would be taken down along with the units.
    #[error("`--with-needs` takes along what the units need, and `{command}` would take that down too")]
    NeedsTakenDown {
        /// The command.
        command: String,
    },
    /// A command would rewrite what was rendered instead of its sources.
    #[error("`{command}` would format what was rendered into {rendered}, and its sources are in {sources}")]
    Formats {
        /// The command.
        command: String,
        /// Where commands run, from the project's directory.
        rendered: String,
        /// Where the module is.
        sources: String,
    },
    /// A command asks for an approval, for several units at once and without a terminal.
    #[error("`{command}` asks for an approval, and there is no terminal on which to give it")]
    NobodyToAsk {
        /// The command.
        command: String,
    },
    /// Units take the same lock and none gives it back.
    #[error("{first} and {second} both take lock `{key}`, and no step gives it back in between")]
    SharedLock {
        /// A unit.
        first: String,
        /// A later one.
        second: String,
        /// What both take.
        key: String,
    },
    /// The plan needs a repository or remote that is not there.
    #[error("`{step}` {needs}")]
    Needs {
        /// The step.
        step: String,
        /// What it needs.
        needs: &'static str,
    },
}
