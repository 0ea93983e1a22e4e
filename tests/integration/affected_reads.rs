//! `lockstep affected`: what the tool reads beside the rendered files counts as well.

use crate::harness::{Checkout, World};

const PROJECT: &[(&str, &str)] = &[
    ("lockstep.toml", ""),
    (".gitignore", "/.dist/\n"),
    ("profiles/prod.toml", ""),
    ("modules/alpha/main.tf", "module \"vpc\" {\n  source = \"{{ root }}/tofu/vpc\"\n}\n"),
    (
        "modules/beta/main.tf",
        "locals {\n  a = templatefile(\"${path.module}/{{ root }}/shared/a.tpl\", {})\n}\n",
    ),
    ("modules/gamma/main.tf", "locals {\n  a = file(var.x)\n}\n"),
    ("modules/delta/module.toml", "[build]\nwatch = [\"../../charts/**\"]\n"),
    ("modules/delta/main.tf", "locals {\n  a = file(var.x)\n}\n"),
    ("modules/plain/run.sh", "true\n"),
    ("tofu/vpc/main.tf", "module \"net\" {\n  source = \"../net\"\n}\n"),
    ("tofu/vpc/README.md", "about\n"),
    ("tofu/net/main.tf", "locals {\n  a = file(\"${path.module}/files/${var.name}\")\n}\n"),
    ("tofu/net/files/a", "a\n"),
    ("shared/a.tpl", "a\n"),
    ("charts/app/values.yaml", "a: 1\n"),
];

/// What a change affects, without the unit of which nobody can tell.
#[track_caller]
fn after(a: &Checkout<'_>, change: impl FnOnce()) -> String {
    change();
    let names = a.lockstep("affected --base HEAD").run();
    let why = a.lockstep("affected --base HEAD --why").run();
    why.code(0);
    let heads: String =
        why.stdout().lines().filter(|line| !line.starts_with(' ')).map(|line| format!("{line}\n")).collect();
    names.code(0);
    assert_eq!(names.stdout(), heads);
    a.git("reset -q --hard");
    a.git("clean -qfdx");
    why.stdout()
}

fn unsure(path: &str) -> String {
    format!("gamma/prod\n  cannot tell (main.tf: the argument of `file` is computed): {path}\n")
}

#[test]
fn local_modules_are_followed_and_files_that_they_name() {
    let world = World::with_project(PROJECT);
    let a = world.clone("a");
    let reads = |unit: &str, path: &str| format!("{unit}\n  what the tool reads: {path}\n{}", unsure(path));
    for path in ["tofu/vpc/main.tf", "tofu/net/main.tf", "tofu/net/files/a", "tofu/vpc/new.tofu"] {
        assert_eq!(after(&a, || a.write(path, "# changed\n")), reads("alpha/prod", path));
    }
    let gone = "tofu/net/main.tf";
    assert_eq!(after(&a, || drop(a.git("rm -q tofu/net/main.tf"))), reads("alpha/prod", gone));
    assert_eq!(after(&a, || a.write("shared/a.tpl", "b\n")), reads("beta/prod", "shared/a.tpl"));
    let readme = "tofu/vpc/README.md";
    assert_eq!(after(&a, || a.write(readme, "x\n")), unsure(readme), "the module's tool does not read it");
    assert_eq!(after(&a, || a.write("modules/plain/run.sh", "false\n")).lines().next(), Some("plain/prod"));
}

#[test]
fn what_is_watched_counts_and_stands_for_what_cannot_be_known() {
    let world = World::with_project(PROJECT);
    let a = world.clone("a");
    let path = "charts/app/values.yaml";
    assert_eq!(
        after(&a, || a.write(path, "a: 2\n")),
        format!("delta/prod\n  what the tool reads: {path}\n{}", unsure(path))
    );
    for (pattern, why) in [
        ("../../../x", "`../../../x` leads out of the project"),
        ("/etc/**", "`/etc/**` is absolute"),
        ("../../a[", "`../../a[` is not a glob"),
    ] {
        a.write("modules/delta/module.toml", format!("[build]\nwatch = [\"{pattern}\"]\n"));
        let out = a.lockstep("build -- delta prod").run();
        out.code(78).says("modules/delta/module.toml:2").says(why);
    }
}

#[test]
fn a_run_of_what_is_affected_takes_the_unit_of_a_changed_local_module() {
    let world = World::with_project(PROJECT);
    let a = world.clone("a");
    a.write("tofu/vpc/main.tf", "# changed\n");
    a.commit("Change a shared module");
    let out = a.lockstep("--affected=HEAD~1 build cat:main.tf -- alpha prod").run();
    out.code(0);
    assert!(out.stdout().contains("tofu/vpc"), "{}", out.stdout());
}
