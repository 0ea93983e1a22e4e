//! How a project calls its locks: which keys a run of a unit takes, which freezes it honours, and
//! which lock of the former place each key goes on from. The only file that makes keys of units.
//!
//! What must hold: whoever runs a unit, and whoever freezes it, ask here, so that they mean the same
//! locks; and as long as a former place is configured everything is taken and frozen in both.

use super::{KeySet, LockKey};
use crate::project::{
    Configs, FurtherKey, LockConfig, Name, NameError, Project, ProjectError, Scope, UnitId,
};

/// The locks of one unit, as its runs see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitKeys {
    /// What a run takes, all or nothing.
    pub take: KeySet,
    /// What a run does not take and which, frozen, keeps it from running.
    pub watch: KeySet,
    /// A key that is taken, and the one in the former place whose history it goes on from.
    pub carry: Vec<(LockKey, LockKey)>,
}

/// What a person freezes and thaws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// One module, or all.
    pub module: Option<Name>,
    /// One profile, or all.
    pub profile: Option<Name>,
}

/// How keys are made, here and now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Style {
    project: Option<Name>,
    scope: Scope,
    /// Kept in another place than today's.
    elsewhere: bool,
}

/// How a project calls its locks now, and how it did before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    now: Style,
    former: Option<Style>,
}

impl Style {
    fn place(&self, key: LockKey) -> LockKey {
        if self.elsewhere { key.in_former() } else { key }
    }

    fn key(&self, module: Option<&Name>, profile: Option<&Name>) -> LockKey {
        self.place(LockKey::of(self.project.as_ref(), module, profile))
    }

    fn owns(&self, key: &LockKey) -> bool {
        self.elsewhere == key.is_former() && self.project.as_ref().map(Name::as_str) == key.project()
    }

    /// The lock that a run of the unit takes.
    fn lock(&self, unit: &UnitId) -> LockKey {
        match self.scope {
            Scope::Unit => self.key(Some(&unit.module), Some(&unit.profile)),
            Scope::Profile => self.key(None, Some(&unit.profile)),
            Scope::Module => self.key(Some(&unit.module), None),
        }
    }

    /// Everything that can be frozen and has the unit in it.
    fn covering(&self, unit: &UnitId) -> [LockKey; 4] {
        let (module, profile) = (Some(&unit.module), Some(&unit.profile));
        [(module, profile), (module, None), (None, profile), (None, None)].map(|(m, p)| self.key(m, p))
    }
}

impl Naming {
    /// As the configuration says.
    pub fn of(config: &LockConfig) -> Self {
        let now = Style { project: config.project.clone(), scope: config.scope, elsewhere: false };
        let former = config.former.as_ref().map(|former| Style {
            project: former.project.clone(),
            scope: former.scope,
            elsewhere: config.has_moved(),
        });
        Self { former: former.filter(|former| *former != now), now }
    }

