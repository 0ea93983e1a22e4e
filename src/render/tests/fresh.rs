//! A directory that is not there yet is made whole or not at all, wherever a build is killed.

use super::*;

const FILES: [(&str, &str); 3] =
    [("modules/alpha/a", "1"), ("modules/alpha/sub/b", "1"), ("modules/alpha/old/c", "1")];

/// What a first build does before it is killed after some acts; how many there are.
fn killed_after(sample: &Sample, acts: usize) -> usize {
    with_request(sample, false, |request| {
        let outputs = render(request).unwrap();
        let all = Fresh::acts(&outputs, &Manifest::default(), None);
        let mut notes = Tree::make(request.project.root(), &[DIST, ".lockstep", "alpha"]).unwrap();
        let mut fresh = Fresh::begin(request).unwrap();
        for act in all.iter().take(acts) {
            fresh.perform(act, &outputs, &mut notes, request).unwrap();
        }
        if acts > all.len() {
            fresh.place().unwrap();
        } else {
            // Who is killed cleans nothing up.
            std::mem::forget(fresh);
        }
        all.len()
    })
}

fn everything_in(directory: std::path::PathBuf) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_first_build_that_was_killed_anywhere_is_repaired_by_the_next() {
    for acts in 0..20 {
        let sample = sample(&FILES);
        let all = killed_after(&sample, acts);
        let there = sample.path(".dist/alpha/dev").exists();
        assert_eq!(there, acts > all, "it is whole or not there");
        // The source changes before the next build.
        sample.write("modules/alpha/a", "2");
        std::fs::remove_dir_all(sample.path("modules/alpha/old")).unwrap();
        let done = run(&sample).unwrap_or_else(|error| panic!("after {acts} acts: {error}"));
        assert_eq!((done.written, done.removed), if there { (1, 1) } else { (2, 0) }, "after {acts} acts");
        assert_eq!((out(&sample, "a"), out(&sample, "sub/b")), ("2".into(), "1".into()));
        assert_eq!(everything_in(sample.path(".dist/alpha")), ["dev"], "after {acts} acts");
        assert_eq!(everything_in(sample.path(".dist/alpha/dev")), ["a", "sub"], "after {acts} acts");
        if there {
            return;
        }
    }
    panic!("there were more acts than that");
}

#[test]
fn what_somebody_made_in_place_of_a_killed_build_is_his() {
    let sample = sample(&FILES);
    let all = killed_after(&sample, 0);
    killed_after(&sample, all);
    // The manifest is there and the directory is not.
    sample.write(".dist/alpha/dev/a", "mine");
    assert!(matches!(run(&sample), Err(RenderError::Edited { files, .. }) if files == ["a"]));
    assert_eq!(out(&sample, "a"), "mine");
    assert_eq!(with_request(&sample, true, build).unwrap().written, 3);
    assert_eq!(out(&sample, "a"), "1");
}

#[test]
fn a_directory_that_was_removed_is_made_again_without_what_is_no_longer_made() {
    let sample = sample(&FILES);
    drop(run(&sample).unwrap());
    std::fs::remove_dir_all(sample.path(".dist/alpha")).unwrap();
    std::fs::remove_dir_all(sample.path("modules/alpha/old")).unwrap();
    assert_eq!(run(&sample).unwrap().written, 2);
    assert_eq!(run(&sample).unwrap().unchanged, 2);
    let manifest = std::fs::read_to_string(sample.path(".dist/.lockstep/alpha/dev.json")).unwrap();
    assert!(!manifest.contains("old/c") && !manifest.contains("unfinished"), "{manifest}");
}
