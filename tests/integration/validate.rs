//! `validate` and the schema of a module, through the binary.

use crate::harness::{ALIAS, Checkout, World, snap};

const SCHEMA: &str = r#"{
  "required": ["region", "replicas"],
  "additionalProperties": false,
  "properties": {
    "region": { "enum": ["eu-west", "eu-north"] },
    "replicas": { "type": "integer", "minimum": 1 },
    "db": { "properties": { "password": { "type": "string", "minLength": 20 } } }
  }
}
"#;

fn with_schema(a: &Checkout<'_>, params: &str) {
    a.write("modules/alpha/schema.json", SCHEMA);
    a.write(
        "profiles/prod.toml",
        format!("sensitive = [\"db.password\"]\n\n[params]\nregion = \"eu-west\"\n{params}"),
    );
}

#[test]
fn everything_that_does_not_fit_is_told_with_its_place() {
    let world = World::new();
    let a = world.clone("a");
    with_schema(&a, "replicsa = 3\ndb.password = \"hunter2 {{ region }}\"\n");
    let out = a.lockstep("validate --set region=us -- alpha prod").run();
    out.code(78).prints("").never_says("hunter");
    snap!(out);
    assert!(!a.has(".dist") && a.journals().is_empty(), "nothing is written");
}

#[test]
fn a_build_holds_to_the_schema_and_the_schema_is_no_output() {
    let world = World::new();
    let a = world.clone("a");
    with_schema(&a, "replicas = 0\n");
    for words in ["build", "build --check", "diff"] {
        a.lockstep(words).words("-- alpha prod").run().code(78).prints("").says("profiles/prod.toml:5");
    }
    with_schema(&a, "replicas = 1\n");
    a.lockstep("validate -- alpha prod").run().code(0).prints("");
    a.lockstep("build -- alpha prod").run().code(0);
    assert!(a.has(".dist/alpha/prod/main.tf") && !a.has(".dist/alpha/prod/schema.json"));
    // Without a schema as before.
    a.lockstep("validate build -- beta dev").run().code(0);
}

#[test]
fn nothing_runs_where_the_parameters_do_not_fit() {
    let world = World::new();
    let a = world.clone("a");
    let tofu = world.tool("tofu");
    tofu.exits(0);
    with_schema(&a, "replicas = 0\n");
    a.commit("A schema");
    let words = ALIAS.replace("build", "build validate");
    a.lockstep(&words).words("tofu apply").run().code(78);
    assert!(world.called().is_empty() && world.lock_state("alpha/prod") == "none");
}

#[test]
fn every_template_is_read_and_rendered_and_every_parameter_is_looked_at() {
    let world = World::new();
    let a = world.clone("a");
    a.write("profiles/prod.toml", "[params]\nregion = \"x\"\nunused = \"{{ nope }}\"\n");
    let out = a.lockstep("-v validate -- alpha prod").run();
    out.code(0)
        .prints("")
        .says("profiles/prod.toml:3")
        .says("the module has no schema; 1 file can be rendered");
    a.write("modules/alpha/a.tf", "{{ region\n");
    a.write("modules/alpha/b.tf", "ok\n{% if %}\n");
    let out = a.lockstep("validate -- alpha prod").run();
    out.code(78);
    snap!(out);
    a.write("modules/alpha/a.tf", "{{ nowhere }}\n");
    a.write("modules/alpha/b.tf", "");
    a.lockstep("validate -- alpha prod").run().code(78).says("modules/alpha/a.tf:1").says("nowhere");
}

#[test]
fn the_fault_of_every_file_is_named_at_once_and_no_command_fails_twice() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("zones").does(serde_json::json!([{ "exit": 3 }]));
    a.write("lockstep.toml", "[data.zones]\ncommand = [\"zones\"]\n");
    a.write(
        "profiles/prod.toml",
        "[params]\nregion = 1\nunused = \"{{ nope }}\"\nz = \"{{ data.zones }}\"\n",
    );
    a.write(
        "modules/alpha/module.toml",
        "[schema.properties.region]\ntype = \"string\"\n\n[[build.when]]\nfiles = [\"never.tf\"]\n\
         if = \"{{ false }}\"\n\n[[build.when]]\nfiles = [\"main.tf\"]\nif = \"{{ 1 }}\"\n",
    );
    a.write("modules/alpha/a.tf", "{{ a }}\n");
    a.write("modules/alpha/b.tf", "{{ b }}\n");
    a.write("modules/alpha/c.tf", "{{ c\n");
    a.write("modules/alpha/d.tf", "{{ z }}\n");
    a.write("modules/alpha/e.tf", "{{ z }}\n");
    a.write("modules/alpha/fine.tf", "{{ region }}\n");
    a.write("modules/alpha/never.tf", "{{ not_made }}\n");
    let out = a.lockstep("validate -- alpha prod").run();
    out.code(78);
    snap!(out);
    assert_eq!(world.called(), ["zones"]);
}

#[test]
fn a_mark_that_marks_nothing_is_told() {
    let world = World::new();
    let a = world.clone("a");
    for (file, key) in [
        ("lockstep.toml", "db..password"),
        ("profiles/prod.toml", ""),
        ("modules/alpha/module.toml", "a b.c"),
    ] {
        let before = if a.has(file) { a.read(file) } else { String::new() };
        a.write(file, format!("\nsensitive = [\n  \"x\",\n  \"{key}\",\n]\n{before}"));
        let out = a.lockstep("validate -- alpha prod").run();
        out.code(78).says(&format!("{file}:4: `{key}` in `sensitive` is not a key"));
        a.write(file, before);
    }
    let profile = a.read("profiles/prod.toml");
    a.write(
        "lockstep.toml",
        "sensitive = [\"of_beta\", \"nobodys\", '\"a b\".c']\n[params.\"a b\"]\nc = \"x\"\n",
    );
    a.write("profiles/prod.toml", format!("sensitive = [\"also.nobodys\"]\n{profile}"));
    a.write("modules/beta/module.toml", "[params]\nof_beta = \"x\"\n");
    let out = a.lockstep("validate -- alpha,beta prod").run();
    out.code(0)
        .says("lockstep.toml:1: `nobodys` in `sensitive` is no parameter of any unit")
        .says("profiles/prod.toml:1: `also.nobodys` in `sensitive` is no parameter of any unit")
        .never_says("of_beta");
    assert_eq!(out.stderr().matches("no parameter of any unit").count(), 2, "{out}");
    a.lockstep("why alpha/prod")
        .arg("a b")
        .run()
        .code(0)
        .prints("\"a b\".c = \"(sensitive)\"  # lockstep.toml:3\n");
}

#[test]
fn a_schema_that_cannot_be_used_is_told_by_its_line() {
    let world = World::new();
    let a = world.clone("a");
    for (schema, place) in [
        ("{\n\"type\": \"objekt\"}", "modules/alpha/schema.json:2: this schema is not valid"),
        (
            "{\n\"$ref\": \"http://127.0.0.1:1/x\"}",
            "modules/alpha/schema.json:2: `http://127.0.0.1:1/x` leads out",
        ),
        ("[", "modules/alpha/schema.json:1: this is not valid JSON"),
    ] {
        a.write("modules/alpha/schema.json", schema);
        a.lockstep("validate -- alpha prod").run().code(78).prints("").says(place);
    }
    a.write("modules/alpha/module.toml", "[schema]\n");
    a.lockstep("validate -- alpha prod")
        .run()
        .code(78)
        .says("modules/alpha/module.toml:1")
        .says("keep one of them");
}
