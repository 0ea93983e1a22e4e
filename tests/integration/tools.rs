//! What a command means: looks and preparations change nothing that lockstep keeps, whatever else they do, and
//! only a change of the unit that succeeds ends a failed state.

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{ALIAS, Checkout, Terminal, World};

const BEN: &str = "ben@host2";

fn act(world: &World) -> String {
    world.lock("alpha/prod").expect("a record")["act"].as_str().unwrap_or_default().to_owned()
}

/// A unit whose change has failed, with a commit that is not pushed.
fn failed(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    a.commit_file("modules/alpha/v1.tf", "v1\n");
    world.tool("tofu").exits(1);
    a.alias("tofu apply").run().code(1);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    a
}

#[test]
fn a_look_or_a_preparation_that_fails_gives_the_lock_back_as_it_was() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu").exits(1);
    for command in ["output nosuch", "plan", "init", "fmt -check", "state show x", "workspace select w"] {
        a.alias(&format!("tofu {command}")).run().code(1).never_says("kept");
        assert_eq!(world.lock_state("alpha/prod"), "free", "{command}");
        assert!(act(&world) == "given_back", "{command}");
    }
    world.tool("tofu");
    b.alias("tofu apply").owner(BEN).run().code(0);
    // What it found failed stays so.
    world.tool("tofu").exits(1);
    a.git("pull -q");
    a.alias("tofu apply").run().code(1);
    for command in ["plan", "init"] {
        a.alias(&format!("tofu {command}")).run().code(1).says("lock `alpha/prod` is kept");
        assert_eq!(world.lock_state("alpha/prod"), "failed", "{command}");
    }
    b.alias("tofu apply").owner(BEN).run().code(75);
}

