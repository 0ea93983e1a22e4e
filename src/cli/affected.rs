//! `lockstep affected [UNIT...]`: the units that differ from an earlier commit, one a line.
//!
//! Both states are rendered in memory: nothing runs, nothing is written, no secret is read. A unit that
//! cannot be rendered is named on standard error and the others are told all the same; the end is
//! then 78.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::terminal::Terminal;
use super::{diagnose, units};
use crate::engine::open_project;
use crate::env::Environment;
use crate::git::{Base, Repo};
use crate::process::Interrupts;
use crate::project::{Name, Project, ProjectError, Turn, UnitId, toml_text};
use crate::render::affected::{AffectedUnit, Change, Difference, Part, UnitFate};
use crate::report::Level;
use crate::{AffectedQuery, Engine, Error, ExitCode};

/// What `affected` takes.
#[derive(Args, Debug)]
pub(super) struct AffectedArgs {
    /// Only these, as in `alpha/prod`; both parts may be patterns and lists: `net-*/dev,prod`
    #[arg(value_name = "UNIT")]
    pub units: Vec<String>,
    /// Compare with the commit at which HEAD's history parts from this one
    #[arg(long, value_name = "REF")]
    pub base: Option<String>,
    /// Show what differs of each unit, and which files make it differ
    #[arg(long)]
    pub why: bool,
    /// Add the units that need one of them, and those that need these
    #[arg(long)]
    pub dependants: bool,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// How the units are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One a line, its name first
    Text,
    /// All that is known
    Json,
    /// The matrix of a job of GitHub Actions, on one line, of those that are still there
    GithubMatrix,
}

/// A unit that is told.
struct Listed {
    unit: UnitId,
    told: Told,
}

enum Told {
    Differs(AffectedUnit),
    /// It needs one that does.
    Needs(UnitId),
}

/// Prints the units, then what was wrong.
pub(super) fn run(args: &AffectedArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let project = open_project(env.cwd(), env, &Interrupts::new())?;
    let Wanted { units: wanted, doubtful } = selection(&project, &args.units, env)?;
    let query = AffectedQuery {
        base: args.base.clone(),
        // Who needs a unit that differs may be wanted although that one is not.
        units: wanted.clone().filter(|_| !args.dependants),
        reasons: args.why || args.format == Format::Json,
    };
    let (base, found) = Engine::new(env.clone()).affected(&project, &query)?;
    if terminal.level != Level::Quiet {
        terminal.say(&compared(&base, since(&project, &base, env)));
    }
    let mut listed: BTreeMap<UnitId, Told> =
        found.units.into_iter().map(|unit| (unit.unit.clone(), Told::Differs(unit))).collect();
    let mut errors: Vec<Error> = found.errors.into_iter().map(Error::from).collect();
    if args.dependants {
        match project.units().and_then(|units| project.in_order(units, false)) {
            Ok(turns) => {
                let more = dependants(&turns, listed.keys());
                more.into_iter().for_each(|(unit, needs)| drop(listed.insert(unit, Told::Needs(needs))));
            }
            Err(error) => errors.push(error.into()),
        }
    }
    if let Some((_, error)) = doubtful.into_iter().find(|(unit, _)| !listed.contains_key(unit)) {
        return Err(Error::from(error).into());
    }
    listed.retain(|unit, _| wanted.as_ref().is_none_or(|wanted| wanted.contains(unit)));
    let listed: Vec<Listed> = listed.into_iter().map(|(unit, told)| Listed { unit, told }).collect();
    match args.format {
        Format::Text if listed.is_empty() => {}
        Format::Text => drop(terminal.page(&text(&listed, args.why))?),
        Format::Json => drop(terminal.json(&format!("{:#}\n", as_json(&base, &listed)))?),
        Format::GithubMatrix => drop(terminal.json(&format!("{}\n", matrix(&listed)))?),
    }
    let mut said = BTreeSet::new();
    let broken = !errors.is_empty();
    for error in errors.into_iter().filter(|error| said.insert(error.to_string())) {
        diagnose::print(&error, &[], terminal);
    }
    Ok(if broken { ExitCode::Config } else { ExitCode::Success }.code())
}

/// What the words of the command line name.
struct Wanted {
    /// The units; none means all.
    units: Option<BTreeSet<UnitId>>,
    /// Those that are not there now, and what is to be said if they never were.
    doubtful: Vec<(UnitId, ProjectError)>,
}

