//! What the engine does around a run.

use std::sync::Mutex;

use super::*;

fn project() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (file, text) in [("lockstep.toml", ""), ("modules/alpha/main.tf", "x"), ("profiles/prod.toml", "")] {
        let path = directory.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

#[derive(Default)]
struct Events(Mutex<usize>);

impl Reporter for Events {
    fn emit(&self, _: &Event) {
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn a_plan_that_is_not_confirmed_leaves_everything_as_it_was() {
    let directory = project();
    let request = Request::new(directory.path(), ["build"], "alpha", "prod");
    let run = |confirmed: bool| {
        let events = Arc::new(Events::default());
        let engine = Engine::new(Environment::new("/", [("PATH", "/bin")])).reporter(events.clone());
        let engine = engine.confirm(Arc::new(move |_: &Project, plan: &Plan| {
            assert_eq!(plan.units[0].id.to_string(), "alpha/prod");
            confirmed
        }));
        (engine.run(&request), *events.0.lock().unwrap())
    };
    let (result, events) = run(false);
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Declined) && error.exit_code() == 130 && events == 0);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3, "no output, no journal");
    let (result, events) = run(true);
    assert!(result.unwrap().exit_code == 0 && events > 0);
    assert!(directory.path().join(".dist/alpha/prod/main.tf").exists());
}
