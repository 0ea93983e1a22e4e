//! Files in the rendered directory that lockstep did not make: the tool reads them, and no commit has them.

use crate::harness::World;

/// A module of the files; what the tool of the unit would find there beside them is written after a build.
fn warned(module: &[(&str, &str)], beside: &[&str]) -> (String, String) {
    let world = World::new();
    let a = world.clone("a");
    for (path, text) in module {
        a.write(&format!("modules/alpha/{path}"), text);
    }
    a.lockstep("build -- alpha prod").run().code(0).never_says("did not make");
    for path in beside {
        a.write(&format!(".dist/alpha/prod/{path}"), "x\n");
    }
    let all = a.lockstep("build -- alpha prod").run();
    all.code(0).says("lockstep save alpha/prod FILE");
    let described = a.lockstep("describe -- alpha prod").run();
    described.code(0);
    (all.stderr(), described.stderr() + &described.stdout())
}

#[test]
fn files_of_any_depth_and_ending_that_the_tool_reads_are_named() {
    let cases: [(&[(&str, &str)], &[&str], &[&str]); 3] = [
        (
            &[],
            &[
                "terraform.tfvars",
                "z.auto.tfvars.json",
                "q.tf.json",
                "x.tofu",
                "lib/net/main.tf",
                "override.tf",
            ],
            &["plan.json", "p.out", "terraform.tfstate", ".terraform/modules/m/main.tf", ".x.tf"],
        ),
        (
            &[("migrations/001.sql", "x\n")],
            &["migrations/002.sql", "migrations/versions/003.sql"],
            &["migrations/versions/003.log"],
        ),
        (
            &[("site.yml", "x: 1\n")],
            &["host_vars/web1", "roles/nginx/tasks/main.yml", "ansible.cfg"],
            &["site.retry", "node_modules/x/package.yml"],
        ),
    ];
    for (module, named, not_named) in cases {
        let beside = [named, not_named].concat();
        let (built, described) = warned(module, &beside);
        for path in named {
            assert!(built.contains(&format!("`{path}`")), "{path}: {built}");
            assert!(described.contains(path), "{path}: {described}");
        }
        for path in not_named {
            assert!(!built.contains(path), "{path}: {built}");
        }
    }
}

#[test]
fn what_appears_in_a_directory_that_was_empty_is_named_by_a_build_that_renders_nothing() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/migrations/001.sql", "x\n");
    a.lockstep("build -- alpha prod").run().code(0);
    let versions = a.path(".dist/alpha/prod/migrations/versions");
    std::fs::create_dir(&versions).expect("the world is writable");
    for _ in 0..2 {
        a.lockstep("build -- * *").run().code(0).never_says("did not make");
    }
    a.write(".dist/alpha/prod/migrations/versions/003.sql", "x\n");
    a.lockstep("build -- * *").run().code(0).says("migrations/versions/003.sql");
    let elsewhere = world.path("home");
    std::fs::remove_dir_all(&versions).expect("the world is writable");
    std::os::unix::fs::symlink(&elsewhere, &versions).expect("the world is writable");
    a.lockstep("build -- * *").run().code(0).says("`migrations/versions`");
}