/// The units that words name, those that are gone among them.
fn selection(project: &Project, words: &[String], env: &Environment) -> Result<Wanted, Error> {
    let (mut wanted, mut doubtful) = (BTreeSet::new(), Vec::new());
    for word in words {
        // A unit written out may be one that was deleted.
        match (word.parse::<UnitId>(), units::several(project, word, env)) {
            (_, Ok(units)) => wanted.extend(units),
            (Ok(unit), Err(error @ (ProjectError::Unknown { .. } | ProjectError::NotAUnit { .. }))) => {
                wanted.insert(unit.clone());
                doubtful.push((unit, error));
            }
            (_, Err(error)) => return Err(error.into()),
        }
    }
    Ok(Wanted { units: (!words.is_empty()).then_some(wanted), doubtful })
}

/// How many commits of HEAD the base has not; none where that cannot be told.
fn since(project: &Project, base: &Base, env: &Environment) -> Option<usize> {
    let repo = Repo::discover(project.root(), env, &Interrupts::new()).ok()??;
    let (ahead, _) = repo.ahead_behind(&repo.head().ok()?.oid?, base.commit.as_ref()?).ok()?;
    Some(ahead)
}

/// `compared with origin/main (1a2b3c4d, 2 commits since)`
fn compared(base: &Base, since: Option<usize>) -> String {
    let at = base.commit.as_ref().map_or_else(String::new, |commit| {
        let parted = if base.parted { "where HEAD's history parts from it: " } else { "" };
        let since = match since {
            None | Some(0) => String::new(),
            Some(1) => ", 1 commit since".to_owned(),
            Some(count) => format!(", {count} commits since"),
        };
        format!(" ({parted}{}{since})", commit.short())
    });
    format!("compared with {}{at}", base.name)
}

/// The units that need any of these, directly or not, each with one that it needs; `turns` has each unit
/// after all that it needs.
fn dependants<'a>(turns: &[Turn], of: impl Iterator<Item = &'a UnitId>) -> Vec<(UnitId, UnitId)> {
    let mut affected: BTreeSet<UnitId> = of.cloned().collect();
    let mut found = Vec::new();
    for turn in turns {
        let needed = turn.needs.iter().map(|index| &turns[*index].unit).find(|unit| affected.contains(unit));
        if let Some(needed) = needed.cloned()
            && affected.insert(turn.unit.clone())
        {
            found.push((turn.unit.clone(), needed));
        }
    }
    found
}

fn text(listed: &[Listed], why: bool) -> String {
    let mut text = String::new();
    for one in listed {
        let (word, lines) = match &one.told {
            Told::Needs(unit) => ("dependant", vec![format!("needs {unit}")]),
            Told::Differs(unit) => (fate(&unit.fate), reasons(unit)),
        };
        text.push_str(&one.unit.to_string());
        if word != "changed" {
            text.push_str(&format!("  {word}"));
        }
        text.push('\n');
        for line in lines.iter().filter(|_| why) {
            text.push_str(&format!("  {}\n", toml_text::escaped(line)));
        }
    }
    text
}

const fn fate(fate: &UnitFate) -> &'static str {
    match fate {
        UnitFate::Changed | UnitFate::WasBroken(_) => "changed",
        UnitFate::New => "new",
        UnitFate::Deleted => "deleted",
    }
}

/// `main.tf: modules/net/main.tf`
fn reasons(unit: &AffectedUnit) -> Vec<String> {
    let because = |files: &[String]| {
        if files.is_empty() { String::new() } else { format!(": {}", files.join(", ")) }
    };
    let mut lines: Vec<String> = Vec::new();
    if let UnitFate::WasBroken(why) = &unit.fate {
        lines.push(format!("could not be rendered before: {}", why.lines().next().unwrap_or_default()));
    }
    lines.extend(unit.because.iter().cloned());
    lines.extend(unit.differences.iter().map(|difference| {
        let change = match difference.change {
            Change::Changed => "",
            Change::New => " (new)",
            Change::Removed => " (removed)",
            Change::Mode => " (mode)",
        };
        format!("{}{change}{}", part(&difference.what), because(&difference.because))
    }));
    lines
}

fn part(part: &Part) -> String {
    match part {
        Part::File(path) => path.clone(),
        Part::Env => "[env]".into(),
        Part::Exec => "[exec]".into(),
        Part::Needs => "needs".into(),
        Part::Unknown => "what only a run knows".into(),
        Part::Reads => "what the tool reads".into(),
        Part::MayRead(why) => format!("cannot tell ({})", why.escape_debug()),
    }
}

