//! Questions about parameters through the binary: `why`, and what it says of each layer.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::harness::{Checkout, World, snap};

/// A project in which parameters come from everywhere.
fn layered(a: &Checkout<'_>) {
    a.write("modules/alpha/module.toml", "[params]\nname = \"x\"\nports = [80]\ndb.host = \"localhost\"\n");
    a.write("lockstep.toml", "[params]\ndb.host = \"db.example\"\n\"a b\" = { c = 1.5, d = [true] }\n");
    a.write(
        "profiles/prod.toml",
        "[params]\nregion = \"eu-west\"\nname = \"{{ module }}-{{ region }}\"\nday = 2026-01-02\n\
         \"ports+\" = [443]\n",
    );
}

#[test]
fn each_parameter_is_shown_with_its_place_and_what_it_overrides() {
    let world = World::new();
    let a = world.clone("a");
    layered(&a);
    let out = a.lockstep("why alpha/prod").run();
    out.code(0);
    let table: toml::Table = toml::from_str(&out.stdout()).expect("what is printed is TOML");
    assert_eq!(table["name"].as_str(), Some("alpha-eu-west"));
    assert_eq!(table["ports"].as_array().map(Vec::len), Some(2));
    assert_eq!(table["a b"]["d"][0].as_bool(), Some(true));
    snap!(out);
    assert!(!a.has(".dist"), "nothing is written");
    let below = a.lockstep("why alpha/prod db").run();
    below
        .code(0)
        .prints("db.host = \"db.example\"  # lockstep.toml:2; overrides modules/alpha/module.toml:4\n");
    let outside = a.lockstep("why alpha/prod region --set region=x").env("LOCKSTEP_PARAM_region", "y").run();
    outside
        .code(0)
        .prints("region = \"x\"  # --set; overrides LOCKSTEP_PARAM_region, profiles/prod.toml:2\n");
}

#[test]
fn programs_read_json() {
    let world = World::new();
    let a = world.clone("a");
    layered(&a);
    let out = a.lockstep("why alpha/prod name --json").run();
    out.code(0);
    let json: Value = serde_json::from_str(&out.stdout()).expect("JSON");
    assert_eq!(json["unit"], "alpha/prod");
    let name = &json["parameters"][0];
    assert_eq!((&name["key"], &name["value"]), (&"name".into(), &"alpha-eu-west".into()));
    assert_eq!(name["expression"], "{{ module }}-{{ region }}");
    assert_eq!(name["from"]["file"], "profiles/prod.toml");
    assert_eq!(name["from"]["line"], 3);
    assert_eq!(name["overrides"][0]["file"], "modules/alpha/module.toml");
}

#[test]
fn an_unknown_key_or_unit_is_met_with_the_nearest_one() {
    let world = World::new();
    let a = world.clone("a");
    layered(&a);
    let out = a.lockstep("why alpha/prod db.hots").run();
    out.code(64).prints("").says("db.host");
    snap!(out);
    a.lockstep("why alpha/prod zzzzzzzzzz").run().code(64).says("known parameters: a b, ");
    a.lockstep("why alpha/prd").run().code(64).says("did you mean `prod`?");
    a.lockstep("why alpha").run().code(64).says("MODULE/PROFILE");
    a.lockstep("why ./prod").cwd("modules/alpha").run().code(0);
}

#[test]
fn what_cannot_be_evaluated_does_not_hide_the_rest() {
    let world = World::new();
    let a = world.clone("a");
    a.write("profiles/prod.toml", "[params]\na = \"{{ nope }}\"\nregion = \"{{ 'eu' }}\"\n");
    let out = a.lockstep("why alpha/prod").run();
    out.code(78).says("profiles/prod.toml:2").says("nope");
    assert!(out.stdout().contains("region = \"eu\""), "{out}");
    snap!(out);
    a.lockstep("why alpha/prod region").run().code(0);
}

