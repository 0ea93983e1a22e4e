//! From two words of the command line to any number of units: names, patterns, lists of them, and
//! what is to be left out.
//!
//! A word is a list of parts with commas between them. A part is a name, `.`, or a pattern (`*`, `?`,
//! `[a-z]`, `{a,b}`); for modules also `tag:` and a tag or a pattern of tags. With `!` before it, it is
//! left out, and a word of such parts alone begins with everything. A module that is no unit in a profile is passed over, but what is selected never
//! becomes nothing in silence: every part must select something.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

use super::error::printable;
use super::{Configs, Name, Project, ProjectError, StageAction, UnitId, nearest};
use crate::env::Environment;

/// Whether a word may select several modules or profiles.
///
/// ```
/// use lockstep::project::selects_many;
/// assert!(selects_many("net-*") && selects_many("a,b") && selects_many("!a"));
/// assert!(selects_many("tag:network"));
/// assert!(!selects_many("alpha") && !selects_many("."));
/// ```
pub fn selects_many(word: &str) -> bool {
    is_pattern(word) || word.contains(',') || word.starts_with('!') || word.starts_with(TAG)
}

/// What stands before a tag.
const TAG: &str = "tag:";

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

impl Project {
    /// The units that two words of the command line select, sorted.
    ///
    /// # Errors
    /// When a part names or matches nothing, a name takes part in no unit, a pattern is none, or the
    /// configuration of what is selected cannot be read.
    pub fn select(
        &self,
        module: &str,
        profile: &str,
        env: &Environment,
    ) -> Result<Vec<UnitId>, ProjectError> {
        Configs::new(self).select(module, profile, env)
    }

    /// The names that one word selects; those of modules by tags too, for which their files are read.
    fn pick(
        &self,
        what: &'static str,
        word: &str,
        known: Vec<Name>,
        tagged: Option<&Configs<'_>>,
        here: impl Fn() -> Result<String, ProjectError>,
    ) -> Result<Picked, ProjectError> {
        let parts = parts(word);
        let (mut chosen, mut left_out, mut named) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        if parts.iter().all(|part| part.starts_with('!')) {
            chosen.extend(known.iter().cloned());
        }
        for part in parts {
            let (out, text) = match part.strip_prefix('!') {
                Some(text) => (true, text),
                None => (false, part),
            };
            let by_tag = tagged.and_then(|configs| Some((configs, text.strip_prefix(TAG)?)));
            let found: Vec<Name> = if let Some((configs, tag)) = by_tag {
                with_tag(configs, tag, part, &known)?
            } else if text == "." || !selects_many(text) {
                let text = if text == "." { here()? } else { text.to_owned() };
                let name = known.iter().find(|name| name.as_str() == text);
                let name = name.cloned().ok_or_else(|| self.unknown(what, &text))?;
                if !out {
                    named.push(name.clone());
                }
                vec![name]
            } else {
                let pattern = pattern(text)?;
                known.iter().filter(|name| pattern.is_match(name.as_str())).cloned().collect()
            };
            if found.is_empty() {
                let known = known.iter().map(Name::to_string).collect();
                return Err(ProjectError::NothingSelected { what, word: printable(part), known });
            }
            if out { &mut left_out } else { &mut chosen }.extend(found);
        }
        named.retain(|name| !left_out.contains(name));
        Ok(Picked { chosen: chosen.difference(&left_out).cloned().collect(), named })
    }
}

impl Project {
    /// The workflows of stages and the profiles that two words of the command line select for an action, sorted.
    /// A profile that is only matched is passed over where a stage is no unit in it.
    ///
    /// # Errors
    /// As for [`select`](Self::select).
    pub fn select_stacks(
        &self,
        workflow: &str,
        profile: &str,
        action: StageAction,
        env: &Environment,
    ) -> Result<Vec<(Name, Name)>, ProjectError> {
        let mut known = Vec::new();
        for name in self.workflows()? {
            if !self.workflow(&name)?.stages(action).is_empty() {
                known.push(name);
            }
        }
        let workflows = self.pick("workflow", workflow, known, None, || self.module_here(env))?;
        let profiles = self.pick("profile", profile, self.profiles()?, None, || self.profile_here(env))?;
        let mut found = Vec::new();
        for workflow in workflows.chosen {
            let file = self.workflow(&workflow)?;
            for profile in &profiles.chosen {
                let mut is_whole = true;
                for stage in file.stages(action) {
                    let own = stage.profile.as_ref().unwrap_or(profile);
                    is_whole &= self.excluded(&UnitId::new(stage.source().clone(), own.clone()))?.is_none();
                }
                // What was named is tried, and says itself why it cannot be.
                if is_whole || profiles.named.contains(profile) {
                    found.push((workflow.clone(), profile.clone()));
                }
            }
        }
        if found.is_empty() {
            let word = printable(&format!("{workflow} {profile}"));
            return Err(ProjectError::NothingSelected { what: "workflow", word, known: Vec::new() });
        }
        Ok(found)
    }
}

