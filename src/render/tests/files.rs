//! Reading the module and writing the unit: nothing leaves its directory, nothing is lost to a kill,
//! nobody's file is overwritten.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::super::changes::{self, Act};
use super::*;
use crate::ExitCode;

#[test]
fn binary_files_and_modes_are_kept_and_hidden_files_are_read() {
    let sample = sample(&[("modules/alpha/.env", "{{ profile }}"), ("modules/alpha/run.sh", "#!/bin/sh")]);
    sample.write("modules/alpha/logo", b"\xff\xfe{{ nope }}");
    let script = sample.path("modules/alpha/run.sh");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    run(&sample).unwrap();
    assert_eq!(std::fs::read(sample.path(".dist/alpha/dev/logo")).unwrap(), b"\xff\xfe{{ nope }}");
    assert_eq!(out(&sample, ".env"), "dev");
    let mode = |path: &str| sample.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(".dist/alpha/dev/run.sh"), 0o755);
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run(&sample).unwrap().written, 1);
    assert_eq!(mode(".dist/alpha/dev/run.sh"), 0o644);
}

#[test]
fn what_git_ignores_is_not_read() {
    let sample = sample(&[
        (".git/info/exclude", "*.excluded\n"),
        (".gitignore", "*.tmp\n/modules/alpha/cache/\n"),
        ("modules/alpha/.gitignore", "local.*\n!local.keep\n"),
        ("modules/alpha/a.tmp", ""),
        ("modules/alpha/cache/x", ""),
        ("modules/alpha/local.tf", ""),
        ("modules/alpha/local.keep", ""),
        ("modules/alpha/b.excluded", ""),
        ("modules/alpha/main.tf", ""),
        ("modules/alpha/c.mine", ""),
        ("mine", "*.mine\n"),
    ]);
    repository(&sample);
    let library = git2::Repository::open(sample.path("")).unwrap();
    let mine = sample.path("mine");
    library.config().unwrap().set_str("core.excludesFile", mine.to_str().unwrap()).unwrap();
    run(&sample).unwrap();
    let mut names: Vec<String> = std::fs::read_dir(sample.path(".dist/alpha/dev"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".gitignore", "local.keep", "main.tf"]);
}

pub(super) fn repository(sample: &Sample) -> crate::git::Repo {
    git2::Repository::init(sample.path("")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "tests find git where the user has it")]
    let path = std::env::var("PATH").unwrap();
    let vars = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("PATH", path.as_str())];
    let env = crate::env::Environment::new(sample.path(""), vars);
    crate::git::Repo::discover(&sample.path(""), &env, &crate::process::Interrupts::new()).unwrap().unwrap()
}

/// The files of a module that count.
fn working_tree(
    project: &Project,
    module: &crate::project::Name,
    repo: Option<&Repo>,
) -> Result<Vec<SourceFile>, RenderError> {
    let reader = Reader::new(project.files(), repo);
    let directories = Directory::sources(project, module, &Default::default())?;
    reader.files(&directories[0])
}

#[test]
fn what_git_tracks_it_does_not_ignore() {
    let sample = sample(&[
        (".gitignore", "*.tmp\ncache/\n"),
        ("modules/alpha/main.tf", ""),
        ("modules/alpha/tracked.tmp", "{{ profile }}"),
        ("modules/alpha/other.tmp", ""),
        ("modules/alpha/cache/tracked", ""),
        ("modules/alpha/cache/other", ""),
        ("modules/alpha/gone.tmp", ""),
        ("modules/alphabet/x.tmp", ""),
    ]);
    let repo = repository(&sample);
    let library = git2::Repository::open(sample.path("")).unwrap();
    let mut index = library.index().unwrap();
    for path in ["alpha/tracked.tmp", "alpha/cache/tracked", "alpha/gone.tmp", "alphabet/x.tmp"] {
        index.add_path(&Path::new("modules").join(path)).unwrap();
    }
    index.write().unwrap();
    std::fs::remove_file(sample.path("modules/alpha/gone.tmp")).unwrap();
    let project = sample.project();
    let alpha = crate::project::Name::new("alpha").unwrap();
    let names = |repo| -> Vec<String> {
        let files = working_tree(&project, &alpha, repo).unwrap();
        files.into_iter().map(|file| file.path).collect()
    };
    assert_eq!(names(Some(&repo)), ["cache/tracked", "main.tf", "tracked.tmp"]);
    let all = ["cache/other", "cache/tracked", "main.tf", "other.tmp", "tracked.tmp"];
    assert_eq!(names(None), all, "without git the disk counts");
}

