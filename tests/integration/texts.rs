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
    let out = a.lockstep(&format!("--set other=1 {words}")).env("X", PASSWORD).run();
    out.code(0);
    assert_eq!(out.stderr().matches("parameters from outside the repository").count(), 1, "{out}");
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

#[test]
fn the_presets_for_tools_with_braces_leave_shell_scripts_alone() {
    let world = World::new();
    let a = world.clone("a");
    let script = "if [[ \"$1\" == \"prod\" ]]; then echo PROD; fi\n[[ \"$x\" ]] && cat <<-E > log\n[[:space:]] {{ x }}\n";
    for preset in ["ansible", "helm"] {
        a.write("modules/alpha/module.toml", format!("[build]\ndelimiters = \"{preset}\"\n"));
        a.write(
            "modules/alpha/go.sh",
            format!("{script}<{{? if true ?}}><{{= profile =}}><{{? endif ?}}><{{* c *}}>\n"),
        );
        a.lockstep("build validate -- alpha prod").run().code(0);
        assert_eq!(a.read(".dist/alpha/prod/go.sh"), format!("{script}prod\n"));
    }
    a.write("modules/alpha/module.toml", "[build]\ndelimiters = \"angle\"\n");
    a.lockstep("build -- alpha prod").run().code(78).says("unknown value `angle`");
}

#[test]
fn templates_in_another_encoding_are_named_and_marks_of_partials_go() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/k.yaml", b"# Caf\xe9\nname: {{ profile }}\n");
    a.write("modules/_partials/p", "\u{feff}shared\n");
    a.write("modules/alpha/main.tf", "\u{feff}first\n{% include \"_partials/p\" %}");
    let warning = "copied as they are, for they are not UTF-8, although expressions stand in them: `modules/alpha/k.yaml`";
    for words in [
        "build -- alpha prod",
        "build -- alpha prod",
        "build -- * prod",
        "build -- * prod",
        "validate -- alpha prod",
    ] {
        a.lockstep(words).run().code(0).says(warning);
    }
    assert_eq!(a.read(".dist/alpha/prod/main.tf"), "\u{feff}first\nshared\n");
    a.write("modules/alpha/module.toml", "[build]\nraw = [\"*.yaml\"]\n");
    a.lockstep("build validate -- alpha prod").run().code(0).never_says("UTF-8");
}

#[test]
fn parameters_from_outside_are_what_was_written_or_refused() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/main.tf", "{{ region }} {{ list | tojson }} {{ n | tojson }}\n");
    a.write("profiles/prod.toml", "[params]\nregion = \"eu\"\nlist = [\"a\"]\nn = 1\n");
    for (set, said) in [
        ("list[0]=x", "`list[0]` is not a key: a list is set whole, `--set 'list=[…]'`"),
        ("a b=1", "`a b` is not a key"),
        ("list.0=x", "`list.0`: `list` is a list (profiles/prod.toml:3)"),
    ] {
        a.lockstep("build --set").arg(set).words("-- alpha prod").run().code(64).says(said);
    }
    for (set, n) in [
        ("n=inf", "\"inf\""),
        ("n=nan", "\"nan\""),
        ("n=1.10", "\"1.10\""),
        ("n=1.5", "1.5"),
        ("n=5 # y", "\"5 # y\""),
        ("n='5' ", "\"5\""),
    ] {
        a.lockstep("build --set").arg(set).words("-- alpha prod").run().code(0);
        assert_eq!(a.read(".dist/alpha/prod/main.tf"), format!("eu [\"a\"] {n}\n"), "{set}");
    }
    a.lockstep("build --set").arg("list+=['b']").words("-- alpha prod").run().code(0);
    a.write("marked.json", "\u{feff}{\"n\": 2}");
    a.lockstep("build --params marked.json -- alpha prod").run().code(0);
    assert_eq!(a.read(".dist/alpha/prod/main.tf"), "eu [\"a\"] 2\n");
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for (file, text, said) in [
        ("x.yaml", "n: 2\n", "x.yaml: parameters are read from TOML or JSON, and by its name this is YAML"),
        (
            "x.json",
            "{\"a\": [{\"n\": 18446744073709551616}]}",
            "x.json: `a[0].n`: this number does not fit into 64 bits",
        ),
        ("x.json", &format!("{{\"n\": {deep}}}"), "x.json:1: this is nested too deeply"),
        ("x.toml", "n = 18446744073709551616\n", "x.toml:1: this number does not fit into 64 bits"),
    ] {
        a.write(file, text);
        a.lockstep("build --params").arg(file).words("-- alpha prod").run().code(78).says(said);
    }
}