#[test]
fn secrets_are_masked_wherever_parameters_are_shown() {
    let world = World::new();
    let a = world.clone("a");
    a.write(
        "profiles/prod.toml",
        "sensitive = [\"db.password\"]\n\n[params]\nregion = \"eu\"\nurl = \"pg://{{ db.password }}@h\"\n\
         db = { host = \"h\", password = \"hunter2 {{ region }}\" }\n",
    );
    a.write("modules/alpha/secret.env", "URL={{ url | upper }}\n");
    let out = a.lockstep("why alpha/prod").run();
    out.code(0);
    snap!(out);
    let json = a.lockstep("why alpha/prod --json").run();
    let diff = a.lockstep("diff -- alpha prod").run();
    let print = a.lockstep("build --print secret.env -- alpha prod").run();
    print.code(64).says(".dist/alpha/prod/secret.env");
    let build = a.lockstep("-v build -- alpha prod").run();
    build.code(0);
    for out in [out, json, diff, print, build] {
        assert!(!out.to_string().to_lowercase().contains("hunter"), "{out}");
    }
    assert_eq!(a.read(".dist/alpha/prod/secret.env"), "URL=PG://HUNTER2 EU@H\n");
    let mode = a.path(".dist/alpha/prod/secret.env").metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_key_is_taken_as_it_is_printed() {
    let world = World::new();
    let a = world.clone("a");
    a.write("profiles/prod.toml", "[params]\nregion = \"eu\"\n\"q r\".\"a.b\" = { c = 1 }\n");
    a.write("modules/alpha/module.toml", "[[build.file]]\npath = \"x.json\"\nfrom = '\"q r\".\"a.b\"'\n");
    let line = "\"q r\".\"a.b\".c = 1  # profiles/prod.toml:3\n";
    for key in ["\"q r\".\"a.b\".c", "\"q r\".\"a.b\"", "'q r'", "q r.a.b"] {
        a.lockstep("why alpha/prod").arg(key).run().code(0).prints(line);
    }
    a.lockstep("why alpha/prod").arg("\"q r\".a").run().code(64).prints("");
    let set = a.lockstep("why alpha/prod").args(["--set", "\"q r\".\"a.b\".c=2", "q r"]).run();
    set.code(0).prints("\"q r\".\"a.b\".c = 2  # --set; overrides profiles/prod.toml:3\n");
    a.lockstep("why alpha/prod --set a..b=1").run().code(64).says("`a..b` is not a key");
    a.lockstep("build --print x.json -- alpha prod").run().code(0).prints("{\n  \"c\": 1\n}\n");
}

#[test]
fn what_toml_cannot_hold_is_a_comment_and_what_json_cannot_a_text() {
    let world = World::new();
    let a = world.clone("a");
    a.write(
        "profiles/prod.toml",
        "[params]\nregion = \"eu\"\nn = \"{{ none }}\"\nl = \"{{ [1, none] }}\"\nbig = \"{{ 2 ** 63 }}\"\n\
         huge = \"{{ 2 ** 100 }}\"\ni = -inf\nx = nan\nt = { y = [inf, 1.5], z = \"s\" }\n",
    );
    let out = a.lockstep("why alpha/prod").run();
    out.code(0);
    let text = out.stdout();
    let table: toml::Table = toml::from_str(&text).expect("what is printed is TOML");
    assert_eq!(table["i"].as_float(), Some(f64::NEG_INFINITY));
    assert!(table["x"].as_float().is_some_and(f64::is_nan));
    assert_eq!(table["t"]["y"][0].as_float(), Some(f64::INFINITY));
    for line in [
        "# n = null  # profiles/prod.toml:3",
        "# l = [1, null]  #",
        "# big = 9223372036854775808  #",
        "# huge = 1267650600228229401496703205376  #",
    ] {
        assert!(text.contains(line), "{line}: {out}");
    }
    let out = a.lockstep("why alpha/prod --json").run();
    out.code(0);
    let json: Value = serde_json::from_str(&out.stdout()).expect("JSON");
    let of = |key: &str| {
        let all = json["parameters"].as_array().expect("a list");
        all.iter().find(|one| one["key"] == key).expect("told")["value"].clone()
    };
    assert_eq!((of("i"), of("x"), of("n")), ("-inf".into(), "nan".into(), Value::Null));
    assert_eq!(
        (of("huge"), of("t.y")),
        ("1267650600228229401496703205376".into(), serde_json::json!(["inf", 1.5]))
    );
    a.lockstep("describe -- alpha prod").run().code(0);
}