#[test]
fn links_are_followed_inside_the_project_only() {
    let sample = sample(&[("modules/alpha/a", "{{ profile }}"), ("secret", "S"), ("modules/alpha/d/x", "")]);
    symlink("a", sample.path("modules/alpha/b")).unwrap();
    symlink("../../../secret", sample.path("modules/alpha/d/e")).unwrap();
    symlink("d", sample.path("modules/alpha/f")).unwrap();
    drop(run(&sample).unwrap());
    assert_eq!((out(&sample, "b"), out(&sample, "f/e")), ("dev".into(), "S".into()));
    assert!(sample.path(".dist/alpha/dev/b").symlink_metadata().unwrap().is_file());
    for (target, why) in [
        ("../../../secret", "leads nowhere"),
        ("/etc/passwd", "out of the project"),
        ("nowhere", "leads nowhere"),
        ("../../.dist", "no source"),
        ("..", "lies in itself"),
    ] {
        symlink(target, sample.path("modules/alpha/c")).unwrap();
        let error = run(&sample).unwrap_err().to_string();
        assert!(error.contains("modules/alpha/c") && error.contains(why), "{error}");
        std::fs::remove_file(sample.path("modules/alpha/c")).unwrap();
    }
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), sample.path("modules/beta")).unwrap();
    let project = sample.project();
    let beta = crate::project::Name::new("beta").unwrap();
    assert!(working_tree(&project, &beta, None).is_err());
}

#[test]
fn an_unchanged_build_writes_nothing() {
    let sample = sample(&[("modules/alpha/a", "{{ profile }}"), ("modules/alpha/d/b", "x")]);
    let first = run(&sample).unwrap();
    assert_eq!((first.written, first.removed, first.unchanged), (2, 0, 0));
    drop(first);
    let stat = |path: &str| {
        let meta = sample.path(path).metadata().unwrap();
        (meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.ctime_nsec())
    };
    let files =
        [".dist/alpha/dev/a", ".dist/alpha/dev/d/b", ".dist/.lockstep/alpha/dev.json", ".dist/alpha/dev"];
    let before = files.map(stat);
    let second = run(&sample).unwrap();
    assert_eq!((second.written, second.removed, second.unchanged), (0, 0, 2));
    assert_eq!(files.map(stat), before);
    drop(second);
    sample.write("modules/alpha/d/b", "y");
    let third = run(&sample).unwrap();
    assert_eq!((third.written, third.unchanged), (1, 1));
    assert_eq!(stat(files[0]), before[0]);
}

#[test]
fn stale_outputs_go_and_what_the_tool_made_stays() {
    let sample =
        sample(&[("modules/alpha/a.tf", ""), ("modules/alpha/d/e/b.tf", ""), ("modules/alpha/f/c.tf", "")]);
    drop(run(&sample).unwrap());
    sample.write(".dist/alpha/dev/.terraform/x.tf", "");
    sample.write(".dist/alpha/dev/f/state", "");
    sample.write(".dist/alpha/dev/extra.tf", "");
    sample.write(".dist/alpha/dev/plan.out", "");
    std::fs::remove_dir_all(sample.path("modules/alpha/d")).unwrap();
    std::fs::remove_dir_all(sample.path("modules/alpha/f")).unwrap();
    let rendered = run(&sample).unwrap();
    assert_eq!((rendered.removed, rendered.unchanged), (2, 1));
    assert!(!sample.path(".dist/alpha/dev/d").exists());
    assert!(sample.path(".dist/alpha/dev/f/state").exists());
    assert!(sample.path(".dist/alpha/dev/.terraform/x.tf").exists());
    assert_eq!(rendered.foreign, ["extra.tf"]);
}

#[test]
fn an_edited_output_stops_the_build_unless_forced() {
    let sample = sample(&[("modules/alpha/a", "1"), ("modules/alpha/b", "1")]);
    drop(run(&sample).unwrap());
    sample.write(".dist/alpha/dev/a", "edited");
    std::fs::remove_file(sample.path("modules/alpha/b")).unwrap();
    sample.write(".dist/alpha/dev/b", "edited and stale");
    let error = run(&sample).unwrap_err();
    assert_eq!(error.to_string(), "generated files of `alpha/dev` were changed by something else: `a`, `b`");
    assert!(error.hint().unwrap().contains("lockstep --force build -- alpha dev"));
    assert_eq!(crate::Error::from(error).kind(), ExitCode::Config);
    assert_eq!((out(&sample, "a"), out(&sample, "b")), ("edited".into(), "edited and stale".into()));
    let rendered = with_request(&sample, true, build).unwrap();
    assert_eq!((rendered.written, rendered.removed), (1, 1));
    assert_eq!(out(&sample, "a"), "1");
    drop(rendered);
    // Removed by hand: made again. The same content by hand: not an edit.
    std::fs::remove_file(sample.path(".dist/alpha/dev/a")).unwrap();
    sample.write("modules/alpha/c", "new");
    sample.write(".dist/alpha/dev/c", "new");
    assert_eq!(run(&sample).unwrap().written, 1);
}

