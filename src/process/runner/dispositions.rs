//! Children of the tests here start with the signals of an ordinary shell, whatever the tests were
//! started with.

use std::sync::Arc;

/// A launcher that blocks or ignores signals would have the tools of these tests deaf to them: both are
/// inherited. What has a handler is not.
pub(super) fn as_in_a_shell() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    nix::sys::signal::SigSet::all().thread_unblock().unwrap();
    ONCE.call_once(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        for signal in [1, 2, 3, 15].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 1) {
            #[expect(clippy::disallowed_methods, reason = "for the children of these tests")]
            signal_hook::flag::register(signal, Arc::default()).unwrap();
        }
    });
}
