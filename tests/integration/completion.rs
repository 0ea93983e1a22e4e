//! Completion in real shells: what TAB makes of a line, and that it leaves nothing behind.

use serde_json::json;

use crate::harness::{Cmd, Shell, World, fish, write_script};

/// In place of running lockstep: shows what the shell would have handed over.
const SHOW: &str = "lockstep() { printf '<%s>' \"$@\"; printf '\\n'; }";

fn world() -> World {
    let world = World::new();
    let a = world.clone("a");
    a.write("workflows/deploy.toml", "description = \"apply and tell\"\nsteps = [\"build\", \"exec\"]\n");
    a.write("modules/beta/module.toml", "profiles = [\"dev\"]\ntags = [\"network\"]\n");
    a.write("file with blanks", "");
    a.commit("More names");
    a.git("push -q");
    world
}

fn bash(world: &World) -> Shell {
    let mut shell = Shell::bash(world, &world.path("a"));
    shell.line("source <(lockstep completions bash)");
    shell.line(SHOW);
    shell
}

#[test]
fn bash_completes_words_names_and_options() {
    let world = world();
    let mut shell = bash(&world);
    for (typed, shown) in [
        ("lockstep git-c\tex\t-- al\tp\t", "<git-check><exec><--><alpha><prod>"),
        ("lockstep depl\t-- bet\t\t", "<deploy><--><beta><dev>"),
        ("lockstep build -- tag:n\tp\t", "<build><--><tag:network><prod>"),
        ("lockstep why al\tp\t", "<why><alpha/prod>"),
        ("lockstep --color=al\tgit-p\t", "<--color=always><git-push>"),
        ("lockstep --color ne\tfree\t--re\tx b\t", "<--color><never><freeze><--reason><x><beta/dev>"),
        ("lockstep alias tofu=be\t", "<alias><tofu=beta/dev>"),
        ("lockstep say:a:b buil\t", "<say:a:b><build>"),
        ("lockstep --params file\tbuil\t", "<--params><file with blanks><build>"),
        ("lockstep build tofu:x -- alpha dev file\t", "<build><tofu:x><--><alpha><dev><file with blanks>"),
    ] {
        shell.line(typed);
        assert!(shell.screen().contains(shown), "{typed:?} is not {shown}\n{}", shell.screen());
    }
    shell.types("lockstep git-\t", "git-check");
    shell.types("", "git-push");
    shell.gives_up();
    assert!(!world.path("a/.dist").exists() && world.origin_refs("refs/lockstep").is_empty());
}

#[test]
fn bash_goes_on_with_the_tools_own_completion() {
    let world = world();
    let mut shell = bash(&world);
    write_script(
        &world.path("bin"),
        "asked",
        "echo \"$COMP_LINE|$COMP_POINT|$1|$2|$3\" >> \"$HOME/asked\"\necho apply-it\n",
    );
    for line in [
        "_tool() { printf '%s|' \"$COMP_LINE\" \"$COMP_CWORD\" \"${COMP_WORDS[@]}\" \"$@\" >> \"$HOME/called\"; COMPREPLY=(plan-it); }",
        "complete -F _tool tofu; complete -C asked helm; complete -W 'get delete' kubectl",
        "_load() { [[ $1 == ansible ]] && complete -W 'playbook' ansible && return 124; }; complete -D -F _load",
    ] {
        shell.line(line);
    }
    let before = "lockstep --set a=b build exec -- alpha prod";
    for (typed, shown) in [
        ("tofu -x=y pl\t", "<tofu><-x=y><plan-it>"),
        ("helm ap\t", "<helm><apply-it>"),
        ("kubectl g\t", "<kubectl><get>"),
        ("ansible pl\t", "<ansible><playbook>"),
        ("unknown file\t", "<unknown><file with blanks>"),
        ("locks\tx", "<lockstep><x>"),
    ] {
        shell.line(&format!("{before} {typed}"));
        assert!(shell.screen().contains(shown), "{typed:?} is not {shown}\n{}", shell.screen());
    }
    let read = |name: &str| std::fs::read_to_string(world.path("home").join(name)).expect("it was asked");
    assert_eq!(read("called"), "tofu -x=y pl|4|tofu|-x|=|y|pl|tofu|pl|y|");
    assert_eq!(read("asked"), "helm ap|7|helm|ap|helm\n");
}

