//! Whose `lockstep.toml` counts, and who takes locks: nobody else's word.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use crate::harness::{Checkout, Cmd, World};

const NOBODY: u32 = 65534;

/// A directory with a project in it that is in no repository.
fn project(world: &World, name: &str) {
    let at = Checkout::at(world, name);
    at.write("lockstep.toml", "");
    at.write("modules/alpha/x", "");
    at.write("profiles/prod.toml", "");
    std::fs::create_dir_all(at.path("deep/er")).expect("the world is writable");
}

fn list<'w>(world: &'w World, at: impl AsRef<Path>) -> Cmd<'w> {
    world.program("lockstep", &world.path(at)).words("list")
}

/// Gives a file to somebody else, which only root can.
#[expect(clippy::print_stdout, reason = "a test that cannot be done here says so")]
fn give(path: &Path) -> bool {
    let given = chown(path, Some(NOBODY), None).is_ok();
    if !given {
        println!("skipped: only root can give files to another user");
    }
    given
}

#[test]
fn a_project_of_another_user_is_refused_until_safe_directory_names_it() {
    let world = World::bare();
    for (name, given) in [("file", "lockstep.toml"), ("directory", "")] {
        project(&world, name);
        if !give(&world.path(name).join(given)) {
            return;
        }
        // Without a repository nobody looks up through directories of others.
        let below = if given.is_empty() { name.to_owned() } else { format!("{name}/deep/er") };
        let out = list(&world, &below).run();
        out.code(78).says("belongs to another user (uid 65534)").prints("");
        let command = out.offered_commands().remove(0);
        assert!(command.starts_with("git config --global --add safe.directory /"), "{out}");
        world.git_args(&world.path(name), &command.split(' ').skip(1).collect::<Vec<_>>());
        list(&world, &below).run().code(0).prints("alpha/prod\n");
    }
}

#[test]
fn a_link_of_another_user_is_their_word_too() {
    let world = World::bare();
    project(&world, "p");
    std::fs::rename(world.path("p/lockstep.toml"), world.path("p/mine")).expect("the world is writable");
    let link = world.path("p/lockstep.toml");
    std::os::unix::fs::symlink("mine", &link).expect("the world is writable");
    list(&world, "p").run().code(0);
    if std::os::unix::fs::lchown(&link, Some(NOBODY), None).is_err() {
        println!("skipped: only root can give files to another user");
        return;
    }
    list(&world, "p").run().code(78).says("belongs to another user");
}

#[test]
fn in_a_repository_that_its_owner_shares_others_write_the_file() {
    let world = World::new();
    let a = world.clone("a");
    if !give(&a.path("lockstep.toml")) {
        return;
    }
    a.lockstep("list").run().code(78);
    a.git("config core.sharedRepository group");
    a.lockstep("list").run().code(0);
}

#[test]
fn the_one_who_called_sudo_owns_what_was_theirs() {
    let world = World::bare();
    project(&world, "p");
    if !give(&world.path("p/lockstep.toml")) {
        return;
    }
    list(&world, "p/deep").env("SUDO_UID", "65534").run().code(0);
    list(&world, "p/deep").env("SUDO_UID", "1000").run().code(78);
}

#[test]
fn nothing_above_the_top_of_the_repository_is_a_project() {
    let world = World::bare();
    project(&world, "p");
    list(&world, "p/deep/er").run().code(0).prints("alpha/prod\n");
    world.git(&world.path("p/deep"), "init -q");
    list(&world, "p/deep/er").run().code(78).says("no `lockstep.toml` in").says("lockstep init");
    // Nor is anything beyond directories of the user, where there is no repository.
    if give(&world.path("p/deep/er")) {
        std::fs::remove_dir_all(world.path("p/deep/.git")).expect("just made");
        assert_eq!(world.path("p/deep/er").metadata().expect("it is there").uid(), NOBODY);
        list(&world, "p/deep/er").run().code(78).says("no `lockstep.toml` in");
    }
}

#[test]
fn a_file_of_the_repository_names_no_owner() {
    let world = World::new();
    let a = world.clone("a");
    a.write("lockstep.toml", "[lock]\nowner = \"ana\"\n");
    let out = a.lockstep("build lock exec unlock -- alpha prod true").owner("ben").run();
    out.code(78).says("lockstep.toml:2: `owner` under [lock]").says("export LOCKSTEP_OWNER=NAME");
    assert_eq!(world.lock_state("alpha/prod"), "none");
}

#[test]
fn what_looks_like_a_bare_repository_within_a_clone_is_none() {
    let world = World::new();
    let a = world.clone("a");
    world.git(a.dir(), "init -q --bare emb");
    let sign = world.sign("started");
    let script = format!("touch '{}'\n", sign.display());
    crate::harness::write_script(&a.path("emb"), "evil.sh", &script);
    for (key, value) in [
        ("core.fsmonitor", "./evil.sh"),
        ("core.sshCommand", "./evil.sh"),
        ("core.bare", "false"),
        ("core.worktree", "."),
        ("remote.origin.url", "ssh://nowhere.invalid/x"),
    ] {
        world.git_args(&a.path("emb"), &["config", "-f", "config", key, value]);
    }
    a.write("emb/lockstep.toml", "");
    a.write("emb/modules/alpha/x", "");
    a.write("emb/profiles/prod.toml", "");
    for line in ["affected", "locks", "log", "build lock exec unlock -- alpha prod true"] {
        let out = a.lockstep(line).cwd("emb").run();
        out.code(78).says("has no working tree");
        assert!(!sign.exists(), "{out}");
    }
    for line in ["describe -- alpha prod", "doctor", "list"] {
        let out = a.lockstep(line).cwd("emb").run();
        assert!(!sign.exists(), "{out}");
    }
}
