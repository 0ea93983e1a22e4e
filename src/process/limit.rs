//! A limit of time for a tool: when it is over, the tool is asked to end, and waited for.
//!
//! What must hold: a stranger is never hit (telling and reaping exclude each other, see
//! [`Interrupts`](super::Interrupts)); the tool gets SIGTERM once, from whatever side; it is killed only
//! if the limit says so, and only that one process.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, kill_process};

use super::Signal;
use super::interrupts::Reach;

/// How long a tool may run.
#[derive(Clone)]
pub struct Limit {
    /// From its start until it is asked to end.
    pub timeout: Duration,
    /// From then until it is killed; never, if nothing is said.
    pub kill_after: Option<Duration>,
    /// Is told what is done, when it is done, from another thread.
    pub notice: Arc<dyn Fn(Expiry) + Send + Sync>,
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timeout, kill_after, .. } = self;
        f.debug_struct("Limit").field("timeout", timeout).field("kill_after", kill_after).finish()
    }
}

/// What was done to a tool whose time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It was asked to end.
    Asked,
    /// It was killed, for it had not ended.
    Killed,
}

/// Waits beside the tool for its limit.
pub(super) struct Watch {
    /// Dropped when the tool has ended.
    tool: Sender<(Reach, Pid)>,
    thread: JoinHandle<bool>,
}

impl Watch {
    /// Made before the tool is started: nothing may run whose limit cannot be watched.
    pub(super) fn new(limit: Limit) -> io::Result<Self> {
        let (tool, told) = channel();
        let watch = move || watch(&limit, &told);
        let thread = std::thread::Builder::new().name("limit".to_owned()).spawn(watch)?;
        Ok(Self { tool, thread })
    }

    /// The tool runs, and its time with it.
    pub(super) fn started(&self, tool: Reach, pid: Pid) {
        // The thread listens until this sender is gone.
        let _ = self.tool.send((tool, pid));
    }

    /// The tool has ended: whether its time had been over before.
    pub(super) fn ended(self) -> bool {
        drop(self.tool);
        self.thread.join().unwrap_or(true)
    }
}

fn watch(limit: &Limit, told: &Receiver<(Reach, Pid)>) -> bool {
    let over = |time| told.recv_timeout(time).err() == Some(RecvTimeoutError::Timeout);
    let Ok((tool, pid)) = told.recv() else { return false };
    let kill = || {
        // It may have ended a moment ago (not reaped yet).
        let _ = kill_process(pid, rustix::process::Signal::KILL);
    };
    if !over(limit.timeout) || !tool.tell(Signal::Term) {
        return false;
    }
    (limit.notice)(Expiry::Asked);
    if limit.kill_after.is_some_and(over) && tool.while_it_runs(kill) {
        (limit.notice)(Expiry::Killed);
    }
    true
}
