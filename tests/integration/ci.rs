//! What CI services are told, and the shipped action and template.

use std::fs;

use serde_json::Value;

use crate::harness::{Checkout, Cmd, Output, World, find, repository, snap};

/// As GitHub Actions runs a step, with the files that it reads afterwards in `out/`.
fn on_github<'w>(world: &'w World, cmd: Cmd<'w>, dir: &Checkout<'_>) -> Cmd<'w> {
    cmd.without_env("LOCKSTEP_OWNER")
        .env("CI", "true")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", "acme/infra")
        .env("GITHUB_RUN_ID", "7")
        .env("GITHUB_JOB", "apply")
        .env("GITHUB_REF", "refs/heads/main")
        .env("GITHUB_WORKSPACE", dir.dir())
        .env("GITHUB_STEP_SUMMARY", world.path("out/summary.md"))
        .env("GITHUB_OUTPUT", world.path("out/outputs"))
}

fn file(world: &World, name: &str) -> String {
    fs::read_to_string(world.path("out").join(name)).unwrap_or_default()
}

/// The shipped action's script, with the inputs that `action.yml` passes to it.
fn action(world: &World, dir: &Checkout<'_>, inputs: &[(&str, &str)]) -> Output {
    world.link("bash", &find("bash"));
    let script = repository().join(".github/actions/lockstep/run.sh");
    let given = |name: &str, default: &str| {
        inputs.iter().find(|(key, _)| *key == name).map_or(default, |(_, value)| *value).to_owned()
    };
    let mut cmd = world.program("bash", dir.dir()).arg(script);
    for (name, default) in [
        ("INPUT_MODULE", "alpha"),
        ("INPUT_PROFILE", "prod"),
        ("INPUT_COMMAND", ""),
        ("INPUT_STEPS", "build git-check lock exec git-push unlock-any"),
        ("INPUT_OPTIONS", ""),
        ("INPUT_WAIT", ""),
    ] {
        cmd = cmd.env(name, given(name, default));
    }
    on_github(world, cmd, dir).run()
}

#[test]
fn a_run_on_github_is_told_with_groups_outputs_and_a_summary() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let line = "build git-check tofu:init lock exec git-push unlock-any -- alpha prod tofu apply";
    let out = on_github(&world, a.lockstep(line), &a).run();
    out.code(0).prints("").says("::group::alpha/prod: tofu init\n::endgroup::\n").never_says("::error");
    let outputs = file(&world, "outputs");
    let run =
        outputs.lines().next().and_then(|line| line.strip_prefix("run-id=")).expect("the run's name first");
    assert_eq!(outputs, format!("run-id={run}\nresult=success\nexit-code=0\nlock=free\n"));
    let summary = file(&world, "summary.md");
    assert!(
        summary.starts_with("### lockstep alpha/prod: success\n\n| step | result | time |\n"),
        "{summary}"
    );
    assert!(summary.contains("| tofu apply | done |"), "{summary}");
    assert_eq!(world.lock_history("alpha/prod")[0]["owner"], Value::from("github:acme/infra:7:apply"));
}

#[test]
fn a_failure_on_github_is_annotated_and_its_code_is_the_tools() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(3);
    let out = on_github(&world, a.alias("tofu apply"), &a).run();
    out.code(3).says("::error title=lockstep alpha/prod::`tofu apply` ended with exit code 3\n");
    assert!(file(&world, "outputs").ends_with("result=failure\nexit-code=3\nlock=kept\n"));
    assert!(file(&world, "summary.md").contains("`lockstep unlock-any -- alpha prod`"));
}

#[test]
fn a_mistake_in_a_file_is_annotated_at_its_line_in_the_checkout() {
    let world = World::with_project(&[
        ("infra/lockstep.toml", "[exec]\nread_onyl = \"skip\"\n"),
        ("infra/profiles/prod.toml", ""),
        ("infra/modules/alpha/main.tf", ""),
    ]);
    let a = world.clone("a");
    let out = on_github(&world, a.lockstep("build -- alpha prod").cwd("infra"), &a).run();
    out.code(78).says("::error title=lockstep,file=infra/lockstep.toml,line=2::lockstep.toml:2: ");
}

