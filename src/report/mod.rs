//! Who shows a run. A reporter sees events and nothing else, cannot change the run, and keeps its
//! own troubles (a closed terminal, a full disk) to itself.

mod ci;
mod fanout;
mod human;
mod json;
mod junit;
mod lines;
mod progress;
mod report_file;
mod run_report;
mod screen;
mod several;
mod summary;
mod table;
mod ticker;
mod units;

pub use ci::{Ci, CiService};
pub use fanout::Fanout;
pub use human::{Human, Level};
pub use json::{EventsError, Json};
pub use report_file::{ReportFile, ReportFileError};
