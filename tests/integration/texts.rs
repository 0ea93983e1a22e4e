//! Text stays text: what stands in `[env]`, in words of workflows and stages and in other settings is
//! evaluated, or refused with its place, and never handed on with its braces.

use crate::expressions::tell_tales;
use crate::harness::World;

/// A password, and whatever shows it.
const PASSWORD: &str = "hunter2-4711";

#[test]
fn variables_are_evaluated_for_each_unit_and_layer_and_secrets_stay_in_the_environment() {
    let world = World::new();
    let a = world.clone("a");
    a.write("lockstep.toml", "[env]\nREGION = \"{{ profile }}-1\"\nLOG = \"project\"\n");
    a.write(
        "modules/alpha/module.toml",
        "[env]\nDATABASE_URL = \"postgres://db/app_{{ profile }}\"\nPGPASSWORD = \"{{ secret(env='X') }}\"\n",
    );
    a.write("profiles/base.toml", "abstract = true\n[env]\nLOG = \"base\"\n");
    a.publish(
        "profiles/prod.toml",
        "extends = [\"base\"]\n[params]\nregion = \"eu\"\nname = \"{{ module }}\"\n[modules.alpha.env]\nNAME = \"{{ name }}\"\n",
    );
    world.tool("tofu");
    let events = world.path("out/events");
    let words = format!(
        "-v --events {} build git-check lock exec git-push unlock -- alpha prod tofu apply",
        events.display()
    );
    let out = a.lockstep(&words).env("X", PASSWORD).run();
    out.code(0);
    let call = &world.calls()[0];
    for (name, value) in [
        ("REGION", "prod-1"),
        ("LOG", "base"),
        ("DATABASE_URL", "postgres://db/app_prod"),
        ("NAME", "alpha"),
        ("PGPASSWORD", PASSWORD),
    ] {
        assert_eq!(call.env(name).as_deref(), Some(value.as_ref()), "{name}");
    }
    let described = a.lockstep("describe -- alpha prod").env("X", PASSWORD).run();
    let of = "DATABASE_URL (modules/alpha/module.toml:2), LOG (profiles/base.toml:3), \
              NAME (profiles/prod.toml:6), PGPASSWORD (modules/alpha/module.toml:3), REGION (lockstep.toml:2)";
    assert!(described.stdout().contains(of), "{described}");
    let told = format!(
        "{out}{described}{}{}",
        std::fs::read_to_string(events).expect("events"),
        format_args!("{:?}", world.lock_history("alpha/prod"))
    );
    assert!(!told.contains(PASSWORD), "{told}");
    assert_eq!(tell_tales(a.dir(), &[PASSWORD.to_owned()]), [""; 0]);
}

#[test]
fn a_variable_that_cannot_be_evaluated_stops_everything_before_it_begins() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let pipeline = "build git-check lock exec git-push unlock-any -- alpha prod tofu apply";
    for (env, said) in [
        ("A = \"{{ regoin }}\"", "profiles/prod.toml:2: `A` of [env]: `regoin` is undefined"),
        (
            "A = \"{{ secret(env='NOT_THERE') }}\"",
            "profiles/prod.toml:2: `A` of [env]: `secret`: the environment variable `NOT_THERE` is not set",
        ),
        ("A = \"x {{ [1] }}\"", "profiles/prod.toml:2: `A` of [env]: "),
    ] {
        a.publish("profiles/prod.toml", &format!("[env]\n{env}\n"));
        for words in [pipeline, "git-check lock exec -- alpha prod tofu apply", "validate -- alpha prod"] {
            let out = a.lockstep(words).run();
            out.code(78);
            assert!(out.stderr().contains(said), "{words}: {out}");
        }
        assert_eq!(world.lock_state("alpha/prod"), "none");
        // To look, no secret is needed.
        let out = a.lockstep("--dry-run build exec -- alpha prod tofu plan").run();
        out.never_says("NOT_THERE");
    }
    assert!(world.called().is_empty());
    assert!(!a.path(".dist/alpha/prod").exists());
}

