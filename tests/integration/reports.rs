//! What people and programs see of a run of several units, through the binary and on a real terminal.
//! How a table, a line or a report looks in every case is tested in `src/report`.

use std::sync::Arc;

use lockstep::project::UnitId;
use lockstep::report::{Human, Level};
use lockstep::workflow::{Event, Reporter as _, Stream, UnitOutcome};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Checkout, Terminal, World, snap, wait_for_file, wait_until, write_script};

fn report(a: &Checkout<'_>, name: &str) -> Value {
    let report = serde_json::from_str(&a.read(name)).expect("JSON");
    let out = a.lockstep("schema report").run();
    out.code(0);
    let schema = serde_json::from_str(&out.stdout()).expect("JSON");
    let schema =
        jsonschema::options().offline().should_validate_formats(true).build(&schema).expect("a schema");
    let faults: Vec<String> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}\n{report:#}");
    report
}

/// Unit, outcome and code of each, a line each.
fn ends(report: &Value) -> Vec<String> {
    let units = report["units"].as_array().expect("units").iter();
    units
        .map(|unit| format!("{} {} {}", unit["unit"], unit["outcome"], unit["code"]).replace('"', ""))
        .collect()
}

#[test]
fn a_report_tells_what_became_of_each_unit() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/beta/main.tf", "{{ only_prod }}\n");
    a.write("profiles/prod.toml", "[params]\nregion = \"eu\"\nonly_prod = 1\n");
    let out = a.lockstep("build --report report.json").words("-- * *").run();
    out.code(78).prints("");
    snap!(out);
    let report = report(&a, "report.json");
    assert_eq!(ends(&report), ["alpha/dev ok 0", "alpha/prod ok 0", "beta/dev failed 78", "beta/prod ok 0"]);
    assert_eq!(report["code"], 78);
    assert_eq!(report["totals"], json!({ "ok": 3, "changes": 0, "failed": 1, "skipped": 0 }));
    let reason = report["units"][2]["reason"].as_str().expect("text");
    assert!(reason.contains("modules/beta/main.tf:1"), "{reason}");
}

#[test]
fn units_with_changes_are_named_in_the_last_line_the_table_and_the_page_of_a_job() {
    let world = World::new();
    let a = world.clone("a");
    for number in 0..25 {
        a.write(format!("modules/m{number:02}/main.tf"), "# {{ profile }}\n");
    }
    write_script(
        &world.path("bin"),
        "tofu",
        "case $LOCKSTEP_MODULE in alpha|m07) exit 2 ;; m09) [ -z \"$BREAK\" ] || exit 1 ;; esac\n",
    );
    let page = world.path("tmp").join("page.md");
    let plan = || {
        let mut cmd = a.lockstep("--keep-going --report r.json build exec").words("-- * prod tofu plan");
        cmd = cmd.arg("-detailed-exitcode").env("GITHUB_STEP_SUMMARY", &page).env("GITHUB_ACTIONS", "true");
        cmd.env("GITHUB_RUN_ID", "1").env("CI", "true")
    };
    let out = plan().run();
    out.code(2).says("lockstep: 27 units in ").says(": 25 ok, 2 with changes: alpha/prod, m07/prod\n");
    let text = std::fs::read_to_string(&page).expect("a page");
    assert!(text.contains("27 units: 25 ok, 2 with changes: alpha/prod, m07/prod\n"), "{text}");
    let found = report(&a, "r.json");
    assert_eq!(found["totals"], json!({ "ok": 25, "changes": 2, "failed": 0, "skipped": 0 }));
    let out = plan().env("BREAK", "1").run();
    out.code(1).says("  ok       24 units\n").says("  changes  alpha/prod  ").says("  changes  m07/prod  ");
    out.says(": 24 ok, 1 failed, 2 with changes: alpha/prod, m07/prod\n");
}

#[test]
fn a_report_in_xml_is_read_as_tests() {
    let world = World::new();
    let a = world.clone("a");
    a.write("modules/beta/main.tf", "{{ nope }}\n");
    a.lockstep("build --report out.xml").words("-- * prod").run().code(78);
    let read = "import sys, xml.etree.ElementTree as tree\n\
                root = tree.parse(sys.argv[1]).getroot()\n\
                suite = root[0]\n\
                print(root.tag, suite.tag, root.get('tests'), root.get('failures'), suite.get('skipped'))\n\
                for case in suite: print(case.get('classname'), case.get('name'), [part.tag for part in case])\n\
                print(suite[1][0].get('message'))\n";
    let out = world
        .program(&crate::harness::python().display().to_string(), a.dir())
        .args(["-IS", "-c", read, "out.xml"])
        .run();
    out.code(0).prints(
        "testsuites testsuite 2 1 0\nprod alpha []\nprod beta ['failure']\n\
         modules/beta/main.tf:1: `nope` is undefined\n",
    );
}

