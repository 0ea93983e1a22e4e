//! What each place of a line is completed with, in a project on disk.

use super::*;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (path, text) in [
            ("lockstep.toml", ""),
            ("modules/alpha/main.tf", ""),
            ("modules/beta/module.toml", "profiles = ['dev']\ntags = ['network', 'core']\n"),
            ("profiles/base.toml", "abstract = true\n"),
            ("profiles/dev.toml", ""),
            ("profiles/prod.toml", ""),
            ("workflows/deploy.toml", "description = 'apply\tand tell'\nsteps = ['build', 'exec']\n"),
            ("workflows/cluster.toml", "[[create]]\nname = 'alpha'\nrun = ['true:']\n"),
        ] {
            place.file(path, text);
        }
        place
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The lines for the end of `line`; a blank at its end begins a new word.
    fn lines(&self, line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let env = Environment::new(self.0.path(), [("PATH", "")]);
        candidates(words.len() - 1, &words, &env)
    }

    fn values(&self, line: &str) -> Vec<String> {
        self.lines(line).iter().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    }
}

#[test]
fn the_first_word_is_a_step_a_workflow_or_a_subcommand() {
    let place = Place::new();
    let values = place.values("lockstep ");
    for word in ["build", "exec", "deploy", "why", "locks", "alias"] {
        assert!(values.contains(&word.to_owned()), "{word}: {values:?}");
    }
    for word in ["generate", "--", "alpha", CALL] {
        assert!(!values.contains(&word.to_owned()), "{word}");
    }
    assert!(place.lines("lockstep ").contains(&"deploy\tapply and tell".to_owned()));
    assert_eq!(place.values("lockstep -q --color always "), values);
}

#[test]
fn later_words_are_steps_that_are_not_there_yet_and_the_separator() {
    let values = Place::new().values("lockstep build tofu:init ");
    for word in ["exec", "deploy", "--"] {
        assert!(values.contains(&word.to_owned()), "{word}");
    }
    for word in ["build", "why"] {
        assert!(!values.contains(&word.to_owned()), "{word}");
    }
}

#[test]
fn after_the_separator_come_module_profile_and_tool() {
    let place = Place::new();
    assert_eq!(place.values("lockstep build -- "), ["alpha", "beta"]);
    assert_eq!(place.values("lockstep build -- t"), ["alpha", "beta", "tag:core", "tag:network"]);
    assert_eq!(place.values("lockstep build -- tag:network "), ["base", "dev", "prod"]);
    assert_eq!(place.values("lockstep build -- alpha "), ["dev", "prod"]);
    assert_eq!(place.values("lockstep build -- beta p"), ["dev"]);
    assert_eq!(place.values("lockstep build -- . "), ["base", "dev", "prod"]);
    assert_eq!(place.values("lockstep build exec -- alpha prod "), [":delegate 6"]);
    assert_eq!(place.values("lockstep deploy -- alpha prod tofu plan -o"), [":delegate 5"]);
    assert_eq!(place.values("lockstep build tofu:plan -- alpha prod "), [":files"]);
    // There nothing is an option of ours any more.
    assert_eq!(place.values("lockstep exec -- alpha prod tofu --color "), [":delegate 5"]);
}

#[test]
fn options_and_their_values() {
    let place = Place::new();
    let has = |line: &str, word: &str| place.values(line).contains(&word.to_owned());
    assert!(
        has("lockstep -", "--wait")
            && has("lockstep build --", "--")
            && has("lockstep build --d", "--dry-run")
    );
    assert!(has("lockstep why -", "--json") && !has("lockstep why -", "--wait"));
    assert_eq!(place.values("lockstep --color "), ["auto", "always", "never"]);
    assert_eq!(place.values("lockstep build --color=a"), ["--color=auto", "--color=always", "--color=never"]);
    assert_eq!(place.values("lockstep --params "), [":files"]);
    assert_eq!(place.values("lockstep -C "), [":dirs"]);
    assert!(place.values("lockstep --wait ").is_empty());
    assert!(has("lockstep --wait 10m ", "build"));
}

#[test]
fn subcommands_take_units_and_more() {
    let place = Place::new();
    assert_eq!(place.values("lockstep why "), ["alpha/dev", "alpha/prod", "beta/dev"]);
    assert_eq!(place.values("lockstep locks "), ["show"]);
    assert_eq!(place.values("lockstep locks show be"), ["beta/dev"]);
    assert_eq!(place.values("lockstep why alpha/p"), ["alpha/dev", "alpha/prod"]);
    assert_eq!(place.values("lockstep freeze --reason x b"), ["beta/dev", "base"]);
    assert_eq!(place.values("lockstep affected "), ["alpha/dev", "alpha/prod", "beta/dev"]);
    assert_eq!(place.values("lockstep affected --why alpha/dev b"), ["beta/dev"]);
    assert_eq!(place.values("lockstep graph a"), ["alpha/dev", "alpha/prod"]);
    assert_eq!(place.values("lockstep graph alpha/dev p"), ["prod"]);
    assert_eq!(place.values("lockstep graph --format m"), ["text", "dot", "mermaid", "json"]);
    assert_eq!(place.values("lockstep alias tofu=al"), ["tofu=alpha/dev", "tofu=alpha/prod"]);
    assert_eq!(place.values("lockstep shim "), [":dirs"]);
    assert_eq!(place.values("lockstep completions "), ["bash", "zsh", "fish"]);
    let topics = place.values("lockstep help ");
    assert!(
        ["steps", "exit-codes", "git-check", "doctor"].iter().all(|topic| topics.iter().any(|t| t == topic))
    );
    assert!(place.values("lockstep new module x --tool ").iter().any(|tool| tool == "kubectl"));
    assert_eq!(place.values("lockstep save alpha/prod x "), [":files"]);
    assert!(place.values("lockstep why alpha/prod key more ").is_empty());
}

#[test]
fn another_directory_has_other_names() {
    let place = Place::new();
    place.file("other/lockstep.toml", "");
    place.file("other/modules/gamma/x", "");
    assert_eq!(place.values("lockstep -C other build -- "), ["gamma"]);
    assert_eq!(place.values("lockstep -C nowhere build -- "), Vec::<String>::new());
}

#[test]
fn with_many_modules_units_come_in_two_halves() {
    let place = Place::new();
    (0..60).for_each(|number| place.file(&format!("modules/m{number}/x"), ""));
    assert!(place.values("lockstep why ").contains(&"m59/".to_owned()));
    assert_eq!(place.values("lockstep why m59/"), ["m59/dev", "m59/prod"]);
}

#[test]
fn what_is_broken_is_no_reason_to_speak() {
    let place = Place::new();
    place.file("modules/alpha/module.toml", "nonsense");
    assert_eq!(place.values("lockstep build -- alpha "), ["dev", "prod"]);
    place.file("lockstep.toml", "nonsense");
    assert!(place.values("lockstep build -- ").is_empty());
    assert!(place.values("lockstep ").contains(&"build".to_owned()));
    assert!(candidates(7, &["lockstep".into()], &Environment::new("/", [("PATH", "")])).len() > 5);
}

#[test]
fn a_workflow_of_stages_stands_where_a_module_would() {
    let place = Place::new();
    assert_eq!(place.values("lockstep create -- "), ["cluster"]);
    assert_eq!(place.values("lockstep create -- cluster "), ["dev", "prod"]);
    assert_eq!(place.values("lockstep create --from "), ["alpha"]);
    assert!(!place.values("lockstep lock ").contains(&"cluster".to_owned()), "it is no step");
}
