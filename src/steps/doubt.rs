//! What an exit code does not tell, asked of the person at the terminal: whether a command that failed has
//! changed anything, and whether one that ended well was answered with a yes.
//!
//! Without an answer the lock stays: that costs a command, and the opposite a broken environment.

use crate::Error;
use crate::process::Stdio;
use crate::process::tools::ToolRules;
use crate::workflow::{Argv, Call, Run, State};

/// Whether a command that failed has certainly changed nothing, as its user says, who saw it.
pub(super) fn changed_nothing(call: &Call, code: u8, run: &Run<'_>, state: &State) -> bool {
    if state.lease.is_none() {
        return false;
    }
    let question = format!(
        "`{}` ended with {code}. Did it change anything? The lock stays unless you say that it did not [Y/n]",
        call.label
    );
    answer(run, &question).is_some_and(|answer| ["n", "no"].iter().any(|no| answer.eq_ignore_ascii_case(no)))
}

/// A tool that ends with 0 although its user said no must not be believed.
///
/// # Errors
/// [`Error::Unproven`] unless its user says that he said yes.
pub(super) fn confirmed(
    call: &Call,
    argv: &Argv,
    rules: &ToolRules,
    run: &Run<'_>,
    state: &State,
) -> Result<(), Error> {
    if state.lease.is_none() || !rules.may_be_declined(&argv.args) {
        return Ok(());
    }
    let question = format!(
        "`{}` ends with 0 also when its question was answered with no. Did it do all of it? [y/N]",
        call.label
    );
    if answer(run, &question)
        .is_some_and(|answer| ["y", "yes"].iter().any(|yes| answer.eq_ignore_ascii_case(yes)))
    {
        return Ok(());
    }
    Err(Error::Unproven {
        program: call.label.clone(),
        why: "also when its question was answered with no".into(),
    })
}

/// What the person says who had the command on his terminal; nothing where nobody can be asked.
fn answer(run: &Run<'_>, question: &str) -> Option<String> {
    let ask = run.services.ask.as_ref().filter(|_| run.services.stdio == Stdio::Inherit)?;
    ask(question).map(|answer| answer.trim().to_owned())
}