#[test]
fn an_alias_keeps_the_completion_of_its_tool_in_bash() {
    let world = world();
    let mut shell = Shell::bash(&world, &world.path("a"));
    world.tool("kubectl").does(json!([{ "print": "pods\n" }]));
    shell.line("source <(lockstep alias --shell bash kubectl=alpha/prod)");
    // As programs made with cobra have it: the word that was typed is run, by way of `eval`.
    shell.line("_k() { COMPREPLY=($(eval \"${COMP_WORDS[0]} __complete $2\")); }; complete -F _k kubectl");
    shell.types("kubectl po\t", "kubectl pods ");
    shell.gives_up();
    let calls = world.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].argv, ["__complete", "po"]);
    assert!(world.origin_refs("refs/lockstep").is_empty(), "TAB takes no lock");
    shell.line("kubectl get");
    assert_eq!(world.calls()[1].argv, ["get"]);
}

#[test]
fn zsh_completes_and_goes_on_with_the_tools_own() {
    let world = world();
    let mut shell = Shell::zsh(&world, &world.path("a"));
    shell.line("source <(lockstep completions zsh)");
    shell.line(SHOW);
    shell.line("_tool() { compadd plan-it }; compdef _tool tofu");
    for (typed, shown) in [
        ("lockstep git-c\tex\t-- al\tp\t", "<git-check><exec><--><alpha><prod>"),
        ("lockstep depl\t-- bet\td\t", "<deploy><--><beta><dev>"),
        ("lockstep build -- tag:n\tp\t", "<build><--><tag:network><prod>"),
        ("lockstep why al\tp\t", "<why><alpha/prod>"),
        ("lockstep --color=al\tgit-p\t", "<--color=always><git-push>"),
        ("lockstep say:a:b buil\t", "<say:a:b><build>"),
        ("lockstep --params file\tbuil\t", "<--params><file with blanks><build>"),
        ("lockstep build exec -- alpha prod tofu pl\t", "<tofu><plan-it>"),
    ] {
        shell.line(typed);
        assert!(shell.screen().contains(shown), "{typed:?} is not {shown}\n{}", shell.screen());
    }
    // Aliases are looked through, to the tool that they end with.
    shell.line("unfunction lockstep; source <(lockstep alias --shell zsh tofu=alpha/prod)");
    world.tool("tofu");
    shell.line("tofu pl\t");
    assert_eq!(world.calls()[0].argv, ["plan-it"]);
}

#[test]
fn fish_completes_and_goes_on_with_the_tools_own() {
    let world = world();
    let (program, libraries) = fish();
    let run = |script: &str| {
        let fish = Cmd::new(&world, program.clone(), &world.path("a")).args(["--no-config", "-c", script]);
        let out = match &libraries {
            Some(libraries) => fish.env("LD_LIBRARY_PATH", libraries).run(),
            None => fish.run(),
        };
        out.code(0);
        assert_eq!(out.stderr(), "", "{script}");
        out.stdout()
    };
    let complete = |line: &str| {
        run(&format!(
            "lockstep completions fish | source; complete -c tofu -f -a 'plan-it\\tPlan'; complete -C '{line}'"
        ))
    };
    assert_eq!(
        complete("lockstep git-c"),
        "git-check\trefuse unless the working tree is clean and current with its upstream\n"
    );
    assert_eq!(complete("lockstep build exec -- al"), "alpha\n");
    assert_eq!(complete("lockstep build -- tag:n"), "tag:network\n");
    assert_eq!(complete("lockstep build exec -- beta "), "dev\n");
    assert_eq!(complete("lockstep why alpha/p"), "alpha/prod\n");
    assert_eq!(complete("lockstep --color=al"), "--color=always\tAlways\n");
    assert_eq!(complete("lockstep depl"), "deploy\tapply and tell\n");
    assert!(complete("lockstep build exec -- alpha prod tofu pl").starts_with("plan-it"));
    assert!(complete("lockstep --params file").contains("file"));
    assert!(complete("tofu pl").starts_with("plan-it"));
    let aliased = run(
        "complete -c tofu -f -a 'plan-it'; lockstep alias --shell fish tofu=alpha/prod | source; complete -C 'tofu pl'",
    );
    assert_eq!(aliased, "plan-it\n", "the function keeps the tool's completion");
    world.tool("tofu");
    run("lockstep alias --shell fish --steps '-q build exec' tofu=alpha/prod | source; tofu apply 'a b' ''");
    assert_eq!(world.calls()[0].argv, ["apply", "a b", ""]);
}

#[test]
fn what_asks_for_candidates_is_never_told_of_trouble() {
    let world = world();
    let a = world.path("a");
    let ask = |words: &str| world.program("lockstep", &a).arg("__complete").words(words).run();
    for words in ["", "x", "99 lockstep", "1", "-1 lockstep", "3 lockstep -- nope"] {
        let out = ask(words);
        out.code(0);
        assert_eq!(out.stderr(), "", "{words}");
    }
    std::fs::write(a.join("lockstep.toml"), "nonsense").expect("the world is writable");
    let out = ask("2 lockstep --");
    out.code(0).prints("");
    assert_eq!(out.stderr(), "");
}
