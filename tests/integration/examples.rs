//! The example project at the top of the repository: every unit is rendered and compared, and run
//! with the real tool.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::harness::{Checkout, World, ansible_playbook, kubectl, repository, tofu};

/// What the project consists of; the rest of the repository is no part of it.
const PARTS: &[&str] = &["lockstep.toml", ".gitignore", "modules", "profiles", "workflows"];

/// A world whose `origin` holds the example project.
fn example_world() -> World {
    let mut files = Vec::new();
    for part in PARTS {
        collect(&repository().join(part), &mut files);
    }
    let files: Vec<(String, Vec<u8>)> = files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(repository()).expect("below it").to_str().expect("text").to_owned();
            (name, std::fs::read(&path).expect("readable"))
        })
        .collect();
    World::with_project(&files)
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) {
    if !path.is_dir() {
        into.push(path.to_owned());
        return;
    }
    let mut entries: Vec<_> =
        std::fs::read_dir(path).expect("readable").map(|e| e.expect("readable").path()).collect();
    entries.sort();
    entries.iter().for_each(|entry| collect(entry, into));
}

/// Every unit that the project's own files say there is.
fn units(a: &Checkout<'_>) -> Vec<(String, String)> {
    let names = |dir: &str| {
        let mut names: Vec<_> = std::fs::read_dir(a.path(dir))
            .expect("readable")
            .map(|e| e.expect("readable").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        names
    };
    let profiles: Vec<_> = names("profiles")
        .into_iter()
        .filter(|file| !a.read(format!("profiles/{file}")).lines().any(|l| l.trim() == "abstract = true"))
        .map(|file| file.trim_end_matches(".toml").to_owned())
        .collect();
    let pairs =
        |module: String| profiles.iter().map(move |p| (module.clone(), p.clone())).collect::<Vec<_>>();
    names("modules").into_iter().flat_map(pairs).collect()
}

#[test]
fn every_unit_renders_to_its_snapshot() {
    let world = example_world();
    let a = world.clone("a");
    let units = units(&a);
    assert!(units.len() >= 6, "{units:?}");
    for (module, profile) in units {
        a.lockstep("-q build --").args([&module, &profile]).run().code(0);
        let top = a.path(format!(".dist/{module}/{profile}"));
        let mut files = Vec::new();
        collect(&top, &mut files);
        let mut text = String::new();
        for file in files {
            let name = file.strip_prefix(&top).expect("below it").display().to_string();
            let _ = writeln!(
                text,
                "===== {name}\n{}",
                String::from_utf8_lossy(&std::fs::read(&file).expect("readable"))
            );
        }
        insta::assert_snapshot!(format!("rendered_{module}_{profile}"), text);
    }
    assert_eq!(a.git("status --porcelain"), "", "what is generated is ignored by git");
}

#[test]
fn drift_is_told_by_the_shipped_workflow() {
    let world = example_world();
    let a = world.clone("a");
    world.link("tofu", &tofu().1);
    let drift = || {
        let out = a.lockstep("--keep-going --report drift.json drift -- tag:tofu dev").run();
        let report: serde_json::Value = serde_json::from_str(&a.read("drift.json")).expect("a report");
        let outcome =
            |unit: &serde_json::Value| format!("{} {}", unit["unit"], unit["outcome"]).replace('"', "");
        let outcomes = report["units"].as_array().expect("units").iter().map(outcome).collect::<Vec<_>>();
        (out, outcomes)
    };
    let (out, units) = drift();
    out.code(2);
    assert_eq!(units, ["alpha/dev changes", "network/dev changes", "nodes/dev changes"]);
    a.lockstep("-q -j3 build tofu:apply:-input=false:-auto-approve -- tag:tofu dev").run().code(0);
    let (out, units) = drift();
    out.code(0);
    assert_eq!(units, ["alpha/dev ok", "network/dev ok", "nodes/dev ok"]);
    std::fs::remove_file(a.path(".state/network/dev.tfstate")).expect("somebody took it away");
    let (out, units) = drift();
    out.code(2);
    assert_eq!(units, ["alpha/dev ok", "network/dev changes", "nodes/dev ok"]);
    assert!(world.origin_refs("refs/lockstep").is_empty(), "no lock was taken");
}

#[test]
fn the_tofu_example_is_applied_by_the_real_tool() {
    let world = example_world();
    let a = world.clone("a");
    let (name, path) = tofu();
    world.link(name, &path);
    for profile in ["dev", "prod"] {
        let run = |command: &str| {
            a.lockstep("build git-check lock exec git-push unlock-any -- alpha")
                .args([profile, name])
                .words(command)
                .run()
        };
        run("init -input=false -no-color").code(0);
        run("plan -input=false -no-color -detailed-exitcode").code(2);
        run("apply -input=false -no-color -auto-approve").code(0);
        run("plan -input=false -no-color -detailed-exitcode").code(0);
        assert_eq!(world.lock_state(&format!("alpha/{profile}")), "free");
        // The state does not live in what is generated.
        std::fs::remove_dir_all(a.path(".dist")).expect("rendered");
        run("init -input=false -no-color").code(0);
        run("plan -input=false -no-color -detailed-exitcode").code(0);
    }
    assert_eq!(a.git("status --porcelain"), "", "nothing is left that git would see");
}

#[test]
fn the_ansible_example_is_played_by_the_real_tool() {
    let world = example_world();
    let a = world.clone("a");
    let playbook = ansible_playbook();
    world.link("ansible-playbook", &playbook);
    let unit = |command: &str| {
        a.lockstep("build git-check lock exec git-push unlock-any -- motd prod ansible-playbook")
            .words(command)
            // ansible insists on UTF-8.
            .env("LC_ALL", "C.UTF-8")
            .run()
    };
    let rendered: Vec<_> = {
        a.lockstep("build -- motd prod").run().code(0);
        let names = std::fs::read_dir(a.path(".dist/motd/prod")).expect("rendered");
        names.map(|e| e.expect("readable").file_name().into_string().expect("text")).collect()
    };
    let play = ["site.yml", "playbook.yml", "play.yml"].into_iter().find(|p| rendered.iter().any(|r| r == p));
    let play = play.unwrap_or_else(|| panic!("no play in {rendered:?}"));
    let first = unit(play);
    first.code(0);
    assert!(first.stdout().contains("changed=1") || first.stdout().contains("changed=2"), "{first}");
    let second = unit(play);
    second.code(0);
    assert!(second.stdout().contains("changed=0"), "played twice it changes nothing\n{second}");
    assert_eq!(a.git("status --porcelain"), "");
}

#[test]
fn the_staged_example_is_made_and_taken_away_by_the_real_tools() {
    let world = example_world();
    let a = world.clone("a");
    // The workflow names one of the two; either stands for the other.
    world.link("tofu", &tofu().1);
    world.link("ansible-playbook", &ansible_playbook());
    let run = |line: &str| a.lockstep(line).env("LC_ALL", "C.UTF-8").env("ANSIBLE_NOCOLOR", "1").run();
    // The nodes do not come up: the network is there, the lock is kept, and what is done stays done.
    let broken = run("git-check create --set healthy=false -- cluster dev");
    broken.code(1).says("lockstep git-check create --resume -- cluster dev");
    assert!(a.path(".state/network/dev.tfstate").exists());
    assert_eq!(world.lock_state("network/dev"), "failed");
    let network = a.read(".state/network/dev.tfstate");
    let resumed = run("git-check create --resume -- cluster dev");
    resumed.code(0).says("create: 3 of 3 stages, 1 of them before");
    assert_eq!(a.read(".state/network/dev.tfstate"), network, "a stage that is done is left alone");
    assert_eq!(a.read(".state/motd/dev/motd"), "Workers: 10.0.0.10, 10.0.0.11\n");
    for key in ["network/dev", "cluster.workers/dev", "motd/dev"] {
        assert_eq!(world.lock_state(key), "free");
    }
    run("delete -- cluster dev").code(0);
    for state in ["network/dev.tfstate", "cluster.workers/dev.tfstate"] {
        let state: serde_json::Value =
            serde_json::from_str(&a.read(format!(".state/{state}"))).expect("JSON");
        assert_eq!(state["resources"], serde_json::json!([]));
    }
    assert_eq!(a.git("status --porcelain"), "");
}

#[test]
fn the_kubectl_example_is_built_by_the_real_tool() {
    let world = example_world();
    let a = world.clone("a");
    world.link("kubectl", &kubectl());
    for profile in ["dev", "prod"] {
        let out = a.lockstep("build exec -- web").args([profile, "kubectl", "kustomize", "."]).run();
        out.code(0);
        insta::assert_snapshot!(format!("kustomized_web_{profile}"), out.stdout());
    }
}

#[test]
fn the_workflows_of_the_example_plan() {
    let world = example_world();
    let a = world.clone("a");
    let (name, path) = tofu();
    // A workflow names one of the two; either stands for the other.
    world.link("tofu", &path);
    world.link("terraform", &path);
    let files = std::fs::read_dir(a.path("workflows")).expect("readable");
    let mut count = 0;
    for file in files {
        let file = file.expect("readable").file_name().into_string().expect("text");
        let workflow = file.trim_end_matches(".toml");
        if a.read(format!("workflows/{file}")).contains("[[create]]") {
            world.tool("ansible-playbook");
            for action in ["create", "delete"] {
                a.lockstep("--dry-run").args([action, "--", workflow, "prod"]).run().code(0);
            }
            count += 1;
            continue;
        }
        // Only `exec` takes a command from the line.
        let takes = a.read(format!("workflows/{file}")).contains("\"exec\"");
        let args = if takes { vec![name, "plan"] } else { Vec::new() };
        a.lockstep("--dry-run").arg(workflow).args(["--", "alpha", "prod"]).args(args).run().code(0);
        count += 1;
    }
    assert!(count > 0);
}
