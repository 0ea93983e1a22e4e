//! Outputs of one unit in the parameters of another: read from the tool, lazily and once; where there
//! is none, nothing is made up and nothing runs.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Checkout, World, snap, write_script};

/// `tofu output` tells what stands in `.state/MODULE-PROFILE`; each call is a line in `asked`.
const TOFU: &str = "\
echo \"$LOCKSTEP_MODULE/$LOCKSTEP_PROFILE in ${PWD##*/.dist/}: $*\" >> \"${0%/*}/asked\"
case $1 in
output) cat \"../../../.state/$LOCKSTEP_MODULE-$LOCKSTEP_PROFILE\" ;;
esac
";

const VPC: &str = r#"{
    "id": { "sensitive": false, "type": "string", "value": "vpc-1" },
    "zones": { "sensitive": false, "type": ["list", "string"], "value": ["a", "b"] },
    "password": { "sensitive": true, "type": "string", "value": "hunter2-of-vpc" }
}"#;

const APP: &str = "\
[params]
network = \"{{ outputs.vpc.id }}\"
zones = \"{{ outputs.vpc.zones }}\"
unused = \"{{ outputs.vpc.nothing }}\"
";

fn project(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    a.write("modules/vpc/main.tf", "# vpc\n");
    a.write("modules/app/module.toml", APP);
    a.write("modules/app/main.tf", "network = \"{{ network }}\"\nzones = {{ zones | tojson }}\n");
    a.write("modules/app/more.tf", "also = \"{{ network }}\"\n");
    a.write(".state/vpc-prod", VPC);
    a.write(".gitignore", "/.dist/\n/.state/\n");
    a.commit("Outputs");
    write_script(&world.path("bin"), "tofu", TOFU);
    a
}

fn asked(world: &World) -> String {
    std::fs::read_to_string(world.path("bin/asked")).unwrap_or_default()
}

#[test]
fn outputs_are_read_once_a_run_and_keep_their_types() {
    let world = World::new();
    let a = project(&world);
    let out = a.lockstep("build exec -- app prod tofu plan").run();
    out.code(0);
    assert_eq!(
        a.read(".dist/app/prod/main.tf"),
        "network = \"vpc-1\"\nzones = [\"a\",\"b\"]\n",
        "the output that nobody uses was not missed"
    );
    assert_eq!(asked(&world), "vpc/prod in vpc/prod: output -json\napp/prod in app/prod: plan\n");
    snap!(out);
    let out = a.lockstep("why app/prod").run();
    out.code(0);
    snap!("why", out);
    assert_eq!(asked(&world).lines().count(), 2, "looking asks nobody");
    // Typed values are what expressions go on with.
    a.write("modules/app/module.toml", format!("{APP}first = \"{{{{ zones[0] ~ (zones | length) }}}}\"\n"));
    a.write("modules/app/more.tf", "{{ first }}\n");
    a.lockstep("diff -- app prod").run().code(0);
    a.lockstep("build -- app prod").run().code(0);
    assert_eq!(a.read(".dist/app/prod/more.tf"), "a2\n");
}

#[test]
fn what_the_tool_calls_sensitive_is_a_secret() {
    let world = World::new();
    let a = project(&world);
    a.write("modules/app/module.toml", "[params]\np = \"x{{ outputs['vpc/prod'].password }}\"\n");
    a.write("modules/app/main.tf", "{{ p }}\n");
    a.write("modules/app/more.tf", "");
    let out = a.lockstep("-v build diff -- app prod").run();
    out.code(0);
    out.never_says("hunter2").prints_no("hunter2");
    let file = a.path(".dist/app/prod/main.tf");
    assert_eq!(a.read(".dist/app/prod/main.tf"), "xhunter2-of-vpc\n");
    assert_eq!(file.metadata().expect("rendered").permissions().mode() & 0o777, 0o600);
    assert!(!a.read(".dist/.lockstep/app/prod.json").contains("hunter2"));
    a.write("modules/app/main.tf", "new {{ p }}\n");
    let out = a.lockstep("diff -- app prod").run();
    out.code(0).prints_no("hunter2");
    a.write("modules/app/main.tf", "{{ p.nothing }}\n");
    a.lockstep("build -- app prod").run().code(78).never_says("hunter2");
}