    /// The locks of a unit that takes these further keys.
    pub fn unit<'a>(&self, unit: &UnitId, further: impl IntoIterator<Item = &'a FurtherKey>) -> UnitKeys {
        let further: Vec<&FurtherKey> = further.into_iter().collect();
        let keys = |style: &Style| {
            let own = further.iter().map(|key| style.place(LockKey::further(style.project.as_ref(), key)));
            std::iter::once(style.lock(unit)).chain(own).collect::<Vec<_>>()
        };
        let now = keys(&self.now);
        let before = self.former.as_ref().map(keys).unwrap_or_default();
        let carry = now.iter().cloned().zip(before.iter().cloned()).filter(|(a, b)| a != b).collect();
        let take: KeySet = now.into_iter().chain(before).collect();
        // Another unit whose lock is taken along is frozen with its profile and its module as well.
        let others = further.iter().filter_map(|key| key.as_str().parse::<UnitId>().ok());
        let units: Vec<UnitId> = std::iter::once(unit.clone()).chain(others).collect();
        let watch = self.styles().flat_map(|style| units.iter().flat_map(|unit| style.covering(unit)));
        UnitKeys { watch: watch.filter(|key| !take.contains(key)).collect(), take, carry }
    }

    /// The keys that a freeze of this extent writes.
    pub fn frozen(&self, extent: &Extent) -> KeySet {
        self.styles().map(|style| style.key(extent.module.as_ref(), extent.profile.as_ref())).collect()
    }

    /// Whether no run of the extent can take its lock without writing one of [`Naming::frozen`].
    pub fn frozen_is_taken(&self, extent: &Extent) -> bool {
        let (Some(module), Some(profile)) = (&extent.module, &extent.profile) else { return false };
        let unit = UnitId::new(module.clone(), profile.clone());
        self.styles().all(|style| style.scope == Scope::Unit && style.lock(&unit) == style.covering(&unit)[0])
    }

    /// A key as the user writes it: of his own project, unless it names one. `:KEY` is of none.
    ///
    /// # Errors
    /// When it is no key, or one in a former place that there is not.
    pub fn key(&self, text: &str) -> Result<LockKey, NameError> {
        let project = self.now.project.as_ref();
        let key = match (text.strip_prefix(':'), project) {
            (Some(bare), _) => LockKey::new(bare),
            (None, Some(project)) if !text.contains(':') => LockKey::new(&format!("{project}:{text}")),
            (None, _) => LockKey::new(text),
        }?;
        if key.is_former() && !self.styles().any(|style| style.elsewhere) {
            let why = "no `[lock.former]` says where that would be";
            return Err(NameError { text: key.to_string(), why });
        }
        Ok(key)
    }

    /// The lock that runs take of the unit that a key is called after; none if that is the key itself, or if
    /// it names no one unit of the project.
    pub fn lock_of(&self, key: &LockKey) -> Option<LockKey> {
        let (Some(module), Some(profile)) = key.pair()? else { return None };
        let unit = UnitId::new(Name::new(module).ok()?, Name::new(profile).ok()?);
        let style = self.styles().find(|style| style.owns(key))?;
        Some(style.lock(&unit)).filter(|lock| lock != key)
    }

    /// A key as the user may write it: without the name of his own project.
    pub fn short<'a>(&self, key: &'a str) -> &'a str {
        let prefix = self.now.project.as_ref().map(|project| format!("{project}:"));
        prefix.and_then(|prefix| key.strip_prefix(prefix.as_str())).unwrap_or(key)
    }

    /// Whether a lock is the project's own, now or before it moved.
    pub fn owns(&self, key: &LockKey) -> bool {
        self.styles().any(|style| style.owns(key))
    }

    fn styles(&self) -> impl Iterator<Item = &Style> {
        std::iter::once(&self.now).chain(&self.former)
    }
}

impl UnitKeys {
    /// What a run takes that is of both units.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let take = self.take.and(&other.take);
        let watch = self.watch.and(&other.watch);
        let new = other.carry.iter().filter(|pair| !self.carry.contains(pair));
        Self {
            watch: watch.iter().filter(|key| !take.contains(key)).cloned().collect(),
            carry: self.carry.iter().chain(new).cloned().collect(),
            take,
        }
    }

    /// The locks of a unit of a project.
    ///
    /// # Errors
    /// When a file of the project cannot be read or understood.
    pub fn of(project: &Project, unit: &UnitId) -> Result<Self, ProjectError> {
        Self::of_many(&Configs::new(project), unit)
    }

    /// The same for one of many units, of whose files each is read once.
    ///
    /// # Errors
    /// As for [`UnitKeys::of`].
    pub fn of_many(configs: &Configs<'_>, unit: &UnitId) -> Result<Self, ProjectError> {
        Ok(Naming::of(&configs.project().config().lock).unit(unit, &configs.further_keys(unit)?))
    }
}

impl Extent {
    /// What a freeze of this key covers; none for a key that is of no unit.
    pub fn of_key(key: &LockKey) -> Option<Self> {
        let (module, profile) = key.pair()?;
        let name = |text: Option<&str>| text.map(Name::new).transpose().ok();
        Some(Self { module: name(module)?, profile: name(profile)? })
    }
}

/// A profile's name, MODULE/PROFILE, or with `@all` for one of them or both.
impl std::str::FromStr for Extent {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (module, profile) = match text.split_once('/') {
            Some(both) => both,
            None => ("@all", Name::new(text).map(|_| text)?),
        };
        let part = |text: &str| if text == "@all" { Ok(None) } else { Name::new(text).map(Some) };
        Ok(Self { module: part(module)?, profile: part(profile)? })
    }
}

/// As `Extent::from_str` reads it, and `--all` for everything: what `thaw` takes.
impl std::fmt::Display for Extent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.module, &self.profile) {
            (None, None) => f.write_str("--all"),
            (None, Some(profile)) => profile.fmt(f),
            (Some(module), None) => write!(f, "{module}/@all"),
            (Some(module), Some(profile)) => write!(f, "{module}/{profile}"),
        }
    }
}

#[cfg(test)]
#[path = "naming_tests.rs"]
mod tests;
