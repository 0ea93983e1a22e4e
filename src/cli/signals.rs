//! The one place that installs signal handlers: what this process is sent becomes a delivery to
//! [`Interrupts`].
//!
//! Installed just before a run, before the lock is taken, so that from then on no signal ends
//! lockstep while it holds something. What must hold:
//!
//! - Signals that were ignored when lockstep started (`nohup`, a background job of a script) stay
//!   ignored: the tool inherits that. Where this cannot be read (no `/proc`) they are handled.
//! - SIGTSTP, SIGSTOP and the rest keep their default: Ctrl-Z stops lockstep and tool together.
//! - A signal that the terminal gave to the whole foreground group is told from one that somebody
//!   sent to this process. Sent to a whole group by somebody, it looks like the latter, and the
//!   tool gets it twice; the kernel does not tell.

use std::io;
use std::thread::JoinHandle;

use signal_hook::consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::exfiltrator::origin::Origin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::siginfo::Cause;

use crate::process::{Interrupts, Signal};

/// Keeps the handlers at work. To be held until the process ends: once it is gone, the signals
/// that it handled do nothing at all.
#[must_use = "signals are delivered only while this lives"]
pub(super) struct Handlers {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// Installs the handlers.
///
/// # Errors
/// When the operating system has no descriptor or thread to give. Nothing should be locked then.
#[expect(clippy::disallowed_methods, reason = "this file is the one that installs handlers")]
pub(super) fn install(interrupts: &Interrupts) -> io::Result<Handlers> {
    let ignored = ignored_at_start();
    let is_ignored = |signal: &i32| ignored >> (signal - 1) & 1 == 1;
    let mut wanted: Vec<i32> = vec![SIGHUP, SIGINT, SIGQUIT, SIGTERM];
    wanted.retain(|signal| !is_ignored(signal));
    // In the handler itself: the thread below may get its turn only when the tool's end, which came while
    // all of us stood still, has been acted on.
    if !is_ignored(&SIGCONT) {
        signal_hook::flag::register(SIGCONT, interrupts.continued_flag())?;
    }
    if is_ignored(&SIGCHLD) {
        // Some launchers ignore it, and then nobody learns how a child ended. A handler that does
        // nothing ends that.
        wanted.push(SIGCHLD);
    }
    let mut signals = SignalsInfo::<WithOrigin>::new(&wanted)?;
    let handle = signals.handle();
    let interrupts = interrupts.clone();
    let leader = leads_its_session();
    let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for origin in signals.forever() {
            deliver(&interrupts, &origin, leader);
        }
    })?;
    Ok(Handlers { handle, thread: Some(thread) })
}

impl Drop for Handlers {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported; there is nothing to add to it.
            let _ = thread.join();
        }
    }
}

fn deliver(interrupts: &Interrupts, origin: &Origin, session_leader: bool) {
    let signal = match origin.signal {
        SIGHUP => Signal::Hup,
        SIGINT => Signal::Int,
        SIGQUIT => Signal::Quit,
        SIGTERM => Signal::Term,
        _ => return,
    };
    interrupts.deliver(signal, from_terminal(signal, origin, session_leader));
}

/// Whether the whole foreground group, the tool included, got this signal from the terminal.
fn from_terminal(signal: Signal, origin: &Origin, session_leader: bool) -> bool {
    let by_kernel = match origin.cause {
        Cause::Kernel => true,
        // macOS does not say how a signal was raised, only who sent it, if anybody did.
        Cause::Unknown => origin.process.is_none(),
        _ => false,
    };
    match signal {
        Signal::Term => false,
        // Of a terminal that goes away only the session's leader is told.
        Signal::Hup => by_kernel && !session_leader,
        Signal::Int | Signal::Quit => by_kernel,
    }
}

/// The session's number is 0 where its leader lives in another namespace of processes (a job of a
/// container's runner): then somebody else leads it.
fn leads_its_session() -> bool {
    nix::unistd::getsid(None).is_ok_and(|session| session == nix::unistd::getpid())
}

/// The signals that were ignored when this process started, as a mask; none where it cannot be told.
fn ignored_at_start() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
