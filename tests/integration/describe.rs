//! `describe` through the binary: a unit at every stage of its life.

use serde_json::Value;

use crate::harness::{ALIAS, World, snap};

fn lines<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)).map_or("", str::trim)
}

#[test]
fn a_unit_is_told_before_anything_was_done_and_nothing_is_written() {
    let world = World::new();
    let a = world.clone("a");
    a.write(
        "profiles/base.toml",
        "sensitive = [\"token\"]\n\n[params]\ntoken = \"hunter2\"\nports = [80, 443]\n",
    );
    a.write(
        "profiles/prod.toml",
        "extends = [\"base\"]\n\n[params]\nregion = \"{{ 'eu' }}-west\"\n\"a b\" = {}\n",
    );
    a.write("modules/alpha/module.toml", "[env]\nTF_LOG = \"x\"\n\n[schema]\nrequired = [\"region\"]\n");
    a.write("modules/alpha/sub/odd\u{202e}.tf", "");
    let out = a.lockstep("describe -- alpha prod").run();
    out.code(0).never_says("hunter");
    assert!(!out.stdout().contains("hunter") && !out.stdout().contains('\u{202e}'), "{out}");
    snap!(out);
    assert!(!a.has(".dist") && a.journals().is_empty());
}

#[test]
fn files_lock_and_last_run_are_told_as_they_are() {
    let world = World::new();
    let a = world.clone("a");
    let tofu = world.tool("tofu");
    tofu.exits(0);
    a.lockstep(ALIAS).words("tofu apply").run().code(0);
    let told = a.lockstep("describe -- alpha prod").run();
    told.code(0);
    snap!("after_success", told);
    assert_eq!(lines(&told.stdout(), "applied"), a.head());

    a.publish("README", "more\n");
    tofu.exits(3);
    a.lockstep(ALIAS).words("tofu apply").run().code(3);
    a.write(".dist/alpha/prod/main.tf", "edited\n");
    a.write(".dist/alpha/prod/extra.tf", "mine\n");
    a.write("modules/alpha/new.tf", "new\n");
    let told = a.lockstep("describe tofu:plan --dry-run -- alpha prod").run();
    told.code(0).prints("");
    let told = a.lockstep("describe --set region=x -- alpha prod").run();
    told.code(0).says("parameters from outside the repository: region");
    snap!("after_failure", told);
    let other = world.clone("b");
    let told = other.lockstep("describe -- alpha prod").run();
    told.code(0);
    assert!(lines(&told.stdout(), "lock").starts_with("failed by `ana@host1` since"), "{told}");
    assert_eq!(lines(&told.stdout(), "last run"), "none known here");
}

#[test]
fn what_cannot_be_found_out_keeps_nothing_back() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/alpha/main.tf", "{{ nope }}\n");
    std::fs::rename(world.origin(), world.path("gone.git")).expect("the world is writable");
    let told = a.lockstep("describe -- alpha prod").run();
    told.code(0);
    let text = told.stdout();
    assert!(lines(&text, "lock").starts_with("unknown: "), "{told}");
    assert!(
        text.contains("files: the module cannot be rendered\n") && text.contains("region = \"eu-west\""),
        "{told}"
    );
    a.lockstep("describe -- alpha nowhere").run().code(64).prints("");
    a.write("profiles/prod.toml", "[parms]\n");
    a.lockstep("describe -- alpha prod").run().code(78).prints("").says("profiles/prod.toml:1");
}

#[test]
fn a_command_is_told_with_what_is_known_of_it() {
    let world = World::new();
    let a = world.clone("a");
    let tofu = world.tool("tofu");
    tofu.exits(0);
    let told = a.lockstep("build describe tofu:plan -- alpha prod").run();
    told.code(0);
    assert_eq!(lines(&told.stdout(), "command"), "tofu plan: only reads", "{told}");
    assert_eq!(lines(&told.stdout(), "last run"), "none known here", "not the run that asks");
}

#[test]
fn json_is_for_describe_alone() {
    let world = World::new();
    let a = world.clone("a");
    let out = a.lockstep("describe --json -- alpha prod").run();
    out.code(0);
    let json: Value = serde_json::from_str(&out.stdout()).expect("JSON");
    assert_eq!(json["parameters"][0]["value"], "eu-west");
    assert_eq!(json["files"][0], serde_json::json!({ "path": "main.tf", "state": "new" }));
    assert_eq!(json["lock"]["known"], true);
    assert_eq!(json["last_run"], Value::Null);
    a.lockstep("build --json -- alpha prod").run().code(64).prints("").says("only `describe` prints JSON");
}

