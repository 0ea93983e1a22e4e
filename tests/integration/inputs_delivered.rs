//! What is on the disk is what others get from the same commit, whatever `git status` calls clean.

use crate::harness::{Checkout, World};

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

/// Pushes these files from a clone of their own.
fn published(world: &World, files: &[(&str, &str)]) {
    let seed = world.clone("files");
    files.iter().for_each(|(path, text)| seed.write(path, text));
    seed.commit("Files");
    seed.git("push -q");
}

fn refused(a: &Checkout<'_>, code: i32, says: &[&str]) {
    for words in ["build git-check lock exec", "git-check build lock exec"] {
        let out = a.lockstep(&format!("{words} -- alpha prod tofu apply")).run();
        out.code(code);
        for text in says {
            out.says(text);
        }
    }
}

#[test]
fn a_pointer_of_lfs_is_no_content() {
    let world = World::new();
    world.tool("tofu");
    published(&world, &[("modules/alpha/big.bin", POINTER), (".gitattributes", "*.bin filter=lfs -text\n")]);
    let a = world.clone("a");
    refused(&a, 78, &["`modules/alpha/big.bin` is a Git LFS pointer", "git lfs pull"]);
    a.lockstep("build -- * *").run().code(78).says("git lfs pull");
    a.lockstep("validate -- alpha prod").run().code(78).says("git lfs pull");
    a.lockstep("build git-check -- beta prod").run().code(0);
    assert!(world.called().is_empty());
    let doctor = a.lockstep("doctor --offline").run();
    assert!(doctor.code(1).stdout().contains("git lfs pull"), "{doctor}");
}

#[test]
fn a_pointer_is_told_wherever_it_is_read() {
    let world = World::new();
    let a = world.clone("a");
    a.write("policy.json", POINTER);
    for (file, text) in [
        ("modules/alpha/main.tf", "{{ file('policy.json') }}\n"),
        ("modules/alpha/main.tf", "{{ filebase64('policy.json') }}\n"),
        ("modules/alpha/module.toml", POINTER),
        ("profiles/prod.toml", POINTER),
        ("modules/alpha/locked", "\0GITCRYPT\0abc"),
    ] {
        a.write(file, text);
        let says = if file.ends_with("locked") { "git-crypt unlock" } else { "git lfs pull" };
        a.lockstep("build -- alpha prod").run().code(78).says(says);
        a.git("reset -q --hard");
        a.git("clean -qfd -e policy.json");
    }
}

#[test]
fn a_filter_without_a_driver_here_is_refused_where_the_unit_reads_the_file() {
    let world = World::new();
    world.tool("tofu");
    published(&world, &[("modules/alpha/a.key", "ciphertext\n"), (".gitattributes", "*.key filter=crypt\n")]);
    let a = world.clone("a");
    refused(&a, 77, &["filter `crypt` is not set up here", "modules/alpha/a.key", "filter.crypt.smudge"]);
    a.lockstep("build git-check -- beta prod").run().code(0);
    for (what, command) in [("smudge", "tr a-m n-z"), ("clean", "cat")] {
        world.git_args(a.dir(), &["config", &format!("filter.crypt.{what}"), command]);
    }
    refused(&a, 77, &["filter `crypt` makes something else"]);
    assert!(world.called().is_empty());
}

#[test]
fn a_filter_that_is_set_up_for_everybody_passes() {
    let world = World::new();
    world.tool("tofu");
    published(
        &world,
        &[("modules/alpha/a.key", "ABC\n"), (".gitattributes", "*.key filter=crypt\n*.txt ident\n")],
    );
    let config = world.path("gitconfig");
    let text = std::fs::read_to_string(&config).expect("readable");
    let filter = "[filter \"crypt\"]\n\tsmudge = tr A-Z a-z\n\tclean = tr a-z A-Z\n";
    std::fs::write(&config, text + filter).expect("writable");
    let a = world.clone("a");
    assert_eq!(a.read("modules/alpha/a.key"), "abc\n");
    a.alias("tofu apply").run().code(0);
    assert_eq!(a.read(".dist/alpha/prod/a.key"), "abc\n");
}

