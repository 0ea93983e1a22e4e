//! What a run is made of is what the commit has: nothing hidden from the disk goes missing silently, and
//! nothing that git ignores takes part.

use crate::harness::{Checkout, World};

/// A world whose `alpha` has a second file, and a clone of it in which all is rendered.
fn world() -> World {
    let world = World::new();
    let seed = world.clone("seed2");
    seed.write("modules/alpha/db.tf", "resource \"terraform_data\" \"db\" {}\n");
    seed.commit("A database");
    seed.git("push -q");
    world.tool("tofu");
    world
}

#[test]
fn a_file_that_a_sparse_checkout_leaves_out_is_refused_by_name_and_the_hint_brings_it() {
    let world = world();
    let a = world.clone("a");
    a.lockstep("build -- alpha prod").run().code(0);
    a.git("sparse-checkout set --no-cone /* !/modules/alpha/db.tf");
    assert!(!a.has("modules/alpha/db.tf"));
    for words in
        ["build -- alpha prod", "build -- * *", "build --check -- alpha prod", "validate -- alpha prod"]
    {
        let out = a.lockstep(words).run();
        out.code(78).says("`modules/alpha/db.tf` is tracked by git, and the sparse checkout leaves it out");
    }
    let out = a.alias("tofu apply").run();
    out.code(78).says("git sparse-checkout add modules/alpha/db.tf");
    assert!(world.called().is_empty());
    assert!(a.has(".dist/alpha/prod/db.tf"), "nothing of it is removed");
    let hint = out.offered_commands().into_iter().find(|line| line.starts_with("git ")).expect("a command");
    world.program("sh", a.dir()).args(["-c", &hint]).run().code(0);
    a.alias("tofu apply").run().code(0);
}

#[test]
fn what_a_sparse_checkout_leaves_out_keeps_no_other_unit_back() {
    let world = world();
    for index in ["--no-sparse-index", "--sparse-index"] {
        let a = world.clone(&format!("a{index}"));
        a.git(&format!("sparse-checkout set --cone {index} modules/alpha profiles"));
        assert!(!a.has("modules/beta"));
        a.alias("tofu apply").run().code(0);
        let out = a.lockstep("build -- beta prod").run();
        out.code(78).says("`modules/beta/main.tf`").says("git sparse-checkout add modules/beta");
        a.lockstep("list").run().code(0).prints("alpha/dev\nalpha/prod\nbeta/dev\nbeta/prod\n");
        a.lockstep("affected").run().code(0);
        a.git("sparse-checkout set --cone modules/alpha");
        let out = a.lockstep("list").run();
        out.code(78).says("`profiles/prod.toml` is tracked by git, and the sparse checkout leaves it out");
        let out = a.lockstep("build -- alpha prod").run();
        out.code(78).says("git sparse-checkout add profiles");
    }
}

#[test]
fn a_file_that_is_hidden_by_hand_and_removed_is_refused_by_name() {
    let world = world();
    let a = world.clone("a");
    for mark in ["skip-worktree", "assume-unchanged"] {
        for file in ["modules/alpha/db.tf", "profiles/prod.toml"] {
            a.git(&format!("update-index --{mark} {file}"));
            std::fs::remove_file(a.path(file)).expect("it is there");
            for words in ["build -- alpha prod", "build git-check -- alpha prod"] {
                let out = a.lockstep(words).run();
                out.code(78)
                    .says(&format!("`{file}` is tracked by git and missing here: it is marked {mark}"));
            }
            let out = a.lockstep("git-check -- alpha prod").run();
            out.code(if file == "profiles/prod.toml" { 78 } else { 77 }).says(file);
            let out = a.lockstep("build -- alpha prod").run();
            let hint = out.offered_commands().into_iter().next().expect("a command");
            world.program("sh", a.dir()).args(["-c", &hint]).run().code(0);
            a.lockstep("build git-check -- alpha prod").run().code(0);
        }
    }
}

#[test]
fn an_edit_that_git_was_told_not_to_look_at_is_refused_before_or_after_the_build() {
    let world = world();
    let a = world.clone("a");
    for (mark, file) in [
        ("skip-worktree", "profiles/prod.toml"),
        ("assume-unchanged", "modules/alpha/main.tf"),
        ("skip-worktree", ".gitignore"),
    ] {
        let text = a.read(file);
        a.git(&format!("update-index --{mark} {file}"));
        a.lockstep("build git-check -- alpha prod").run().code(0);
        a.write(file, format!("{text}# only here\n"));
        assert_eq!(a.git("status --porcelain"), "");
        for words in ["build git-check", "git-check build", "git-check"] {
            let out = a.lockstep(&format!("{words} -- alpha prod")).run();
            out.code(77).says("1 file changed and hidden from git").says(file);
            out.says(&format!("git update-index --no-{mark} -- {file}"));
        }
        a.alias("tofu apply").run().code(77);
        a.write(file, text);
        a.git(&format!("update-index --no-{mark} {file}"));
    }
    assert!(world.called().is_empty());
}

