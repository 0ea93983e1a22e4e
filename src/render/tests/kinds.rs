//! A file where a directory was, and a directory where a file was: what is ours makes way, at whatever
//! act a build is killed; what is not stays.

use super::super::changes::{self, Act};
use super::*;

#[test]
fn a_change_of_kind_that_was_killed_anywhere_is_repaired_by_the_next() {
    for back in [false, true] {
        for kill_after in 0..20 {
            let sample =
                sample(&[("modules/alpha/g", "1"), ("modules/alpha/d/e/f", "1"), ("modules/alpha/d/k", "1")]);
            drop(run(&sample).unwrap());
            let first = |sample: &Sample| {
                let _ = std::fs::remove_dir_all(sample.path("modules/alpha/g"));
                let _ = std::fs::remove_file(sample.path("modules/alpha/d"));
                sample.write("modules/alpha/g", "1");
                sample.write("modules/alpha/d/e/f", "1");
                sample.write("modules/alpha/d/k", "1");
            };
            std::fs::remove_file(sample.path("modules/alpha/g")).unwrap();
            std::fs::remove_dir_all(sample.path("modules/alpha/d")).unwrap();
            sample.write("modules/alpha/g/x/y", "2");
            sample.write("modules/alpha/d", "2");
            let all = killed_in_the_middle(&sample, kill_after);
            if back {
                first(&sample);
            }
            drop(run(&sample).unwrap_or_else(|error| panic!("after {kill_after} acts: {error}")));
            let expected: &[(&str, &str)] = if back {
                &[("g", "1"), ("d/e/f", "1"), ("d/k", "1")]
            } else {
                &[("g/x/y", "2"), ("d", "2")]
            };
            for (path, text) in expected {
                assert_eq!(out(&sample, path), *text, "{path} after {kill_after} acts");
            }
            assert_eq!(std::fs::read_dir(sample.path(".dist/alpha/dev")).unwrap().count(), 2);
            assert_eq!(run(&sample).unwrap().written, 0);
            if kill_after >= all {
                break;
            }
            assert!(kill_after < 19, "there were more acts than that");
        }
    }
}

/// Does some acts of a build and half of the next; how many there are.
fn killed_in_the_middle(sample: &Sample, kill_after: usize) -> usize {
    with_request(sample, false, |request| {
        let outputs = render(request).unwrap();
        let mut disk = Disk::open(request.project.root(), request.unit, request.force, |_| Ok(None)).unwrap();
        let changes = disk.compare(request, &outputs).unwrap();
        let acts = changes::acts(&changes, &outputs, &disk.manifest, None);
        let root = request.project.root();
        let mut notes = Tree::open(root, &[DIST, ".lockstep", "alpha"], true).unwrap().unwrap();
        let mut tree = disk.tree.unwrap();
        for act in acts.iter().take(kill_after) {
            changes::perform(act, &outputs, &mut tree, &mut notes, request).unwrap();
        }
        let directory = request.project.unit_directory(request.unit);
        match acts.get(kill_after) {
            Some(Act::Write(index)) => {
                let path = directory.join(tree::temporary_path(&outputs[*index].path));
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "2").unwrap();
            }
            // Before the directories above it have gone.
            Some(Act::Remove(path)) => std::fs::remove_file(directory.join(path)).unwrap(),
            _ => {}
        }
        acts.len()
    })
}

#[test]
fn what_is_not_ours_in_the_place_of_a_file_or_directory_stops_the_build() {
    let sample = sample(&[("modules/alpha/g", "1"), ("modules/alpha/d/e", "1")]);
    drop(run(&sample).unwrap());
    std::fs::remove_file(sample.path("modules/alpha/g")).unwrap();
    std::fs::remove_dir_all(sample.path("modules/alpha/d")).unwrap();
    sample.write("modules/alpha/g/x", "2");
    sample.write("modules/alpha/d", "2");
    // Edited: --force overwrites it, as it does any other.
    sample.write(".dist/alpha/dev/g", "edited");
    sample.write(".dist/alpha/dev/d/e", "edited");
    let error = run(&sample).unwrap_err().to_string();
    assert!(error.ends_with("were changed by something else: `d/e`, `g`"), "{error}");
    // Somebody's: it is left alone.
    sample.write(".dist/alpha/dev/d/sub/mine", "mine");
    for force in [false, true] {
        let error = with_request(&sample, force, build).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`.dist/alpha/dev/d` is in the way: a file is generated there, and the directory holds `d/sub/mine`, \
             which lockstep did not make"
        );
        assert_eq!(error.hint().unwrap(), "look at `.dist/alpha/dev/d`, then move it away");
    }
    assert_eq!(out(&sample, "d/sub/mine"), "mine");
    std::fs::remove_file(sample.path(".dist/alpha/dev/d/sub/mine")).unwrap();
    drop(with_request(&sample, true, build).unwrap());
    assert_eq!((out(&sample, "g/x"), out(&sample, "d")), ("2".into(), "2".into()));
    sample.write("modules/alpha/new/x", "2");
    sample.write(".dist/alpha/dev/new", "mine");
    let error = run(&sample).unwrap_err().to_string();
    assert_eq!(
        error,
        "`.dist/alpha/dev/new` is in the way: `new/x` is generated below it, and it is no directory; lockstep did \
         not make it"
    );
    assert!(with_request(&sample, false, preview).is_err());
    assert_eq!(out(&sample, "new"), "mine");
}

#[test]
fn a_file_and_a_directory_of_one_name_take_each_others_place() {
    let sample = sample(&[("modules/alpha/g", "1"), ("modules/alpha/h/i/k", "1")]);
    drop(run(&sample).unwrap());
    std::fs::remove_file(sample.path("modules/alpha/g")).unwrap();
    std::fs::remove_dir_all(sample.path("modules/alpha/h")).unwrap();
    sample.write("modules/alpha/g/x", "2");
    sample.write("modules/alpha/h", "2");
    let changes = with_request(&sample, false, preview).unwrap();
    let said: Vec<String> = changes.iter().map(FileChange::summary).collect();
    assert_eq!(said, ["g (removed)", "g/x (new)", "h (new)", "h/i/k (removed)"]);
    with_request(&sample, false, survey).unwrap();
    let done = run(&sample).unwrap();
    assert_eq!((done.written, done.removed), (2, 2));
    assert_eq!((out(&sample, "g/x"), out(&sample, "h")), ("2".into(), "2".into()));
}
