//! The recipes of docs/recipes.md, typed as they stand there, with the real tools.
//!
//! What stands in blocks of `sh` is typed: the lines that all recipes begin with, then those of one
//! section. Indented lines need a cluster, an account or a program that tests cannot have.

use crate::harness::{Checkout, Output, World, ansible_playbook, kubectl, repository, tofu};

/// The typed lines of a text, block after block.
fn typed(text: &str) -> String {
    let blocks =
        text.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().expect("a block has an end"));
    blocks.collect::<Vec<_>>().join("\n")
}

/// What one types for the recipes of a section, in an empty clone.
fn script(section: &str) -> String {
    let page = std::fs::read_to_string(repository().join("docs/recipes.md")).expect("readable");
    let mut sections = page.split("\n## ");
    let start = typed(sections.next().expect("there is a beginning"));
    let lines = sections
        .find_map(|text| text.strip_prefix(section)?.strip_prefix('\n').map(typed))
        .unwrap_or_else(|| panic!("no section `{section}`"));
    assert!(!start.is_empty() && lines.contains("lockstep"), "nothing to type for {section}");
    format!("set -e\n{start}\n{lines}\n")
}

/// Types a section's lines in an empty clone of an empty remote; all of them must succeed.
#[track_caller]
fn types<'w>(world: &'w World, script: &str) -> (Checkout<'w>, Output) {
    world.git(&world.path(""), "init -q --bare origin.git");
    let own = world.clone("own");
    // ansible insists on UTF-8.
    let out = world.program("sh", own.dir()).args(["-c", script]).env("LC_ALL", "C.UTF-8").run();
    out.code(0);
    assert_eq!(own.git("status --porcelain --untracked-files=no"), "");
    (own, out)
}

#[test]
fn tofu_from_the_first_init_to_ci() {
    let world = World::bare();
    let (tool, path) = tofu();
    world.link(tool, &path);
    let (own, out) = types(&world, &script("tofu").replace("tofu", tool));
    for part in ["2 added", "Import successful!", "pushed", "1 changed", "No changes."] {
        assert!(format!("{}{}", out.stdout(), out.stderr()).contains(part), "`{part}`\n{out}");
    }
    assert!(own.has(".state/app/prod.tfstate") && own.has(".dist/app/prod/plan.bin"));
    assert_eq!(world.lock_state("app/prod"), "free");
    assert_eq!(world.origin_at("main"), own.head());
}

#[test]
fn ansible_with_an_inventory_of_data() {
    let world = World::bare();
    world.link("ansible-playbook", &ansible_playbook());
    let (own, out) = types(&world, &script("ansible"));
    assert_eq!(out.stdout().matches("changed=1").count(), 2, "checked, then played\n{out}");
    assert_eq!(own.read(".motd"), "welcome to prod\n");
    assert_eq!(world.lock_state("motd/prod"), "free");
}

#[test]
fn kubectl_without_a_cluster() {
    let world = World::bare();
    world.link("kubectl", &kubectl());
    let (_, out) = types(&world, &script("kubectl"));
    assert!(out.stdout().contains("namespace: web-prod"), "{out}");
    assert!(out.stdout().ends_with("\nprod-eu\n"), "the cluster of the profile\n{out}");
    out.says("`kubectl kustomize` only reads");
}

#[test]
fn dotfiles_are_copied_home() {
    let world = World::bare();
    let (own, _) = types(&world, &script("Dotfiles"));
    let home = |file: &str| std::fs::read_to_string(world.path("home").join(file)).expect("copied");
    assert_eq!(home(".config/app/config"), "font = 11\n");
    assert!(home(".bash_aliases").contains("HTTPS_PROXY=http://proxy.example.com:3128"));
    assert_eq!(own.read(".dist/home/laptop/.bash_aliases"), home(".bash_aliases"));
    assert_eq!(world.origin_refs("refs/lockstep"), [""; 0], "no lock");
}
