//! What a person at a terminal reads: nearly nothing when all goes as usual.
//!
//! The talk goes to one writer, standard error. While a tool owns the terminal nothing is
//! written, except that its time is over; what there was to say comes after it. Errors are not told here: they end the run, and
//! whoever started it explains them.
//!
//! In a run of several units the lines of commands that run beside others come through here as well,
//! so that they, the talk and the live table share one lock and one screen.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::lines::Names;
use super::progress::Progress;
use super::screen::Screen;
use super::several::Several;
use super::table::Act;
use super::ticker::{Drawn, Ticker};
use crate::env::Span;
use crate::project::UnitId;
use crate::text::{for_log, indented as harmless, one_line};
use crate::workflow::{Event, LineSink, Reporter, Stream, WriteData};

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

/// More of the same than this are counted instead of listed.
const MANY: usize = 3;

/// Tells a person what happens.
pub struct Human {
    level: Level,
    color: bool,
    /// Whether lines of standard output get colours.
    color_lines: bool,
    progress: Progress,
    ticker: Ticker,
    talk: Arc<Mutex<Talk>>,
}

/// What one lock guards.
pub(super) struct Talk {
    pub(super) screen: Screen,
    /// Of a run of several units, which names the unit in every line.
    pub(super) several: Option<Several>,
    /// Whose commands have the terminal.
    holders: Vec<UnitId>,
    kept: Vec<UnitId>,
}

impl Human {
    /// Writes to `out`; `live` allows a passing line, and in a run of several units a live table, on
    /// standard error.
    pub fn new(out: impl Write + Send + 'static, level: Level, color: bool, live: bool) -> Self {
        let talk = Talk { screen: Screen::new(out), several: None, holders: Vec::new(), kept: Vec::new() };
        let talk = Arc::new(Mutex::new(talk));
        Self {
            level,
            color,
            color_lines: false,
            progress: Progress::new(live),
            ticker: Ticker::new(live.then(|| Drawn { talk: Arc::clone(&talk), color })),
            talk,
        }
    }

    /// Where lines go that commands beside others write to their standard output, and whether with
    /// colours; without it they go where the talk goes.
    #[must_use]
    pub fn output(mut self, out: impl Write + Send + 'static, color: bool) -> Self {
        self.lock().screen.output(out);
        self.color_lines = color;
        self
    }

    /// Shows the lines of commands that run beside others, each with its unit before it.
    pub fn lines(self: &Arc<Self>) -> LineSink {
        let human = Arc::clone(self);
        let show = move |unit: &UnitId, stream: Stream, text: &[u8]| human.show_line(unit, stream, text);
        LineSink { show: Some(Arc::new(show)) }
    }

    /// Writes data as `write` does, with everything that moves taken away before.
    pub fn before_data(self: &Arc<Self>, write: WriteData) -> WriteData {
        let human = Arc::clone(self);
        Arc::new(move |bytes: &[u8]| {
            human.progress.end();
            let talk = &mut *human.lock();
            talk.screen.erase();
            write(bytes)
        })
    }

    /// Takes everything that moves away and keeps it away: the user is about to be asked something, and
    /// what he reads and types must stand alone. What there is to say waits for
    /// [`Human::after_a_question`].
    pub fn before_a_question(&self) {
        self.progress.end();
        self.lock().screen.hold();
    }

    /// The question is answered.
    pub fn after_a_question(&self) {
        self.lock().screen.release();
    }

    fn lock(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show_line(&self, unit: &UnitId, stream: Stream, text: &[u8]) {
        let talk = &mut *self.lock();
        let names = talk.several.as_ref().map_or_else(|| Names::of([unit]), |several| several.names);
        let color = if stream == Stream::Out { self.color_lines } else { self.color };
        talk.screen.write(stream, &names.line(unit, text, color));
        self.flush(talk);
    }

    /// A line, if the level allows it.
    fn say(&self, talk: &mut Talk, least: Level, unit: Option<&UnitId>, text: &str) {
        if self.level < least {
            return;
        }
        let unit = match unit {
            Some(unit) if talk.several.is_some() => format!("{unit}: "),
            _ => String::new(),
        };
        let line = format!("{} {unit}{text}\n", self.name());
        talk.screen.write(Stream::Err, for_log(&line).as_bytes());
        self.flush(talk);
    }

    fn flush(&self, talk: &mut Talk) {
        if talk.screen.has_news() {
            self.progress.end();
            talk.screen.flush();
        }
    }

    fn name(&self) -> &'static str {
        if self.color { "\x1b[2mlockstep:\x1b[0m" } else { "lockstep:" }
    }