#[test]
fn tags_needs_and_dependants_are_told_with_their_places() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/vpc/module.toml", "tags = [\"network\", \"core\"]\n");
    a.write(
        "modules/alpha/module.toml",
        "needs = [\n  \"vpc\",\n  \"dns/dev\",\n]\n\n[params]\nid = \"{{ outputs.zone.id }}\"\n",
    );
    a.write("modules/dns/module.toml", "needs = [\"vpc\"]\n");
    a.write("modules/zone/x", "");
    let out = a.lockstep("describe -- alpha prod").run();
    out.code(0);
    let text = out.stdout();
    assert_eq!(
        lines(&text, "needs"),
        "vpc/prod (modules/alpha/module.toml:2), dns/dev (modules/alpha/module.toml:3), \
         zone/prod (outputs, modules/alpha/module.toml:7)"
    );
    assert_eq!((lines(&text, "tags"), lines(&text, "needed by")), ("", ""));
    let text = a.lockstep("describe -- vpc prod").run().stdout();
    assert_eq!(lines(&text, "tags"), "network, core");
    assert_eq!(lines(&text, "needed by"), "alpha/prod, dns/prod");
    let out = a.lockstep("describe --json -- alpha,dns dev").run();
    out.code(0);
    let told: Vec<Value> =
        serde_json::Deserializer::from_str(&out.stdout()).into_iter().map(|one| one.expect("JSON")).collect();
    let dns = told.iter().find(|one| one["unit"] == "dns/dev").expect("told");
    assert_eq!(dns["needed_by"], serde_json::json!(["alpha/dev", "alpha/prod"]));
    assert_eq!(
        dns["needs"],
        serde_json::json!([
            { "unit": "vpc/dev", "because": "needs", "file": "modules/dns/module.toml", "line": 1 }
        ])
    );

    // What is wrong with one keeps nothing else back.
    a.write("modules/dns/module.toml", "needs = [\"vcp\"]\n");
    let text = a.lockstep("describe -- vpc prod").run().stdout();
    let broken = "unknown: modules/dns/module.toml:1: `needs` names `vcp`, and there is no module `vcp`";
    assert_eq!(lines(&text, "needed by"), format!("alpha/prod; others {broken}"));
    let out = a.lockstep("describe -- dns prod").run();
    out.code(0);
    assert_eq!(lines(&out.stdout(), "needs"), broken);
    for number in 0..12 {
        a.write(format!("modules/m{number:02}/module.toml"), "needs = [\"zone\"]\n");
    }
    let text = a.lockstep("describe -- zone dev").run().stdout();
    let told = lines(&text, "needed by");
    assert!(told.starts_with("alpha/dev, m00/dev, ") && told.contains("m08/dev and 3 more: "), "{told}");
}

#[test]
fn nothing_is_run_or_read_for_it_and_what_depends_on_that_is_not_known() {
    let world = World::new();
    let a = world.clone("a");
    let ran = world.path("tmp/RAN");
    let ran = ran.display();
    a.write(
        "profiles/prod.toml",
        format!(
            "[params]\ns = \"{{{{ secret(command=['touch', '{ran}']) }}}}\"\nz = \"{{{{ data.zones }}}}\"\n"
        ),
    );
    a.write("lockstep.toml", format!("[data.zones]\ncommand = ['sh', '-c', 'touch {ran}; echo [1]']\n"));
    a.write(
        "modules/alpha/module.toml",
        "[[build.when]]\nfiles = [\"maybe.tf\"]\nif = \"{{ z[0] == 1 }}\"\n\n[schema.properties]\nz.type = \"array\"\n\
         s.minLength = 1\n",
    );
    a.write("modules/alpha/main.tf", "{{ s }}\n");
    a.write("modules/alpha/loop.tf", "{% for zone in z %}{{ zone }}{% endfor %}\n");
    a.write("modules/alpha/maybe.tf", "x\n");
    a.write("modules/alpha/plain.tf", "{{ env('NOBODY_SETS_THIS', 'x') }}\n");
    a.write(".dist/alpha/prod/main.tf", "old\n");
    let out = a.lockstep("describe -- alpha prod").run();
    out.code(0);
    assert!(!world.path("tmp/RAN").exists(), "{out}");
    let text = out.stdout();
    for (file, state) in [
        ("main.tf", "not known: it depends on what only a build reads"),
        ("loop.tf", "new: build makes it"),
        ("maybe.tf", "not known: it depends on what only a build reads"),
        ("plain.tf", "new: build makes it"),
    ] {
        let line = text.lines().find(|line| line.trim_start().starts_with(file));
        assert!(line.is_some_and(|line| line.ends_with(state)), "{file}: {out}");
    }
    assert!(text.contains("s = (secret)") && text.contains("z = (data zones, not run)"), "{out}");
    // What is wrong whatever they give is told still.
    a.write("modules/alpha/plain.tf", "{{ nope }}\n");
    let out = a.lockstep("describe -- alpha prod").run();
    assert!(out.stdout().contains("modules/alpha/plain.tf:1: `nope` is undefined"), "{out}");
}
