//! Giving up what was made in part: it is taken away from what was begun on, and where nobody knows what was
//! begun, all of it.

use crate::harness::{Checkout, World};
use crate::stages::project;

fn calls(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path("bin/calls")).unwrap_or_default();
    let _ = std::fs::remove_file(world.path("bin/calls"));
    text.lines().filter(|line| !line.contains("output")).map(str::to_owned).collect()
}

fn breaks(world: &World, stage: &str) {
    std::fs::write(world.path(format!("bin/broken-{stage}")), "").expect("writable");
}

/// A creation that has failed at the second of three stages.
fn half_made(world: &World) -> Checkout<'_> {
    let a = project(world);
    breaks(world, "cluster.small");
    a.lockstep("create -- cluster prod").run().code(3);
    let _ = calls(world);
    a
}

const ALL: [&str; 3] = ["cluster.large: destroy", "cluster.small: destroy", "network: destroy"];

#[test]
fn giving_up_begins_with_what_was_begun() {
    let world = World::new();
    let a = half_made(&world);
    let out = a.lockstep("delete -- cluster prod").run();
    out.code(0)
        .says("stage `large` is left out: the creation that failed had not begun it; with it: --from large");
    out.says("3 of 3 stages, 1 of them never begun");
    assert_eq!(calls(&world), ALL[1..]);
    for key in ["network/prod", "cluster.small/prod", "cluster.large/prod"] {
        assert_eq!(world.lock_state(key), "free", "{key}");
    }
    // What comes after is made and taken away as a whole.
    std::fs::remove_file(world.path("bin/broken-cluster.small")).expect("written");
    a.lockstep("create -- cluster prod").run().code(0);
    let _ = calls(&world);
    a.lockstep("delete -- cluster prod").run().code(0).never_says("never begun");
    assert_eq!(calls(&world), ALL);
}

#[test]
fn giving_up_that_stopped_goes_on_without_what_was_never_begun() {
    let world = World::new();
    let a = half_made(&world);
    breaks(&world, "gone");
    std::fs::write(world.path("bin/undeletable"), "").expect("writable");
    let tofu = std::fs::read_to_string(world.path("bin/tofu")).expect("written");
    let fails = tofu.replace("destroy)", "destroy) [ -e \"$here/undeletable\" ] && exit 4;");
    std::fs::write(world.path("bin/tofu"), fails).expect("writable");
    a.lockstep("delete -- cluster prod").run().code(4).says("--from STAGE");
    std::fs::remove_file(world.path("bin/undeletable")).expect("written");
    let _ = calls(&world);
    a.lockstep("delete --resume -- cluster prod").run().code(0).says("never begun");
    assert_eq!(calls(&world), ALL[1..]);
    assert_eq!(world.lock_state("cluster.large/prod"), "free");
}

#[test]
fn where_more_may_be_there_all_of_it_is_taken_away() {
    // Made before; made by somebody else meanwhile; made in another clone; given up and made without us.
    type Before = fn(&World, &Checkout<'_>);
    let ways: [(&str, Before); 3] = [
        ("whole", |world, a| {
            a.lockstep("create -- cluster prod").run().code(0);
            breaks(world, "cluster.small");
            a.lockstep("create -- cluster prod").run().code(3);
        }),
        ("evicted", |world, a| {
            breaks(world, "cluster.small");
            a.lockstep("create -- cluster prod").run().code(3);
            a.lockstep("unlock-any -- cluster prod").run().code(0);
        }),
        ("locked once", |world, a| {
            a.lockstep("build lock unlock -- network prod").run().code(0);
            breaks(world, "cluster.small");
            a.lockstep("create -- cluster prod").run().code(3);
        }),
    ];
    for (what, before) in ways {
        let world = World::new();
        let a = project(&world);
        before(&world, &a);
        let _ = calls(&world);
        a.lockstep("delete -- cluster prod").run().never_says("never begun");
        assert_eq!(calls(&world)[0], ALL[0], "{what}");
    }
    let world = World::new();
    let _ = half_made(&world);
    let b = world.clone("b");
    let out = b.lockstep("delete -- cluster prod").run();
    out.says("stage 1 of 3: large").never_says("left out");
}
