//! Each measured trap of the template engine, and each way out of the module or unit by a name.

use std::path::{Component, Path};

use proptest::prelude::*;

use super::*;
use crate::ExitCode;

#[test]
fn values_print_as_hcl_json_and_yaml_have_them() {
    let params = "t = true\nf = false\nn = 3\nx = 1.0\nd = 2026-01-02T03:04:05Z\ns = 'a<b&\"c\"'\nl = [1, true]\nm.k = 'v'";
    let text = |template: &str| text(params, template).unwrap();
    assert_eq!(
        text("{{ t }} {{ f }} {{ none }} {{ n }} {{ x }} {{ d }}\n"),
        "true false null 3 1.0 2026-01-02T03:04:05Z\n"
    );
    assert_eq!(text("{{ s }} {{ s | tojson }}"), "a<b&\"c\" \"a<b&\\\"c\\\"\"");
    assert_eq!(
        text("{{ l | tojson }} {{ m | tojson }} {{ l | join(',') }}"),
        "[1,true] {\"k\":\"v\"} 1,true"
    );
    assert_eq!(text("{{ t | string }} {{ none | string }} {{ t | upper }}"), "true null TRUE");
    assert_eq!(text("{{ '%s %d' | format(t, n) }}"), "true 3");
    assert_eq!(text("{{ m | tojson(indent=2) }}"), "{\n  \"k\": \"v\"\n}");
    assert_eq!(text("{{ module }}/{{ profile }} {{ root }}"), "alpha/dev ../../..");
    assert_eq!(text("no newline is lost {{ n }}\n\n"), "no newline is lost 3\n\n");
    assert_eq!(text("carriage {{ n }}\r\nreturn\r\n"), "carriage 3\r\nreturn\r\n");
}

#[test]
fn json_and_yaml_files_are_not_escaped() {
    let sample = sample(&[("modules/alpha/a.json", "{{ s }}"), ("modules/alpha/a.yaml.j2", "{{ s }}")]);
    sample.write("profiles/dev.toml", "[params]\ns = 'a b'\n");
    run(&sample).unwrap();
    assert_eq!((out(&sample, "a.json"), out(&sample, "a.yaml.j2")), ("a b".into(), "a b".into()));
}

#[test]
fn tables_and_lists_in_text_name_the_filter_to_use() {
    for template in ["{{ m }}", "{{ [1] }}", "{{ m | items }}", "{{ range(3) }}"] {
        let error = text("m.k = 1", template).unwrap_err();
        assert!(error.contains("| tojson"), "{template}: {error}");
    }
}

#[test]
fn errors_show_the_line_with_a_caret_and_never_a_value() {
    let params = "token = 'hunter2'\nn = 2";
    assert_eq!(
        text(params, "a\n\n  x = \"{{ nope }}\"\n").unwrap_err(),
        "modules/alpha/main.tf:3: `nope` is undefined\n    3 |   x = \"{{ nope }}\"\n      |           ^^^^"
    );
    assert!(text(params, "ä {{ nope }}").unwrap_err().ends_with("    1 | ä {{ nope }}\n      |      ^^^^"));
    for template in [
        "{{ token * 2.5 }}",
        "{{ token - n }}",
        "{{ token | int }}",
        "{{ token | nope }}",
        "{{ token.x.y }}",
        "{% include token %}",
        "{{ token() }}",
        "{{ token is nope }}",
        "{{ nope }} {{ token }}",
        "{{ token | tojson(2, 3) }}",
        "{{ token | round }}",
        "{{ token | float }}",
        "{{ [token] }}",
        "{{ token | format(1, 2) }}",
        "{{ -token }}",
        "{{ token / n }}",
        "{{ token[token] }}",
        "{{ n[token] }}",
        "{{ token | join(n) | abs }}",
        "{% if",
        "{{ token | slice(0) }}",
    ] {
        match text(params, template) {
            Ok(text) => assert!(!text.is_empty()),
            Err(error) => assert!(!error.contains("hunter2"), "{template}: {error}"),
        }
    }
    for template in
        ["{{ pin // 0 }}", "{{ pin % 0 }}", "{{ pin ** 9999 }}", "{{ pin / 0 }}", "{{ pin * 1e400 }}"]
    {
        if let Err(error) = text("pin = 987654", template) {
            assert!(!error.contains("987654"), "{template}: {error}");
        }
    }
    let failed = text("token = 'hunter2'\nbad = '{{ token * 2.5 }}'", "x\n{{ bad }}").unwrap_err();
    assert!(failed.starts_with("profiles/dev.toml:3: parameter `bad`"), "{failed}");
    assert!(failed.ends_with("(used in modules/alpha/main.tf:2)") && !failed.contains("hunter2"), "{failed}");
    // The same through a filter, and where the template hides it.
    let hidden = text("l = ['{{ nope }}']", "{{ l | tojson }}").unwrap_err();
    assert!(hidden.starts_with("profiles/dev.toml:2: parameter `l[0]`"), "{hidden}");
    assert!(text("bad = '{{ nope }}'", "{{ bad | default('x') }}").is_err());
}

