//! The lock: who takes it here, where it is kept, and what this owner has left in it.

use super::scene::Scene;
use super::{Finding, counted, said};
use crate::Error;
use crate::env::{Span, user_name};
use crate::git;
use crate::lock::{LockKey, LockState, Record, escape};
use crate::project::{MARKER, Project, ProjectError};

/// Clocks that differ by less trouble nobody.
const TOLERATED: u64 = 5 * 60;

pub(super) fn owner(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let owner = crate::lock::owner(scene.env, &scene.host);
    let from = if scene.env.var("LOCKSTEP_OWNER").is_some() {
        "LOCKSTEP_OWNER"
    } else if owner == format!("{}@{}", user_name(scene.env), scene.host.name) {
        "user and host"
    } else {
        "the CI run"
    };
    // Elsewhere `CI` may be anything.
    if from == "user and host" && scene.env.var("CI").is_some_and(|ci| !matches!(ci, "false" | "0")) {
        let message = format!(
            "{owner}, from {from}: this CI system is not known, and each run of it here is one owner"
        );
        let cure = "set LOCKSTEP_OWNER to what names the CI's run and job, for example ci:$BUILD_ID:$JOB";
        return vec![Finding::warning(id, message).cure(cure)];
    }
    vec![Finding::ok(id, format!("{owner}, from {from}"))]
}

pub(super) fn backend(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let finding = match scene.locks() {
        None => Finding::skipped(id, "no project"),
        Some(Err(Error::Project(error @ ProjectError::Untrusted { .. }))) => {
            let why = "the project names the credentials or the address to ask with, and is not trusted";
            Finding { cure: error.hint(), ..Finding::skipped(id, format!("not looked at: {why}")) }
        }
        Some(Err(error)) => Finding::problem(id, said(error)),
        Some(Ok(locks)) => {
            let place = locks.place();
            match scene.listed() {
                None if scene.options.offline => {
                    Finding::skipped(id, format!("{place}: not asked (--offline)"))
                }
                None => Finding::skipped(id, format!("{place}: the remote does not answer")),
                Some(Ok(listed)) => Finding::ok(id, format!("{place}, {}", counted(listed.len(), "lock"))),
                Some(Err(error)) => Finding::problem(id, said(error)).cure("lockstep locks"),
            }
        }
    };
    vec![finding]
}

/// The records that can be understood; an early answer where there are none to look at.
fn known<'a>(id: &'static str, scene: &'a Scene<'_>) -> Result<Vec<&'a Record>, Vec<Finding>> {
    match scene.listed() {
        Some(Ok(listed)) => Ok(listed.iter().filter_map(|listed| listed.last.as_ref().ok()).collect()),
        Some(Err(_)) => Err(vec![Finding::skipped(id, "the locks cannot be read")]),
        None => Err(vec![Finding::skipped(id, "the locks were not asked for")]),
    }
}

pub(super) fn records(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    if let Err(skipped) = known(id, scene) {
        return skipped;
    }
    let listed = scene.listed().and_then(Result::ok).unwrap_or_default();
    let bad: Vec<Finding> = listed
        .iter()
        .filter_map(|listed| {
            let why = listed.last.as_ref().err()?;
            let message = format!("the record of {} cannot be understood: {why}", listed.name);
            let found = Finding::problem(id, message).about(listed.name.as_str());
            // What is no lock's name is nothing that lockstep could show.
            Some(match LockKey::new(&listed.name) {
                Ok(key) => found.cure(format!("how to mend it: lockstep locks show {key}")),
                Err(_) => found,
            })
        })
        .collect();
    if bad.is_empty() { vec![Finding::ok(id, "every record can be understood")] } else { bad }
}