#[test]
fn only_a_change_of_the_unit_that_succeeds_ends_a_failed_state() {
    let world = World::new();
    let a = failed(&world);
    let before = world.origin_at("main");
    for name in
        ["tofu", "ansible-playbook", "ansible", "ansible-vault", "kubectl", "helm", "migrate", "terragrunt"]
    {
        world.tool(name);
    }
    a.write("lockstep.toml", "[tools.migrate]\nreads = [\"status\"]\n");
    a.git("commit -q -a --amend --no-edit");
    for command in [
        "tofu force-unlock -force ID",
        "tofu state ls",
        "tofu env list",
        "tofu workspace list",
        "tofu state mv -dry-run a b",
        "tofu apply -help",
        "tofu destroy -h",
        "tofu untaint -allow-missing x",
        "tofu -chdir=sub plan",
        "ansible-playbook --check site.yml",
        "ansible-playbook -C site.yml -e x=1",
        "ansible web -m ping",
        "ansible-vault view f",
        "helm dependency build",
        "helm --debug ls",
        "helm --kube-as-user a list",
        "kubectl create -f x --dry-run=client",
        "kubectl -v6 get pods",
        "kubectl -nweb get pods",
        "kubectl --as x get pods",
        "kubectl --request-timeout 2s get pods",
        "terragrunt find",
        "terragrunt run --all plan",
        "./../../../../bin/migrate status",
    ] {
        a.alias(command).run().code(0);
        let record = world.lock("alpha/prod").expect("a record");
        assert_eq!(record["state"], json!("failed"), "{command}");
        assert_eq!(
            (&record["effect"], &record["applied"]),
            (&json!("unfinished"), &json!(null)),
            "{command}"
        );
        assert_eq!(world.origin_at("main"), before, "{command}");
    }
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn arguments_in_the_environment_count_as_if_they_were_typed() {
    let world = World::new();
    let a = world.clone("a");
    let tofu = world.tool("tofu");
    tofu.exits(2);
    a.alias("tofu plan").env("TF_CLI_ARGS_plan", "-detailed-exitcode").run().code(2);
    assert_eq!((world.lock_state("alpha/prod").as_str(), act(&world).as_str()), ("free", "released"));
    a.alias("tofu plan").run().code(2);
    assert_eq!(act(&world), "given_back");
    // A state that moved is a change: a clone without the commit must not work on the old one.
    world.tool("tofu");
    for variable in ["TF_CLI_ARGS_init", "TF_CLI_ARGS"] {
        let commit = a.commit_file("modules/alpha/backend.tf", variable);
        let out = a.alias("tofu init").env(variable, "-no-color '-migrate-state'").run();
        out.code(0).says(&format!("your environment decides too: {variable}"));
        let record = world.lock("alpha/prod").expect("a record");
        assert_eq!((&record["applied"], &record["overrides"]), (&json!(commit), &json!([variable])));
    }
    // What the project says itself is no override, and counts too.
    a.publish("modules/alpha/module.toml", "[env]\nTF_CLI_ARGS_init = \"-force-copy\"\n");
    let out = a.alias("tofu init").run();
    out.code(0).never_says("your environment");
    assert_eq!(world.lock("alpha/prod").expect("a record")["applied"], json!(a.head()));
    let profile = format!("overrides = \"deny\"\n{}", a.read("profiles/prod.toml"));
    a.publish("profiles/prod.toml", &profile);
    let out = a.alias("tofu apply").env("TF_WORKSPACE", "other").run();
    out.code(64).says("environment variable TF_WORKSPACE").says("profiles/prod.toml").says("unset it");
}

#[test]
fn read_says_of_a_run_that_it_only_looks_and_reverse_turns_the_order() {
    let world = World::new();
    let a = failed(&world);
    world.tool("tofu");
    a.lockstep("--read build git-check lock exec git-push unlock-any -- alpha prod tofu apply").run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    assert_eq!(world.lock("alpha/prod").expect("a record")["applied"], json!(null));
    a.lockstep("unlock-any -- alpha prod").run().code(0);
    let before = world.origin_at("main");
    a.lockstep("--read build git-check lock tofu:init exec git-push unlock -- alpha prod tofu apply")
        .run()
        .code(0);
    assert_eq!((world.origin_at("main"), world.lock_state("alpha/prod").as_str()), (before, "free"));
    a.write("modules/alpha/module.toml", "needs = [\"beta\"]\n");
    a.write("lockstep.toml", "[exec]\nread_only = \"skip\"\n");
    a.commit("needs");
    a.git("push -q");
    let order = |options: &str| {
        let out = a.lockstep(&format!("{options} --dry-run build exec -- alpha,beta prod tofu apply")).run();
        let text = out.code(0).stderr();
        text.find("alpha/prod").expect("named") < text.find("beta/prod").expect("named")
    };
    assert!(!order("") && order("--reverse"));
    let out =
        a.lockstep("--read build git-check lock exec git-push unlock-any -- alpha prod tofu apply").run();
    out.code(0).says("`tofu apply` is to read (--read): left out git-check, lock, git-push, unlock-any");
}

#[test]
fn a_stage_that_only_read_is_not_applied_because_another_one_changed_something() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tool");
    a.write("lockstep.toml", "[tools.tool]\nreads = [\"plan\"]\n");
    a.write(
        "workflows/look.toml",
        "[[create]]\nname = \"alpha\"\nrun = [\"tool:plan\"]\n\
         [[create]]\nname = \"beta\"\nneeds = [\"alpha\"]\nrun = [\"tool:apply\"]\n",
    );
    a.write("workflows/s.toml", "[[create]]\nname = \"alpha\"\nrun = [\"tool:apply\"]\n");
    a.commit("workflows");
    a.git("push -q");
    a.lockstep("create -- look prod").run().code(0);
    let applied = |unit: &str| world.lock(unit).expect("a record")["applied"].clone();
    assert_eq!((applied("alpha/prod"), applied("beta/prod")), (json!(null), json!(a.head())));
    world.tool("tool").exits(1);
    a.lockstep("create -- s prod").run().code(1);
    world.tool("tool");
    let _ = a.lockstep("create -- look prod").run();
    assert_eq!(world.lock_state("alpha/prod"), "failed", "its change was never repeated");
}

#[test]
fn an_exit_code_of_0_after_an_interruption_proves_nothing_of_a_tool_that_does_not_tell() {
    for (name, code, state) in [("deploy", 80, "failed"), ("tofu", 0, "free")] {
        let world = World::new();
        let a = world.clone("a");
        let tool = world.tool(name);
        tool.does(json!([
            { "trap": ["SIGINT"] }, { "touch": tool.started() }, { "await_signal": "SIGINT" }, { "exit": 0 }
        ]));
        let mut run = a.alias(&format!("{name} apply")).start();
        run.wait_for(tool.started());
        run.signal(Signal::INT);
        let out = run.finish();
        out.code(code);
        if code != 0 {
            out.says("also after SIGINT, which it got").says("lockstep unlock-any -- alpha prod");
        }
        assert_eq!(world.lock_state("alpha/prod"), state, "{name}");
    }
}

fn on_terminal(world: &World, at: &Checkout<'_>, command: &str) -> Terminal {
    Terminal::lockstep(world, at.dir(), &format!("{ALIAS} {command}").split(' ').collect::<Vec<_>>())
}

#[test]
fn who_saw_that_nothing_was_changed_may_say_so() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    for (answer, state) in [("n\n", "free"), ("\n", "failed")] {
        let mut terminal = on_terminal(&world, &a, "tofu aply");
        terminal.wait_for("Did it change anything?");
        terminal.types(answer);
        let (status, screen) = terminal.finish();
        assert_eq!(status, "exit 1", "{screen}");
        assert_eq!(world.lock_state("alpha/prod"), state, "{screen}");
    }
    // A failure that was there before is no longer doubted.
    let mut terminal = on_terminal(&world, &a, "tofu apply");
    terminal.wait_for("Did it change anything?");
    terminal.types("no\n");
    terminal.finish();
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    // Nobody is asked elsewhere: the one command is told.
    a.alias("tofu apply").run().code(1).says("lockstep unlock-any -- alpha prod");
}