#[test]
fn a_file_that_lockstep_did_not_make_is_not_overwritten() {
    let sample = sample(&[("modules/alpha/a", "1"), (".dist/alpha/dev/a", "somebody's")]);
    let error = run(&sample).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`alpha/dev` makes files where others stand, which lockstep did not make: `a`"
    );
    assert!(matches!(error, RenderError::Edited { .. }));
    assert_eq!(out(&sample, "a"), "somebody's");
}

#[test]
fn planted_links_lead_nothing_out_of_the_unit() {
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("x");
    std::fs::write(&victim, "precious").unwrap();
    let plant = |at: &str, target: &Path| {
        let sample = sample(&[("modules/alpha/d/x", "rendered")]);
        let link = sample.path(at);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, link).unwrap();
        sample
    };
    for at in [
        ".dist",
        ".dist/alpha",
        ".dist/alpha/dev",
        ".dist/alpha/dev/d",
        ".dist/.lockstep",
        ".dist/.lockstep/alpha",
    ] {
        for force in [false, true] {
            let sample = plant(at, outside.path());
            let error = with_request(&sample, force, build).unwrap_err();
            assert!(matches!(error, RenderError::Obstructed { .. }), "{at}: {error}");
        }
    }
    // A link in the place of a file is replaced, never written through.
    let sample = plant(".dist/alpha/dev/d/x", &victim);
    assert!(matches!(run(&sample), Err(RenderError::Edited { .. })));
    with_request(&sample, true, build).unwrap();
    assert_eq!(out(&sample, "d/x"), "rendered");
    for name in ["dev.lock", "dev.writers"] {
        let sample = plant(&format!(".dist/.lockstep/alpha/{name}"), &victim);
        assert!(run(&sample).is_err(), "{name}");
    }
    // Stale outputs below a link stay where they are.
    let sample = plant(".dist/alpha/dev/l", outside.path());
    let manifest = format!("{{\"version\":1,\"files\":{{\"l/x\":[\"{}\"]}}}}", manifest::digest(b"precious"));
    sample.write(".dist/.lockstep/alpha/dev.json", manifest);
    assert!(matches!(run(&sample), Err(RenderError::Obstructed { .. })));
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_hostile_manifest_removes_nothing() {
    let sample = sample(&[("modules/alpha/a", "1"), ("victim", "precious")]);
    for path in ["../../../victim", "/etc/passwd", "a/../../../../victim", ".git/x", ""] {
        let json = serde_json::json!({"version": 1, "files": {path: [manifest::digest(b"precious")]}});
        sample.write(".dist/.lockstep/alpha/dev.json", json.to_string());
        assert!(matches!(run(&sample), Err(RenderError::Obstructed { .. })), "{path}");
    }
    for text in ["", "{", "{\"version\":2,\"files\":{}}"] {
        sample.write(".dist/.lockstep/alpha/dev.json", text);
        assert!(run(&sample).is_err(), "{text}");
    }
    assert_eq!(std::fs::read_to_string(sample.path("victim")).unwrap(), "precious");
    with_request(&sample, true, build).unwrap();
    assert_eq!(out(&sample, "a"), "1");
}

#[test]
fn a_build_that_was_killed_anywhere_is_repaired_by_the_next() {
    // Before the next build the source changes once more, goes back, or stays.
    for next in ["3", "1", "2"] {
        killed_anywhere(next);
    }
}