#[test]
fn a_mode_that_git_was_told_not_to_look_at_is_refused_as_well() {
    let world = world();
    let a = world.clone("a");
    a.git("update-index --skip-worktree modules/alpha/main.tf");
    world.program("chmod", a.dir()).words("+x modules/alpha/main.tf").run().code(0);
    a.lockstep("git-check -- alpha prod").run().code(77).says("modules/alpha/main.tf");
}

#[test]
fn what_git_ignores_is_no_part_of_the_project() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.write("modules/scratch/s.txt", "uncommitted\n");
    a.write("profiles/local.toml", "[params]\nregion = \"mars\"\n");
    a.write("workflows/mine.toml", "steps = [\"build\"]\n");
    a.write("modules/_partials/p.tf", "# a partial\n");
    a.write("modules/beta/module.toml", "profiles = [\"dev\"]\n");
    a.write("lib/x.tf", "# a source\n");
    a.write("secret.txt", "for file()\n");
    let names = "/modules/scratch/\n/profiles/local.toml\n/workflows/mine.toml\n/modules/_partials/\n\
                 /modules/beta/module.toml\n/lib/\n/secret.txt\n";
    for place in ["mine", ".git/info/exclude", ".gitignore"] {
        a.write(place, if place == ".gitignore" { format!("/.dist/\n{names}") } else { names.to_owned() });
        match place {
            "mine" => {
                std::fs::rename(a.path("mine"), world.path("home/mine")).expect("writable");
                a.git("config core.excludesFile ~/mine");
            }
            ".gitignore" => drop(a.commit("Ignore")),
            _ => drop(a.git("config --unset core.excludesFile")),
        }
        a.lockstep("list").run().code(0).prints("alpha/dev\nalpha/prod\nbeta/dev\nbeta/prod\n");
        a.lockstep("list profiles").run().code(0).prints("dev   -\nprod  -\n");
        a.lockstep("list workflows").run().code(0).prints("");
        a.lockstep("build -- scratch prod").run().code(64).says(
            "there is no module `scratch`: git ignores `modules/scratch`, so that nobody else has it\n\
             hint: see which pattern does: git check-ignore -v modules/scratch\n",
        );
        let out = a.lockstep("build -- alpha local").run();
        out.code(64).says("there is no profile `local`: git ignores `profiles/local.toml`");
        a.lockstep("build -- * *").run().code(0);
        assert!(!a.has(".dist/scratch") && a.has(".dist/beta/prod"));
        a.lockstep("affected").run().code(0).prints_no("scratch").prints_no("local");
        a.lockstep("doctor --offline").run().never_says("scratch").prints_no("scratch");
    }
    a.git("push -q");
    a.alias("tofu apply").run().code(0);
}

#[test]
fn nothing_that_git_ignores_comes_in_by_another_file() {
    let world = World::new();
    let a = world.clone("a");
    a.write(".gitignore", "/.dist/\n/profiles/local.toml\n/modules/_partials/\n/lib/\n/policy.json\n");
    a.write("profiles/local.toml", "[params]\nregion = \"mars\"\n");
    a.write("modules/_partials/p.tf", "# a partial\n");
    a.write("lib/x.tf", "# a source\n");
    a.write("policy.json", "{}\n");
    a.commit("Ignore");
    for (file, text, says) in [
        ("profiles/prod.toml", "extends = [\"local\"]\n", "local"),
        ("modules/alpha/main.tf", "{% include '_partials/p.tf' %}\n", "_partials/p.tf"),
        ("modules/alpha/main.tf", "{{ file('policy.json') }}\n", "no file `policy.json`"),
        ("modules/alpha/module.toml", "[build]\nsources = [\"../../lib\", \".\"]\n", "lib"),
    ] {
        a.write(file, text);
        a.lockstep("build -- alpha prod").run().code(78).says(says);
        a.git("reset -q --hard");
        a.git("clean -qfd");
    }
}

#[test]
fn an_ignored_lockstep_toml_is_refused_and_files_that_are_new_count() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/gamma/g.tf", "# new\n");
    a.write("profiles/stage.toml", "[params]\nregion = \"new\"\n");
    a.lockstep("build -- gamma stage").run().code(0);
    assert!(a.has(".dist/gamma/stage/g.tf"));
    a.lockstep("list modules").run().code(0);
    a.git("rm -q --cached lockstep.toml");
    a.write(".git/info/exclude", "lockstep.toml\n");
    for words in ["build -- alpha prod", "list", "git-check -- alpha prod"] {
        let out = a.lockstep(words).run();
        out.code(78).says("lockstep.toml: git ignores this file").says("git check-ignore -v lockstep.toml");
    }
}

