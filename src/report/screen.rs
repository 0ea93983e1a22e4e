//! The one writer of a run: talk, lines of commands and the live table never tear each other.
//!
//! What must hold: the table is gone before anything else is written, and nothing at all is written
//! while a tool or a question has the terminal; what there is to say waits.

use std::io::Write;

use crate::workflow::Stream;

/// Standard error, where the talk and the table go, and standard output for the lines of commands.
pub(super) struct Screen {
    err: Box<dyn Write + Send>,
    out: Option<Box<dyn Write + Send>>,
    /// How many tools and questions have the terminal.
    holders: usize,
    /// What is to be written when they let go.
    waiting: Vec<(Stream, Vec<u8>)>,
    /// The table as it stands on the terminal now: its bytes, and how many lines they are.
    drawn: Option<(Vec<u8>, usize)>,
}

impl Screen {
    /// Talks to `err`; lines of standard output go there as well as long as nothing else is said.
    pub(super) fn new(err: impl Write + Send + 'static) -> Self {
        Self { err: Box::new(err), out: None, holders: 0, waiting: Vec::new(), drawn: None }
    }

    /// Where lines of standard output go.
    pub(super) fn output(&mut self, out: impl Write + Send + 'static) {
        self.out = Some(Box::new(out));
    }

    /// A tool or a question gets the terminal: the table is gone when this returns.
    pub(super) fn hold(&mut self) {
        self.erase();
        self.holders += 1;
    }

    /// It lets go.
    pub(super) fn release(&mut self) {
        self.holders = self.holders.saturating_sub(1);
        self.flush();
    }

    /// Whether somebody has the terminal.
    pub(super) fn is_held(&self) -> bool {
        self.holders > 0
    }

    /// Whether something waits to be written and can be.
    pub(super) fn has_news(&self) -> bool {
        !self.is_held() && !self.waiting.is_empty()
    }

    /// Takes something to be written as soon as it can be.
    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        match self.waiting.last_mut() {
            Some((last, text)) if *last == stream => text.extend(bytes),
            _ => self.waiting.push((stream, bytes.to_vec())),
        }
    }

    /// Writes what waits, above the table.
    pub(super) fn flush(&mut self) {
        if !self.has_news() {
            return;
        }
        let table = self.drawn.take();
        let mut to_err = table.as_ref().map(|(_, lines)| erasing(*lines)).unwrap_or_default();
        for (stream, bytes) in std::mem::take(&mut self.waiting) {
            match (stream, &mut self.out) {
                (Stream::Out, Some(out)) => {
                    put(&mut self.err, &std::mem::take(&mut to_err));
                    put(out, &bytes);
                }
                _ => to_err.extend(bytes),
            }
        }
        if let Some((text, _)) = &table {
            to_err.extend(text);
        }
        put(&mut self.err, &to_err);
        self.drawn = table;
    }

    /// Writes at once, whoever has the terminal.
    pub(super) fn write_now(&mut self, bytes: &[u8]) {
        self.erase();
        put(&mut self.err, bytes);
    }

    /// Draws the table in the place of what stood there; not while somebody has the terminal.
    pub(super) fn draw(&mut self, lines: &[String]) {
        if self.is_held() || lines.is_empty() {
            return;
        }
        let text = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect::<Vec<u8>>();
        if self.drawn.as_ref().is_some_and(|(drawn, _)| *drawn == text) {
            return;
        }
        let mut bytes = self.drawn.take().map(|(_, lines)| erasing(lines)).unwrap_or_default();
        bytes.extend(&text);
        put(&mut self.err, &bytes);
        self.drawn = Some((text, lines.len()));
    }

    /// Takes the table away.
    pub(super) fn erase(&mut self) {
        if let Some((_, lines)) = self.drawn.take() {
            put(&mut self.err, &erasing(lines));
        }
    }
}

/// Up to the first line of the table, and everything below it away.
fn erasing(lines: usize) -> Vec<u8> {
    format!("\r\x1b[{lines}A\x1b[J").into_bytes()
}

/// Nobody reads any more: that is no reason to end a run.
fn put(writer: &mut Box<dyn Write + Send>, bytes: &[u8]) {
    if !bytes.is_empty() {
        let _ = writer.write_all(bytes).and_then(|()| writer.flush());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn screen() -> (Screen, Paper, Paper) {
        let (err, out) = (Paper::default(), Paper::default());
        let mut screen = Screen::new(err.clone());
        screen.output(out.clone());
        (screen, err, out)
    }

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn what_is_written_stands_above_the_table() {
        let (mut screen, err, out) = screen();
        screen.draw(&lines(&["one", "two"]));
        assert_eq!(err.take(), "one\ntwo\n");
        screen.draw(&lines(&["one", "two"]));
        assert_eq!(err.take(), "", "nothing has changed");
        screen.write(Stream::Err, b"news\n");
        screen.flush();
        assert_eq!(err.take(), "\r\x1b[2A\x1b[Jnews\none\ntwo\n");
        screen.write(Stream::Out, b"data\n");
        screen.write(Stream::Err, b"talk\n");
        screen.flush();
        assert_eq!((out.take(), err.take()), ("data\n".into(), "\r\x1b[2A\x1b[Jtalk\none\ntwo\n".into()));
        screen.draw(&lines(&["two"]));
        assert_eq!(err.take(), "\r\x1b[2A\x1b[Jtwo\n");
        screen.erase();
        screen.erase();
        assert_eq!(err.take(), "\r\x1b[1A\x1b[J");
    }

    #[test]
    fn whoever_has_the_terminal_has_it_alone() {
        let (mut screen, err, out) = screen();
        screen.draw(&lines(&["table"]));
        screen.hold();
        assert_eq!(err.take(), "table\n\r\x1b[1A\x1b[J");
        screen.hold();
        screen.draw(&lines(&["table"]));
        screen.write(Stream::Out, b"a\n");
        screen.write(Stream::Err, b"b\n");
        screen.flush();
        screen.release();
        assert_eq!((out.take(), err.take()), (String::new(), String::new()));
        screen.release();
        assert_eq!((out.take(), err.take()), ("a\n".into(), "b\n".into()));
    }
}
