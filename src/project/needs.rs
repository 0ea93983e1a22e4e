//! `needs` in module.toml: the units that come before a module's own.
//!
//! What must hold: a need names a module and a profile that exist and make a unit, or it is an error
//! at its line. Nobody learns at three in the morning that an order was never kept.

use std::fmt;

use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

use super::toml_file::TomlFile;
use super::{Configs, Name, NameError, Place, Project, ProjectError, UnitId, nearest};

/// A module whose unit comes before this module's: in the same profile (`vpc`), or in another one
/// (`vpc/shared`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Need {
    module: Name,
    profile: Option<Name>,
    place: Place,
}

impl Need {
    /// Reads a text: a module, or a module and a profile with `/` between them.
    ///
    /// # Errors
    /// The first part that is not a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let (module, profile) = match text.split_once('/') {
            Some((module, profile)) => (module, Some(Name::new(profile)?)),
            None => (text, None),
        };
        Ok(Self { module: Name::new(module)?, profile, place: Place::whole("module.toml") })
    }

    /// Where it is written.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The unit that a unit of the module needs; none where that would be the unit itself although
    /// another profile was named: a module may need its own unit in `shared` everywhere else.
    pub fn of(&self, unit: &UnitId) -> Option<UnitId> {
        let profile = self.profile.as_ref().unwrap_or(&unit.profile);
        let needed = UnitId::new(self.module.clone(), profile.clone());
        (self.profile.is_none() || needed != *unit).then_some(needed)
    }

    /// Where each of them is written.
    pub(super) fn places(table: &DeTable<'_>, file: &TomlFile) -> Vec<Place> {
        match table.get("needs").map(|value| value.get_ref()) {
            Some(DeValue::Array(items)) => items.iter().map(|item| file.place(item.span().start)).collect(),
            _ => Vec::new(),
        }
    }

    /// Gives them their places back, which serde does not keep.
    pub(super) fn complete(needs: &mut [Self], places: Vec<Place>) {
        needs.iter_mut().zip(places).for_each(|(need, place)| need.place = place);
    }

    /// Refuses a name of nothing.
    fn check_names(&self, project: &Project) -> Result<(), ProjectError> {
        if !project.has_module(&self.module) {
            return Err(self.unknown("module", &self.module, &project.modules()?));
        }
        match &self.profile {
            Some(profile) if !project.has_profile(profile) => {
                Err(self.unknown("profile", profile, &project.profiles()?))
            }
            _ => Ok(()),
        }
    }

    fn unknown(&self, what: &str, name: &Name, known: &[Name]) -> ProjectError {
        let hint = match nearest(name.as_str(), known.iter().map(Name::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("to see what there is: lockstep list {what}s"),
        };
        let message = format!("`needs` names `{self}`, and there is no {what} `{name}`");
        ProjectError::config_hint(self.place.clone(), message, Some(hint))
    }
}

impl TryFrom<String> for Need {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(&text)
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.profile {
            Some(profile) => write!(f, "{}/{profile}", self.module),
            None => self.module.fmt(f),
        }
    }
}

impl Serialize for Need {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Configs<'_> {
    /// What a unit's `module.toml` says that it needs: each unit once, with the place that names it.
    ///
    /// # Errors
    /// When a file cannot be read, or a need names no unit.
    pub fn needs(&self, unit: &UnitId) -> Result<Vec<(UnitId, Place)>, ProjectError> {
        let module = self.module(&unit.module)?;
        let mut needed: Vec<(UnitId, Place)> = Vec::with_capacity(module.needs.len());
        for need in &module.needs {
            let Some(other) = need.of(unit) else { continue };
            if needed.iter().any(|(known, _)| *known == other) {
                continue;
            }
            need.check_names(self.project())?;
            if let Some(why) = self.excluded(&other)? {
                let message = format!("`{unit}` needs `{other}`, which is not a unit: {why}");
                let hint = match need.profile {
                    Some(_) => "name another profile, or take the need away".to_owned(),
                    None => format!(
                        "leave `{unit}` out as well, or name the profile that has it: `\"{}/PROFILE\"`",
                        need.module
                    ),
                };
                return Err(ProjectError::config_hint(need.place.clone(), message, Some(hint)));
            }
            needed.push((other, need.place.clone()));
        }
        Ok(needed)
    }