#[test]
fn what_lies_outside_of_the_project_and_a_hidden_marker_are_told_with_what_to_type() {
    let world = World::new();
    let a = world.clone("a");
    std::fs::create_dir(a.path("infra")).expect("writable");
    a.git("mv lockstep.toml modules profiles infra");
    a.write(".gitignore", ".dist/\n");
    a.write("app.py", "1\n");
    a.commit("One of many things");
    a.git("push -q");
    world.tool("tofu");
    let infra = Checkout::at(&world, "a/infra");
    let scope = "`scope = \"project\"` under [git] in infra/lockstep.toml";
    a.write("app.py", "2\n");
    infra.alias("tofu apply").run().code(77).says("    app.py\n").says(scope);
    a.git("add app.py");
    a.write("new.py", "");
    infra.alias("tofu apply").run().code(77).says("staged and not committed").says(scope);
    infra.write("profiles/prod.toml", "[params]\nregion = \"mars\"\n");
    infra.alias("tofu apply").run().code(77).never_says(scope);
    a.git("reset -q --hard");
    a.git("clean -qfd");
    a.git("sparse-checkout set --no-cone /* !lockstep.toml");
    for words in ["build -- alpha prod", "list"] {
        let out = infra.lockstep(words).run();
        out.code(78).says("`lockstep.toml` is tracked by git, and the sparse checkout leaves it out");
        out.says("hint: git -C .. sparse-checkout add infra/lockstep.toml\n");
    }
    infra.git("-C .. sparse-checkout add infra/lockstep.toml");
    infra.alias("tofu apply").run().code(0);
}

/// `modules/alpha/lib` is a submodule of its own remote.
fn with_submodule(world: &World) {
    world.git(&world.path(""), "init -q --bare lib.git");
    world.git(&world.path(""), "init -q lib");
    let lib = Checkout::at(world, "lib");
    lib.write("net.tf", "# from the library\n");
    lib.commit("The library");
    world.git_args(lib.dir(), &["remote", "add", "origin", world.path("lib.git").to_str().expect("text")]);
    lib.git("push -q -u origin main");
    let seed = world.clone("seed3");
    let url = format!("file://{}", world.path("lib.git").display());
    world.git_args(seed.dir(), &["submodule", "--quiet", "add", &url, "modules/alpha/lib"]);
    seed.commit("A submodule");
    seed.git("push -q");
}

#[test]
fn a_submodule_that_is_not_checked_out_is_refused_until_it_is() {
    let world = World::new();
    with_submodule(&world);
    let a = world.clone("a");
    world.tool("tofu");
    for words in ["build -- alpha prod", "validate -- alpha prod", "build git-check -- alpha prod"] {
        let out = a.lockstep(words).run();
        out.code(78).says("`modules/alpha/lib` is a submodule that is not checked out");
        out.says("git submodule update --init modules/alpha/lib");
    }
    a.lockstep("build -- beta prod").run().code(0);
    a.git("submodule --quiet update --init modules/alpha/lib");
    a.alias("tofu apply").run().code(0);
    assert_eq!(a.read(".dist/alpha/prod/lib/net.tf"), "# from the library\n");
}

#[test]
fn a_source_that_is_a_submodule_or_lies_in_one_is_refused_until_it_is_checked_out() {
    for source in ["../alpha/lib", "../alpha/lib/."] {
        let world = World::new();
        with_submodule(&world);
        let seed = world.clone("other");
        seed.publish("modules/beta/module.toml", &format!("[build]\nsources = [\"{source}\", \".\"]\n"));
        let a = world.clone("a");
        world.tool("tofu");
        for words in ["build", "validate", "build git-check lock exec unlock"] {
            let out =
                a.lockstep(words).words("-- beta prod").args(words.contains("exec").then_some("tofu")).run();
            out.code(78).says("`modules/alpha/lib` is a submodule that is not checked out");
            out.says("git submodule update --init modules/alpha/lib");
        }
        assert!(world.called().is_empty());
        a.git("submodule --quiet update --init modules/alpha/lib");
        a.lockstep("build -- beta prod").run().code(0);
    }
}

#[test]
fn a_submodule_that_is_dirty_or_was_not_pushed_is_refused() {
    let world = World::new();
    with_submodule(&world);
    let a = world.clone("a");
    world.tool("tofu");
    a.git("submodule --quiet update --init");
    let lib = Checkout::at(&world, "a/modules/alpha/lib");
    lib.write("net.tf", "# edited\n");
    a.alias("tofu apply").run().code(77).says("modules/alpha/lib");
    lib.git("update-index --skip-worktree net.tf");
    a.alias("tofu apply").run().code(77).says("modules/alpha/lib/net.tf");
    lib.git("update-index --no-skip-worktree net.tf");
    lib.git("checkout -q net.tf");
    lib.git("commit -q --allow-empty -m Another");
    let out = a.alias("tofu apply").run();
    out.code(77).says("git commit -a (or, for what is committed: git submodule update -- modules/alpha/lib)");
    a.git("submodule --quiet update -- modules/alpha/lib");
    lib.write("net.tf", "# edited\n");
    lib.git("switch -q main");
    let commit = lib.commit("Only here");
    a.commit("Go on with the library");
    let out = a.alias("tofu apply").run();
    out.code(77).says(&format!("submodule `modules/alpha/lib` is at {}", &commit[..10]));
    out.says("git -C modules/alpha/lib push");
    assert!(world.called().is_empty());
    a.git("config push.recurseSubmodules check");
    a.lockstep("git-push -- alpha prod").run().code(79).says("modules/alpha/lib");
    lib.git("push -q");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.origin_at("main"), a.head());
}
