//! The command line: what is a usage error, what a dry run shows, and what help says.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::json;

use crate::harness::{ALIAS, World, snap};

#[test]
fn never_again_an_unknown_step_runs_as_a_command_before_the_lock_is_taken() {
    let world = World::new();
    let a = world.clone("a");
    // Even if a program of that name exists.
    world.tool("git-chek");
    world.tool("tofu");
    let out = a.lockstep("build git-chek lock exec -- alpha prod tofu apply").run();
    out.code(64).prints("").says("git-chek").says("git-check");
    assert!(world.called().is_empty());
    assert!(world.origin_refs("refs/lockstep").is_empty());
    assert!(!a.has(".dist"), "nothing is done before the whole plan is checked");
    snap!(out);
}

#[test]
fn never_again_a_missing_double_dash_hangs() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let out =
        a.lockstep("build git-check lock exec git-push unlock-any alpha prod tofu plan").open_stdin().run();
    out.code(64).prints("").says("--");
    assert!(world.called().is_empty());
    snap!(out);
}

#[test]
fn never_again_exec_without_a_command_counts_as_success() {
    let world = World::new();
    let a = world.clone("a");
    let out = a.lockstep("build git-check lock exec git-push unlock-any -- alpha prod").run();
    out.code(64).prints("");
    assert!(world.origin_refs("refs/lockstep").is_empty());
    snap!(out);
}

#[test]
fn exec_twice_is_refused() {
    let world = World::new();
    let out = world.clone("a").lockstep("build exec exec -- alpha prod true").run();
    out.code(64);
    snap!(out);
}

#[test]
fn arguments_without_one_command_to_take_them_are_refused() {
    let world = World::new();
    let a = world.clone("a");
    let none = a.lockstep("build -- alpha prod tofu plan").run();
    none.code(64);
    snap!("arguments_and_no_command", none);
    let several = a.lockstep("build true: false: -- alpha prod more").run();
    several.code(64);
    snap!("arguments_and_several_commands", several);
}

#[test]
fn arguments_are_appended_to_the_one_inline_command() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.lockstep("build tofu:plan:-out:x -- alpha prod").arg("a b").arg("c:d").run().code(0);
    assert_eq!(world.calls()[0].argv, ["plan", "-out", "x", "a b", "c:d"]);
}

#[test]
fn an_escaped_colon_is_a_colon() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tool");
    a.lockstep("build").args([r"tool:a\:b", "--", "alpha", "prod"]).run().code(0);
    assert_eq!(world.calls()[0].argv, ["a:b"]);
}

#[test]
fn never_again_var_a_colon_b_and_two_words_are_torn_apart() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let args =
        ["plan", "-var", "a:b", "two words", r"back\:slash", "", "-var", "x=\"y\" 'z'", "--", "--help", "-q"];
    a.lockstep("build exec -- alpha prod tofu").args(args).run().code(0);
    assert_eq!(world.calls()[0].argv, args);
}

#[test]
fn arguments_that_are_not_text_arrive_byte_for_byte() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let args =
        [b"\xff\xfe".as_slice(), b"line\nbreak", b"\x1b[31m", b"*", b"$HOME", b"a;b"].map(OsStr::from_bytes);
    a.lockstep("build exec -- alpha prod tofu").args(args).run().code(0);
    assert_eq!(world.calls()[0].argv, args);
}

#[test]
fn never_again_template_braces_in_an_argument_abort_or_vanish_in_our_own_messages() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(3);
    let args = ["plan", "-var", "x={{ nope }}", "{0}", "%s", "{% if %}", "{bar} {msg}"];
    let out = a.lockstep("-v build exec -- alpha prod tofu").args(args).run();
    out.code(3);
    assert_eq!(world.calls()[0].argv, args);
    let dry = a.lockstep("--dry-run build exec -- alpha prod tofu").args(args).run();
    dry.code(0).says("x={{ nope }}").says("{0}").says("%s").says("{% if %}").says("{bar} {msg}");
    let inline = a.lockstep("build").args(["tofu:{{ x }}:{0}", "--", "alpha", "prod"]).run();
    inline.code(3);
    assert_eq!(world.calls()[1].argv, ["{{ x }}", "{0}"]);
}

