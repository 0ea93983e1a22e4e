//! `lockstep doctor`: the whole report where all is well, and each finding provoked.

use serde_json::{Value, json};

use crate::harness::{Checkout, Output, World, snap};

/// The report with what differs from machine to machine replaced.
fn report(world: &World, out: &Output) -> String {
    let git = world.git(&world.path(""), "--version");
    out.to_string().replace(git.trim(), "git version [VERSION]")
}

/// A finding as JSON: severity, subject, message, cure.
#[track_caller]
fn finding(a: &Checkout<'_>, words: &str, id: &str) -> Vec<Value> {
    let out = a.lockstep("doctor --json").words(words).run();
    let all: Vec<Value> =
        serde_json::from_str(&out.stdout()).unwrap_or_else(|error| panic!("no JSON ({error})\n{out}"));
    let problem = all.iter().any(|finding| finding["severity"] == "problem");
    out.code(i32::from(problem));
    all.into_iter().filter(|finding| finding["id"] == id).collect()
}

/// The only finding of a check that is not well, with what it must say.
#[track_caller]
fn bad(a: &Checkout<'_>, words: &str, id: &str, severity: &str, says: &[&str]) {
    let found = finding(a, words, id);
    let text = found.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    assert!(found.iter().any(|finding| finding["severity"] == severity), "{severity}: {text}");
    for part in says {
        assert!(text.contains(part), "`{part}` in {text}");
    }
}

#[test]
fn a_healthy_project_has_nothing_but_ok() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").does(json!([{ "print": "Warning: no such file\n\nOpenTofu v1.9.0\nmore\n" }]));
    a.publish("workflows/go.toml", "steps = [\"build\", \"tofu:plan\", \"./own:\", \"true:\"]\n");
    let out = a.lockstep("doctor").run();
    out.code(0);
    snap!("doctor_healthy", report(&world, &out));
    assert_eq!(world.calls()[0].argv, ["version"]);
    assert!(world.origin_refs("refs/lockstep").is_empty(), "a dry run leaves nothing");
    let quiet = a.lockstep("-q doctor").run();
    quiet.code(0).prints("");
    assert_eq!(quiet.stderr(), "");
}

#[test]
fn a_probe_leaves_nothing_behind_and_sees_the_servers_rules() {
    let world = World::new();
    let a = world.clone("a");
    let probed = finding(&a, "--probe", "git.push");
    assert_eq!(probed[0]["severity"], "ok", "{probed:?}");
    assert!(world.origin_refs("refs/lockstep").is_empty());
    world.origin_hook("update", "case $1 in refs/lockstep/*) echo 'not here' >&2; exit 1;; esac\n");
    assert_eq!(finding(&a, "", "git.push")[0]["severity"], "ok", "a dry run cannot see a hook");
    bad(&a, "--probe", "git.push", "problem", &["refuses refs/lockstep/probe/", "docs/locks.md"]);
    // One that does not let go.
    world.origin_hook("update", "case $3 in 0000000000000000000000000000000000000000) exit 1;; esac\n");
    bad(
        &a,
        "--probe",
        "git.push",
        "warning",
        &["may have been left", "git push origin :refs/lockstep/probe/"],
    );
    a.lockstep("doctor --probe --offline").run().code(64);
    // What a branch under review says goes on no command line.
    a.write("lockstep.toml", "[lock.git]\nprefix = \"refs/heads/main:x\"\n");
    bad(&a, "--probe", "git.push", "problem", &["cannot hold lock refs"]);
}

#[test]
fn a_remote_that_does_not_answer_is_a_problem_and_offline_nobody_asks_it() {
    let world = World::new();
    let a = world.clone("a");
    a.git("remote set-url origin https://me:hunter2@127.0.0.1:9/x.git");
    let out = a.lockstep("doctor").run();
    out.code(1).prints_no("hunter2").never_says("hunter2");
    let json = a.lockstep("doctor --json").run();
    json.code(1).prints_no("hunter2");
    bad(&a, "", "git.remote", "problem", &["cannot be reached", "git ls-remote origin HEAD"]);
    // It is asked once, and what needs it says so.
    bad(&a, "", "git.push", "skipped", &["does not answer"]);
    bad(&a, "", "lock.backend", "skipped", &["does not answer"]);
    bad(&a, "", "lock.own", "skipped", &[]);
    let offline = a.lockstep("doctor --offline").run();
    offline.code(0).prints_no("hunter2");
    assert_eq!(finding(&a, "--offline", "lock.backend")[0]["severity"], "skipped");
}

