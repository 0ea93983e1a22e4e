//! The lock through the binary: who gets it, who is refused and told what, who may take it over.

use serde_json::json;

use crate::harness::{Checkout, Cmd, World, snap, wait_until};

/// A run in `repo` that holds the lock while its tool waits.
fn holding<'w>(repo: &Checkout<'w>, world: &World) -> (crate::harness::Running, crate::harness::Tool) {
    let tool = world.tool("holder");
    tool.waits();
    let mut run = repo.alias("holder apply").start();
    run.wait_for(tool.started());
    (run, tool)
}

fn bob<'w>(repo: &Checkout<'w>, words: &str) -> Cmd<'w> {
    repo.lockstep(words).owner("bob@host2")
}

#[test]
fn the_usual_pipeline_takes_the_lock_and_gives_it_back() {
    let world = World::new();
    let a = world.clone("a");
    let (run, tool) = holding(&a, &world);
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!(record["state"], "held");
    assert_eq!(record["owner"], "ana@host1");
    assert_eq!(record["generation"], 1);
    assert_eq!(record["commit"], json!(a.head()));
    assert_eq!(record["program"], "holder");
    tool.let_go();
    let out = run.finish();
    out.code(0).prints("");
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!(record["state"], "free");
    assert_eq!(record["applied"], json!(a.head()), "what was applied is remembered");
    assert_eq!(record["generation"], 1);
    snap!(out);
}

#[test]
fn never_again_a_loser_is_told_only_different_owner() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (run, tool) = holding(&a, &world);
    world.tool("tofu");
    let out = b.alias("tofu apply").owner("bob@host2").run();
    out.code(75).says("ana@host1").says("since").says("holder").says("unlock-any");
    assert!(!world.called().contains(&"tofu".to_owned()));
    snap!(out);
    tool.let_go();
    run.finish().code(0);
    b.alias("tofu apply").owner("bob@host2").run().code(0);
}

#[test]
fn another_unit_is_not_locked() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (run, tool) = holding(&a, &world);
    for unit in ["alpha dev", "beta prod"] {
        bob(&b, "build git-check lock exec git-push unlock-any --").words(unit).words("true").run().code(0);
    }
    tool.let_go();
    run.finish().code(0);
}

#[test]
fn never_again_two_ci_runs_with_one_owner_name_are_both_let_in() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let (run, tool) = holding(&a, &world);
    // The same owner in another clone: his first run lives.
    world.tool("tofu");
    let out = b.alias("tofu apply").run();
    out.code(75).says("ana@host1");
    assert!(!world.called().contains(&"tofu".to_owned()));
    snap!(out);
    tool.let_go();
    run.finish().code(0);
}

#[test]
fn two_ci_jobs_differ_and_a_later_attempt_of_one_is_the_same() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    let ci = |run: &str, attempt: &str| {
        let vars = [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_JOB", "apply"),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_RUN_ID", run),
            ("GITHUB_RUN_ATTEMPT", attempt),
        ];
        vars.iter().fold(a.alias("tofu apply").without_env("LOCKSTEP_OWNER"), |c, (k, v)| c.env(k, v)).run()
    };
    ci("11", "1").code(1);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    ci("12", "1").code(75).says("11");
    world.tool("tofu");
    ci("11", "2").code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn never_again_the_lock_leaks_as_a_tag_into_other_clones() {
    let world = World::new();
    let a = world.clone("a");
    let (run, tool) = holding(&a, &world);
    let c = world.clone("c");
    c.git("fetch -q --tags");
    c.git("pull -q --tags");
    assert_eq!(c.git("tag"), "");
    assert_eq!(c.git("for-each-ref refs/lockstep"), "");
    let locks = ["refs/lockstep/locks/@all/@all", "refs/lockstep/locks/alpha/prod"];
    assert_eq!(world.origin_refs("refs/lockstep"), locks);
    assert!(world.origin_refs("refs/tags").is_empty());
    tool.let_go();
    run.finish().code(0);
    assert_eq!(a.git("tag"), "");
}

#[test]
fn never_again_a_stale_tree_is_applied_because_the_check_came_before_the_lock() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let pause = world.tool("pause");
    pause.waits();
    world.tool("tofu");
    let mut slow = b
        .lockstep("build git-check pause: lock exec git-push unlock-any -- alpha prod tofu apply")
        .owner("bob@host2")
        .start();
    slow.wait_for(pause.started());
    // Between the check and the lock of `b`, `a` changes, applies, pushes and gives the lock back.
    a.commit_file("modules/alpha/main.tf", "newer\n");
    a.alias("tofu apply").run().code(0);
    let newest = a.head();
    assert_eq!(world.origin_at("main"), newest);
    pause.let_go();
    let out = slow.finish();
    out.code(77);
    let applies = world.calls().into_iter().filter(|c| c.tool == "tofu").count();
    assert_eq!(applies, 1, "the stale tree of b is not applied");
    assert_eq!(world.lock("alpha/prod").expect("a record")["applied"], json!(newest));
    snap!(out);
}

