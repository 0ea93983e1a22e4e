//! The names of outputs: endings that go, renames, what collides; and the presets of delimiters.

use super::*;

fn with(build: &str, files: &[(&str, &str)]) -> Sample {
    let sample = sample(files);
    sample.write("modules/alpha/module.toml", build);
    sample
}

fn made(sample: &Sample) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![sample.path(".dist/alpha/dev")];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let top = sample.path(".dist/alpha/dev");
                found.push(path.strip_prefix(top).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn fails(sample: &Sample) -> (String, String) {
    let error = run(sample).unwrap_err();
    (error.to_string(), error.hint().unwrap_or_default())
}

#[test]
fn endings_go_and_renames_win_over_them() {
    let sample = with(
        "[build]\nstrip = ['.j2', '.tpl.j2']\nraw = ['raw.j2']\n[build.rename]\n'main.tf.j2' = '{{ profile }}/main.tf'\n'raw.j2' = 'kept.j2'\n",
        &[
            ("modules/alpha/main.tf.j2", "{{ module }}"),
            ("modules/alpha/sub/{{ profile }}.txt.j2", "x"),
            ("modules/alpha/both.tpl.j2", "x"),
            ("modules/alpha/.j2", "a name is not all ending"),
            ("modules/alpha/sub/.j2", ""),
            ("modules/alpha/raw.j2", "{{ x }}"),
            ("modules/alpha/plain", "x"),
        ],
    );
    run(&sample).unwrap();
    assert_eq!(made(&sample), [".j2", "both", "dev/main.tf", "kept.j2", "plain", "sub/.j2", "sub/dev.txt"]);
    assert_eq!(out(&sample, "kept.j2"), "{{ x }}");
    // What is named anew is removed under its old name.
    sample.write("modules/alpha/module.toml", "[build]\nraw = ['raw.j2']\n");
    run(&sample).unwrap();
    assert!(made(&sample).contains(&"main.tf.j2".to_owned()) && !sample.path(".dist/alpha/dev/dev").exists());
}

#[test]
fn a_rename_leads_nowhere_else_and_names_a_file() {
    for (to, why) in [
        ("../x", "becomes `../x`"),
        ("/etc/x", "becomes `/etc/x`"),
        ("a/../../x", "becomes"),
        (".git/config", "becomes `.git/config`"),
        ("", "becomes ``"),
        ("{{ up }}/x", "becomes `..`"),
    ] {
        let sample = with(
            &format!("[build.rename]\na = \"{to}\"\n"),
            &[("modules/alpha/a", "x"), ("profiles/dev.toml", "[params]\nup = '..'\n")],
        );
        let (error, _) = fails(&sample);
        assert!(error.starts_with("`modules/alpha/module.toml:2`") && error.contains(why), "{to}: {error}");
    }
    let undefined = with("[build.rename]\n\na = \"x/{{ nope }}.txt\"\n", &[("modules/alpha/a", "x")]);
    let (error, hint) = fails(&undefined);
    assert_eq!(error, "modules/alpha/module.toml:3: in the name `{{ nope }}.txt`: `nope` is undefined");
    assert!(hint.contains("[params]"), "{hint}");
    let broken = "[params]\np = \"{{ nope }}\"\n[build.rename]\na = \"{{ p }}\"\n";
    let (error, _) = fails(&with(broken, &[("modules/alpha/a", "x")]));
    assert!(error.ends_with("(used in modules/alpha/module.toml:4)"), "{error}");
    let (error, _) = fails(&with("", &[("modules/alpha/{{ nope }}", "x")]));
    assert_eq!(error, "modules/alpha/{{ nope }}: in the name `{{ nope }}`: `nope` is undefined");
    let sample = with("[build.rename]\n'mian.tf' = 'x'\n", &[("modules/alpha/main.tf", "")]);
    let (error, hint) = fails(&sample);
    assert_eq!(error, "modules/alpha/module.toml:2: no file of the module is `mian.tf`");
    assert_eq!(hint, "did you mean `main.tf`?");
    let sample = with("[build]\nstrip = ['.tf', 'j2']\n", &[]);
    assert!(
        sample
            .project()
            .module_config(&"alpha".to_owned().try_into().unwrap())
            .unwrap_err()
            .to_string()
            .starts_with("modules/alpha/module.toml:2: this is not an ending")
    );
}

#[test]
fn two_outputs_of_one_name_are_an_error_that_names_both() {
    for (build, files, both) in [
        ("[build]\nstrip = ['.j2']\n", ["a", "a.j2"], ["modules/alpha/a", "modules/alpha/a.j2"]),
        ("[build.rename]\na = 'b'\n", ["a", "b"], ["modules/alpha/a", "modules/alpha/b"]),
        ("", ["a.tf", "A.tf"], ["modules/alpha/a.tf", "modules/alpha/A.tf"]),
        ("", ["d/x", "D"], ["modules/alpha/d/x", "modules/alpha/D"]),
        (
            "[[build.file]]\npath = 'a.json'\nvalue = 1\n",
            ["a.json", "b"],
            ["modules/alpha/a.json", "modules/alpha/module.toml:1"],
        ),
    ] {
        let files = files.map(|file| (format!("modules/alpha/{file}"), "x"));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let (error, _) = fails(&with(build, &files));
        assert!(both.iter().all(|source| error.contains(&format!("`{source}`"))), "{error}");
    }
}

#[test]
fn presets_leave_the_tools_own_braces_alone() {
    for (preset, template, expected) in [
        ("jinja", "{{ module }}{% if true %}y{% endif %}{# c #}", "alphay"),
        (
            "ansible",
            "<{= module =}> {{ x }} <{? if true ?}>{% y %}<{? endif ?}><{* c *}>",
            "alpha {{ x }} {% y %}",
        ),
        ("ansible", "<{= {'a': 1}.a=}><{=- 'b' -=}> [[ x ]] <<E", "1b[[ x ]] <<E"),
        ("helm", "{{- .Values.x }} <{= module =}>", "{{- .Values.x }} alpha"),
        (
            "erb",
            "<%= module %> <% if true %>y<% endif %><%# c %> a < b %> <<-EOF\n",
            "alpha y a < b %> <<-EOF\n",
        ),
    ] {
        let sample = with(&format!("[build]\ndelimiters = '{preset}'\n"), &[("modules/alpha/a", template)]);
        run(&sample).unwrap_or_else(|error| panic!("{preset}: {error}"));
        assert_eq!(out(&sample, "a"), expected, "{preset}");
    }
}

#[test]
fn wrong_delimiters_are_named_with_their_place() {
    for (build, error, hint) in [
        (
            "[build]\ndelimiters = 'ansibel'\n",
            "modules/alpha/module.toml:2: unknown value `ansibel`",
            "did you mean `ansible`?",
        ),
        (
            "[build]\n[build.delimiters]\nvariabel = ['a', 'b']\n",
            "modules/alpha/module.toml:3: unknown key `variabel`",
            "did you mean `variable`?",
        ),
        ("[build]\ndelimiters = 1\n", "modules/alpha/module.toml:2: invalid type", ""),
        ("[build]\ndelimiters.variable = ['', '']\n", "modules/alpha/module.toml:2: `delimiters`", ""),
        (
            "[build]\nstirp = ['.j2']\n",
            "modules/alpha/module.toml:2: unknown key `stirp`",
            "did you mean `strip`?",
        ),
    ] {
        let (found, help) = fails(&with(build, &[("modules/alpha/a", "x")]));
        assert!(found.starts_with(error) && help == hint, "{found} ({help})");
    }
    // The trap: with these every heredoc begins an expression.
    let trap = "[build]\ndelimiters.variable = ['<<', '>>']\n";
    assert!(run(&with(trap, &[("modules/alpha/a", "x = <<EOF\ny\nEOF\n")])).is_err());
}
