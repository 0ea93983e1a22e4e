//! Outputs of other units in a unit's parameters: which it uses, and which unit a name means.

use std::path::PathBuf;

use super::configs::remember;
use super::error::printable;
use super::output_names::{WORD, uses};
use super::value::{Data, Node};
use super::{Configs, Name, Overrides, Place, Project, ProjectError, UnitId, nearest};
use crate::env::Environment;

impl Project {
    /// The units whose outputs a unit's parameters use, sorted. Found in the texts of the expressions:
    /// nothing is evaluated.
    ///
    /// # Errors
    /// When the unit's configuration cannot be read, or a use names no unit.
    pub fn outputs_used(&self, unit: &UnitId) -> Result<Vec<UnitId>, ProjectError> {
        Configs::new(self).outputs_used(unit)
    }

    /// The unit whose outputs a name means that the parameters of `user` use at a place.
    ///
    /// # Errors
    /// When it names no unit that `user` may read, said at the place.
    pub(crate) fn output_unit(
        &self,
        user: &UnitId,
        name: &str,
        place: &Place,
    ) -> Result<UnitId, ProjectError> {
        let unit = self.output_target(user, name, place)?;
        if unit == *user {
            let message = format!("`{unit}` cannot use its own outputs: they are made of its parameters");
            return Err(ProjectError::config(place.clone(), message));
        }
        if self.cure_of_stage(&unit).is_some() {
            return Ok(unit);
        }
        match self.excluded(&unit)? {
            None => Ok(unit),
            Some(why) => Err(ProjectError::config(
                place.clone(),
                format!("`{unit}` has no outputs: it is no unit, {why}"),
            )),
        }
    }

    /// The unit that a name means, which may be `user` itself, or excluded.
    fn output_target(&self, user: &UnitId, name: &str, place: &Place) -> Result<UnitId, ProjectError> {
        if let Some(of_stage) = self.output_stage(user, name, place) {
            return of_stage;
        }
        let (module, profile) = name.split_once('/').unwrap_or((name, user.profile.as_str()));
        let known = |what: &'static str, word: &str, known: Vec<Name>| {
            if let Some(name) = known.iter().find(|name| name.as_str() == word) {
                return Ok(name.clone());
            }
            let hint = match nearest(word, known.iter().map(Name::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => format!("this project has no {what}s yet"),
                None => {
                    let names: Vec<&str> = known.iter().map(Name::as_str).take(20).collect();
                    format!("known {what}s: {}", names.join(", "))
                }
            };
            let message = format!("there is no {what} `{}` that could have outputs", printable(word));
            Err(ProjectError::config_hint(place.clone(), message, Some(hint)))
        };
        let module = known("module", module, self.modules()?)?;
        Ok(UnitId::new(module, known("profile", profile, self.profiles()?)?))
    }
}

impl Configs<'_> {
    /// As [`Project::outputs_used`], with what was read already.
    ///
    /// # Errors
    /// As there.
    pub fn outputs_used(&self, unit: &UnitId) -> Result<Vec<UnitId>, ProjectError> {
        Ok(self.outputs_used_at(unit)?.into_iter().map(|(unit, _)| unit).collect())
    }

    /// The same, each with the place of its first use.
    pub(super) fn outputs_used_at(&self, unit: &UnitId) -> Result<Vec<(UnitId, Place)>, ProjectError> {
        let mut units: Vec<(UnitId, Place)> = Vec::new();
        for (name, place) in self.output_uses(unit)? {
            let target = self.project().output_target(unit, &name, &place)?;
            let known = units.iter().any(|(known, _)| *known == target);
            // A profile may name it for all its modules: who reads it where there is none is told then.
            if target != *unit && !known && self.excluded(&target)?.is_none() {
                units.push((target, place));
            }
        }
        units.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(units)
    }

    /// The names that the unit's parameters use, as they are written, each with its place.
    pub(super) fn output_uses(&self, unit: &UnitId) -> Result<Vec<(String, Place)>, ProjectError> {
        if !self.mentions_outputs(unit)? {
            return Ok(Vec::new());
        }
        // What comes from outside the repository belongs to one run, and no order goes by it.
        let env = Environment::new(PathBuf::from(self.project().root()), std::iter::empty::<(&str, &str)>());
        let params = self.params(unit, &Overrides { set: &[], files: &[], env: &env })?;
        let mut found = Vec::new();
        if !params.tree().entries().is_some_and(|entries| entries.contains_key(WORD)) {
            collect(params.tree(), &mut found)?;
        }
        Ok(found)
    }

    /// Whether the word stands anywhere in the layers of a unit: most have it in none, and need not be
    /// merged to know that.
    fn mentions_outputs(&self, unit: &UnitId) -> Result<bool, ProjectError> {
        let project = self.project();
        let in_profile = || -> Result<bool, ProjectError> {
            let mut layers = vec![&project.config().params];
            let chain = self.chain(&unit.profile)?;
            for profile in chain.iter() {
                layers.push(&profile.params);
                layers.extend(profile.modules.values().map(|module| &module.params));
            }
            Ok(layers.into_iter().any(mentions))
        };
        let stage = project.params_of_stage(unit).is_some_and(mentions);
        Ok(stage
            || mentions(&self.module(&unit.module)?.params)
            || *remember(&self.mentions, &unit.profile, in_profile)?)
    }
}

