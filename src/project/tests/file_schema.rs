//! The published schemas of the project's files say what the reader of the files says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{Sample, file_schema};
use crate::project::Name;

const KINDS: [&str; 4] = ["lockstep", "module", "profile", "workflow"];

fn validator(kind: &str) -> &'static Validator {
    static ALL: OnceLock<BTreeMap<&str, Validator>> = OnceLock::new();
    let make = |kind| (kind, jsonschema::options().offline().build(&file_schema(kind).unwrap()).unwrap());
    &ALL.get_or_init(|| KINDS.map(make).into())[kind]
}

/// What kind of file a name stands for.
fn kind_of(name: &str) -> Option<&'static str> {
    let (directory, file) = name.rsplit_once('/').unwrap_or(("", name));
    match (directory, file) {
        ("", "lockstep.toml") => Some("lockstep"),
        (_, "module.toml") => Some("module"),
        ("profiles", _) => Some("profile"),
        ("workflows", _) => Some("workflow"),
        _ => None,
    }
}

/// Dates have no place in JSON: they are texts there, as for editors.
fn json(text: &str) -> Value {
    fn plain(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(time) => time.to_string().into(),
            toml::Value::Array(items) => items.into_iter().map(plain).collect(),
            toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, plain(value))).collect(),
            other => serde_json::to_value(other).unwrap(),
        }
    }
    plain(toml::Value::Table(toml::from_str(text).unwrap()))
}

/// Every file that any unit test reads successfully comes by here.
pub(crate) fn assert_fits(name: &str, text: &str) {
    let Some(kind) = kind_of(name) else { return };
    let json = json(text);
    // Refused after it was read; the schema can say it at once.
    if kind == "workflow" && json["steps"].as_array().is_none_or(Vec::is_empty) {
        return;
    }
    // What serde reads before our own checks see it.
    let incomplete = |file: &Value| file.get("value").is_some() == file.get("from").is_some();
    if json["build"]["file"].as_array().is_some_and(|files| files.iter().any(incomplete)) {
        return;
    }
    let faults: Vec<String> = validator(kind).iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(
        faults.is_empty(),
        "{name} can be read, and does not fit the schema `{kind}`: {faults:#?}\n{text}"
    );
}

#[test]
fn the_example_project_fits_the_schemas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for directory in ["", "profiles", "workflows", "modules/alpha", "modules/motd", "modules/web"] {
        for entry in std::fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            if kind_of(name).is_some() && name.ends_with(".toml") {
                assert_fits(name, &std::fs::read_to_string(&path).unwrap());
                seen += 1;
            }
        }
    }
    assert!(seen >= 8, "{seen}");
}

/// Every place in a document where a table is that the schema knows, as keys from the top.
fn tables(root: &Value, at: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
    let target = at["$ref"].as_str().and_then(|to| root.pointer(to.strip_prefix('#')?)).unwrap_or(at);
    if target["additionalProperties"] == json!(false) && target["properties"].is_object() {
        found.push(path.to_vec());
    }
    let mut go = |key: &str, value: &Value| {
        let path: Vec<String> = path.iter().cloned().chain([key.to_owned()]).collect();
        tables(root, value, &path, found);
    };
    for (key, value) in target["properties"].as_object().into_iter().flatten() {
        go(key, value);
    }
    if target["additionalProperties"].is_object() {
        go("alpha", &target["additionalProperties"]);
    }
    for value in target["patternProperties"].as_object().into_iter().flatten().map(|(_, value)| value) {
        go("alpha", value);
    }
}

