//! docs/reference.md: every key of every file, made from the schemas of the files.

use std::fmt::Write as _;

use serde_json::Value;

use crate::project::file_schema;

/// The files, and their headings.
const FILES: [(&str, &str); 4] = [
    ("lockstep", "lockstep.toml"),
    ("module", "modules/NAME/module.toml"),
    ("profile", "profiles/NAME.toml"),
    ("workflow", "workflows/NAME.toml"),
];

/// The page.
pub(super) fn text() -> String {
    let mut text = String::from(
        "# Reference of the configuration\n\nMade from the program by `lockstep generate`; changes here are lost. \
         What it is all for: [configuration.md](configuration.md). As JSON Schema: `lockstep schema`.\n",
    );
    for (name, heading) in FILES {
        let schema = file_schema(name).unwrap_or_default();
        let _ =
            write!(text, "\n## {heading}\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n");
        rows(&schema, &schema, "", &mut text);
    }
    text
}

/// A row for each key of a table, with those of tables in it below.
fn rows(root: &Value, table: &Value, prefix: &str, text: &mut String) {
    for (key, said) in table["properties"].as_object().into_iter().flatten() {
        let target = target(root, said);
        let path = format!("{prefix}{key}");
        let (inner, path) = match inner(root, target) {
            Inner::Table(inner) => (Some(inner), path),
            Inner::Named(inner) => (Some(inner), format!("{path}.NAME")),
            Inner::Listed(inner) => (Some(inner), format!("{path}[]")),
            Inner::Nothing => (None, path),
        };
        let meaning = said["description"].as_str().or(target["description"].as_str()).unwrap_or_default();
        let default = said.get("default").or(target.get("default"));
        let default =
            default.filter(|_| inner.is_none()).map_or_else(String::new, |value| format!("`{value}`"));
        let _ = writeln!(text, "| `{path}` | {} | {default} | {} |", kind(root, target), cell(meaning));
        if let Some(inner) = inner {
            rows(root, inner, &format!("{path}."), text);
        }
    }
}

enum Inner<'a> {
    Table(&'a Value),
    Named(&'a Value),
    Listed(&'a Value),
    Nothing,
}

/// The table within a key that has keys of its own, if there is one.
fn inner<'a>(root: &'a Value, said: &'a Value) -> Inner<'a> {
    let has_keys = |at: &Value| at["properties"].is_object();
    if has_keys(said) {
        return Inner::Table(said);
    }
    if let Some(named) = values(said).map(|value| target(root, value)).filter(|value| has_keys(value)) {
        return Inner::Named(named);
    }
    let items = target(root, &said["items"]);
    if has_keys(items) { Inner::Listed(items) } else { Inner::Nothing }
}

/// What the values of a table with free keys are.
fn values(said: &Value) -> Option<&Value> {
    let additional = said.get("additionalProperties").filter(|value| value.is_object());
    additional.or_else(|| {
        let patterns = said["patternProperties"].as_object().filter(|patterns| patterns.len() == 1)?;
        patterns.values().next()
    })
}

/// The definition that a reference names, else the schema itself.
fn target<'a>(root: &'a Value, said: &'a Value) -> &'a Value {
    let name = said["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
    name.and_then(|pointer| root.pointer(pointer)).unwrap_or(said)
}

/// A type, in a few words.
fn kind(root: &Value, said: &Value) -> String {
    let said = target(root, said);
    if let Some(choices) = choices(said) {
        return choices;
    }
    match said["type"].as_str() {
        Some("array") => match said["items"] {
            Value::Object(_) => format!("list of {}", plural(&kind(root, &said["items"]))),
            _ => "list".to_owned(),
        },
        Some("object") => match values(said).filter(|value| !target(root, value)["properties"].is_object()) {
            Some(value) => format!("table of {}", plural(&kind(root, value))),
            None => "table".to_owned(),
        },
        Some(simple) => simple.to_owned(),
        None => "any".to_owned(),
    }
}

fn plural(kind: &str) -> String {
    match kind.split_once(' ') {
        None if kind != "any" => format!("{kind}s"),
        Some((first, rest)) if ["list", "table"].contains(&first) => format!("{first}s {rest}"),
        _ => kind.to_owned(),
    }
}

/// The words that a key can have, where they are listed.
fn choices(said: &Value) -> Option<String> {
    let word = |value: &Value| value.as_str().map(|word| format!("`\"{word}\"`"));
    let listed = match (said["enum"].as_array(), said["oneOf"].as_array()) {
        (Some(words), _) => words.iter().map(word).collect::<Option<Vec<_>>>(),
        (None, Some(each)) => each.iter().map(|one| word(&one["const"])).collect(),
        (None, None) => None,
    };
    listed.filter(|words| !words.is_empty()).map(|words| words.join(", "))
}

/// A sentence for a cell of a table: one line, no bar, no link of the source.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
