//! Staged workflows: one lock around all stages, outputs of one in the parameters of the next, and
//! going on after a failure, or a sudden end, with the word that did not finish.

use serde_json::Value;

use crate::harness::{Checkout, World, snap, wait_until, write_script};

/// Tells its outputs from what it was rendered with; `applied` fails where a file says so.
const TOFU: &str = "\
here=\"${0%/*}\"
state=\"../../../.state/$LOCKSTEP_MODULE-$LOCKSTEP_PROFILE\"
echo \"$LOCKSTEP_MODULE: $*\" >> \"$here/calls\"
case $1 in
apply)
  [ -e \"$here/broken-$LOCKSTEP_MODULE\" ] && { echo 'no quota' >&2; exit 3; }
  if [ -e \"$here/slow\" ]; then echo $$ > \"$here/pid.new\"; mv \"$here/pid.new\" \"$here/pid\"; exec sleep 600; fi
  mkdir -p ../../../.state; cp outputs.json \"$state\" ;;
destroy) rm -f \"$state\" ;;
output) if [ -e \"$state\" ]; then cat \"$state\"; else echo '{}'; fi ;;
esac
";

const CLUSTER: &str = "\
description = \"A network with two groups of nodes in it\"

[[create]]
name = \"network\"
run = [\"tofu:init\", \"tofu:apply:-auto-approve\"]

[[create]]
name = \"small\"
module = \"nodes\"
needs = [\"network\"]
params = { network_id = \"{{ outputs.network.id }}\", count = 1 }
run = [\"tofu:init\", \"tofu:apply:-auto-approve\"]

[[create]]
name = \"large\"
module = \"nodes\"
needs = [\"small\"]
params = { network_id = \"{{ outputs.network.id }}\", count = \"{{ outputs.small.count * 5 }}\" }
run = [\"tofu:init\", \"tofu:apply:-auto-approve\"]

[[delete]]
name = \"network\"
needs = [\"small\", \"large\"]
run = [\"tofu:destroy\"]

[[delete]]
name = \"large\"
module = \"nodes\"
params = { network_id = \"{{ outputs.network.id }}\", count = 0 }
run = [\"tofu:destroy\"]

[[delete]]
name = \"small\"
module = \"nodes\"
params = { network_id = \"{{ outputs.network.id }}\", count = 0 }
run = [\"tofu:destroy\"]
";

pub(super) fn project(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    a.write("modules/network/outputs.json", "{ \"id\": \"net-{{ module }}-{{ profile }}\" }\n");
    a.write("modules/nodes/outputs.json", "{ \"count\": {{ count }}, \"in\": {{ network_id | tojson }} }\n");
    a.write("workflows/cluster.toml", CLUSTER);
    a.write(".gitignore", "/.dist/\n/.state/\n");
    a.commit("Stages");
    a.git("push -q");
    write_script(&world.path("bin"), "tofu", TOFU);
    a
}

fn calls(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path("bin/calls")).unwrap_or_default();
    let _ = std::fs::remove_file(world.path("bin/calls"));
    text.lines().map(str::to_owned).collect()
}

const KEYS: [&str; 3] = ["network/prod", "cluster.small/prod", "cluster.large/prod"];

fn states(world: &World) -> Vec<String> {
    KEYS.iter().map(|key| world.lock_state(key)).collect()
}

#[test]
fn a_thing_is_made_and_taken_away_stage_by_stage() {
    let world = World::new();
    let a = project(&world);
    let out = a.lockstep("git-check create git-push -- cluster prod").run();
    out.code(0);
    snap!("create", out);
    let expected = [
        "network: init",
        "network: apply -auto-approve",
        "network: output -json",
        "cluster.small: init",
        "cluster.small: apply -auto-approve",
        // Between stages outputs are read anew.
        "cluster.small: output -json",
        "network: output -json",
        "cluster.large: init",
        "cluster.large: apply -auto-approve",
    ];
    assert_eq!(calls(&world), expected);
    assert_eq!(
        a.read(".dist/cluster.large/prod/outputs.json"),
        "{ \"count\": 5, \"in\": \"net-network-prod\" }\n"
    );
    assert_eq!(states(&world), ["free"; 3]);
    let applied = world.lock_history("cluster.small/prod");
    assert_eq!(applied[0]["applied"].as_str(), Some(a.head().as_str()));
    assert_eq!(applied[1]["unit"], "cluster/prod");

    let out = a.lockstep("create --resume -- cluster prod").run();
    out.code(64);
    snap!("nothing_to_resume", out);
    let out = a.lockstep("delete -- cluster prod").run();
    out.code(0);
    snap!("delete", out);
    let calls = calls(&world);
    let done: Vec<&String> = calls.iter().filter(|call| !call.contains("output")).collect();
    assert_eq!(done, ["cluster.large: destroy", "cluster.small: destroy", "network: destroy"]);
    assert_eq!(states(&world), ["free"; 3]);
}

#[test]
fn a_failing_stage_ends_the_whole_and_resume_goes_on_there() {
    let world = World::new();
    let a = project(&world);
    std::fs::write(world.path("bin/broken-cluster.small"), "").expect("writable");
    let out = a.lockstep("create -- cluster prod").run();
    out.code(3);
    snap!("failed", out);
    assert_eq!(states(&world), ["failed"; 3]);
    let other = world.clone("b");
    other.lockstep("build lock true: unlock -- network prod").owner("bob@host2").run().code(75);
    a.lockstep("delete --resume -- cluster prod")
        .run()
        .code(64)
        .says("lockstep create --resume -- cluster prod");
    let _ = calls(&world);

    std::fs::remove_file(world.path("bin/broken-cluster.small")).expect("written");
    let out = a.lockstep("create --resume -- cluster prod").run();
    out.code(0);
    snap!("resumed", out);
    let calls = calls(&world);
    let done: Vec<&String> = calls.iter().filter(|call| !call.contains("output")).collect();
    assert_eq!(
        done,
        ["cluster.small: apply -auto-approve", "cluster.large: init", "cluster.large: apply -auto-approve"]
    );
    assert_eq!(states(&world), ["free"; 3]);
}

#[test]
fn a_run_that_is_killed_is_gone_on_with() {
    let world = World::new();
    let a = project(&world);
    std::fs::write(world.path("bin/slow"), "").expect("writable");
    let mut run = a.lockstep("create -- cluster prod").start();
    run.wait_for(world.path("bin/pid"));
    assert_eq!(run.kill().status.code(), None);
    let pid: i32 =
        std::fs::read_to_string(world.path("bin/pid")).expect("written").trim().parse().expect("a pid");
    let tool = rustix::process::Pid::from_raw(pid).expect("a pid");
    rustix::process::kill_process(tool, rustix::process::Signal::KILL).expect("it lives until now");
    std::fs::remove_file(world.path("bin/slow")).expect("written");
    let _ = calls(&world);
    // What the tool had started holds the lock for as long as it lives.
    wait_until("the locks to be the owner's again", || {
        let out = a.lockstep("create --resume -- cluster prod").run();
        assert!([0, 75].contains(&out.status.code().unwrap_or(-1)), "{out}");
        out.status.code() == Some(0)
    });
    assert_eq!(calls(&world)[0], "network: apply -auto-approve");
    assert_eq!(states(&world), ["free"; 3]);
}

#[test]
fn a_missing_output_stops_a_stage_before_it_runs_and_from_begins_where_it_is_told() {
    let world = World::new();
    let a = project(&world);
    let out = a.lockstep("create --from small -- cluster prod").run();
    out.code(78);
    snap!("missing_output", out);
    assert_eq!(calls(&world), ["network: output -json"]);
    assert_eq!(states(&world), ["free"; 3], "nothing was done");
    let out = a.lockstep("create --from smal -- cluster prod").run();
    out.code(64);
    snap!("unknown_stage", out);
    a.lockstep("create -- cluster prod").run().code(0);
    let _ = calls(&world);
    a.lockstep("create --from large -- cluster prod").run().code(0);
    assert!(calls(&world).contains(&"cluster.large: apply -auto-approve".to_owned()));
}

#[test]
fn everything_is_checked_before_the_first_stage() {
    let world = World::new();
    let a = project(&world);
    for (name, from, to) in [
        ("not_needed", "needs = [\"network\"]", "needs = []"),
        ("unknown_need", "needs = [\"small\"]", "needs = [\"smal\"]"),
        ("unknown_output", "outputs.small.count", "outputs.tiny.count"),
        ("unknown_word", "[\"tofu:destroy\"]", "[\"destroy\"]"),
        ("unfit_word", "[\"tofu:destroy\"]", "[\"git-push\"]"),
        ("unknown_module", "module = \"nodes\"", "module = \"node\""),
        ("gone_by_then", "needs = [\"small\", \"large\"]", "needs = [\"small\"]"),
        ("circle", "needs = [\"network\"]", "needs = [\"large\"]"),
    ] {
        a.write("workflows/cluster.toml", CLUSTER.replacen(from, to, 1));
        let out = a.lockstep("create -- cluster prod").run();
        assert!(out.status.code().is_some_and(|code| code == 78 || code == 64), "{name}: {out}");
        snap!(format!("checked_{name}"), out);
    }
    a.write("workflows/cluster.toml", CLUSTER.replacen("\"tofu:init\"", "\"no-such-tool:init\"", 1));
    a.lockstep("create -- cluster prod").run().code(127);
    // Whoever takes it away needs no program that would make it.
    a.lockstep("--dry-run delete -- cluster prod").run().code(0);
    a.write("workflows/cluster.toml", CLUSTER);
    for (line, code, says) in [
        ("create -- alpha prod", 64, "known workflows of stages: cluster"),
        ("create -- clustre prod", 64, "did you mean `cluster`?"),
        ("build create -- cluster prod", 64, "`build` means nothing to workflow `cluster`"),
        ("create delete -- cluster prod", 64, "one line makes a thing or takes it away"),
        ("create create -- cluster prod", 64, "`create` stands twice"),
        ("build --resume -- alpha prod", 64, "only `create` and `delete` have stages"),
        ("true: create -- cluster prod", 64, "`true` means nothing to workflow `cluster`"),
        ("cluster -- alpha prod", 64, "lockstep create -- cluster PROFILE"),
        ("create cluster prod", 64, "lockstep create -- cluster prod"),
        ("create --check -- cluster prod", 64, "`--check` is for a pipeline of `build` alone"),
        ("create --affected -- cluster prod", 0, "none of the selected workflows is affected"),
        ("create -- cluster prd", 64, "did you mean `prod`?"),
        ("create -- cluster prod tofu", 64, "nothing takes the arguments tofu"),
        ("unlock create -- cluster prod", 64, "unlock"),
    ] {
        a.lockstep(line).run().code(code).says(says);
    }
    assert!(calls(&world).is_empty());
    assert!(world.origin_refs("refs/lockstep/").is_empty(), "no lock was taken");
    let out = a.lockstep("--dry-run git-check create git-push -- cluster prod").run();
    out.code(0);
    snap!("dry_run", out);
    let out = a.lockstep("list workflows").run();
    out.code(0);
    snap!("list", out);
}

#[test]
fn a_workflow_of_other_stages_is_not_resumed_and_its_locks_can_be_given_up() {
    let world = World::new();
    let a = project(&world);
    std::fs::write(world.path("bin/broken-cluster.small"), "").expect("writable");
    a.lockstep("create -- cluster prod").run().code(3);
    a.write("workflows/cluster.toml", CLUSTER.replacen("name = \"large\"", "name = \"huge\"", 1));
    let out = a.lockstep("create --resume -- cluster prod").run();
    out.code(64);
    snap!("other_stages", out);
    a.write("workflows/cluster.toml", CLUSTER);
    let out = a.lockstep("unlock-any -- cluster prod").run();
    out.code(0);
    assert_eq!(states(&world), ["free"; 3]);
}

#[test]
fn after_a_refused_push_what_is_offered_pushes_and_gives_the_locks_back() {
    let world = World::new();
    let a = project(&world);
    a.commit_file("notes", "to be pushed\n");
    a.hook("pre-push", "exit 1\n");
    let out = a.lockstep("git-check create git-push -- cluster prod").run();
    out.code(79);
    snap!("push_refused", out);
    assert_eq!(states(&world), ["failed"; 3]);
    std::fs::remove_file(a.path(".git/hooks/pre-push")).expect("a hook");
    a.lockstep("git-check lock git-push unlock -- cluster prod").run().code(0);
    assert_eq!(states(&world), ["free"; 3]);
    assert_eq!(world.origin_at("main"), a.head());
}

#[test]
fn stages_are_events_and_stand_in_the_report() {
    let world = World::new();
    let a = project(&world);
    std::fs::write(world.path("bin/broken-cluster.small"), "").expect("writable");
    let run = |words: &str, code: i32| {
        let [events, report] = ["events", "report.json"].map(|name| world.path("tmp").join(name));
        let _ = std::fs::remove_file(&events);
        let cmd = a.lockstep("--events").arg(&events).arg("--report").arg(&report).words(words);
        cmd.run().code(code);
        let text = std::fs::read_to_string(&events).expect("events were asked for");
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let report = std::fs::read_to_string(&report).expect("a report was asked for");
        (events, serde_json::from_str::<Value>(&report).expect("JSON"))
    };
    let told = |events: &[Value]| -> Vec<String> {
        let of_stages = events.iter().filter(|event| event["stage"].is_string());
        let text = |value: &Value| value.as_str().map(|text| format!(" {text}")).unwrap_or_default();
        of_stages
            .map(|event| {
                assert_eq!((&event["whole"], &event["count"]), (&"cluster/prod".into(), &3.into()));
                let kind = event["event"].as_str().expect("a kind");
                let more = text(&event["stopped_at"]) + &text(&event["reason"]);
                format!("{kind} {}{}{more}", event["number"], text(&event["unit"]))
            })
            .collect()
    };
    let stages = |report: &Value| -> Vec<String> {
        let stages = report["units"][0]["stages"].as_array().expect("stages").iter();
        stages
            .map(|stage| {
                let steps = stage["steps"].as_array().expect("steps").iter();
                let steps: Vec<&str> = steps.filter_map(|step| step["step"].as_str()).collect();
                format!("{} {}: {}", stage["stage"], stage["result"], steps.join(", ")).replace('"', "")
            })
            .collect()
    };
    let (events, report) = run("create -- cluster prod", 3);
    assert_eq!(
        told(&events),
        [
            "stage_started 1 network/prod",
            "stage_finished 1 network/prod",
            "stage_started 2 cluster.small/prod",
            "stage_finished 2 cluster.small/prod tofu apply",
            "stage_skipped 3 cluster.large/prod stage `small` has failed",
        ]
    );
    assert!(!format!("{events:?}").contains("-auto-approve"), "events hold no arguments");
    assert_eq!(
        stages(&report),
        [
            "network done: build, tofu init, tofu apply",
            "small failed: build, tofu init, tofu apply",
            "large left_out: ",
        ]
    );
    let steps: Vec<&str> = report["units"][0]["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["step"].as_str())
        .collect();
    assert_eq!(steps, ["lock", "create"], "those of stages are theirs");
    let told_of = |unit: &str| a.lockstep(&format!("describe --json -- {unit} prod")).run().stdout();
    let end =
        |unit: &str| serde_json::from_str::<Value>(&told_of(unit)).expect("JSON")["last_run"]["end"].clone();
    assert_eq!((&end("network")["code"], &end("cluster.small")["code"]), (&0.into(), &3.into()));
    assert!(end("cluster.large").is_null());

    std::fs::remove_file(world.path("bin/broken-cluster.small")).expect("written");
    let (events, report) = run("create --resume -- cluster prod", 0);
    assert_eq!(told(&events)[0], "stage_skipped 1 network/prod it was done before");
    assert_eq!(events.iter().find(|event| event["event"] == "stage_skipped").expect("one")["done"], true);
    assert_eq!(
        stages(&report),
        [
            "network done_before: ",
            "small done: build, tofu apply",
            "large done: build, tofu init, tofu apply"
        ]
    );
    let (_, report) = run("create --from large -- cluster prod", 0);
    assert_eq!(stages(&report)[..2], ["network left_out: ", "small left_out: "]);
    let (_, report) = run("build -- alpha prod", 0);
    assert_eq!(report["units"][0]["stages"], serde_json::json!([]));
}
