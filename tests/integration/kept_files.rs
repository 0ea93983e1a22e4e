//! What a tool wants to be committed with its configuration: it is told of, saved for one unit or for all, and
//! never where git would ignore it.

use crate::harness::{Checkout, World, write_script};

/// A tool whose `init` writes what it is told in `lock` of the module, as providers of that version.
fn world() -> World {
    let world = World::new();
    write_script(
        &world.path("bin"),
        "tofu",
        "[ \"$1\" = init ] || exit 0\n[ \"$2\" = -upgrade ] && echo new >.terraform.lock.hcl\n\
         [ -e .terraform.lock.hcl ] || echo old >.terraform.lock.hcl\n",
    );
    world
}

const NEW: &str =
    "`.terraform.lock.hcl` is new; to bring it into the module, and commit it: lockstep save alpha/prod\n";

fn warned(a: &Checkout<'_>) -> Vec<String> {
    let out = a.lockstep("doctor --offline --json").run();
    let all: serde_json::Value = serde_json::from_str(&out.stdout()).expect("JSON");
    let found = all.as_array().expect("a list").iter();
    let found = found.filter(|one| one["id"] == "dist.unsaved" && one["severity"] == "warning");
    found.map(|one| one["cure"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_first_lock_file_is_told_of_and_so_is_a_renewed_one() {
    let world = world();
    let a = world.clone("a");
    a.alias("tofu init").run().code(0).says(NEW);
    assert_eq!(warned(&a), ["lockstep save alpha/prod, and commit it"]);
    a.alias("tofu init").run().code(0).never_says("is new");
    a.lockstep("save alpha/prod").run().code(0);
    a.commit("Save the lock file");
    assert_eq!(warned(&a), [] as [String; 0]);
    a.alias("tofu init").run().code(0).never_says("is new");
    a.alias("tofu init -upgrade").run().code(0).says(NEW);
    a.lockstep("save alpha/prod").run().code(0);
    a.commit("Save the new one");
    a.alias("tofu init").run().code(0);
}

#[test]
fn what_git_ignores_is_neither_told_of_nor_saved() {
    let world = world();
    let a = world.clone("a");
    a.publish(".gitignore", "/.dist/\n.terraform*\n");
    a.alias("tofu init").run().code(0).never_says("is new");
    assert_eq!(warned(&a), [] as [String; 0]);
    for _ in 0..2 {
        let out = a.lockstep("save alpha/prod").run();
        out.code(64)
            .says("git ignores `modules/alpha/.terraform.lock.hcl`, so that it would not be committed");
        out.says("hint: see which pattern does: git check-ignore -v modules/alpha/.terraform.lock.hcl\n");
        a.write("modules/alpha/.terraform.lock.hcl", "old\n");
    }
}

#[test]
fn all_units_are_saved_at_once_and_those_that_differ_are_named() {
    let world = world();
    let a = world.clone("a");
    a.lockstep("save *").run().code(0).says("nothing to save");
    a.lockstep("build exec -- * * tofu init").run().code(0);
    let out = a.lockstep("save *").run();
    out.code(0).says("to modules/alpha/.terraform.lock.hcl").says("to modules/beta/.terraform.lock.hcl");
    a.lockstep("build -- * *").run().code(0);
    a.lockstep("build exec -- alpha prod tofu init -upgrade").run().code(0);
    let out = a.lockstep("save */*").run();
    out.code(64).says("alpha/dev").says("alpha/prod").says("name the unit whose file it shall be");
    a.lockstep("save alpha/prod").run().code(0);
    assert_eq!(a.read("modules/alpha/.terraform.lock.hcl"), "new\n");
    a.lockstep("save nosuch/*").run().code(64);
    a.lockstep("save alpha").run().code(64);
}
