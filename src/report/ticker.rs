//! Draws the live table of a run, now and then.
//!
//! A run that is over in a moment never has one. While git may ask for a passphrase there is none, for it
//! would be drawn over the question; nor while something is rendered, for commands that give data write
//! where they like.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::human::Talk;

/// How long a run may take before it is worth a table.
const MOMENT: Duration = Duration::from_millis(300);

/// How often the table is looked at.
const TICK: Duration = Duration::from_millis(100);

/// The size of a terminal that does not tell it: columns and rows.
const USUAL: (usize, usize) = (80, 24);

/// What is drawn, and how.
#[derive(Clone)]
pub(super) struct Drawn {
    pub(super) talk: Arc<Mutex<Talk>>,
    pub(super) color: bool,
}

/// Silent if it was made without anything to draw.
pub(super) struct Ticker {
    drawn: Option<Drawn>,
    /// Of the run that goes on now.
    end: Mutex<Option<Arc<End>>>,
}

/// The end of one run.
#[derive(Default)]
struct End {
    over: Mutex<bool>,
    changed: Condvar,
}

impl Ticker {
    pub(super) fn new(drawn: Option<Drawn>) -> Self {
        Self { drawn, end: Mutex::new(None) }
    }

    /// A unit of a run begins: from a moment later on there is a table.
    pub(super) fn begin(&self) {
        let Some(drawn) = &self.drawn else { return };
        let mut present = locked(&self.end);
        if present.is_some() {
            return;
        }
        let (end, drawn) = (Arc::new(End::default()), drawn.clone());
        let thread = std::thread::Builder::new().name("table".into());
        let own = Arc::clone(&end);
        // Without a thread there is no table: nothing is lost.
        *present = thread.spawn(move || own.watch(&drawn)).is_ok().then_some(end);
    }

    /// The run is over. Called by whoever has the talk: nothing is drawn after this returns.
    pub(super) fn end(&self) {
        if let Some(end) = locked(&self.end).take() {
            *locked(&end.over) = true;
            end.changed.notify_all();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.end();
    }
}

impl End {
    fn watch(&self, drawn: &Drawn) {
        let mut pause = MOMENT;
        while !self.comes_within(pause) {
            pause = TICK;
            let talk = &mut *locked(&drawn.talk);
            // It may have come while the talk was somebody else's.
            if !*locked(&self.over) {
                draw(talk, drawn.color);
            }
        }
    }

    fn comes_within(&self, pause: Duration) -> bool {
        let over = locked(&self.over);
        let waited = self.changed.wait_timeout_while(over, pause, |over| !*over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn draw(talk: &mut Talk, color: bool) {
    let Some(several) = talk.several.as_mut().filter(|_| !talk.screen.is_held()) else { return };
    if !several.table.may_stand() {
        talk.screen.erase();
    } else {
        let lines = several.table.lines(several.names, size(), color);
        talk.screen.draw(&lines);
    }
}

/// Columns and rows of the terminal.
fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => USUAL,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
