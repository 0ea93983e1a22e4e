//! Projects in temporary directories, and what must hold for discovery and units; `layers` has the
//! parameters, `commands` what expressions run and read.

mod commands;
pub(crate) mod file_schema;
mod files;
mod layers;
mod schema;

use std::path::PathBuf;

use super::*;
use crate::ExitCode;
use crate::env::Environment;

/// A project in a temporary directory.
pub(crate) struct Sample {
    directory: tempfile::TempDir,
}

impl Sample {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let sample = Self { directory: tempfile::tempdir().unwrap() };
        sample.write("lockstep.toml", "");
        files.iter().for_each(|(path, text)| sample.write(path, text));
        sample
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(path)
    }

    pub(crate) fn project(&self) -> Project {
        Project::discover(&self.path(""), &Environment::bare()).unwrap()
    }

    pub(crate) fn env(&self, vars: &[(&str, &str)]) -> Environment {
        Environment::new(self.path(""), vars.iter().copied())
    }

    pub(crate) fn params(&self, unit: &str, set: &[&str]) -> Result<Params, ProjectError> {
        self.params_in(unit, set, &[], &[])
    }

    pub(crate) fn params_in(
        &self,
        unit: &str,
        set: &[&str],
        files: &[&str],
        vars: &[(&str, &str)],
    ) -> Result<Params, ProjectError> {
        let env = self.env(vars);
        let set: Vec<String> = set.iter().map(|s| (*s).to_owned()).collect();
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        self.project().params(&unit.parse().unwrap(), &Overrides { set: &set, files: &files, env: &env })
    }

    fn json(&self, unit: &str) -> serde_json::Value {
        self.params(unit, &[]).unwrap().to_json().unwrap()
    }

    fn failure(&self, unit: &str) -> String {
        match self.params(unit, &[]).and_then(|params| params.to_json()) {
            Ok(json) => panic!("no failure: {json}"),
            Err(error) => error.to_string(),
        }
    }
}

pub(crate) fn message<T: std::fmt::Debug>(result: Result<T, ProjectError>) -> (String, String, ExitCode) {
    let error = result.unwrap_err();
    (error.to_string(), error.hint().unwrap_or_default(), crate::Error::from(error).kind())
}

#[test]
fn a_project_is_found_from_below_and_its_absence_says_where_it_was_looked_for() {
    let sample = Sample::new(&[("modules/alpha/deep/x.tf", "")]);
    let found = Project::discover(&sample.path("modules/alpha/deep"), &Environment::bare()).unwrap();
    assert_eq!(found.root(), sample.path(""));
    // `..` in the start must not make a directory a parent that is none.
    let found = Project::discover(&sample.path("modules/alpha/deep/.."), &Environment::bare()).unwrap();
    assert_eq!(found.root(), sample.path(""));
    let empty = tempfile::tempdir().unwrap();
    let (text, hint, code) = message(Project::discover(empty.path(), &Environment::bare()));
    assert!(text.contains(empty.path().canonicalize().unwrap().to_str().unwrap()), "{text}");
    assert!(hint.contains("lockstep init"), "{hint}");
    assert_eq!(code, ExitCode::Config);
}

#[test]
fn settings_have_defaults_and_unknown_keys_are_errors_with_line_and_nearest_name() {
    let sample = Sample::new(&[]);
    let config = sample.project().config().clone();
    assert_eq!((config.git.max_ahead, config.journal.keep), (1, 100));
    assert_eq!(config.lock.git.prefix, "refs/lockstep/locks");
    assert_eq!(config.exec.read_only, ReadOnly::Run);
    sample.write("lockstep.toml", "[git]\nmax_ahed = 2\n");
    let (text, hint, _) = message(Project::discover(&sample.path(""), &Environment::bare()));
    assert_eq!(text, "lockstep.toml:2: unknown key `max_ahed`");
    assert_eq!(hint, "did you mean `max_ahead`?");
    sample.write("lockstep.toml", "parms = 1\n");
    let (_, hint, _) = message(Project::discover(&sample.path(""), &Environment::bare()));
    assert_eq!(hint, "did you mean `params`?");
    sample.write("lockstep.toml", "a = 1\n\nb = = 2\n");
    let (text, ..) = message(Project::discover(&sample.path(""), &Environment::bare()));
    assert!(text.starts_with("lockstep.toml:3: "), "{text}");
    sample.write("lockstep.toml", "[exec]\nread_only = \"hunter2\"\n[git]\nmax_ahead = \"hunter2\"\n");
    let (text, ..) = message(Project::discover(&sample.path(""), &Environment::bare()));
    assert!(text.starts_with("lockstep.toml:2: ") || text.starts_with("lockstep.toml:4: "), "{text}");
}

#[test]
fn a_text_where_a_list_belongs_is_told_as_it_should_be_written() {
    for (file, text, says, hint) in [
        (
            "profiles/prod.toml",
            "\nextends = \"dev\"\n",
            ":2: `extends` is a list",
            "write `extends = [\"dev\"]`",
        ),
        ("modules/a/module.toml", "needs= 'vpc'\n", ":1: `needs` is a list", "write `needs = [\"vpc\"]`"),
        (
            "modules/a/module.toml",
            "build = { x = 1, raw = '**' }\n",
            ":1: `raw` is a list",
            "write `raw = [\"…\"]`",
        ),
        ("modules/a/module.toml", "needs = 1\n", ":1: invalid type: integer", ""),
        ("modules/a/module.toml", "sensitive = [[1]]\n", ":1: invalid type: sequence", ""),
    ] {
        let sample =
            Sample::new(&[("modules/a/x", ""), ("profiles/dev.toml", ""), ("profiles/prod.toml", "")]);
        sample.write(file, text);
        let (told, cure, _) = message(sample.params("a/prod", &[]));
        assert!(told.starts_with(&format!("{file}{says}")), "{told}");
        assert_eq!(cure, hint, "{told}");
    }
}