#[test]
fn one_unit_has_a_report_too_also_of_a_failure_and_of_an_interrupt() {
    let world = World::new();
    let a = world.clone("a");
    let tofu = world.tool("tofu");
    let run = || a.lockstep("--report ../report.json build lock exec unlock -- alpha prod tofu apply");
    for (code, outcome) in [(0, "ok"), (3, "failed")] {
        tofu.exits(code);
        run().run().code(code.into());
        let report = report(&a, "../report.json");
        assert_eq!(ends(&report), [format!("alpha/prod {outcome} {code}")]);
        assert_eq!(report["units"][0]["lock_kept"], json!(code != 0));
    }
    tofu.does(
        json!([{ "trap": ["SIGTERM"] }, { "touch": tofu.started() }, { "await": tofu.go() }, { "exit": 5 }]),
    );
    let mut running = run().start();
    running.wait_for(tofu.started());
    assert!(!world.path("report.json").exists(), "what an earlier run wrote is gone");
    running.signal(Signal::TERM);
    tofu.wait_for_signal("SIGTERM");
    tofu.let_go();
    running.finish().code(5);
    assert_eq!(ends(&report(&a, "../report.json")), ["alpha/prod failed 5"]);
    // What is refused has no report, and no old one.
    a.lockstep("--report ../report.json build -- nope prod").run().code(64);
    assert!(!world.path("report.json").exists());
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_or_a_warning_after() {
    let world = World::new();
    let a = world.clone("a");
    let out = a.lockstep("--report none/report.json build -- alpha prod").run();
    out.code(64).prints("").says("there is no directory `").says("hint: mkdir -p ");
    a.lockstep("--report profiles build -- alpha prod").run().code(64).says("it is a directory");
    a.lockstep("--report /dev/null build -- alpha prod").run().code(64).says("it is not a regular file");
    assert!(!a.has(".dist"), "nothing was done");
    a.write("out/keep", "");
    let directory = a.path("out").display().to_string();
    let out = a.lockstep("--report out/r.json build exec -- alpha prod rm -r").arg(directory).run();
    out.code(0).says("warning: cannot write the report `").says("No such file or directory");
}

#[test]
fn with_many_failures_the_first_is_explained_and_the_others_are_counted() {
    let world = World::new();
    let a = world.clone("a");
    for number in 0..30 {
        a.write(format!("modules/m{number:02}/main.tf"), "{{ nope }}\n");
    }
    let out = a.lockstep("build").words("-- * prod").run();
    out.code(78).says("error: m00/prod: ").says("error: 29 more units failed, each has its line above\n");
    assert_eq!(out.stderr().matches("hint: ").count(), 1, "{}", out.stderr());
    assert_eq!(out.stderr().lines().filter(|line| line.starts_with("  failed ")).count(), 30);
    out.says("lockstep: 32 units in ").says(": 2 ok, 30 failed\n");
    let quiet = a.lockstep("-q build").words("-- * prod").run();
    quiet.code(78).never_says("  ok ").never_says("32 units").says("  failed   m29/prod");
}

/// A terminal as it looks after what was written to it: just what the table needs.
fn screen(written: &str) -> Vec<String> {
    let (mut lines, mut row, mut column) = (vec![Vec::<char>::new()], 0_usize, 0_usize);
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        match c {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                lines.resize(lines.len().max(row + 1), Vec::new());
            }
            '\x1b' => {
                let sequence: String =
                    rest.by_ref().take_while(|c| *c == '[' || c.is_ascii_digit()).collect();
                // `take_while` has eaten the last character: a number is up, none is to the end.
                match sequence.trim_start_matches('[').parse::<usize>() {
                    Ok(up) => row = row.saturating_sub(up),
                    Err(_) => {
                        lines[row].truncate(column);
                        lines.truncate(row + 1);
                    }
                }
            }
            c => {
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
    }
    lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect()
}

/// In whose directory [`plays_a_run`] has something to play.
const STAGE: &str = "stage-of-a-run";

/// Not a test: the program that [`lines_and_the_table_share_a_terminal`] runs on a terminal. It shows a run as
/// it was recorded, and waits for files where the test has something to look at.
#[test]
fn plays_a_run() {
    if !std::path::Path::new(STAGE).exists() {
        return;
    }
    let human =
        Arc::new(Human::new(std::io::stderr(), Level::Normal, false, true).output(std::io::stdout(), false));
    let show = human.lines().show.expect("it takes lines");
    let units: Vec<UnitId> = ["vpc/prod", "network/prod"].map(|unit| unit.parse().expect("a unit")).into();
    let time = "2026-01-02T03:04:05Z".parse().expect("a time");
    let command = |unit: &UnitId, terminal| Event::CommandStarted {
        unit: unit.clone(),
        program: "tofu apply".into(),
        directory: "/".into(),
        terminal,
    };
    let done = |unit: &UnitId| Event::CommandFinished {
        unit: unit.clone(),
        program: "tofu apply".into(),
        code: 0,
        signal: None,
        ok: true,
    };
    human.emit(&Event::RunStarted {
        version: Event::VERSION,
        run: "r1".into(),
        time,
        owner: "ana@host".into(),
        units: units.clone(),
        steps: vec!["tofu apply".into()],
        commands: 1,
        commit: None,
    });
    for unit in &units {
        human.emit(&Event::UnitStarted { unit: unit.clone() });
        human.emit(&command(unit, false));
    }
    wait_for_file("table");
    show(&units[0], Stream::Out, b"\x1b[31mPlan:\x1b[0m 1 to add\x1b[2J");
    show(&units[1], Stream::Err, b"10%\r100%");
    human.emit(&done(&units[1]));
    let (unit, outcome) = (units[1].clone(), UnitOutcome::Ok);
    human.emit(&Event::UnitFinished { unit, outcome, code: 0, reason: None, log: None, milliseconds: 7 });
    wait_for_file("lines");
    human.emit(&done(&units[0]));
    human.emit(&command(&units[0], true));
    // The tool has the terminal: nothing is drawn, however long it takes.
    std::fs::write("alone", "").expect("writable");
    wait_for_file("end");
    human.emit(&done(&units[0]));
    let (unit, outcome, reason) = (units[0].clone(), UnitOutcome::Failed, Some("it broke".to_owned()));
    human.emit(&Event::UnitFinished { unit, outcome, code: 1, reason, log: None, milliseconds: 7 });
    human.emit(&Event::RunFinished { run: "r1".into(), time, code: 1, error: Some("it broke".into()) });
}

#[test]
fn lines_and_the_table_share_a_terminal() {
    let world = World::bare();
    let home = world.path("home");
    let go = |name: &str| std::fs::write(home.join(name), "").expect("writable");
    let me = std::env::current_exe().expect("it runs");
    go(STAGE);
    let args = ["--exact", "reports::plays_a_run", "--nocapture", "--quiet"];
    let mut terminal = Terminal::program(&world, &me, &home, &args);
    terminal.wait_for("0 of 2 done, 2 running");
    assert!(terminal.screen().contains("s  tofu apply\r\n"), "{}", terminal.screen());
    go("table");
    terminal.wait_for("1 of 2 done, 1 running");
    let seen = screen(&terminal.screen());
    let at = seen.iter().position(|line| line == "vpc/prod     | Plan: 1 to add").expect("a line");
    assert_eq!(seen[at + 1], "network/prod | 100%");
    assert!(seen[at + 2].starts_with("vpc/prod ") && seen[at + 2].ends_with("s  tofu apply"), "{seen:#?}");
    assert_eq!(seen[at + 3..], ["1 of 2 done, 1 running", ""]);
    go("lines");
    wait_for_file(home.join("alone"));
    wait_until("a terminal without a table", || {
        !screen(&terminal.screen()).iter().any(|line| line.contains(" done, "))
    });
    go("end");
    let (_, shown) = terminal.finish();
    let seen = screen(&shown);
    assert!(!seen.iter().any(|line| line.contains(" done, ")), "{seen:#?}");
    let at = seen.iter().position(|line| line.starts_with("  ok ")).expect("a summary");
    assert_eq!(seen[at], "  ok       network/prod  0.0s");
    assert_eq!(seen[at + 1], "  failed   vpc/prod      0.0s  exit 1    it broke");
    assert!(seen[at + 2].starts_with("lockstep: 2 units in "), "{seen:#?}");
    assert!(seen[at + 2].ends_with(": 1 ok, 1 failed"), "{seen:#?}");
}
