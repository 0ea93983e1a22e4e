//! What a person at a terminal reads: nearly nothing when all goes as usual.
//!
//! Everything goes to one writer, standard error. While a tool owns the terminal nothing is
//! written, except that its time is over; what there was to say comes after it. Errors are not told here: they end the run, and
//! whoever started it explains them.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::progress::Progress;
use super::text::harmless;
use crate::env::Span;
use crate::project::UnitId;
use crate::workflow::{Event, Reporter};

/// How much to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Warnings only.
    Quiet,
    /// What changed something, and what the user should know.
    Normal,
    /// Every step.
    Verbose,
}

/// Tells a person what happens.
pub struct Human {
    level: Level,
    color: bool,
    progress: Progress,
    talk: Mutex<Talk>,
}

struct Talk {
    out: Box<dyn Write + Send>,
    /// How many tools own the terminal now.
    tools: usize,
    /// What is to be said when they have ended.
    waiting: String,
    /// A run of several units names the unit in every line.
    several: bool,
    kept: Vec<UnitId>,
}

impl Human {
    /// Writes to `out`; `live` allows a passing line on standard error while a step takes long.
    pub fn new(out: impl Write + Send + 'static, level: Level, color: bool, live: bool) -> Self {
        let talk =
            Talk { out: Box::new(out), tools: 0, waiting: String::new(), several: false, kept: Vec::new() };
        Self { level, color, progress: Progress::new(live), talk: Mutex::new(talk) }
    }

    /// Takes the passing line away and keeps it away for the rest of the step: the user is about to be
    /// asked something, and what he reads and types must stand alone.
    pub fn before_a_question(&self) {
        self.progress.end();
    }

