//! `env(NAME, default)`: a value from outside the repository, known as such.

use std::sync::Arc;

use minijinja::Error;
use minijinja::value::{Value, from_args};

use super::super::error::printable;
use super::super::params::Scope;
use super::super::{Place, ProjectError, strict};
use super::refuse;

/// A variable that is set is an override like those of `--set`: its key is told and recorded, and
/// a profile may deny it.
pub(super) fn env(scope: &Arc<Scope>, args: &[Value]) -> Result<Value, Error> {
    let (name, default): (&str, Option<Value>) = from_args(args)?;
    let shown = printable(name);
    scope.outside.reach();
    if scope.outside.stand_ins.are_given_for_facts() {
        let default = args
            .get(1)
            .map_or_else(|| Ok(String::new()), |value| strict::to_json(value).map(|json| json.to_string()))?;
        return Ok(scope.outside.stand_ins.text("env", &[name, &default]));
    }
    let Some(value) = scope.outside.env.var_os(name).filter(|value| !value.is_empty()) else {
        // A default that is null is one as well.
        return args.get(1).map(|_| default.unwrap_or_else(|| Value::from(()))).ok_or_else(|| {
            refuse(format!("the environment variable `{shown}` is not set, and there is no default"))
        });
    };
    let Some(value) = value.to_str() else {
        return Err(refuse(format!("the environment variable `{shown}` is not UTF-8")));
    };
    if let Some(file) = &scope.outside.denied {
        return Err(scope.raise(ProjectError::Override {
            place: Place::whole(format!("environment variable `{shown}`")),
            message: format!(
                "`env` takes it from outside the repository, and {file} says `overrides = \"deny\"`; unset it"
            ),
        }));
    }
    scope.outside.note(format!("env({shown})"));
    Ok(Value::from(value))
}

#[cfg(test)]
mod tests {
    use crate::project::tests::{Sample, message};
    use crate::project::{Params, ProjectError};

    fn params(profile: &str, vars: &[(&str, &str)]) -> Params {
        let sample = Sample::new(&[("modules/alpha/x", ""), ("profiles/dev.toml", profile)]);
        sample.params_in("alpha/dev", &[], &[], vars).unwrap()
    }

    #[test]
    fn a_variable_that_is_set_is_an_override_and_a_default_is_none() {
        let profile = "[params]\nregion = \"{{ env('REGION', 'eu') }}\"\nn = \"{{ env('N', none) }}\"\n";
        let unset = params(profile, &[("REGION", "")]);
        assert_eq!(unset.to_json().unwrap(), serde_json::json!({"n": null, "region": "eu"}));
        assert!(unset.override_keys().is_empty());
        let set = params(profile, &[("REGION", "5"), ("N", "x")]);
        assert!(set.override_keys().is_empty(), "not asked for yet");
        assert_eq!(set.to_json().unwrap(), serde_json::json!({"n": "x", "region": "5"}), "always text");
        assert_eq!(set.override_keys(), ["env(N)", "env(REGION)"]);
    }

    #[test]
    fn without_variable_and_default_the_place_and_the_way_there_are_named() {
        let profile = "[params]\na = \"{{ env('NOPE') }}\"\nb = \"{{ a }}\"\n";
        let (text, ..) = message(params(profile, &[]).expand("{{ b }}", &crate::project::Place::whole("t")));
        assert_eq!(
            text,
            "profiles/dev.toml:2: parameter `a`: `env`: the environment variable `NOPE` is not set, and \
             there is no default; needed by `b` (profiles/dev.toml:3)"
        );
    }

    #[test]
    fn a_profile_denies_variables_that_are_set_and_asked_for() {
        let profile = "overrides = \"deny\"\n[params]\na = \"{{ env('A', '') }}\"\nb = \"{{ a }}\"\n";
        assert!(params(profile, &[("B", "1")]).to_json().is_ok());
        let error = params(profile, &[("A", "hunter2")]).to_json();
        assert!(matches!(error, Err(ProjectError::Override { .. })));
        let (text, ..) = message(error);
        assert_eq!(
            text,
            "environment variable `A`: `env` takes it from outside the repository, and profiles/dev.toml \
             says `overrides = \"deny\"`; unset it"
        );
    }
}
