//! Who shows a run. A reporter sees events and nothing else, cannot change the run, and keeps its
//! own troubles (a closed terminal, a full disk) to itself.

mod ci;
mod fanout;
mod human;
mod json;
mod progress;
mod text;

pub use ci::{Ci, CiService};
pub use fanout::Fanout;
pub use human::{Human, Level};
pub use json::Json;