    /// Refuses needs that name nothing, without a look at any file but the module's own.
    pub(super) fn check_needs(&self, unit: &UnitId) -> Result<(), ProjectError> {
        self.module(&unit.module)?.needs.iter().try_for_each(|need| need.check_names(self.project()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Sample, message};
    use super::*;

    fn sample(needs: &str) -> Sample {
        Sample::new(&[
            ("modules/app/module.toml", &format!("description = 'x'\nneeds = {needs}\n")),
            ("modules/vpc/module.toml", "profiles = ['prod', 'shared']\n"),
            ("modules/db/x", ""),
            ("profiles/base.toml", "abstract = true\n"),
            ("profiles/dev.toml", ""),
            ("profiles/prod.toml", "\n[modules.db]\nenabled = false\n"),
            ("profiles/shared.toml", ""),
        ])
    }

    fn needs(needs: &str, unit: &str) -> Result<String, (String, String)> {
        let sample = sample(needs);
        let project = sample.project();
        let found = Configs::new(&project).needs(&unit.parse().unwrap());
        match found {
            Ok(found) => {
                Ok(found.iter().map(|(unit, at)| format!("{unit} {at}")).collect::<Vec<_>>().join(", "))
            }
            error => Err(message(error)).map_err(|(text, hint, _)| (text, hint)),
        }
    }

    #[test]
    fn a_need_is_in_the_same_profile_or_in_the_one_that_it_names() {
        for (said, unit, found) in [
            ("[]", "app/prod", ""),
            ("['vpc']", "app/prod", "vpc/prod modules/app/module.toml:2"),
            (
                "['vpc/shared',\n 'db']",
                "app/dev",
                "vpc/shared modules/app/module.toml:2, db/dev modules/app/module.toml:3",
            ),
            ("['vpc', 'vpc', 'vpc/prod']", "app/prod", "vpc/prod modules/app/module.toml:2"),
            ("['app/shared']", "app/dev", "app/shared modules/app/module.toml:2"),
            ("['app/shared']", "app/shared", ""),
            ("['app']", "app/shared", "app/shared modules/app/module.toml:2"),
        ] {
            assert_eq!(needs(said, unit).as_deref(), Ok(found), "{said} of {unit}");
        }
    }

    #[test]
    fn a_need_of_nothing_is_an_error_at_its_line() {
        for (said, text, hint) in [
            ("['vcp']", "`needs` names `vcp`, and there is no module `vcp`", "did you mean `vpc`?"),
            ("['zzzzzz']", "there is no module `zzzzzz`", "lockstep list modules"),
            ("['vpc/prdo']", "names `vpc/prdo`, and there is no profile `prdo`", "did you mean `prod`?"),
            (
                "['db']",
                "`app/prod` needs `db/prod`, which is not a unit: `enabled = false` at profiles/prod.toml:2",
                "`\"db/PROFILE\"`",
            ),
            (
                "['vpc/dev']",
                "which is not a unit: modules/vpc/module.toml does not list the profile",
                "another profile",
            ),
            ("['db/base']", "which is not a unit: profile `base` is abstract", "another profile"),
            ("['a b']", "`a b` is not a name: ", ""),
            ("['a/b/c']", "`b/c` is not a name: ", ""),
            ("['vpc?']", "`vpc?` is not a name: ", ""),
            ("[1]", "invalid type: integer", ""),
        ] {
            let (told, cure) = needs(said, "app/prod").unwrap_err();
            assert!(told.starts_with("modules/app/module.toml:2: "), "{said}: {told}");
            assert!(told.contains(text) && cure.contains(hint), "{said}: {told} ({cure})");
        }
    }
}
