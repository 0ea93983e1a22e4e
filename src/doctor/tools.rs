//! The tools: whether those that workflows name are there, which versions, and whether a name leads
//! back to lockstep itself.

use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Finding;
use super::scene::Scene;
use crate::env::program_path;
use crate::git::printable;
use crate::process::tools::version::{NEUTRAL, first_version};
use crate::process::{CommandRunner as _, CommandSpec, Limit, Stdio, SystemRunner, ToolStatus, find_program};
use crate::workflow::parse;

/// Tools that are looked for anyway, and how they tell their version.
const KNOWN: &[(&str, &[&str])] = &[
    ("tofu", &["version"]),
    ("terraform", &["version"]),
    ("ansible-playbook", &["--version"]),
    ("kubectl", &["version", "--client"]),
    ("helm", &["version", "--short"]),
];

pub(super) fn found(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let named = named(scene);
    let mut findings = Vec::new();
    for (name, version) in KNOWN {
        if let Some(path) = find(name, scene) {
            let text = match leads_back(&path) {
                Some(_) => String::new(),
                None => version_of(name, &path, version, scene)
                    .map(|said| format!(", {said}"))
                    .unwrap_or_default(),
            };
            findings.push(Finding::ok(id, format!("{}{text}", shown(&path))).about(*name));
        }
    }
    for (name, workflow) in &named {
        let known = KNOWN.iter().any(|(known, _)| known == name);
        match find(name, scene) {
            Some(_) if known => {}
            Some(path) => findings.push(Finding::ok(id, shown(&path)).about(name.as_str())),
            None => findings.push(
                Finding::problem(
                    id,
                    format!("workflows/{workflow}.toml runs {name}, which is not on the PATH"),
                )
                .about(name.as_str())
                .cure("install it, or put its directory on PATH"),
            ),
        }
    }
    if findings.is_empty() {
        let names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
        findings
            .push(Finding::ok(id, format!("none of {} is on the PATH, and none is named", names.join(", "))));
    }
    findings
}

pub(super) fn loops(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let mut names: Vec<String> = KNOWN.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.extend(named(scene).into_iter().map(|(name, _)| name));
    names.sort();
    names.dedup();
    let findings: Vec<Finding> = names.iter().filter_map(|name| one_loop(id, name, scene)).collect();
    if findings.is_empty() {
        vec![Finding::ok(id, "no tool's name leads back to lockstep")]
    } else {
        findings
    }
}

/// A name whose first program on the `PATH` is lockstep, or a script that may call it.
fn one_loop(id: &'static str, name: &str, scene: &Scene<'_>) -> Option<Finding> {
    let path = find(name, scene)?;
    let way = leads_back(&path)?;
    let real = others(name, &path, scene).into_iter().find(|other| leads_back(other).is_none());
    let shown_path = shown(&path);
    let finding = match (way, real) {
        (Way::Script, _) => Finding::warning(
            id,
            format!("{shown_path} is a script that mentions lockstep: if it runs a pipeline, that must not find the script again"),
        )
        .cure(format!("see what it calls: less {}", parse::quote(path.as_os_str()))),
        (Way::Itself, Some(real)) => Finding::warning(
            id,
            format!("{shown_path} is lockstep itself; the tool is {}", shown(&real)),
        )
        .cure("in a pipeline name the tool by its path, or take the first one off the PATH"),
        (Way::Itself, None) => Finding::problem(
            id,
            format!("{shown_path} is lockstep itself, and there is no other: a run would call itself"),
        )
        .cure(format!("install {name}, or: rm {}", parse::quote(path.as_os_str()))),
    };
    Some(finding.about(name))
}

/// How a program that has a tool's name leads back here.
#[derive(Clone, Copy)]
enum Way {
    /// It is this very program.
    Itself,
    /// It is a script in which our name stands.
    Script,
}

fn leads_back(path: &Path) -> Option<Way> {
    let real = path.canonicalize().ok()?;
    if program_path().and_then(|own| own.canonicalize()).is_ok_and(|own| own == real) {
        return Some(Way::Itself);
    }
    let mut start = Vec::new();
    std::fs::File::open(real).ok()?.take(4096).read_to_end(&mut start).ok()?;
    let mentions = start.starts_with(b"#!") && start.windows(8).any(|word| word == b"lockstep");
    mentions.then_some(Way::Script)
}

fn find(name: &str, scene: &Scene<'_>) -> Option<PathBuf> {
    find_program(name.as_ref(), scene.env.cwd(), scene.env).ok()
}

/// The programs of that name that the `PATH` has after the first.
fn others(name: &str, first: &Path, scene: &Scene<'_>) -> Vec<PathBuf> {
    let list = scene.env.var_os("PATH").unwrap_or_default();
    std::env::split_paths(list)
        .map(|directory| scene.env.cwd().join(directory).join(name))
        .filter_map(|path| find_program(path.as_os_str(), scene.env.cwd(), scene.env).ok())
        .filter(|path| path != first)
        .collect()
}

/// The programs that workflows name, each with the first workflow that does. One with a `/` belongs to
/// a module.
fn named(scene: &Scene<'_>) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for workflow in scene.inventory().into_iter().flat_map(|inventory| &inventory.workflows) {
        let Some(file) = &workflow.file else { continue };
        let of_stages = file.create.iter().chain(&file.delete).flat_map(|stage| &stage.run);
        for word in file.steps.iter().chain(&file.finally).chain(of_stages) {
            let Some(Some(argv)) = parse::command(OsStr::new(word)) else { continue };
            let Some(program) = argv.program.to_str().filter(|program| !program.contains('/')) else {
                continue;
            };
            if !all.iter().any(|(known, _)| known == program) {
                all.push((printable(program.as_bytes()), workflow.name.to_string()));
            }
        }
    }
    all.sort();
    all
}

/// The line in which a tool tells its version; none if it fails.
/// The tool is asked where nothing of the project lies: its settings there may start programs.
fn version_of(name: &str, program: &Path, args: &[&str], scene: &Scene<'_>) -> Option<String> {
    if scene.project().is_some_and(|project| project.holds_program(program, scene.env)) {
        return Some("a file of this repository, and not asked for its version".to_owned());
    }
    let mut env: Vec<(OsString, OsString)> =
        scene.env.vars().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    // Terraform would ask its maker for news.
    env.push(("CHECKPOINT_DISABLE".into(), "1".into()));
    env.push(("PWD".into(), NEUTRAL.into()));
    let spec = CommandSpec {
        program: program.to_owned(),
        name: name.into(),
        args: args.iter().map(OsString::from).collect(),
        cwd: NEUTRAL.into(),
        env,
        stdio: Stdio::Capture,
        keep_open: Vec::new(),
        mark: None,
        lines: None,
        limit: Some(Limit {
            timeout: Duration::from_secs(10),
            kill_after: Some(Duration::from_secs(2)),
            // A tool without an answer is a tool without a version.
            notice: Arc::new(|_| ()),
        }),
    };
    let end = SystemRunner::new().run(&spec, &scene.interrupts).ok()?;
    if end.status != ToolStatus::Code(0) {
        return None;
    }
    let mut lines = end.stdout.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    // Warnings may come before it.
    let tells = |line: &&[u8]| first_version(&String::from_utf8_lossy(line)).is_some();
    let line = lines.clone().find(tells).or_else(|| lines.next())?;
    Some(printable(line.trim_ascii()).chars().take(80).collect())
}

fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes())
}
