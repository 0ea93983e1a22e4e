//! A project's own words start programs and set variables only if its user has agreed to them.

use crate::harness::{ALIAS, Checkout, Terminal, World};

/// A world in which nothing is trusted yet, and a clone whose project says more.
fn world_with(config: &str) -> World {
    let world = World::new();
    world.trusts_nothing();
    let seed = world.clone("seed2");
    seed.publish("lockstep.toml", config);
    world.tool("tofu");
    world
}

const DATA: &str = "[params]\nmark = \"none\"\n[data.x]\ncommand = [\"touch\", \"{{ mark }}\"]\n";

#[test]
fn an_environment_of_the_project_is_agreed_to_before_a_command_gets_it() {
    let world = world_with("[env]\nKUBECONFIG = \"kube.yaml\"\n");
    let a = world.clone("a");
    let out = a.alias("tofu apply").run();
    out.code(78).says("is not trusted, and with your rights it\n    lockstep.toml: sets KUBECONFIG");
    out.says("hint: if you trust what is in this clone: lockstep trust");
    assert_eq!((world.called().len(), world.lock_state("alpha/prod")), (0, "none".to_owned()));
    // Rendering sets nothing.
    a.lockstep("build -- alpha prod").run().code(0);
    a.lockstep("trust").run().code(0).says("lockstep.toml: sets KUBECONFIG");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.calls()[0].env("KUBECONFIG").as_deref(), Some("kube.yaml".as_ref()));
    // Other words are another matter, and so is another clone.
    a.publish("lockstep.toml", "[env]\nKUBECONFIG = \"other.yaml\"\n");
    a.alias("tofu apply").run().code(78).says("sets KUBECONFIG");
    let b = world.clone("b");
    b.alias("tofu apply").run().code(78);
    // Whoever set a CI job up chose what it checks out.
    b.alias("tofu apply").env("CI", "true").run().code(0);
    b.alias("tofu apply").env("LOCKSTEP_TRUSTED_PATHS", world.path("b")).run().code(0);
}

#[test]
fn a_module_is_no_way_around_it_and_neither_is_another_remote_in_the_same_place() {
    let world = world_with("");
    let a = world.clone("a");
    a.write("modules/alpha/module.toml", "[exec]\nunset = [\"HTTPS_PROXY\"]\n");
    a.lockstep("build exec -- beta prod tofu plan").run().code(0);
    a.lockstep("build exec -- alpha prod tofu plan").run().code(78).says("unsets HTTPS_PROXY");
    a.lockstep("trust").run().code(0);
    a.lockstep("build exec -- alpha prod tofu plan").run().code(0);
    a.git("remote set-url origin https://elsewhere.invalid/x.git");
    a.lockstep("build exec -- alpha prod tofu plan").run().code(78);
}

#[test]
fn data_starts_nothing_before_that_and_what_needs_none_is_rendered() {
    let world = world_with(DATA);
    let a = world.clone("a");
    let mark = world.sign("mark");
    a.write("profiles/prod.toml", format!("[params]\nregion = \"r\"\nmark = \"{}\"\n", mark.display()));
    a.write("modules/beta/x", "{{ data.x }}");
    a.lockstep("build -- alpha prod").run().code(0);
    for line in ["build", "build --check", "build --print x", "diff", "validate"] {
        let out = a.lockstep(line).words("-- beta prod").run();
        out.code(78).says("lockstep.toml: data.x starts `touch {{ … }}`").says("lockstep trust");
        assert!(!mark.exists(), "{out}");
    }
    for line in [
        "list",
        "why beta/prod",
        "affected",
        "graph",
        "describe -- beta prod",
        "--dry-run build -- beta prod",
    ] {
        let out = a.lockstep(line).run();
        out.code(0);
        assert!(!mark.exists(), "{out}");
    }
    a.lockstep("trust").run().code(0);
    // It prints no JSON, so that the build fails all the same: it has run.
    a.lockstep("build -- beta prod").run().code(78).never_says("trust");
    assert!(mark.exists());
}