#[test]
fn a_dry_run_shows_the_plan_and_does_nothing() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let out = a.lockstep("--dry-run").words(ALIAS).words("tofu apply").run();
    out.code(0).prints("");
    assert!(world.called().is_empty());
    assert!(!a.has(".dist"));
    assert!(!a.has(".git/lockstep"));
    assert!(world.origin_refs("refs/lockstep").is_empty());
    snap!(out);
}

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    for (name, words) in [
        ("unlock_before_push", "build git-check lock exec unlock git-push"),
        ("unlock_any_before_push", "build git-check lock exec unlock-any git-push"),
        ("lock_twice", "build lock lock exec unlock"),
    ] {
        let out = a.lockstep(words).words("-- alpha prod tofu apply").run();
        out.code(64);
        snap!(name, out);
    }
    assert!(world.called().is_empty());
    assert!(world.origin_refs("refs/lockstep").is_empty());
}

#[test]
fn a_program_that_does_not_exist_is_found_out_before_the_lock_is_taken() {
    let world = World::new();
    let a = world.clone("a");
    let out = a.alias("tofuu plan").run();
    out.code(127).says("tofuu");
    snap!("program_not_found", out);
    std::fs::write(world.path("bin/notes"), "text").expect("the world is writable");
    let out = a.lockstep("build lock exec unlock -- alpha prod").arg(world.path("bin/notes")).run();
    out.code(126);
    snap!("program_not_executable", out);
    assert!(world.origin_refs("refs/lockstep").is_empty());
}

#[test]
fn units_that_do_not_exist_are_named_with_the_nearest_match() {
    let world = World::new();
    let a = world.clone("a");
    for (name, unit) in [("module", "alpa prod"), ("profile", "alpha prd"), ("hostile", "../alpha prod")] {
        let out = a.lockstep("build --").words(unit).run();
        assert!(matches!(out.status.code(), Some(64 | 78)), "{out}");
        snap!(format!("unknown_{name}"), out);
    }
    let out = a.lockstep("build -- alpha").run();
    out.code(64);
    snap!("unknown_no_profile", out);
}

#[test]
fn outside_of_a_project_the_way_to_one_is_shown() {
    let world = World::new();
    let out = world.clone("a").lockstep("build -- alpha prod").cwd(world.path("home")).run();
    out.code(78);
    snap!(out);
}

#[test]
fn a_dot_stands_for_where_the_user_is() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.lockstep("build exec -- . prod tofu").cwd("modules/beta").run().code(0);
    a.lockstep("build exec -- . . tofu").cwd(".dist/beta/prod").run().code(0);
    a.lockstep("build exec -- . . tofu").cwd("modules/alpha").env("LOCKSTEP_PROFILE", "dev").run().code(0);
    let places: Vec<_> = world.calls().into_iter().map(|c| c.cwd).collect();
    assert_eq!(places, [a.path(".dist/beta/prod"), a.path(".dist/beta/prod"), a.path(".dist/alpha/dev")]);
    let out = a.lockstep("build -- . prod").run();
    out.code(64);
    snap!(out);
}

#[test]
fn another_directory_can_be_named() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.lockstep("-C a/modules build exec -- alpha prod tofu").cwd(world.path("")).run().code(0);
    let call = &world.calls()[0];
    assert_eq!(call.cwd, a.path(".dist/alpha/prod"));
}

#[test]
fn hostile_words_never_reach_the_terminal_raw() {
    let world = World::new();
    let a = world.clone("a");
    for words in [
        ["build\u{1b}[2J", "--", "alpha", "prod"],
        ["build", "--", "al\u{1b}[2Jpha", "prod"],
        ["build", "--", "alpha", "pr\nod"],
    ] {
        let out = a.lockstep("").args(words).run();
        assert!(matches!(out.status.code(), Some(64 | 78)), "{out}");
        assert!(!out.stderr().contains('\u{1b}'), "{out}");
    }
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").does(json!([{ "print": "planned\n" }]));
    let out = a.lockstep("-q").words(ALIAS).words("tofu plan").run();
    out.code(0).prints("planned\n");
    assert_eq!(out.stderr(), "");
}

