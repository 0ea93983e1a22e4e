//! A passing line that says what is being waited for.
//!
//! It appears only if a step takes longer than a moment, and is gone before anything else is
//! written. There is none for a step in which a program under us (ssh, git) may ask something on the same
//! terminal: whatever is drawn there would be drawn over its question.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long a step may take before it is worth a line.
const MOMENT: Duration = Duration::from_millis(300);

/// The passing line. Silent if it was made so.
pub(super) struct Progress(Option<Arc<Shared>>);

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    /// What is being waited for.
    message: Option<String>,
    /// Counts the messages, so that one that is over is not taken for the next.
    turn: u64,
    line: Option<ProgressBar>,
    thread: bool,
    over: bool,
}

impl Progress {
    pub(super) fn new(live: bool) -> Self {
        Self(live.then(Arc::default))
    }

    /// Something begins that may take long.
    pub(super) fn begin(&self, message: String) {
        let Some(shared) = &self.0 else { return };
        let mut inner = shared.lock();
        inner.clear();
        inner.message = Some(message);
        if !inner.thread {
            let own = Arc::clone(shared);
            // Without a thread there is no line: nothing is lost.
            inner.thread =
                std::thread::Builder::new().name("progress".into()).spawn(move || own.watch()).is_ok();
        }
        shared.changed.notify_all();
    }

    /// Whether there is a terminal to draw on.
    pub(super) fn is_live(&self) -> bool {
        self.0.is_some()
    }

    /// Draws at once what is being waited for, in the place of what stood there. Only for waits in
    /// which no program runs that may ask something.
    pub(super) fn show(&self, message: String) {
        let Some(shared) = &self.0 else { return };
        let mut inner = shared.lock();
        inner.turn += 1;
        match &inner.line {
            Some(line) => {
                line.set_message(message.clone());
                line.tick();
            }
            None => inner.line = Some(draw(message.clone())),
        }
        inner.message = Some(message);
        shared.changed.notify_all();
    }

    /// It is over, or something else is to be written: the line is gone when this returns.
    pub(super) fn end(&self) {
        let Some(shared) = &self.0 else { return };
        shared.lock().clear();
        shared.changed.notify_all();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(shared) = &self.0 else { return };
        let mut inner = shared.lock();
        inner.clear();
        inner.over = true;
        shared.changed.notify_all();
    }
}

impl Inner {
    fn clear(&mut self) {
        self.turn += 1;
        self.message = None;
        if let Some(line) = self.line.take() {
            line.finish_and_clear();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) {
        let mut inner = self.lock();
        while !inner.over {
            if inner.message.is_none() || inner.line.is_some() {
                inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let turn = inner.turn;
            let same = |inner: &mut Inner| inner.turn == turn && !inner.over;
            let (now, waited) =
                self.changed.wait_timeout_while(inner, MOMENT, same).unwrap_or_else(PoisonError::into_inner);
            inner = now;
            if waited.timed_out() && inner.turn == turn {
                let message = inner.message.clone().unwrap_or_default();
                inner.line = Some(draw(message));
            }
        }
    }
}

fn draw(message: String) -> ProgressBar {
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
        line.set_style(style);
    }
    line.set_message(message);
    line.tick();
    line
}