#[test]
fn what_is_not_there_ends_the_run_where_it_was_asked_for() {
    let world = World::new();
    let a = project(&world);
    let fails = |what: &str| {
        let out = a.lockstep("build exec -- app prod tofu apply").run();
        out.code(78);
        assert!(!asked(&world).contains("apply"), "nothing ran: {what}");
        snap!(what.to_owned(), out);
    };
    a.lockstep("build -- vpc prod").run().code(0);
    a.write(".state/vpc-prod", VPC.replace("\"id\"", "\"idd\""));
    fails("missing");
    a.write(".state/vpc-prod", "{}");
    fails("empty");
    a.write(".state/vpc-prod", "\u{2577}\n\u{2502} Warning: an old option\n{}");
    fails("no_json");
    a.write(".state/vpc-prod", "{\"hunter2");
    a.lockstep("build -- app prod").run().code(78).never_says("hunter2").says("is not JSON");
    std::fs::remove_file(a.path(".state/vpc-prod")).expect("written");
    fails("tool_fails");
    a.write("modules/vpc/module.toml", "[outputs]\ncommand = [\"./tell\"]\n");
    fails("no_program");
    a.write("modules/vpc/module.toml", "[outputs]\ncommand = [\"prose\"]\n");
    write_script(&world.path("bin"), "prose", "echo hunter2\n");
    a.lockstep("build -- app prod").run().code(78).never_says("it begins with").says("is not JSON");
    a.write("modules/vpc/module.toml", "[outputs]\ncommand = [\"./tell\"]\n");
    a.write("modules/app/module.toml", "[params]\nnetwork = \"{{ outputs[zones].id }}\"\nzones = 'vpc'\n");
    fails("dynamic");
    a.write("modules/app/module.toml", "[params]\nzones = 1\n");
    a.write("modules/app/main.tf", "{{ outputs.vpc.id }}\n");
    fails("template");
    a.write("modules/vpc/module.toml", "[params]\nx = \"{{ outputs.app.x }}\"\n");
    a.write("modules/vpc/main.tf", "{{ x }}\n");
    a.write("modules/app/main.tf", "{{ network }}\n");
    a.write("modules/app/module.toml", "[params]\nnetwork = \"{{ outputs.vpc.id }}\"\n");
    std::fs::remove_dir_all(a.path(".dist")).expect("rendered");
    fails("circle");
    let out = a.lockstep("diff -- app prod").run();
    out.code(78).says("it is not rendered, and this only looks");
    assert!(!a.path(".dist/vpc").exists(), "a step that looks makes nothing");
}

#[test]
fn what_is_to_be_taken_down_needs_nothing_built_again() {
    let world = World::new();
    let a = project(&world);
    a.git("push -q");
    a.lockstep("build -- vpc,app prod").run().code(0);
    a.write(".state/vpc-prod", "{}");
    let out = a.lockstep("build git-check lock exec git-push unlock-any -- app prod tofu destroy").run();
    out.code(78).says("hint: to take `app/prod` down without it, say what it was: --set PARAMETER=VALUE\n");
    let down = "--set network=vpc-1 --set zones=[] build git-check lock exec git-push unlock-any -- app prod tofu destroy";
    a.lockstep(down).run().code(0);
}

#[test]
fn a_module_of_another_tool_is_not_told_to_be_applied_by_tofu() {
    let world = World::new();
    let a = project(&world);
    a.write("modules/vpc/Chart.yaml", "name: vpc\n");
    a.write(".state/vpc-prod", "{}");
    std::fs::remove_file(a.path("modules/vpc/main.tf")).expect("written");
    let out = a.lockstep("build -- app prod").run();
    out.code(78).says("hint: it has no files of tofu or terraform: say what prints its outputs");
    out.never_says("tofu apply");
}

#[test]
fn many_units_ask_once_for_what_they_share() {
    let world = World::new();
    let a = project(&world);
    for module in ["app2", "app3"] {
        a.write(format!("modules/{module}/module.toml"), APP);
        a.write(format!("modules/{module}/main.tf"), "{{ network }}{{ zones | length }}\n");
    }
    // The one whose outputs they use changes in the same run: nobody is in another's way.
    a.lockstep("build -- vpc prod").run().code(0);
    a.write("modules/vpc/main.tf", "# changed\n");
    a.lockstep("build -- app*,vpc prod").run().code(0);
    assert_eq!(asked(&world), "vpc/prod in vpc/prod: output -json\n");
    assert_eq!(a.read(".dist/app3/prod/main.tf"), "vpc-12\n");
    assert_eq!(a.read(".dist/vpc/prod/main.tf"), "# changed\n");
}
