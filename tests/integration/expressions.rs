//! What expressions reach outside of the parameters, through the binary: variables, the repository,
//! commands and secrets. What must hold for each is tested in `src/project`.

use std::path::Path;

use base64::Engine as _;
use rustix::process::Signal;
use serde_json::json;
use sha2::Digest as _;

use crate::harness::{Checkout, Output, World, snap};

const SECRETS: [&str; 4] = ["from-variable-4711", "from-file-4712", "from-program-4713", "from-data-4714"];

/// A project into which secrets come in every way, and a tool that succeeds.
fn secretive(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    world.tool("vault").does(json!([{ "eprint": "unsealed\n" }, { "print": format!("{}\n", SECRETS[2]) }]));
    let data = json!({ "password": SECRETS[3] }).to_string();
    world.tool("keeper").does(json!([{ "print": data }]));
    std::fs::write(world.path("home/key"), format!("{}\n", SECRETS[1])).expect("the world is writable");
    a.write("lockstep.toml", "[data.kept]\ncommand = [\"keeper\"]\nsensitive = true\n");
    let file = world.path("home/key").display().to_string();
    a.write(
        "profiles/prod.toml",
        format!(
            "[params]\nregion = \"eu-west\"\nv = \"{{{{ secret(env='TOKEN') }}}}\"\n\
             f = \"{{{{ secret(file='{file}') }}}}\"\np = \"{{{{ secret(command=['vault', 'read']) }}}}\"\n\
             d = \"{{{{ data.kept.password }}}}\"\nall = \"{{{{ [v, f, p, d] | join('-') }}}}\"\n"
        ),
    );
    for name in ["v", "f", "p", "d"] {
        a.write(format!("modules/alpha/{name}"), format!("{{{{ {name} }}}}"));
    }
    a.write("modules/alpha/all", "{{ all | b64encode }}\n");
    a.commit("Secrets");
    a.git("push -q");
    a
}

/// Every way in which a secret could be recognised, or a guess at it be proved.
fn traces() -> Vec<String> {
    let hash =
        |text: &str| sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let all = base64(&SECRETS.join("-"));
    let single = SECRETS.iter().flat_map(|one| [(*one).to_owned(), hash(one), base64(one)]);
    single.chain([hash(&format!("{all}\n")), all]).collect()
}