fn mentions(node: &Node) -> bool {
    match &node.data {
        Data::Text(text) => text.contains(WORD),
        Data::List(items) | Data::Append(items) => items.iter().any(mentions),
        Data::Table { entries, .. } => entries.values().any(mentions),
        Data::Null
        | Data::Bool(_)
        | Data::Int(_)
        | Data::Float(_)
        | Data::Datetime(_)
        | Data::Unset
        | Data::Misplaced(_) => false,
    }
}

pub(super) fn collect(node: &Node, found: &mut Vec<(String, Place)>) -> Result<(), ProjectError> {
    match &node.data {
        Data::Text(text) => {
            found.extend(uses(text, &node.place)?);
            Ok(())
        }
        Data::List(items) | Data::Append(items) => items.iter().try_for_each(|item| collect(item, found)),
        Data::Table { entries, .. } => entries.values().try_for_each(|node| collect(node, found)),
        Data::Null
        | Data::Bool(_)
        | Data::Int(_)
        | Data::Float(_)
        | Data::Datetime(_)
        | Data::Unset
        | Data::Misplaced(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::project::tests::Sample;
    use crate::project::{ProjectError, UnitId};

    fn used(sample: &Sample, unit: &str) -> Result<Vec<String>, ProjectError> {
        let units = sample.project().outputs_used(&unit.parse().unwrap())?;
        Ok(units.iter().map(UnitId::to_string).collect())
    }

    #[test]
    fn the_units_are_found_in_the_texts_of_all_layers() {
        let sample = Sample::new(&[
            ("modules/vpc/x", ""),
            ("modules/dns/x", ""),
            ("modules/off/module.toml", "profiles = ['dev']"),
            ("modules/app/module.toml", "[params]\nnet = ['a', { id = '{{ outputs.vpc.id }}' }]\n"),
            (
                "profiles/prod.toml",
                "[params]\nall = '{{ outputs.dns.zone }}'\nx = '{{ outputs.off.x }}'\n\
                 [modules.app.params]\nother = '{{ outputs[\"vpc/dev\"].id }}{{ outputs.vpc.cidr }}'\n",
            ),
            ("profiles/dev.toml", ""),
        ]);
        assert_eq!(used(&sample, "app/prod").unwrap(), ["dns/prod", "vpc/dev", "vpc/prod"]);
        assert_eq!(used(&sample, "app/dev").unwrap(), ["vpc/dev"]);
        assert_eq!(used(&sample, "dns/prod").unwrap(), [""; 0], "its own are not another's");
        sample.write("profiles/dev.toml", "[params]\noutputs = { vpc = { id = 1 } }\n");
        assert_eq!(used(&sample, "app/dev").unwrap(), [""; 0], "a parameter comes first");
    }

    #[test]
    fn a_name_that_means_no_unit_is_told_where_it_stands() {
        let sample = Sample::new(&[("modules/vpc/x", ""), ("modules/app/x", "")]);
        for (text, message, hint) in [
            ("outputs.vcp.id", "there is no module `vcp` that could have outputs", "did you mean `vpc`?"),
            (
                "outputs['vpc/prd'].id",
                "there is no profile `prd` that could have outputs",
                "did you mean `prod`?",
            ),
            ("outputs[a].id", "whose outputs are meant must stand", "write it out"),
        ] {
            sample.write("profiles/prod.toml", format!("[params]\na = 'b'\nc = \"{{{{ {text} }}}}\"\n"));
            let error = used(&sample, "app/prod").unwrap_err();
            assert!(error.to_string().starts_with(&format!("profiles/prod.toml:3: {message}")), "{error}");
            assert!(error.hint().unwrap().starts_with(hint), "{error:?}");
        }
    }
}