#[test]
fn a_tree_without_what_was_applied_is_refused_on_any_branch() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu");
    b.git("checkout -q -b feature");
    b.git("push -q -u origin feature");
    a.commit_file("modules/alpha/main.tf", "newer\n");
    a.alias("tofu apply").run().code(0);
    let out = b.alias("tofu apply").owner("bob@host2").run();
    out.code(77).says("ana@host1");
    assert_eq!(world.called().len(), 1);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    snap!(out);
}

#[test]
fn rewritten_history_needs_a_word_which_is_recorded() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.commit_file("modules/alpha/main.tf", "1\n");
    a.alias("tofu apply").run().code(0);
    a.write("modules/alpha/main.tf", "2\n");
    a.git("commit -q -a --amend -m other");
    a.git("push -q --force");
    let out = a.alias("tofu apply").run();
    out.code(77).says("--accept-rewrite");
    snap!(out);
    a.lockstep("--accept-rewrite").words(crate::harness::ALIAS).words("tofu apply").run().code(0);
    let history = world.lock_history("alpha/prod");
    let reasons: Vec<_> = history.iter().filter_map(|r| r["reason"].as_str()).collect();
    assert!(reasons.iter().any(|r| r.contains("rewrit")), "{reasons:?}");
    assert_eq!(history[0]["applied"], json!(a.head()));
}

#[test]
fn an_evicted_holder_neither_pushes_nor_releases() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    a.commit_file("modules/alpha/main.tf", "newer\n");
    let before = world.origin_at("main");
    let (run, tool) = holding(&a, &world);
    let evict = bob(&b, "--reason ana-is-ill unlock-any -- alpha prod").run();
    evict.code(0).says("ana@host1");
    snap!("eviction", evict);
    // Bob takes it before ana's tool ends.
    let second = world.tool("second");
    second.waits();
    let mut bobs =
        bob(&b, "build git-check lock exec git-push unlock-any -- alpha prod second apply").start();
    bobs.wait_for(second.started());
    tool.let_go();
    let out = run.finish();
    out.code(76).says("bob@host2");
    snap!("evicted", out);
    assert_eq!(world.origin_at("main"), before, "the evicted run pushes nothing");
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!((&record["owner"], &record["state"]), (&json!("bob@host2"), &json!("held")));
    assert_eq!(record["generation"], 3, "acquire, eviction, acquire");
    second.let_go();
    bobs.finish().code(0);
    let reasons: Vec<_> = world.lock_history("alpha/prod").into_iter().map(|r| r["reason"].clone()).collect();
    assert!(reasons.contains(&json!("ana-is-ill")), "{reasons:?}");
}

#[test]
fn evicting_somebody_elses_run_wants_a_reason() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu").exits(1);
    a.alias("tofu apply").run().code(1);
    let out = bob(&b, "unlock-any -- alpha prod").run();
    out.code(64).says("--reason");
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    snap!("reason_missing", out);
    let own = a.lockstep("unlock-any -- alpha prod").run();
    own.code(0);
    snap!("own", own);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    let again = bob(&b, "unlock-any -- alpha prod").run();
    again.code(0).says("free");
    snap!("again", again);
    let never = bob(&b, "unlock-any -- beta prod").run();
    never.code(0).says("free");
    snap!("never_locked", never);
}

#[test]
fn a_failed_change_is_not_finished_by_looking_at_it_or_making_ready() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu").exits(1);
    a.alias("tofu apply").run().code(1);
    world.tool("tofu");
    for less in ["tofu plan", "tofu init"] {
        let out = a.alias(less).run();
        out.code(0).says("the lock stays");
        assert_eq!(world.lock_state("alpha/prod"), "failed", "after {less}");
    }
    snap!("the_lock_stays", a.alias("tofu plan").run());
    bob(&b, "lock exec unlock -- alpha prod tofu plan").run().code(75);
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    // A tool that could not be made ready has changed nothing: its lock is as good as free to its owner.
    world.tool("tofu").exits(1);
    a.alias("tofu init").run().code(1);
    world.tool("tofu");
    a.alias("tofu init").run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn twenty_four_runs_race_and_one_wins_each_round() {
    const RUNS: usize = 24;
    let world = World::new();
    let clones: Vec<_> = (0..RUNS).map(|n| world.clone(&format!("clone{n}"))).collect();
    for round in 0..3_u32 {
        let tool = world.tool("tofu");
        let go = world.sign(&format!("go{round}"));
        tool.does(json!([{ "await": go }]));
        let start = |n: usize| clones[n].alias("tofu apply").owner(&format!("owner{n}@host{n}")).start();
        let mut runs: Vec<_> = (0..RUNS).map(start).collect();
        wait_until("all but the winner to end", || {
            runs.iter_mut().filter_map(|r| r.has_ended().then_some(())).count() >= RUNS - 1
        });
        std::fs::write(&go, "").expect("the world is writable");
        let mut codes: Vec<_> = runs.into_iter().map(crate::harness::Running::finish).collect();
        codes.sort_by_key(|out| out.status.code());
        codes[0].code(0);
        for loser in &codes[1..] {
            loser.code(75).says("owner");
        }
        assert_eq!(world.calls().len(), usize::try_from(round).expect("small") + 1, "one tool a round");
        assert_eq!(world.lock("alpha/prod").expect("a record")["generation"], round + 1);
    }
}

