//! The one door to a project's files: an earlier state of them, links, and what was looked at.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::super::{Earlier, Files, Former, Kind};
use super::Sample;

/// The working tree with these changes undone; a file's former content is its id.
fn before(sample: &Sample, changed: &[(&str, Former)]) -> Files {
    let changed: BTreeMap<_, _> = changed.iter().map(|(path, was)| (path.into(), was.clone())).collect();
    let read = |id: &str| Ok(id.as_bytes().to_vec());
    let earlier = Earlier { changed: Arc::new(changed), read: Arc::new(read) };
    sample.project().files().before(earlier).watched()
}

fn file(text: &str) -> Former {
    Former::File { executable: false, id: text.into() }
}

fn link(to: &str) -> Former {
    Former::Link { id: to.into() }
}

fn text(files: &Files, path: &str) -> Result<String, io::ErrorKind> {
    files.read(path).map(|bytes| String::from_utf8(bytes).unwrap()).map_err(|error| error.kind())
}

fn sample() -> Sample {
    Sample::new(&[
        ("modules/alpha/x", "now"),
        ("modules/new/x", "now"),
        ("modules/half/new", "now"),
        ("modules/half/old", "old"),
        ("profiles/dev.toml", ""),
        ("shared/motd", "hello"),
    ])
}

#[test]
fn what_changed_is_put_back_and_the_rest_is_read_from_the_disk() {
    let sample = sample();
    let files = before(
        &sample,
        &[
            ("modules/alpha/x", file("then")),
            ("modules/new/x", Former::Absent),
            ("modules/half/new", Former::Absent),
            ("modules/gone/sub/x", file("gone")),
        ],
    );
    assert_eq!(text(&files, "modules/alpha/x"), Ok("then".into()));
    assert_eq!(text(&files, "modules/gone/sub/x"), Ok("gone".into()));
    assert_eq!(text(&files, "modules/half/old"), Ok("old".into()));
    assert_eq!(text(&files, "modules/new/x"), Err(io::ErrorKind::NotFound));
    assert_eq!(text(&files, "modules/alpha/nope"), Err(io::ErrorKind::NotFound));
    assert_eq!(files.kind("modules/new"), Kind::Missing, "it holds nothing but what is new");
    assert_eq!(files.kind("modules/half"), Kind::Directory);
    assert_eq!(files.kind("modules/gone"), Kind::Directory);
    let names = |files: &Files| files.names("modules").unwrap().into_iter().collect::<BTreeMap<_, _>>();
    let expected = ["alpha", "gone", "half"].map(|name| (OsString::from(name), true));
    assert_eq!(names(&files), BTreeMap::from(expected));
    assert!(files.names("modules/new").is_err());
}

#[test]
fn directories_stay_where_only_something_beside_them_is_new() {
    let sample = sample();
    let files = before(&sample, &[("modules/new/x", Former::Absent)]);
    assert_eq!(files.kind("modules/alpha"), Kind::Directory);
    assert_eq!(text(&files, "modules/alpha/x"), Ok("now".into()));
    assert_eq!(files.kind("modules/new"), Kind::Missing);
    let names: Vec<_> = files.names("modules").unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["alpha", "half"]);
}

#[test]
fn a_file_and_a_directory_may_have_taken_each_others_place() {
    let sample = sample();
    let files = before(
        &sample,
        &[
            ("modules/alpha", file("a file")),
            ("modules/alpha/x", Former::Absent),
            ("shared/motd", Former::Absent),
            ("shared/motd/x", file("below")),
        ],
    );
    assert_eq!(text(&files, "modules/alpha"), Ok("a file".into()));
    assert_eq!(text(&files, "modules/alpha/x"), Err(io::ErrorKind::NotFound));
    assert_eq!((files.kind("shared/motd"), files.kind("modules/alpha")), (Kind::Directory, Kind::File));
    assert_eq!(text(&files, "shared/motd/x"), Ok("below".into()));
}

#[test]
fn former_links_are_followed_within_the_project_and_never_out_of_it() {
    let sample = sample();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("key"), "hunter2").unwrap();
    let secret = outside.path().join("key").display().to_string();
    let inside = sample.project().root().join("shared/motd").display().to_string();
    let files = before(
        &sample,
        &[
            ("a", link("shared/motd")),
            ("b", link("shared/../b2")),
            ("b2", link(&inside)),
            ("circle", link("circle")),
            ("key", link(&secret)),
            ("up", link("../../../../../../../etc/hostname")),
            ("dir", link("shared")),
        ],
    );
    assert_eq!(text(&files, "a"), Ok("hello".into()));
    assert_eq!(text(&files, "b"), Ok("hello".into()));
    assert_eq!(text(&files, "dir/motd"), Ok("hello".into()));
    for (path, kind) in [
        ("circle", io::ErrorKind::Other),
        ("key", io::ErrorKind::InvalidData),
        ("up", io::ErrorKind::InvalidData),
    ] {
        assert_eq!(text(&files, path), Err(kind), "{path}");
    }
    assert_eq!(files.real("dir").unwrap().0, sample.project().root().join("shared"));
    assert!(files.real("key").is_err() && files.kind("key") == Kind::File);
    // On the way to an answer every link counts as seen, and where it leads.
    let seen = files.seen().paths;
    assert!(["b", "b2", "shared/motd", "dir"].iter().all(|path| seen.contains(Path::new(path))));
}

#[test]
fn what_cannot_be_read_any_more_says_why() {
    let sample = sample();
    let files = before(&sample, &[("modules/alpha", Former::Unreadable("lies in a submodule"))]);
    let error = files.read("modules/alpha/x").unwrap_err();
    assert_eq!(error.to_string(), "it lies in a submodule");
}

#[test]
fn touched_is_what_was_looked_at_and_has_changed() {
    let sample = sample();
    let changes = [
        ("modules/alpha/x", file("then")),
        ("modules/new/x", Former::Absent),
        ("profiles/gone.toml", file("")),
    ];
    let then = before(&sample, &changes);
    let touched = |look: &dyn Fn(&Files)| {
        let now = sample.project().files().watched();
        look(&now);
        let touched = now.seen().touched(&then);
        touched.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(touched(&|files| drop(files.read("modules/alpha/x"))), "modules/alpha/x");
    assert_eq!(touched(&|files| drop(files.real("modules/alpha"))), "modules/alpha/x");
    assert_eq!(touched(&|files| drop(files.read("profiles/gone.toml"))), "profiles/gone.toml");
    assert_eq!(touched(&|files| drop(files.read("shared/motd"))), "");
    assert_eq!(
        touched(&|files| assert_eq!(files.kind("modules/alpha"), Kind::Directory)),
        "",
        "it was a directory then"
    );
    assert_eq!(touched(&|files| assert_eq!(files.kind("modules/new"), Kind::Directory)), "modules/new/x");
}