impl Configs<'_> {
    /// As [`Project::select`].
    ///
    /// # Errors
    /// As there.
    pub fn select(
        &self,
        module: &str,
        profile: &str,
        env: &Environment,
    ) -> Result<Vec<UnitId>, ProjectError> {
        let project = self.project();
        let here = || project.module_here(env);
        let modules = project.pick("module", module, project.modules()?, Some(self), here)?;
        let here = || project.profile_here(env);
        let profiles = project.pick("profile", profile, project.profiles()?, None, here)?;
        self.read_ahead(&modules.chosen);
        let mut units = Vec::new();
        for module in &modules.chosen {
            for profile in &profiles.chosen {
                let unit = UnitId::new(module.clone(), profile.clone());
                if self.excluded(&unit)?.is_none() {
                    units.push(unit);
                }
            }
        }
        for module in modules.named.iter().filter(|name| !units.iter().any(|unit| unit.module == **name)) {
            self.must_not_be_excluded(module, profiles.chosen.first())?;
        }
        for profile in profiles.named.iter().filter(|name| !units.iter().any(|unit| unit.profile == **name)) {
            if let Some(module) = modules.chosen.first() {
                self.must_not_be_excluded(module, Some(profile))?;
            }
        }
        if units.is_empty() {
            let known = project.units()?.iter().map(UnitId::to_string).collect();
            let word = printable(&format!("{module} {profile}"));
            return Err(ProjectError::NothingSelected { what: "unit", word, known });
        }
        Ok(units)
    }

    /// A name that somebody wrote and that takes part in nothing is told, with one reason.
    fn must_not_be_excluded(&self, module: &Name, profile: Option<&Name>) -> Result<(), ProjectError> {
        let Some(profile) = profile else { return Ok(()) };
        let unit = UnitId::new(module.clone(), profile.clone());
        match self.excluded(&unit)? {
            Some(why) => Err(ProjectError::NotAUnit { unit: unit.to_string(), why }),
            None => Ok(()),
        }
    }
}

/// What one word selects.
struct Picked {
    /// Sorted.
    chosen: Vec<Name>,
    /// Those that were named, not matched.
    named: Vec<Name>,
}

/// The modules of which a tag is, or fits, this one.
fn with_tag(configs: &Configs<'_>, tag: &str, part: &str, known: &[Name]) -> Result<Vec<Name>, ProjectError> {
    let matcher = if is_pattern(tag) { Some(pattern(tag)?) } else { None };
    let fits = |one: &Name| match &matcher {
        Some(matcher) => matcher.is_match(one.as_str()),
        None => one.as_str() == tag,
    };
    let (mut found, mut tags) = (Vec::new(), BTreeSet::new());
    for module in known {
        let config = configs.module(module)?;
        if config.tags.iter().any(fits) {
            found.push(module.clone());
        }
        tags.extend(config.tags.iter().map(Name::to_string));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let near = nearest(tag, tags.iter().map(String::as_str)).map(str::to_owned);
    let known = tags.into_iter().collect();
    Err(match matcher {
        Some(_) => ProjectError::NothingSelected { what: "tag", word: printable(part), known },
        None => ProjectError::Unknown {
            what: "tag",
            word: printable(tag),
            nearest: near,
            known: known.into(),
            ignored: false,
        },
    })
}

fn pattern(text: &str) -> Result<GlobMatcher, ProjectError> {
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| ProjectError::Pattern { word: printable(text), why: error.kind().to_string() })
}