#[test]
fn outside_of_everything_it_says_how_to_begin() {
    let world = World::bare();
    let out = world.program("lockstep", &world.path("home")).words("doctor").run();
    out.code(1);
    snap!("doctor_nowhere", report(&world, &out));
}

#[test]
fn a_missing_or_old_git_is_named() {
    let world = World::new();
    let a = world.clone("a");
    crate::harness::write_script(&world.path("old"), "git", "echo git version 2.20.1\n");
    let out = a.lockstep("doctor --json").env("PATH", world.path("old")).run();
    out.code(1);
    assert!(out.stdout().contains("git version 2.20.1 is too old"), "{out}");
    let none = a.lockstep("doctor --json").env("PATH", world.path("home")).run();
    none.code(1);
    assert!(none.stdout().contains("`git` program was not found"), "{none}");
}

#[test]
fn what_is_wrong_with_the_repository_is_found() {
    let world = World::new();
    let a = world.clone("a");
    a.git("switch -q -c topic");
    bad(&a, "", "git.upstream", "warning", &["follows none", "git push -u origin topic"]);
    a.git("checkout -q --detach");
    bad(&a, "", "git.upstream", "warning", &["HEAD is detached"]);
    a.commit_file("x", "x");
    a.git("push -q origin HEAD:main");
    world.git_args(&world.path(""), &["clone", "-q", "--depth=1", &world.url(), "shallow"]);
    let shallow = Checkout::at(&world, "shallow");
    bad(&shallow, "", "git.history", "warning", &["git fetch --unshallow"]);
}

#[test]
fn what_is_wrong_with_the_projects_files_is_found() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/lonely/module.toml", "profiles = []\n");
    a.write("profiles/idle.toml", "abstract = true\n");
    bad(&a, "", "project.unused", "warning", &["modules/lonely", "profile idle is extended by none"]);
    a.write("modules/alpha/module.toml", "\n\nparms = 1\n");
    bad(&a, "", "project.files", "problem", &["modules/alpha/module.toml:3", "did you mean `params`?"]);
    std::fs::remove_dir_all(a.path("profiles")).expect("it was there");
    bad(&a, "", "project.files", "problem", &["did you mean `params`?"]);
    a.write("lockstep.toml", "requires = \">=9\"\n");
    bad(&a, "", "project.found", "problem", &["requires lockstep >=9"]);
}

#[test]
fn what_is_wrong_with_the_rendered_directory_is_found() {
    let world = World::new();
    let a = world.clone("a");
    a.write(".gitignore", "");
    bad(&a, "", "dist.ignored", "problem", &["echo /.dist/ >> .gitignore"]);
    a.write(".dist/alpha/prod/terraform.tfstate", "{}");
    a.write(".dist/alpha/prod/.terraform/terraform.tfstate", "{}");
    a.write(".dist/alpha/prod/terraform.tfstate.d/w1/terraform.tfstate", "{}");
    a.write(".dist/alpha/prod/errored.tfstate", "{}");
    let states = finding(&a, "", "dist.state");
    assert_eq!(states.len(), 3, "{states:?}");
    for (file, cure) in [
        ("terraform.tfstate", "once a plan shows no changes: rm .dist/alpha/prod/terraform.tfstate"),
        ("errored.tfstate", "-- alpha prod tofu state push errored.tfstate"),
        ("terraform.tfstate.d/w1/terraform.tfstate", "rm -r .dist/alpha/prod/terraform.tfstate.d"),
    ] {
        let subject = format!(".dist/alpha/prod/{file}");
        let found = states.iter().find(|state| state["subject"] == subject).expect("it is named");
        assert!(found["cure"].as_str().is_some_and(|told| told.ends_with(cure)), "{found}");
    }
    a.git("add -A");
    bad(&a, "", "dist.tracked", "warning", &["git rm -r --cached .dist"]);
    assert_eq!(finding(&a, "", "dist.ignored")[0]["severity"], "ok", "the project commits it");
}