#[test]
fn attributes_and_filters_of_this_clone_alone_are_refused() {
    let world = World::new();
    world.tool("tofu");
    let a = world.clone("a");
    world.git_args(a.dir(), &["config", "filter.mine.clean", "sed s/mars/eu-west/"]);
    a.write("modules/beta/main.tf", a.read("modules/beta/main.tf"));
    a.write(".git/info/attributes", "*.toml filter=mine\n");
    a.lockstep("build git-check -- alpha prod").run().code(0);
    a.write("profiles/prod.toml", "[params]\nregion = \"mars\"\n");
    a.git("add profiles/prod.toml");
    assert_eq!(a.git("status --porcelain"), "", "git calls it clean");
    refused(&a, 77, &["attributes in `.git/info/attributes`", "profiles/prod.toml"]);
    a.write(".git/info/attributes", "");
    a.git("reset -q --hard");
    std::fs::write(world.path("home/attributes"), "*.toml text eol=crlf\n").expect("writable");
    a.git("config core.attributesFile ~/attributes");
    a.write("profiles/prod.toml", "[params]\r\nregion = \"eu-west\"\r\n");
    a.git("add profiles/prod.toml");
    assert_eq!(a.git("status --porcelain"), "", "git calls it clean");
    refused(&a, 77, &["attributes in `core.attributesFile`", "profiles/prod.toml"]);
    assert!(world.called().is_empty());
}

#[test]
fn ends_of_lines_that_only_this_clone_has_are_refused_and_those_of_everybody_pass() {
    let world = World::new();
    world.tool("tofu");
    published(
        &world,
        &[("modules/alpha/run.bat", "echo 1\necho 2\n"), (".gitattributes", "*.bat text eol=crlf\n")],
    );
    world.git_args(&world.path(""), &["clone", "-q", "-c", "core.autocrlf=true", &world.url(), "a"]);
    let a = Checkout::at(&world, "a");
    assert!(a.read("modules/alpha/main.tf").contains("\r\n"));
    refused(&a, 77, &["`core.autocrlf=true` changes the ends of lines here", "modules/alpha/main.tf"]);
    a.git("config core.autocrlf false");
    // The files are still as they were checked out, and git has not noticed.
    refused(&a, 77, &["modules/alpha/main.tf"]);
    a.git("rm -rq --cached .");
    a.git("reset -q --hard");
    a.alias("tofu apply").run().code(0);
    assert_eq!(a.read(".dist/alpha/prod/run.bat"), "echo 1\r\necho 2\r\n");
}

#[test]
fn a_link_that_is_written_as_text_is_refused_and_modes_come_from_the_index() {
    let world = World::new();
    world.tool("tofu");
    let seed = world.clone("files");
    seed.write("modules/alpha/run.sh", "#!/bin/sh\n");
    std::os::unix::fs::symlink("main.tf", seed.path("modules/alpha/link.tf")).expect("writable");
    seed.git("add -A");
    seed.git("update-index --chmod=+x modules/alpha/run.sh");
    seed.git("commit -q -m files");
    seed.git("push -q");
    world.git_args(&world.path(""), &["clone", "-q", "-c", "core.symlinks=false", &world.url(), "a"]);
    let a = Checkout::at(&world, "a");
    assert_eq!(
        (a.read("modules/alpha/link.tf").as_str(), a.git("status --porcelain").as_str()),
        ("main.tf", "")
    );
    refused(&a, 78, &["`modules/alpha/link.tf` is a symbolic link in git", "git config core.symlinks true"]);
    let b = world.clone("b");
    b.git("config core.fileMode false");
    world.program("chmod", b.dir()).words("-x modules/alpha/run.sh").run().code(0);
    world.program("chmod", b.dir()).words("+x modules/alpha/main.tf").run().code(0);
    b.lockstep("build git-check -- alpha prod").run().code(0);
    let mode = |path: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        b.path(path).metadata().expect("it is there").permissions().mode() & 0o111
    };
    assert_ne!(mode(".dist/alpha/prod/run.sh"), 0);
    assert_eq!(mode(".dist/alpha/prod/main.tf"), 0);
}

#[test]
fn a_file_that_changed_between_git_check_and_build_is_refused() {
    let world = World::new();
    world.tool("tofu");
    let a = world.clone("a");
    // The push that takes the lock comes after the check and before the build.
    let edit = format!("cat > /dev/null; printf '# x' >> '{}'\n", a.path("modules/alpha/main.tf").display());
    world.origin_hook("pre-receive", &edit);
    let out = a.lockstep("git-check lock build exec -- alpha prod tofu apply").run();
    out.code(77).says("modules/alpha/main.tf");
    assert!(world.called().is_empty());
}