#[test]
fn what_github_cannot_be_told_changes_nothing() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let cmd = on_github(&world, a.alias("tofu apply"), &a);
    cmd.env("GITHUB_STEP_SUMMARY", "/dev/full").env("GITHUB_OUTPUT", "/nowhere/at/all").run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn gitlab_gets_sections_and_variables() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let out = a
        .lockstep("build tofu:init exec -- alpha prod tofu plan")
        .env("GITLAB_CI", "true")
        .env("LOCKSTEP_DOTENV", world.path("out/dotenv"))
        .run();
    out.code(0).says("\u{1b}[0Ksection_start:").says("\u{1b}[0Kalpha/prod: tofu init\n");
    assert!(
        file(&world, "dotenv")
            .ends_with("LOCKSTEP_RESULT=success\nLOCKSTEP_EXIT_CODE=0\nLOCKSTEP_LOCK=free\n")
    );
}

#[test]
fn the_action_passes_every_input_as_it_is_and_closes_standard_input() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let out = action(
        &world,
        &a,
        &[
            ("INPUT_COMMAND", "tofu\napply\n\n-var=x=$(touch pwned) `id` *\ntwo words\r\n"),
            ("INPUT_STEPS", "build git-check\n  lock exec git-push unlock-any\n"),
            ("INPUT_OPTIONS", "--verbose\n--set=note=a b"),
            ("INPUT_WAIT", "5s"),
        ],
    );
    out.code(0).says("run ");
    let calls = world.calls();
    assert_eq!(calls[0].argv, ["apply", "-var=x=$(touch pwned) `id` *", "two words"]);
    assert_eq!(calls[0].env("INPUT_COMMAND"), None);
    assert!(file(&world, "outputs").contains("result=success\n"));
    assert!(!a.has("pwned") && !a.has(".dist/alpha/prod/pwned"));
}

#[test]
fn the_actions_failure_is_the_steps() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(4);
    action(&world, &a, &[("INPUT_COMMAND", "tofu\napply")]).code(4);
    action(&world, &a, &[("INPUT_MODULE", "--help"), ("INPUT_COMMAND", "tofu")]).code(64);
    action(&world, &a, &[("INPUT_MODULE", "nope"), ("INPUT_COMMAND", "tofu")]).code(64);
}

#[test]
fn action_and_template_are_whole() {
    let read = |path: &str| fs::read_to_string(repository().join(path)).expect("it is shipped");
    let action: Value = serde_saphyr::from_str(&read(".github/actions/lockstep/action.yml")).expect("YAML");
    let script = read(".github/actions/lockstep/run.sh");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let scripts = script + &read(".github/actions/lockstep/install.sh");
    for (variable, value) in steps.iter().flat_map(|step| step["env"].as_object()).flatten() {
        assert!(
            scripts.contains(&format!("${{{variable}")) || scripts.contains(&format!("${variable}")),
            "{variable}"
        );
        let Some(input) = variable.strip_prefix("INPUT_").map(str::to_lowercase) else { continue };
        assert_eq!(value, &Value::from(format!("${{{{ inputs.{input} }}}}")));
        assert!(action["inputs"].get(&input).is_some(), "action.yml does not declare {input}");
    }
    for step in steps {
        let Some(run) = step["run"].as_str() else {
            let uses = step["uses"].as_str().expect("a command or an action");
            let revision = uses.rsplit_once('@').expect("a revision").1;
            assert!(revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit()), "{uses}");
            continue;
        };
        assert!(!run.contains("${{"), "text of an input becomes a command: {run}");
        let file =
            run.split('"').nth(1).expect("quoted").replace("$GITHUB_ACTION_PATH", ".github/actions/lockstep");
        assert!(repository().join(file).is_file(), "{run}");
    }
    let template: Value = serde_saphyr::from_str(&read("docs/gitlab-ci.yml")).expect("YAML");
    assert_eq!(template[".lockstep"]["interruptible"], Value::from(false));
    assert_eq!(template[".lockstep"]["variables"]["GIT_DEPTH"], Value::from("0"));
}

#[test]
fn a_refusal_in_ci_tells_how_to_wait() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu").exits(1);
    a.alias("tofu apply").owner("ana").run().code(1);
    let out = on_github(&world, b.alias("tofu apply"), &b).run();
    out.code(75);
    snap!(out);
}
