//! A tool's end comes out of every shape of pipeline as it is, and nothing that follows hides it. All
//! codes and all signals, through the library with a runner that only says how a tool ended; that real
//! ends arrive at the runner is its own tests' affair.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use lockstep::Engine;
use lockstep::env::Environment;
use lockstep::process::{CommandRunner, CommandSpec, Finished, Interrupts, ProcessError, ToolStatus};
use lockstep::workflow::Request;
use proptest::prelude::*;

use crate::harness::World;

/// Lets tools end as it was told, in order, and remembers which there were.
#[derive(Default)]
struct Ends {
    ends: Mutex<VecDeque<ToolStatus>>,
    ran: Mutex<Vec<String>>,
}

impl CommandRunner for Ends {
    fn run(&self, spec: &CommandSpec, _: &Interrupts) -> Result<Finished, ProcessError> {
        self.ran.lock().expect("nothing panics with it").push(spec.name.to_string_lossy().into_owned());
        let end = self.ends.lock().expect("nothing panics with it").pop_front();
        let status = end.unwrap_or(ToolStatus::Code(0));
        Ok(Finished {
            status,
            expired: false,
            interrupted: None,
            left: None,
            stdout: Vec::new(),
            stderr: Vec::new(),
        })
    }
}

const CONFIG: &str = "[exec]\nread_only = \"skip\"\n[tools.look]\nreads = [\"*\"]\n[journal]\nkeep = 3\n";

/// A project in a repository without a remote: its lock is local.
fn world() -> World {
    let world = World::with_project(&[
        ("lockstep.toml", CONFIG),
        (".gitignore", "/.dist/\n"),
        ("profiles/prod.toml", ""),
        ("modules/alpha/main.tf", ""),
        (
            "workflows/tell.toml",
            "steps = [\"build\", \"lock\", \"exec\", \"unlock\"]\nfinally = [\"last:\"]\n",
        ),
    ]);
    for name in ["tool", "other", "look", "last", "tofu"] {
        world.tool(name);
    }
    world.git(&world.path("seed"), "remote remove origin");
    world
}

struct Run {
    code: u8,
    ran: Vec<String>,
}

/// Runs words with tools that end like this.
fn run(world: &World, place: &str, words: &str, args: &str, ends: &[ToolStatus]) -> Run {
    let runner = Arc::new(Ends { ends: Mutex::new(ends.iter().copied().collect()), ..Ends::default() });
    let env = Environment::new(world.path(place), world.base_env());
    let engine = Engine::new(env).runner(runner.clone());
    let request =
        Request::new(world.path(place), words.split(' '), "alpha", "prod").args(args.split_whitespace());
    let report = engine.run(&request).expect("the plan is good");
    let ran = runner.ran.lock().expect("nothing panics with it").clone();
    Run { code: report.exit_code, ran }
}

fn all_ends() -> impl Iterator<Item = ToolStatus> {
    (0..=255).map(ToolStatus::Code).chain((1..=64).map(ToolStatus::Signal))
}

/// What the shell must see.
fn expected(end: ToolStatus) -> u8 {
    match end {
        ToolStatus::Code(code) => code,
        ToolStatus::Signal(number) => 128 + number,
    }
}

#[test]
fn every_end_comes_out_of_exec_and_of_a_command_among_the_words() {
    let world = world();
    for end in all_ends() {
        let ok = end == ToolStatus::Code(0);
        let exec = run(&world, "seed", "build exec other:", "tool x", &[end]);
        assert_eq!((exec.code, exec.ran.len()), (expected(end), if ok { 2 } else { 1 }), "{end:?}");
        let inline = run(&world, "seed", "build tool:x exec", "other", &[end]);
        assert_eq!((inline.code, inline.ran.len()), (expected(end), if ok { 2 } else { 1 }), "{end:?}");
    }
}

#[test]
fn every_end_comes_out_of_a_command_that_only_reads() {
    let world = world();
    for end in all_ends() {
        // The lock is left out: there is nothing that could give it back.
        let read = run(&world, "seed", "build lock exec unlock", "look x", &[end]);
        assert_eq!((read.code, read.ran), (expected(end), vec!["look".to_owned()]), "{end:?}");
    }
}

#[test]
fn a_killed_plan_is_never_without_changes() {
    let world = world();
    for end in all_ends() {
        let plan = run(&world, "seed", "build exec other:", "tofu plan -detailed-exitcode", &[end]);
        let goes_on = matches!(end, ToolStatus::Code(0 | 2));
        assert_eq!((plan.code, plan.ran.len()), (expected(end), if goes_on { 2 } else { 1 }), "{end:?}");
    }
}

fn any_end() -> impl Strategy<Value = ToolStatus> {
    prop_oneof![
        2 => Just(ToolStatus::Code(0)),
        3 => any::<u8>().prop_map(ToolStatus::Code),
        1 => (1_u8..=64).prop_map(ToolStatus::Signal),
    ]
}

#[test]
fn the_first_failure_decides_whatever_comes_later() {
    let world = world();
    let cases = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(cases, |(first in any_end(), second in any_end(), last in any_end())| {
        let failed = |end: ToolStatus| end != ToolStatus::Code(0);
        let first_failure = [first, second].into_iter().find(|end| failed(*end));
        let two = run(&world, "seed", "build tool: exec", "other x", &[first, second]);
        prop_assert_eq!(two.code, first_failure.map_or(0, expected));
        // Under a lock and with `finally`, which always runs and never hides a failure.
        let ends = [first, last];
        let told = run(&world, "seed", "tell", "tool x", &ends);
        let decides = ends.into_iter().find(|end| failed(*end));
        prop_assert_eq!(told.code, decides.map_or(0, expected));
        prop_assert_eq!(told.ran, ["tool", "last"]);
        // Success with changes is the result, unless something fails later.
        let changes = [ToolStatus::Code(2), second];
        let plan = run(&world, "seed", "build exec other:", "tofu plan -detailed-exitcode", &changes);
        prop_assert_eq!(plan.code, if failed(second) { expected(second) } else { 2 });
    });
}

#[test]
fn pushing_afterwards_hides_no_end() {
    let world = world();
    let a = world.clone("a");
    let words = "build git-check lock exec git-push unlock-any";
    for end in [1, 2, 64, 75, 79, 124, 130, 255]
        .map(ToolStatus::Code)
        .into_iter()
        .chain([2, 9, 15].map(ToolStatus::Signal))
    {
        assert_eq!(run(&world, "a", words, "tool x", &[end]).code, expected(end), "{end:?}");
        assert_eq!(world.lock_state("alpha/prod"), "failed", "{end:?}");
    }
    let commit = a.commit_file("notes", "x\n");
    assert_eq!(run(&world, "a", words, "tofu apply", &[ToolStatus::Signal(9)]).code, 137);
    assert_ne!(world.origin_at("main"), commit);
    assert_eq!(run(&world, "a", words, "tool x", &[ToolStatus::Code(0)]).code, 0);
    assert_eq!((world.origin_at("main"), world.lock_state("alpha/prod")), (commit, "free".to_owned()));
}
