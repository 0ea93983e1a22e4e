//! Many units at once come out as each would alone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::env::Environment;
use crate::project::Overrides;

fn many() -> Sample {
    let sample = sample(&[
        ("profiles/prod.toml", "extends = ['dev']\n[params]\nn = 2\n"),
        ("profiles/dev.toml", "[params]\nn = 1\n"),
        ("modules/_shared/x", "{% include '_partials/p' %}"),
        ("modules/_partials/p", "{{ module }} {{ n }}"),
        ("modules/broken/a", "{{ nope }}"),
        ("modules/half/a", "{{ 1 / (n - 1) }}"),
        ("modules/odd/module.toml", "[build]\nsources = ['../nowhere']\n"),
    ]);
    for number in 0..6 {
        sample.write(&format!("modules/m{number}/a"), format!("{number} {{{{ profile }}}}"));
        sample.write(&format!("modules/m{number}/module.toml"), "[build]\nsources = ['.', '../_shared']\n");
    }
    sample
}

fn batch<T>(sample: &Sample, threads: usize, work: impl FnOnce(&BatchRequest<'_>) -> T) -> T {
    let (project, env) = (sample.project(), Environment::new(sample.path(""), [("", ""); 0]));
    work(&BatchRequest {
        project: &project,
        units: &project.units().unwrap(),
        overrides: Overrides { set: &[], files: &[], env: &env },
        repo: None,
        excludes: &[],
        force: false,
        holder: Holder { pid: 1, run: "r".into(), program: "lockstep".into() },
        read_at: project.read_at(),
        threads,
        prepare: &|_, params| params,
        stop: &|| false,
    })
}

/// The generated files and manifests, and what was said of each unit.
fn outcome(threads: Option<usize>) -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
    let sample = many();
    let said = match threads {
        Some(threads) => batch(&sample, threads, build_all)
            .into_iter()
            .map(|result| {
                result.unwrap().map_or_else(|error| error.to_string(), |done| done.written.to_string())
            })
            .collect(),
        None => {
            let project = sample.project();
            let one = |unit: UnitId| {
                let params = sample.params(&unit.to_string(), &[]).unwrap();
                let holder = Holder { pid: 1, run: "r".into(), program: "lockstep".into() };
                let (project, unit, params) = (&project, &unit, &params);
                let request = BuildRequest {
                    project,
                    unit,
                    params,
                    repo: None,
                    excludes: &[],
                    force: false,
                    keep: false,
                    holder,
                };
                build(&request).map_or_else(|error| error.to_string(), |done| done.written.to_string())
            };
            project.units().unwrap().into_iter().map(one).collect()
        }
    };
    let (mut files, mut waiting) = (BTreeMap::new(), vec![sample.path(".dist")]);
    while let Some(directory) = waiting.pop() {
        for path in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_none_or(|ending| ending != "lock") {
                // Locks tell who uses a directory: after many at once nobody does.
                let name = path.strip_prefix(sample.path("")).unwrap().display().to_string();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    (files, said)
}

#[test]
fn whatever_the_number_of_threads_all_is_as_one_by_one() {
    let alone = outcome(None);
    assert_eq!(alone.1.iter().filter(|said| *said == "2").count(), 12);
    assert_eq!(alone.1.iter().filter(|said| said.contains("is undefined")).count(), 2);
    assert_eq!(alone.1.iter().filter(|said| said.contains("there is no directory")).count(), 2);
    for threads in [0, 1, 2, 7, 100] {
        assert_eq!(outcome(Some(threads)), alone, "{threads} threads");
    }
}

#[test]
fn a_second_time_nothing_is_written_and_a_check_finds_nothing() {
    let sample = many();
    for module in ["alpha", "broken", "half", "odd"] {
        std::fs::remove_dir_all(sample.path("modules").join(module)).unwrap();
    }
    let checked = batch(&sample, 3, check_all);
    assert!(checked.iter().all(|result| matches!(result, Some(Err(RenderError::WouldChange { .. })))));
    assert!(!sample.path(".dist").exists());
    assert!(
        batch(&sample, 3, build_all)
            .iter()
            .all(|result| matches!(result, Some(Ok(done)) if done.written == 2))
    );
    assert!(
        batch(&sample, 3, build_all)
            .iter()
            .all(|result| matches!(result, Some(Ok(done)) if done.unchanged == 2))
    );
    assert!(batch(&sample, 3, check_all).iter().all(|result| matches!(result, Some(Ok(())))));
}

#[test]
fn what_is_asked_to_stop_begins_nothing_new() {
    let sample = many();
    let asked = AtomicUsize::new(0);
    let results = batch(&sample, 1, |request| {
        let stop = || asked.fetch_add(1, Ordering::Relaxed) >= 5;
        build_all(&BatchRequest { stop: &stop, holder: request.holder.clone(), ..*request })
    });
    assert_eq!(results.iter().filter(|result| result.is_some()).count(), 5);
    assert!(results[..5].iter().all(Option::is_some), "in the order of the units");
}

#[test]
fn what_somebody_uses_is_not_changed_by_a_build_of_many() {
    let sample = sample(&[("modules/alpha/a", "1"), ("modules/beta/a", "1")]);
    batch(&sample, 2, build_all);
    assert!(!sample.path(".dist/.lockstep/alpha/dev.lock").exists(), "nobody uses it");
    let user = run(&sample).unwrap();
    sample.write("modules/alpha/a", "2");
    sample.write("modules/beta/a", "2");
    let said = |results: Results<Rendered<()>>| -> Vec<bool> {
        results
            .into_iter()
            .map(|result| match result.unwrap() {
                Ok(_) => true,
                Err(RenderError::Busy { holders, .. }) => {
                    assert_eq!(holders.len(), 1);
                    false
                }
                Err(error) => panic!("{error}"),
            })
            .collect()
    };
    assert_eq!(said(batch(&sample, 2, build_all)), [false, true]);
    assert_eq!(out(&sample, "a"), "1");
    // Also where its directory is gone.
    std::fs::remove_dir_all(sample.path(".dist/alpha/dev")).unwrap();
    assert_eq!(said(batch(&sample, 2, build_all)), [false, true]);
    drop(user);
    assert_eq!(said(batch(&sample, 2, build_all)), [true, true]);
    assert_eq!(out(&sample, "a"), "2");
}