/// `{"include":[{"module":"alpha","profile":"prod","unit":"alpha/prod"}]}`
fn matrix(listed: &[Listed]) -> Value {
    let there = listed.iter().filter(|one| match &one.told {
        Told::Differs(unit) => unit.fate != UnitFate::Deleted,
        Told::Needs(_) => true,
    });
    let entry =
        |one: &Listed| json!({ "module": one.unit.module, "profile": one.unit.profile, "unit": one.unit });
    json!({ "include": there.map(entry).collect::<Vec<_>>() })
}

/// What `--format json` prints.
#[derive(Serialize, JsonSchema)]
struct Report<'a> {
    /// What the working tree was compared with.
    base: BaseTold<'a>,
    /// The units that differ, sorted.
    units: Vec<UnitTold<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct BaseTold<'a> {
    /// What it is, for people.
    name: &'a str,
    /// The commit; null if there was none, so that everything is new.
    commit: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
struct UnitTold<'a> {
    /// MODULE/PROFILE.
    unit: &'a UnitId,
    module: &'a Name,
    profile: &'a Name,
    /// `changed`, `new`, `deleted`, or `dependant`: it needs one that differs.
    change: &'static str,
    /// Which it needs.
    needs: Option<&'a UnitId>,
    /// What of it differs.
    differences: Vec<DifferenceTold<'a>>,
    /// Where it differs as a whole: the changed files that it looks at.
    because: &'a [String],
    /// Why it could not be rendered before.
    was_broken: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
struct DifferenceTold<'a> {
    /// The rendered file, relative to the unit's directory; null if it is something else.
    file: Option<&'a str>,
    /// What it is, if no file: `env`, `exec`, or `unknown`: values that only a run knows decide what the
    /// unit is made of, and what goes in has changed.
    setting: Option<&'static str>,
    /// What became of it.
    change: Change,
    /// The files of the project that make the difference.
    because: &'a [String],
}

/// The form of what `--format json` prints, as JSON Schema.
pub(super) fn schema() -> Value {
    super::schema::written::<Report<'_>>()
}

fn as_json(base: &Base, listed: &[Listed]) -> Value {
    let units = listed.iter().map(|one| match &one.told {
        Told::Needs(needs) => told(&one.unit, "dependant", Some(needs)),
        Told::Differs(unit) => UnitTold {
            differences: unit.differences.iter().map(difference).collect(),
            because: &unit.because,
            was_broken: match &unit.fate {
                UnitFate::WasBroken(why) => Some(why),
                _ => None,
            },
            ..told(&one.unit, fate(&unit.fate), None)
        },
    });
    let commit = base.commit.as_ref().map(crate::git::Oid::as_str);
    let report = Report { base: BaseTold { name: &base.name, commit }, units: units.collect() };
    // Strings and lists always make JSON.
    serde_json::to_value(&report).unwrap_or_default()
}

fn told<'a>(unit: &'a UnitId, change: &'static str, needs: Option<&'a UnitId>) -> UnitTold<'a> {
    UnitTold {
        unit,
        module: &unit.module,
        profile: &unit.profile,
        change,
        needs,
        differences: Vec::new(),
        because: &[],
        was_broken: None,
    }
}

fn difference(difference: &Difference) -> DifferenceTold<'_> {
    let (file, setting) = match &difference.what {
        Part::File(path) => (Some(path.as_str()), None),
        Part::Env => (None, Some("env")),
        Part::Exec => (None, Some("exec")),
        Part::Needs => (None, Some("needs")),
        Part::Unknown => (None, Some("unknown")),
        Part::Reads => (None, Some("reads")),
        Part::MayRead(_) => (None, Some("may_read")),
    };
    DifferenceTold { file, setting, change: difference.change, because: &difference.because }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependants_are_found_through_any_number_of_units() {
        let unit = |name: &str| name.parse::<UnitId>().unwrap();
        let turn = |name: &str, needs: &[usize]| Turn { unit: unit(name), needs: needs.to_vec() };
        let turns =
            [turn("a/p", &[]), turn("b/p", &[0]), turn("c/p", &[]), turn("d/p", &[1, 2]), turn("e/p", &[2])];
        let of = |name: &str| {
            let found = dependants(&turns, [unit(name)].iter());
            found.iter().map(|(unit, needs)| format!("{unit} {needs}")).collect::<Vec<_>>()
        };
        assert_eq!(of("a/p"), ["b/p a/p", "d/p b/p"]);
        assert_eq!(of("c/p"), ["d/p c/p", "e/p c/p"]);
        assert!(of("gone/p").is_empty());
    }
}
