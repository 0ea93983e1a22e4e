//! `lockstep init`: from a repository to the first apply, by the commands that it prints.

use crate::harness::{Checkout, Output, Terminal, World, repository, snap, tofu, write_script};

/// The lines that stand under a heading and are commands.
fn commands(out: &Output, after: &str) -> String {
    let stderr = out.stderr();
    let rest = stderr.split(after).nth(1).unwrap_or_else(|| panic!("no `{after}`\n{out}"));
    let lines: Vec<&str> = rest.lines().skip(1).map_while(|line| line.strip_prefix("    ")).collect();
    format!("set -e\n{}\n", lines.join("\n"))
}

/// Types commands as they stand; all must succeed.
#[track_caller]
fn types(world: &World, a: &Checkout<'_>, script: &str) -> Output {
    let out = world.program("sh", a.dir()).args(["-c", script]).stdin("yes\n").run();
    out.code(0);
    out
}

/// An empty clone of an empty remote.
fn empty(world: &World) -> Checkout<'_> {
    world.git(&world.path(""), "init -q --bare origin.git");
    world.clone("a")
}

#[test]
fn an_empty_repository_comes_to_its_first_apply_by_what_is_printed() {
    let world = World::bare();
    let a = empty(&world);
    let (tool, path) = tofu();
    world.link(tool, &path);
    let out = a.lockstep("init --yes").run();
    out.code(0).prints("");
    snap!(out.to_string().replace("terraform", "tofu"));
    let typed = types(&world, &a, &commands(&out, "\nNext:"));
    assert!(typed.stdout().contains("hello from prod"), "{typed}");
    assert_eq!(world.lock_state("alpha/prod"), "free");
    assert_eq!(world.origin_at("main"), a.head());
    assert_eq!(a.git("status --porcelain"), "");
    a.lockstep("doctor --probe").run().code(0);
}

#[test]
fn without_a_remote_and_without_a_tool_the_way_is_another() {
    let world = World::bare();
    world.git(&world.path(""), "init -q a");
    let a = Checkout::at(&world, "a");
    let out = a.lockstep("init --module tiny --profile dev --tool none").run();
    out.code(0);
    snap!(out);
    let typed = types(&world, &a, &commands(&out, "\nNext:"));
    assert!(typed.stdout().ends_with("\nhello from dev\n"), "{typed}");
    assert_eq!(a.git("status --porcelain"), "");
    a.lockstep("locks").run().code(0).prints("");
    a.lockstep("doctor").run().code(0);
}

#[test]
fn an_existing_tofu_directory_is_adopted_with_its_state_by_what_is_printed() {
    let world = World::bare();
    let a = empty(&world);
    let (tool, path) = tofu();
    world.link(tool, &path);
    let net = "resource \"terraform_data\" \"x\" {\n  input = \"{{ kept }}\"\n}\n";
    a.write("infra/net work/main.tf", net);
    let terraform = |words: &str| world.program(tool, &a.path("infra/net work")).words(words).run();
    terraform("init -no-color").code(0);
    terraform("apply -no-color -auto-approve").code(0);
    assert!(a.has("infra/net work/terraform.tfstate"));
    let out = a.lockstep("init --yes").run();
    out.code(0);
    assert!(a.has("infra/net work/main.tf"), "nothing is moved");
    let _ = types(&world, &a, &commands(&out, "files in infra/net work"));
    let plan = a.lockstep("build exec -- net-work prod").args([tool, "plan", "-detailed-exitcode"]).run();
    plan.code(0);
    assert_eq!(a.read(".dist/net-work/prod/main.tf"), net);
    a.lockstep("doctor --offline").run().code(0);
}

#[test]
fn an_existing_directory_is_adopted_with_the_states_of_its_workspaces() {
    for place in ["infra/net/", ""] {
        let world = World::bare();
        let a = empty(&world);
        let (tool, path) = tofu();
        world.link(tool, &path);
        a.write(
            format!("{place}main.tf"),
            "resource \"terraform_data\" \"x\" {\n  input = terraform.workspace\n}\n",
        );
        let terraform = |words: &str| world.program(tool, &a.path(place)).words(words).run();
        terraform("init -no-color").code(0);
        terraform("apply -no-color -auto-approve").code(0);
        terraform("workspace new stage").code(0);
        terraform("apply -no-color -auto-approve").code(0);
        let out = a.lockstep("init --yes").run();
        let name = if place.is_empty() { "tofu" } else { "net" };
        let files = if place.is_empty() { "files in this directory" } else { "files in infra/net" };
        let _ = types(&world, &a, &commands(out.code(0), files));
        for workspace in ["stage", "default"] {
            let words = format!("build exec -- {name} prod {tool}");
            a.lockstep(&format!("{words} workspace select {workspace}")).run().code(0);
            a.lockstep(&format!("{words} plan -detailed-exitcode")).run().code(0);
        }
        a.lockstep("doctor --offline").run().code(0);
    }
}

#[test]
fn a_tree_of_terragrunt_is_run_where_it_is_by_what_is_printed() {
    let world = World::bare();
    let a = empty(&world);
    write_script(&world.path("bin"), "terragrunt", "cd \"$5\" && ls\n");
    a.write("live/prod/vpc/terragrunt.hcl", "terraform {\n  source = \"../../../tfmod/vpc\"\n}\n");
    a.write("live/root.hcl", "");
    a.write("live/prod/app/terragrunt.hcl", "");
    a.write("tfmod/vpc/main.tf", "");
    a.write("live/stage/app/terragrunt.hcl", "");
    let out = a.lockstep("init --yes --tool none").run();
    out.code(0).never_says("tfmod");
    let ran = types(&world, &a, &commands(&out, "terragrunt files in live"));
    assert_eq!(ran.stdout(), "prod\nroot.hcl\nstage\n", "{ran}");
    a.commit("All of it");
    a.write("tfmod/vpc/main.tf", "# changed\n");
    a.lockstep("affected --base HEAD").run().code(0).prints("live/prod\n");
}

