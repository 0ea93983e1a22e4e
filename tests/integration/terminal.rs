//! Programs that live on the terminal work as if lockstep were not there: questions, consoles, pagers,
//! programs in raw mode; and pipes hold what the tool wrote, and nothing else.

use serde_json::json;

use crate::harness::{ALIAS, Checkout, Terminal, World, find, tofu};

const MAIN: &str = "resource \"terraform_data\" \"word\" {\n  input = \"hello from {{ profile }}\"\n}\n\
                    output \"word\" {\n  value = terraform_data.word.output\n}\n";

fn world() -> (World, &'static str) {
    let world = World::with_project(&[
        ("lockstep.toml", ""),
        (".gitignore", "/.dist/\n"),
        ("profiles/prod.toml", ""),
        ("modules/alpha/main.tf", MAIN),
    ]);
    let (name, path) = tofu();
    world.link(name, &path);
    (world, name)
}

fn on_terminal(world: &World, at: &Checkout<'_>, line: &str) -> Terminal {
    Terminal::lockstep(world, at.dir(), &line.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn a_real_apply_asks_and_a_pipe_reads_its_output() {
    let (world, tofu) = world();
    let a = world.clone("a");
    a.lockstep("build exec -- alpha prod").words(tofu).words("init -no-color").run().code(0);
    let mut terminal = on_terminal(&world, &a, &format!("{ALIAS} {tofu} apply -no-color"));
    terminal.wait_for("Enter a value: ");
    terminal.types("yes\n");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
    assert!(screen.contains("Apply complete! Resources: 1 added"), "{screen}");
    assert_eq!(world.lock_state("alpha/prod"), "free");
    // The next one is refused by the person: tofu's own failure, and nothing was changed.
    let mut terminal = on_terminal(&world, &a, &format!("{ALIAS} {tofu} destroy -no-color"));
    terminal.wait_for("Enter a value: ");
    terminal.types("no\n");
    terminal.wait_for("Did it change anything?");
    terminal.types("n\n");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 1", "{screen}");
    assert!(screen.contains("Destroy cancelled"), "{screen}");
    assert_eq!(world.lock_state("alpha/prod"), "free");
    let python = crate::harness::python().display().to_string();
    let line = format!("lockstep exec -- alpha prod {tofu} output -json | '{python}' -m json.tool --compact");
    let out = world.program("sh", a.dir()).args(["-c", &line]).run();
    out.code(0);
    let value: serde_json::Value = serde_json::from_str(&out.stdout()).expect("JSON, and nothing else");
    assert_eq!(value["word"]["value"], "hello from prod");
}

#[test]
fn a_console_is_talked_to() {
    let (world, tofu) = world();
    let a = world.clone("a");
    let mut terminal = on_terminal(&world, &a, &format!("build exec -- alpha prod {tofu} console"));
    terminal.wait_for("> ");
    terminal.types("6 * 7\n");
    terminal.wait_for("42");
    // The end of input, as Ctrl-D.
    terminal.types("\u{4}");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
}

#[test]
fn a_pager_has_the_whole_screen() {
    let world = World::new();
    let a = world.clone("a");
    world.link("less", &find("less"));
    a.publish("modules/alpha/long.txt", &(1..=500).map(|n| format!("line {n}\n")).collect::<String>());
    let mut terminal = on_terminal(&world, &a, "build exec -- alpha prod less -M long.txt");
    terminal.wait_for("line 30");
    assert!(!terminal.screen().contains("line 499"), "it stops at a screenful");
    terminal.types("G");
    terminal.wait_for("line 500");
    terminal.types("g");
    terminal.types("/line 4[0-9]0\n");
    terminal.wait_for("line 400");
    terminal.types("q");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
}

#[test]
fn a_program_in_raw_mode_gets_every_key() {
    let world = World::new();
    let a = world.clone("a");
    let python = crate::harness::python().to_owned();
    world.link("python", &python);
    let editor = "import os, sys, termios, tty\n\
                  before = termios.tcgetattr(0)\n\
                  tty.setraw(0)\n\
                  os.write(1, b'ready\\r\\n')\n\
                  keys = b''\n\
                  while not keys.endswith(b'q'): keys += os.read(0, 1)\n\
                  termios.tcsetattr(0, termios.TCSADRAIN, before)\n\
                  size = os.get_terminal_size(1)\n\
                  print('keys', keys.hex(), size.columns, size.lines)\n";
    a.publish("modules/alpha/editor.py", editor);
    let mut terminal = on_terminal(&world, &a, "build exec -- alpha prod python -IS editor.py");
    terminal.wait_for("ready");
    // Ctrl-C, Ctrl-Z, Ctrl-\ and Escape are keys like others, and no signals.
    terminal.types("\u{3}\u{1a}\u{1c}\u{1b}q");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
    assert!(screen.contains("keys 031a1c1b71"), "{screen}");
    assert_eq!(world.lock_state("alpha/prod"), "none");
}

#[test]
fn a_reader_that_goes_away_is_no_defect() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    for steps in [json!([]), json!([{ "exit": 3 }])] {
        tool.does(steps.clone());
        let code = if steps == json!([]) { "0" } else { "3" };
        for (number, redirected) in ["2>&1 | true", "2>/dev/full", ">/dev/full 2>&1"].iter().enumerate() {
            // Everything is said, to somebody who does not listen.
            let file = world.sign(&format!("code{code}{number}"));
            let line =
                format!("{{ lockstep -v {ALIAS} tofu apply; echo $? >'{}'; }} {redirected}", file.display());
            world.program("sh", a.dir()).args(["-c", &line]).run().code(0);
            assert_eq!(std::fs::read_to_string(file).expect("written").trim(), code, "{redirected}");
        }
    }
}

#[test]
fn a_terminal_that_goes_away_is_no_defect() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.does(json!([{ "trap": ["SIGHUP"] }, { "touch": tool.started() }, { "await": tool.go() }]));
    let file = world.sign("code");
    // The shell is deaf to the hang-up, so that it can tell how lockstep ended; lockstep is not.
    let line = format!("trap : HUP; lockstep -v {ALIAS} tofu apply; echo $? >'{}'", file.display());
    let mut terminal = Terminal::program(&world, &world.path("bin/sh"), a.dir(), &["-c", &line]);
    crate::harness::wait_for_file(tool.started());
    terminal.hang_up();
    tool.wait_for_signal("SIGHUP");
    tool.let_go();
    crate::harness::wait_until("how lockstep ended", || {
        std::fs::read_to_string(&file).is_ok_and(|code| code.ends_with('\n'))
    });
    assert_eq!(std::fs::read_to_string(file).expect("written").trim(), "0");
    assert_eq!(world.lock_state("alpha/prod"), "free", "the tool ended well, so its work is recorded");
}
