//! Any text as lockstep.toml, module.toml, profile and workflow: an answer or an error, never a panic.
//! The input is those four, with NUL between them.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use lockstep::env::Environment;
use lockstep::project::{Name, Overrides, Project, UnitId};

fuzz_target!(|text: &str| {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let root = directory.path();
    let mut parts = text.split('\0');
    for path in ["lockstep.toml", "modules/alpha/module.toml", "profiles/prod.toml", "workflows/deploy.toml"]
    {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("writable");
        fs::write(path, parts.next().unwrap_or_default()).expect("writable");
    }
    let Ok(project) = Project::discover(root) else { return };
    let unit: UnitId = "alpha/prod".parse().expect("a unit");
    let env = Environment::new(root, Vec::<(&str, &str)>::new());
    if let Ok(params) = project.params(&unit, &Overrides { set: &[], files: &[], env: &env }) {
        let _ = params.to_json();
    }
    let _ = project.workflow(&Name::new("deploy").expect("a name"));
    let _ = project.units();
});
