//! Small mistakes, on the command line and in files: each is told with what was meant and where it stands.

use crate::harness::{World, snap};

#[test]
fn an_option_behind_a_subcommand_is_told_its_place() {
    let world = World::new();
    let a = world.clone("a");
    let quiet = a.lockstep("why alpha/prod -q").run();
    quiet.code(64).prints("").never_says("as a value");
    snap!(quiet);
    a.lockstep("list -C modules")
        .run()
        .code(64)
        .says("hint: `-C` stands before the subcommand: lockstep -C DIR list …\n");
    a.lockstep("list --nope").run().code(64).never_says("hint:");
}

#[test]
fn numbers_that_are_none_are_told_what_they_are_for() {
    let world = World::new();
    let a = world.clone("a");
    for number in ["0", "x", "-1"] {
        let words = format!("log -n={number}");
        a.lockstep(&words).run().code(64).prints("").says("write how many entries, 1 or more: -n 20");
    }
    let out = a.lockstep("unlock-any --expect x -- alpha prod").run();
    out.code(64).says("a generation is a number, as `lockstep locks show` and `lockstep log` tell it");
}

#[test]
fn a_lock_of_nothing_is_not_a_lock_that_is_free() {
    let world = World::new();
    let a = world.clone("a");
    a.write("lockstep.toml", "[lock]\nkeys = [\"account\"]\n");
    for words in ["thaw", "locks show", "locks show --json", "log"] {
        let of = |lock: &str| a.lockstep(words).arg(lock).run();
        of("nosuch/prod").code(64).prints("").says("there is no module `nosuch`");
        of("alpha/prdo").code(64).prints("").says("did you mean `prod`?");
        of("alpha/prod").code(0);
    }
    a.lockstep("thaw nosuch").run().code(64).says("there is no profile `nosuch`");
    for words in ["locks show", "log"] {
        let of = |lock: &str| a.lockstep(words).arg(lock).run();
        of("acount").code(64).says("there is no lock `acount`").says("did you mean `account`?");
        for known in ["account", "@all/prod", "other:nosuch/prod"] {
            of(known).code(0).says("never taken");
        }
    }
    a.write("lockstep.toml", "");
    a.lockstep("locks show acount").run().code(64).says("a unit is written MODULE/PROFILE");
    // What is gone may have left a lock behind.
    a.lockstep("freeze --reason why alpha/prod").run().code(0);
    a.lockstep("lock -- beta prod").run().code(0);
    std::fs::remove_dir_all(a.path("modules")).expect("it is ours");
    a.lockstep("locks show alpha/prod").run().code(0);
    a.lockstep("thaw alpha/prod").run().code(0).says("is free again");
    a.lockstep("thaw alpha/prod").run().code(0).says("is not frozen");
    a.lockstep("log beta/prod").run().code(0);
}

#[test]
fn a_tool_bound_to_no_unit_is_bound_with_a_warning() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let alias = a.lockstep("alias tofu=aplha/prod helm=./prdo kubectl=alpha/. ansible=.").run();
    alias.code(0);
    assert_eq!(alias.stdout().lines().count(), 4);
    snap!("alias", alias);
    let shim = a.lockstep("shim bin tofu=nosuch/prod").run();
    shim.code(0).says("lockstep: warning: tofu=nosuch/prod: there is no module `nosuch`");
    assert!(a.has("bin/tofu"));
    let outside = world.program("lockstep", &world.path("home")).words("alias tofu=nosuch/prod").run();
    outside.code(0).says("this is bound to no project").never_says("there is no module");
}

#[test]
fn an_unknown_lock_backend_is_told_by_its_line() {
    let world = World::new();
    let a = world.clone("a");
    a.write("lockstep.toml", "[lock]\nstale_after = \"1h\"\nbackend = \"locla\"\n");
    for words in ["lock -- alpha prod", "locks"] {
        let out = a.lockstep(words).run();
        out.code(78)
            .says("error: lockstep.toml:3: unknown lock backend `locla`\nhint: did you mean `local`?\n");
    }
    a.write("lockstep.toml", "[lock.former]\nbackend = \"consul\"\n");
    let former = a.lockstep("locks").run();
    former
        .code(78)
        .says("lockstep.toml:2: unknown lock backend `consul`\nhint: there are git, local, dynamodb\n");
}

#[test]
fn modules_without_a_unit_are_no_reason_for_one_more_profile() {
    let world = World::new();
    let a = world.clone("a");
    for module in ["alpha", "beta"] {
        a.write(format!("modules/{module}/module.toml"), "profiles = []\n");
    }
    let out = a.lockstep("list").run();
    out.code(0).prints("").says("no module is a unit in any profile").says("lockstep doctor");
    a.write("profiles/prod.toml", "abstract = true\n");
    a.write("profiles/dev.toml", "abstract = true\n");
    a.lockstep("list").run().code(0).says("lockstep new profile NAME");
}

#[test]
fn a_file_that_cannot_be_read_ends_every_command_alike() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/module.toml/x", "");
    let list = a.lockstep("list").run();
    list.code(78).prints("beta/dev\nbeta/prod\n").says("modules/alpha/module.toml: it is not a regular file");
    a.lockstep("build -- alpha prod").run().code(78);
    a.write("profiles/dev.toml", "nonsense = 1\n");
    a.lockstep("list").run().code(78);
}

#[test]
fn a_word_in_a_workflow_is_told_by_its_line() {
    let world = World::new();
    let a = world.clone("a");
    a.write("workflows/inner.toml", "steps = [\"build\"]\n");
    for (steps, says) in [
        (
            "[\n  \"build\",\n  \"git-chek\",\n]",
            "unknown step `git-chek` in workflows/go.toml:3\nhint: did you mean `git-check`?",
        ),
        ("[\n  \":x\" ]", "names no program before its colon in workflows/go.toml:2"),
        ("[ \"inner\" ]", "a workflow cannot name another in workflows/go.toml:1"),
        ("[\"build\"]\n\nfinally = [\n \"nope\" ]", "unknown step `nope` in workflows/go.toml:4"),
    ] {
        a.write("workflows/go.toml", format!("steps = {steps}\n"));
        a.lockstep("go -- alpha prod").run().code(64).says(says);
    }
    a.write("profiles/prod.toml", "\nextends = \"dev\"\n");
    let out = a.lockstep("build -- alpha prod").run();
    out.code(78)
        .says("error: profiles/prod.toml:2: `extends` is a list\nhint: write `extends = [\"dev\"]`\n");
}

#[test]
fn what_cannot_be_made_in_the_git_directory_is_told_with_its_whole_path() {
    let world = World::new();
    let a = world.clone("a");
    a.write(".git/lockstep", "in the way\n");
    let path = a.path(".git/lockstep").display().to_string();
    a.lockstep("build -- alpha prod").cwd("modules").run().code(78).says(&format!("`{path}`"));
}

#[test]
fn a_number_of_units_that_is_none_is_met_with_one_that_is() {
    let world = World::new();
    let a = world.clone("a");
    for (words, says) in [
        ("-j 0", "'0' for '--jobs <N>': write how many units run at the same time, 1 or more: -j 4"),
        ("--jobs=many", "write how many units run at the same time, 1 or more: -j 4"),
        ("-j 99999999999999999999", "1 or more: -j 4"),
        ("--max-units few", "write how many units it may be, as a number: --max-units 10"),
    ] {
        let out = a.lockstep(words).words("build -- alpha prod").run();
        out.code(64).prints("").says(says).never_says("non-zero").never_says("invalid digit");
    }
    assert!(!a.has(".dist"));
}
