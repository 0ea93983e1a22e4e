//! Locks in a DynamoDB table, through the binary: the usual pipeline, what it leaves, and who wins.

use serde_json::json;

use crate::harness::{Dynamodb, Running, World, snap, wait_until};

mod errors;

#[test]
fn the_usual_pipeline_takes_the_lock_and_gives_it_back() {
    let (world, table) = Dynamodb::world();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.waits();
    let commit = a.commit_file("modules/alpha/new.tf", "# new\n");
    table.asked();
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    // Read with what may freeze it, taken for the first time, and read once more together with the branch.
    assert_eq!(table.asked(), ["BatchGetItem", "TransactWriteItems", "GetItem"]);
    let item = table.item("alpha/prod");
    for (name, value) in [("state", "held"), ("owner", "ana@host1"), ("act", "acquired")] {
        assert_eq!(item[name]["S"], value, "{item}");
    }
    assert_eq!(item["generation"]["N"], "1");
    let record = table.record("alpha/prod");
    assert_eq!((&record["program"], &record["commit"]), (&json!("tofu"), &json!(commit)));
    table.asked();
    tool.let_go();
    let out = run.finish();
    out.code(0).prints("");
    // Read once more before the push, then given back.
    assert_eq!(table.asked(), ["GetItem", "PutItem"]);
    assert_eq!(world.origin_at("main"), commit);
    let record = table.record("alpha/prod");
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(commit)));
    assert!(world.origin_refs("refs/lockstep").is_empty(), "nothing of the lock is on the git remote");
    snap!(out);
    // From the second time on one item is all that is written.
    world.tool("tofu");
    table.asked();
    a.alias("tofu apply").run().code(0);
    assert_eq!(table.asked(), ["BatchGetItem", "PutItem", "GetItem", "PutItem"]);
}

#[test]
fn a_failure_keeps_the_lock_and_its_owner_goes_on() {
    let (world, table) = Dynamodb::world();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu").exits(3);
    let failed = a.alias("tofu apply").run();
    failed.code(3);
    snap!("failed", failed);
    let refused = b.alias("tofu apply").owner("bob@host2").run();
    refused.code(75);
    snap!("refused", refused);
    world.tool("tofu");
    a.alias("tofu apply").run().code(0).says("taken over from your earlier run");
    assert_eq!(table.record("alpha/prod")["state"], "free");
    b.git("pull -q");
    b.alias("tofu apply").owner("bob@host2").run().code(0);
    assert_eq!(table.record("alpha/prod")["generation"], 3);
}

#[test]
fn what_is_held_can_be_seen_taken_away_and_frozen() {
    let (world, table) = Dynamodb::world();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu").exits(1);
    a.alias("tofu apply").run().code(1);
    table.put(&json!({"LockID": {"S": "bucket/alpha/prod-md5"}, "Digest": {"S": "x"}}));
    let listed = b.lockstep("locks").run();
    listed.code(0);
    assert!(listed.stdout().contains("alpha/prod") && !listed.stdout().contains("bucket"), "{listed}");
    b.lockstep("locks show alpha/prod").run().code(0);
    b.lockstep("unlock-any -- alpha prod").owner("bob@host2").run().code(64).says("needs a reason");
    b.lockstep("--reason gone unlock-any -- alpha prod").owner("bob@host2").run().code(0);
    b.lockstep("unlock-any -- alpha prod").owner("bob@host2").run().code(0).says("free already");
    b.lockstep("freeze --reason migration alpha/prod").owner("bob@host2").run().code(0);
    a.alias("tofu apply").run().code(75).says("migration");
    b.lockstep("thaw alpha/prod").run().code(0);
    let log = b.lockstep("log alpha/prod").run();
    log.code(0);
    let acts: Vec<_> = ["thawed", "frozen", "evicted", "failed", "acquired"]
        .iter()
        .map(|act| log.stdout().find(act).unwrap_or_else(|| panic!("no {act} in\n{log}")))
        .collect();
    assert!(acts.is_sorted(), "newest first\n{log}");
}

#[test]
fn an_evicted_run_neither_pushes_nor_releases() {
    let (world, table) = Dynamodb::world();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let tool = world.tool("tofu");
    tool.waits();
    a.commit_file("modules/alpha/new.tf", "# new\n");
    let before = world.origin_at("main");
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    b.lockstep("--reason hangs unlock-any -- alpha prod").owner("bob@host2").run().code(0);
    tool.let_go();
    let out = run.finish();
    out.code(76);
    assert_eq!(world.origin_at("main"), before, "nothing was pushed");
    assert_eq!(table.record("alpha/prod")["act"], "evicted");
    snap!(out);
}

#[test]
fn a_branch_that_moved_between_check_and_lock_is_refused_and_the_lock_given_back() {
    let (world, table) = Dynamodb::world();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let pause = world.tool("pause");
    pause.waits();
    world.tool("tofu");
    let words = "build git-check pause: lock exec git-push unlock-any -- alpha prod tofu apply";
    let mut run = a.lockstep(words).start();
    run.wait_for(pause.started());
    b.publish("modules/alpha/main.tf", "# moved\n");
    pause.let_go();
    let out = run.finish();
    out.code(77);
    assert_eq!(world.called(), ["pause"]);
    let record = table.record("alpha/prod");
    assert_eq!((&record["state"], &record["act"]), (&json!("free"), &json!("given_back")));
    snap!(out);
}

