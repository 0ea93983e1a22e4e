//! What the command line says about a run of many units: how many at a time, and when to stop.

use std::ffi::OsString;
use std::num::NonZeroUsize;

use clap::Args;

use crate::workflow::Options;

/// Options of a pipeline for many units.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ManyArgs {
    /// Run so many units at the same time; as many as there are processors, if nothing is said
    #[arg(short, long, value_name = "N", value_parser = jobs, help_heading = "Options for many units")]
    pub jobs: Option<NonZeroUsize>,
    /// After a unit has failed, begin no other (so it is without a word)
    #[arg(long, conflicts_with = "keep_going", help_heading = "Options for many units")]
    pub fail_fast: bool,
    /// After a unit has failed, go on with those that do not need it
    #[arg(long, help_heading = "Options for many units")]
    pub keep_going: bool,
    /// Run several units without asking first
    #[arg(short, long, help_heading = "Options for many units")]
    pub yes: bool,
    /// Take along all that the selected units need, however far away
    #[arg(long, help_heading = "Options for many units")]
    pub with_needs: bool,
    /// Turn the order of the units: those that need others before them, as for what takes down
    #[arg(long, help_heading = "Options for many units")]
    pub reverse: bool,
    /// Refuse if more units than this are selected
    #[arg(long, value_name = "N", value_parser = most, help_heading = "Options for many units")]
    pub max_units: Option<usize>,
    /// Of what is selected, only the units that differ from this revision (without one: from the upstream)
    #[arg(
        long,
        value_name = "REVISION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        help_heading = "Options for many units"
    )]
    pub affected: Option<String>,
    /// Write what became of each unit to FILE, as JSON, or as JUnit XML if it ends in .xml
    #[arg(long, value_name = "FILE", help_heading = "Options for many units")]
    pub report: Option<OsString>,
}

fn jobs(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "write how many units run at the same time, 1 or more: -j 4")
}

fn most(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "write how many units it may be, as a number: --max-units 10")
}

impl ManyArgs {
    /// Says them in the words of a request.
    pub(super) fn put_into(&self, options: &mut Options) {
        options.jobs = self.jobs;
        options.keep_going = self.keep_going;
        (options.reverse, options.with_needs) = (self.reverse, self.with_needs);
        options.max_units = self.max_units;
        options.affected.clone_from(&self.affected);
    }
}
