//! What became of each unit of a run, as data: what `--report` writes.
//!
//! It is made of events alone, and holds no more than they do: no arguments, no values, no output of
//! tools, only the paths of logs. New fields may come; what there is keeps its meaning, or the version
//! changes. `lockstep schema report` publishes the form.

use std::collections::HashMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::units::{Totals, UnitEnd};
use crate::project::UnitId;
use crate::workflow::{Event, UnitOutcome};

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct RunReport {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub lockstep_report: u32,
    /// The invocation's identifier.
    pub run: String,
    /// Who ran it.
    pub owner: String,
    /// When it began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: Timestamp,
    /// When it ended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub finished: Timestamp,
    /// HEAD when it began; none without a repository or a commit.
    pub commit: Option<String>,
    /// The steps in order; commands by program and subcommand only.
    pub steps: Vec<String>,
    /// What the shell saw.
    pub code: u8,
    /// The error that ended it, as text; of several the first.
    pub error: Option<String>,
    /// How many units ended in which way.
    pub totals: Totals,
    /// The units, in the order of the plan.
    pub units: Vec<UnitReport>,
}

/// What became of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct UnitReport {
    /// How it ended.
    #[serde(flatten)]
    pub end: UnitEnd,
    /// Whether its lock stays when the run is over.
    pub lock_kept: bool,
    /// The steps that were begun or left out, in order.
    pub steps: Vec<StepReport>,
    /// The stages of a workflow of stages, in their order; empty for any other unit.
    pub stages: Vec<StageReport>,
    /// What the user should know, and what stopped nothing.
    pub warnings: Vec<String>,
}

