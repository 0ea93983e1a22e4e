//! Plans for many units: which, how many, in which order, with which locks.

use super::*;
use crate::project::UnitId;
use crate::steps::STEPS;

/// A project of three modules in two profiles, of which two modules share a lock.
fn project() -> (tempfile::TempDir, Project) {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("lockstep.toml", ""),
        ("profiles/dev.toml", ""),
        ("profiles/prod.toml", ""),
        ("modules/a/x", ""),
        ("modules/b/module.toml", "[lock]\nkeys = ['shared']\n"),
        ("modules/c/module.toml", "[lock]\nkeys = ['shared']\n"),
    ] {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let project = Project::discover(directory.path(), &crate::env::Environment::bare()).unwrap();
    (directory, project)
}

/// The plan of a line, in which module and profile stand after `--`.
fn planned(line: &str, options: Options, affected: Option<&[&str]>) -> Result<Plan, Error> {
    let (directory, project) = project();
    let (words, rest) = line.split_once(" -- ").unwrap();
    let mut rest = rest.split(' ');
    let (module, profile) = (rest.next().unwrap(), rest.next().unwrap());
    let words: Vec<&str> = words.split(' ').collect();
    let mut request = Request::new(directory.path(), words, module, profile).args(rest);
    request.options = options;
    let affected: Option<BTreeSet<UnitId>> =
        affected.map(|units| units.iter().map(|unit| unit.parse().unwrap()).collect());
    let env = Environment::new(directory.path(), [("PATH", "/bin:/usr/bin")]);
    plan(&project, &request, affected.as_ref(), &env, STEPS)
}

fn units(plan: &Plan) -> Vec<String> {
    plan.units.iter().map(|unit| unit.id.to_string()).collect()
}

#[test]
fn every_pipeline_takes_many_units_and_each_has_its_locks() {
    let plan = planned("build lock exec unlock -- a,b prod true", Options::default(), None).unwrap();
    assert_eq!(units(&plan), ["a/prod", "b/prod"]);
    let locks =
        |at: usize| -> Vec<&str> { plan.units[at].keys.take.iter().map(|key| key.as_str()).collect() };
    assert_eq!((locks(0), locks(1)), (vec!["a/prod"], vec!["b/prod", "shared"]));
    assert!(plan.units.iter().all(|unit| unit.needs.is_empty()));
}

#[test]
fn what_is_not_affected_is_left_away_and_nothing_left_is_no_error() {
    let of = |affected: &[&str]| planned("build -- * *", Options::default(), Some(affected)).unwrap();
    assert_eq!(units(&of(&["a/dev", "c/prod", "gone/prod"])), ["a/dev", "c/prod"]);
    let none = of(&["gone/prod"]);
    assert_eq!(units(&none), [""; 0]);
    let said = none.left_out.as_deref();
    assert_eq!(said, Some("nothing to do: none of the 6 selected units is affected"));
    let one = planned("build exec -- a dev true", Options::default(), Some(&[])).unwrap();
    assert_eq!(one.left_out.as_deref(), Some("nothing to do: `a/dev` is not affected"));
    // Without a word about what is affected, selecting nothing is wrong as ever.
    assert!(planned("build -- x* dev", Options::default(), None).is_err());
}

#[test]
fn more_units_than_were_allowed_are_refused() {
    let at_most = |limit| Options { max_units: Some(limit), ..Options::default() };
    let refused = planned("build exec -- * * true", at_most(5), None).unwrap_err();
    assert!(matches!(refused, Error::Plan(PlanError::TooMany { count: 6, limit: 5 })), "{refused}");
    assert!(planned("build exec -- * * true", at_most(6), None).is_ok());
    // What counts is what would run.
    assert!(planned("build exec -- * * true", at_most(1), Some(&["a/dev"])).is_ok());
}

#[test]
fn a_lock_that_two_units_take_must_be_given_back() {
    let of = |line: &str| planned(line, Options::default(), None);
    let refused = of("lock exec -- * prod true").unwrap_err().to_string();
    assert_eq!(refused, "b/prod and c/prod both take lock `shared`, and no step gives it back in between");
    assert!(of("lock exec unlock-any -- * prod true").is_ok());
    assert!(of("lock exec -- a,b prod true").is_ok());
    assert!(of("build exec -- * prod true").is_ok());
}

#[test]
fn taking_down_is_told_from_the_command() {
    let (_directory, project) = project();
    let down = |line: &str| {
        let mut words = line.split(' ').map(OsString::from);
        let argv = Argv { program: words.next().unwrap(), args: words.collect() };
        let calls = [Call { argv: Some(argv), ..step_call(STEPS[0]) }];
        let vocabulary = Vocabulary { steps: STEPS, workflows: &[], modules: &[], profiles: &[] };
        Planner { project: &project, vocabulary }.takes_down(
            &calls,
            &["alpha/prod".parse().unwrap()],
            &Configs::new(&project),
            &Environment::bare(),
        )
    };
    assert!(down("tofu destroy") && down("kubectl delete -f x"));
    assert!(!down("tofu apply"));
}

#[test]
fn one_file_is_printed_of_one_unit() {
    let print = Options { print: Some("x".into()), ..Options::default() };
    assert!(planned("build -- * prod", print.clone(), None).is_err());
    assert_eq!(units(&planned("build -- a prod", print, None).unwrap()), ["a/prod"]);
}
