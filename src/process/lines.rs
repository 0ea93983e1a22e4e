//! Handing on what a tool writes, line by line, while it runs beside others.
//!
//! What must hold: every byte is handed on, each stream's in its order; a line comes whole unless it is
//! longer than [`LONGEST`]; what the tool itself has written is handed on before its end is told. A
//! process that the tool leaves behind may keep the streams open for ever: it is not waited for once
//! it is silent.

use std::io::{self, PipeWriter, Read};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::process::Child;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A line that is longer is handed on in pieces of this size, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;
/// How much is read at once, in bytes.
const CHUNK: usize = 16 * 1024;
/// After the tool's end: how long what it left behind may be silent.
const SILENCE: Duration = Duration::from_millis(250);
/// After the tool's end: how often what it left behind may break the silence.
const LAST_WORDS: usize = 400;

/// One of the two streams that a command writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A line that a tool wrote, or a piece of a very long one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Where it was written.
    pub stream: Stream,
    /// Its bytes, any bytes, without the end of the line.
    pub bytes: &'a [u8],
    /// Whether the line ends here, with an end of line.
    pub ended: bool,
}

/// Takes what one tool writes, a piece at a time.
#[derive(Clone)]
pub struct TakePiece(pub Arc<dyn Fn(Piece<'_>) + Send + Sync>);

impl std::fmt::Debug for TakePiece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TakePiece")
    }
}

/// The thread that hands on what one tool writes.
pub(super) struct Relay {
    reader: JoinHandle<io::Result<()>>,
    /// Closed when the tool has ended.
    runs: PipeWriter,
}

/// Begins to hand on what a child writes.
pub(super) fn relay(child: &mut Child, take: Option<TakePiece>) -> io::Result<Relay> {
    let (ended, runs) = io::pipe()?;
    let mut sources: Vec<Source> = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        sources.push(Source::new(Stream::Out, stdout.into()));
    }
    if let Some(stderr) = child.stderr.take() {
        sources.push(Source::new(Stream::Err, stderr.into()));
    }
    let take = move |piece: Piece<'_>| {
        if let Some(TakePiece(take)) = &take {
            take(piece);
        }
    };
    let work = move || follow(&mut sources, ended.as_fd(), &take);
    let reader = std::thread::Builder::new().name("lines".to_owned()).spawn(work)?;
    Ok(Relay { reader, runs })
}

impl Relay {
    /// The tool has ended: returns when everything is handed on.
    pub(super) fn end(self) -> io::Result<()> {
        drop(self.runs);
        let panicked = |_| Err(io::Error::other("reading what a tool writes panicked"));
        self.reader.join().unwrap_or_else(panicked)
    }
}

/// A stream that is read.
struct Source {
    stream: Stream,
    pipe: std::fs::File,
    lines: Lines,
}

impl Source {
    fn new(stream: Stream, pipe: std::os::fd::OwnedFd) -> Self {
        Self { stream, pipe: pipe.into(), lines: Lines::default() }
    }

    /// Reads once; false at the end of the stream.
    fn read(&mut self, take: &impl Fn(Piece<'_>)) -> io::Result<bool> {
        let mut chunk = [0; CHUNK];
        let stream = self.stream;
        match self.pipe.read(&mut chunk) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.lines.feed(&chunk[..count], |bytes, ended| take(Piece { stream, bytes, ended }));
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Reads all streams to their ends, or until the tool has ended and nothing more comes.
fn follow(sources: &mut Vec<Source>, ended: BorrowedFd<'_>, take: &impl Fn(Piece<'_>)) -> io::Result<()> {
    let silence = Timespec { tv_sec: 0, tv_nsec: SILENCE.subsec_nanos().into() };
    let (mut has_ended, mut words) = (false, 0);
    while !sources.is_empty() && words < LAST_WORDS {
        let mut polled: Vec<PollFd<'_>> =
            sources.iter().map(|source| PollFd::new(&source.pipe, PollFlags::IN)).collect();
        if !has_ended {
            polled.push(PollFd::from_borrowed_fd(ended, PollFlags::IN));
        }
        let ready = match poll(&mut polled, has_ended.then_some(&silence)) {
            Err(rustix::io::Errno::INTR) => continue,
            ready => ready?,
        };
        if ready == 0 {
            break;
        }
        let told: Vec<bool> = polled.iter().map(|fd| !fd.revents().is_empty()).collect();
        words += usize::from(has_ended);
        let mut at = 0;
        let mut failed = Ok(());
        sources.retain_mut(|source| {
            at += 1;
            if !told[at - 1] {
                return true;
            }
            match source.read(take) {
                Ok(more) => {
                    if !more {
                        source
                            .lines
                            .finish(|bytes| take(Piece { stream: source.stream, bytes, ended: false }));
                    }
                    more
                }
                Err(error) => {
                    failed = Err(error);
                    true
                }
            }
        });
        failed?;
        has_ended = has_ended || told.get(at) == Some(&true);
    }
    for source in sources {
        source.lines.finish(|bytes| take(Piece { stream: source.stream, bytes, ended: false }));
    }
    Ok(())
}

/// Cuts bytes, however they come, into lines.
#[derive(Debug, Default)]
struct Lines {
    /// The beginning of a line that has not ended.
    rest: Vec<u8>,
}

impl Lines {
    /// More bytes. `take` gets a line or a piece of one, and whether the line ends there.
    fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(&[u8], bool)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.more(&bytes[..end], &mut take);
            take(&self.rest, true);
            self.rest.clear();
            bytes = &bytes[end + 1..];
        }
        self.more(bytes, &mut take);
    }

