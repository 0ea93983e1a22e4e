//! A short history of the campaign (`benches/campaign.py`): its scenes and its checks work, and no promise is broken.

use std::path::Path;
use std::process::Command;

use crate::harness;

/// Scenes that wait for events, never for a moment.
const SCENES: &str = "apply,plan,fail,kill,evict,stop,freeze,outside,outside_meanwhile,commit_meanwhile,\
                      stale_output,hidden,older,leave,finally,recovery";

#[test]
fn a_history_of_failures_evictions_and_pushes_from_outside_breaks_no_promise() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut campaign = Command::new(harness::python());
    campaign.arg(root.join("benches/campaign.py")).args([
        "--backend",
        "file",
        "--rounds",
        "1",
        "--scenes",
        "10",
    ]);
    campaign.args(["--seed", "11", "--only", SCENES, "--bin", env!("CARGO_BIN_EXE_lockstep")]);
    let out = campaign.output().expect("python can be run");
    let told = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{told}");
    assert!(told.contains(" 0 violations"), "{told}");
}
