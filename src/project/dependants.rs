//! What one unit needs, and who needs it.
//!
//! What must hold: what cannot be read keeps nothing else back, for this is for looking. An order is made
//! of the whole graph alone.

use std::collections::BTreeMap;

use super::unit_graph::Found;
use super::{Because, Configs, Project, ProjectError, UnitId};

/// Who needs whom, as far as that can be told.
#[derive(Debug, Default)]
pub struct Dependants {
    of: BTreeMap<UnitId, Vec<UnitId>>,
    /// The first of what keeps some of it from being told.
    pub trouble: Option<ProjectError>,
}

impl Dependants {
    /// The units that need a unit themselves, sorted.
    pub fn of(&self, unit: &UnitId) -> &[UnitId] {
        self.of.get(unit).map_or(&[], Vec::as_slice)
    }
}

impl Project {
    /// The units that a unit needs itself, each once, with what says so: `needs` before outputs. Of a stage
    /// it is the workflow that says it.
    ///
    /// # Errors
    /// When a file cannot be read, or a need names no unit.
    pub fn needs_of(&self, unit: &UnitId) -> Result<Vec<(UnitId, Because)>, ProjectError> {
        Configs::new(self).needs_of(unit)
    }

    /// Who needs whom, of all units of modules.
    pub fn dependants(&self) -> Dependants {
        let configs = Configs::new(self);
        let mut found = Dependants::default();
        let (modules, profiles) = match (self.modules(), self.profiles()) {
            (Ok(modules), Ok(profiles)) => (modules, profiles),
            (Err(error), _) | (_, Err(error)) => return Dependants { trouble: Some(error), ..found },
        };
        for module in &modules {
            for profile in &profiles {
                let unit = UnitId::new(module.clone(), profile.clone());
                let needs = match configs.excluded(&unit) {
                    Ok(None) => configs.needs_of(&unit),
                    Ok(Some(_)) => continue,
                    Err(error) => Err(error),
                };
                match needs {
                    Ok(needs) => {
                        needs.into_iter().for_each(|(need, _)| {
                            found.of.entry(need).or_default().push(unit.clone());
                        });
                    }
                    Err(error) => found.trouble = found.trouble.or(Some(error)),
                }
            }
        }
        found
    }
}

impl Configs<'_> {
    /// As [`Project::needs_of`].
    pub(super) fn needs_of(&self, unit: &UnitId) -> Result<Found, ProjectError> {
        let mut found = match self.project().needs_of_stage(unit) {
            Some(needs) => needs,
            None => self.needed(unit)?,
        };
        for (other, place) in self.outputs_used_at(unit)? {
            if !found.iter().any(|(known, _)| *known == other) {
                found.push((other, Because::Outputs(place)));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sample;
    use super::*;

    #[test]
    fn what_cannot_be_read_keeps_nothing_else_back() {
        let sample = Sample::new(&[
            ("modules/app/module.toml", "needs = ['vpc']\n"),
            ("modules/dns/module.toml", "needs = ['vpc', 'vpc/dev']\n[params]\na = '{{ outputs.vpc.id }}'\n"),
            ("modules/off/module.toml", "profiles = ['prod']\nneeds = ['vpc']\n"),
            ("modules/vpc/x", ""),
            ("profiles/base.toml", "abstract = true\n"),
            ("profiles/dev.toml", ""),
            ("profiles/prod.toml", ""),
        ]);
        let unit = |text: &str| text.parse::<UnitId>().unwrap();
        let told = |of: &Dependants, unit: &UnitId| {
            of.of(unit).iter().map(UnitId::to_string).collect::<Vec<_>>().join(" ")
        };
        let found = sample.project().dependants();
        assert!(found.trouble.is_none(), "{:?}", found.trouble);
        assert_eq!(told(&found, &unit("vpc/dev")), "app/dev dns/dev dns/prod");
        assert_eq!(told(&found, &unit("vpc/prod")), "app/prod dns/prod off/prod");
        assert_eq!(told(&found, &unit("app/prod")), "");
        let needs = sample.project().needs_of(&unit("dns/prod")).unwrap();
        let needs: Vec<String> = needs.iter().map(|(unit, why)| format!("{unit} {}", why.place())).collect();
        assert_eq!(needs, ["vpc/prod modules/dns/module.toml:1", "vpc/dev modules/dns/module.toml:1"]);

        sample.write("modules/app/module.toml", "nonsense = 1\n");
        let found = sample.project().dependants();
        assert_eq!(told(&found, &unit("vpc/prod")), "dns/prod off/prod");
        assert!(found.trouble.unwrap().to_string().starts_with("modules/app/module.toml:1"));
    }
}
