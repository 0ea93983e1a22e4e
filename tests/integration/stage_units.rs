//! The unit that only a stage makes, by its name, to those who look at one unit: as `create` makes it, and
//! with what to type instead where one stage alone will not do.

use serde_json::Value;

use crate::harness::{World, snap};
use crate::stages::project;

#[test]
fn who_looks_at_one_unit_understands_that_of_a_stage() {
    let world = World::new();
    let a = project(&world);
    a.lockstep("why cluster.small/prod count")
        .run()
        .code(0)
        .prints("count = 1  # workflows/cluster.toml:11\n");
    let out = a.lockstep("why cluster.large/prod").run();
    out.code(0);
    snap!("why", out);
    let out = a.lockstep("diff -- cluster.large prod").run();
    out.code(78)
        .says("`cluster.small/prod` has no outputs here")
        .says("lockstep create --from small -- cluster prod");

    a.lockstep("create -- cluster prod").run().code(0);
    for line in ["diff -- cluster.large prod", "build --check -- cluster.large prod"] {
        a.lockstep(line).run().code(0).prints("");
    }
    let made = "{ \"count\": 5, \"in\": \"net-network-prod\" }\n";
    a.lockstep("build --print outputs.json -- cluster.large prod").run().code(0).prints(made);
    a.lockstep("validate -- cluster.large prod").run().code(0);
    let out = a.lockstep("diff --set count=6 -- cluster.large prod").run();
    out.code(0);
    assert!(out.stdout().contains("+{ \"count\": 6, "), "{out}");
    let out = a.lockstep("describe --json -- cluster.large prod").run();
    out.code(0);
    let facts: Value = serde_json::from_str(&out.stdout()).expect("JSON");
    assert_eq!(facts["unit"], "cluster.large/prod");
    assert_eq!(facts["module"], "modules/nodes");
    assert_eq!(facts["files"][0]["state"], "unknown", "outputs are not asked for");
    assert_eq!(facts["lock"]["applied"].as_str(), Some(a.head().as_str()));
    a.write(".dist/cluster.small/prod/.terraform.lock.hcl", "renewed\n");
    let out = a.lockstep("save cluster.small/prod").run();
    out.code(0)
        .says("saved .dist/cluster.small/prod/.terraform.lock.hcl to modules/nodes/.terraform.lock.hcl");
    assert_eq!(a.read("modules/nodes/.terraform.lock.hcl"), "renewed\n");
    // Where it is rendered `.` means it.
    let here = ".dist/cluster.small/prod";
    a.lockstep("why . count").cwd(here).run().code(0).prints("count = 1  # workflows/cluster.toml:11\n");
    a.lockstep("build --check -- . .").cwd(here).run().code(0).prints("");
}

#[test]
fn a_stage_of_a_profile_of_its_own_is_a_unit_there_alone() {
    let world = World::new();
    let a = project(&world);
    a.write("profiles/shared.toml", "");
    // The whole makes no unit in the profile of its one stage.
    a.write("modules/network/module.toml", "profiles = [\"prod\"]\n");
    let stage = "[[create]]\nname = \"dns\"\nmodule = \"nodes\"\nprofile = \"shared\"\nrun = [\"tofu:apply\"]\n\
        params = { network_id = \"n\", count = 4 }\n";
    a.write("workflows/cluster.toml", a.read("workflows/cluster.toml") + stage);
    let out = a.lockstep("why cluster.dns/shared count").run();
    out.code(0);
    assert!(out.stdout().starts_with("count = 4  # "), "{out}");
    let out = a.lockstep("why cluster.dns/prod").run();
    out.code(64).says("stage `dns` is for profile `shared` (workflows/cluster.toml:");
    let out = a.lockstep("tofu:plan -- cluster.dns shared").run();
    out.code(64).says("lockstep create --from dns -- cluster PROFILE");
}

