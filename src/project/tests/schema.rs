//! A module's schema: where it may stand, what it says of parameters, and in which words.

use super::Sample;
use crate::project::{ProjectError, UnitId};

fn check(sample: &Sample) -> Result<bool, ProjectError> {
    check_with(sample, &[])
}

fn check_with(sample: &Sample, set: &[&str]) -> Result<bool, ProjectError> {
    let unit: UnitId = "alpha/prod".parse().unwrap();
    let params = sample.params("alpha/prod", set)?;
    match sample.project().module_schema(&unit.module)? {
        Some(schema) => schema.check(&unit, &params).map(|()| true),
        None => Ok(false),
    }
}

fn sample(schema: &str, params: &str) -> Sample {
    Sample::new(&[
        ("modules/alpha/schema.json", schema),
        ("profiles/prod.toml", &format!("[params]\n{params}\n")),
    ])
}

/// What is said of parameters, a line each, without the first.
fn said(schema: &str, params: &str) -> Vec<String> {
    match check(&sample(schema, params)) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().skip(1).map(|line| line.trim_start().to_owned()).collect(),
    }
}

#[test]
fn without_a_schema_everything_fits() {
    assert!(!check(&Sample::new(&[("modules/alpha/a", ""), ("profiles/prod.toml", "")])).unwrap());
    assert!(check(&sample("{}", "a = 1")).unwrap());
}

