//! What a hostile clone, branch or lock record holds acts on nothing: not on memory, not on the
//! terminal, not on the CI service that reads the log.

use std::fs::File;
use std::os::unix::fs::symlink;

use crate::harness::{Checkout, Cmd, World};

/// The binary with no more memory than a hostile clone may cost.
fn limited<'w>(world: &'w World, a: &Checkout<'w>, words: &str) -> Cmd<'w> {
    let line = "ulimit -v 700000; exec \"$0\" \"$@\"";
    Cmd::new(world, "/bin/sh", a.dir()).args(["-c", line, env!("CARGO_BIN_EXE_lockstep")]).words(words)
}

/// A file of so many MiB that takes no room on the disk.
fn huge(a: &Checkout<'_>, path: &str, mebibytes: u64) {
    a.write(path, "");
    let file = File::options().write(true).open(a.path(path)).expect("the world is writable");
    file.set_len(mebibytes << 20).expect("the world is writable");
}

fn replace(a: &Checkout<'_>, path: &str, make: impl FnOnce(&std::path::Path)) {
    let path = a.path(path);
    let _ = std::fs::remove_file(&path);
    make(&path);
}

fn pipe(path: &std::path::Path) {
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).expect("the world is writable");
}

/// Puts something at a path.
type Make<'m> = &'m dyn Fn(&std::path::Path);

const LOOKS: [&str; 7] = [
    "list",
    "why alpha/prod",
    "graph",
    "affected --base HEAD",
    "build --check -- alpha prod",
    "validate -- alpha prod",
    "build -- alpha prod",
];

