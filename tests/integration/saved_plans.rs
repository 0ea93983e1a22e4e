//! A saved plan is applied only from the tree that made it, and what it destroys orders the units.

use crate::harness::{Checkout, World, tofu};

const TF: &str = "terraform {\n  backend \"local\" {\n    path = \"{{ root }}/.state/{{ module }}-{{ profile }}.tfstate\"\n  }\n}\n\
                  resource \"terraform_data\" \"x\" {\n  input = \"{{ v | default('one') }} {{ profile }}\"\n}\n";

/// A clone with a module of the real tool, applied once; the tool's name.
fn applied(world: &World) -> (Checkout<'_>, &'static str) {
    let (tool, path) = tofu();
    world.link(tool, &path);
    let a = world.clone("a");
    a.write("modules/alpha/main.tf", TF);
    a.write(".gitignore", "/.dist/\n/.state/\n");
    a.commit("a module of the tool");
    a.git("push -q");
    a.lockstep("build exec -- alpha prod").args([tool, "init"]).run().code(0);
    a.alias(&format!("{tool} apply -auto-approve")).run().code(0);
    (a, tool)
}

#[test]
fn a_saved_plan_is_applied_from_the_tree_that_made_it() {
    let world = World::new();
    let (a, tool) = applied(&world);
    a.commit_file("modules/alpha/other.txt", "two\n");
    let plan = || {
        a.lockstep("build exec -- alpha prod").args([tool, "plan", "-out=tfplan"]).run().code(0);
    };
    plan();
    a.alias(&format!("{tool} show tfplan")).run().code(0);
    a.alias(&format!("{tool} apply tfplan")).run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    assert_eq!(world.origin_at("main"), a.head());
}

#[test]
fn a_saved_plan_of_another_tree_is_refused() {
    let world = World::new();
    let (a, tool) = applied(&world);
    let apply = |says: &str| {
        let out = a.alias(&format!("{tool} apply tfplan")).run();
        out.code(77).says(says).says("plan again: lockstep build exec -- alpha prod tofu plan");
        assert_eq!(world.lock_state("alpha/prod"), "free", "no command has run");
    };
    let plan = |more: &str| {
        let words = format!("build exec -- alpha prod {tool} plan -out tfplan {more}");
        a.lockstep(words.trim_end()).run().code(0);
    };
    // Planned with what is not committed.
    let profile = a.read("profiles/prod.toml");
    a.write("profiles/prod.toml", format!("{profile}\n[modules.alpha.params]\nv = \"not committed\"\n"));
    plan("");
    a.write("profiles/prod.toml", profile);
    apply("the tree was not clean when it was made");
    // Planned, then somebody committed.
    plan("");
    a.commit_file("modules/alpha/other.txt", "three\n");
    apply("and HEAD is");
    // Planned with parameters from outside.
    a.lockstep("--set v=outside build exec -- alpha prod").args([tool, "plan", "-out=tfplan"]).run().code(0);
    apply("what is rendered now is not what it was made of");
    // Planned by hand, and unlike any of those before: within a second two plans of a tree are the same bytes.
    let directory = a.path(".dist/alpha/prod");
    world.program(tool, &directory).words("plan -destroy -out=tfplan").run().code(0);
    apply("nothing is known of the saved plan");
    // Without git-check and lock it is the user's own affair.
    a.lockstep("build exec -- alpha prod").args([tool, "apply", "tfplan"]).run().code(0);
}

#[test]
fn a_plan_that_destroys_turns_the_order_of_units() {
    let world = World::new();
    let (a, tool) = applied(&world);
    a.write("modules/net/main.tf", TF);
    a.write("modules/alpha/module.toml", "needs = [\"net\"]\n");
    a.commit("alpha needs net");
    a.git("push -q");
    let all = |words: &str| {
        a.lockstep(&format!("-y -j1 build exec -- alpha,net prod {tool} {words}")).run().code(0);
    };
    all("init");
    all("apply -auto-approve");
    let order = || {
        let out = a
            .lockstep(&format!(
                "--dry-run build git-check lock exec unlock -- alpha,net prod {tool} apply tfplan"
            ))
            .run();
        out.code(0);
        let text = format!("{}{}", out.stdout(), out.stderr());
        text.find("alpha/prod").expect("named") < text.find("net/prod").expect("named")
    };
    all("plan -out=tfplan");
    assert!(!order(), "net is built up first");
    all("plan -destroy -out=tfplan");
    assert!(order(), "what needs it goes first");
    a.lockstep(&format!("-y build git-check lock exec unlock -- alpha,net prod {tool} apply tfplan"))
        .run()
        .code(0);
}

#[test]
fn a_plan_of_files_that_something_else_has_changed_is_refused() {
    let world = World::new();
    let (a, tool) = applied(&world);
    a.commit_file("modules/alpha/other.txt", "two\n");
    let main = a.read(".dist/alpha/prod/main.tf");
    a.write(".dist/alpha/prod/main.tf", main.replace("one prod", "edited"));
    let out = a.lockstep("build exec -- alpha prod").args([tool, "plan", "-out=tfplan"]).run();
    out.code(0).says("changed by something else, and stay so").says("`main.tf`");
    a.lockstep("--force build -- alpha prod").run().code(0);
    let out = a.alias(&format!("{tool} apply tfplan")).run();
    out.code(77).says("files were left as something else had changed them");
    assert_eq!(world.lock_state("alpha/prod"), "free");
}