/// The files below a directory that hold one of the traces.
pub(crate) fn tell_tales(directory: &Path, traces: &[String]) -> Vec<String> {
    let (mut waiting, mut found) = (vec![directory.to_owned()], Vec::new());
    while let Some(at) = waiting.pop() {
        for entry in std::fs::read_dir(&at).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("readable");
            let text = String::from_utf8_lossy(&bytes);
            if traces.iter().any(|trace| text.contains(trace.as_str())) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[test]
fn no_secret_is_left_anywhere_but_in_the_files_that_are_made_of_it() {
    let world = World::new();
    let a = secretive(&world);
    world.tool("tofu").exits(0);
    let traces = traces();
    let run = |words: &str| a.lockstep(words).env("TOKEN", SECRETS[0]).run();
    let events = world.path("out/events");
    let mut outputs: Vec<Output> = Vec::new();
    let pipeline = "build diff git-check lock exec git-push unlock -- alpha prod tofu apply";
    for words in [
        "why alpha/prod",
        "why alpha/prod --json",
        "--dry-run build exec -- alpha prod tofu plan",
        "diff -- alpha prod",
        "build --check -- alpha prod",
        "build --print all -- alpha prod",
        &format!("-v --events {} {pipeline}", events.display()),
        "build --check -- alpha prod",
        "locks --json",
        "log alpha/prod --json",
    ] {
        outputs.push(run(words));
    }
    assert_eq!(world.lock_state("alpha/prod"), "free");
    assert_eq!(a.read(".dist/alpha/prod/p"), SECRETS[2]);
    // What goes wrong next to a secret does not tell it either.
    for broken in [
        "{{ v }}{{ nope }}",
        "{{ v | b64decode }}",
        "{{ v + 1 }}",
        "{{ [1][v] }}",
        "{{ file(v) }}",
        "{{ secret(command=['vault', v]) }}",
        "{{ secret(env=v) }}",
        "{{ v | nope }}",
        "{{ [{'a': 1}] | map(attribute=v) | list }}",
        "{{ [{'a': 1}] | sort(attribute=v ~ 'x') }}",
        "{% include v %}",
    ] {
        a.write("modules/alpha/broken", format!("{broken}\n"));
        outputs.push(run("build -- alpha prod"));
        outputs.last().expect("just pushed").code(78);
    }
    std::fs::remove_file(a.path("modules/alpha/broken")).expect("there");
    a.write(".dist/alpha/prod/p", "edited");
    for words in ["build -- alpha prod", "diff -- alpha prod", "--force build -- alpha prod"] {
        outputs.push(run(words));
    }
    assert_eq!(a.read(".dist/alpha/prod/p"), SECRETS[2]);
    for out in &outputs {
        let text = out.to_string();
        assert!(!traces.iter().any(|trace| text.contains(trace.as_str())), "{text}");
    }
    let records = format!("{:?}", world.lock_history("alpha/prod"));
    assert!(!traces.iter().any(|trace| records.contains(trace.as_str())), "{records}");
    for directory in [a.path(".git"), a.path(".dist/.lockstep"), world.path("out"), world.origin()] {
        assert_eq!(tell_tales(&directory, &traces), Vec::<String>::new());
    }
    assert!(events.exists() && a.journals().len() > 1, "there was something to look at");
    assert_eq!(
        tell_tales(&a.path(".dist"), &traces).len(),
        5,
        "the files themselves are found by this search"
    );
}

#[test]
fn commands_run_only_where_something_is_rendered_and_once_a_run() {
    let world = World::new();
    let a = world.clone("a");
    world
        .tool("zones")
        .does(json!([{ "eprint": "asking for zones\n" }, { "print": "{\"names\": [\"a\", \"b\"]}\n" }]));
    a.write(
        "lockstep.toml",
        "[env]\nWHERE = \"project\"\n[data.zones]\ncommand = [\"zones\", \"in {{ region }}\"]\n",
    );
    a.write("modules/alpha/module.toml", "[params]\nzones = \"{{ data.zones.names }}\"\n");
    a.write(
        "modules/alpha/zones",
        "{% for z in zones %}{{ z }}{% endfor %} {{ data.zones.names | length }}\n",
    );
    let why = a.lockstep("why alpha/prod zones").run();
    why.code(0).prints(
        "zones = \"(data zones, not run)\"  # modules/alpha/module.toml:2 as \"{{ data.zones.names }}\"\n",
    );
    a.lockstep("--dry-run build -- alpha prod").run().code(0);
    a.lockstep("build -- beta prod").run().code(0);
    assert!(world.calls().is_empty(), "nobody needed it");
    let out = a.lockstep("build diff -- alpha prod").run();
    out.code(0).prints("").says("asking for zones");
    assert_eq!(a.read(".dist/alpha/prod/zones"), "ab 2\n");
    let calls = world.calls();
    let [call] = calls.as_slice() else { panic!("once: {calls:?}") };
    assert_eq!((call.argv.as_slice(), &call.cwd), (&["in eu-west".into()][..], &a.path("")));
    assert_eq!(call.env("WHERE"), Some("project".into()));
    assert_eq!(
        (call.env("LOCKSTEP_MODULE"), call.env("LOCKSTEP_PROFILE")),
        (None, None),
        "it is for all units"
    );
    snap!(out);
}

#[test]
fn what_the_project_asks_is_asked_once_for_all_units_and_what_a_module_asks_for_its_own() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("zones").does(json!([{ "print": "[1]" }]));
    world.tool("pass").does(json!([{ "print": "hunter2" }]));
    world.tool("own").does(json!([{ "print": "{}" }]));
    a.write("lockstep.toml", "[data.zones]\ncommand = [\"zones\"]\n");
    a.write("profiles/prod.toml", "[params]\nregion = \"x\"\ns.x = \"{{ secret(command=['pass']) }}\"\n");
    for number in 1..=3 {
        a.write(
            format!("modules/m{number}/f"),
            "{{ s.x }} {{ data.zones | tojson }} {{ data.own | tojson }}",
        );
        a.write(
            format!("modules/m{number}/module.toml"),
            "[env]\nNUMBER = \"x\"\n[data.own]\ncommand = [\"own\"]\n",
        );
    }
    a.lockstep("build -- m* prod").env("LOCKSTEP_PROFILE", "dev").run().code(0);
    let mut called = world.called();
    called.sort();
    assert_eq!(called, ["own", "own", "own", "pass", "zones"]);
    for call in world.calls() {
        let is_own = call.tool == "own";
        assert_eq!(call.env("LOCKSTEP_PROFILE").is_some(), is_own, "{}", call.tool);
        assert_eq!(call.env("NUMBER").is_some(), is_own, "{}", call.tool);
    }
}

#[test]
fn a_command_that_gives_no_data_stops_the_run_where_it_is_declared() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("zones").does(json!([{ "eprint": "no network\n" }, { "exit": 3 }]));
    world.tool("tofu").exits(0);
    a.write("lockstep.toml", "\n[data.zones]\ncommand = [\"zones\"]\n");
    a.write("profiles/prod.toml", "[params]\nregion = \"{{ data.zones.first }}\"\n");
    let out = a.lockstep("build exec -- alpha prod tofu plan").run();
    out.code(78).says("no network").says("lockstep.toml:2: data `zones`: `zones` ended with exit code 3");
    snap!(out);
    world.tool("zones").does(json!([{ "print": "oops" }]));
    a.lockstep("diff -- alpha prod").run().code(78).says("is not JSON");
    a.write("lockstep.toml", "[data.zones]\ncommand = [\"zoens\"]\n");
    a.lockstep("diff -- alpha prod").run().code(78).says("`zoens` was not found");
    assert!(!world.called().contains(&"tofu".to_owned()));
}

