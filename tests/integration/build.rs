//! build through the binary: what is rendered, what is left alone, what stops it. Its rules are
//! tested in `src/render`; here is what a user sees.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::harness::{Checkout, Output, World, snap};

fn build(a: &Checkout<'_>) -> Output {
    a.lockstep("build -- alpha prod").run()
}

#[test]
fn a_module_is_rendered_for_a_profile() {
    let world = World::new();
    let a = world.clone("a");
    let out = build(&a);
    out.code(0).prints("");
    assert_eq!(a.read(".dist/alpha/prod/main.tf"), "# alpha for prod\nregion = \"eu-west\"\n");
    a.lockstep("render -- alpha dev").run().code(0);
    assert_eq!(a.read(".dist/alpha/dev/main.tf"), "# alpha for dev\nregion = \"eu-north\"\n");
    assert_eq!(a.git("status --porcelain"), "", "nothing is written that git would see");
    snap!(out);
}

#[test]
fn what_does_not_differ_is_not_touched_and_what_is_no_longer_made_is_removed() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/sub/{{ profile }}.txt", "x\n");
    build(&a).code(0);
    assert_eq!(a.read(".dist/alpha/prod/sub/prod.txt"), "x\n");
    a.write(".dist/alpha/prod/.terraform/state", "of the tool\n");
    let inode =
        |path: &str| a.path(path).metadata().map(|m| (m.ino(), m.mtime(), m.mtime_nsec())).expect("there");
    let before = inode(".dist/alpha/prod/main.tf");
    std::fs::remove_dir_all(a.path("modules/alpha/sub")).expect("the world is writable");
    build(&a).code(0);
    assert_eq!(inode(".dist/alpha/prod/main.tf"), before);
    assert!(!a.has(".dist/alpha/prod/sub"));
    assert!(a.has(".dist/alpha/prod/.terraform/state"));
}

#[test]
fn bytes_and_modes_are_kept() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/blob", b"\x00\xff{{ nope }}\xfe");
    a.write("modules/alpha/run.sh", "#!/bin/sh\n");
    let script = a.path("modules/alpha/run.sh");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("our own file");
    build(&a).code(0);
    assert_eq!(std::fs::read(a.path(".dist/alpha/prod/blob")).expect("there"), b"\x00\xff{{ nope }}\xfe");
    let mode = a.path(".dist/alpha/prod/run.sh").metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
}

#[test]
fn files_are_made_from_data() {
    let world = World::new();
    let a = world.clone("a");
    a.write(
        "modules/alpha/module.toml",
        "[params]\nzones = [\"a\", \"b\"]\n\n[[build.file]]\npath = \"terraform.tfvars.json\"\n\
         value = { region = \"{{ region }}\", zones = \"{{ zones }}\" }\n\n\
         [[build.file]]\npath = \"zones.yaml\"\nfrom = \"zones\"\n",
    );
    build(&a).code(0);
    let json: serde_json::Value =
        serde_json::from_str(&a.read(".dist/alpha/prod/terraform.tfvars.json")).expect("JSON");
    assert_eq!(json, serde_json::json!({"region": "eu-west", "zones": ["a", "b"]}));
    assert_eq!(a.read(".dist/alpha/prod/zones.yaml"), "- a\n- b\n");
    a.write("modules/alpha/module.toml", "[[build.file]]\npath = \"a.json\"\nfrom = \"regoin\"\n");
    build(&a).code(78).says("modules/alpha/module.toml:1").says("did you mean `region`?");
}

#[test]
fn an_undefined_name_is_named_with_file_and_line() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/main.tf", "one\nx = {{ regoin }}\n");
    let out = build(&a);
    out.code(78).says("modules/alpha/main.tf:2").says("regoin");
    assert!(!a.has(".dist/alpha/prod/main.tf"));
    snap!(out);
}

