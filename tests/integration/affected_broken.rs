//! Units that cannot be rendered, where it is asked which units a change affects: they are named, and
//! only who selects them has to do with them.

use crate::harness::{World, snap};

#[test]
fn who_does_not_select_what_cannot_be_rendered_is_not_kept_back() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/more.tf", "changed\n");
    a.write("modules/bad/main.tf", "{{ nope }}\n");
    a.lockstep("--affected build -- alpha prod").run().code(0).says("2 written").never_says("nope");
    assert!(a.has(".dist/alpha/prod/more.tf"));
    for words in ["--affected build -- * prod", "--affected --dry-run build exec -- bad prod true"] {
        let out = a.lockstep(words).run();
        out.code(78).says("error: `bad/prod` cannot be rendered: modules/bad/main.tf:1: `nope` is undefined");
        out.says("hint: give it a value under [params]").says("'*,!bad'").says("lockstep affected");
    }
    // What is offered does it.
    a.lockstep("--affected build --").args(["*,!bad", "prod"]).run().code(0);
    a.lockstep("--affected build -- alpah prod").run().code(64).says("did you mean `alpha`?");
    a.lockstep("--affected=nowhere build -- alpha prod").run().code(64).says("there is no commit `nowhere`");
    let out = a.lockstep("affected").run();
    out.code(78);
    snap!(out);
}

#[test]
fn one_mistake_in_many_units_is_told_once_with_the_first_of_them() {
    let world = World::new();
    let a = world.clone("a");
    for module in ["bad", "beta", "gamma", "delta"] {
        a.write(format!("modules/{module}/main.tf"), "x\n");
    }
    a.write("profiles/prod.toml", "\n[parms]\n");
    a.write("profiles/dev.toml", "");
    let out = a.lockstep("affected").run();
    out.code(78);
    out.says("`alpha/prod`, `bad/prod`, `beta/prod` and 2 more cannot be rendered: profiles/prod.toml:2: ");
    assert_eq!(out.stderr().matches("profiles/prod.toml").count(), 1, "{out}");
    assert!(out.stdout().contains("bad/dev"), "{out}");
}