    fn warning(&self) -> &'static str {
        if self.color { "\x1b[33mwarning:\x1b[0m" } else { "warning:" }
    }

    /// Somebody else holds the lock.
    fn waiting(&self, talk: &mut Talk, unit: &UnitId, text: &str, changed: bool) {
        let live = self.progress.is_live();
        match &mut talk.several {
            Some(several) if live => several.table.does(unit, text, Act::Quiet),
            None if live && talk.screen.is_held() => {}
            None if live => self.progress.show(format!("lockstep: {text}")),
            _ if changed => self.say(talk, Level::Normal, Some(unit), text),
            _ => {}
        }
    }

    /// The run is over: how its units ended, and which locks stay.
    fn finished(&self, talk: &mut Talk, failed: bool) {
        let mut kept = std::mem::take(&mut talk.kept);
        // After an error whoever explains it says so as well, with more to go by.
        match &talk.several {
            Some(several) => kept.retain(|unit| !several.has_failed(unit)),
            None if failed => kept.clear(),
            None => {}
        }
        let lines = talk.several.as_mut().map(|several| several.summary(self.level, self.color));
        for line in lines.unwrap_or_default() {
            let line =
                if line.starts_with(' ') { format!("{line}\n") } else { format!("{} {line}\n", self.name()) };
            talk.screen.write(Stream::Err, for_log(&line).as_bytes());
        }
        self.flush(talk);
        // The first of many shows how.
        let told = if kept.len() > MANY { 1 } else { kept.len() };
        for unit in &kept[..told] {
            let give_back = format!("lockstep unlock-any -- {} {}", unit.module, unit.profile);
            let text = format!("lock {unit} is kept; to give it back: {give_back}");
            self.say(talk, Level::Normal, None, &text);
        }
        if told < kept.len() {
            let text = format!("{} more locks are kept; to see them: lockstep locks", kept.len() - told);
            self.say(talk, Level::Normal, None, &text);
        }
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
                talk.several = (units.len() > 1).then(|| Several::new(units));
                let steps = steps.join(", ");
                self.say(talk, Level::Verbose, None, &harmless(&format!("run {run} of {owner}: {steps}")));
            }
            Event::UnitStarted { unit } => {
                if let Some(several) = &mut talk.several {
                    several.table.started(unit);
                    self.ticker.begin();
                }
            }
            Event::UnitFinished { .. } => {
                if let Some(several) = &mut talk.several {
                    several.ended(event);
                }
            }
            Event::StageStarted { unit, stage, number, count, .. } => {
                let text = format!("stage {number} of {count}: {} ({unit})", harmless(stage));
                self.say(talk, Level::Normal, None, &text);
            }
            Event::StageFinished { stage, number, count, stopped_at: Some(step), .. } => {
                let (stage, step) = (harmless(stage), harmless(step));
                let done = number.saturating_sub(1);
                let text = format!("stage `{stage}` stopped at `{step}`; {done} of {count} are done");
                self.say(talk, Level::Normal, None, &text);
            }
            Event::StageFinished { .. } => {}
            Event::StageSkipped { stage, reason, .. } => {
                let text = format!("stage `{}` is left out: {}", harmless(stage), harmless(reason));
                self.say(talk, Level::Verbose, None, &text);
            }
            Event::StepStarted { unit, step } => match &mut talk.several {
                Some(several) => {
                    several.table.does(unit, harmless(step), Act::of_step(step));
                    if !several.table.may_stand() {
                        talk.screen.erase();
                    }
                }
                // ssh or git may ask something, and a line would be drawn over the question.
                None if Act::of_step(step) == Act::MayAsk => {}
                None if !talk.screen.is_held() => {
                    self.progress.begin(format!("lockstep: {unit}: {} ...", harmless(step)));
                }
                None => {}
            },
            Event::StepSkipped { unit, step, reason } => {
                let text = format!("{}: left out: {}", harmless(step), harmless(reason));
                self.say(talk, Level::Verbose, Some(unit), &text);
            }
            Event::StepFinished { unit, step, ok, skipped, routine, summary, milliseconds } => {
                if !talk.screen.is_held() {
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
                let text = format!("{} from {}", one_line(path), harmless(source));
                self.say(talk, Level::Verbose, Some(unit), &text);
            }
            Event::CommandStarted { unit, program, directory, terminal } => {
                let text = format!("{} in {}", harmless(program), harmless(directory));
                self.say(talk, Level::Verbose, Some(unit), &text);
                if let Some(several) = &mut talk.several {
                    several.table.does(unit, harmless(program), Act::Quiet);
                }
                if *terminal {
                    // Before the tool writes anything.
                    self.progress.end();
                    talk.screen.hold();
                    talk.holders.push(unit.clone());
                }
            }
            Event::CommandExpired { unit, program, limit_seconds, killed } => {
                let program = harmless(program);
                let limit = Span::from_seconds(*limit_seconds);
                let unit = talk.several.as_ref().map_or_else(String::new, |_| format!("{unit}: "));
                let text = match killed {
                    false => format!(
                        "`{program}` has run for {limit}, its limit: asked it to end (SIGTERM), and wait for it"
                    ),
                    true => format!("`{program}` has not ended: killed it"),
                };
                // At once: whoever looks at the tool should not wonder what befell it.
                let line = format!("lockstep: {} {unit}{text}\n", self.warning());
                talk.screen.write_now(for_log(&line).as_bytes());
            }
            Event::CommandFinished { unit, program, code, signal, .. } => {
                if let Some(at) = talk.holders.iter().position(|holder| holder == unit) {
                    talk.holders.swap_remove(at);
                    talk.screen.release();
                }
                let killed = signal.map_or_else(String::new, |number| format!(", killed by signal {number}"));
                let text = format!("{}: exit code {code}{killed}", harmless(program));
                self.say(talk, Level::Verbose, Some(unit), &text);
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
                let doing = program.as_ref().map_or_else(String::new, |p| format!(" ({})", one_line(p)));
                let (state, owner) = (state.word(), one_line(owner));
                // A narrow terminal cuts off the end: a name may be long, and the times are what changes.
                let text =
                    format!("waiting for lock `{key}`, {left} left: {state} {age} by `{owner}`{doing}");
                self.waiting(talk, unit, &harmless(&text), *changed);
            }
            Event::PushSaid { unit, lines } if self.level >= Level::Normal => {
                let unit = talk.several.as_ref().map_or_else(String::new, |_| format!("{unit}: "));
                for line in lines {
                    talk.screen.write(Stream::Err, format!("{unit}{}\n", harmless(line)).as_bytes());
                }
                self.flush(talk);
            }
            Event::PushSaid { .. } => {}
            Event::RemoteAway { unit, message, left_seconds, first, waiting } => {
                let left = Span::from_seconds(*left_seconds).rough();
                let text = format!(
                    "the command has run, and what is left is tried again for {left}, which Ctrl-C ends: {message}"
                );
                if *waiting {
                    self.waiting(talk, unit, &harmless(&text), *first);
                } else if !talk.screen.is_held() {
                    // git may have something to ask now.
                    self.progress.end();
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
                self.ticker.end();
                talk.screen.erase();
                self.finished(talk, error.is_some());
                self.say(talk, Level::Verbose, None, &format!("run {} ended with {code}", harmless(run)));
            }
        }
    }
}

#[cfg(test)]
mod several_tests;
#[cfg(test)]
mod tests;
