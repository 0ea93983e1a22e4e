//! `build` for many units, and modules of several sources, through the binary. What words select is
//! tested in `src/project/select.rs`, what sources and partials do in `src/render`.

use crate::harness::{Checkout, World, snap};

#[test]
fn build_takes_patterns_and_lists() {
    let world = World::new();
    let a = world.clone("a");
    let out = a.lockstep("build").words("-- * prod,dev").run();
    out.code(0).prints("");
    snap!(out);
    assert_eq!(a.read(".dist/beta/dev/main.tf"), "# beta\n");
    a.lockstep("build").words("-- * *").run().code(0).prints("");
    a.lockstep("render --check").words("-- *,!beta *").run().code(0).prints("");
    let print = a.lockstep("build --print main.tf").words("-- * prod").run();
    print.code(64).prints("").says("here only one will do");
    let nothing = a.lockstep("build").words("-- alpha,gama* prod").run();
    nothing.code(64);
    snap!("selects_nothing", nothing);
    a.lockstep("--dry-run build")
        .words("-- * prod")
        .run()
        .code(0)
        .says("would run for alpha/prod (directory .dist/alpha/prod):");
}

#[test]
fn one_unit_that_fails_keeps_no_other_back() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/gamma/main.tf", "x\n");
    a.write("modules/alpha/main.tf", "{{ only_prod }}\n");
    a.write("profiles/prod.toml", "[params]\nregion = \"eu-west\"\nonly_prod = 1\n");
    a.lockstep("build -- beta dev").run().code(0);
    a.write(".dist/beta/dev/main.tf", "edited\n");
    let out = a.lockstep("build").words("-- * *").run();
    out.code(78).prints("");
    snap!(out);
    assert!(a.has(".dist/alpha/prod/main.tf") && a.has(".dist/gamma/dev/main.tf"));
    assert!(!a.has(".dist/alpha/dev/main.tf"));
    assert_eq!(a.read(".dist/beta/dev/main.tf"), "edited\n");
    a.lockstep("--force build").words("-- !alpha *").run().code(0);
    a.write("modules/gamma/main.tf", "y\n");
    // The code is that of the first unit that fails: here one that would change, before one that is wrong.
    a.write("modules/zeta/main.tf", "{{ nope }}\n");
    let check = a.lockstep("build --check").words("-- gamma,zeta dev").run();
    check.code(1).says("gamma/dev").says("zeta/dev");
    assert_eq!(a.read(".dist/gamma/dev/main.tf"), "x\n");
}

#[test]
fn a_module_of_several_sources_says_which_file_makes_what() {
    let world = World::new();
    let a = world.clone("a");
    a.write(
        "modules/alpha/module.toml",
        "[build]\nsources = [\"../_shared/tofu\", \".\"]\nstrip = [\".j2\"]\n",
    );
    a.write("modules/_shared/tofu/providers.tf.j2", "{% include \"_partials/head.j2\" %}\n");
    a.write("modules/_partials/head.j2", "# made by lockstep for {{ profile }}");
    let out = a.lockstep("-v build -- alpha prod").run();
    out.code(0).says("providers.tf from modules/_shared/tofu/providers.tf.j2");
    assert_eq!(a.read(".dist/alpha/prod/providers.tf"), "# made by lockstep for prod\n");
    a.lockstep("build --print providers.tf -- alpha dev")
        .run()
        .code(0)
        .prints("# made by lockstep for dev\n");
    a.write("modules/_partials/head.j2", "one\n{{ nope }}");
    let wrong = a.lockstep("diff -- alpha prod").run();
    wrong.code(78);
    snap!("partial", wrong);
    a.write("modules/_partials/head.j2", "fine");
    a.write("modules/alpha/providers.tf.j2", "x\n");
    let twice = a.lockstep("build -- alpha prod").run();
    twice.code(78);
    snap!("two_sources", twice);
    std::fs::remove_file(a.path("modules/alpha/providers.tf.j2")).expect("there");
    a.lockstep("build -- alpha prod").run().code(0);
    a.write("modules/_shared/tofu/other.tf", "a directory without files is in no commit\n");
    std::fs::remove_file(a.path("modules/_shared/tofu/providers.tf.j2")).expect("there");
    a.lockstep("build -- alpha prod").run().code(0);
    assert!(!a.has(".dist/alpha/prod/providers.tf"), "what no source makes any more is removed");
}

#[test]
fn what_units_ask_of_the_outside_is_told_for_each() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/main.tf", "{{ env('SIZE', 'small') }} {{ secret(env='TOKEN') }}\n");
    let build = || a.lockstep("build").words("-- * prod").env("TOKEN", "hunter2");
    build().run().code(0).never_says("outside the repository").never_says("hunter2");
    let out = build().env("SIZE", "large").run();
    out.code(0).says("alpha/prod: warning: parameters from outside the repository: env(SIZE);");
    out.never_says("beta/prod: warning");
    assert_eq!(a.read(".dist/alpha/prod/main.tf"), "large hunter2\n");
}

/// Whether the next `build` alone may pass over a unit.
fn is_remembered(clone: &Checkout<'_>, unit: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(clone.path(".git/lockstep")) else { return false };
    let mut files = entries.map(|entry| entry.expect("an entry").path());
    let Some(file) = files.find(|path| path.to_string_lossy().contains("/built-")) else { return false };
    let (bytes, directory) = (std::fs::read(file).expect("a file"), format!(".dist/{unit}"));
    bytes.windows(directory.len()).any(|part| part == directory.as_bytes())
}

#[test]
fn a_build_passes_over_what_has_not_changed_unless_it_is_made_of_more_than_files() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/commit/c", "{{ git.commit }}\n");
    a.write("modules/hidden/h", "{{ secret(env='TOKEN') }}\n");
    a.write("modules/told/t", "{{ data.answer }}\n");
    a.write("modules/told/module.toml", "[data.answer]\ncommand = ['cat', 'answer']\n");
    a.write("answer", "\"one\"\n");
    let build = || {
        a.lockstep("build").words("-- * *").env("TOKEN", "s3cret").run().code(0);
    };
    // Nothing is trusted that has changed a moment ago.
    while !is_remembered(&a, "beta/prod") {
        build();
    }
    build();
    for (module, remembered) in
        [("alpha", true), ("beta", true), ("commit", false), ("hidden", false), ("told", false)]
    {
        for profile in ["dev", "prod"] {
            assert_eq!(is_remembered(&a, &format!("{module}/{profile}")), remembered, "{module}");
        }
    }
    // What lies outside may change without a trace in any file that the unit is made of.
    a.write("answer", "\"two\"\n");
    let commit = a.commit_file("notes", "x\n");
    a.lockstep("build").words("-- * *").env("TOKEN", "new").run().code(0);
    assert_eq!(a.read(".dist/commit/dev/c").trim(), commit);
    assert_eq!(a.read(".dist/hidden/dev/h"), "new\n");
    assert_eq!(a.read(".dist/told/dev/t"), "two\n");
    // And files may change in every way.
    a.write("modules/beta/main.tf", "# gamma\n");
    a.write(".dist/alpha/dev/main.tf", "edited\n");
    a.lockstep("build").words("-- * *").env("TOKEN", "new").run().code(78).says("alpha/dev");
    assert_eq!(a.read(".dist/beta/prod/main.tf"), "# gamma\n");
}
