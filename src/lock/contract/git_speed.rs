//! How long taking and releasing a lock takes beside the bare `git push` of such refs. Run with
//! `cargo test --release --lib git_speed -- --ignored --nocapture`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::fixture::{keys, request};
use super::git::place_in;
use crate::git::testing::World;
use crate::lock::{AcquireRequest, BranchChange, Freshness};

const ROUNDS: usize = 60;

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

#[test]
#[ignore = "a measurement"]
fn acquire_and_release_beside_a_bare_push() {
    let (world, _) = World::new();
    let world = std::sync::Arc::new(world);
    let head = world.oid(&world.origin(), "refs/heads/main");
    let place = place_in(std::sync::Arc::clone(&world));
    let ana = place.run("ana", "r1");
    let set = keys(&["alpha/prod"]);
    let (mut acquire, mut release, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    let dir = world.clone_as("bare");
    let repo = world.open(&dir);
    let env = world.env(&dir, &[]);
    let mut last: Option<String> = None;
    for round in 0..ROUNDS {
        let start = Instant::now();
        let branch = Some(BranchChange::Unmoved { name: "refs/heads/main".into(), seen: head.clone() });
        let request = AcquireRequest { freshness: Freshness::Known, branch, ..request(&set) };
        let lease = ana.locks().acquire(&request).unwrap();
        acquire.push(start.elapsed());
        let start = Instant::now();
        ana.locks().release(&lease, None, None).unwrap();
        release.push(start.elapsed());
        for half in 0..2 {
            let parent = last.as_deref().map(|oid| crate::git::Oid::new(oid).unwrap());
            let time = crate::env::Clock::System.now();
            let next = repo.write_commit(&format!("{round} {half}"), parent.as_ref(), time).unwrap();
            let lock = "refs/lockstep/locks/bare/prod";
            let lease = format!("--force-with-lease={lock}:{}", last.clone().unwrap_or_default());
            let start = Instant::now();
            #[expect(clippy::disallowed_methods, reason = "git without anything of ours around it")]
            let status = Command::new("git")
                .args(["push", "--atomic", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed"])
                .args(["--recurse-submodules=no", &lease, "origin"])
                .args([&format!("{head}:refs/heads/main"), &format!("{next}:{lock}")])
                .env_clear()
                .envs(env.vars())
                .current_dir(&dir)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            bare.push(start.elapsed());
            assert!(status.success());
            last = Some(next.as_str().to_owned());
        }
    }
    println!(
        "ms, median of {ROUNDS}: acquire {:.1}, release {:.1}, bare git push {:.1}",
        median(&mut acquire),
        median(&mut release),
        median(&mut bare)
    );
}
