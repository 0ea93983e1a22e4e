//! One lock for several units: a failed change is finished by its own unit only.

use crate::harness::{Checkout, Cmd, World};

fn run<'w>(repo: &Checkout<'w>, unit: &str, command: &str) -> Cmd<'w> {
    repo.lockstep(&format!("build git-check lock exec git-push unlock-any -- {unit} {command}"))
}

#[test]
fn the_success_of_another_unit_leaves_a_failed_lock_failed() {
    for (scope, lock, other) in [("profile", "@all/prod", "beta prod"), ("module", "alpha/@all", "alpha dev")]
    {
        let world = World::new();
        let a = world.clone("a");
        a.publish("lockstep.toml", &format!("[lock]\nscope = \"{scope}\"\n"));
        let tofu = world.tool("tofu");
        tofu.exits(1);
        run(&a, "alpha prod", "tofu apply").run().code(1);
        world.tool("tofu");
        let commit = a.commit_file("notes", "x\n");
        let out = run(&a, other, "tofu apply").run();
        out.code(0).says("taken over from your earlier run");
        out.says(&format!("lock `{lock}` stays failed: an earlier change of `alpha/prod` is not finished"));
        assert_eq!((world.origin_at("main"), world.lock_state(lock)), (commit.clone(), "failed".to_owned()));
        let record = world.lock(lock).expect("there is a record");
        assert_eq!(
            (record["unit"].as_str(), record["applied"].as_str()),
            (Some("alpha/prod"), Some(&*commit))
        );
        let b = world.clone("b");
        run(&b, "alpha prod", "tofu apply").owner("bob@host2").run().code(75).says("for `alpha/prod`");
        run(&a, "alpha prod", "tofu apply").run().code(0).never_says("stays failed");
        assert_eq!(world.lock_state(lock), "free", "{scope}");
    }
}

#[test]
fn a_shared_key_stays_failed_for_the_unit_that_left_it() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("lockstep.toml", "[lock]\nkeys = [\"net\"]\n");
    world.tool("tofu").exits(1);
    run(&a, "alpha prod", "tofu apply").run().code(1);
    world.tool("tofu");
    let out = run(&a, "beta prod", "tofu apply").run();
    out.code(0).says("lock `net` stays failed").never_says("unlock-any -- beta prod");
    out.says("lock alpha/prod is kept; to give it back: lockstep unlock-any -- alpha prod");
    let states = || ["alpha/prod", "beta/prod", "@1/net"].map(|key| world.lock_state(key));
    assert_eq!(states(), ["failed", "free", "failed"]);
    run(&a, "alpha prod", "tofu apply").run().code(0);
    assert_eq!(states(), ["free", "free", "free"]);
}

#[test]
fn legs_of_a_matrix_do_not_finish_each_others_failures() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("lockstep.toml", "[lock]\nscope = \"profile\"\n");
    let leg = |unit: &str, code: u8| {
        world.tool("tofu").exits(code);
        let mut cmd = run(&a, unit, "tofu apply").without_env("LOCKSTEP_OWNER");
        for (name, value) in [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_JOB", "apply"),
            ("GITHUB_REF", "refs/heads/main"),
        ] {
            cmd = cmd.env(name, value);
        }
        cmd.run()
    };
    leg("alpha prod", 1).code(1);
    leg("beta prod", 0).code(0);
    assert_eq!(world.lock_state("@all/prod"), "failed");
    leg("alpha prod", 0).code(0);
    assert_eq!(world.lock_state("@all/prod"), "free");
}