#[test]
fn configuration_is_a_regular_file_of_the_project_and_of_bounded_size() {
    let world = World::new();
    let a = world.clone("a");
    let outside = world.sign("outside.toml");
    std::fs::write(&outside, "[params]\n").expect("the world is writable");
    for file in ["profiles/prod.toml", "lockstep.toml"] {
        let before = std::fs::read(a.path(file)).unwrap_or_default();
        let cases: [(&str, Make<'_>); 4] = [
            ("it is a link that leads out of the project", &|path| {
                symlink("/dev/zero", path).expect("the world is writable");
            }),
            ("it is a link that leads out of the project", &|path| {
                symlink(&outside, path).expect("the world is writable");
            }),
            ("it is not a regular file", &pipe),
            ("it is larger than 1 MiB", &|_| huge(&a, file, 900)),
        ];
        for (why, make) in cases {
            replace(&a, file, make);
            for words in LOOKS {
                limited(&world, &a, words).run().code(78).says(file).says(why);
            }
            // These say it in their own way, and end.
            let _ = limited(&world, &a, "doctor --offline").run();
            let _ = limited(&world, &a, "__complete lockstep why alpha/").run();
        }
        replace(&a, file, |path| std::fs::write(path, &before).expect("the world is writable"));
    }
}

#[test]
fn files_of_modules_and_of_the_project_are_bounded() {
    let world = World::new();
    let a = world.clone("a");
    huge(&a, "modules/alpha/huge.bin", 900);
    let build = "build --force -- alpha prod";
    limited(&world, &a, build).run().code(78).says("`modules/alpha/huge.bin` is larger than 64 MiB");
    huge(&a, "modules/alpha/huge.bin", 40);
    huge(&a, "modules/alpha/other.bin", 40);
    limited(&world, &a, build).run().code(78).says("holds more than 64 MiB in all").says("{{ root }}");
    std::fs::remove_file(a.path("modules/alpha/huge.bin")).expect("it is there");
    std::fs::remove_file(a.path("modules/alpha/other.bin")).expect("it is there");
    huge(&a, "shared/huge", 900);
    a.write("modules/alpha/x", "{{ file('shared/huge') }}");
    limited(&world, &a, build).run().code(78).says("modules/alpha/x:1").says("it is larger than 4 MiB");
    a.write("modules/alpha/x", "{{ secret(command=['cat', 'shared/huge']) }}");
    limited(&world, &a, build).run().code(78).says("printed more than");
}

#[test]
fn values_that_double_end_with_an_error_at_their_line() {
    let world = World::new();
    let a = world.clone("a");
    let double = |first: &str, next: &str| {
        let lines =
            (1..30).map(|n| format!("x{n} = \"{{{{ {} }}}}\"\n", next.replace('X', &format!("x{}", n - 1))));
        format!("[params]\nregion = \"eu-west\"\nx0 = \"{{{{ {first} }}}}\"\n{}", lines.collect::<String>())
    };
    for (first, next) in [
        ("[1,2]", "[X,X,X]"),
        ("[1,2]", "X + X"),
        ("'abcdefgh' * 1000", "X ~ X"),
        ("'abcdefgh' * 1000", "[X, X]|join(X)"),
    ] {
        a.write("profiles/prod.toml", double(first, next));
        a.write("modules/alpha/x", "{{ x29 | length }}");
        for words in ["why alpha/prod", "build -- alpha prod"] {
            let out = limited(&world, &a, words).run();
            out.code(78).says("profiles/prod.toml:");
            let said =
                ["MiB", "1 million items", "too deeply"].iter().any(|word| out.stderr().contains(word));
            assert!(said, "{next}: {out}");
        }
        limited(&world, &a, "affected --base HEAD --why").run().says("alpha/prod");
    }
}

#[test]
fn one_file_that_writes_without_end_is_an_error_at_its_line() {
    let world = World::new();
    let a = world.clone("a");
    let raw = "raw ".repeat(1000);
    for (template, line) in [
        (format!("\n{{% for i in range(100000) %}}{raw}{{% endfor %}}"), 2),
        (format!("{{% set x %}}\n{{% for i in range(100000) %}}{raw}{{% endfor %}}{{% endset %}}"), 2),
        (format!("{{% for i in range(100000) %}}\n{{{{ '{raw}' }}}}{{% endfor %}}"), 2),
        ("\n{% for i in range(100000) %}{% include 'part' %}{% endfor %}".to_owned(), 1),
        ("\n{{ '%9999d' * 99999 }}".to_owned(), 2),
    ] {
        a.write("modules/alpha/part", &raw);
        a.write("modules/alpha/x", &template);
        let out = limited(&world, &a, "build -- alpha prod").run();
        let file = if template.contains("include") { "modules/alpha/part" } else { "modules/alpha/x" };
        if template.contains("9999d") {
            out.code(0);
        } else {
            out.code(78).says(&format!("{file}:{line}")).says("MiB");
        }
    }
}

/// Whether a runner of GitHub's or of Azure Pipelines would take a line for a command.
fn commands(text: &str) -> Vec<&str> {
    let mark = |line: &str| {
        line.match_indices("##").any(|(at, _)| {
            line[at + 2..].trim_start_matches(|c: char| c.is_ascii_alphanumeric()).starts_with('[')
        })
    };
    let ours = |line: &str| {
        ["::error title=lockstep", "::group::", "::endgroup::"].iter().any(|one| line.starts_with(one))
    };
    text.lines().filter(|line| mark(line) || line.trim_start().starts_with("::") && !ours(line)).collect()
}

fn harmless(out: &crate::harness::Output) {
    for text in [out.stdout(), out.stderr()] {
        assert_eq!(commands(&text), Vec::<&str>::new(), "{out}");
        let acts = |c: char| {
            c.is_control() && c != '\n' && c != '\t' || "\u{202e}\u{2066}\u{200f}\u{61c}".contains(c)
        };
        assert!(!text.contains(acts), "{out}");
    }
}

const EVIL: &str =
    "x\n::error::pwned\n  ::set-output name=a::b\n##[add-mask]y ##vso[task.z]\u{1b}[2J\u{202e}\u{61c}";

#[test]
fn a_hostile_record_acts_on_no_surface() {
    let world = World::new();
    let a = world.clone("a");
    let tofu = world.tool("tofu");
    tofu.exits(1);
    a.alias("tofu apply").run().code(1);
    let name = "refs/lockstep/locks/alpha/prod";
    let tip = world.git_args(&world.origin(), &["rev-parse", name]);
    let message = world.git_args(&world.origin(), &["log", "-1", "--format=%B", name]);
    let (_, record) = message.split_once("\n\n").expect("a record");
    let mut record: serde_json::Value = serde_json::from_str(record.trim()).expect("JSON");
    for field in ["owner", "reason", "program", "subcommand"] {
        record[field] = EVIL.into();
    }
    record["host"]["name"] = EVIL.into();
    record["overrides"] = vec![EVIL].into();
    record["nonce"] = "abc".into();
    let file = world.sign("message");
    std::fs::write(&file, format!("x\n\n{record}\n")).expect("the world is writable");
    let tree = world.git_args(&world.origin(), &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let args = ["commit-tree", tree.trim(), "-F", file.to_str().expect("text"), "-p", tip.trim()];
    let bad = world.git_args(&world.origin(), &args);
    world.git_args(&world.origin(), &["update-ref", name, bad.trim()]);
    for words in [
        "locks",
        "locks --json",
        "locks show alpha/prod",
        "locks show --json alpha/prod",
        "log",
        "log --json",
        "describe -- alpha prod",
        "describe --json -- alpha prod",
        "doctor",
        "--wait 1s build lock exec -- alpha prod tofu apply",
        "build lock exec -- alpha prod tofu apply",
        "--events fd:2 build lock exec -- alpha prod tofu apply",
        "unlock-any -- alpha prod",
    ] {
        let mut command = a.lockstep(words).owner("ben@host2");
        for ci in ["GITHUB_ACTIONS", "CI", "TF_BUILD"] {
            command = command.env(ci, "true");
        }
        harmless(&command.run());
    }
}

#[test]
fn names_of_branches_and_files_and_lines_of_templates_act_on_no_surface() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.git("checkout -q -b u\u{202e}xx");
    let out = a.alias("tofu apply").run();
    harmless(&out);
    out.code(77).says("u\\u{202e}xx");
    a.git("checkout -q main");
    let name = "::error::boo ##[add-mask]y";
    std::fs::write(a.path(name), "").expect("the world is writable");
    a.write("modules/alpha/bad", "ok\n::error::{{ nope }} ##[add-mask]z\n");
    a.write("modules/beta/bad", "::error::x\n");
    for words in [
        "git-check build -- alpha prod",
        "build -- alpha prod",
        "diff -- beta prod",
        "affected --base HEAD --why",
        "list",
        "doctor --offline",
    ] {
        harmless(&a.lockstep(words).env("GITHUB_ACTIONS", "true").env("CI", "true").run());
    }
}

#[test]
fn a_branch_that_looks_like_an_option_is_pushed_by_the_hint_and_no_option() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.git("update-ref refs/heads/-f HEAD");
    a.git("symbolic-ref HEAD refs/heads/-f");
    let out = a.alias("tofu apply").run();
    out.code(77).says("hint: git push -u -- origin -f");
    a.git("push -u -- origin -f");
    assert_eq!(world.git_args(&world.origin(), &["rev-parse", "refs/heads/-f"]).trim(), a.head());
}
