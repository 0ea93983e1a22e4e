//! Several workflows of stages, or several profiles, one after the other.

use crate::harness::World;
use crate::stages::project;

fn made(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path("bin/calls")).unwrap_or_default();
    let _ = std::fs::remove_file(world.path("bin/calls"));
    text.lines()
        .filter(|line| line.contains("apply") || line.contains("destroy"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_workflow_is_made_in_several_profiles_one_after_the_other() {
    let world = World::new();
    let a = project(&world);
    a.write("profiles/base.toml", "abstract = true\n");
    a.commit("A profile that nothing runs in");
    a.git("push -q");
    let out = a.lockstep("create -- cluster *").run();
    out.code(0).says("cluster/dev (1 of 2)\n").says("cluster/prod (2 of 2)\n").never_says("base");
    assert_eq!(made(&world).len(), 6);
    for key in ["network/dev", "cluster.large/dev", "network/prod"] {
        assert_eq!(world.lock_state(key), "free");
    }
    a.lockstep("--dry-run delete -- * prod,dev").run().code(0).says("cluster/dev").says("cluster/prod");
    a.lockstep("delete -- cl* prod,dev").run().code(0).says("cluster/prod (2 of 2)");
    assert_eq!(made(&world).len(), 6);
}

#[test]
fn after_a_failure_no_other_is_begun_unless_that_is_said() {
    let world = World::new();
    let a = project(&world);
    std::fs::write(world.path("bin/broken-cluster.small"), "").expect("writable");
    let out = a.lockstep("create -- cluster prod,dev").run();
    out.code(3).says("not begun after that failure: cluster/prod");
    assert_eq!((world.lock_state("network/dev").as_str(), world.lock("network/prod")), ("failed", None));
    a.lockstep("create --resume -- cluster prod,dev")
        .run()
        .code(64)
        .says("it is for one workflow in one profile");
    let out = a.lockstep("--keep-going create -- cluster prod,dev").run();
    out.code(3).says("cluster/prod (2 of 2)").never_says("not begun after");
    assert_eq!(world.lock_state("network/prod"), "failed");
}

#[test]
fn only_what_is_affected_is_made() {
    let world = World::new();
    let a = project(&world);
    let affected = |change: (&str, &str), expected: &[&str]| {
        let before = if a.has(change.0) { Some(a.read(change.0)) } else { None };
        a.write(change.0, change.1);
        let out = a.lockstep("--affected=HEAD --dry-run create -- * prod,dev").run();
        out.code(0);
        for stack in ["cluster/dev", "cluster/prod"] {
            assert_eq!(out.stderr().contains(stack), expected.contains(&stack), "{change:?}\n{out}");
        }
        match before {
            Some(text) => a.write(change.0, text),
            None => std::fs::remove_file(a.path(change.0)).expect("written"),
        }
    };
    let both = ["cluster/dev", "cluster/prod"];
    affected(("README.md", "text\n"), &[]);
    affected(("modules/alpha/main.tf", "another module\n"), &[]);
    affected(("workflows/other.toml", "steps = [\"build\"]\n"), &[]);
    affected(("modules/nodes/more.txt", "of a stage\n"), &both);
    affected(("profiles/prod.toml", "[params]\nregion = \"x\"\n"), &both);
    let cluster = a.read("workflows/cluster.toml");
    affected(("workflows/cluster.toml", &format!("{cluster}# more\n")), &both);
    let out = a.lockstep("--affected=HEAD create -- cluster prod").run();
    out.code(0).says("nothing to do: none of the selected workflows is affected");
    assert!(made(&world).is_empty());
    a.write("modules/network/more.txt", "changed\n");
    a.lockstep("--affected=HEAD create -- cluster prod").run().code(0).says("cluster/prod (1 of 1)");
    assert_eq!(made(&world).len(), 3);
}

#[test]
fn what_selects_nothing_is_told() {
    let world = World::new();
    let a = project(&world);
    a.lockstep("create -- nosuch* prod").run().code(64).says("`nosuch*` selects no workflow");
    a.lockstep("create -- cluster no*").run().code(64).says("`no*` selects no profile");
    a.lockstep("create -- cluster prod,nosuch").run().code(64).says("there is no profile `nosuch`");
}
