//! What a person reads of a run of several units: lines, summary, and nothing in the middle of a tool.

use super::tests::Paper;
use super::*;
use crate::workflow::UnitOutcome;

fn unit(text: &str) -> UnitId {
    text.parse().unwrap()
}

fn started(units: &[&str]) -> Event {
    Event::RunStarted {
        version: Event::VERSION,
        commit: None,
        run: "r1".into(),
        time: jiff::Timestamp::UNIX_EPOCH,
        owner: "ana@host".into(),
        units: units.iter().map(|text| unit(text)).collect(),
        steps: vec!["build".into(), "tofu apply".into()],
        commands: 1,
    }
}

fn command(of: &str, terminal: bool) -> Event {
    let program = "tofu apply".to_owned();
    Event::CommandStarted { unit: unit(of), program, directory: "/p/.dist".into(), terminal }
}

fn command_end(of: &str, code: u8) -> Event {
    let program = "tofu apply".to_owned();
    Event::CommandFinished { unit: unit(of), program, code, signal: None, ok: code == 0 }
}

fn end(of: &str, outcome: UnitOutcome, code: u8, reason: Option<&str>) -> Event {
    let log = (outcome != UnitOutcome::Skipped)
        .then(|| format!("/p/.git/lockstep/runs/r1/{}", of.replace('/', "@")));
    Event::UnitFinished {
        unit: unit(of),
        outcome,
        code,
        reason: reason.map(Into::into),
        log,
        milliseconds: 2500,
    }
}

fn finished(code: u8, error: Option<&str>) -> Event {
    Event::RunFinished {
        run: "r1".into(),
        time: jiff::Timestamp::UNIX_EPOCH,
        code,
        error: error.map(Into::into),
    }
}

/// A person's view: what came out of standard output and of standard error.
struct View {
    human: Arc<Human>,
    out: Paper,
    err: Paper,
}

impl View {
    fn new(level: Level, color: bool) -> Self {
        let (out, err) = (Paper::default(), Paper::default());
        let human = Human::new(err.clone(), level, color, false).output(out.clone(), color);
        Self { human: Arc::new(human), out, err }
    }

    fn sees(&self, events: impl IntoIterator<Item = Event>) {
        events.into_iter().for_each(|event| self.human.emit(&event));
    }

    fn line(&self, of: &str, stream: Stream, text: &str) {
        self.human.lines().show.unwrap()(&unit(of), stream, text.as_bytes());
    }
}

fn mixed() -> Vec<Event> {
    let units = ["vpc/prod", "dns/prod", "cluster/prod"];
    let mut events = vec![started(&units)];
    events.extend(units[..2].iter().map(|id| Event::UnitStarted { unit: unit(id) }));
    events.push(end("dns/prod", UnitOutcome::Changes, 2, None));
    events.push(Event::LockKept { unit: unit("dns/prod"), recorded: true });
    events.push(Event::LockKept { unit: unit("vpc/prod"), recorded: true });
    events.push(end("vpc/prod", UnitOutcome::Failed, 1, Some("`tofu apply` ended with exit code 1")));
    events.push(end("cluster/prod", UnitOutcome::Skipped, 0, Some("needs vpc/prod, which failed")));
    events.push(finished(1, Some("`tofu apply` ended with exit code 1")));
    events
}

#[test]
fn lines_have_their_unit_and_their_stream() {
    let view = View::new(Level::Normal, false);
    view.sees([
        started(&["vpc/prod", "network/prod"]),
        command("vpc/prod", false),
        command("network/prod", false),
    ]);
    view.line("vpc/prod", Stream::Out, "Plan: 1 to add\r");
    view.line("network/prod", Stream::Err, "Warning: \x1b[33mold\x1b[0m");
    view.sees([Event::Note { unit: Some(unit("vpc/prod")), message: "at once".into() }]);
    assert_eq!(view.out.text(), "vpc/prod     | Plan: 1 to add\n");
    assert_eq!(view.err.text(), "network/prod | Warning: old\nlockstep: vpc/prod: at once\n");
}

#[test]
fn lines_wait_while_a_tool_or_a_question_has_the_terminal() {
    let view = View::new(Level::Normal, false);
    view.sees([started(&["vpc/prod", "dns/prod"]), command("vpc/prod", true)]);
    view.line("dns/prod", Stream::Out, "late");
    view.sees([command("dns/prod", false), command_end("dns/prod", 0)]);
    assert_eq!(view.out.text(), "");
    view.sees([command_end("vpc/prod", 0)]);
    assert_eq!(view.out.text(), "dns/prod | late\n");
    view.human.before_a_question();
    view.line("dns/prod", Stream::Err, "later");
    assert_eq!(view.err.text(), "");
    view.human.after_a_question();
    assert_eq!(view.err.text(), "dns/prod | later\n");
}

#[test]
fn all_is_well_in_one_line() {
    let run = |level| {
        let view = View::new(level, false);
        let ends = ["vpc/prod", "dns/prod"].map(|id| end(id, UnitOutcome::Ok, 0, None));
        view.sees([started(&["vpc/prod", "dns/prod"])]);
        view.sees(ends);
        view.sees([finished(0, None)]);
        view.err.text()
    };
    assert_eq!(run(Level::Normal), "lockstep: 2 units in 0s: 2 ok\n");
    assert_eq!(run(Level::Quiet), "");
}

#[test]
fn a_table_and_the_locks_that_no_error_tells_about() {
    let view = View::new(Level::Normal, false);
    view.sees(mixed());
    insta::assert_snapshot!(view.err.text());
}

#[test]
fn the_quiet_read_of_failures_and_the_curious_of_everything() {
    let view = View::new(Level::Quiet, false);
    view.sees(mixed());
    assert_eq!(
        view.err.text(),
        "  failed   vpc/prod  2.5s  exit 1    `tofu apply` ended with exit code 1\n           log: /p/.git/lockstep/runs/r1/vpc@prod\n"
    );
    let view = View::new(Level::Verbose, true);
    view.sees(mixed());
    insta::assert_snapshot!(view.err.text().replace('\x1b', "^"));
}

#[test]
fn many_locks_that_stay_are_counted() {
    let view = View::new(Level::Normal, false);
    let units: Vec<String> = (0..20).map(|number| format!("m{number}/prod")).collect();
    view.sees([started(&units.iter().map(String::as_str).collect::<Vec<_>>())]);
    view.sees(units.iter().map(|id| Event::LockKept { unit: unit(id), recorded: true }));
    view.sees([finished(0, None)]);
    assert_eq!(
        view.err.text(),
        "lockstep: lock m0/prod is kept; to give it back: lockstep unlock-any -- m0 prod\n\
         lockstep: 19 more locks are kept; to see them: lockstep locks\n"
    );
}

#[test]
fn lines_of_several_threads_never_tear() {
    let view = View::new(Level::Normal, false);
    view.sees([started(&["vpc/prod", "dns/prod"])]);
    let show = view.human.lines().show.unwrap();
    std::thread::scope(|scope| {
        for id in ["vpc/prod", "dns/prod"] {
            let show = &show;
            scope.spawn(move || {
                (0..500).for_each(|_| show(&unit(id), Stream::Out, id.repeat(20).as_bytes()));
            });
        }
    });
    let text = view.out.text();
    assert_eq!(text.lines().count(), 1000);
    for line in text.lines() {
        let (id, rest) = line.split_once(" | ").unwrap();
        assert_eq!(rest, id.repeat(20));
    }
}