#[test]
fn whole_numbers_of_outputs_and_data_keep_their_value_or_are_refused() {
    let world = World::new();
    let a = world.clone("a");
    let out = world.tool("out");
    out.does(serde_json::json!([{ "print": "{\"id\": 12345678901234567890123}" }]));
    a.write("lockstep.toml", "[data.d]\ncommand = [\"out\"]\n");
    a.write("modules/beta/module.toml", "[outputs]\ncommand = [\"out\"]\n");
    a.write("profiles/prod.toml", "[params]\nregion = \"eu\"\nid = \"{{ outputs.beta.id }}\"\n");
    a.write("modules/alpha/main.tf", "{{ id }} {{ data.d.id }} {{ id | tohcl }}\n");
    a.lockstep("build -- alpha prod").run().code(0);
    let id = "12345678901234567890123";
    assert_eq!(a.read(".dist/alpha/prod/main.tf"), format!("{id} {id} {id}\n"));
    a.write("modules/alpha/more", "{{ id | tojson }}\n");
    a.lockstep("build -- alpha prod")
        .run()
        .code(78)
        .says("a whole number beyond 64 bits cannot be written as data");
    out.does(serde_json::json!([{ "print": format!("{{\"id\": {}}}", "9".repeat(40)) }]));
    let refused = a.lockstep("build -- alpha prod").run();
    refused.code(78).says("profiles/prod.toml:3").says("a whole number has more than 128 bits");
}

#[test]
fn mistakes_in_templates_are_answered_with_what_is_meant() {
    let world = World::new();
    let a = world.clone("a");
    for (text, said) in [
        (
            "{% for k, v in {'a': 1}.items() %}{% endfor %}",
            "there is no method `items`; values have none: write `x | items`",
        ),
        ("{{ ключ }}", "names in templates are letters of ASCII, digits and `_`"),
        ("x = ${{{ region }}}", "`{{{` begins an expression that holds a table"),
    ] {
        a.write("modules/alpha/x", text);
        a.lockstep("build -- alpha prod").run().code(78).says(said);
    }
    std::fs::remove_file(a.path("modules/alpha/x")).expect("just written");
    a.write("modules/alpha/{{ 'n' * 300 }}", "x");
    let out = a.lockstep("build -- alpha prod").run();
    out.code(78).says("its name becomes one of 300 bytes; a name has at most 255");
    assert!(!a.path(".dist/alpha/prod").exists());
}

#[test]
fn a_parameter_that_no_template_can_name_is_told_by_validate() {
    let world = World::new();
    let a = world.clone("a");
    a.write(
        "modules/alpha/module.toml",
        "[params]\nname_1 = 1\n\"with-dash\" = 2\n\"made-of\" = {}\nnot = 3\n[[build.file]]\npath = \"x.json\"\nfrom = \"made-of\"\n",
    );
    let out = a.lockstep("validate -- alpha prod").run();
    out.code(0).says("modules/alpha/module.toml:3: no template can name `with-dash`");
    out.says("modules/alpha/module.toml:5: no template can name `not`")
        .never_says("made-of")
        .never_says("name_1");
}

#[test]
fn why_tells_what_is_appended_from_what_is_overridden() {
    let world = World::new();
    let a = world.clone("a");
    a.write("profiles/base.toml", "[params]\nlist = [1]\nn = 1\n");
    a.write("profiles/prod.toml", "extends = [\"base\"]\n[params]\n\"list+\" = [2]\nn = 2\n");
    a.lockstep("why alpha/prod").run().code(0).prints(
        "list = [1, 2]  # profiles/prod.toml:3; appends to profiles/base.toml:2\n\
         n = 2  # profiles/prod.toml:4; overrides profiles/base.toml:3\n",
    );
}

#[test]
fn each_unit_has_its_own_words_and_variables_and_affected_counts_them() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    for profile in ["dev", "prod"] {
        let text =
            format!("[params]\nregion = \"eu\"\nsize = \"{profile}-1\"\n[env]\nSIZE = \"{{{{ size }}}}\"\n");
        a.write(format!("profiles/{profile}.toml"), text);
    }
    a.publish("workflows/go.toml", "steps = [\"build\", \"tofu:plan:-var:size={{ size }}\"]\n");
    a.lockstep("go -- alpha dev,prod -j1").run().code(0);
    let mut seen: Vec<(String, String)> = world
        .calls()
        .iter()
        .map(|call| {
            (call.argv[2].display().to_string(), call.env("SIZE").expect("set").display().to_string())
        })
        .collect();
    seen.sort();
    let of = |size: &str| (format!("size={size}"), size.to_owned());
    assert_eq!(seen, [of("dev-1"), of("prod-1")]);
    let text = a.read("profiles/prod.toml").replace("prod-1", "prod-2");
    a.write("profiles/prod.toml", text);
    let out = a.lockstep("affected --base HEAD").run();
    out.code(0).prints("alpha/prod\nbeta/prod\n");
    a.lockstep("affected --base HEAD --why")
        .run()
        .code(0)
        .prints("alpha/prod\n  [env]: profiles/prod.toml\nbeta/prod\n  [env]: profiles/prod.toml\n");
}

#[test]
fn variables_of_a_profile_are_asked_about_before_they_change_anything() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.publish("profiles/prod.toml", "[params]\nregion = \"eu\"\n[modules.alpha.env]\nPATH = \"/evil\"\n");
    world.trusts_nothing();
    let out = a.lockstep("build exec -- alpha prod tofu plan").run();
    out.code(78).says("profiles/prod.toml: sets PATH");
    assert!(world.called().is_empty());
}