#[test]
fn commands_of_secrets_count_wherever_they_are_written() {
    let world = world_with("");
    let a = world.clone("a");
    let secret = "{{ secret(command=['head', '-c4', '/dev/zero']) }}";
    let wanted = "a secret starts `head -c4 /dev/zero`";
    a.write("modules/beta/x", secret);
    a.lockstep("build -- beta prod").run().code(78).says("modules/beta/x: ").says(wanted);
    a.write("modules/beta/x", "{{ v }}");
    a.write("profiles/prod.toml", format!("[params]\nregion = 'r'\nv = \"{secret}\"\n"));
    a.lockstep("build -- beta prod").run().code(78).says("profiles/prod.toml: ").says(wanted);
    a.lockstep("trust").run().code(0);
    a.lockstep("build -- beta prod").run().code(0);
    // In a way in which it cannot be read before it runs.
    a.write("modules/beta/x", "{% set s = secret %}{{ s(command=['head', '-c5', '/dev/zero']) }}");
    a.lockstep("build -- beta prod").run().code(78).says("starts `head -c5 /dev/zero`");
    // What the user has typed needs nobody's word.
    a.write("modules/beta/x", "{{ v }}");
    a.write("profiles/prod.toml", "[params]\nregion = 'r'\nv = ''\n");
    a.lockstep("trust --revoke").run().code(0).says("is trusted no more");
    a.lockstep("build --set").arg(format!("v={secret}")).words("-- beta prod").run().code(0);
}

#[test]
fn a_program_of_the_project_is_asked_for_its_version_only_by_a_run_of_a_trusted_one() {
    let world = world_with("[tools.evil]\nversion = \">=1\"\n");
    let a = world.clone("a");
    crate::harness::write_script(&a.path(".dist/alpha/prod"), "evil", "touch \"$0.started\"\necho 1.0.0\n");
    a.write("workflows/deploy.toml", "steps = [\"build\", \"./evil:\"]\n");
    let out = a.lockstep("deploy -- alpha prod").run();
    out.code(78).says("starts `./evil --version`");
    assert!(!a.has(".dist/alpha/prod/evil.started"), "{out}");
    a.lockstep("deploy -- alpha prod").env("CI", "true").run().code(0);
}

#[test]
fn links_and_pipes_in_a_clone_stop_nobody_from_being_asked() {
    let world = world_with("[data.x]\ncommand = [\"true\"]\n");
    let a = world.clone("a");
    for (name, target) in
        [("modules/beta/up", "."), ("modules/beta/again", "."), ("modules/beta/zero", "/dev/zero")]
    {
        std::os::unix::fs::symlink(target, a.path(name)).expect("the world is writable");
    }
    a.lockstep("trust").run().code(0).says("lockstep.toml: data.x starts `true`");
}

fn on_terminal(world: &World, at: &Checkout<'_>) -> Terminal {
    Terminal::lockstep(world, at.dir(), &format!("{ALIAS} tofu plan").split(' ').collect::<Vec<_>>())
}

#[test]
fn a_person_is_asked_once() {
    let world = world_with("[env]\nA = \"1\"\n");
    let a = world.clone("a");
    let mut terminal = on_terminal(&world, &a);
    terminal.wait_for("Do you trust it? [y/N]");
    terminal.types("\n");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 78", "{screen}");
    assert!(screen.contains("lockstep.toml: sets A") && world.calls().is_empty(), "{screen}");
    let mut terminal = on_terminal(&world, &a);
    terminal.wait_for("Do you trust it? [y/N]");
    terminal.types("y\n");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
    let (status, screen) = on_terminal(&world, &a).finish();
    assert_eq!((status.as_str(), screen.contains("trust")), ("exit 0", false), "{screen}");
    let list = a.lockstep("trust --list").run();
    list.code(0).prints(&format!("{}\n", a.dir().display()));
    a.lockstep("trust --revoke").run().code(0);
    a.lockstep("trust --list --json").run().code(0).prints("[]\n");
    a.alias("tofu plan").run().code(78);
}