pub(super) fn own(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let records = match known(id, scene) {
        Ok(records) => records,
        Err(skipped) => return skipped,
    };
    let Some(Ok(locks)) = scene.locks() else { return vec![Finding::skipped(id, "no project")] };
    let own = records.into_iter().filter(|record| record.owner == locks.owner());
    let findings: Vec<Finding> = own
        .filter_map(|record| {
            let age = Span::since(record.time, locks.now());
            // The lock may be one that several units share.
            let (unit, key) = (escape(&record.unit).replace('/', " "), &record.key);
            let (what, cure) = match record.state {
                LockState::Free => return None,
                LockState::Failed => (
                    "is kept since a run failed",
                    format!(
                        "fix the cause and run the same again, or give up: lockstep unlock-any -- {unit}"
                    ),
                ),
                LockState::Frozen => ("is frozen", format!("when the reason is gone: lockstep thaw {key}")),
                LockState::Held if locks.stale_after().is_stale(age) => (
                    "is held for so long that it is stale",
                    format!("make sure that its run has ended, then: lockstep unlock-any -- {unit}"),
                ),
                LockState::Held => return None,
            };
            let message = format!("lock {key} of {} {what} ({} ago)", record.owner, age.rough());
            Some(Finding::warning(id, message).about(key.as_str()).cure(cure))
        })
        .collect();
    if findings.is_empty() {
        return vec![Finding::ok(id, format!("{} has left no lock behind", locks.owner()))];
    }
    findings
}

pub(super) fn clock(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let records = match known(id, scene) {
        Ok(records) => records,
        Err(skipped) => return skipped,
    };
    let now = scene.clock.now();
    let latest = records.into_iter().max_by_key(|record| record.time);
    let finding = match latest.map(|record| (record, Span::since(now, record.time))) {
        Some((record, ahead)) if ahead.seconds() > TOLERATED => Finding::warning(
            id,
            format!(
                "the last record of lock {} is {} in the future: this clock or that of {} is wrong",
                record.key,
                ahead.rough(),
                record.owner
            ),
        )
        .cure("timedatectl status"),
        _ => Finding::ok(id, "no record is from the future"),
    };
    vec![finding]
}

/// Two projects of one repository whose units have the same names lock each other out.
pub(super) fn names(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let (Some(project), Some(repo), Some(inventory)) = (scene.project(), scene.repo(), scene.inventory())
    else {
        return vec![Finding::skipped(id, "no project in a repository")];
    };
    let tracked = match repo.tracked_below("".as_ref()) {
        Ok(tracked) => tracked,
        Err(error) => return vec![Finding::problem(id, said(&error))],
    };
    let suffix = format!("/{MARKER}");
    let mut findings = Vec::new();
    for path in tracked.iter().filter_map(|path| std::str::from_utf8(path).ok()) {
        let Some(directory) = path.strip_suffix(&suffix).or((path == MARKER).then_some("")) else { continue };
        let Ok(other) = Project::discover(&repo.work_dir().join(directory), scene.env) else { continue };
        let place = |project: &Project| {
            let lock = &project.config().lock;
            let (prefix, remote) = lock.git.place();
            (
                lock.backend.clone(),
                prefix.to_owned(),
                remote.map(str::to_owned),
                lock.dynamodb.clone(),
                lock.project.clone(),
            )
        };
        if other.root() == project.root() || place(&other) != place(project) {
            continue;
        }
        let theirs = other.inventory([]).units;
        let shared: Vec<String> =
            inventory.units.iter().filter(|unit| theirs.contains(unit)).map(ToString::to_string).collect();
        if let Some(first) = shared.first() {
            let shown = git::printable(path.as_bytes());
            let message = format!(
                "{shown} is another project with {}, such as {first}",
                counted(shared.len(), "lock of the same name")
            );
            findings.push(
                Finding::warning(id, message.replace("lock of the same names", "locks of the same name"))
                    .about(shown)
                    .cure(
                        "give one of the two a name of its own: `project = \"NAME\"` under [lock] (docs/locks.md, Moving the locks)",
                    ),
            );
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(id, "no other project here has locks of the same names"));
    }
    findings
}
