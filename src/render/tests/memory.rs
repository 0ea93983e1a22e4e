//! A build of many units passes over what has not changed, and over nothing else.

use std::os::unix::fs::PermissionsExt as _;

use super::super::batch::memory;
use super::files::repository;
use super::*;
use crate::env::{Clock, Environment};
use crate::project::{Overrides, Params};

fn many() -> Sample {
    sample(&[
        (".gitignore", "*.tmp\n"),
        ("lockstep.toml", "[params]\ncommon = 1\n"),
        ("profiles/base.toml", "abstract = true\n[params]\nn = 1\n"),
        ("profiles/dev.toml", "extends = ['base']\n"),
        ("profiles/prod.toml", "[params]\nn = 2\n"),
        ("modules/_partials/p", "{{ n }}"),
        ("modules/_shared/s", "{{ n }}"),
        ("modules/alpha/a", "{{ n }}"),
        ("modules/alpha/sub/b", "raw"),
        ("modules/beta/module.toml", "[build]\nsources = ['.', '../_shared']\n"),
        ("modules/beta/b", "{{ n }}"),
        ("modules/gamma/g", "{% include '_partials/p' %}"),
    ])
}

/// Long after everything: what has changed in this very moment is trusted, too.
fn later() -> jiff::Timestamp {
    Clock::System.now() + jiff::SignedDuration::from_hours(1)
}

