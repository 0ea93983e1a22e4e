//! `lockstep graph [UNIT|PROFILE]…`: which unit needs which, and so in what order they run.
//!
//! Only files are read. What is shown hangs together: with a unit come all that it needs, or with
//! `--reverse` all that need it.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::graph_text;
use super::terminal::Terminal;
use crate::Error;
use crate::engine::open_project;
use crate::env::Environment;
use crate::process::Interrupts;
use crate::project::{Because, Project, ProjectError, UnitGraph, UnitId};
use crate::report::Level;

/// What `graph` takes.
#[derive(Args, Debug)]
pub(super) struct GraphArgs {
    /// Where to begin: units (MODULE/PROFILE) or all of a profile (PROFILE), with patterns, lists and
    /// tags as after `--`; without any, all units
    #[arg(value_name = "UNIT|PROFILE")]
    pub what: Vec<String>,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_possible_values = false)]
    pub format: Format,
    /// Turned round: what needs them, and the order in which things are taken down
    #[arg(long)]
    pub reverse: bool,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A tree: what a unit needs stands below it
    Text,
    /// For Graphviz
    Dot,
    /// For Mermaid, as Markdown pages show it
    Mermaid,
    /// For programs: the units in their order
    Json,
}

/// What is shown of a graph.
pub(super) struct Shown {
    pub(super) graph: UnitGraph,
    /// The numbers of the units.
    pub(super) units: BTreeSet<usize>,
    /// For each unit of the graph those that are drawn below it.
    pub(super) below: Vec<Vec<usize>>,
    /// Whether those are the ones that need it.
    pub(super) reversed: bool,
}

/// Prints the graph.
pub(super) fn run(args: &GraphArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let shown = shown(args, env)?;
    if shown.units.is_empty() && terminal.level != Level::Quiet {
        terminal.say("this project has no units");
    }
    match args.format {
        Format::Text if shown.units.is_empty() => Ok(0),
        Format::Text => terminal.page(&graph_text::tree(&shown)),
        Format::Dot => terminal.page(&graph_text::dot(&shown)),
        Format::Mermaid => terminal.page(&graph_text::mermaid(&shown)),
        Format::Json => terminal.json(&json(&shown)),
    }
}

fn shown(args: &GraphArgs, env: &Environment) -> Result<Shown, Error> {
    let project = open_project(env.cwd(), env, &Interrupts::new())?;
    let from = match args.what.as_slice() {
        [] => project.units()?,
        words => {
            words.iter().map(|word| select(&project, word, env)).collect::<Result<Vec<_>, _>>()?.concat()
        }
    };
    // Who needs a unit can be anybody; what it needs it says itself.
    let graph = match args.reverse {
        true => project.unit_graph(project.units()?)?,
        false => project.unit_graph(from.iter().cloned())?,
    };
    Ok(Shown::new(graph, &from, args.reverse))
}

/// The units of one word.
fn select(project: &Project, word: &str, env: &Environment) -> Result<Vec<UnitId>, ProjectError> {
    let (module, profile) = match word.split_once('/') {
        Some(parts) => parts,
        None if word == "." => (".", "."),
        None => ("*", word),
    };
    match project.select(module, profile, env) {
        // Without a `/` it may have been meant as a module.
        Err(ProjectError::Unknown { what: "profile", word: unknown, nearest: None, known, .. })
            if module == "*" && project.modules()?.iter().any(|name| name.as_str() == word) =>
        {
            Err(ProjectError::Unknown {
                what: "profile",
                word: unknown,
                nearest: Some(format!("'{word}/*'")),
                known,
                ignored: false,
            })
        }
        other => other,
    }
}

impl Shown {
    pub(super) fn new(graph: UnitGraph, from: &[UnitId], reversed: bool) -> Self {
        let (units, below) = (graph.reach(from, reversed), graph.neighbours(reversed));
        Self { graph, units, below, reversed }
    }

    /// The name of a unit.
    pub(super) fn name(&self, number: usize) -> String {
        self.graph.units().get(number).map(UnitId::to_string).unwrap_or_default()
    }
}

/// What `--format json` prints. Fields are only ever added.
#[derive(Serialize, JsonSchema)]
struct Told {
    /// The units in the order in which a run takes them: each after what it needs; with `--reverse`
    /// before.
    units: Vec<ToldUnit>,
}

/// A unit.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Unit")]
struct ToldUnit {
    /// Its name.
    unit: UnitId,
    /// What it needs itself, of the units shown here.
    needs: Vec<ToldNeed>,
}

/// That a unit needs another one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Need")]
struct ToldNeed {
    /// The other one.
    unit: UnitId,
    /// What says so: `needs` in its module.toml, or the outputs that its parameters use.
    because: &'static str,
    /// The file that says so, relative to the project.
    file: String,
    /// The line in it, counted from 1; null where that is not known.
    line: Option<usize>,
}

/// The form of what `--format json` prints, as JSON Schema.
pub(super) fn schema() -> Value {
    let mut schema = super::schema::written::<Told>();
    if let Some(because) = schema.pointer_mut("/$defs/Need/properties/because") {
        because["enum"] = Value::from(vec!["needs", "outputs"]);
    }
    schema
}

fn json(shown: &Shown) -> String {
    let units: Vec<UnitId> = shown.units.iter().map(|number| shown.graph.units()[*number].clone()).collect();
    let told = shown.graph.turns(&units, shown.reversed).into_iter().map(|turn| {
        let edges =
            shown.graph.number(&turn.unit).map(|number| shown.graph.needs(number)).unwrap_or_default();
        let needs = edges.iter().filter(|edge| shown.units.contains(&edge.to)).map(|edge| {
            let because = match &edge.because {
                Because::Needs(_) => "needs",
                Because::Outputs(_) => "outputs",
            };
            let place = edge.because.place();
            ToldNeed {
                unit: shown.graph.units()[edge.to].clone(),
                because,
                file: place.file().to_owned(),
                line: place.line(),
            }
        });
        ToldUnit { needs: needs.collect(), unit: turn.unit }
    });
    let told = Told { units: told.collect() };
    // Strings, numbers and lists always make JSON.
    format!("{:#}\n", serde_json::to_value(&told).unwrap_or_default())
}