#[test]
fn a_record_from_the_far_future_is_told_without_a_number_that_nobody_knows() {
    let world = World::new();
    let a = world.clone("a");
    a.git("remote remove origin");
    a.lockstep("build lock true: -- alpha prod").run().code(0);
    let file = ".git/lockstep/locks/state.json";
    let mut state: Value = serde_json::from_str(&a.read(file)).expect("JSON");
    state["locks"]["alpha/prod"]["time"] = json!("2190-01-01T00:00:00Z");
    a.write(file, state.to_string());
    bad(&a, "", "lock.clock", "warning", &["lock alpha/prod is more than 3650d in the future"]);
}

#[test]
fn what_this_owner_left_in_the_locks_is_found() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    a.alias("tofu apply").run().code(1);
    a.lockstep("freeze --reason moving beta/prod").run().code(0);
    let own = finding(&a, "", "lock.own");
    let subjects: Vec<_> = own.iter().filter_map(|finding| finding["subject"].as_str()).collect();
    assert_eq!(subjects, ["alpha/prod", "beta/prod"]);
    assert!(own[0]["cure"].to_string().contains("lockstep unlock-any -- alpha prod"), "{own:?}");
    assert!(own[1]["cure"].to_string().contains("lockstep thaw beta/prod"), "{own:?}");
    let bob = a.lockstep("doctor").owner("bob@host2").run();
    assert!(bob.stdout().contains("bob@host2 has left no lock behind"), "{bob}");
    a.write("lockstep.toml", "[lock]\nscope = \"profile\"\n");
    a.lockstep("build lock false: -- alpha dev").run().code(1);
    let own = finding(&a, "", "lock.own");
    assert_eq!(own[0]["subject"], "@all/dev");
    assert!(own[0]["cure"].to_string().contains("lockstep unlock-any -- alpha dev"), "{own:?}");
}

#[test]
fn projects_that_share_names_of_locks_are_found() {
    let world = World::new();
    let a = world.clone("a");
    for (path, text) in [("lockstep.toml", ""), ("modules/alpha/x", ""), ("profiles/prod.toml", "")] {
        a.write(format!("other/{path}"), text);
    }
    a.git("add -A");
    bad(&a, "", "lock.names", "warning", &["other/lockstep.toml", "1 lock of the same name", "alpha/prod"]);
    a.write("other/lockstep.toml", "[lock.git]\nprefix = \"refs/lockstep/other\"\n");
    assert_eq!(finding(&a, "", "lock.names")[0]["severity"], "ok");
}

#[test]
fn tools_that_are_missing_or_lead_back_are_found_and_never_run() {
    let world = World::new();
    let a = world.clone("a");
    a.write("workflows/go.toml", "steps = [\"build\", \"nope:x\"]\n");
    bad(&a, "", "tools.found", "problem", &["workflows/go.toml runs nope", "install it"]);
    world.link("tofu", &world.path("bin/lockstep"));
    bad(&a, "", "tools.loop", "problem", &["is lockstep itself", "a run would call itself"]);
    crate::harness::write_script(&world.path("real"), "tofu", "touch \"$0.called\"\n");
    let two = format!("{}:{}", world.path("bin").display(), world.path("real").display());
    let out = a.lockstep("doctor").env("PATH", &two).run();
    assert!(out.stdout().contains("warning  tools.loop") && out.stdout().contains("the tool is "), "{out}");
    crate::harness::write_script(&world.path("wrap"), "helm", "touch \"$0.called\"\nexec lockstep helm:\n");
    let wrapped = format!("{}:{}", world.path("bin").display(), world.path("wrap").display());
    let out = a.lockstep("doctor").env("PATH", &wrapped).run();
    assert!(out.stdout().contains("is a script that mentions lockstep"), "{out}");
    assert!(!world.path("wrap/helm.called").exists() && !world.path("real/tofu.called").exists());
}