#[test]
fn help_teaches() {
    let world = World::bare();
    for words in ["--help", "help steps", "help exit-codes", "--version", ""] {
        let out = world.program("lockstep", &world.path("home")).words(words).run();
        let name = format!("help_{}", words.replace("--", "").replace([' ', '-'], "_"));
        assert!(matches!((out.status.code(), words), (Some(0), _) | (Some(64), "")), "{out}");
        snap!(name, out);
    }
}

#[test]
fn help_names_every_exit_code() {
    let world = World::bare();
    let help = world.program("lockstep", &world.path("home")).words("help exit-codes").run();
    let text = help.stdout() + &help.stderr();
    for code in lockstep::ExitCode::ALL {
        let wanted = [code.code().to_string(), code.meaning().to_owned()];
        assert!(wanted.iter().all(|w| text.contains(w)), "{wanted:?} is missing in\n{help}");
    }
}

#[test]
fn closed_descriptors_and_missing_variables_are_no_defects() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let sh = |line: &str| world.program("sh", a.dir()).args(["-c", line]);
    sh(&format!("lockstep {ALIAS} tofu plan 2>&-")).run().code(0);
    sh(&format!("lockstep {ALIAS} tofu plan <&- >&-")).run().code(0);
    let help = sh("lockstep --help >&-").run();
    assert!(matches!(help.status.code(), Some(0 | 74)), "{help}");
    sh("lockstep --help | true").run().code(0);
    a.alias("tofu plan").without_env("HOME").without_env("LOCKSTEP_OWNER").run().code(0);
    let gone = sh("mkdir gone && cd gone && rm -r ../gone && lockstep build -- alpha prod").run();
    assert!(matches!(gone.status.code(), Some(74 | 78)), "{gone}");
    snap!(gone);
}

#[test]
fn parameters_can_come_from_a_file() {
    let world = World::new();
    let a = world.clone("a");
    a.write("over.toml", "region = \"from toml\"\n");
    a.write("over.json", "{\"region\": \"from json\"}");
    let region = |words: &str| {
        a.lockstep(words).words("build -- alpha prod").run().code(0);
        a.read(".dist/alpha/prod/main.tf").lines().nth(1).map(str::to_owned)
    };
    assert_eq!(region("--params over.toml").as_deref(), Some("region = \"from toml\""));
    assert_eq!(region("--params over.json").as_deref(), Some("region = \"from json\""));
    assert_eq!(region("--params over.json --set region=x").as_deref(), Some("region = \"x\""));
    let out = a.lockstep("--params nope.toml build -- alpha prod").run();
    assert!(matches!(out.status.code(), Some(64 | 74 | 78)), "{out}");
    snap!(out);
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let world = World::new();
    let a = world.clone("a");
    let colour = |option: &str, vars: &[(&str, &str)]| {
        let command = a.lockstep(option).words("build -- alpha nope").without_env("NO_COLOR");
        let out = vars.iter().fold(command, |c, (name, value)| c.env(name, value)).run();
        out.code(64);
        out.stderr().contains('\u{1b}')
    };
    assert!(!colour("", &[]), "no terminal, no colour");
    assert!(colour("--color always", &[]));
    assert!(colour("--color always", &[("NO_COLOR", "1")]), "the option is the last word");
    assert!(colour("", &[("CLICOLOR_FORCE", "1")]));
    assert!(!colour("--color never", &[("CLICOLOR_FORCE", "1")]));
    let mut terminal = crate::harness::Terminal::lockstep(&world, a.dir(), &["build", "--", "alpha", "nope"]);
    terminal.wait_for("error:");
    let (status, screen) = terminal.finish();
    assert_eq!(
        (status.as_str(), screen.contains('\u{1b}')),
        ("exit 64", false),
        "NO_COLOR is respected: {screen:?}"
    );
}

#[test]
fn completions_are_printed_for_every_shell() {
    let world = World::bare();
    for shell in ["bash", "zsh", "fish"] {
        let out = world.program("lockstep", &world.path("home")).words("completions").arg(shell).run();
        out.code(0);
        assert_eq!(out.stderr(), "");
        for word in ["lockstep", "__complete"] {
            assert!(out.stdout().contains(word), "{shell}: {word}\n{out}");
        }
    }
}