#[test]
fn an_unknown_filter_is_an_error_when_it_is_reached() {
    let error = text("", "a\n{{ 1 | nope }}").unwrap_err();
    assert!(error.starts_with("modules/alpha/main.tf:2: ") && error.contains("nope"), "{error}");
    // The engine looks at what runs; a branch that is not taken is not looked at.
    assert_eq!(text("", "{% if false %}{{ 1 | nope }}{% endif %}b").unwrap(), "b");
}

#[test]
fn an_unused_broken_parameter_breaks_nothing() {
    assert_eq!(text("bad = '{{ nope }}'\nok = 1", "{{ ok }}").unwrap(), "1");
}

#[test]
fn templates_include_files_of_their_module_only() {
    let sample = sample(&[
        ("modules/alpha/module.toml", "[build]\nexclude = ['parts/**']\n"),
        ("modules/alpha/main.tf", "{% include 'parts/a.j2' %}{% from 'parts/m.j2' import f %}{{ f(1) }}"),
        ("modules/alpha/parts/a.j2", "A{% include './b.j2' %}"),
        ("modules/alpha/parts/b.j2", "B"),
        ("modules/alpha/parts/m.j2", "{% macro f(x) %}<{{ x }}>{% endmacro %}"),
        ("modules/beta/secret.j2", "S"),
    ]);
    run(&sample).unwrap();
    assert_eq!(out(&sample, "main.tf"), "AB<1>");
    assert!(!sample.path(".dist/alpha/dev/parts").exists());
    for escape in ["../beta/secret.j2", "/etc/passwd", "../../lockstep.toml", "./../beta/secret.j2"] {
        sample.write("modules/alpha/main.tf", format!("x\n{{% include '{escape}' %}}"));
        let error = run(&sample).unwrap_err().to_string();
        assert!(error.starts_with("modules/alpha/main.tf:2: there is no such file"), "{error}");
    }
    sample.write("modules/alpha/main.tf", "{% include 'parts/a.j2' %}");
    sample.write("modules/alpha/parts/b.j2", "\n{{ nope }}");
    let error = run(&sample).unwrap_err().to_string();
    assert!(error.starts_with("modules/alpha/parts/b.j2:2: `nope` is undefined"), "{error}");
}

#[test]
fn delimiters_and_raw_globs_leave_the_tools_own_braces_alone() {
    let sample = sample(&[
        (
            "modules/alpha/module.toml",
            "[build]\nraw = ['raw/*']\ndelimiters = { variable = ['[[', ']]'], block = ['[%', '%]'], comment = ['[#', '#]'] }\n",
        ),
        ("modules/alpha/play.yml", "{{ ansible }} [[ module ]] [% if true %]{% x %}[% endif %]"),
        ("modules/alpha/raw/x", "[[ nope ]]"),
        ("modules/alpha/[[ profile ]]/[[ module ]].txt", "x"),
    ]);
    run(&sample).unwrap();
    assert_eq!(out(&sample, "play.yml"), "{{ ansible }} alpha {% x %}");
    assert_eq!(out(&sample, "raw/x"), "[[ nope ]]");
    assert_eq!(out(&sample, "dev/alpha.txt"), "x");
}

