//! Waiting for an event, with one deadline for all: a test never waits for a time to pass.

use std::path::Path;
use std::time::{Duration, Instant};

/// Long enough for any machine; whoever meets it fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Returns when `condition` holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns when the file exists.
#[track_caller]
pub(crate) fn wait_for_file(path: impl AsRef<Path>) {
    let path = path.as_ref();
    wait_until(&format!("the file {}", path.display()), || path.exists());
}
