//! Files that are made from data.

use super::*;

fn module(toml: &str) -> Sample {
    let sample = sample(&[("modules/alpha/module.toml", toml)]);
    sample.write(
        "profiles/dev.toml",
        "[params]\nname = \"x-{{ profile }}\"\n[params.db]\nhost = \"h\"\nports = [1, \"{{ 1 + 1 }}\"]\n",
    );
    sample
}

fn failure(toml: &str) -> String {
    let sample = module(toml);
    match sample.params(UNIT, &[]) {
        Err(error) => format!("{error} ({})", error.hint().unwrap_or_default()),
        Ok(_) => run(&sample).unwrap_err().to_string(),
    }
}

#[test]
fn data_and_parameters_become_files_of_each_format() {
    let sample = module(
        "[[build.file]]\npath = \"{{ profile }}/a.json\"\nvalue = { b = \"{{ db.ports }}\", \"c+\" = [1.5], a = \"{{ name }}!\" }\n\
         [[build.file]]\npath = \"db.yaml\"\nfrom = \"db\"\n\
         [[build.file]]\npath = \"db.toml\"\nfrom = \"db\"\n\
         [[build.file]]\npath = \"plain\"\nformat = \"json\"\nvalue = \"{{ db.host }}\"\n",
    );
    run(&sample).unwrap();
    assert_eq!(
        out(&sample, "dev/a.json"),
        "{\n  \"a\": \"x-dev!\",\n  \"b\": [\n    1,\n    2\n  ],\n  \"c+\": [\n    1.5\n  ]\n}\n"
    );
    assert_eq!(out(&sample, "db.yaml"), "host: h\nports:\n- 1\n- 2\n");
    assert_eq!(out(&sample, "db.toml"), "host = \"h\"\nports = [\n    1,\n    2,\n]\n");
    assert_eq!(out(&sample, "plain"), "\"h\"\n");
    assert_eq!(run(&sample).unwrap().written, 0);
}

#[test]
fn what_makes_no_file_is_named_with_file_and_line() {
    let file = |rest: &str| format!("[params]\n\n[[build.file]]\n{rest}\n");
    for (toml, expected) in [
        (file("path = \"a.json\""), "modules/alpha/module.toml:3: this file has neither `value` nor `from`"),
        (file("path = \"a.json\"\nvalue = 1\nfrom = \"db\""), "module.toml:3: `value` and `from` exclude"),
        (file("path = \"a.txt\"\nvalue = 1"), "module.toml:3: the path's ending does not say"),
        (
            file("path = \"a.json\"\nvalue = 1\nform = 2"),
            "module.toml:6: unknown key `form` (did you mean `from`?)",
        ),
        (file("path = \"a.json\"\nfrom = \"db.hots\""), "module.toml:3: there is no parameter `db.hots`"),
        (file("path = \"a.json\"\nvalue = [\n  \"{{ nope }}\"]"), "module.toml:6: `nope` is undefined"),
        (file("path = \"a.toml\"\nvalue = [1]"), "module.toml:5: `a.toml`: TOML needs a table"),
        (file("path = \"../a.json\"\nvalue = 1"), "module.toml:3` makes an output that cannot be"),
        (file("path = \"{{ nope }}.json\"\nvalue = 1"), "module.toml:3: `nope` is undefined"),
    ] {
        let said = failure(&toml);
        assert!(said.contains(expected), "{toml}\n{said}");
    }
    let both = module(&file("path = \"a.json\"\nvalue = 1"));
    both.write("modules/alpha/a.json", "{}");
    let error = run(&both).unwrap_err().to_string();
    assert!(error.contains("`modules/alpha/a.json` makes `a.json` as well"), "{error}");
}
