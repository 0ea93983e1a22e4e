//! The lines of commands that run beside others: whole, each after the name of its unit, on the stream
//! on which it was written.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use crate::project::UnitId;
use crate::workflow::{LineSink, Stream};

/// Shows lines on standard output and standard error.
pub(super) fn sink() -> LineSink {
    // Both may be one terminal: no line begins in the middle of another.
    let one_at_a_time = Mutex::new(());
    let show = move |unit: &UnitId, stream: Stream, line: &[u8]| {
        let text = prefixed(unit, line);
        let _turn = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody reads any more: that is no reason to end a run.
        let _ = match stream {
            Stream::Out => std::io::stdout().lock().write_all(&text),
            Stream::Err => std::io::stderr().lock().write_all(&text),
        };
    };
    LineSink { show: Some(Arc::new(show)) }
}

fn prefixed(unit: &UnitId, line: &[u8]) -> Vec<u8> {
    [format!("{unit} | ").as_bytes(), line, b"\n"].concat()
}
