//! What was rendered for a unit that is gone goes with it; what a tool put there stays and is named.

use crate::harness::{Checkout, World};

/// A clone in which everything is rendered, and tools have left something with `beta/dev`.
fn rendered(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    a.lockstep("build -- * *").run().code(0);
    a.write(".dist/beta/dev/terraform.tfstate", "{}");
    a.write(".dist/beta/dev/.terraform/x", "x");
    a
}

/// Takes the module `beta` away.
fn without_beta(a: &Checkout<'_>) {
    a.git("rm -r -q modules/beta");
    a.git("commit -q -m gone");
}

#[test]
fn a_build_of_everything_removes_what_was_made_for_a_unit_that_is_gone() {
    let world = World::new();
    let a = rendered(&world);
    without_beta(&a);
    for unit in ["alpha prod", "alpha *", "* prod"] {
        a.lockstep(&format!("build -- {unit}")).run().code(0).never_says("beta");
    }
    let check = a.lockstep("build --check -- * *").run();
    check
        .code(1)
        .says("`beta/prod` is no unit any more")
        .says("main.tf")
        .says("hint: to remove it: lockstep build -- '*' '*'");
    assert!(a.has(".dist/beta/prod/main.tf"), "a check removes nothing");
    let out = a.lockstep("build -- * *").run();
    out.code(0)
        .says("removed what was rendered for `beta/prod`, which is no unit any more: `main.tf`")
        .says("what lockstep did not make there stays: `.terraform/`, `terraform.tfstate`");
    assert!(!a.has(".dist/beta/prod") && !a.has(".dist/beta/dev/main.tf"));
    assert!(!a.has(".dist/.lockstep/beta"));
    assert!(a.has(".dist/beta/dev/terraform.tfstate") && a.has(".dist/beta/dev/.terraform/x"));
    a.lockstep("build --check -- * *").run().code(0);
    a.lockstep("build -- * *").run().code(0).never_says("beta");
}

#[test]
fn a_profile_and_an_exclusion_count_too_and_edits_stay() {
    let world = World::new();
    let a = rendered(&world);
    a.write("modules/beta/module.toml", "profiles = [\"prod\"]\n");
    a.git("rm -q profiles/dev.toml");
    a.write(".dist/alpha/dev/main.tf", "edited\n");
    let out = a.lockstep("build -- * *").run();
    out.code(0).says("`beta/dev`").never_says("`beta/prod`");
    assert!(!a.has(".dist/beta/dev/main.tf") && a.has(".dist/beta/prod/main.tf"));
    assert_eq!(a.read(".dist/alpha/dev/main.tf"), "edited\n", "somebody's own");
}

#[test]
fn the_units_of_stages_are_there() {
    let world = World::new();
    let a = world.clone("a");
    a.write(
        "workflows/cluster.toml",
        "[[create]]\nname = \"workers\"\nmodule = \"alpha\"\nrun = [\"true:\"]\n",
    );
    a.commit("a workflow");
    a.lockstep("create -- cluster prod").run().code(0);
    assert!(a.has(".dist/cluster.workers/prod/main.tf"));
    a.lockstep("build -- * *").run().code(0).never_says("no unit any more");
    assert!(a.has(".dist/cluster.workers/prod/main.tf"));
    a.git("rm -q workflows/cluster.toml");
    a.lockstep("build -- * *").run().code(0).says("`cluster.workers/prod`");
    assert!(!a.has(".dist/cluster.workers"));
}

#[test]
fn a_directory_that_is_in_use_stays_and_the_build_says_so() {
    let world = World::new();
    let a = rendered(&world);
    let tool = world.tool("work");
    tool.waits();
    let mut running = a.lockstep("build exec -- beta prod work").start();
    running.wait_for(tool.started());
    without_beta(&a);
    a.lockstep("build -- * *").run().code(75).says("`beta/prod`");
    assert!(a.has(".dist/beta/prod/main.tf") && !a.has(".dist/beta/dev/main.tf"));
    std::fs::write(tool.go(), "").expect("the world is writable");
    running.finish().code(0);
    a.lockstep("build -- * *").run().code(0);
    assert!(!a.has(".dist/beta/prod"));
}

#[test]
fn doctor_names_what_is_left_and_what_moves_a_state() {
    let world = World::new();
    let a = rendered(&world);
    without_beta(&a);
    let doctor = || {
        let out = a.lockstep("doctor --offline").run();
        out.stdout() + &out.stderr()
    };
    let said = doctor();
    assert!(
        said.contains("beta/prod is no unit any more, and its directory holds 1 rendered file"),
        "{said}"
    );
    assert!(said.contains("lockstep build -- '*' '*'"), "{said}");
    a.lockstep("build -- * *").run().code(0);
    let said = doctor();
    assert!(said.contains("rm -r .dist/beta/dev") && !said.contains("-migrate-state"), "{said}");
    let line = said.lines().find_map(|line| line.split("keep the state: ").nth(1)).expect("it is offered");
    world.program("sh", a.dir()).args(["-c", line]).run().code(0);
    assert_eq!(a.read(".state/beta/dev-terraform.tfstate"), "{}");
    std::fs::remove_dir_all(a.path(".dist/beta")).expect("it was there");
    assert!(!doctor().contains("beta"));
}
