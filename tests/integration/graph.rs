//! What `lockstep graph` prints, and what it says of needs that make no order. How the order is made is
//! tested in `src/project`.

use crate::harness::{Checkout, World, snap};

fn network(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    a.write("profiles/shared.toml", "");
    a.write("modules/zone/module.toml", "profiles = [\"shared\"]\n");
    a.write("modules/alpha/module.toml", "profiles = [\"dev\", \"prod\"]\nneeds = [\"end\", \"beta\"]\n");
    a.write(
        "modules/beta/module.toml",
        "tags = [\"net\"]\nprofiles = [\"dev\", \"prod\"]\n\nneeds = [\n  \"end\",\n  \"zone/shared\",\n]\n",
    );
    // A word of Mermaid's own.
    a.write("modules/end/main.tf", "x\n");
    a
}

#[test]
fn a_graph_is_a_tree_a_picture_or_data() {
    let world = World::new();
    let a = network(&world);
    for (name, words) in [
        ("all", "graph"),
        ("one", "graph alpha/prod"),
        ("profile", "graph shared dev"),
        ("tagged", "graph tag:net/*"),
        ("reversed", "graph --reverse zone/shared end/dev"),
        ("dot", "graph alpha/prod --format dot"),
        ("dot_reversed", "graph --reverse end/prod --format dot"),
        ("mermaid", "graph alpha/prod --format mermaid"),
        ("json", "graph alpha/prod --format json"),
        ("json_reversed", "graph --reverse zone/shared --format json"),
    ] {
        let out = a.lockstep(words).run();
        out.code(0);
        assert_eq!(out.stderr(), "");
        snap!(name, out);
    }
    a.lockstep("-C modules/end graph ./prod").run().code(0).prints("end/prod\n");
    assert!(!a.has(".dist") && !a.has(".git/lockstep"), "nothing is done");
}

#[test]
fn words_that_begin_nowhere_are_told() {
    let world = World::new();
    let a = network(&world);
    for (word, says) in [
        ("alpha", "error: there is no profile `alpha`\nhint: did you mean `'alpha/*'`?\n"),
        ("prdo", "did you mean `prod`?"),
        ("zone/prod", "`zone/prod` is not a unit: modules/zone/module.toml does not list the profile"),
        ("tag:nte/*", "error: there is no tag `nte`\nhint: did you mean `net`?\n"),
        ("x-*/prod", "`x-*` selects no module"),
        ("a/b/c", "there is no module `a`"),
        (".", "`.` names no module here"),
        ("", "there is no profile ``"),
    ] {
        a.lockstep("graph").arg(word).run().code(64).prints("").says(says);
    }
    a.lockstep("graph --format svg").run().code(64).says("mermaid");
    let empty = world.path("home");
    std::fs::write(empty.join("lockstep.toml"), "").expect("the world is writable");
    let lockstep = |words: &str| world.program("lockstep", &empty).words(words).run();
    lockstep("graph").code(0).prints("").says("no units");
    lockstep("-q graph --format json").code(0).prints("{\n  \"units\": []\n}\n").says("");
}

#[test]
fn needs_that_make_no_order_are_told_wherever_they_matter() {
    let world = World::new();
    let a = network(&world);
    a.write("modules/end/module.toml", "profiles = [\"dev\", \"prod\"]\nneeds = [\"alpha\"]\n");
    let circle = a.lockstep("graph prod").run();
    circle.code(78).prints("");
    snap!("circle", circle);
    a.lockstep("list").run().code(78).says("units need each other in a circle");
    a.write("modules/end/module.toml", "\nneeds = [\"zone\"]\n");
    let excluded = a.lockstep("graph alpha/prod").run();
    excluded.code(78).prints("");
    snap!("excluded", excluded);
    a.write("modules/end/module.toml", "needs = [\"zonne/shared\"]\n");
    let unknown = a.lockstep("graph").run();
    unknown.code(78).prints("");
    snap!("unknown", unknown);
    let doctor = a.lockstep("doctor").run();
    doctor.code(1);
    assert!(doctor.stdout().contains("problem  project.files   modules/end/module.toml:1: `needs` names"));
}