#[test]
fn a_project_for_another_version_says_so_before_anything_else() {
    let sample = Sample::new(&[("lockstep.toml", "requires = \">=99\"\nfrom_the_future = 1\n")]);
    let (text, ..) = message(Project::discover(&sample.path(""), &Environment::bare()));
    assert!(text.starts_with("lockstep.toml:1: this project requires lockstep >=99; this is "), "{text}");
}

#[test]
fn units_exist_only_where_module_and_profile_allow_it() {
    let sample = Sample::new(&[
        ("modules/alpha/main.tf", ""),
        ("modules/beta/module.toml", "profiles = [\"dev\"]"),
        ("modules/gamma/x", ""),
        ("profiles/base.toml", "abstract = true\n[modules.gamma]\nenabled = false\n"),
        ("profiles/dev.toml", "extends = [\"base\"]\n[modules.gamma]\nenabled = true\n"),
        ("profiles/prod.toml", "extends = [\"base\"]\n"),
    ]);
    let project = sample.project();
    let env = sample.env(&[]);
    let unit = |module: &str, profile: &str| project.unit(module, profile, &env);
    assert_eq!(unit("alpha", "prod").unwrap().to_string(), "alpha/prod");
    assert_eq!(unit("gamma", "dev").unwrap().to_string(), "gamma/dev");
    let units: Vec<String> = project.units().unwrap().iter().map(UnitId::to_string).collect();
    assert_eq!(units, ["alpha/dev", "alpha/prod", "beta/dev", "gamma/dev"]);
    assert!(message(unit("alpha", "base")).0.contains("abstract"));
    assert!(message(unit("beta", "prod")).0.contains("does not list"));
    assert!(message(unit("gamma", "prod")).0.contains("`enabled = false` at profiles/base.toml:2"));
    let (text, hint, code) = message(unit("alhpa", "prod"));
    assert_eq!((text.as_str(), hint.as_str()), ("there is no module `alhpa`", "did you mean `alpha`?"));
    assert_eq!(code, ExitCode::Usage);
    assert_eq!(message(unit("alpha", "prd")).1, "did you mean `prod`?");
    for word in ["al*", "alpha,beta", "{alpha,beta}"] {
        assert!(matches!(unit(word, "prod"), Err(ProjectError::NotOne { .. })), "{word}");
    }
    assert!(matches!(unit("../alpha", "prod"), Err(ProjectError::Unknown { .. })));
}

#[test]
fn a_dot_is_where_the_user_stands() {
    let sample = Sample::new(&[
        ("modules/alpha/sub/main.tf", ""),
        (".dist/alpha/prod/x/y", ""),
        ("profiles/dev.toml", ""),
        ("profiles/prod.toml", ""),
    ]);
    let at = |path: &str, vars: &[(&str, &str)]| {
        let env = Environment::new(sample.path(path), vars.iter().copied());
        sample.project().unit(".", ".", &env).map(|unit| unit.to_string())
    };
    assert_eq!(at(".dist/alpha/prod/x", &[("LOCKSTEP_PROFILE", "dev")]).unwrap(), "alpha/prod");
    assert_eq!(at("modules/alpha/sub", &[("LOCKSTEP_PROFILE", "dev")]).unwrap(), "alpha/dev");
    assert!(message(at("modules/alpha", &[])).1.contains("default_profile"));
    assert!(message(at("", &[])).1.contains("modules/NAME"));
    sample.write("lockstep.toml", "default_profile = \"prod\"");
    assert_eq!(at("modules/alpha", &[]).unwrap(), "alpha/prod");
}

#[test]
fn names_that_cannot_be_used_are_reported() {
    let sample =
        Sample::new(&[("modules/alpha/x", ""), ("modules/.hidden/x", ""), ("modules/README.md", "")]);
    assert_eq!(sample.project().modules().unwrap().len(), 1);
    sample.write("modules/two words/x", "");
    assert!(message(sample.project().modules()).0.contains("`modules/two words`"));
    sample.write("workflows/build.toml", "steps = [\"lock\"]");
    sample.write("workflows/alpha.toml", "steps = [\"lock\"]");
    std::fs::remove_dir_all(sample.path("modules/two words")).unwrap();
    let project = sample.project();
    assert!(message(project.check_names(["build"])).0.contains("`build` is a word of lockstep's own"));
    assert!(message(project.workflow(&Name::new("alpha").unwrap())).0.contains("module as well"));
    sample.write("workflows/ship.toml", "steps = [\"build\"]\nfinaly = []\n");
    let (text, hint, _) = message(project.workflow(&Name::new("ship").unwrap()));
    assert_eq!(text, "workflows/ship.toml:2: unknown key `finaly`");
    assert_eq!(hint, "did you mean `finally`?");
    let (text, hint, _) = message(project.workflow(&Name::new("shp").unwrap()));
    assert_eq!((text.as_str(), hint.as_str()), ("there is no workflow `shp`", "did you mean `ship`?"));
}
