//! What the configuration says about which locks a unit takes: scope, further keys, the project's
//! name, and what all that was before (`[lock.former]`). The keys themselves are made in `lock`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::config::LockConfig;
use super::{
    Configs, DynamodbLockConfig, FormerGitConfig, Name, NameError, Place, Project, ProjectError, UnitId,
};

/// What one lock covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One module in one profile.
    #[default]
    Unit,
    /// All modules of a profile: one run at a time in each profile.
    Profile,
    /// One module in all profiles.
    Module,
}

/// `[lock.former]`: what `[lock]` said before the locks moved. What it leaves out is as if it had
/// never been said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FormerConfig {
    /// The backend's name.
    pub backend: Option<String>,
    /// Where that is written.
    #[serde(skip)]
    pub backend_place: Option<Place>,
    /// What one lock covered.
    pub scope: Scope,
    /// The project's name.
    pub project: Option<Name>,
    /// The git backend.
    pub git: FormerGitConfig,
    /// The DynamoDB backend.
    pub dynamodb: DynamodbLockConfig,
}

/// `[lock]` in `module.toml` and `[modules.NAME.lock]` in a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UnitLockConfig {
    /// Further keys that its runs take.
    pub keys: Vec<FurtherKey>,
}

/// A further key: a name of its own (`shared-vpc`), or another unit's (`network/prod`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct FurtherKey(String);

impl FurtherKey {
    /// Checks a text: one or two names with `/` between them.
    ///
    /// # Errors
    /// The first part that is not a name.
    pub fn new(text: String) -> Result<Self, NameError> {
        for part in text.splitn(2, '/') {
            Name::new(part)?;
        }
        Ok(Self(text))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FurtherKey {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl LockConfig {
    /// Whether the locks were kept somewhere else before.
    pub fn has_moved(&self) -> bool {
        self.former.as_ref().is_some_and(|former| {
            former.backend != self.backend
                || former.git.place() != self.git.place()
                || former.dynamodb != self.dynamodb
        })
    }

    /// The former prefix of lock refs on today's remote, if they were under another one there.
    pub fn former_prefix(&self) -> Option<&str> {
        let former = self.former.as_ref().filter(|former| {
            former.backend == self.backend
                && former.dynamodb == self.dynamodb
                && former.git.remote == self.git.remote
                && former.git.prefix != self.git.prefix
        });
        former.map(|former| former.git.prefix.as_str())
    }
}

impl Project {
    /// The further keys that runs of a unit take: what `lockstep.toml`, the module and the unit's
    /// profiles say, together.
    ///
    /// # Errors
    /// When one of these files cannot be read or understood.
    pub fn further_keys(&self, unit: &UnitId) -> Result<BTreeSet<FurtherKey>, ProjectError> {
        Configs::new(self).further_keys(unit)
    }
}

impl Configs<'_> {
    /// As [`Project::further_keys`].
    ///
    /// # Errors
    /// As there.
    pub fn further_keys(&self, unit: &UnitId) -> Result<BTreeSet<FurtherKey>, ProjectError> {
        let mut keys: BTreeSet<FurtherKey> = self.project().config().lock.keys.iter().cloned().collect();
        keys.extend(self.module(&unit.module)?.lock.keys.iter().cloned());
        let source = self.project().source_of(&unit.module);
        for profile in self.chain(&unit.profile)?.iter() {
            keys.extend(profile.modules.get(source).into_iter().flat_map(|m| m.lock.keys.clone()));
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_further_key_is_a_name_or_a_unit() {
        for good in ["shared-vpc", "network/prod"] {
            assert_eq!(FurtherKey::new(good.into()).unwrap().as_str(), good);
        }
        for bad in ["", "a/b/c", "a/", "@all/prod", "x:y", "a b", "../x"] {
            assert!(FurtherKey::new(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn further_keys_come_from_project_module_and_profiles() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("lockstep.toml", "[lock]\nkeys = [\"account\"]\n");
        write("modules/alpha/module.toml", "[lock]\nkeys = [\"vpc\", \"account\"]\n");
        write("modules/beta/main.tf", "");
        write("profiles/base.toml", "abstract = true\n[modules.alpha.lock]\nkeys = [\"base\"]\n");
        write("profiles/prod.toml", "extends = [\"base\"]\n[modules.alpha]\nlock.keys = [\"net/prod\"]\n");
        let project = Project::discover(dir.path(), &crate::env::Environment::bare()).unwrap();
        let of = |unit: &str| {
            let keys = project.further_keys(&unit.parse().unwrap()).unwrap();
            keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of("alpha/prod"), ["account", "base", "net/prod", "vpc"]);
        assert_eq!(of("beta/prod"), ["account"]);
        write("modules/alpha/module.toml", "\n[lock]\nkeys = [\"a b\"]\n");
        let error = project.further_keys(&"alpha/prod".parse().unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("modules/alpha/module.toml:3: "), "{error}");
    }
}