#[test]
fn a_generated_file_that_was_edited_stops_the_build() {
    let world = World::new();
    let a = world.clone("a");
    build(&a).code(0);
    a.write(".dist/alpha/prod/main.tf", "edited\n");
    let out = build(&a);
    out.code(78).says("main.tf").says("--force");
    assert_eq!(a.read(".dist/alpha/prod/main.tf"), "edited\n");
    snap!(out);
    a.lockstep("--force build -- alpha prod").run().code(0);
    assert!(a.read(".dist/alpha/prod/main.tf").contains("eu-west"));
}

#[test]
fn output_never_lands_outside_of_its_directory() {
    let world = World::new();
    let a = world.clone("a");
    let out = || build(&a);
    a.write("profiles/prod.toml", "[params]\nregion = \"../../../out\"\n");
    a.write("modules/alpha/{{ region }}.txt", "x\n");
    out().code(78);
    snap!(out());
    assert!(!a.has("out.txt"));
    std::fs::remove_file(a.path("modules/alpha/{{ region }}.txt")).expect("there");
    std::fs::create_dir_all(a.path(".dist/alpha")).expect("the world is writable");
    let elsewhere = world.path("home");
    std::os::unix::fs::symlink(&elsewhere, a.path(".dist/alpha/prod")).expect("the world is writable");
    let planted = out();
    assert_ne!(planted.status.code(), Some(0), "{planted}");
    assert!(!elsewhere.join("main.tf").exists());
}

#[test]
fn overrides_from_outside_are_told_by_key_and_never_by_value() {
    let world = World::new();
    let a = world.clone("a");
    let out = a
        .lockstep("--set region=hunter2 build -- alpha prod")
        .env("LOCKSTEP_PARAM_extra__a", "hunter3")
        .run();
    out.code(0).says("region").says("extra.a").never_says("hunter");
    assert!(a.read(".dist/alpha/prod/main.tf").contains("hunter2"));
    snap!(out);
    a.write("profiles/prod.toml", "overrides = \"deny\"\n\n[params]\nregion = \"eu-west\"\n");
    let denied = a.lockstep("--set region=x build -- alpha prod").run();
    denied.code(64).says("region");
    snap!("overrides_denied", denied);
    build(&a).code(0);
}

#[test]
fn errors_in_configuration_name_file_and_line() {
    let world = World::new();
    let a = world.clone("a");
    for (name, file, text) in [
        ("syntax", "lockstep.toml", "requires = \n"),
        ("unknown_key", "lockstep.toml", "requires = \">=0.1\"\nrequire = 1\n"),
        ("too_new", "lockstep.toml", "requires = \">=99\"\n"),
        ("parent", "profiles/prod.toml", "extends = [\"bas\"]\n"),
        ("cycle", "profiles/prod.toml", "extends = [\"prod\"]\n"),
        ("abstract", "profiles/prod.toml", "abstract = true\n"),
    ] {
        a.write(file, text);
        let out = build(&a);
        out.code(if name == "abstract" { 64 } else { 78 }).says(file);
        snap!(format!("configuration_{name}"), out);
        a.git("checkout -q .");
    }
}

#[test]
fn a_file_where_a_directory_is_needed_is_named() {
    let world = World::new();
    let a = world.clone("a");
    a.write(".dist", "a file where the directory should be\n");
    let out = build(&a);
    out.code(78).says(".dist");
    snap!(out);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_of_input_and_output() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/large", "x".repeat(1 << 20));
    let script = "trap '' XFSZ; ulimit -f 512; exec lockstep build -- alpha prod";
    let out = world.program("sh", a.dir()).args(["-c", script]).run();
    out.code(74);
    snap!(out);
}

