//! The layers of a unit's parameters, lowest first, merged into one tree.
//!
//! module.toml < lockstep.toml < each profile of the chain (its `[params]`, then what it says for
//! the module) < `LOCKSTEP_PARAM_a__b` < `--params FILE` < `--set a.b=…`.

use std::path::PathBuf;

use super::data::DataItem;
use super::error::printable;
use super::outside::Outside;
use super::params::Params;
use super::profile::{OverridePolicy, Profile};
use super::sensitive::Marks;
use super::{Configs, ModuleConfig, Place, Project, ProjectError, UnitId, overrides};
use crate::env::Environment;

/// Parameters from outside the repository.
#[derive(Clone, Copy, Debug)]
pub struct Overrides<'a> {
    /// `--set`, `KEY=VALUE` each; later ones win.
    pub set: &'a [String],
    /// `--params`, relative to where the user stands; later ones win.
    pub files: &'a [PathBuf],
    /// Where `LOCKSTEP_PARAM_…` may be set.
    pub env: &'a Environment,
}

impl Overrides<'_> {
    /// The keys that they set, sorted; never the values.
    ///
    /// # Errors
    /// When one of them makes no sense.
    pub fn keys(&self) -> Result<Vec<String>, ProjectError> {
        Ok(overrides::layer(self)?.leaves().into_iter().map(|(key, _)| key).collect())
    }
}

impl Project {
    /// A unit's parameters: all layers merged, nothing evaluated yet.
    ///
    /// # Errors
    /// When a file of a layer cannot be read or understood, an override makes no sense, or the
    /// profile denies overrides and there are some.
    pub fn params(&self, unit: &UnitId, overrides: &Overrides<'_>) -> Result<Params, ProjectError> {
        Configs::new(self).params(unit, overrides)
    }
}

impl Project {
    /// Makes sure that a variable of the user's may decide what a tool does to a unit.
    ///
    /// # Errors
    /// [`ProjectError::Override`] if the unit's profile denies overrides.
    pub fn allows_variable(&self, unit: &UnitId, name: &str) -> Result<(), ProjectError> {
        match policy(&self.chain(&unit.profile)?) {
            Some((OverridePolicy::Deny, place)) => Err(ProjectError::Override {
                place: Place::whole(format!("environment variable {}", printable(name))),
                message: format!(
                    "it decides what the tool does, and {} says `overrides = \"deny\"`: unset it",
                    place.file()
                ),
            }),
            _ => Ok(()),
        }
    }
}

/// What the last profile of a chain that says anything says of overrides, and where.
fn policy(chain: &[Profile]) -> Option<(OverridePolicy, &Place)> {
    chain.iter().rev().find_map(|profile| profile.overrides.map(|policy| (policy, &profile.place)))
}

/// A unit's parameters out of what its files say.
pub(super) fn merge(
    project: &Project,
    unit: &UnitId,
    overrides: &Overrides<'_>,
    module: &ModuleConfig,
    chain: &[Profile],
) -> Result<Params, ProjectError> {
    let policy = policy(chain);
    let outside = overrides::layer(overrides)?;
    let keys: Vec<String> = outside.leaves().into_iter().map(|(key, _)| key).collect();
    if let (Some((OverridePolicy::Deny, place)), Some(first)) = (policy, outside.leaves().first()) {
        return Err(ProjectError::Override {
            place: first.1.place.clone(),
            message: format!(
                "`{}` is overridden from outside the repository, and {} says `overrides = \"deny\"`",
                printable(&first.0),
                place.file()
            ),
        });
    }
    let mut tree = module.params.clone().merge(project.config().params.clone());
    for profile in chain {
        tree = tree.merge(profile.params.clone());
        if let Some(module) = profile.modules.get(project.source_of(&unit.module)) {
            tree = tree.merge(module.params.clone());
        }
    }
    if let Some(params) = project.params_of_stage(unit) {
        tree = tree.merge(params.clone());
    }
    let denied = policy
        .filter(|(policy, _)| *policy == OverridePolicy::Deny)
        .map(|(_, place)| place.file().to_owned());
    // What the module says of data replaces what the project says.
    let data = project.config().data.iter().chain(&module.data);
    let data = data.map(|(name, config)| (name.clone(), DataItem::new(config.clone()))).collect();
    let reach = Outside::new(
        project.files().clone(),
        overrides.env.clone(),
        denied,
        data,
        project.stages_seen_by(unit),
    );
    let marks = Marks::of(project, module, chain);
    overrides::check_lists(&tree, &outside, "")?;
    let tree = tree.merge(outside).settle();
    tree.check_appends()?;
    Params::new(tree, project, unit, keys, &marks, reach)
}
