//! The project's partials: what every module may include, and how what is wrong in them is told.

use super::*;

fn with(main: &str, partials: &[(&str, &str)]) -> Sample {
    let sample = sample(&[("modules/alpha/main.tf", main)]);
    partials.iter().for_each(|(path, text)| sample.write(&format!("modules/_partials/{path}"), text));
    sample
}

fn error(sample: &Sample) -> String {
    run(sample).unwrap_err().to_string()
}

#[test]
fn templates_include_import_and_extend_what_the_project_shares() {
    let sample = with(
        "{% extends '_partials/base.tf' %}{% from '_partials/sub/macros.j2' import tag %}{% block body %}{{ tag('a') }}{% include '_partials/sub/x.j2' %}{% endblock %}",
        &[
            ("base.tf", "<{% block body %}{% endblock %}>"),
            ("sub/macros.j2", "{% macro tag(x) %}[{{ x }}]{% endmacro %}"),
            ("sub/x.j2", "{% include './y.j2' %}{% include '../z.j2' %}{% include 'local.j2' %}"),
            ("sub/y.j2", "{{ module }}"),
            ("z.j2", "{{ profile }}"),
        ],
    );
    sample.write("modules/alpha/local.j2", "L");
    run(&sample).unwrap();
    assert_eq!(out(&sample, "main.tf"), "<[a]alphadevL>");
    assert!(!sample.path(".dist/alpha/dev/_partials").exists());
    assert_eq!(sample.project().modules().unwrap().len(), 1, "what begins with `_` is no module");
}

#[test]
fn no_name_leads_out_of_the_partials() {
    for escape in
        ["./../../lockstep.toml", "../main.tf", "../../lockstep.toml", "../alpha/main.tf", "/etc/passwd"]
    {
        let sample = with("{% include '_partials/a' %}", &[("a", &format!("\n{{% include '{escape}' %}}"))]);
        let error = error(&sample);
        assert!(error.starts_with("modules/_partials/a:2: there is no such file"), "{escape}: {error}");
    }
    let sample = with("{% include '_partials/link' %}", &[]);
    std::fs::create_dir_all(sample.path("modules/_partials")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", sample.path("modules/_partials/link")).unwrap();
    assert!(error(&sample).contains("modules/_partials/link` is a link that leads out"));
    let outside = tempfile::tempdir().unwrap();
    let sample = with("{% include '_partials/x' %}", &[]);
    std::os::unix::fs::symlink(outside.path(), sample.path("modules/_partials")).unwrap();
    assert!(error(&sample).contains("leads out of the project"));
}

#[test]
fn a_mistake_in_a_partial_is_told_with_its_place_and_the_way_to_it() {
    let sample = with(
        "x\n{% include '_partials/a' %}",
        &[("a", "\n\n{% include './b' %}"), ("b", "{{ token }}\n  {{ nope }}")],
    );
    sample.write("profiles/dev.toml", "sensitive = ['token']\n[params]\ntoken = 'hunter2'\n");
    assert_eq!(
        error(&sample),
        "modules/_partials/b:2: `nope` is undefined (included at modules/_partials/a:3, from modules/alpha/main.tf:2)\n    2 |   {{ nope }}\n      |      ^^^^"
    );
    sample.write("modules/_partials/b", "{% if %}");
    let syntax = error(&sample);
    assert!(
        syntax.starts_with("modules/_partials/b:1: ") && syntax.contains("modules/alpha/main.tf:2)"),
        "{syntax}"
    );
    let sample = with(
        "{% from '_partials/m' import f %}\n{{ f() }}",
        &[("m", "{% macro f() %}\n{{ nope }}{% endmacro %}")],
    );
    let error = error(&sample);
    assert!(
        error.starts_with("modules/_partials/m:2: this is undefined (included at modules/alpha/main.tf)")
            && error.contains("| {{ nope }}"),
        "{error}"
    );
}

#[test]
fn a_secret_that_a_partial_prints_makes_the_file_secret() {
    use std::os::unix::fs::PermissionsExt as _;
    let sample = with("{% include '_partials/a' %}", &[("a", "{{ token }}")]);
    sample.write("profiles/dev.toml", "sensitive = ['token']\n[params]\ntoken = 'hunter2'\n");
    run(&sample).unwrap();
    let meta = sample.path(".dist/alpha/dev/main.tf").metadata().unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_git_ignores_is_no_partial_and_a_module_has_none_of_its_own() {
    let sample = with("{% include '_partials/x.tmp' %}", &[("x.tmp", "x")]);
    git2::Repository::init(sample.path("")).unwrap();
    sample.write(".gitignore", "*.tmp\n");
    assert!(error(&sample).contains("there is no such file"));
    let sample = with("x", &[]);
    sample.write("modules/alpha/_partials/a", "x");
    assert!(error(&sample).contains("means `modules/_partials/`"));
}
