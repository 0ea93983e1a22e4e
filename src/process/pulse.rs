//! Whether this process stood still for a while without anybody saying so: its machine slept, or it was
//! frozen together with its container. A stop by a signal is told by [`Interrupts`](super::Interrupts).
//!
//! A thread looks at the clocks twice a second. What must hold: a pause is noticed by whoever asks first
//! after it, whether that thread is awake again or not. A machine that is so busy that the thread does not
//! get its turn looks the same, and then somebody makes sure of something once more than needed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

use crate::env::{Clock, Stopwatch};

const BEAT: Duration = Duration::from_millis(500);
/// So many seconds without a beat are a pause.
const PAUSE: u64 = 2;

/// Looks for pauses for as long as it lives.
#[derive(Debug)]
pub struct Pulse {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    beats: Mutex<Beats>,
    over: Condvar,
}

#[derive(Debug)]
struct Beats {
    clock: Clock,
    last: Beat,
    pauses: u64,
    over: bool,
}

/// A moment, by the clock on the wall, which goes on while a machine sleeps, and by one that nobody sets.
#[derive(Clone, Copy, Debug)]
struct Beat {
    wall: Timestamp,
    steady: Stopwatch,
}

impl Beat {
    fn now(clock: Clock) -> Self {
        Self { wall: clock.now(), steady: Stopwatch::start() }
    }
}

/// Whether two moments that follow each other are too far apart: by either clock, for each of them stands
/// still in another kind of pause. The clock on the wall tells whole seconds, and may be set back.
fn is_pause(last: Timestamp, now: Timestamp, steady_milliseconds: u64) -> bool {
    let wall = now.as_second().saturating_sub(last.as_second());
    wall > i64::try_from(PAUSE).unwrap_or(i64::MAX) || steady_milliseconds > PAUSE * 1000
}

impl Pulse {
    /// Begins to look.
    ///
    /// # Errors
    /// When the operating system has no thread to give.
    pub fn start(clock: Clock) -> std::io::Result<Self> {
        let beats = Beats { clock, last: Beat::now(clock), pauses: 0, over: false };
        let shared = Arc::new(Shared { beats: Mutex::new(beats), over: Condvar::new() });
        let beating = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("pulse".to_owned()).spawn(move || beating.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// How often this process has stood still so far.
    pub fn pauses(&self) -> u64 {
        let mut beats = self.shared.lock();
        beats.beat();
        beats.pauses
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.over.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported; there is nothing to add to it.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut beats = self.lock();
        while !beats.over {
            beats.beat();
            beats = self.over.wait_timeout(beats, BEAT).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Beats> {
        // What it holds is whole at every moment.
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beats {
    fn beat(&mut self) {
        let now = Beat::now(self.clock);
        if is_pause(self.last.wall, now.wall, self.last.steady.milliseconds()) {
            self.pauses += 1;
        }
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_shows_on_either_clock() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (wall, steady, expected) in [
            (0, 0, false),
            (1, 500, false),
            (2, 1900, false),
            // The machine slept: the steady clock slept too.
            (3600, 400, true),
            // Frozen, and both went on.
            (3, 2600, true),
            // Frozen, and the clock on the wall was set back meanwhile.
            (-3600, 2600, true),
            (-3600, 500, false),
        ] {
            assert_eq!(is_pause(at(10_000), at(10_000 + wall), steady), expected, "{wall} {steady}");
        }
    }

    #[test]
    fn who_asks_first_after_a_pause_learns_of_it_and_only_once() {
        let pulse = Pulse::start(Clock::System).unwrap();
        let before = pulse.pauses();
        {
            // As if nobody had had a turn since then.
            let mut beats = pulse.shared.lock();
            beats.last.wall = Timestamp::UNIX_EPOCH;
        }
        assert_eq!(pulse.pauses(), before + 1);
        assert_eq!(pulse.pauses(), before + 1);
    }
}
