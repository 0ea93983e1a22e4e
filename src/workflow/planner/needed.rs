//! `--with-needs`: the units that were selected, and all that they need.

use crate::Error;
use crate::project::{Configs, UnitId};
use crate::workflow::parse::quote;
use crate::workflow::{Call, PlanError};

/// Adds what the units need, however far away; sorted. Nothing is taken down because somebody needed it: others
/// may.
pub(super) fn with_needs(
    configs: &Configs<'_>,
    units: Vec<UnitId>,
    calls: &[Call],
) -> Result<Vec<UnitId>, Error> {
    let all = configs.unit_graph(units)?.units().to_vec();
    for argv in calls.iter().filter_map(|call| call.argv.as_ref()) {
        if all.iter().any(|unit| configs.rules_for(unit, &argv.program).takes_down(&argv.args)) {
            let words = std::iter::once(&argv.program).chain(&argv.args).map(|word| quote(word));
            return Err(PlanError::NeedsTakenDown { command: words.collect::<Vec<_>>().join(" ") }.into());
        }
    }
    Ok(all)
}