#[test]
fn an_unknown_key_anywhere_is_refused_by_reader_and_schema_alike_and_met_with_the_nearest() {
    let paths = [
        ("lockstep", "lockstep.toml"),
        ("module", "modules/alpha/module.toml"),
        ("profile", "profiles/prod.toml"),
        ("workflow", "workflows/go.toml"),
    ];
    let mut checked = 0;
    for (kind, path) in paths {
        let schema = file_schema(kind).unwrap();
        let mut places = Vec::new();
        tables(&schema, &schema, &[], &mut places);
        for place in places {
            let mut text =
                if kind == "workflow" { "steps = [\"build\"]\n".to_owned() } else { String::new() };
            if !place.is_empty() {
                text.push_str(&format!("[{}]\n", place.join(".")));
            }
            if place.first().is_some_and(|first| first == "data") {
                text.push_str("command = [\"true\"]\n");
            }
            let known = text.clone();
            // A slip of the finger in a key that there is.
            let real = schema_at(&schema, &place).as_object().unwrap().keys().next().unwrap().clone();
            text.push_str(&format!("{real}x = 1\n"));
            assert!(!validator(kind).is_valid(&json(&text)), "{text}");
            assert!(validator(kind).is_valid(&json(&known)), "{known}");

            let sample = Sample::new(&[("modules/alpha/a", ""), ("profiles/prod.toml", ""), (path, &text)]);
            let name = |text: &str| Name::new(text).unwrap();
            let error = crate::project::Project::discover(&sample.path(""), &crate::env::Environment::bare())
                .and_then(|project| {
                    project.module_config(&name("alpha"))?;
                    project.chain(&name("prod"))?;
                    if kind == "workflow" { project.workflow(&name("go")).map(drop) } else { Ok(()) }
                })
                .unwrap_err();
            let said = error.to_string();
            assert_eq!(said, format!("{path}:{}: unknown key `{real}x`", text.lines().count()));
            assert!(error.hint().is_some_and(|hint| hint.contains(&real)), "{:?}", error.hint());
            checked += 1;
        }
    }
    assert!(checked >= 12, "{checked}");
}

fn schema_at<'a>(root: &'a Value, path: &[String]) -> &'a Value {
    let resolve = |at: &'a Value| at["$ref"].as_str().and_then(|to| root.pointer(&to[1..])).unwrap_or(at);
    let mut at = root;
    for key in path {
        let at_key = &at["properties"][key];
        let of_any = || at["patternProperties"].as_object().map(|all| all.values().next().unwrap());
        at = resolve(if at_key.is_null() { of_any().unwrap_or(&at["additionalProperties"]) } else { at_key });
    }
    &at["properties"]
}

#[test]
fn values_of_the_wrong_kind_are_refused_by_reader_and_schema_alike() {
    for (path, text) in [
        ("lockstep.toml", "sensitive = 1"),
        ("lockstep.toml", "[exec]\nread_only = \"never\""),
        ("lockstep.toml", "[git]\nmax_ahead = -1"),
        ("lockstep.toml", "[lock]\nstale_after = \"tomorrow\""),
        ("lockstep.toml", "[lock]\nstale_after = \"1m1h\""),
        ("lockstep.toml", "default_profile = \"../x\""),
        ("lockstep.toml", "params = 1"),
        ("lockstep.toml", "[params]\n\"a+\" = 1"),
        ("lockstep.toml", "[params]\n\"a-\" = false"),
        ("lockstep.toml", "[tools.x]\nsuccess = [300]"),
        ("modules/alpha/module.toml", "[build.delimiters]\nvariable = [\"<\"]"),
        ("modules/alpha/module.toml", "[[build.file]]\nfrom = \"x\""),
        ("modules/alpha/module.toml", "[[build.file]]\npath = \"x.json\""),
        ("modules/alpha/module.toml", "[[build.file]]\npath = \"x.json\"\nfrom = \"x\"\nvalue = 1"),
        ("profiles/prod.toml", "overrides = \"maybe\""),
        ("profiles/prod.toml", "[modules.\".x\"]"),
    ] {
        let kind = kind_of(path).unwrap();
        assert!(!validator(kind).is_valid(&json(text)), "the schema takes {text}");
        let sample = Sample::new(&[("modules/alpha/a", ""), ("profiles/prod.toml", ""), (path, text)]);
        let name = |text: &str| Name::new(text).unwrap();
        let read = crate::project::Project::discover(&sample.path(""), &crate::env::Environment::bare())
            .and_then(|project| {
                project.module_config(&name("alpha"))?;
                project.chain(&name("prod")).map(drop)
            });
        assert!(read.is_err(), "the reader takes {text}");
    }
}
