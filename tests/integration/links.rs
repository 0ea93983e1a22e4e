//! What symbolic links in a module stand for, and which are refused.

use std::os::unix::fs::symlink;

use crate::harness::{Checkout, World};

fn link(a: &Checkout<'_>, target: &str, at: &str) {
    let at = a.path(at);
    std::fs::create_dir_all(at.parent().expect("it lies somewhere")).expect("the world is writable");
    symlink(target, at).expect("the world is writable");
}

/// A clone whose `alpha` has a directory from elsewhere in it and one of the project; all of it is pushed.
fn linked(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    a.write("modules/alpha/prod/group_vars/all.yml", "in: {{ profile }}\n");
    a.write("modules/alpha/prod/group_vars/sub/run.sh", "true\n");
    link(&a, "../prod/group_vars", "modules/alpha/stage/group_vars");
    a.write("shared/roles/main.yml", "shared: 1\n");
    a.write("shared/roles/cache.tmp", "of somebody\n");
    a.write(".gitignore", "/.dist/\n*.tmp\n");
    link(&a, "../../shared", "modules/alpha/lib");
    link(&a, "../../shared/roles/main.yml", "modules/alpha/one.yml");
    a.commit("with links");
    a.git("push -q");
    a
}

#[test]
fn a_link_to_a_directory_stands_for_a_copy_of_what_git_has_there() {
    let world = World::new();
    let a = linked(&world);
    for words in ["build git-check -- alpha prod", "build -- * *"] {
        a.lockstep(words).run().code(0);
        let out = |path: &str| a.read(format!(".dist/alpha/prod/{path}"));
        assert_eq!(out("stage/group_vars/all.yml"), "in: prod\n");
        assert_eq!(out("stage/group_vars/sub/run.sh"), "true\n");
        assert_eq!((out("lib/roles/main.yml"), out("one.yml")), ("shared: 1\n".into(), "shared: 1\n".into()));
        assert!(!a.has(".dist/alpha/prod/lib/roles/cache.tmp"), "git ignores it");
        let is_link = |path: &str| a.path(path).symlink_metadata().is_ok_and(|meta| meta.is_symlink());
        assert!(!is_link(".dist/alpha/prod/lib") && !is_link(".dist/alpha/prod/stage/group_vars"));
        std::fs::remove_dir_all(a.path(".dist")).expect("it was there");
    }
    a.lockstep("build -- * *").run().code(0);
    a.lockstep("affected --base HEAD").run().code(0).prints("");
    a.write("shared/roles/main.yml", "shared: 2\n");
    a.lockstep("affected --base HEAD").run().code(0).prints("alpha/dev\nalpha/prod\n");
    a.lockstep("build -- * *").run().code(0);
    assert_eq!(a.read(".dist/alpha/prod/lib/roles/main.yml"), "shared: 2\n");
}

#[test]
fn what_a_link_leads_to_must_be_committed() {
    let world = World::new();
    let a = linked(&world);
    a.write("lockstep.toml", "requires = \">=0.1\"\n[git]\nscope = \"project\"\n");
    a.commit("only what a unit is made of counts");
    a.git("push -q");
    a.write("shared/new.yml", "x\n");
    a.lockstep("build git-check -- alpha prod").run().code(77).says("shared/new.yml");
    std::fs::remove_file(a.path("shared/new.yml")).expect("it was there");
    a.git("update-index --assume-unchanged shared/roles/main.yml");
    a.write("shared/roles/main.yml", "not committed\n");
    a.lockstep("build git-check -- alpha prod").run().code(77).says("shared/roles/main.yml");
    a.git("update-index --no-assume-unchanged shared/roles/main.yml");
    a.git("checkout -q -- shared");
    a.lockstep("build git-check -- alpha prod").run().code(0);
}

#[test]
fn a_link_that_leads_in_a_circle_or_to_what_is_nobodys_source_is_refused() {
    let world = World::new();
    let a = linked(&world);
    a.lockstep("build -- alpha prod").run().code(0);
    let home = world.path("home").display().to_string();
    a.write("shared/secret.tmp", "x\n");
    for (target, why) in [
        ("..", "lies in itself"),
        (".", "lies in itself"),
        ("../../modules", "lies in itself"),
        (home.as_str(), "leads out of the project"),
        ("/etc/passwd", "leads out of the project"),
        ("../../shared/secret.tmp", "a link to what git ignores"),
        ("../../.git", "what git ignores"),
        ("../../.dist/alpha/prod", "what git ignores"),
        ("nowhere", "leads nowhere"),
        ("module.toml", "a link to module.toml"),
    ] {
        a.write("modules/alpha/module.toml", "");
        link(&a, target, "modules/alpha/odd");
        a.lockstep("build -- alpha prod").run().code(78).says("`modules/alpha/odd`").says(why);
        std::fs::remove_file(a.path("modules/alpha/odd")).expect("it was there");
    }
    // Over two links.
    link(&a, "../y", "modules/alpha/x/y");
    link(&a, "../x", "modules/alpha/y/x");
    a.lockstep("build -- alpha prod").run().code(78).says("lies in itself");
}