#[test]
fn the_guide_can_be_typed() {
    let world = World::bare();
    let a = empty(&world);
    let (tool, path) = tofu();
    world.link(tool, &path);
    // What the guide finds there already.
    a.write("infra/network/main.tf", "resource \"terraform_data\" \"x\" {\n  input = 1\n}\n");
    a.write(".gitignore", "*.tfstate\n");
    let terraform = |words: &str| world.program(tool, &a.path("infra/network")).words(words).run();
    terraform("init -no-color").code(0);
    terraform("apply -no-color -auto-approve").code(0);
    a.commit("What was there");
    a.git("push -q");
    let guide = std::fs::read_to_string(repository().join("docs/start.md")).expect("readable");
    let blocks =
        guide.split("\n```sh\n").skip(1).filter_map(|rest| rest.split_once("\n```")).map(|(block, _)| block);
    let script = blocks.collect::<Vec<_>>().join("\n").replace("tofu", tool);
    let out = types(&world, &a, &format!("set -e\n{script}\n"));
    for part in
        ["hello from prod", "motd/dev ", "hello from dev", "No changes.", "no state of a tool lies in"]
    {
        assert!(out.stdout().contains(part), "`{part}`\n{out}");
    }
    assert!(!a.has("infra/network") && a.has(".state/network/prod.tfstate"));
    assert_eq!(world.lock_state("motd/dev"), "free");
}

#[test]
fn what_exists_is_left_and_named() {
    let world = World::bare();
    let a = empty(&world);
    a.write("modules/alpha/main.tf", "mine\n");
    a.write("profiles/prod.toml", "[params]\n");
    a.write(".gitignore", "# mine\n.dist/\n*.log");
    let out = a.lockstep("init --yes --tool none").run();
    out.code(0)
        .says("left modules/alpha as it is")
        .says("left profiles/prod.toml as it is")
        .says("Each directory in modules/");
    assert_eq!(a.read("modules/alpha/main.tf"), "mine\n");
    assert_eq!(a.read("profiles/prod.toml"), "[params]\n");
    assert_eq!(a.read(".gitignore"), "# mine\n.dist/\n*.log\n/.state/\n");
    let again = a.lockstep("init --yes").run();
    again.code(78).says("is a project already");
    let below = a.lockstep("init --yes").cwd("modules/alpha").run();
    below.code(78).says("is a project already");
}

#[test]
fn links_lead_nothing_out_of_the_project() {
    let world = World::bare();
    let a = empty(&world);
    let outside = world.path("home");
    std::os::unix::fs::symlink(&outside, a.path("profiles")).expect("the world is writable");
    a.lockstep("init --yes --tool none").run().code(78).says("links are not followed");
    assert_eq!(std::fs::read_dir(&outside).expect("readable").count(), 0);
    assert!(!a.has("lockstep.toml"), "it is no project before everything is there");
    std::fs::remove_file(a.path("profiles")).expect("just made");
    std::os::unix::fs::symlink(outside.join("ignore"), a.path(".gitignore")).expect("the world is writable");
    a.lockstep("init --yes --tool none")
        .run()
        .code(0)
        .says("add the line /.dist/")
        .says("left modules/alpha");
    assert_eq!(std::fs::read_dir(&outside).expect("readable").count(), 0);
}

#[test]
fn it_asks_on_a_terminal_until_the_answer_can_be_used() {
    let world = World::bare();
    let a = empty(&world);
    let mut terminal = Terminal::lockstep(&world, a.dir(), &["init", "--profile", "dev"]);
    terminal.wait_for("Which tool");
    terminal.types("ansibel\r");
    terminal.wait_for("error: there are tofu");
    terminal.types("none\r");
    terminal.wait_for("the first module be called? [alpha]");
    terminal.types("build\r");
    terminal.wait_for("error: a module cannot be named `build`: that is a word of lockstep's own");
    terminal.types("\r");
    terminal.wait_for("Next:");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
    assert!(a.has("modules/alpha/apply") && a.has("profiles/dev.toml"));
}

#[test]
fn an_end_of_the_input_is_no_answer() {
    let world = World::bare();
    let a = empty(&world);
    let mut terminal = Terminal::lockstep(&world, a.dir(), &["init"]);
    terminal.wait_for("Which tool");
    terminal.types("\u{4}");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 130", "{screen}");
    assert!(!a.has("lockstep.toml") && !a.has("modules"));
}

#[test]
fn nobody_is_asked_without_a_terminal_and_nothing_is_made_of_wrong_words() {
    let world = World::bare();
    let a = empty(&world);
    let out = a.lockstep("init").open_stdin().run();
    out.code(64).says("--tool TOOL --module NAME --profile NAME").says("--yes");
    a.lockstep("init --tool none").run().code(64).says("--module NAME --profile NAME");
    for words in ["--module ../x", "--module lock", "--module -x", "--profile a/b", "--tool nope", "alpha"] {
        a.lockstep("init --yes").words(words).run().code(64);
    }
    assert_eq!(a.git("status --porcelain"), "");
    let outside = world.program("lockstep", &world.path("home")).words("init --yes").run();
    outside.code(78).says("hint: git init && lockstep init");
    let bare = world.program("lockstep", &world.origin()).words("init --yes").run();
    bare.code(78);
}