#[test]
fn what_one_stage_cannot_do_alone_is_said_with_the_line_for_the_whole() {
    let world = World::new();
    let a = project(&world);
    a.lockstep("create -- cluster prod").run().code(0);
    let whole = "lockstep create --from small -- cluster prod";
    for (line, says) in [
        ("build -- cluster.small prod", whole),
        ("tofu:plan -- cluster.small prod", whole),
        ("describe tofu:plan -- cluster.small prod", whole),
        ("lock true: unlock -- cluster.small prod", whole),
        ("create -- cluster.small prod", whole),
        ("delete -- cluster.small prod", "lockstep delete --from small -- cluster prod"),
        ("unlock-any -- cluster.small prod", "lockstep unlock-any -- cluster prod"),
        ("build --check --affected -- cluster.small prod", "whatever has changed"),
        ("build -- cluster.small,network prod", "is stage `small` of workflow `cluster`, and no module"),
        ("graph cluster.small/prod", "is stage `small` of workflow `cluster`, and no module"),
        ("affected cluster.small/prod", "is stage `small` of workflow `cluster`, and no module"),
        ("why cluster/prod", "its units: network/PROFILE, cluster.small/PROFILE, cluster.large/PROFILE"),
        ("why cluster.smal/prod", "did you mean `cluster.small`?"),
        ("why cluster.small/prd", "did you mean `prod`?"),
        ("describe -- cluster.small '*'", "name one module and one profile: `-- cluster.small PROFILE`"),
        ("freeze --reason x cluster/prod", "is a workflow of stages"),
    ] {
        a.lockstep(line).run().code(64).says(says);
    }
    for (name, line) in
        [("as_a_module", "graph cluster.small/prod"), ("alone", "tofu:plan -- cluster.small prod")]
    {
        let out = a.lockstep(line).run();
        snap!(name, out);
    }
    a.write("workflows/cluster.toml", "[[create]]\nnme = \"x\"\n");
    a.lockstep("why cluster.small/prod").run().code(78).says("workflows/cluster.toml:2");
}

#[test]
fn the_locks_of_all_stages_are_one_log_and_each_can_be_frozen() {
    let world = World::new();
    let a = project(&world);
    a.lockstep("log cluster/prod").run().code(0).says("no lock of a stage of `cluster/prod` was ever taken");
    a.lockstep("create -- cluster prod").run().code(0);
    let out = a.lockstep("log --json cluster/prod").run();
    out.code(0);
    let log: Value = serde_json::from_str(&out.stdout()).expect("JSON");
    let mut keys: Vec<&str> =
        log.as_array().expect("entries").iter().filter_map(|entry| entry["key"].as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys, ["cluster.large/prod", "cluster.small/prod", "network/prod"]);
    a.lockstep("log cluster/prod -n 1").run().code(0).says("there is more: lockstep log cluster/prod -n 50");
    a.lockstep("log cluster/prd").run().code(64).says("did you mean `prod`?");
    let out = a.lockstep("locks show cluster/prod").run();
    out.code(64).says("its locks: cluster.large/prod, cluster.small/prod, network/prod");
    out.says("lockstep log cluster/prod");

    a.lockstep("freeze --reason move cluster.small/prod").run().code(0);
    a.lockstep("create -- cluster prod").run().code(75).says("lockstep thaw cluster.small/prod");
    a.lockstep("thaw cluster.small/prod").run().code(0).says("is free again");
    a.lockstep("freeze --reason move cluster.small/@all").run().code(0);
    a.lockstep("create -- cluster prod").run().code(75).says("lockstep thaw cluster.small/@all");
}

#[test]
fn completion_offers_stages_to_those_who_understand_them() {
    let world = World::new();
    let a = project(&world);
    let ask = |words: &str| {
        let words: Vec<&str> = words.split('|').collect();
        let out = a.lockstep("__complete").arg((words.len() - 1).to_string()).args(&words).run();
        out.code(0);
        out.stdout()
    };
    for line in ["lockstep|why|cluster.s", "lockstep|locks|show|cluster.s", "lockstep|save|cluster.s"] {
        assert_eq!(ask(line), "cluster.small/dev\ncluster.small/prod\n", "{line}");
    }
    assert_eq!(ask("lockstep|log|cluster/"), "cluster/dev\ncluster/prod\n");
    assert!(ask("lockstep|describe|--|").lines().any(|line| line == "cluster.small"));
    assert_eq!(ask("lockstep|describe|--|cluster.small|"), "dev\nprod\n");
    for line in ["lockstep|affected|", "lockstep|build|--|", "lockstep|graph|"] {
        let offered = ask(line);
        assert!(offered.contains("network") && !offered.contains("cluster."), "{line}: {offered}");
    }
}

#[test]
fn what_is_offered_for_an_edited_file_of_a_stage_works() {
    let world = World::new();
    let a = project(&world);
    a.lockstep("create -- cluster prod").run().code(0);
    a.write(".dist/cluster.small/prod/outputs.json", "edited\n");
    let line = "lockstep --force create --from small -- cluster prod";
    let out = a.lockstep("create -- cluster prod").run();
    out.code(78)
        .says("move what you need into `modules/nodes`")
        .says(&format!("then `{line}` overwrites them"));
    a.lockstep("build --check -- cluster.small prod").run().code(78).says(line);
    a.lockstep("--force create --from small -- cluster prod").run().code(0);
    assert_eq!(
        a.read(".dist/cluster.small/prod/outputs.json"),
        "{ \"count\": 1, \"in\": \"net-network-prod\" }\n"
    );
}
