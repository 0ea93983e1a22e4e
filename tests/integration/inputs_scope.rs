//! `[git] scope = "project"`: what lies elsewhere in a large repository need not be clean, and what the unit
//! is made of must.

use crate::harness::{Checkout, World};

fn project(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    a.write("lockstep.toml", "[git]\nscope = \"project\"\n");
    a.write("services/app.py", "print()\n");
    a.write("tofu/vpc/main.tf", "# shared\n");
    a.write("modules/gamma/main.tf", "module \"vpc\" { source = \"{{ root }}/tofu/vpc\" }\n");
    a.commit("A larger repository");
    a.git("push -q");
    world.tool("tofu");
    a
}

#[test]
fn changes_of_what_no_unit_of_the_run_is_made_of_do_not_refuse() {
    let world = World::new();
    let a = project(&world);
    a.write("services/app.py", "print(1)\n");
    a.write("services/new.py", "");
    a.write("modules/beta/main.tf", "# another unit\n");
    a.git("add services/app.py");
    a.alias("tofu apply").run().code(0);
    a.lockstep("git-check -- beta prod").run().code(77).says("modules/beta/main.tf").never_says("services");
    a.git("update-index --skip-worktree services/app.py");
    a.write("services/app.py", "print(2)\n");
    a.alias("tofu apply").run().code(0);
}

#[test]
fn changes_of_what_the_unit_is_made_of_refuse_and_so_do_conflicts_anywhere() {
    let world = World::new();
    let a = project(&world);
    for file in [
        "lockstep.toml",
        "profiles/prod.toml",
        "modules/alpha/main.tf",
        "workflows/new.toml",
        "modules/alpha/new",
        ".gitattributes",
    ] {
        let text = if a.has(file) { a.read(file) } else { String::new() };
        a.write(file, format!("{text}\n# x\n"));
        for words in ["git-check build", "build git-check"] {
            let out = a.lockstep(&format!("{words} -- alpha prod")).run();
            assert!(matches!(out.status.code(), Some(77 | 78)), "{file}: {out}");
        }
        a.git("reset -q --hard");
        a.git("clean -qfd");
    }
    let b = world.clone("b");
    b.publish("services/app.py", "theirs\n");
    a.commit_file("services/app.py", "mine\n");
    a.git("fetch -q");
    world.program("git", a.dir()).words("merge -q origin/main").run().code(1);
    a.lockstep("git-check -- alpha prod").run().code(77).says("merge");
}

#[test]
fn for_a_unit_whose_files_name_what_lies_outside_of_it_all_of_the_project_counts() {
    let world = World::new();
    let a = project(&world);
    a.write("tofu/vpc/main.tf", "# changed\n");
    for words in ["git-check build", "build git-check"] {
        a.lockstep(&format!("{words} -- gamma prod")).run().code(77).says("tofu/vpc/main.tf");
    }
    a.lockstep("build git-check -- alpha prod").run().code(0);
}

#[test]
fn what_lies_outside_of_a_project_below_the_top_does_not_refuse() {
    let world = World::new();
    let a = world.clone("a");
    std::fs::create_dir(a.path("infra")).expect("the world is writable");
    for part in ["lockstep.toml", "profiles", "modules", ".gitignore"] {
        world.git_args(a.dir(), &["mv", part, "infra/"]);
    }
    a.commit("Move");
    a.git("push -q");
    a.write("outside", "");
    a.lockstep("build git-check -- alpha prod").cwd("infra").run().code(77).says("outside");
    a.write("infra/lockstep.toml", "[git]\nscope = \"project\"\n");
    a.git("add infra");
    a.git("commit -q -m scope");
    a.git("push -q");
    a.lockstep("build git-check -- alpha prod").cwd("infra").run().code(0);
}