#[test]
fn no_output_leaves_the_unit() {
    for (name, value) in [
        ("{{ p }}", "../../x"),
        ("{{ p }}", ".."),
        ("{{ p }}", "/etc/x"),
        ("{{ p }}", ""),
        ("{{ p }}", ".git"),
        ("{{ p }}", "a/b"),
        ("{{ p }}/config", ".GIT"),
        ("a{{ p }}", "\\u0000"),
    ] {
        let sample = sample(&[(&format!("modules/alpha/{name}"), "x")]);
        sample.write("profiles/dev.toml", format!("[params]\np = \"{value}\"\n"));
        let error = run(&sample).unwrap_err();
        assert!(matches!(error, RenderError::Output { .. }), "{name} {value}: {error}");
        assert_eq!(crate::Error::from(error).kind(), ExitCode::Config);
        assert!(!sample.path(".dist/alpha").exists());
    }
}

#[test]
fn two_sources_of_one_output_are_an_error() {
    let sample = sample(&[("modules/alpha/dev", "1"), ("modules/alpha/{{ profile }}", "2")]);
    assert!(run(&sample).unwrap_err().to_string().contains("as well"));
    let sample = self::sample(&[("modules/alpha/dev", "1"), ("modules/alpha/{{ profile }}/x", "2")]);
    assert!(run(&sample).unwrap_err().to_string().contains("needs a directory"));
}

/// The project at the root of this repository, copied so that the test writes nothing into it.
fn examples() -> Sample {
    fn copy(from: &Path, to: &Path) {
        if from.is_dir() {
            std::fs::create_dir_all(to).unwrap();
            std::fs::read_dir(from)
                .unwrap()
                .map(Result::unwrap)
                .for_each(|e| copy(&e.path(), &to.join(e.file_name())));
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
    let sample = Sample::new(&[]);
    for part in ["lockstep.toml", "modules", "profiles", "workflows"] {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(part), &sample.path(part));
    }
    sample
}

#[test]
fn the_examples_render_in_every_profile() {
    let sample = examples();
    let project = sample.project();
    let env = crate::env::Environment::new(sample.path(""), [("", ""); 0]);
    for module in ["alpha", "motd", "web"] {
        for profile in ["dev", "prod"] {
            let unit = project.unit(module, profile, &env).unwrap();
            let params = sample.params(&unit.to_string(), &[]).unwrap();
            params.to_json().unwrap();
            let holder = Holder { pid: 1, run: String::new(), program: String::new() };
            let request = BuildRequest {
                project: &project,
                unit: &unit,
                params: &params,
                repo: None,
                excludes: &[],
                force: false,
                keep: false,
                holder,
            };
            let rendered = build(&request).unwrap_or_else(|error| panic!("{unit}: {error}"));
            assert!(rendered.written >= 2 && rendered.foreign.is_empty(), "{rendered:?}");
        }
    }
    let read = |path: &str| std::fs::read_to_string(sample.path(".dist").join(path)).unwrap();
    assert!(read("alpha/prod/main.tf").contains("zones  = [\"a\", \"b\", \"c\"]"));
    assert!(!read("alpha/dev/main.tf").contains("standby"));
    assert!(read("motd/prod/playbook.yml").contains("greeting: \"Welcome to example.com\""));
    assert!(read("motd/prod/playbook.yml").contains("\"{{ greeting }}\\n\""));
    assert!(read("web/prod/deployment.yaml").contains("image: registry.example.com/web:1.27.3"));
    for workflow in project.workflows().unwrap() {
        assert!(!project.workflow(&workflow).unwrap().description.is_empty());
    }
    project.check_names(["build", "lock", "exec"]).unwrap();
}

/// Renders files in memory, without a project on disk but for the parameters.
fn in_memory(params: &Params, path: &str, bytes: &[u8]) -> Result<Vec<Output>, RenderError> {
    let file = source::SourceFile {
        path: path.to_owned(),
        shown: format!("modules/alpha/{path}"),
        bytes: bytes.to_vec(),
        mode: 0o644,
    };
    Module::new(Default::default(), vec![file], Default::default())?.render(params)
}

#[test]
fn what_has_no_delimiters_is_copied_byte_for_byte() {
    let sample = sample(&[]);
    let params = sample.params(UNIT, &[]).unwrap();
    proptest!(|(bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..60), "[ -z\\r\\n\\t]{0,60}".prop_map(String::into_bytes)])| {
        prop_assume!(!["{{", "{%", "{#"].iter().any(|d| bytes.windows(2).any(|pair| pair == d.as_bytes())));
        prop_assert_eq!(&in_memory(&params, "a", &bytes).unwrap()[0].bytes, &bytes);
    });
}

