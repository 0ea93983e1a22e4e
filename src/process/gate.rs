//! One start of a child at a time in this process.
//!
//! Between making a descriptor inheritable and starting the tool that shall have it, any other
//! child that is started gets it too, and keeps a lock held that is not its own (a persistent ssh
//! connection does so for minutes). The table of descriptors belongs to the process and not to a
//! runner, and so does this gate: every spawner of the crate passes through it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// To be held from before the first descriptor is made inheritable until the child is started.
pub(crate) fn start_alone() -> MutexGuard<'static, ()> {
    static GATE: Mutex<()> = Mutex::new(());
    GATE.lock().unwrap_or_else(PoisonError::into_inner)
}