#[test]
fn words_of_workflows_and_stages_are_evaluated_before_anything_runs() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.write(
        "profiles/prod.toml",
        "[params]\nregion = \"eu west\"\nverb = \"plan\"\ns = \"{{ secret(env='X') }}\"\n",
    );
    a.write("workflows/go.toml", "steps = [\"build\",\n\"tofu:plan:-var=region={{ region }}\"]\n");
    a.publish(
        "workflows/stack.toml",
        "[[create]]\nname = \"alpha\"\nrun = [\"tofu:apply:{{ region }}:{{ module }}/{{ here }}\"]\n[create.params]\nhere = 1\n",
    );
    a.lockstep("go -- alpha prod").run().code(0);
    a.lockstep("create -- stack prod").run().code(0);
    let calls = world.calls();
    assert_eq!(calls[0].argv, ["plan", "-var=region=eu west"]);
    assert_eq!(calls[1].argv, ["apply", "eu west", "alpha/1"]);
    let out = a.lockstep("--dry-run go -- alpha prod").run();
    assert!(out.to_string().contains("tofu plan '-var=region=eu west'"), "{out}");
    // What the user types is kept as it is.
    a.lockstep("build exec -- alpha prod tofu plan {{x}}").run().code(0);
    assert_eq!(world.calls()[2].argv, ["plan", "{{x}}"]);
    for (word, said) in [
        ("tofu:apply:{{ regoin }}", "workflows/go.toml:2: `regoin` is undefined"),
        ("tofu:apply:{{ s }}", "workflows/go.toml:2: a secret cannot be an argument"),
        ("tofu:{{ verb }}", "workflows/go.toml:2: what this command does depends on a parameter"),
        ("{{ verb }}:x", "workflows/go.toml:2: the program of a command cannot be computed"),
    ] {
        a.write("workflows/go.toml", format!("steps = [\"build\",\n\"{word}\"]\n"));
        let out = a.lockstep("go -- alpha prod").env("X", PASSWORD).run();
        out.code(78);
        assert!(out.stderr().contains(said) && !out.to_string().contains(PASSWORD), "{word}: {out}");
    }
    assert_eq!(world.calls().len(), 3);
}

#[test]
fn the_command_of_outputs_is_evaluated_by_the_parameters_of_its_unit() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    world.tool("out").does(serde_json::json!([{ "print": "{\"id\": 7}" }]));
    a.write(
        "modules/beta/module.toml",
        "[params]\nname = \"{{ module }}-{{ profile }}\"\n[outputs]\ncommand = [\"out\", \"{{ name }}\"]\n\
         [env]\nTOKEN = \"{{ secret(env='X') }}\"\n",
    );
    a.write("modules/beta/b.txt", "b\n");
    a.write("profiles/prod.toml", "[params]\nregion = \"eu\"\nid = \"{{ outputs.beta.id }}\"\n");
    a.publish("modules/alpha/id.txt", "{{ id }}\n");
    a.lockstep("build -- alpha prod").env("X", PASSWORD).run().code(0);
    assert_eq!(a.read(".dist/alpha/prod/id.txt"), "7\n");
    let call = &world.calls()[0];
    assert_eq!(
        (call.argv.clone(), call.env("TOKEN").as_deref()),
        (vec!["beta-prod".into()], Some(PASSWORD.as_ref()))
    );
    a.write("modules/beta/module.toml", "[outputs]\ncommand = [\"out\",\n\"{{ secret(env='X') }}\"]\n");
    let out = a.lockstep("build -- alpha prod").env("X", PASSWORD).run();
    out.code(78);
    assert!(out.stderr().contains("modules/beta/module.toml:3: "), "{out}");
}

#[test]
fn an_expression_in_any_other_setting_is_refused_with_its_place() {
    let world = World::new();
    let a = world.clone("a");
    for (file, text, said) in [
        ("lockstep.toml", "[git]\napply_from = [\"{{ branch }}\"]\n", "lockstep.toml:2: `git.apply_from`"),
        (
            "modules/alpha/module.toml",
            "[exec]\ntimeout = \"{{ t }}\"\n",
            "modules/alpha/module.toml:2: `exec.timeout`",
        ),
        ("profiles/prod.toml", "description = \"of {{ x }}\"\n", "profiles/prod.toml:1: `description`"),
    ] {
        let before = a.path(file).exists().then(|| a.read(file));
        a.write(file, text);
        let out = a.lockstep("build -- alpha prod").run();
        out.code(78);
        assert!(out.stderr().contains(&format!("{said} holds an expression")), "{out}");
        match before {
            Some(before) => a.write(file, before),
            None => std::fs::remove_file(a.path(file)).expect("just written"),
        }
    }
}
