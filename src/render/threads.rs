//! Threads that render units beside the first.

use std::thread::{Builder, Scope};

/// Parameters that need one another in a chain, includes and macros take from the stack, and what renders in the
/// first thread must render in the others. Only what is used costs memory.
const STACK: usize = 16 << 20;

/// Begins a thread; where the system gives none, the first one does all the work.
pub(super) fn begin<'scope>(scope: &'scope Scope<'scope, '_>, work: impl FnOnce() + Send + 'scope) {
    let _ = Builder::new().stack_size(STACK).spawn_scoped(scope, work);
}