#[test]
fn a_branch_that_moved_while_the_tool_ran_refuses_the_push_and_keeps_the_lock() {
    let (world, table) = Dynamodb::world();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let tool = world.tool("tofu");
    tool.waits();
    a.commit_file("modules/alpha/new.tf", "# new\n");
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    b.publish("modules/beta/main.tf", "# moved\n");
    tool.let_go();
    run.finish().code(79);
    assert_eq!(table.record("alpha/prod")["state"], "failed");
    // The way out that is offered.
    a.git("pull -q --rebase");
    a.lockstep("build git-check lock git-push unlock -- alpha prod").run().code(0);
    let record = table.record("alpha/prod");
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(a.head())));
}

#[test]
fn a_connection_that_breaks_around_a_write_is_resolved() {
    let (world, table) = Dynamodb::world();
    let a = world.clone("a");
    world.tool("tofu");
    for fault in ["before", "after", "torn"] {
        table.faults(&json!([{"at": "PutItem", "times": 1, "do": fault}]));
        a.alias("tofu apply").run().code(0);
        assert_eq!(table.record("alpha/prod")["state"], "free", "{fault}");
        // The answer to giving it back.
        table.faults(&json!([{"at": "PutItem", "skip": 1, "times": 1, "do": fault}]));
        a.alias("tofu apply").run().code(0);
        assert_eq!(table.record("alpha/prod")["state"], "free", "{fault}");
    }
    assert_eq!(table.record("alpha/prod")["generation"], 6);
    assert_eq!(world.called().len(), 6);
}

#[test]
fn a_lock_in_a_table_is_waited_for_as_any_other() {
    let (world, table) = Dynamodb::world();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let tool = world.tool("holder");
    tool.waits();
    let mut first = a.alias("holder apply").start();
    first.wait_for(tool.started());
    world.tool("tofu");
    let waiting = "--wait 60s build git-check lock exec git-push unlock-any -- alpha prod tofu apply";
    let mut second = b.lockstep(waiting).owner("bob@host2").start();
    second.wait_for_text("waiting");
    tool.let_go();
    first.finish().code(0);
    second.finish().code(0).says("taken after waiting");
    assert_eq!(table.record("alpha/prod")["owner"], "bob@host2");
}

#[test]
fn twenty_four_runs_race_and_one_wins_each_round() {
    const RUNS: usize = 24;
    let (world, table) = Dynamodb::world();
    let clones: Vec<_> = (0..RUNS).map(|n| world.clone(&format!("clone{n}"))).collect();
    for round in 0..3_u32 {
        let go = world.sign(&format!("go{round}"));
        world.tool("tofu").does(json!([{ "await": go }]));
        let start = |n: usize| clones[n].alias("tofu apply").owner(&format!("owner{n}@host{n}")).start();
        let mut runs: Vec<_> = (0..RUNS).map(start).collect();
        wait_until("all but the winner to end", || {
            runs.iter_mut().filter_map(|run| run.has_ended().then_some(())).count() >= RUNS - 1
        });
        std::fs::write(&go, "").expect("the world is writable");
        let mut ended: Vec<_> = runs.into_iter().map(Running::finish).collect();
        ended.sort_by_key(|out| out.status.code());
        ended[0].code(0);
        for loser in &ended[1..] {
            loser.code(75).says("owner");
        }
        assert_eq!(world.calls().len(), usize::try_from(round).expect("small") + 1, "one tool a round");
        assert_eq!(table.record("alpha/prod")["generation"], round + 1);
    }
}

#[test]
fn nothing_secret_is_told_or_kept() {
    let (world, table) = Dynamodb::world();
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    let out = a.lockstep("-v build git-check lock exec unlock -- alpha prod tofu apply -var x=hunter2").run();
    out.code(1).never_says("hunter2").never_says("AKIATEST");
    assert!(!table.item("alpha/prod").to_string().contains("hunter2"));
    for journal in a.journals() {
        assert!(!std::fs::read_to_string(journal).expect("readable").contains("hunter2"));
    }
}

#[test]
fn region_and_credentials_may_come_from_a_profile() {
    let (world, table) = Dynamodb::world_with("profile = \"team\"\n");
    let a = world.clone("a");
    world.tool("tofu");
    let write = |world: &World, name: &str, text: &str| {
        std::fs::create_dir_all(world.path("home/.aws")).expect("the world is writable");
        std::fs::write(world.path("home/.aws").join(name), text).expect("the world is writable");
    };
    write(&world, "config", "[profile team]\nregion = eu-west-1\n");
    write(&world, "credentials", "[team]\naws_access_key_id = AKIATEST\naws_secret_access_key = hunter2\n");
    a.alias("tofu apply").run().code(0);
    assert_eq!(table.record("alpha/prod")["state"], "free");
    // A program that gives credentials.
    let given = "{\"Version\": 1, \"AccessKeyId\": \"AKIATEST\", \"SecretAccessKey\": \"hunter2\"}";
    write(&world, "given.json", given);
    let file = world.path("home/.aws/given.json");
    let process =
        format!("[profile team]\nregion = eu-west-1\ncredential_process = cat {}\n", file.display());
    write(&world, "config", &process);
    write(&world, "credentials", "");
    a.alias("tofu apply").run().code(0);
}
