//! What a build would do, through the binary: `diff`, `build --check`, `build --print`. None of them
//! writes anything.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Checkout, World, snap};

/// Everything below a directory, with modes and contents.
fn files(a: &Checkout<'_>, directory: &str) -> Vec<(String, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![a.path(directory)];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            let path = entry.expect("readable").path();
            let meta = path.symlink_metadata().expect("there");
            let bytes = if meta.is_file() { std::fs::read(&path).expect("readable") } else { Vec::new() };
            found.push((path.display().to_string(), meta.permissions().mode(), bytes));
            if meta.is_dir() {
                waiting.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_difference_is_shown_and_nothing_is_written() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/old.txt", "x\n");
    a.write("modules/alpha/logo", b"\xff\x00");
    a.lockstep("build -- alpha prod").run().code(0);
    a.lockstep("diff -- alpha prod").run().code(0).prints("");
    a.write("modules/alpha/main.tf", "# {{ module }} for {{ profile }}\nregion = \"{{ region }}-1\"");
    a.write("modules/alpha/new.txt", "{{ profile }}\n");
    a.write("modules/alpha/logo", b"\xfe\x00");
    std::fs::remove_file(a.path("modules/alpha/old.txt")).expect("there");
    let before = files(&a, ".dist");
    let journals = a.journals().len();
    let out = a.lockstep("diff -- alpha prod").run();
    out.code(0);
    snap!(out);
    assert_eq!(files(&a, ".dist"), before);
    assert_eq!(a.journals().len(), journals);
    let stdout = out.stdout();
    let text = stdout.find("diff --git a/.dist/alpha/prod/main.tf").expect("the second file");
    a.write("patch", &stdout[text..]);
    a.git("apply --check patch");
    a.lockstep("build -- alpha prod").run().code(0);
    a.lockstep("diff -- alpha prod").run().code(0).prints("");
}

#[test]
fn before_the_first_build_everything_is_new() {
    let world = World::new();
    let a = world.clone("a");
    let out = a.lockstep("diff --color always -- alpha prod").run();
    out.code(0);
    assert!(out.stdout().contains("\x1b[32m+region = \"eu-west\"\x1b[0m\n"), "{out}");
    assert!(!a.has(".dist") && a.journals().is_empty());
    let pipeline = a.lockstep("diff build diff -- alpha prod").run();
    pipeline.code(0);
    assert_eq!(pipeline.stdout().matches("diff --git").count(), 1, "{pipeline}");
}

#[test]
fn an_edited_file_is_shown_with_what_would_become_of_it() {
    let world = World::new();
    let a = world.clone("a");
    a.lockstep("build -- alpha prod").run().code(0);
    a.write(".dist/alpha/prod/main.tf", "edited\n");
    let out = a.lockstep("diff -- alpha prod").run();
    out.code(0).says("main.tf").says("build stops");
    assert!(out.stdout().contains("\n-edited\n"), "{out}");
    a.lockstep("build --check -- alpha prod").run().code(78).says("--force");
    a.lockstep("build --check --force -- alpha prod").run().code(1);
    assert_eq!(a.read(".dist/alpha/prod/main.tf"), "edited\n");
}

#[test]
fn a_check_names_what_would_change() {
    let world = World::new();
    let a = world.clone("a");
    let out = a.lockstep("build --check -- alpha prod").run();
    out.code(1).prints("").says("main.tf (new)");
    assert!(!a.has(".dist"));
    a.lockstep("build -- alpha prod").run().code(0);
    a.lockstep("--check build -- alpha prod").run().code(0).prints("");
    a.write("modules/alpha/main.tf", "x\n");
    let out = a.lockstep("render --check -- alpha prod").run();
    out.code(1);
    snap!(out);
    for words in ["build lock --check", "git-check --check", "build --print x true:", "build diff --check"] {
        let out = a.lockstep(words).words("-- alpha prod").run();
        out.code(64).says("`build` alone").says("hint: lockstep build --");
    }
}

#[test]
fn one_file_is_printed_byte_for_byte() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/sub/no-newline", "{{ region }}");
    a.lockstep("build --print sub/no-newline -- alpha prod").run().code(0).prints("eu-west");
    assert!(!a.has(".dist"));
    let out = a.lockstep("build --print main.ft -- alpha prod").run();
    out.code(64).prints("").says("did you mean `main.tf`?");
    a.lockstep("build --print nothing-like-it -- alpha prod").run().code(64).says("its files: `main.tf`");
    a.lockstep("build --check --print main.tf -- alpha prod").run().code(64);
}

#[test]
fn a_secret_of_a_committed_directory_is_masked_in_every_clone() {
    let world = World::new();
    let a = world.clone("a");
    a.write(".gitignore", "");
    a.write("modules/alpha/main.tf", "{{ t }}\n");
    a.write("profiles/prod.toml", "sensitive = [\"t\"]\n[params]\nt = \"hunter2\"\n");
    a.lockstep("build -- alpha prod")
        .run()
        .code(0)
        .says("hold secrets, and git does not ignore them: main.tf");
    a.lockstep("build -- alpha prod").run().code(0).never_says("hold secrets");
    a.commit("with what is rendered");
    a.git("push -q");
    let b = world.clone("b");
    b.write("modules/alpha/main.tf", "plain\n");
    let out = b.lockstep("diff -- alpha prod").run();
    out.code(0);
    assert!(out.stdout().contains("with sensitive parameters differ"), "{out}");
    assert!(!out.stdout().contains("hunter"), "{out}");
}
