//! Looking at a clone starts nothing that is in it, and no tool learns of its environment.

use crate::harness::{ALIAS, Checkout, World, write_script};

/// A project whose words would give a tool another environment.
fn hostile(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    a.write(
        "lockstep.toml",
        "[env]\nKUBECONFIG = \"../../../kube.yaml\"\n[tools.kubectl]\nversion = \">=1\"\n",
    );
    a.write("modules/alpha/module.toml", "[env]\nLD_PRELOAD = \"./lib/evil.so\"\n");
    a.commit("Hostile");
    world.tool("kubectl").does(serde_json::json!([{ "print": "v1.29.3" }]));
    a
}

#[test]
fn a_tool_that_completes_gets_the_users_own_environment() {
    let world = World::new();
    let a = hostile(&world);
    let tab = || a.lockstep(&format!("{ALIAS} kubectl __complete get"));
    tab().run().code(0);
    a.lockstep(&format!("{ALIAS} kubectl"))
        .env("COMP_LINE", "kubectl g")
        .env("COMP_POINT", "9")
        .run()
        .code(0);
    // What was built here is where the command will run, and file names are completed there.
    a.lockstep("build -- alpha prod").run().code(0);
    tab().run().code(0);
    // What came with the clone may hold a tool's settings.
    a.git("add -f .dist");
    tab().run().code(0);
    let calls = world.calls();
    for call in &calls {
        assert_eq!((call.env("KUBECONFIG"), call.env("LD_PRELOAD")), (None, None), "{:?}", call.argv);
    }
    let at: Vec<_> = calls.iter().map(|call| call.cwd.clone()).collect();
    let (here, built) = (a.dir().to_owned(), a.path(".dist/alpha/prod"));
    assert_eq!(at, [here.clone(), here.clone(), built, here]);
}

#[test]
fn a_program_of_the_repository_is_not_asked_to_complete() {
    let world = World::new();
    let a = world.clone("a");
    let sign = a.path("bin/kubectl.started");
    write_script(&a.path("bin"), "kubectl", "touch \"$0.started\"\n");
    let path = format!("bin:{}", world.path("bin").display());
    let out = a.lockstep(&format!("{ALIAS} kubectl __complete get")).env("PATH", &path).run();
    out.code(1);
    assert!(!sign.exists(), "{out}");
    let out = a.lockstep("doctor").env("PATH", &path).run();
    assert!(out.stdout().contains("a file of this repository, and not asked"), "{out}");
    assert!(!sign.exists(), "{out}");
}

#[test]
fn doctor_asks_tools_for_their_version_where_nothing_of_the_project_lies() {
    let world = World::new();
    let a = hostile(&world);
    world.tool("ansible-playbook").does(serde_json::json!([{ "print": "ansible-playbook [core 2.19.1]" }]));
    let out = a.lockstep("doctor").run();
    assert!(out.stdout().contains("ansible-playbook [core 2.19.1]"), "{out}");
    for call in world.calls() {
        assert_eq!((call.cwd.to_str(), call.env("KUBECONFIG")), (Some("/"), None), "{}", call.tool);
    }
}

#[test]
fn a_dry_run_asks_no_program_of_the_project_and_others_without_its_environment() {
    let world = World::new();
    let a = hostile(&world);
    let sign = world.sign("started");
    write_script(&a.path(".dist/alpha/prod"), "evil", &format!("touch '{}'\necho 1.0.0\n", sign.display()));
    a.write(
        "lockstep.toml",
        "[env]\nKUBECONFIG = \"x\"\n[tools.evil]\nversion = \">=1\"\n[tools.kubectl]\nversion = \">=1\"\n",
    );
    a.write("workflows/deploy.toml", "steps = [\"build\", \"./evil:\", \"kubectl:version\"]\n");
    let out = a.lockstep("--dry-run deploy -- alpha prod").run();
    out.code(0).says("./evil (a file of the project: version not asked)").says("nothing was done");
    assert!(!sign.exists(), "{out}");
    let [call] = &world.calls()[..] else { panic!("{:?}", world.called()) };
    assert_eq!((call.cwd.to_str(), call.env("KUBECONFIG"), call.env("LD_PRELOAD")), (Some("/"), None, None));
}

#[test]
fn where_home_is_the_repository_the_users_own_programs_are_their_own() {
    let world = World::new();
    let a = world.clone("a");
    let path = format!("{}:{}", a.path("own").display(), world.path("bin").display());
    for directory in ["own", ".dist/alpha/prod"] {
        write_script(&a.path(directory), "kubectl", "touch \"$0.started\"\n");
    }
    let tab = |program: &str| {
        a.lockstep(ALIAS).words(program).arg("__complete").env("HOME", a.dir()).env("PATH", &path)
    };
    tab("kubectl").run().code(0);
    tab(a.path(".dist/alpha/prod/kubectl").to_str().expect("text")).run().code(1);
    assert!(a.has("own/kubectl.started") && !a.has(".dist/alpha/prod/kubectl.started"));
}

#[test]
fn only_a_push_of_the_branch_runs_the_users_hooks() {
    let world = World::new();
    let a = world.clone("a");
    world.git(a.dir(), "config --global core.hooksPath .githooks");
    let [moved, pushed] = ["moved", "pushed"].map(|name| world.sign(name));
    write_script(&a.path(".githooks"), "reference-transaction", &format!("touch '{}'\n", moved.display()));
    write_script(&a.path(".githooks"), "pre-push", &format!("touch '{}'\n", pushed.display()));
    a.commit("Hooks");
    std::fs::remove_file(&moved).expect("a commit runs it");
    for line in
        ["locks", "doctor", "affected", "describe -- alpha prod", "build git-check lock unlock -- alpha prod"]
    {
        let out = a.lockstep(line).run();
        assert!(!moved.exists() && !pushed.exists(), "{line}\n{out}");
    }
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    assert!(pushed.exists(), "the user's own hook sees the user's own branch");
}
