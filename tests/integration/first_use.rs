//! What a newcomer types wrong, and what he reads then: each message leads on.

use crate::harness::{Terminal, World, snap};

/// Longer than it takes until a step that takes long gets its passing line.
const A_WAIT_IN_VAIN: &str = "--wait 1s lock -- alpha prod";

#[test]
fn a_question_stands_alone_and_ctrl_c_at_it_takes_nothing_away() {
    let world = World::new();
    let a = world.clone("a");
    a.lockstep("lock -- alpha prod").owner("bob").run().code(0);
    let mut terminal = Terminal::lockstep(&world, a.dir(), &["unlock-any", "--", "alpha", "prod"]);
    terminal.wait_for("Why take it away? ");
    // Somebody else waits meanwhile, and with him the step that asks takes long.
    a.lockstep(A_WAIT_IN_VAIN).owner("eve").run().code(75);
    terminal.types("because");
    terminal.ctrl_c();
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 130", "{screen}");
    assert!(!screen.contains("unlock-any ..."), "the passing line hides the question:\n{screen}");
    assert_eq!(world.lock_state("alpha/prod"), "held");
}

#[test]
fn a_question_that_is_left_at_the_end_of_the_input_takes_nothing_away() {
    let world = World::new();
    let a = world.clone("a");
    a.lockstep("lock -- alpha prod").owner("bob").run().code(0);
    let mut terminal = Terminal::lockstep(&world, a.dir(), &["unlock-any", "--", "alpha", "prod"]);
    terminal.wait_for("Why take it away? ");
    terminal.types("\u{4}");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 64", "{screen}");
    assert!(screen.contains("away? \r\nerror: "), "{screen:?}");
    assert_eq!(world.lock_state("alpha/prod"), "held");
}

#[test]
fn a_unit_written_as_subcommands_have_it() {
    let world = World::new();
    let a = world.clone("a");
    for (words, better) in [
        ("build -- alpha/prod", "lockstep build -- alpha prod"),
        ("describe alpha/prod", "lockstep describe -- alpha prod"),
        ("build exec alpha/prod true", "lockstep build exec -- alpha prod true"),
        ("build exec -- alpha", "lockstep build exec -- alpha PROFILE"),
        ("build --", "lockstep build -- MODULE PROFILE"),
        ("build", "lockstep build -- MODULE PROFILE"),
    ] {
        a.lockstep(words).run().code(64).prints("").says(&format!("hint: {better}\n"));
    }
    let out = a.lockstep("why alpha prod").run();
    out.code(64).prints("").says("lockstep list");
}

#[test]
fn a_subcommand_among_steps_and_one_that_is_nearly_right() {
    let world = World::new();
    let a = world.clone("a");
    a.lockstep("build list -- alpha prod").run().code(64).says("`list` is a subcommand");
    a.lockstep("docter").run().code(64).says("did you mean `lockstep doctor`?");
    a.lockstep("bild -- alpha prod").run().code(64).says("did you mean `build`?");
    let out = a.lockstep("--json list").run();
    out.code(64).prints("");
    snap!(out);
}

#[test]
fn help_knows_every_word_of_lockstep_s_own() {
    let world = World::new();
    let a = world.clone("a");
    assert!(a.lockstep("help render").run().stdout().starts_with("build (also: render)\n"));
    assert!(a.lockstep("help freeze").run().stdout().contains("Usage: lockstep freeze --reason <TEXT>"));
    let out = a.lockstep("help generate").run();
    out.code(64).prints("").says("hint: lockstep help steps | exit-codes | STEP | SUBCOMMAND\n");
}

#[test]
fn local_locks_that_cannot_be_read_are_no_matter_of_git_s_remote() {
    let world = World::new();
    let a = world.clone("a");
    a.write("lockstep.toml", "[lock]\nbackend = \"local\"\n");
    a.write(".git/lockstep/locks", "");
    let out = a.lockstep("lock -- alpha prod").run();
    out.code(69).prints("").says("hint: see whether you may write there: ls -ld ").never_says("ls-remote");
}

#[test]
fn a_filter_a_function_or_a_test_that_does_not_exist_is_named_once() {
    let world = World::new();
    let a = world.clone("a");
    for (text, message) in [
        ("{{ profile | nofilter }}", "there is no filter `nofilter`"),
        ("{{ nofunction() }}", "there is no function `nofunction`"),
        ("{% if profile is notest %}{% endif %}", "there is no test `notest`"),
    ] {
        a.write("modules/alpha/wrong", text);
        a.lockstep("build -- alpha prod").run().code(78).says(&format!("modules/alpha/wrong:1: {message}\n"));
    }
}
