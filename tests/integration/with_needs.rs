//! `--with-needs`: a unit is run with all that it needs.

use crate::harness::{Checkout, World};

fn project(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    world.tool("tofu");
    a.write("modules/net/main.tf", "# net\n");
    a.write("modules/db/module.toml", "needs = [\"net\"]\n");
    a.write("modules/app/module.toml", "needs = [\"db\"]\n");
    a.write("modules/other/main.tf", "# other\n");
    a.commit("Needs");
    a.git("push -q");
    a
}

fn planned(out: &crate::harness::Output) -> Vec<String> {
    let text = out.stderr();
    let units =
        text.lines().filter_map(|line| line.split_once("would run for ")).map(|(_, rest)| rest.to_owned());
    let listed = text.lines().map(str::trim).filter(|line| line.ends_with("/prod") && !line.contains(' '));
    units.chain(listed.map(str::to_owned)).collect()
}

#[test]
fn a_unit_is_run_after_all_that_it_needs() {
    let world = World::new();
    let a = project(&world);
    let out = a.lockstep("-y -j1 --with-needs build exec -- app prod tofu apply").run();
    out.code(0);
    let ran: Vec<String> = world.calls().iter().map(|call| call.log["cwd"].to_string()).collect();
    let ran: Vec<&str> =
        ran.iter().filter_map(|cwd| cwd.split("/.dist/").nth(1)?.split('/').next()).collect();
    assert_eq!(ran, ["net", "db", "app"]);
    a.lockstep("-y --with-needs --max-units 2 build exec -- app prod tofu apply").run().code(64);
    a.lockstep("--with-needs build -- other prod").run().code(0).never_says("net");
    // What is affected takes along what it needs, affected or not.
    a.write("modules/db/x.tf", "# changed\n");
    let out = a.lockstep("--with-needs --affected=HEAD --dry-run build exec -- * prod tofu plan").run();
    out.code(0).says("net/prod").says("db/prod").never_says("app/prod").never_says("other/prod");
    assert!(!planned(&out).is_empty(), "{out}");
}

#[test]
fn nothing_is_taken_down_because_somebody_needed_it() {
    let world = World::new();
    let a = project(&world);
    let out = a.lockstep("-y --with-needs build exec -- app prod tofu destroy").run();
    out.code(64)
        .says("`--with-needs` takes along what the units need, and `tofu destroy` would take that down too");
    assert!(world.called().is_empty());
}