    /// More of the line that has not ended: what is too long for one piece is given away.
    fn more(&mut self, mut bytes: &[u8], take: &mut impl FnMut(&[u8], bool)) {
        while self.rest.len() + bytes.len() > LONGEST {
            let (now, later) = bytes.split_at(LONGEST - self.rest.len());
            self.rest.extend_from_slice(now);
            take(&self.rest, false);
            self.rest.clear();
            bytes = later;
        }
        self.rest.extend_from_slice(bytes);
    }

    /// There is no more: a last line without an end counts as well.
    fn finish(&mut self, mut take: impl FnMut(&[u8])) {
        if !self.rest.is_empty() {
            take(&self.rest);
            self.rest.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use proptest::prelude::*;

    use super::super::runner::tests::{python, run};
    use super::super::{CommandSpec, Stdio, ToolStatus};
    use super::*;

    type Taken = Vec<(Stream, Vec<u8>, bool)>;

    /// What is handed on of a script.
    fn pieces(script: &str) -> (ToolStatus, Taken) {
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let into = Arc::clone(&taken);
        let take = move |piece: Piece<'_>| {
            let mut taken = into.lock().unwrap_or_else(PoisonError::into_inner);
            taken.push((piece.stream, piece.bytes.to_vec(), piece.ended));
        };
        let lines = Some(TakePiece(Arc::new(take)));
        let finished = run(&CommandSpec { stdio: Stdio::Lines, lines, ..python(script, &[]) }).unwrap();
        assert!(finished.stdout.is_empty() && finished.stderr.is_empty());
        (finished.status, std::mem::take(&mut taken.lock().unwrap()))
    }

    #[test]
    fn lines_are_handed_on_whole_and_the_input_is_empty() {
        let (status, taken) = pieces(
            "import sys, os
assert sys.stdin.read() == ''
os.write(1, b'a'); os.write(1, b'b\\n\\nlast'); os.write(2, b'\\xff\\r\\n'); sys.exit(3)",
        );
        assert_eq!(status, ToolStatus::Code(3));
        let of = |stream| -> Vec<_> {
            taken.iter().filter(|piece| piece.0 == stream).map(|(_, b, e)| (b.as_slice(), *e)).collect()
        };
        assert_eq!(of(Stream::Out), [(&b"ab"[..], true), (b"", true), (b"last", false)]);
        assert_eq!(of(Stream::Err), [(&b"\xff\r"[..], true)]);
    }

    #[test]
    fn a_very_long_line_comes_in_pieces() {
        let (_, taken) = pieces("import sys; sys.stdout.write('x' * (64 * 1024 * 2 + 5) + '\\n')");
        let shape: Vec<_> = taken.iter().map(|(_, bytes, ended)| (bytes.len(), *ended)).collect();
        assert_eq!(shape, [(LONGEST, false), (LONGEST, false), (5, true)]);
    }

    #[test]
    fn what_a_tool_leaves_behind_is_not_waited_for() {
        // The child keeps both streams open for much longer than the tool runs.
        let script = "import os, sys
if os.fork() == 0:
    import signal; signal.alarm(20); signal.pause()
print('done')";
        let (status, taken) = pieces(script);
        assert_eq!(status, ToolStatus::Code(0));
        assert_eq!(taken, [(Stream::Out, b"done".to_vec(), true)]);
    }

    proptest! {
        #[test]
        fn however_the_bytes_come_the_lines_are_the_same(
            chunks in prop::collection::vec("[a\\n]{0,9}", 0..9),
            long in prop::collection::vec(0_usize..150_000, 0..3),
        ) {
            let mut chunks: Vec<Vec<u8>> = chunks.into_iter().map(String::into_bytes).collect();
            chunks.extend(long.iter().map(|length| vec![b'y'; *length]));
            let (mut lines, mut seen, mut longest) = (Lines::default(), Vec::new(), 0);
            for chunk in &chunks {
                lines.feed(chunk, |bytes, ended| {
                    longest = longest.max(bytes.len());
                    assert!(!bytes.contains(&b'\n'));
                    seen.extend_from_slice(bytes);
                    seen.extend(ended.then_some(b'\n'));
                });
            }
            lines.finish(|bytes| seen.extend_from_slice(bytes));
            prop_assert_eq!(seen, chunks.concat());
            prop_assert!(longest <= LONGEST);
        }
    }
}
