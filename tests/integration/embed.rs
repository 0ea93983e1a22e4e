//! `examples/embed.rs`: lockstep inside another program.

use std::path::PathBuf;

use serde_json::json;

use crate::harness::{World, snap};

fn example() -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_lockstep"));
    let example = binary.with_file_name("examples").join("embed");
    assert!(example.exists(), "{} is missing: cargo build --example embed", example.display());
    example
}

#[test]
fn another_program_runs_a_pipeline_with_its_own_owner_events_and_output() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").does(json!([{ "print": "captured\n" }]));
    world.link("embed", &example());
    let project = a.dir().to_str().expect("text").to_owned();
    let out = world.program("embed", &world.path("home")).arg(project).words("alpha prod tofu apply").run();
    out.code(0);
    assert_eq!(world.called(), ["tofu"], "the cancelled request runs nothing");
    let stdout = out.stdout();
    let report = stdout.lines().find_map(|l| l.strip_prefix("report ")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(report).expect("reports are plain data");
    assert_eq!(report["exit_code"], 0);
    assert!(stdout.lines().any(|l| l == "output captured"), "{out}");
    assert!(stdout.contains("event lock_taken"), "{out}");
    assert!(stdout.contains("cancelled 130") || stdout.contains("cancelled 143"), "{out}");
    let owners: Vec<_> = world.lock_history("alpha/prod").into_iter().map(|r| r["owner"].clone()).collect();
    assert!(!owners.is_empty() && owners.iter().all(|o| o == "deploy-service"), "{owners:?}");
    assert_eq!(world.lock_state("alpha/prod"), "free");
    let events: Vec<_> = stdout.lines().filter(|l| l.starts_with("event ")).collect();
    snap!(events.join("\n"));
}
