//! Children start with the signals of an ordinary shell, whatever the tests were started with: a job
//! in the background, or `nohup`, ignores some, other launchers block some, and both are inherited.

use std::sync::Once;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// Unblocks every signal for this thread and what it starts. Once for the whole test binary: a signal that is ignored gets a handler that does nothing, which a
/// child does not inherit. For this process it stays as good as ignored.
pub(crate) fn as_in_a_shell() {
    nix::sys::signal::SigSet::all().thread_unblock().expect("these are the signals that exist");
    static ONCE: Once = Once::new();
    static RAISED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    ONCE.call_once(|| {
        let raised = RAISED.get_or_init(Arc::default);
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            if ignored() >> (signal - 1) & 1 == 1 {
                signal_hook::flag::register(signal, Arc::clone(raised)).expect("handlers can be installed");
            }
        }
    });
}

fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