#[test]
fn an_interrupt_reaches_the_command_and_nothing_starts_after_it() {
    let world = World::new();
    let a = world.clone("a");
    let zones = world.tool("zones");
    zones.waits();
    world.tool("tofu").exits(0);
    for timeout in ["", "timeout = \"1h\"\n"] {
        let _ = std::fs::remove_file(zones.started());
        a.write("lockstep.toml", format!("[data.zones]\ncommand = [\"zones\"]\n{timeout}"));
        a.write("modules/alpha/zones", "{{ data.zones }}\n");
        let mut run = a.lockstep("build exec -- alpha prod tofu plan").start();
        run.wait_for(zones.started());
        run.signal(Signal::TERM);
        let out = run.finish();
        out.code(130).says("`zones` was interrupted by SIGTERM");
    }
    assert_eq!(world.called(), ["zones", "zones"]);
}

#[test]
fn a_variable_is_an_override_that_is_told_recorded_and_may_be_denied() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(0);
    a.publish("profiles/prod.toml", "[params]\nregion = \"{{ env('REGION', 'eu-west') }}\"\n");
    let out = a.alias("tofu apply").env("REGION", "us").run();
    out.code(0).says("parameters from outside the repository: env(REGION)").never_says("us\"");
    let taken = world.lock_history("alpha/prod");
    assert_eq!(taken.last().expect("a record")["overrides"], json!(["env(REGION)"]));
    let out = a.alias("tofu apply").env("REGION", "").run();
    out.code(0).never_says("outside the repository");
    a.publish(
        "profiles/prod.toml",
        "overrides = \"deny\"\n[params]\nregion = \"{{ env('REGION', 'eu-west') }}\"\n",
    );
    a.lockstep("build -- alpha prod").run().code(0);
    let out = a.lockstep("build -- alpha prod").env("REGION", "us").run();
    out.code(64).says("environment variable `REGION`").says("profiles/prod.toml says `overrides = \"deny\"`");
}

#[test]
fn the_repository_is_known_to_expressions() {
    let world = World::new();
    let a = world.clone("a");
    a.write("profiles/prod.toml", "[params]\nregion = \"{{ git.branch }}@{{ git.commit }}\"\n");
    let head = a.head();
    a.lockstep("why alpha/prod region").run().code(0).prints(&format!(
        "region = \"main@{head}\"  # profiles/prod.toml:2 as \"{{{{ git.branch }}}}@{{{{ git.commit }}}}\"\n"
    ));
    a.git("checkout -q --detach");
    let out = a.lockstep("build -- alpha prod").run();
    out.code(78)
        .says("profiles/prod.toml:2: parameter `region`: `git.branch`: HEAD is detached")
        .says("--branch NAME");
    let named = a.lockstep("--branch topic build --print main.tf -- alpha prod").run();
    named.code(0).prints(&format!("# alpha for prod\nregion = \"topic@{head}\"\n"));
    let told = a.lockstep("--branch topic describe -- alpha prod").run();
    told.code(0);
    assert!(told.stdout().contains(&format!("region = \"topic@{head}\"")), "{told}");
    let ci =
        a.lockstep("build --print main.tf -- alpha prod").env("GITLAB_CI", "1").env("CI_COMMIT_BRANCH", "x");
    ci.run().code(0).prints(&format!("# alpha for prod\nregion = \"x@{head}\"\n"));
}