#[test]
fn no_template_makes_the_engine_panic() {
    let sample = sample(&[]);
    let params = sample.params(UNIT, &["s=text", "n=1", "l=[1, 2]"]).unwrap();
    let word = prop_oneof![
        Just("{{"),
        Just("}}"),
        Just("{%"),
        Just("%}"),
        Just("|"),
        Just("tojson"),
        Just("s"),
        Just("n"),
        Just("l"),
        Just("nope"),
        Just("("),
        Just(")"),
        Just("["),
        Just("]"),
        Just("for"),
        Just("in"),
        Just("endfor"),
        Just("if"),
        Just("endif"),
        Just("-"),
        Just("'"),
        Just("1"),
        Just("\n"),
        Just("ä"),
        Just("~"),
        Just("is"),
        Just("join")
    ];
    proptest!(|(words in prop::collection::vec(word, 0..14))| {
        // An error with an excerpt is fine, and so is output.
        let _ = in_memory(&params, "a", words.join(" ").as_bytes()).map_err(|error| error.to_string());
    });
}

proptest! {
    #[test]
    fn harmless_paths_stay_below(path in "[./a\\\\\0 g-it]{0,12}") {
        if super::super::outputs::is_harmless(&path) {
            let parts: Vec<Component<'_>> = Path::new(&path).components().collect();
            prop_assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))));
            prop_assert_eq!(parts.len(), path.split('/').count());
        }
    }
}

#[test]
fn errors_say_what_they_mean_and_where() {
    let far = format!("{}{{{{ nope }}}}{}", "a ".repeat(2_500), " b".repeat(300));
    for (template, expected) in [
        (
            "{{ 5|join(',') }}",
            "1: `join`: a number is no list\n    1 | {{ 5|join(',') }}\n      |      ^^^^^^^^^",
        ),
        ("{{ 5|sort }}", "1: cannot convert value to list\n    1 | {{ 5|sort }}\n      |      ^^^^"),
        ("{{ []|first }}", "1: this is undefined"),
        ("{{ 1/0 }}", "1: division by zero"),
        ("{{ 5 % 0 }}", "1: division by zero"),
        ("{{ 170141183460469231731687303715884105727 + 1 }}", "1: the result is too large"),
        ("{{ ('inf'|float)|toyaml }}", "1: this number cannot be written as data"),
        ("{{ secret(command='id') }}", "1: `secret`: `command` is a list of texts"),
        (
            "{{ 'ä' ~ 1 ~ [1] ~ 'b' }}",
            "1: a list cannot stand in text as it is: say how with `| tojson` or \
          `| join(\",\")`\n    1 | {{ 'ä' ~ 1 ~ [1] ~ 'b' }}\n      |              ^^^",
        ),
        ("a\n{% for x in [1] %}{{ loop.cycle() }}{% endfor %}", "2: `cycle` needs its values one by one"),
        (&far, "1: `nope` is undefined\n    1 | …"),
    ] {
        let error = text("", template).unwrap_err();
        let start = format!("modules/alpha/main.tf:{expected}");
        assert!(error.starts_with(&start), "{template}: {error}");
    }
    let error = text("", &far).unwrap_err();
    let lines: Vec<&str> = error.lines().collect();
    let column = lines[2].chars().position(|c| c == '^').unwrap();
    assert_eq!(lines[1].chars().skip(column).take(4).collect::<String>(), "nope");
    let deep = format!("a\n{{{{ {}1 }}}}", "1+".repeat(50_000));
    let error = text("", &deep).unwrap_err();
    assert!(error.starts_with("modules/alpha/main.tf:2: more than 400 operators"), "{error}");
}
