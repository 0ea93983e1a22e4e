//! Commands of workflows that are written argument by argument.

use crate::harness::{World, write_script};

#[test]
fn a_command_may_be_written_argument_by_argument() {
    let world = World::new();
    let a = world.clone("a");
    write_script(&world.path("bin"), "sql", "for one in \"$@\"; do printf '<%s>' \"$one\"; done; echo\n");
    a.write("modules/alpha/module.toml", "[params]\nof = \"a:b\"\n");
    a.write(
        "workflows/ask.toml",
        "steps = [\"build\", [\"sql\", \"-Atc\", \"select 1::int\", \"\", \"a\\\\:b\"], [\"sql\"], [\"sql\", \"{{ of }}:{{ profile }}\", \"\"]]\n\
         finally = [[\"sql\", \"x:\"]]\n",
    );
    a.write(
        "workflows/stack.toml",
        "[[create]]\nname = \"alpha\"\nrun = [\"sql:short\", [\"sql\", \"select '{{ of }}'::text\"]]\n",
    );
    a.commit("Words");
    a.git("push -q");
    let out = a.lockstep("ask -- alpha prod").run();
    out.code(0).prints("<-Atc><select 1::int><><a\\:b>\n\n<a:b:prod><>\n<x:>\n");
    a.lockstep("create -- stack prod").run().code(0).prints("<short>\n<select 'a:b'::text>\n");
    a.lockstep("--dry-run ask -- alpha prod").run().code(0).says("sql -Atc 'select 1::int' ''");
}

#[test]
fn what_is_no_command_is_told_with_its_line() {
    let world = World::new();
    let a = world.clone("a");
    for (list, why) in [
        ("[[]]", "this command names no program"),
        ("[[\"\", \"x\"]]", "this command names no program"),
        ("[1]", "expected a word, or a program and its arguments as a list of texts"),
        ("[[\"sql\", 1]]", "expected a string"),
        ("[[[\"sql\"]]]", "expected a string"),
    ] {
        a.write("workflows/odd.toml", format!("description = \"odd\"\nsteps = {list}\n"));
        a.lockstep("odd -- alpha prod").run().code(78).says("workflows/odd.toml:2: ").says(why);
        a.write("workflows/odd.toml", format!("[[create]]\nname = \"alpha\"\nrun = {list}\n"));
        a.lockstep("create -- odd prod").run().code(78).says("workflows/odd.toml:3: ").says(why);
    }
}
