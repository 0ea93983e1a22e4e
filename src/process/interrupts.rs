//! What becomes of the signals that a run is sent.
//!
//! A terminal gives Ctrl-C to the whole foreground group, so the tool has it already: sending it
//! on would be the second interrupt that makes tofu abort. What was sent to lockstep alone is
//! passed to the tool, each signal once. What must hold:
//!
//! - A signal never hits a stranger: a tool can be told only until it is reaped, and reaping and
//!   telling exclude each other.
//! - A signal never gets lost: it comes before the decision to start a tool (which is then not
//!   taken), or between decision and start (it is kept and passed on as soon as there is a tool),
//!   or while the tool runs.
//! - What asked lockstep itself to end stays [`requested`](Interrupts::requested) for the rest of
//!   the run: no further command starts. A tool that ended well all the same is pushed and
//!   unlocked, for its work is done; nothing here is ever cleared.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The signals that a run reacts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Ctrl-C.
    Int,
    /// A polite request to end.
    Term,
    /// The terminal is gone.
    Hup,
    /// Ctrl-\.
    Quit,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Int, Self::Term, Self::Hup, Self::Quit];

    /// The signal's number: the same on Linux and macOS.
    pub const fn number(self) -> u8 {
        match self {
            Self::Hup => 1,
            Self::Int => 2,
            Self::Quit => 3,
            Self::Term => 15,
        }
    }

    pub(super) fn os(self) -> rustix::process::Signal {
        match self {
            Self::Hup => rustix::process::Signal::HUP,
            Self::Int => rustix::process::Signal::INT,
            Self::Quit => rustix::process::Signal::QUIT,
            Self::Term => rustix::process::Signal::TERM,
        }
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Int => "SIGINT",
            Self::Term => "SIGTERM",
            Self::Hup => "SIGHUP",
            Self::Quit => "SIGQUIT",
        })
    }
}

/// Passes a signal to a tool. Called only while the tool has not been reaped.
type Send = Box<dyn FnMut(Signal) + std::marker::Send>;

/// Shared between whoever receives signals and the run; cloning shares.
///
/// A program that embeds lockstep ends a run with `deliver(Signal::Term, false)` from any thread.
///
/// ```
/// use lockstep::process::{Interrupts, Signal};
/// let interrupts = Interrupts::new();
/// let cancel = interrupts.clone();
/// cancel.deliver(Signal::Term, false);
/// assert_eq!(interrupts.requested(), Some(Signal::Term));
/// assert!(interrupts.start().is_err());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Interrupts(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    inner: Mutex<Inner>,
    /// Told when lockstep itself is asked to end.
    asked: Condvar,
    /// The process was continued since that was counted last.
    continued: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The tools that are being started or run, oldest first.
    tools: Vec<Tool>,
    next: u64,
    /// The first request to end, from outside of any tool or to lockstep itself.
    requested: Option<Signal>,
    /// How often the process was continued.
    continued: u64,
    /// How many runs of several units there are now.
    several: usize,
}

struct Tool {
    id: u64,
    /// None while it is being started.
    send: Option<Send>,
    /// What it was told already, or will be told once it runs.
    told: Vec<Signal>,
    /// The first signal that came while it ran, be it that the terminal told it.
    interrupted: Option<Signal>,
}

impl std::fmt::Debug for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = self.send.is_some();
        f.debug_struct("Tool").field("running", &running).field("told", &self.told).finish()
    }
}

impl Tool {
    /// Each signal once, now or when it runs.
    fn tell(&mut self, signal: Signal) {
        if self.told.contains(&signal) {
            return;
        }
        self.told.push(signal);
        if let Some(send) = &mut self.send {
            send(signal);
        }
    }
}

impl Interrupts {
    /// Nothing received yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of a signal. `from_terminal` says that the terminal gave it to the whole
    /// foreground group, the tool included.
    pub fn deliver(&self, signal: Signal, from_terminal: bool) {
        let mut inner = self.lock();
        let all_run = !inner.tools.is_empty() && inner.tools.iter().all(|tool| tool.send.is_some());
        // With several units the user at the terminal means all of them: the tools that run got the
        // signal, and those that would come after them shall not begin.
        if !(from_terminal && all_run) || inner.several > 0 {
            inner.requested.get_or_insert(signal);
            self.0.asked.notify_all();
        }
        for tool in &mut inner.tools {
            tool.interrupted.get_or_insert(signal);
            // A tool that runs got the terminal's signals; what it makes of them is its exit code.
            // Of one that is being started it cannot be told. It is told again, within the
            // millisecond of its start: if it got the first it is dead or has done nothing yet.
            if !(from_terminal && tool.send.is_some()) {
                tool.tell(signal);
            }
        }
    }

    /// Takes note that this process was stopped and goes on now: what it knew of the lock is old.
    pub fn deliver_continue(&self) {
        self.0.continued.store(true, Ordering::Release);
    }

