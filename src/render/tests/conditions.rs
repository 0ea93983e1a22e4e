//! Files that are made under a condition.

use super::*;

fn with(params: &str, build: &str) -> Sample {
    let sample = sample(&[
        ("modules/alpha/main.tf", "x"),
        ("modules/alpha/db-a.tf", "{{ db.name }}"),
        ("modules/alpha/db-b.tf", "x"),
    ]);
    sample.write("profiles/dev.toml", params);
    sample.write("modules/alpha/module.toml", build);
    sample
}

const DB: &str = "[[build.when]]\nfiles = ['db-*.tf']\nif = '{{ db.enabled }}'\n";

fn error(sample: &Sample) -> String {
    run(sample).unwrap_err().to_string()
}

#[test]
fn files_come_and_go_with_their_condition() {
    let sample = with("[params]\ndb = { enabled = false }\n", DB);
    run(&sample).unwrap();
    assert!(sample.path(".dist/alpha/dev/main.tf").exists());
    assert!(!sample.path(".dist/alpha/dev/db-b.tf").exists(), "nor is its template evaluated");
    sample.write("profiles/dev.toml", "[params]\ndb = { enabled = true, name = 'n' }\n");
    assert_eq!(with_request(&sample, false, preview).unwrap().len(), 2);
    assert_eq!(run(&sample).unwrap().written, 2);
    assert_eq!(out(&sample, "db-a.tf"), "n");
    sample.write("profiles/dev.toml", "[params]\ndb = { enabled = false }\n");
    assert_eq!(run(&sample).unwrap().removed, 2);
}

#[test]
fn all_conditions_of_a_file_must_hold_and_data_has_them_too() {
    let build = "[[build.file]]\npath = '{{ profile }}.json'\nvalue = 1\n\
                 [[build.when]]\nfiles = ['db-a.tf', '*.json']\nif = '{{ n > 1 }}'\n\
                 [[build.when]]\nfiles = ['db-*']\nif = '{{ not off }}'\n";
    let made = |params: &str| {
        let sample = with(params, build);
        run(&sample).unwrap();
        ["db-a.tf", "db-b.tf", "dev.json"].map(|file| sample.path(".dist/alpha/dev").join(file).exists())
    };
    assert_eq!(made("[params]\nn = 2\noff = false\ndb.name = 'x'\n"), [true, true, true]);
    assert_eq!(made("[params]\nn = 1\noff = false\n"), [false, true, false]);
    assert_eq!(made("[params]\nn = 2\noff = true\n"), [false, false, true]);
}

#[test]
fn a_condition_is_true_or_false_and_nothing_else() {
    for (condition, params) in [
        ("true", ""),
        ("{{ 'true' }}", ""),
        ("{{ 1 }}", ""),
        ("{{ none }}", ""),
        ("{{ [] }}", ""),
        ("{{ db }}", "[params]\ndb.enabled = true\n"),
        ("{{ db.enabled }} ", "[params]\ndb.enabled = true\n"),
        ("", ""),
    ] {
        let build = format!("[[build.when]]\nfiles = ['db-*']\nif = \"{condition}\"\n");
        let error = error(&with(params, &build));
        assert_eq!(error, "modules/alpha/module.toml:3: `if` is neither true nor false", "{condition}");
    }
    assert_eq!(error(&with("", DB)), "modules/alpha/module.toml:3: `db` is undefined");
    let wrong = error(&with("[params]\ndb.enabled = '{{ nope }}'\n", DB));
    assert!(wrong.starts_with("profiles/dev.toml:2: parameter `db.enabled`"), "{wrong}");
}

#[test]
fn a_secret_decides_no_file() {
    let params = "sensitive = ['db.password']\n[params]\ndb = { enabled = '{{ db.password == \"hunter2\" }}', password = 'hunter2' }\n";
    let error = error(&with(params, DB));
    assert!(error.contains("depends on a sensitive parameter") && !error.contains("hunter2"), "{error}");
}

#[test]
fn what_names_no_file_is_a_mistake() {
    let build = "[[build.when]]\nfiles = ['db-a.tf', 'bd-b.tf']\nif = '{{ true }}'\n";
    let failed = run(&with("", build)).unwrap_err();
    assert_eq!(failed.to_string(), "modules/alpha/module.toml:3: no file of the module is `bd-b.tf`");
    assert_eq!(failed.hint().unwrap(), "did you mean `db-b.tf`?");
    for (build, why) in [
        ("[[build.when]]\nfiles = ['db-a.tf']\n", "missing field `if`"),
        ("[[build.when]]\nfile = ['db-a.tf']\nif = '{{ true }}'\n", "unknown key `file`"),
        ("[[build.when]]\nfiles = ['[']\nif = '{{ true }}'\n", "`when[0]`: `[`"),
    ] {
        let error = error(&with("", build));
        assert!(error.starts_with("modules/alpha/module.toml:") && error.contains(why), "{error}");
    }
}