#[test]
fn what_a_tool_wrote_can_be_saved_into_the_module() {
    let world = World::new();
    let a = world.clone("a");
    build(&a).code(0);
    let missing = a.lockstep("save alpha/prod").run();
    missing.code(64).says(".terraform.lock.hcl");
    a.write(".dist/alpha/prod/.terraform.lock.hcl", "provider\n");
    let out = a.lockstep("save alpha/prod").run();
    out.code(0).prints("");
    snap!(out);
    assert_eq!(a.read("modules/alpha/.terraform.lock.hcl"), "provider\n");
    a.lockstep("save .").cwd(".dist/alpha/prod").run().code(0).says("is the same already");
    a.lockstep("save alpha/prod main.tf").run().code(64).says("is generated");
    build(&a).code(0);
    a.write(".dist/alpha/prod/.terraform.lock.hcl", "provider 2\n");
    build(&a).code(78).says("hint: a tool has renewed").says("lockstep save alpha/prod");
    a.lockstep("save alpha/prod").run().code(0);
    build(&a).code(0);
}

#[test]
fn a_name_with_a_line_break_is_one_line() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/odd\nname.txt", "x\n");
    let out = a.lockstep("-v build -- alpha prod").run();
    out.code(0).says("odd\\nname.txt from ");
    a.write(".dist/alpha/prod/odd\nname.txt", "edited\n");
    build(&a).code(78).says("`odd\\nname.txt`");
    a.write(".dist/alpha/prod/other\nname.tf", "mine\n");
    a.lockstep("--force build -- alpha prod").run().code(0).says("did not make: `other\\nname.tf`");
}

#[test]
fn somebodys_file_is_not_said_to_be_a_generated_one() {
    let world = World::new();
    let a = world.clone("a");
    a.write(".dist/alpha/prod/main.tf", "mine\n");
    let out = build(&a);
    out.code(78)
        .says("`alpha/prod` makes files where others stand, which lockstep did not make: `main.tf`")
        .says("--force");
    a.lockstep("diff -- alpha prod")
        .run()
        .code(0)
        .says("lockstep did not make these, so that build stops: main.tf");
    a.lockstep("build --check -- alpha prod").run().code(78).says("which lockstep did not make");
}

#[test]
fn what_git_ignores_is_not_saved() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/.gitignore", "*.cache\n.terraform.lock.hcl\n");
    a.write("modules/alpha/kept.cache", "old\n");
    a.git("add -f modules/alpha/kept.cache");
    build(&a).code(0);
    for name in ["a.cache", "kept.cache", ".terraform.lock.hcl"] {
        a.write(format!(".dist/alpha/prod/{name}"), "x\n");
    }
    for (words, name) in [("save alpha/prod a.cache", "a.cache"), ("save alpha/prod", ".terraform.lock.hcl")]
    {
        a.lockstep(words).run().code(64).says(&format!("git ignores `modules/alpha/{name}`"));
        assert!(!a.has(format!("modules/alpha/{name}")));
    }
    // What git tracks it does not ignore.
    a.lockstep("save alpha/prod kept.cache").run().code(0);
    assert_eq!(a.read("modules/alpha/kept.cache"), "x\n");
}

#[test]
fn a_file_that_a_tool_rewrote_stops_only_what_changes_things() {
    let world = World::new();
    world.tool("helm");
    let a = world.clone("a");
    a.write("modules/alpha/charts/db.tgz", "one\n");
    a.write("modules/alpha/old.txt", "old\n");
    a.write("modules/alpha/other.txt", "old\n");
    a.commit("a chart");
    a.git("push -q");
    a.alias("helm version").run().code(0).never_says("changed by something else");
    a.write(".dist/alpha/prod/charts/db.tgz", "renewed\n");
    a.write(".dist/alpha/prod/old.txt", "renewed\n");
    a.git("rm -q modules/alpha/old.txt");
    a.write("modules/alpha/other.txt", "new\n");
    a.commit("more");
    for command in ["helm version", "helm dependency build", "helm version"] {
        let out = a.alias(command).run();
        out.code(0).says("changed by something else, and stay so").says("`charts/db.tgz`").says("`old.txt`");
        assert_eq!(a.read(".dist/alpha/prod/charts/db.tgz"), "renewed\n");
        assert_eq!(a.read(".dist/alpha/prod/old.txt"), "renewed\n");
        assert_eq!(a.read(".dist/alpha/prod/other.txt"), "new\n", "the rest is made");
    }
    for words in ["build exec -- alpha prod helm upgrade x .", "build -- alpha prod"] {
        let out = a.lockstep(words).run();
        out.code(78).says("`charts/db.tgz`, `old.txt`").says("lockstep save alpha/prod FILE");
    }
    a.lockstep("build helm:version helm:upgrade:x -- alpha prod").run().code(78);
    a.lockstep("save alpha/prod charts/db.tgz").run().code(0).says("to modules/alpha/charts/db.tgz");
    std::fs::remove_file(a.path(".dist/alpha/prod/old.txt")).expect("it was there");
    a.commit("the renewed chart");
    a.alias("helm upgrade x .").run().code(0);
}