/// The parts of a word: commas separate them, but not inside braces and brackets.
fn parts(word: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, byte) in word.bytes().enumerate() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&word[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&word[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::Sample;
    use super::*;

    fn sample() -> Sample {
        let sample = Sample::new(&[
            ("profiles/base.toml", "abstract = true\n"),
            ("profiles/dev.toml", "extends = ['base']\n"),
            ("profiles/prod.toml", "[modules.net-b]\nenabled = false\n"),
            ("modules/db/module.toml", "profiles = ['prod']\ntags = ['data', 'net-core']\n"),
            ("modules/_shared/x", ""),
        ]);
        for module in ["alpha", "net-a", "net-b"] {
            sample.write(&format!("modules/{module}/main.tf"), "");
        }
        sample.write("modules/net-a/module.toml", "tags = ['network', 'old']\n");
        sample.write("modules/net-b/module.toml", "tags = ['network']\n");
        sample
    }

    fn select(words: &str) -> Result<String, String> {
        let (sample, (module, profile)) = (sample(), words.split_once(' ').unwrap());
        let env = Environment::new(sample.path("modules/alpha"), [("LOCKSTEP_PROFILE", "dev")]);
        let units = sample.project().select(module, profile, &env);
        units
            .map(|units| units.iter().map(UnitId::to_string).collect::<Vec<_>>().join(" "))
            .map_err(|error| format!("{error} ({})", error.hint().unwrap_or_default()))
    }

    #[test]
    fn words_select_units() {
        for (words, units) in [
            ("alpha prod", "alpha/prod"),
            ("net-* dev", "net-a/dev net-b/dev"),
            ("net-*,alpha prod,dev", "alpha/dev alpha/prod net-a/dev net-a/prod net-b/dev"),
            ("* prod", "alpha/prod db/prod net-a/prod"),
            ("* *", "alpha/dev alpha/prod db/prod net-a/dev net-a/prod net-b/dev"),
            ("!net-* prod", "alpha/prod db/prod"),
            ("net-?,!net-b *", "net-a/dev net-a/prod"),
            ("net-[ab] dev", "net-a/dev net-b/dev"),
            ("{alpha,db} prod", "alpha/prod db/prod"),
            ("alpha,alpha dev", "alpha/dev"),
            (". .", "alpha/dev"),
            (".,net-a .", "alpha/dev net-a/dev"),
            ("db,alpha *", "alpha/dev alpha/prod db/prod"),
            ("tag:network dev", "net-a/dev net-b/dev"),
            ("tag:network,!tag:old dev", "net-b/dev"),
            ("!tag:old prod", "alpha/prod db/prod"),
            ("tag:net* *", "db/prod net-a/dev net-a/prod net-b/dev"),
            ("tag:{data,old},alpha dev", "alpha/dev net-a/dev"),
            ("tag:network,!net-a dev", "net-b/dev"),
        ] {
            assert_eq!(select(words).as_deref(), Ok(units), "{words}");
        }
    }

    #[test]
    fn what_selects_nothing_is_told_with_what_there_is() {
        for (words, why) in [
            ("nte-* prod", "`nte-*` selects no module (known modules: alpha, db, net-a, net-b)"),
            ("alpha prdo", "there is no profile `prdo` (did you mean `prod`?)"),
            ("*,!alpah prod", "there is no module `alpah` (did you mean `alpha`?)"),
            ("*,!x-* prod", "`!x-*` selects no module"),
            ("_shared prod", "there is no module `_shared`"),
            (
                "alpha,!alpha prod",
                "`alpha,!alpha prod` selects no unit (known units: alpha/dev, alpha/prod, db/prod",
            ),
            ("db,alpha dev", "`db/dev` is not a unit: modules/db/module.toml does not list the profile"),
            ("* dev,base", "is not a unit: profile `base` is abstract"),
            ("* base*", "`* base*` selects no unit"),
            ("alpha, prod", "there is no module ``"),
            ("a[ prod", "`a[` is not a pattern: "),
            ("tag:netwrk prod", "there is no tag `netwrk` (did you mean `network`?)"),
            ("*,!tag:zzz prod", "there is no tag `zzz` (known tags: data, net-core, network, old)"),
            ("tag:x-* prod", "`tag:x-*` selects no tag (known tags: data, "),
            ("tag: prod", "there is no tag ``"),
            ("tag:a[ prod", "`a[` is not a pattern: "),
            ("tag:data dev", "`db/dev` is not a unit: modules/db/module.toml does not list the profile"),
            ("alpha tag:data", "`tag:data` selects no profile"),
        ] {
            let error = select(words).unwrap_err();
            assert!(error.contains(why), "{words}: {error}");
        }
    }

    proptest! {
        #[test]
        fn parts_with_commas_between_them_are_the_word(word in "[a,{}!*\\[\\]]{0,12}") {
            prop_assert_eq!(parts(&word).join(","), word);
        }
    }
}
