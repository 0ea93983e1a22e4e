//! A clone that several users share (`core.sharedRepository`): what lockstep writes is for the group, as git's refs are.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::harness::{ALIAS, Checkout, World, find};

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().expect("it is there").permissions().mode() & 0o7777
}

/// Everything below a directory, itself included.
fn below(top: &Path, found: &mut Vec<PathBuf>) {
    found.push(top.to_owned());
    if top.is_dir() {
        for entry in std::fs::read_dir(top).expect("readable") {
            below(&entry.expect("readable").path(), found);
        }
    }
}

/// Runs the alias under the usual mask, with a tool that succeeds.
fn applies(world: &World, at: &Checkout<'_>) {
    let line = format!("umask 022; exec lockstep {ALIAS} tofu apply");
    world.program("sh", at.dir()).args(["-c", &line]).run().code(0);
}

fn world() -> World {
    let world = World::new();
    world.tool("tofu");
    world
}

#[test]
fn what_is_written_is_for_the_group() {
    let world = world();
    let a = world.clone("a");
    a.publish("modules/alpha/secret.txt", "{{ secret(env=\"HOME\") }}\n");
    a.git("config core.sharedRepository group");
    applies(&world, &a);
    let mut all = Vec::new();
    for top in [".git/lockstep", ".git/refs/lockstep", ".dist"] {
        below(&a.path(top), &mut all);
    }
    assert!(all.len() > 20, "{all:?}");
    for path in &all {
        let wanted = if path.is_dir() { 0o2770 } else { 0o660 };
        let bits = mode(path);
        assert_eq!(bits & wanted, wanted, "{} has {bits:o}", path.display());
    }
    assert_eq!(mode(&a.path(".dist/alpha/prod/secret.txt")), 0o660, "and for nobody else");
    // Objects too: the lock's records are written by git.
    let mut objects = Vec::new();
    below(&a.path(".git/objects"), &mut objects);
    let fresh = objects.iter().filter(|path| path.is_dir() && mode(path) & 0o2020 == 0o2020).count();
    assert!(fresh >= 2, "records are in directories for the group");
    // The same again changes nothing.
    let made = a.path(".dist/alpha/prod/secret.txt").metadata().expect("made").modified().expect("a time");
    a.lockstep("build --check -- alpha prod").run().code(0);
    a.lockstep("build -- alpha prod").run().code(0);
    let still = a.path(".dist/alpha/prod/secret.txt").metadata().expect("made").modified().expect("a time");
    assert_eq!(made, still);
}

#[test]
fn elsewhere_it_is_as_the_mask_says() {
    let world = world();
    let a = world.clone("a");
    a.publish("modules/alpha/secret.txt", "{{ secret(env=\"HOME\") }}\n");
    applies(&world, &a);
    let mut all = Vec::new();
    for top in [".git/lockstep", ".git/refs/lockstep", ".dist"] {
        below(&a.path(top), &mut all);
    }
    for path in &all {
        assert_eq!(mode(path) & 0o2022, 0, "{} has {:o}", path.display(), mode(path));
    }
    assert_eq!(mode(&a.path(".dist/alpha/prod/secret.txt")), 0o600);
}

/// Two users of one group in one clone, one after the other. Only root can be both.
#[test]
#[cfg(target_os = "linux")]
fn a_second_user_of_the_group_goes_on() {
    let world = world();
    let a = world.clone("a");
    world.link("setpriv", &find("setpriv"));
    let second = ["--reuid=54321", "--regid=0", "--clear-groups", "sh", "-c"];
    let as_second =
        |line: &str| world.program("setpriv", a.dir()).args(second).arg(format!("umask 022; {line}"));
    // The test's own directory is the user's alone.
    let open = |path: &Path, bits: u32| std::fs::set_permissions(path, std::fs::Permissions::from_mode(bits));
    open(&world.path(""), 0o755).expect("our own directory");
    let probe = as_second("exec lockstep --version").run();
    if !rustix::process::geteuid().is_root() || probe.status.code() != Some(0) {
        let _ = writeln!(
            std::io::stderr(),
            "\nskipped: a_second_user_of_the_group_goes_on: {}",
            probe.stderr().trim()
        );
        return;
    }
    for repository in [a.path(".git"), world.origin()] {
        let git = if repository.ends_with(".git") { a.dir().to_owned() } else { repository.clone() };
        world.git(&git, "config core.sharedRepository group");
        let mut all = Vec::new();
        below(&repository, &mut all);
        for path in all {
            open(&path, mode(&path) | if path.is_dir() { 0o2070 } else { (mode(&path) >> 3) & 0o070 })
                .expect("ours");
        }
    }
    world.git(&world.origin(), "config core.sharedRepository group");
    open(a.dir(), 0o2775).expect("ours");
    for shared in ["out", "tmp", "home"] {
        open(&world.path(shared), 0o777).expect("ours");
    }
    world.git(&world.path(""), "config --global --add safe.directory *");
    applies(&world, &a);
    // What the fake tool logs is the first user's, so the second one runs a plain program.
    let line = format!("exec lockstep {ALIAS} true");
    as_second(&line).env("HOME", "/nonexistent").run().code(0);
    let line = "exec lockstep build git-check lock exec git-push unlock-any -- beta prod true";
    as_second(line).run().code(0);
    applies(&world, &a);
    assert_eq!(world.lock("alpha/prod").expect("a record")["generation"], 3);
}