fn killed_anywhere(next: &str) {
    for kill_after in 0..20 {
        let sample =
            sample(&[("modules/alpha/a", "1"), ("modules/alpha/b", "1"), ("modules/alpha/old/c", "1")]);
        drop(run(&sample).unwrap());
        sample.write("modules/alpha/a", "2");
        sample.write("modules/alpha/d/new", "2");
        std::fs::remove_dir_all(sample.path("modules/alpha/old")).unwrap();
        let all = with_request(&sample, false, |request| {
            let outputs = render(request).unwrap();
            let mut disk =
                Disk::open(request.project.root(), request.unit, request.force, |_| Ok(None)).unwrap();
            let changes = disk.compare(request, &outputs).unwrap();
            let acts = changes::acts(&changes, &outputs, &disk.manifest, None);
            let root = request.project.root();
            let mut notes = Tree::open(root, &[DIST, ".lockstep", "alpha"], true).unwrap().unwrap();
            let mut tree = disk.tree.unwrap();
            for act in acts.iter().take(kill_after) {
                changes::perform(act, &outputs, &mut tree, &mut notes, request).unwrap();
            }
            if let Some(Act::Write(index)) = acts.get(kill_after) {
                // Killed in the middle of a file.
                let path = request.project.unit_directory(request.unit).join(&outputs[*index].path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                let name = path.file_name().unwrap().to_str().unwrap();
                let digest = manifest::digest(name.as_bytes());
                std::fs::write(path.with_file_name(format!(".lockstep-{}.tmp", &digest[..16])), "2").unwrap();
            }
            acts.len()
        });
        sample.write("modules/alpha/a", next);
        if next == "1" {
            std::fs::remove_dir_all(sample.path("modules/alpha/d")).unwrap();
        }
        drop(run(&sample).unwrap_or_else(|error| panic!("after {kill_after} acts: {error}")));
        assert_eq!((out(&sample, "a"), out(&sample, "b")), (next.into(), "1".into()));
        if next == "1" {
            assert!(!sample.path(".dist/alpha/dev/d").exists(), "after {kill_after} acts");
        } else {
            assert_eq!(out(&sample, "d/new"), "2");
        }
        assert!(!sample.path(".dist/alpha/dev/old").exists(), "after {kill_after} acts");
        let left = |path: &str| {
            std::fs::read_dir(sample.path(path))
                .into_iter()
                .flatten()
                .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp"))
                .count()
        };
        assert_eq!(left(".dist/alpha/dev") + left(".dist/alpha/dev/d"), 0, "after {kill_after} acts");
        if kill_after >= all {
            return;
        }
    }
    panic!("there were more acts than that");
}

#[test]
fn a_directory_in_use_is_not_changed_and_its_user_is_named() {
    let sample = sample(&[("modules/alpha/a", "1")]);
    let using = run(&sample).unwrap();
    // Nothing to change: both may use it.
    let other = run(&sample).unwrap();
    sample.write("modules/alpha/a", "2");
    let error = run(&sample).unwrap_err();
    assert!(matches!(error, RenderError::Busy { .. }), "{error}");
    let user = format!("tofu apply (process {}, run r1)", std::process::id());
    assert!(error.to_string().contains(&user), "{error}");
    assert_eq!(crate::Error::from(error).kind(), ExitCode::Held);
    assert_eq!(out(&sample, "a"), "1");
    drop(other);
    assert!(run(&sample).is_err());
    // What a tool inherits keeps the directory in use after lockstep itself has gone.
    let inherited = using.guard.try_clone().unwrap();
    drop(using);
    assert!(run(&sample).is_err());
    drop(inherited);
    assert_eq!(run(&sample).unwrap().written, 1);
}

#[test]
fn the_guard_is_not_inherited_by_accident() {
    let sample = sample(&[("modules/alpha/a", "1")]);
    let rendered = run(&sample).unwrap();
    let flags = rustix::io::fcntl_getfd(&*rendered.guard).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}

#[test]
fn builds_of_one_unit_at_once_all_succeed_and_agree() {
    let sample = sample(&[]);
    for n in 0..20 {
        sample.write(&format!("modules/alpha/f{n}"), "{{ profile }} x");
    }
    let written: usize = std::thread::scope(|scope| {
        let builds: Vec<_> =
            (0..8).map(|_| scope.spawn(|| run(&sample).map(|rendered| rendered.written))).collect();
        builds.into_iter().map(|build| build.join().unwrap().unwrap_or_else(|error| panic!("{error}"))).sum()
    });
    assert_eq!(written, 20);
    assert_eq!(out(&sample, "f19"), "dev x");
}

#[test]
fn lock_files_are_in_the_git_directory_where_there_is_one() {
    let sample = sample(&[("modules/alpha/a", "1")]);
    let repo = repository(&sample);
    with_request(&sample, false, |request| {
        build(&BuildRequest { repo: Some(&repo), holder: request.holder.clone(), ..*request })
    })
    .unwrap();
    assert!(sample.path(".git/lockstep/units/alpha@dev.lock").exists());
    assert!(!sample.path(".dist/.lockstep/alpha/dev.lock").exists());
}

#[test]
fn a_module_without_files_still_has_a_directory() {
    let sample = sample(&[]);
    let rendered = run(&sample).unwrap();
    assert!(rendered.directory.is_dir());
}
