//! The published schemas: what programs read from real runs fits them.

use jsonschema::Validator;
use serde_json::Value;

use crate::harness::{ALIAS, Checkout, World, repository};

fn schema(a: &Checkout<'_>, name: &str) -> Validator {
    let out = a.lockstep("schema").arg(name).run();
    out.code(0);
    let schema = serde_json::from_str(&out.stdout()).expect("JSON");
    jsonschema::options().offline().should_validate_formats(true).build(&schema).expect("a schema")
}

#[track_caller]
fn fits(schema: &Validator, json: &str) -> Value {
    let value: Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    let faults: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}\n{json}");
    value
}

#[test]
fn events_and_journal_of_real_runs_fit() {
    let world = World::new();
    let a = world.clone("a");
    let tofu = world.tool("tofu");
    let (events, journal) = (schema(&a, "events"), schema(&a, "journal"));
    let mut kinds = Vec::new();
    for code in [0, 3] {
        tofu.exits(code);
        a.publish("README", &format!("{code}\n"));
        let out = world.path("out/events.jsonl");
        let run = a.lockstep("--set region=x --events").arg(&out).words(ALIAS).words("tofu apply").run();
        run.code(code.into());
        for line in std::fs::read_to_string(&out).expect("written").lines() {
            kinds.push(fits(&events, line)["event"].as_str().expect("a kind").to_owned());
        }
    }
    for kind in ["run_started", "lock_taken", "command_finished", "warning", "lock_kept", "run_finished"] {
        assert!(kinds.iter().any(|seen| seen == kind), "{kind} is not in {kinds:?}");
    }
    for path in a.journals() {
        let text = std::fs::read_to_string(path).expect("readable");
        let lines: Vec<Value> = text.lines().map(|line| fits(&journal, line)).collect();
        assert_eq!(lines[0]["lockstep_journal"], 1);
        assert_eq!(lines[1]["version"], 1);
    }
    assert!(!events.is_valid(&serde_json::json!({ "event": "run_started", "run": "x" })));
}

#[test]
fn what_subcommands_print_as_json_fits() {
    let world = World::new();
    let a = world.clone("a");
    let tofu = world.tool("tofu");
    let check = |name: &str, words: &str| {
        let out = a.lockstep(words).run();
        out.code(0);
        fits(&schema(&a, name), &out.stdout())
    };
    check("locks-show", "locks show alpha/prod --json");
    check("locks", "locks --json");
    check("describe", "describe --json -- alpha prod");
    a.write("modules/beta/module.toml", "needs = [\"alpha\"]\n");
    assert_eq!(check("graph", "graph beta/dev --format json")["units"][1]["needs"][0]["line"], 1);
    std::fs::remove_file(a.path("modules/beta/module.toml")).expect("it is ours");
    tofu.exits(3);
    a.lockstep(ALIAS).words("tofu apply").run().code(3);
    a.write(
        "profiles/prod.toml",
        "sensitive = [\"s\"]\n\n[params]\nregion = \"{{ 'x' }}\"\ns = 1\nd = 2026-01-02\n",
    );
    assert_eq!(check("locks", "locks --json").as_array().map(Vec::len), Some(1));
    check("locks-show", "locks show alpha/prod --json");
    assert_eq!(check("log", "log --json").as_array().map(Vec::len), Some(2));
    check("why", "why alpha/prod --json");
    let told = check("describe", "describe --json --set region=y -- alpha prod");
    assert_eq!(
        told["last_run"]["end"],
        serde_json::json!({
            "state": "ended", "code": 3, "error": "`tofu apply` ended with exit code 3"
        })
    );
    a.lockstep("unlock-any --reason done -- alpha prod").run().code(0);
    check("log", "log --json");
}

#[test]
fn schemas_are_listed_printed_and_written() {
    let world = World::bare();
    let dir = world.path("home");
    let lockstep = |words: &str| world.program("lockstep", &dir).words(words).run();
    let listed = lockstep("schema");
    listed.code(0);
    let names: Vec<String> = listed
        .stdout()
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    assert!(names.len() >= 10 && names.contains(&"events".to_owned()), "{names:?}");
    let out = lockstep("schema --dir sub/schemas");
    out.code(0).prints("").says("sub/schemas");
    for name in names {
        let written = std::fs::read_to_string(dir.join(format!("sub/schemas/{name}.json"))).expect("written");
        lockstep(&format!("schema {name}")).code(0).prints(&written);
        let published = std::fs::read_to_string(repository().join(format!("docs/schemas/{name}.json")));
        assert_eq!(published.expect("published"), written, "renew it: cargo run -- generate");
        assert!(jsonschema::meta::is_valid(&serde_json::from_str(&written).expect("JSON")), "{name}");
    }
    lockstep("schema modlue").code(64).prints("").says("did you mean `module`?");
    lockstep("schema zzzzzzzzz").code(64).says("lockstep schema");
    lockstep("schema module --dir x").code(64);
}