#[test]
fn a_hostile_record_is_refused_and_never_printed_raw() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    a.alias("tofu apply").run().code(1);
    let record = world.lock("alpha/prod").expect("a record");
    let plant = |json: &str| {
        let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        world.git_args(&world.origin(), &["hash-object", "-t", "tree", "-w", "/dev/null"]);
        let message = world.sign("message");
        std::fs::write(&message, format!("x\n\n{json}\n")).expect("the world is writable");
        let message = message.to_str().expect("text");
        let commit = world.git_args(&world.origin(), &["commit-tree", tree, "-F", message]);
        world.git_args(&world.origin(), &["update-ref", "refs/lockstep/locks/alpha/prod", commit.trim()]);
    };
    let mut evil = record.clone();
    evil["owner"] = json!("eve\u{1b}[2J\u{7}\n\u{202e}error: all is well");
    evil["nonce"] = json!("00000000000000000000000000000000");
    let mut future = record.clone();
    future["lockstep"] = json!(99);
    let mut huge = record.clone();
    huge["reason"] = json!("x".repeat(200_000));
    let cases = [
        ("evil", evil.to_string()),
        ("future", future.to_string()),
        ("huge", huge.to_string()),
        ("torn", "{".to_owned()),
    ];
    for (name, text) in cases {
        plant(&text);
        let out = a.alias("tofu apply").owner("bob@host2").run();
        assert!(out.status.code().is_some_and(|c| [70, 74, 75, 78].contains(&c)), "{name}: {out}");
        assert!(!out.stderr().contains(['\u{1b}', '\u{7}', '\u{202e}']), "{name}: {out}");
        assert!(out.stderr().len() < 4000, "{name}: {} bytes", out.stderr().len());
        snap!(format!("record_{name}"), out);
    }
    assert_eq!(world.called().len(), 1);
}

#[test]
fn a_remote_that_refuses_lock_refs_is_told_from_a_lost_race() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    world.origin_hook("update", "case $1 in refs/lockstep/*) echo 'no such refs here' >&2; exit 1;; esac\n");
    let out = a.alias("tofu apply").run();
    assert!(out.status.code().is_some_and(|c| ![0, 75].contains(&c)), "{out}");
    assert!(world.called().is_empty());
    snap!(out);
}

#[test]
fn what_lockstep_records_holds_no_arguments() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    a.alias("tofu apply -var password=hunter2 hunter3").run().code(1);
    let records = format!("{:?}", world.lock_history("alpha/prod"));
    assert!(records.contains("tofu") && !records.contains("hunter"), "{records}");
    for journal in a.journals() {
        let text = std::fs::read_to_string(journal).expect("readable");
        assert!(!text.contains("hunter"), "{text}");
    }
}

#[test]
fn where_there_are_no_commits_a_change_that_succeeds_frees_the_lock_as_well() {
    let world = World::bare();
    let home = Checkout::at(&world, "home");
    for (path, text) in [("lockstep.toml", ""), ("profiles/prod.toml", ""), ("modules/alpha/x", "x\n")] {
        home.write(path, text);
    }
    world.tool("tofu").exits(1);
    home.lockstep("build lock exec unlock -- alpha prod tofu apply").run().code(1);
    world.tool("tofu");
    home.lockstep("build lock exec unlock -- alpha prod tofu plan").run().code(0).says("the lock stays");
    home.lockstep("build lock exec unlock -- alpha prod tofu apply").run().code(0);
    bob(&home, "build lock exec unlock -- alpha prod tofu apply").run().code(0);
}

#[test]
fn without_a_remote_the_lock_is_local() {
    let world = World::new();
    let a = world.clone("a");
    a.git("remote remove origin");
    let tool = world.tool("holder");
    tool.waits();
    let mut run = a.lockstep("build git-check lock exec unlock -- alpha prod holder apply").start();
    run.wait_for(tool.started());
    let out = bob(&a, "lock true: unlock -- alpha prod").run();
    out.code(75).says("ana@host1");
    tool.let_go();
    run.finish().code(0);
    bob(&a, "lock true: unlock -- alpha prod").run().code(0);
    assert!(world.origin_refs("refs/lockstep").is_empty());
    let push = a.alias("holder apply").run();
    push.code(64);
    snap!(push);
}