    fn lock(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line, if the level allows it.
    fn say(&self, talk: &mut Talk, least: Level, unit: Option<&UnitId>, text: &str) {
        if self.level < least {
            return;
        }
        let (dim, plain) = if self.color { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        let unit = match unit {
            Some(unit) if talk.several => format!("{unit}: "),
            _ => String::new(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(talk.waiting, "{dim}lockstep:{plain} {unit}{text}");
        self.flush(talk);
    }

    fn flush(&self, talk: &mut Talk) {
        if talk.tools > 0 || talk.waiting.is_empty() {
            return;
        }
        self.progress.end();
        let text = std::mem::take(&mut talk.waiting);
        // Nobody reads any more: that is no reason to end a run.
        let _ = talk.out.write_all(text.as_bytes()).and_then(|()| talk.out.flush());
    }

    fn warning(&self) -> &'static str {
        if self.color { "\x1b[33mwarning:\x1b[0m" } else { "warning:" }
    }

    fn step_finished(&self, talk: &mut Talk, event: &StepEnd<'_>) {
        let StepEnd { unit, step, ok, skipped, routine, summary, milliseconds } = *event;
        let summary = harmless(summary);
        if self.level == Level::Verbose {
            let what = match (ok, skipped) {
                (false, _) => "failed",
                (true, true) => "nothing to do",
                (true, false) => "done",
            };
            let colon = if summary.is_empty() { "" } else { ": " };
            let text = format!("{step}: {what}{colon}{summary} ({milliseconds} ms)");
            self.say(talk, Level::Verbose, Some(unit), &text);
        } else if ok && !skipped && !routine && !summary.is_empty() {
            self.say(talk, Level::Normal, Some(unit), &format!("{step}: {summary}"));
        }
    }
}

#[derive(Clone, Copy)]
struct StepEnd<'a> {
    unit: &'a UnitId,
    step: &'a str,
    ok: bool,
    skipped: bool,
    routine: bool,
    summary: &'a str,
    milliseconds: u64,
}

impl Reporter for Human {
    fn emit(&self, event: &Event) {
        let talk = &mut *self.lock();
        match event {
            Event::RunStarted { run, owner, units, steps, .. } => {
                talk.several = units.len() > 1;
                let steps = steps.join(", ");
                self.say(talk, Level::Verbose, None, &harmless(&format!("run {run} of {owner}: {steps}")));
            }
            Event::UnitStarted { .. } | Event::UnitFinished { .. } => {}
            Event::StepStarted { unit, step } => {
                if talk.tools == 0 {
                    self.progress.begin(format!("lockstep: {unit}: {} ...", harmless(step)));
                }
            }
            Event::StepSkipped { unit, step, reason } => {
                let text = format!("{}: left out: {}", harmless(step), harmless(reason));
                self.say(talk, Level::Verbose, Some(unit), &text);
            }
            Event::StepFinished { unit, step, ok, skipped, routine, summary, milliseconds } => {
                if talk.tools == 0 {
                    self.progress.end();
                }
                let (ok, skipped, routine, milliseconds) = (*ok, *skipped, *routine, *milliseconds);
                let step = &harmless(step);
                self.step_finished(
                    talk,
                    &StepEnd { unit, step, ok, skipped, routine, summary, milliseconds },
                );
            }
            Event::FileWritten { unit, path, source } => {
                let text = format!("{} from {}", harmless(path), harmless(source));
                self.say(talk, Level::Verbose, Some(unit), &text);
            }
            Event::CommandStarted { unit, program, directory } => {
                let text = format!("{} in {}", harmless(program), harmless(directory));
                self.say(talk, Level::Verbose, Some(unit), &text);
                // Before the tool writes anything.
                self.progress.end();
                talk.tools += 1;
            }
            Event::CommandExpired { program, limit_seconds, killed, .. } => {
                let program = harmless(program);
                let limit = Span::from_seconds(*limit_seconds);
                let text = match killed {
                    false => format!(
                        "`{program}` has run for {limit}, its limit: asked it to end (SIGTERM), and wait for it"
                    ),
                    true => format!("`{program}` has not ended: killed it"),
                };
                // At once: whoever looks at the tool should not wonder what befell it.
                let line = format!("lockstep: {} {text}\n", self.warning());
                let _ = talk.out.write_all(line.as_bytes()).and_then(|()| talk.out.flush());
            }
            Event::CommandFinished { unit, program, code, signal, .. } => {
                talk.tools = talk.tools.saturating_sub(1);
                let killed = signal.map_or_else(String::new, |number| format!(", killed by signal {number}"));
                let text = format!("{}: exit code {code}{killed}", harmless(program));
                self.say(talk, Level::Verbose, Some(unit), &text);
                self.flush(talk);
            }
            Event::LockWaiting {
                unit,
                key,
                state,
                owner,
                program,
                age_seconds,
                left_seconds,
                changed,
                ..
            } => {
                let [age, left] = [age_seconds, left_seconds].map(|s| Span::from_seconds(*s).rough());
                let doing = program.as_ref().map_or_else(String::new, |p| format!(" ({p})"));
                let state = state.word();
                let text =
                    format!("waiting for lock `{key}`: {state} by `{owner}` for {age}{doing}, {left} left");
                let text = harmless(&text);
                if self.progress.is_live() {
                    if talk.tools == 0 {
                        self.progress.show(format!("lockstep: {text}"));
                    }
                } else if *changed {
                    self.say(talk, Level::Normal, Some(unit), &text);
                }
            }
            Event::LockTaken { unit, generation, place } => {
                let text = format!("lock {unit} taken, generation {generation}, in {}", harmless(place));
                self.say(talk, Level::Verbose, None, &text);
            }
            Event::LockReleased { unit } => {
                talk.kept.retain(|kept| kept != unit);
                self.say(talk, Level::Verbose, None, &format!("lock {unit} given back"));
            }
            Event::LockKept { unit, .. } => talk.kept.push(unit.clone()),
            Event::Warning { unit, message } => {
                let text = format!("{} {}", self.warning(), harmless(message));
                self.say(talk, Level::Quiet, unit.as_ref(), &text);
            }
            Event::Note { unit, message } => self.say(talk, Level::Normal, unit.as_ref(), &harmless(message)),
            Event::RunFinished { run, code, error, .. } => {
                self.progress.end();
                for unit in std::mem::take(&mut talk.kept) {
                    // After an error whoever explains it says so as well, with more to go by.
                    if error.is_none() {
                        let give_back = format!("lockstep unlock-any -- {} {}", unit.module, unit.profile);
                        self.say(
                            talk,
                            Level::Normal,
                            None,
                            &format!("lock {unit} is kept; to give it back: {give_back}"),
                        );
                    }
                }
                self.say(talk, Level::Verbose, None, &format!("run {} ended with {code}", harmless(run)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
