//! Values in files that HCL reads: written by `tohcl`, they come back from the real tool as they were; text of
//! JSON in which HCL would compute something is refused.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::harness::{World, tofu};

/// Texts out of what HCL, JSON and shells give a meaning, and data of them.
fn data() -> impl Strategy<Value = Value> {
    let part = prop::sample::select(vec![
        "$", "%", "{", "}", "${", "%{", "$${", "%%{", "~}", "\\", "\"", "'", "\n", "\t", "\u{8}", "\u{c}",
        "\u{0}", "\u{7f}", "\u{2028}", "ü", "😀", " ", "a", "if true", "<<EOF", "#", "//",
    ]);
    let text = prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat());
    let leaf = prop_oneof![
        4 => text.clone().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => (-1e6..1e6).prop_map(|number: f64| Value::from((number * 16.0).round() / 16.0)),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let key = text.clone().prop_map(|key| format!("k{key}"));
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Numbers as fractions, for the tool writes whole ones of them without.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => json!(number.as_f64().map(|n| n.to_string())),
        Value::Number(number) => json!(number.to_string()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        other => other.clone(),
    }
}

#[test]
fn what_is_written_for_hcl_comes_back_as_it_was() {
    let world = World::new();
    let a = world.clone("a");
    let (tool, path) = tofu();
    world.link(tool, &path);
    let mut runner = TestRunner::deterministic();
    // Carriage returns are here alone: behind one the tool itself misreads `$$${` in JSON.
    let mut values = vec![json!("costs ${5} and $${6} 100%{if true}!%{endif}"), json!("a\r\n${b}\r%{c}")];
    values.extend((0..150).map(|_| data().new_tree(&mut runner).expect("a value").current()));
    a.write("modules/alpha/main.tf", "output \"hcl\" {\n  value = {{ values | tohcl(indent=2) }}\n}\n");
    a.write("modules/alpha/more.tf.json", "{\"output\": {\"json\": {\"value\": {{ values | tohcl }} } } }\n");
    a.write(
        "modules/alpha/module.toml",
        "[[build.file]]\npath = \"x.auto.tfvars.json\"\nvalue = { v = \"{{ values }}\" }\n",
    );
    a.write("modules/alpha/vars.tf", "variable \"v\" {}\noutput \"tfvars\" {\n  value = var.v\n}\n");
    a.write("values.json", json!(values).to_string());
    a.write("profiles/prod.toml", "[params]\nvalues = \"{{ file('values.json') | fromjson }}\"\n");
    let words = format!("build {tool}:init {tool}:apply:-auto-approve -- alpha prod");
    a.lockstep(&words).run().code(0);
    let out = a.lockstep(&format!("exec -- alpha prod {tool} output -json")).run();
    let outputs: Value = serde_json::from_str(&out.code(0).stdout()).expect("JSON");
    let expected = plain(&Value::from(values));
    for name in ["hcl", "json", "tfvars"] {
        let found = plain(&outputs[name]["value"]);
        for (found, expected) in
            found.as_array().expect("a list").iter().zip(expected.as_array().expect("one"))
        {
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[test]
fn json_that_hcl_would_compute_is_refused_with_its_line() {
    let world = World::new();
    let a = world.clone("a");
    a.write("profiles/prod.toml", "[params]\nregion = \"eu\"\ngreeting = \"costs ${5}\"\nplain = \"$5\"\n");
    a.write("modules/alpha/main.tf", "# x\nlocals { g = {{ [greeting] | tojson }} }\n");
    let refused = |said: &str| {
        for words in ["build -- alpha prod", "validate -- alpha prod"] {
            let out = a.lockstep(words).run();
            assert!(out.code(78).stderr().contains(said), "{said}: {out}");
        }
    };
    refused(
        "error: modules/alpha/main.tf:2: HCL would compute `${…}` or `%{…}` in this data: use `| tohcl`, in the place of `tojson` or behind `toyaml`\n    \
         2 | locals { g = {{ [greeting] | tojson }} }",
    );
    a.write("modules/alpha/main.tf", "locals { g = {{ \"x\" ~ (greeting | tojson) }} }\n");
    refused("modules/alpha/main.tf:1: HCL would compute `${…}` or `%{…}` in this data");
    a.write("modules/alpha/main.tf", "locals { g = {{ greeting | tohcl }}, p = {{ plain | tojson }} }\n");
    a.lockstep("build -- alpha prod").run().code(0);
    assert_eq!(a.read(".dist/alpha/prod/main.tf"), "locals { g = \"costs $${5}\", p = \"$5\" }\n");
    a.write(
        "modules/alpha/module.toml",
        "[[build.file]]\npath = \"x.tf.json\"\n[build.file.value]\nlocals.ref = \"${var.x}\"\nlocals.g = \"{{ greeting }}\"\n",
    );
    refused(
        "modules/alpha/module.toml:5: `x.tf.json`: HCL would compute a text that gets into it, `${…}` or `%{…}`",
    );
    // What is written out is a reference.
    a.write(
        "modules/alpha/module.toml",
        "[[build.file]]\npath = \"x.tf.json\"\nvalue = { locals = { ref = \"${var.x}\", p = \"{{ plain }}\" } }\n",
    );
    a.lockstep("build -- alpha prod").run().code(0);
}
