//! An `init` is judged by what it did to the state, whoever answered its question.

use serde_json::json;

use crate::harness::{Checkout, World, tofu, write_script};

const PLAIN: &str = "resource \"terraform_data\" \"x\" {\n  input = \"{{ profile }}\"\n}\n";
const BACKEND: &str = "terraform {\n  backend \"local\" {\n    path = \"{{ root }}/.state/{{ module }}-{{ profile }}.tfstate\"\n  }\n}\n";

/// A clone with a module of the real tool whose state lies beside it; the tool's name.
fn without_backend(world: &World) -> (Checkout<'_>, &'static str) {
    let (tool, path) = tofu();
    world.link(tool, &path);
    let a = world.clone("a");
    a.write("modules/alpha/main.tf", PLAIN);
    a.write(".gitignore", "/.dist/\n/.state/\n");
    a.commit("a module of the tool");
    a.git("push -q");
    a.alias(&format!("{tool} init")).run().code(0).never_says("where it was");
    a.alias(&format!("{tool} apply -auto-approve")).run().code(0);
    (a, tool)
}

#[test]
fn an_init_that_moves_the_state_is_a_change_whatever_was_answered() {
    // Who wants no copy begins with an empty state, and what was there is a backup from then on.
    for answer in ["yes\n", "no\n"] {
        let world = World::new();
        let (a, tool) = without_backend(&world);
        let b = world.clone("b");
        a.commit_file("modules/alpha/backend.tf", BACKEND);
        let init = format!("{tool} init");
        let out = a.alias(&init).stdin(answer).run();
        out.code(0).says("the state is not where it was before the command: that counts as a change");
        let record = world.lock("alpha/prod").expect("there is a record");
        assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(a.head())), "{record}");
        assert_eq!(world.origin_at("main"), a.head());
        assert!(!a.has(".git/lockstep/moving/alpha/prod.json"));
        // A colleague whose branch lacks the commit is not let near the state that was left.
        b.git("switch -q -c older");
        b.git("push -q -u origin older");
        let out = b.alias(&format!("{tool} apply -auto-approve")).run();
        out.code(77).says("which this tree does not contain");
        // Once more it moves nothing.
        a.alias(&format!("{init} -upgrade")).run().code(0).never_says("where it was");
    }
}

#[test]
fn what_an_init_moves_finishes_no_change_that_failed() {
    let world = World::new();
    let (a, tool) = without_backend(&world);
    let broken = format!(
        "{PLAIN}resource \"terraform_data\" \"y\" {{\n  provisioner \"local-exec\" {{ command = \"false\" }}\n}}\n"
    );
    a.commit_file("modules/alpha/main.tf", &broken);
    a.alias(&format!("{tool} apply -auto-approve")).run().code(1);
    a.write("modules/alpha/main.tf", PLAIN);
    a.commit_file("modules/alpha/backend.tf", BACKEND);
    a.alias(&format!("{tool} init"))
        .stdin("yes\n")
        .run()
        .code(0)
        .says("the lock stays until a change succeeds");
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    a.alias(&format!("{tool} apply -auto-approve")).run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn what_was_moved_counts_although_the_run_did_not_live_to_see_it() {
    let world = World::new();
    let a = world.clone("a");
    write_script(
        &world.path("bin"),
        "tofu",
        &format!(
            "[ \"$1\" = init ] || exit 0\nrm {} 2>/dev/null || exit 0\n: >terraform.tfstate\nkill -9 $PPID\n",
            world.path("kill").display()
        ),
    );
    a.lockstep("build -- alpha prod").run().code(0);
    a.write(".dist/alpha/prod/terraform.tfstate", "{}\n");
    a.commit_file("modules/alpha/backend.tf", "# a backend\n");
    a.alias("tofu init").run().code(0).never_says("where it was");
    let before = world.lock("alpha/prod").expect("there is a record")["applied"].clone();
    a.write("../kill", "");
    let killed = a.alias("tofu init").run();
    assert_eq!(killed.status.code(), None, "{killed}");
    let out = a.alias("tofu plan").run();
    out.code(0).says("the state of `alpha/prod` is not where it was before a command whose run did not end");
    let record = world.lock("alpha/prod").expect("there is a record");
    assert_ne!(record["applied"], before);
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(a.head())), "{record}");
    a.alias("tofu plan").run().code(0).never_says("where it was");
}
