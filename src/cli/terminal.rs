//! Where the command line's own words go: talk to standard error, data to standard output.
//!
//! Nothing here fails a run because nobody reads: a closed standard error is ignored, a closed
//! standard output ends quietly.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::args::{ColorChoice, Global};
use crate::ExitCode;
use crate::env::Environment;
use crate::process::Interrupts;
use crate::report::Level;
use crate::text;
use crate::workflow::DataSink;

/// How often a question looks whether the run is asked to end.
const GLANCE: Duration = Duration::from_millis(50);

/// How to talk to the user.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    /// How much to say.
    pub level: Level,
    /// Whether standard error gets colours.
    pub color: bool,
    /// Whether standard output gets colours.
    pub color_data: bool,
    /// Whether standard error is a terminal on which a moving line is welcome.
    pub live: bool,
    /// Whether there is somebody to ask.
    pub interactive: bool,
    /// Whether this is a run of a CI.
    pub ci: bool,
}

impl Terminal {
    /// What flags, environment and descriptors say together.
    pub(super) fn new(global: &Global, env: &Environment) -> Self {
        let stderr = std::io::stderr().is_terminal();
        let ci = env.var("CI").is_some();
        let dumb = env.var("TERM") == Some("dumb");
        let colored = |terminal: bool| match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if env.var("NO_COLOR").is_some() => false,
            ColorChoice::Auto if env.var("CLICOLOR_FORCE").is_some_and(|force| force != "0") => true,
            ColorChoice::Auto => terminal && !dumb,
        };
        let (color, color_data) = (colored(stderr), colored(std::io::stdout().is_terminal()));
        let level = match (global.quiet, global.verbose) {
            (true, _) => Level::Quiet,
            (_, true) => Level::Verbose,
            _ => Level::Normal,
        };
        let live = stderr && !ci && !dumb && level != Level::Quiet;
        let interactive = stderr && !ci && std::io::stdin().is_terminal();
        Self { level, color, color_data, live, interactive, ci }
    }

    /// No colour, nobody to ask: before anything is known.
    pub(super) const fn plain() -> Self {
        Self {
            level: Level::Normal,
            color: false,
            color_data: false,
            live: false,
            interactive: false,
            ci: false,
        }
    }

    /// A line of talk.
    pub(super) fn say(self, text: &str) {
        self.command(&text::for_log(text));
    }

    /// A line as it stands: a command to a CI service.
    #[expect(clippy::unused_self, reason = "talk goes through the terminal, also where it needs no settings")]
    pub(super) fn command(self, line: &str) {
        let _ = writeln!(std::io::stderr(), "{}", line.trim_end());
    }

    /// `error: …`
    pub(super) fn error(self, text: &str) {
        self.labelled("error", "31", text);
    }

    /// `warning: …`
    pub(super) fn warning(self, text: &str) {
        self.labelled("warning", "33", text);
    }

    /// `hint: …`
    pub(super) fn hint(self, text: &str) {
        self.labelled("hint", "36", text);
    }

    /// Data for standard output that people read.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    pub(super) fn page(self, text: &str) -> anyhow::Result<u8> {
        self.data(&text::for_log(text))
    }

    /// JSON for standard output.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    pub(super) fn json(self, json: &str) -> anyhow::Result<u8> {
        self.data(&text::json(json))
    }

    /// Data for standard output, byte for byte.
    ///
    /// # Errors
    /// When it cannot be written, except that the reader has gone.
    #[expect(clippy::unused_self, reason = "as for `say`")]
    pub(super) fn data(self, text: &str) -> anyhow::Result<u8> {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        match write_data(format!("{text}{end}").as_bytes()) {
            Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
            Ok(()) => Ok(ExitCode::Success.code()),
        }
    }

    /// Where the data of steps goes.
    pub(super) fn sink(self) -> DataSink {
        DataSink {
            write: Some(Arc::new(write_data)),
            color: self.color_data,
            shown: self.ci || std::io::stdout().is_terminal(),
        }
    }

    /// Asks on the terminal in the middle of a run, whose signals do not end the process: one line, none
    /// if it is empty, and none as soon as the run is asked to end.
    pub(super) fn ask(self, question: &str, interrupts: &Interrupts) -> Option<String> {
        let (told, answer) = mpsc::channel();
        let question = question.to_owned();
        // A read from a terminal cannot be called off. If nobody answers any more the thread waits until
        // the process ends, which the interrupted run does now.
        let reader = std::thread::Builder::new().name("question".to_owned());
        reader.spawn(move || told.send(self.answer(&question))).ok()?;
        loop {
            match answer.recv_timeout(GLANCE) {
                Ok(answer) => return answer.filter(|answer| !answer.is_empty()),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if interrupts.requested().is_some() => {
                    self.say("");
                    return None;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Asks on the terminal and reads one line, which may be empty; none at the end of the input.
    pub(super) fn answer(self, question: &str) -> Option<String> {
        let _ = write!(std::io::stderr(), "{} ", text::for_log(question));
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer).ok()?;
        if read == 0 {
            // Ctrl-D leaves the cursor behind the question.
            self.say("");
            return None;
        }
        Some(answer.trim().to_owned())
    }

    fn labelled(self, label: &str, color: &str, text: &str) {
        if self.color {
            self.say(&format!("\x1b[1;{color}m{label}:\x1b[0m {text}"));
        } else {
            self.say(&format!("{label}: {text}"));
        }
    }
}

/// Writes to standard output. A reader that has gone wants no more: that is no error.
fn write_data(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
