//! One reporter that is several.

use std::sync::Arc;

use crate::workflow::{Event, Reporter};

/// Hands each event to every reporter, in order.
#[derive(Clone, Default)]
pub struct Fanout(Vec<Arc<dyn Reporter>>);

impl Fanout {
    /// These reporters; none is fine.
    pub fn new(reporters: Vec<Arc<dyn Reporter>>) -> Self {
        Self(reporters)
    }
}

impl Reporter for Fanout {
    fn emit(&self, event: &Event) {
        for reporter in &self.0 {
            reporter.emit(event);
        }
    }

    fn emit_all(&self, events: &[Event]) {
        for reporter in &self.0 {
            reporter.emit_all(events);
        }
    }
}