/// What became of one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct StageReport {
    /// Its name.
    pub stage: String,
    /// The unit that it renders.
    pub unit: UnitId,
    /// How it ended.
    pub result: StageResult,
    /// Why it was not begun, or the step at which it stopped.
    pub reason: Option<String>,
    /// Its steps that were begun or left out, in order.
    pub steps: Vec<StepReport>,
    /// How long it took.
    pub milliseconds: u64,
}

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StageResult {
    /// Done.
    Done,
    /// Done by a run before this one.
    DoneBefore,
    /// Not begun.
    LeftOut,
    /// It failed, or the run ended within it.
    Failed,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct StepReport {
    /// Its label.
    pub step: String,
    /// How it ended.
    pub result: StepResult,
    /// How long it took.
    pub milliseconds: u64,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepResult {
    /// Done.
    Done,
    /// There was nothing to do.
    NothingToDo,
    /// It was left out.
    LeftOut,
    /// It failed.
    Failed,
}

/// The version of the form.
const VERSION: u32 = 1;

impl RunReport {
    /// The form as JSON Schema.
    pub(super) fn schema() -> serde_json::Value {
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        settings.into_generator().into_root_schema_for::<Self>().into()
    }

    /// How long it took, in whole seconds.
    pub(super) fn seconds(&self) -> i64 {
        (self.finished.as_second() - self.started.as_second()).max(0)
    }
}

/// Makes a report of events.
#[derive(Debug, Default)]
pub(super) struct Collector {
    begun: Option<RunReport>,
    places: HashMap<UnitId, usize>,
    /// The workflow one of whose stages was told last and has not ended.
    in_stage: Option<UnitId>,
}

impl Collector {
    /// Takes note of an event; gives the report with the last one.
    pub(super) fn add(&mut self, event: &Event) -> Option<RunReport> {
        match event {
            Event::RunStarted { run, time, owner, units, steps, commit, .. } => {
                self.places = units.iter().cloned().zip(0..).collect();
                self.begun = Some(RunReport {
                    lockstep_report: VERSION,
                    run: run.clone(),
                    owner: owner.clone(),
                    started: *time,
                    finished: *time,
                    commit: commit.clone(),
                    steps: steps.clone(),
                    code: 0,
                    error: None,
                    totals: Totals::default(),
                    units: units.iter().map(unit_not_ended).collect(),
                });
            }
            Event::StepFinished { unit, step, ok, skipped, milliseconds, .. } => {
                let result = match (ok, skipped) {
                    (false, _) => StepResult::Failed,
                    (true, true) => StepResult::NothingToDo,
                    (true, false) => StepResult::Done,
                };
                self.step(unit, step, result, *milliseconds);
            }
            Event::StageStarted { unit, whole, stage, .. } => {
                // Until its end is told.
                self.stage(whole, StageReport::new(stage, unit, StageResult::Failed, None));
            }
            Event::StageSkipped { unit, whole, stage, done, reason, .. } => {
                let result = if *done { StageResult::DoneBefore } else { StageResult::LeftOut };
                self.stage(whole, StageReport::new(stage, unit, result, Some(reason)));
            }
            Event::StageFinished { whole, ok, stopped_at, milliseconds, .. } => {
                if let Some(stage) = self.unit(whole).and_then(|report| report.stages.last_mut()) {
                    stage.result = if *ok { StageResult::Done } else { StageResult::Failed };
                    stage.reason = stopped_at.as_ref().map(|step| format!("it stopped at `{step}`"));
                    stage.milliseconds = *milliseconds;
                }
                self.in_stage = None;
            }
            Event::StepSkipped { unit, step, .. } => self.step(unit, step, StepResult::LeftOut, 0),
            Event::LockKept { unit, .. } => self.lock(unit, true),
            Event::LockReleased { unit } => self.lock(unit, false),
            Event::Warning { unit, message } => {
                let units = self.begun.as_mut().map(|run| run.units.as_mut_slice()).unwrap_or_default();
                // What is about none in particular is about the only one, or about all.
                for report in
                    units.iter_mut().filter(|report| unit.as_ref().is_none_or(|id| *id == report.end.unit))
                {
                    report.warnings.push(message.clone());
                }
            }
            Event::UnitFinished { unit, .. } => {
                if let (Some(report), Some(end)) = (self.unit(unit), UnitEnd::of(event)) {
                    report.end = end;
                }
            }
            Event::RunFinished { time, code, error, .. } => {
                let mut report = self.begun.take()?;
                (report.finished, report.code) = (*time, *code);
                report.error.clone_from(error);
                if let [only] = report.units.as_mut_slice() {
                    only.ends_with(*code, error.as_ref());
                }
                report.totals = Totals::of(report.units.iter().map(|unit| &unit.end.outcome));
                return Some(report);
            }
            _ => {}
        }
        None
    }

    fn unit(&mut self, unit: &UnitId) -> Option<&mut UnitReport> {
        let place = *self.places.get(unit)?;
        self.begun.as_mut()?.units.get_mut(place)
    }

    fn step(&mut self, unit: &UnitId, step: &str, result: StepResult, milliseconds: u64) {
        let step = StepReport { step: step.to_owned(), result, milliseconds };
        // Of a workflow of stages only the steps of the line are its own.
        let stage = self.in_stage.clone().and_then(|whole| self.unit(&whole)?.stages.last_mut());
        match stage.filter(|stage| stage.unit == *unit) {
            Some(stage) => stage.steps.push(step),
            None => self.unit(unit).into_iter().for_each(|report| report.steps.push(step.clone())),
        }
    }

    fn stage(&mut self, whole: &UnitId, stage: StageReport) {
        self.in_stage = Some(whole.clone());
        if let Some(report) = self.unit(whole) {
            report.stages.push(stage);
        }
    }

    fn lock(&mut self, unit: &UnitId, kept: bool) {
        if let Some(report) = self.unit(unit) {
            report.lock_kept = kept;
        }
    }
}

/// Until its end is told it was never begun.
fn unit_not_ended(unit: &UnitId) -> UnitReport {
    let end = UnitEnd {
        unit: unit.clone(),
        outcome: UnitOutcome::Skipped,
        code: 0,
        reason: None,
        log: None,
        milliseconds: 0,
    };
    UnitReport { end, lock_kept: false, steps: Vec::new(), stages: Vec::new(), warnings: Vec::new() }
}

impl StageReport {
    fn new(stage: &str, unit: &UnitId, result: StageResult, reason: Option<&String>) -> Self {
        let (stage, unit, reason) = (stage.to_owned(), unit.clone(), reason.cloned());
        Self { stage, unit, result, reason, steps: Vec::new(), milliseconds: 0 }
    }
}

impl UnitReport {
    /// The end of the only unit is that of the run.
    fn ends_with(&mut self, code: u8, error: Option<&String>) {
        self.end.outcome = match (error, code) {
            (Some(_), _) => UnitOutcome::Failed,
            (None, 0) => UnitOutcome::Ok,
            (None, _) => UnitOutcome::Changes,
        };
        self.end.code = code;
        self.end.reason = error.cloned();
        if self.end.milliseconds == 0 {
            self.end.milliseconds = self.steps.iter().map(|step| step.milliseconds).sum();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    fn unit(text: &str) -> UnitId {
        text.parse().unwrap()
    }

    /// The events of a run of these units, with these between the first and the last.
    fn run(units: &[&str], between: Vec<Event>, code: u8, error: Option<&str>) -> Vec<Event> {
        let started = Event::RunStarted {
            version: Event::VERSION,
            run: "r1".into(),
            time: "2026-01-02T03:04:05Z".parse().unwrap(),
            owner: "ana@host".into(),
            units: units.iter().map(|text| unit(text)).collect(),
            steps: vec!["build".into(), "tofu apply".into()],
            commands: 1,
            commit: None,
        };
        let finished = Event::RunFinished {
            run: "r1".into(),
            time: "2026-01-02T03:05:20Z".parse().unwrap(),
            code,
            error: error.map(Into::into),
        };
        std::iter::once(started).chain(between).chain(std::iter::once(finished)).collect()
    }

    fn step(of: &str, name: &str, ok: bool) -> Event {
        Event::StepFinished {
            unit: unit(of),
            step: name.into(),
            ok,
            skipped: false,
            routine: false,
            summary: "hunter2".into(),
            milliseconds: 1500,
        }
    }

    fn end(of: &str, outcome: UnitOutcome, code: u8, reason: Option<&str>) -> Event {
        Event::UnitFinished {
            unit: unit(of),
            outcome,
            code,
            reason: reason.map(Into::into),
            log: (outcome == UnitOutcome::Failed).then(|| "/p/.git/lockstep/runs/r1/a <b>.log".into()),
            milliseconds: 2500,
        }
    }

    /// A run in which everything happens.
    pub(in crate::report) fn everything() -> Vec<Event> {
        let between = vec![
            Event::UnitStarted { unit: unit("vpc/prod") },
            step("vpc/prod", "build", true),
            step("vpc/prod", "tofu apply", false),
            Event::LockKept { unit: unit("vpc/prod"), recorded: true },
            end("vpc/prod", UnitOutcome::Failed, 1, Some("`tofu apply` said:\n<\"&'> \u{1b}[31m\u{0}ü]]>")),
            end("cluster/prod", UnitOutcome::Skipped, 0, Some("needs vpc/prod, which failed")),
            Event::Warning { unit: Some(unit("dns/dev")), message: "look".into() },
            end("dns/dev", UnitOutcome::Changes, 2, None),
            end("iam/dev", UnitOutcome::Ok, 0, None),
        ];
        run(&["vpc/prod", "cluster/prod", "dns/dev", "iam/dev", "late/dev"], between, 1, Some("it failed"))
    }

    pub(in crate::report) fn report(events: &[Event]) -> RunReport {
        let mut collector = Collector::default();
        events.iter().find_map(|event| collector.add(event)).expect("the run ends")
    }

    #[test]
    fn every_unit_is_in_it_as_its_end_was_told() {
        let report = serde_json::to_value(report(&everything())).unwrap();
        insta::assert_snapshot!(format!("{report:#}"));
        let validator = jsonschema::validator_for(&RunReport::schema()).unwrap();
        assert!(validator.is_valid(&report));
    }

    #[test]
    fn a_run_of_one_unit_is_that_unit() {
        let steps = vec![step("vpc/prod", "build", true), step("vpc/prod", "tofu apply", true)];
        for (code, error, outcome) in [(0, None, "ok"), (2, None, "changes"), (3, Some("x"), "failed")] {
            let report = report(&run(&["vpc/prod"], steps.clone(), code, error));
            let unit = serde_json::to_value(&report.units[0]).unwrap();
            assert_eq!(unit["outcome"], outcome);
            assert_eq!((&unit["code"], &unit["milliseconds"]), (&json!(code), &json!(3000)));
            assert_eq!(report.totals.all(), 1);
        }
    }
}