#[test]
fn each_keyword_has_its_words() {
    for (schema, value, expected) in [
        (r#"{"type": "integer"}"#, "'secret'", "`a` must be an integer, not a string"),
        (r#"{"type": ["array", "null"]}"#, "1.5", "`a` must be null or an array, not a number"),
        (r#"{"enum": ["s", 5]}"#, "'secret'", "`a` must be one of \"s\", 5"),
        (r#"{"const": {"b": 1}}"#, "'secret'", "`a` must be {\"b\":1}"),
        (r#"{"minimum": 10}"#, "7", "`a` must be at least 10"),
        (r#"{"exclusiveMaximum": 5}"#, "7", "`a` must be less than 5"),
        (r#"{"multipleOf": 4}"#, "7", "`a` must be a multiple of 4"),
        (r#"{"minLength": 9}"#, "'secret'", "`a` must have at least 9 characters"),
        (r#"{"maxItems": 1}"#, "[1, 2]", "`a` must have at most 1 item"),
        (r#"{"pattern": "^x"}"#, "'secret'", "`a` must match `^x`"),
        (r#"{"format": "ipv4"}"#, "'secret'", "`a` must be a valid `ipv4`"),
        (r#"{"uniqueItems": true}"#, "[1, 1]", "`a` must not hold the same item twice"),
        (r#"{"not": {}}"#, "1", "`a` is what `not` forbids"),
        ("false", "1", "`a` is not allowed here"),
        (r#"{"additionalProperties": false}"#, "{ b = 1 }", "the schema knows no `a.b`"),
        (r#"{"items": {"type": "string"}}"#, "['x', 2]", "`a[1]` must be a string, not an integer"),
        (
            r#"{"propertyNames": {"maxLength": 2}}"#,
            "{ long = 1 }",
            "`a` has a key that must have at most 2 characters",
        ),
        (
            r#"{"oneOf": [{"type": "integer"}, {"required": ["b"], "type": "object"}]}"#,
            "'secret'",
            "`a` must be an integer, not a string; or must be an object, not a string",
        ),
        (
            r#"{"anyOf": [{"properties": {"b": {"minimum": 3}}}]}"#,
            "{ b = 1 }",
            "`a` `a.b` must be at least 3",
        ),
    ] {
        let schema = format!("{{\"properties\": {{\"a\": {schema}}}}}");
        let lines = said(&schema, &format!("a = {value}"));
        assert_eq!(
            lines,
            [format!("profiles/prod.toml:2: {expected} (modules/alpha/schema.json:1)")],
            "{schema}"
        );
    }
}

#[test]
fn everything_is_told_at_once_with_the_place_of_the_value_and_of_the_rule() {
    let schema = "{\n\"required\": [\"region\", \"a\"],\n\"properties\": {\n\"a\": {\"type\": \"integer\"},\n\
                  \"db\": {\"required\": [\"host\"],\n\"properties\": {\"port\": {\"maximum\": 9}}}}}";
    let lines = said(schema, "a = 'x'\ndb = { port = 10 }");
    assert_eq!(
        lines,
        [
            "modules/alpha/schema.json:2: `region` is missing: add it to the `[params]` of a profile or of the module",
            "modules/alpha/schema.json:5: `db.host` is missing: add it to the `[params]` of a profile or of the module",
            "profiles/prod.toml:2: `a` must be an integer, not a string (modules/alpha/schema.json:4)",
            "profiles/prod.toml:3: `db.port` must be at most 9 (modules/alpha/schema.json:6)",
        ]
    );
}

#[test]
fn a_key_that_the_schema_does_not_know_is_met_with_the_nearest() {
    let schema = r#"{"additionalProperties": false, "properties": {"region": {}}}"#;
    assert_eq!(
        said(schema, "regoin = 'x'\nzzzzzz = 1"),
        [
            "profiles/prod.toml:2: the schema knows no `regoin`; did you mean `region`? (modules/alpha/schema.json:1)",
            "profiles/prod.toml:3: the schema knows no `zzzzzz` (modules/alpha/schema.json:1)",
        ]
    );
}

#[test]
fn the_schema_may_stand_in_module_toml_and_nowhere_twice() {
    let sample = Sample::new(&[
        ("modules/alpha/module.toml", "[params]\nn = 0\n\n[schema.properties]\nn.minimum = 1\n"),
        ("profiles/prod.toml", ""),
    ]);
    let error = check(&sample).unwrap_err().to_string();
    assert!(
        error.contains("modules/alpha/module.toml:2: `n` must be at least 1 (modules/alpha/module.toml:5)"),
        "{error}"
    );
    sample.write("modules/alpha/schema.json", "{}");
    let error = check(&sample).unwrap_err().to_string();
    assert!(error.starts_with("modules/alpha/module.toml:4: this module has a `[schema]` and"), "{error}");
}

#[test]
fn expressions_are_checked_by_what_they_become_and_only_where_the_schema_has_a_say() {
    let schema =
        r#"{"properties": {"n": {"type": "integer"}, "t": {"properties": {"x": {"type": "string"}}}}}"#;
    let fine = sample(schema, "n = '{{ 1 + 1 }}'\nother = '{{ nope }}'\nbase = { x = 1 }");
    assert!(check(&fine).unwrap());
    let wrong = said(schema, "base = { x = 1 }\nt = '{{ base }}'\nn = '{{ nope }}'");
    assert_eq!(
        wrong,
        [
            "profiles/prod.toml:3: `t.x` must be a string, not an integer (modules/alpha/schema.json:1)",
            "profiles/prod.toml:4: parameter `n`: `nope` is undefined",
        ]
    );
    // A rule for all keys has a say in all of them.
    let all = said(r#"{"additionalProperties": {"type": "integer"}}"#, "a = '{{ nope }}'");
    assert_eq!(all, ["profiles/prod.toml:2: parameter `a`: `nope` is undefined"]);
    // What cannot be evaluated is not missing.
    assert_eq!(said(r#"{"required": ["a"]}"#, "a = '{{ nope }}'").len(), 1);
}

#[test]
fn no_value_is_ever_told() {
    let schema = r#"{"properties": {"p": {"type": "integer", "pattern": "^x", "enum": [1], "maxLength": 1,
        "not": {"type": "string"}, "format": "ipv4", "oneOf": [{"const": 2}], "contains": {}}}}"#;
    let lines = said(schema, "p = 'hunter2'");
    assert!(lines.len() >= 6, "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("hunter")), "{lines:?}");
    let set = check_with(&sample(schema, ""), &["p=hunter2"]).unwrap_err();
    assert!(set.to_string().contains("--set: `p`") && !set.to_string().contains("hunter"), "{set}");
}

#[test]
fn a_schema_that_is_wrong_itself_is_told_by_its_line() {
    for (schema, expected) in [
        (
            "{\n\"properties\": {\n\"a\": {\"type\": \"intger\"}}}",
            "schema.json:3: this schema is not valid: `properties.a.type` must be one of \"array\"",
        ),
        (
            "{\n\"required\": 1}",
            "schema.json:2: this schema is not valid: `required` must be an array, not an integer",
        ),
        (
            "{\n\"pattern\": \"(\"}",
            "schema.json:2: this schema is not valid: `pattern` must be a valid `regex`",
        ),
        ("{\n\"a\": 1,\n}", "schema.json:3: this is not valid JSON"),
        ("", "schema.json:1: this is not valid JSON"),
        ("true", "schema.json:1: a schema of parameters is a table"),
        (
            "{\n\"$ref\": \"https://example.com/x\"}",
            "schema.json:2: `https://example.com/x` leads out of this schema",
        ),
        (
            "{\n\"$schema\": \"https://example.com/draft\"}",
            "schema.json:2: `https://example.com/draft` is no draft of JSON Schema that lockstep knows",
        ),
        ("{\n\"$ref\": \"other.json\"}", "schema.json:2: `other.json` leads out of this schema"),
        (
            "{\n\"$ref\": \"file:///etc/passwd\"}",
            "schema.json:2: `file:///etc/passwd` leads out of this schema",
        ),
        ("{\n\"$ref\": \"#/$defs/x\"}", "schema.json:2: `#/$defs/x` leads to nothing in this schema"),
    ] {
        let error = check(&sample(schema, "")).unwrap_err().to_string();
        assert!(error.starts_with(&format!("modules/alpha/{expected}")), "{error}");
    }
    assert!(check(&sample(r##"{"$ref": "#"}"##, "a = 1")).unwrap(), "a circle ends");
    let local = r##"{"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}}"##;
    assert_eq!(
        said(local, "a = 'x'"),
        ["profiles/prod.toml:2: `a` must be an integer, not a string (modules/alpha/schema.json:1)"]
    );
}