#[test]
fn a_tool_that_does_not_tell_a_no_is_asked_about() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("terragrunt");
    for (answer, status, state) in [("\n", "exit 80", "failed"), ("y\n", "exit 0", "free")] {
        let mut terminal = on_terminal(&world, &a, "terragrunt run --all apply");
        terminal.wait_for("Did it do all of it?");
        terminal.types(answer);
        let (ended, screen) = terminal.finish();
        assert_eq!((ended.as_str(), world.lock_state("alpha/prod").as_str()), (status, state), "{screen}");
    }
    a.alias("terragrunt run --all --non-interactive apply").run().code(0);
}

#[test]
fn nobody_is_asked_for_an_approval_where_nobody_can_give_it() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let line = |command: &str| {
        a.lockstep(&format!(
            "-y -j2 build git-check lock exec git-push unlock-any -- alpha,beta prod {command}"
        ))
        .run()
    };
    line("tofu apply").code(64).says("`tofu apply` asks for an approval").says("-auto-approve").says("-j1");
    assert!(world.called().is_empty());
    for command in ["tofu apply -auto-approve", "tofu apply tfplan", "tofu plan"] {
        line(command).code(0);
    }
}

#[test]
fn formatting_is_for_the_sources() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let out = a.alias("tofu fmt -recursive").run();
    out.code(64).says("modules/alpha").says("hint: from the project's directory: tofu fmt modules/alpha");
    assert!(world.called().is_empty() && world.lock("alpha/prod").is_none());
    a.alias("tofu fmt -check").run().code(0);
}

#[test]
fn settings_of_a_tool_that_cannot_be_meant_are_named_by_file_and_line() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tool");
    for (text, says) in [
        (
            "[tools.tool]\nreads = [\"a\"]\nprepares = [\"a\"]\n",
            "lockstep.toml:3: `prepares` of [tools.tool]: `a` is in `reads` too",
        ),
        ("[tools.tool]\n\nlooks = [\"a\"]\n", "lockstep.toml:3"),
        ("[tools.tool]\ndry = [\"plan\"]\n", "lockstep.toml:2: `dry` of [tools.tool]: `plan` is no option"),
        ("[tools.tool]\n\"values+\" = [\"a b\"]\n", "lockstep.toml:2: `values+` of [tools.tool]"),
    ] {
        a.write("lockstep.toml", text);
        a.alias("tool x").run().code(78).says(says);
    }
    assert!(world.called().is_empty());
}

#[test]
fn the_page_shows_a_file_as_it_is() {
    let read = |path: &str| std::fs::read_to_string(crate::harness::repository().join(path)).expect(path);
    let (page, file) = (read("docs/tools.md"), read("src/process/tools/data/tofu.toml"));
    assert!(
        page.contains(&format!("```toml\n{file}```\n")),
        "put src/process/tools/data/tofu.toml into docs/tools.md"
    );
}

#[test]
fn a_cache_of_plugins_is_filled_by_one_command_at_a_time_whoever_starts_it() {
    let world = World::new();
    let a = world.clone("a");
    let (cache, lock) = (world.path("cache"), world.path("cache.lockstep"));
    let is_taken = || {
        let file =
            std::fs::File::options().create(true).truncate(false).write(true).open(&lock).expect("a file");
        file.try_lock().is_err()
    };
    world.link("sh", &crate::harness::find("sh"));
    for command in ["tofu init", "sh -c tofu\u{a0}init"] {
        let tool = world.tool("tofu");
        tool.waits();
        // What the shell is given is one word.
        let words: Vec<String> = command.split(' ').map(|word| word.replace('\u{a0}', " ")).collect();
        let mut run =
            a.lockstep("build exec -- alpha prod").args(&words).env("TF_PLUGIN_CACHE_DIR", &cache).start();
        run.wait_for(tool.started());
        assert!(is_taken(), "{command}");
        tool.let_go();
        run.finish().code(0);
        assert!(!is_taken(), "{command}");
    }
    world.tool("tofu");
    a.lockstep("build exec -- alpha prod tofu plan").env("TF_PLUGIN_CACHE_DIR", &cache).run().code(0);
    // A run within such a command has its turn already.
    let inner = format!("cd '{}' && lockstep build exec -- beta prod tofu init", a.dir().display());
    let out =
        a.lockstep("build exec -- alpha prod sh -c").arg(inner).env("TF_PLUGIN_CACHE_DIR", &cache).run();
    out.code(0);
}
