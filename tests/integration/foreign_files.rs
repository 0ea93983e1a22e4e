//! Files in the wrong place: in the rendered directory and in no commit, or in a module and a tool's own.

use crate::harness::World;

/// A path and what the file holds.
type File = (&'static str, &'static str);

/// A module of the files; what the tool of the unit would find there beside them is written after a build.
fn warned(module: &[File], beside: &[&str]) -> (String, String) {
    let world = World::new();
    let a = world.clone("a");
    for (path, text) in module {
        a.write(format!("modules/alpha/{path}"), text);
    }
    a.lockstep("build -- alpha prod").run().code(0).never_says("did not make");
    for path in beside {
        a.write(format!(".dist/alpha/prod/{path}"), "x\n");
    }
    let all = a.lockstep("build -- alpha prod").run();
    all.code(0).says("lockstep save alpha/prod FILE");
    let described = a.lockstep("describe -- alpha prod").run();
    described.code(0);
    (all.stderr(), described.stderr() + &described.stdout())
}

#[test]
fn files_of_any_depth_and_ending_that_the_tool_reads_are_named() {
    let cases: [(&[File], &[&str], &[&str]); 3] = [
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

/// An archive as the tools save their plans in.
fn saved_plan() -> Vec<u8> {
    let mut entry = b"PK\x01\x02".to_vec();
    entry.resize(46, 0);
    entry[28] = 6;
    [b"PK\x03\x04 content ".as_slice(), &entry, b"tfplan", b"PK\x05\x06"].concat()
}

#[test]
fn what_a_tool_keeps_for_itself_is_no_source_of_a_module() {
    let world = World::new();
    let a = world.clone("a");
    let own = [
        "terraform.tfstate",
        "sub/old.tfstate.backup",
        "terraform.tfstate.d/stage/terraform.tfstate",
        ".terraform/providers/p",
        "reviewed plan.bin",
    ];
    for path in own {
        a.write(format!("modules/alpha/{path}"), "{}");
    }
    a.write("modules/alpha/reviewed plan.bin", saved_plan());
    a.write("modules/alpha/.terraform.lock.hcl", "# kept\n");
    a.commit("what tools have left");
    let mut cure = String::new();
    for words in ["build -- alpha prod", "validate -- alpha prod", "build -- * *", "doctor --offline"] {
        let out = a.lockstep(words).run();
        out.code(if words.starts_with("doctor") { 1 } else { 78 });
        let said = out.stderr() + &out.stdout();
        for named in [
            "`modules/alpha/terraform.tfstate` (a state)",
            "`modules/alpha/sub/old.tfstate.backup` (a state)",
            "`modules/alpha/terraform.tfstate.d` (states of workspaces)",
            "`modules/alpha/.terraform` (what `init` has fetched)",
            "`modules/alpha/reviewed plan.bin` (a saved plan)",
        ] {
            assert!(said.contains(named), "{words}: {named}: {said}");
        }
        let line = said.lines().find(|line| line.contains("git rm")).expect("it is offered");
        cure = line
            .split("leaves it here: ")
            .nth(1)
            .and_then(|rest| rest.split("; the backend").next())
            .expect("it is")
            .into();
    }
    world.program("sh", a.dir()).args(["-c", &cure]).run().code(0);
    for path in own {
        assert!(a.has(format!("modules/alpha/{path}")), "{path} is still here");
    }
    a.commit("without them");
    a.git("push -q");
    a.lockstep("build git-check -- alpha prod").run().code(0);
    assert!(a.has(".dist/alpha/prod/.terraform.lock.hcl") && !a.has(".dist/alpha/prod/terraform.tfstate"));
    a.write(".dist/alpha/prod/p", saved_plan());
    a.lockstep("save alpha/prod p").run().code(64).says("a saved plan");
}
