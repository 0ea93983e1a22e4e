//! What is made works, and nothing that exists is touched.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::project::tests::Sample;

const STEPS: [&str; 2] = ["build", "lock"];

fn env(sample: &Sample) -> (Environment, Interrupts) {
    (Environment::new(sample.path(""), Vec::<(&str, &str)>::new()), Interrupts::new())
}

fn new_module(sample: &Sample, name: &str, tool: Tool) -> Result<Made, ScaffoldError> {
    let (env, interrupts) = env(sample);
    module(&sample.project(), name, tool, STEPS, (&env, &interrupts))
}

#[test]
fn every_module_is_one_and_its_parameters_evaluate() {
    for tool in Tool::ALL {
        let sample = Sample::new(&[("profiles/prod.toml", "")]);
        let made = new_module(&sample, "m.1", tool).unwrap();
        assert!(made.left.is_empty() && made.written.iter().all(|path| path.starts_with("modules/m.1/")));
        let project = sample.project();
        assert!(project.inventory(STEPS).errors.is_empty());
        let json = sample.params("m.1/prod", &[]).unwrap().to_json().unwrap();
        match tool {
            Tool::Kubectl => assert_eq!(json["name"], "m-1"),
            _ => assert_eq!(json["message"], "hello from prod"),
        }
        let ignored = std::fs::read_to_string(sample.path(".gitignore")).unwrap_or_default();
        assert_eq!(ignored, if tool == Tool::Kubectl { "" } else { "/.state/\n" });
    }
}

#[test]
fn names_that_are_none_or_taken_are_refused() {
    let sample = Sample::new(&[
        ("modules/a/x", ""),
        ("workflows/w.toml", "steps = ['build']\n"),
        ("profiles/p.toml", ""),
    ]);
    for (name, says) in [
        ("x/y", "only letters"),
        ("", "it is empty"),
        ("build", "a word of lockstep's own"),
        ("doctor", "a word of lockstep's own"),
        ("a", "there is `modules/a` already"),
        ("w", "there is `workflows/w.toml` already"),
    ] {
        let said = new_module(&sample, name, Tool::None).unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
        let said = workflow(&sample.project(), name, true, STEPS).unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
    }
    let project = sample.project();
    assert!(profile(&project, "p", &[], false).unwrap_err().to_string().contains("profiles/p.toml"));
    let unknown = profile(&project, "q", &["pp".to_owned()], false).unwrap_err();
    assert_eq!(unknown.hint().as_deref(), Some("known profiles: p"));
    // A profile may be named like a module.
    profile(&project, "a", &["p".to_owned()], false).unwrap();
    profile(&project, "base", &[], true).unwrap();
    workflow(&project, "go", false, STEPS).unwrap();
    let inventory = sample.project().inventory(STEPS);
    assert!(inventory.errors.is_empty(), "{:?}", inventory.errors);
    let profiles: Vec<_> =
        inventory.profiles.iter().map(|p| (p.name.as_str(), p.is_abstract, p.extends.len())).collect();
    assert_eq!(profiles, [("a", false, 1), ("base", true, 0), ("p", false, 0)]);
}

#[test]
fn nothing_is_overwritten_or_reached_through_a_link() {
    let sample = Sample::new(&[("outside/keep", "mine")]);
    std::os::unix::fs::symlink(sample.path("outside"), sample.path("modules")).unwrap();
    let refused = new_module(&sample, "m", Tool::None).unwrap_err().to_string();
    assert!(refused.contains("links are not followed"), "{refused}");
    assert!(!sample.path("outside/m").exists());
    std::fs::remove_file(sample.path("modules")).unwrap();

    sample.write("profiles/p.toml", "mine");
    let mut made = Made::default();
    let files = vec![NewFile::new("profiles/p.toml", "theirs"), NewFile::new("profiles/q.toml", "new")];
    write(&sample.path(""), files, &mut made).unwrap();
    assert_eq!((made.written, made.left), (vec!["profiles/q.toml".into()], vec!["profiles/p.toml".into()]));
    assert_eq!(std::fs::read_to_string(sample.path("profiles/p.toml")).unwrap(), "mine");
    let entries: Vec<_> = std::fs::read_dir(sample.path("profiles")).unwrap().collect();
    assert_eq!(entries.len(), 2, "no temporary file stays: {entries:?}");

    std::os::unix::fs::symlink(sample.path("outside/keep"), sample.path(".gitignore")).unwrap();
    let made = new_module(&sample, "m", Tool::None).unwrap();
    assert_eq!((made.ignored, made.to_ignore), (vec![], vec!["/.state/"]));
    assert_eq!(std::fs::read_to_string(sample.path("outside/keep")).unwrap(), "mine");
    let mode = sample.path("modules/m/apply").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}