#[cfg(feature = "dynamodb")]
#[test]
fn credentials_of_the_user_are_not_used_as_a_clone_says() {
    let aws = "[lock]\nbackend = \"dynamodb\"\n[lock.dynamodb]\ntable = \"tab-le\"\nregion = \"us-east-1\"\n";
    let world = world_with(&format!("{aws}profile = \"admin\"\nendpoint_url = \"http://127.0.0.1:9\"\n"));
    let a = world.clone("a");
    let sign = world.sign("asked");
    let process = crate::harness::write_script;
    process(&world.path("bin"), "give-keys", &format!("touch '{}'\n", sign.display()));
    let config = format!("[profile admin]\ncredential_process = {}\n", world.path("bin/give-keys").display());
    std::fs::create_dir_all(world.path("home/.aws")).expect("the world is writable");
    std::fs::write(world.path("home/.aws/config"), config).expect("the world is writable");
    let wanted = "lockstep.toml: the lock uses the AWS profile `admin`";
    for line in ["locks", "log", "freeze --reason x alpha/prod", "build lock exec unlock -- alpha prod tofu"]
    {
        a.lockstep(line).run().code(78).says(wanted).says("sends AWS requests to `http://127.0.0.1:9`");
    }
    a.lockstep("describe -- alpha prod").run().code(0).says("the lock cannot be looked at").says(wanted);
    let doctor = a.lockstep("doctor").run();
    assert!(doctor.stdout().contains("not looked at: the project names the credentials"), "{doctor}");
    assert!(!sign.exists(), "nobody's keys were asked for");
    a.lockstep("trust").run().code(0);
    let out = a.lockstep("locks").run();
    assert!(sign.exists() && out.status.code() != Some(0), "{out}");
    a.write("lockstep.toml", format!("{aws}endpoint_url = \"http://evil.example\"\n"));
    a.lockstep("list").run().code(78).says("lockstep.toml:6").says("must be https");
}

#[test]
fn a_line_that_was_made_for_one_project_runs_in_no_other() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b c"));
    world.tool("tofu");
    let line = a.lockstep("alias --shell bash tofu=alpha/prod").run().stdout();
    let line = line.strip_prefix("alias tofu='").and_then(|line| line.strip_suffix("'\n")).expect("an alias");
    let run = |at: &Checkout<'_>| world.program("sh", at.dir()).args(["-c", &format!("{line} apply")]).run();
    run(&a).code(0);
    let out = run(&b);
    let [a_dir, b_dir] = [&a, &b].map(|at| at.dir().display().to_string());
    out.code(78).says(&format!("for the project `{a_dir}`, and not for `{b_dir}`"));
    out.says("hint: for this project: lockstep alias tofu=alpha/prod");
    let out = run(&Checkout::at(&world, "home"));
    out.code(78).says("and there is none here").says(&format!("hint: cd {a_dir}"));
    // A clone that was moved is another place.
    std::fs::rename(a.dir(), world.path("moved")).expect("the world is writable");
    run(&Checkout::at(&world, "moved")).code(78).says("lockstep alias tofu=alpha/prod");
    // What a person writes by hand is bound to nothing.
    b.alias("tofu apply").run().code(0);
    b.lockstep("shim ../shims tofu=alpha/prod").run().code(0);
    let shim = world.path("shims/tofu");
    let text = std::fs::read_to_string(&shim).expect("just written");
    assert!(text.contains(&format!("--only-in '{b_dir}' build")), "{text}");
    world.program("../shims/tofu", b.dir()).arg("plan").run().code(0);
    world.program("../shims/tofu", &world.path("moved")).arg("plan").run().code(78).says("for the project");
    assert_eq!(world.called().len(), 3);
}