    /// The same as a flag, for a signal handler to set: what the handler did is known before the process
    /// does anything else, and what a thread would do about it may come too late.
    pub fn continued_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.continued)
    }

    /// From here on, until what is returned is dropped, a signal of the terminal asks lockstep to end
    /// as well, also while tools run that got it themselves: this is a run of several units.
    pub fn of_several(&self) -> Several {
        self.lock().several += 1;
        Several(self.clone())
    }

    /// The request to end that was received outside of any tool, or sent to lockstep itself. Once
    /// set it stays: no command starts any more, while pushing and unlocking go on.
    pub fn requested(&self) -> Option<Signal> {
        self.lock().requested
    }

    /// Waits until lockstep is asked to end, at most so long; the request, if there is one.
    pub fn wait(&self, at_most: Duration) -> Option<Signal> {
        let inner = self.0.asked.wait_timeout_while(self.lock(), at_most, |inner| inner.requested.is_none());
        inner.unwrap_or_else(PoisonError::into_inner).0.requested
    }

    /// How often the process was found to have been stopped and continued. Each unit of a run remembers what
    /// it was when it last made sure of its lock.
    pub fn continuations(&self) -> u64 {
        let mut inner = self.lock();
        if self.0.continued.swap(false, Ordering::AcqRel) {
            inner.continued += 1;
        }
        inner.continued
    }

    /// The decision to start a tool; from here on no signal gets lost on it. To be followed by
    /// [`Starting::running`] as soon as it can be told anything; dropped if the start fails.
    ///
    /// # Errors
    /// The request to end that was received before: do not start.
    pub fn start(&self) -> Result<Starting, Signal> {
        let mut inner = self.lock();
        if let Some(signal) = inner.requested {
            return Err(signal);
        }
        let id = inner.next;
        inner.next += 1;
        inner.tools.push(Tool { id, send: None, told: Vec::new(), interrupted: None });
        drop(inner);
        Ok(Starting(Slot { interrupts: self.clone(), id }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves these few fields whole; going deaf to signals would be worse.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says for as long as it lives that there is a run of several units.
#[derive(Debug)]
#[must_use = "it says so only while it lives"]
pub struct Several(Interrupts);

impl Drop for Several {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.several = inner.several.saturating_sub(1);
    }
}

/// A tool's place among those that are told; given up when dropped.
#[derive(Debug)]
struct Slot {
    interrupts: Interrupts,
    id: u64,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.interrupts.lock().tools.retain(|tool| tool.id != self.id);
    }
}

/// A tool that is being started: signals for it are kept.
#[derive(Debug)]
#[must_use = "signals are kept for this tool until it runs or is given up"]
pub struct Starting(Slot);

impl Starting {
    /// The tool runs: `send` passes it a signal, at once for those that were kept.
    pub fn running(self, mut send: impl FnMut(Signal) + std::marker::Send + 'static) -> Running {
        let Self(slot) = self;
        let mut inner = slot.interrupts.lock();
        if let Some(tool) = inner.tools.iter_mut().find(|tool| tool.id == slot.id) {
            tool.told.iter().copied().for_each(&mut send);
            tool.send = Some(Box::new(send));
        }
        drop(inner);
        Running(slot)
    }
}

/// A tool that runs and is told what is not from the terminal.
#[derive(Debug)]
#[must_use = "the tool must be reaped through this"]
pub struct Running(Slot);

impl Running {
    /// A way to it for somebody else, for as long as it runs.
    pub(super) fn reach(&self) -> Reach {
        Reach { interrupts: self.0.interrupts.clone(), id: self.0.id }
    }

    /// What it was told so far, by this process and not by the terminal.
    pub(super) fn told(&self) -> Vec<Signal> {
        let inner = self.0.interrupts.lock();
        inner.tools.iter().find(|tool| tool.id == self.0.id).map(|tool| tool.told.clone()).unwrap_or_default()
    }

    /// The first signal that came while it ran: one that was sent on, or one of the terminal's, which it got itself.
    pub(super) fn interrupted(&self) -> Option<Signal> {
        let inner = self.0.interrupts.lock();
        inner.tools.iter().find(|tool| tool.id == self.0.id).and_then(|tool| tool.interrupted)
    }

    /// Reaps the tool while no signal can be on its way to it; afterwards none can.
    /// `reap` must not block.
    pub fn ended<T>(self, reap: impl FnOnce() -> T) -> T {
        let mut inner = self.0.interrupts.lock();
        let reaped = reap();
        inner.tools.retain(|tool| tool.id != self.0.id);
        reaped
    }
}

/// A way to one tool. Nothing that is done through it can hit another.
#[derive(Debug)]
pub(super) struct Reach {
    interrupts: Interrupts,
    id: u64,
}

impl Reach {
    /// Tells the tool a signal that nobody sent, unless it was told that already; whether it still runs.
    pub(super) fn tell(&self, signal: Signal) -> bool {
        let mut inner = self.interrupts.lock();
        let tool = inner.tools.iter_mut().find(|tool| tool.id == self.id);
        tool.map(|tool| tool.tell(signal)).is_some()
    }

    /// Does something to the tool that must not happen once it is reaped; whether it still runs.
    pub(super) fn while_it_runs(&self, act: impl FnOnce()) -> bool {
        let inner = self.interrupts.lock();
        let runs = inner.tools.iter().any(|tool| tool.id == self.id);
        if runs {
            act();
        }
        runs
    }
}

#[cfg(test)]
mod tests;