#[test]
fn what_is_saved_goes_where_a_renamed_file_came_from() {
    let world = World::new();
    let a = world.clone("a");
    a.write(
        "modules/alpha/module.toml",
        "[build.rename]\n\"a.in\" = \"a.out\"\n\"b.in\" = \"{{ profile }}.out\"\n",
    );
    for (name, text) in
        [("a.in", "a"), ("b.in", "b"), ("{{ profile }}.txt", "c"), ("made.txt", "{{ profile }}")]
    {
        a.write(format!("modules/alpha/{name}"), text);
    }
    build(&a).code(0);
    for (file, source) in [("a.out", "a.in"), ("prod.out", "b.in"), ("prod.txt", "{{ profile }}.txt")] {
        a.write(format!(".dist/alpha/prod/{file}"), "renewed\n");
        let out = a.lockstep(&format!("save alpha/prod {file}")).run();
        out.code(0).says(&format!("to modules/alpha/{source}"));
        assert_eq!(a.read(format!("modules/alpha/{source}")), "renewed\n");
    }
    build(&a).code(0);
    a.write(".dist/alpha/prod/made.txt", "renewed\n");
    a.lockstep("save alpha/prod made.txt").run().code(64).says("is generated");
}

#[test]
fn a_lock_file_that_a_colleague_has_committed_is_built_with_and_not_undone() {
    const LOCK: &str = ".terraform.lock.hcl";
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    build(&a).code(0);
    a.write(format!(".dist/alpha/prod/{LOCK}"), "of ana's init\n");
    b.publish("modules/alpha/.terraform.lock.hcl", "pinned by ben\n");
    a.git("pull -q");
    let stopped = || {
        let out = build(&a);
        out.code(78).says("lockstep --force build -- alpha prod").never_says("lockstep save");
        a.lockstep("save alpha/prod").run().code(64);
        assert_eq!(a.read(format!("modules/alpha/{LOCK}")), "pinned by ben\n");
    };
    stopped();
    a.lockstep("--force build -- alpha prod").run().code(0);
    assert_eq!(a.read(format!(".dist/alpha/prod/{LOCK}")), "pinned by ben\n");
    // Renewed by a tool, and by nobody else: that may be kept.
    a.write(format!(".dist/alpha/prod/{LOCK}"), "renewed\n");
    build(&a).code(78).says("lockstep save alpha/prod");
    // Meanwhile another profile has saved one.
    a.lockstep("build -- alpha dev").run().code(0);
    a.write(format!(".dist/alpha/dev/{LOCK}"), "of dev\n");
    a.lockstep("save alpha/dev").run().code(0);
    build(&a).code(78).says("another profile").never_says("lockstep save");
    a.lockstep("save alpha/prod").run().code(64).says("lockstep --force build -- alpha prod");
    let doctor = a.lockstep("doctor --offline --json").run().stdout();
    assert!(doctor.contains("see which is newer: lockstep build -- alpha prod"), "{doctor}");
    assert_eq!(a.read(format!("modules/alpha/{LOCK}")), "of dev\n");
}