fn request<T>(sample: &Sample, work: impl FnOnce(&BatchRequest<'_>) -> T) -> T {
    let (project, repo) = (sample.project(), repository(sample));
    let env = Environment::new(sample.path(""), [("", ""); 0]);
    let excludes = [sample.path("excludes")];
    work(&BatchRequest {
        project: &project,
        units: &project.units().unwrap(),
        overrides: Overrides { set: &[], files: &[], env: &env },
        repo: Some(&repo),
        excludes: &excludes,
        force: false,
        holder: Holder { pid: 1, run: "r".into(), program: "lockstep".into() },
        read_at: later(),
        threads: 2,
        prepare: &|_, params: Params| params,
        stop: &|| false,
    })
}

/// Builds, and the units of which something was written.
fn written(sample: &Sample) -> Vec<String> {
    request(sample, |request| {
        let built = build_all(request).into_iter().zip(request.units);
        built
            .filter(|(result, _)| result.as_ref().unwrap().as_ref().unwrap().written > 0)
            .map(|(_, unit)| unit.to_string())
            .collect()
    })
}

/// The units that the next build has to render.
fn forgotten(sample: &Sample) -> Vec<String> {
    request(sample, |request| match memory(request) {
        Some(memory) => {
            let units = request.units.iter().filter(|unit| memory.recall(unit).is_none());
            units.map(UnitId::to_string).collect()
        }
        None => vec!["all".to_owned()],
    })
}

const NONE: [&str; 0] = [];

#[test]
fn what_was_found_as_it_should_be_is_passed_over_with_the_same_result() {
    let sample = many();
    assert_eq!(written(&sample).len(), 6);
    assert_eq!(forgotten(&sample).len(), 6, "what was written just now was not found so");
    assert_eq!(written(&sample), NONE);
    assert_eq!(forgotten(&sample), NONE);
    let told = |sample: &Sample| {
        request(sample, |request| {
            let units = build_all(request).into_iter().map(|one| one.unwrap().unwrap());
            units.map(|one| (one.directory, one.unchanged, one.foreign)).collect::<Vec<_>>()
        })
    };
    let recalled = told(&sample);
    std::fs::remove_dir_all(sample.path(".git/lockstep")).unwrap();
    assert_eq!(told(&sample), recalled);
}

#[test]
fn whatever_changes_is_rendered_again() {
    let sample = many();
    let remove = |path: &str| std::fs::remove_file(sample.path(path)).unwrap();
    let mode = |path: &str, mode| {
        std::fs::set_permissions(sample.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let all = ["alpha/dev", "alpha/prod", "beta/dev", "beta/prod", "gamma/dev", "gamma/prod"].as_slice();
    let alpha = ["alpha/dev", "alpha/prod"].as_slice();
    let acts: &[(&dyn Fn(), &[&str])] = &[
        (&|| sample.write("modules/alpha/a", "new {{ n }}"), alpha),
        (&|| mode("modules/alpha/a", 0o755), alpha),
        (&|| sample.write("modules/alpha/sub/c", "new"), alpha),
        (&|| remove("modules/alpha/sub/c"), alpha),
        (&|| sample.write("modules/alpha/module.toml", "[params]\nx = 1\n"), alpha),
        (&|| sample.write("modules/alpha/schema.json", "{}"), alpha),
        (&|| sample.write("modules/_shared/s", "new {{ n }}"), &["beta/dev", "beta/prod"]),
        (&|| sample.write("modules/_partials/p", "new {{ n }}"), &["gamma/dev", "gamma/prod"]),
        (
            &|| sample.write("profiles/base.toml", "abstract = true\n[params]\nn = 11\n"),
            &["alpha/dev", "beta/dev", "gamma/dev"],
        ),
        (
            &|| sample.write("profiles/prod.toml", "[params]\nn = 22\n"),
            &["alpha/prod", "beta/prod", "gamma/prod"],
        ),
        (&|| sample.write("lockstep.toml", "[params]\ncommon = 22\n"), all),
        (&|| sample.write(".gitignore", "*.tmp\n*.other\n"), all),
        (&|| sample.write(".git/info/exclude", "*.tmp\n# another\n"), all),
        (&|| sample.write("excludes", "*.mine\n"), all),
        (&|| sample.write("modules/.gitignore", "*.new\n"), all),
        (&|| sample.write(".dist/alpha/dev/foreign", "x"), &["alpha/dev"]),
        (&|| std::fs::create_dir(sample.path(".dist/alpha/dev/new")).unwrap(), &["alpha/dev"]),
        (&|| sample.write(".dist/alpha/dev/new/foreign", "x"), &["alpha/dev"]),
        (&|| mode(".dist/alpha/dev/a", 0o600), &["alpha/dev"]),
        (&|| remove(".dist/alpha/prod/sub/b"), &["alpha/prod"]),
        (&|| remove(".dist/.lockstep/alpha/prod.json"), &["alpha/prod"]),
        (&|| std::fs::remove_dir_all(sample.path(".dist/beta/prod")).unwrap(), &["beta/prod"]),
        (&|| std::fs::remove_dir_all(sample.path(".dist")).unwrap(), all),
    ];
    for (number, (act, units)) in acts.iter().enumerate() {
        // Once to write, once to find it written.
        written(&sample);
        assert_eq!(written(&sample), NONE, "before {number}");
        assert_eq!(forgotten(&sample), NONE, "before {number}");
        act();
        assert_eq!(forgotten(&sample), *units, "after {number}");
    }
}

#[test]
fn what_others_remember_does_not_become_right_again() {
    let sample = many();
    written(&sample);
    written(&sample);
    sample.write("modules/alpha/a", "new {{ n }}");
    // Only one of the two units of the module is built, and remembered with what it is made of now.
    request(&sample, |request| {
        let one = &request.units[..1];
        for _ in 0..2 {
            build_all(&BatchRequest { units: one, ..request.clone() });
        }
    });
    assert_eq!(forgotten(&sample), ["alpha/prod"]);
    assert_eq!(written(&sample), ["alpha/prod"]);
}

#[test]
fn an_edit_of_what_is_remembered_stops_the_build_as_ever() {
    let sample = many();
    written(&sample);
    written(&sample);
    sample.write(".dist/alpha/dev/a", "edited");
    let failed = request(&sample, |request| {
        let results = build_all(request).into_iter().flatten();
        results.filter_map(Result::err).map(|error| error.to_string()).collect::<Vec<_>>()
    });
    assert_eq!(failed.len(), 1);
    assert!(failed[0].contains("alpha/dev"), "{failed:?}");
    // And a check looks at everything, whatever is remembered.
    let checked =
        request(&sample, |request| check_all(request).into_iter().flatten().filter(Result::is_err).count());
    assert_eq!(checked, 1);
}

#[test]
fn with_force_or_parameters_from_outside_nothing_is_passed_over() {
    let sample = many();
    written(&sample);
    written(&sample);
    request(&sample, |request| {
        assert!(memory(&BatchRequest { force: true, ..request.clone() }).is_none());
        let env = Environment::new(sample.path(""), [("LOCKSTEP_PARAM_n", "3")]);
        let overrides = Overrides { set: &[], files: &[], env: &env };
        assert!(memory(&BatchRequest { overrides, ..request.clone() }).is_none());
        assert!(memory(&BatchRequest { repo: None, ..request.clone() }).is_none());
    });
}

#[test]
fn what_reaches_outside_or_stands_on_links_is_rendered_every_time() {
    let sample = many();
    sample.write("x", "text");
    for (module, text) in [
        ("env", "{{ env('NOBODY_HAS_IT', 'default') }}"),
        ("file", "{{ file('x') }}"),
        ("base64", "{{ filebase64('x') }}"),
        ("exists", "{{ fileexists('y') }}"),
        ("param", "{{ made }}"),
    ] {
        sample.write(&format!("modules/{module}/a"), text);
    }
    sample.write("modules/param/module.toml", "[params]\nmade = \"{{ file('x') }}\"\n");
    sample.write("modules/link/a", "1");
    std::os::unix::fs::symlink("a", sample.path("modules/link/b")).unwrap();
    std::os::unix::fs::symlink("alpha", sample.path("modules/linked")).unwrap();
    written(&sample);
    written(&sample);
    let names = ["base64", "env", "exists", "file", "link", "linked", "param"];
    let expected: Vec<String> =
        names.iter().flat_map(|name| [format!("{name}/dev"), format!("{name}/prod")]).collect();
    assert_eq!(forgotten(&sample), expected);
}

#[test]
fn what_is_no_memory_counts_as_none() {
    let sample = many();
    written(&sample);
    written(&sample);
    let mut files =
        std::fs::read_dir(sample.path(".git/lockstep")).unwrap().map(|entry| entry.unwrap().path());
    let path = files.find(|path| path.to_string_lossy().contains("built-")).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let good = std::fs::read(&path).unwrap();
    let at = good.windows(9).position(|part| part == b"lockstep ").unwrap();
    let other = [&good[..at], b"lockstep\t", &good[at + 9..]].concat();
    for bad in [b"".as_slice(), b"{}", &[0; 64], &[255; 64], &good[..good.len() / 2], &other] {
        std::fs::write(&path, bad).unwrap();
        assert_eq!(forgotten(&sample).len(), 6, "{bad:?}");
    }
    assert_eq!(written(&sample), NONE);
    assert_eq!(forgotten(&sample), NONE, "it is made anew");
}

#[test]
fn what_has_changed_a_moment_ago_is_not_remembered() {
    let sample = many();
    for _ in 0..3 {
        request(&sample, |request| {
            build_all(&BatchRequest { read_at: jiff::Timestamp::UNIX_EPOCH, ..request.clone() });
        });
    }
    assert_eq!(forgotten(&sample).len(), 6);
}
