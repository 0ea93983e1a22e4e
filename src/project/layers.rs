//! The layers of a unit's parameters, lowest first, merged into one tree.
//!
//! module.toml < lockstep.toml < each profile of the chain (its `[params]`, then what it says for
//! the module) < `LOCKSTEP_PARAM_a__b` < `--params FILE` < `--set a.b=…`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::de::DeValue;

use super::data::DataItem;
use super::error::printable;
use super::outside::Outside;
use super::params::Params;
use super::profile::{OverridePolicy, Profile};
use super::sensitive::Marks;
use super::toml_file::TomlFile;
use super::value::{Data, Node, operator};
use super::{Configs, ModuleConfig, Place, Project, ProjectError, UnitId, key};
use crate::env::Environment;

const VARIABLE: &str = "LOCKSTEP_PARAM_";

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
        Ok(outside(self)?.leaves().into_iter().map(|(key, _)| key).collect())
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

/// A unit's parameters out of what its files say.
pub(super) fn merge(
    project: &Project,
    unit: &UnitId,
    overrides: &Overrides<'_>,
    module: &ModuleConfig,
    chain: &[Profile],
) -> Result<Params, ProjectError> {
    let policy =
        chain.iter().rev().find_map(|profile| profile.overrides.map(|policy| (policy, &profile.place)));
    let outside = outside(overrides)?;
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
    let tree = tree.merge(outside).settle();
    tree.check_appends()?;
    Params::new(tree, project, unit, keys, &marks, reach)
}

/// Everything from outside the repository as one layer.
fn outside(overrides: &Overrides<'_>) -> Result<Node, ProjectError> {
    let mut tree = Node::default();
    for (name, value) in overrides.env.vars() {
        let Some(key) = name.to_str().and_then(|name| name.strip_prefix(VARIABLE)) else { continue };
        let place = Place::whole(format!("{VARIABLE}{}", printable(key)));
        let value = value.to_str().ok_or_else(|| ProjectError::Override {
            place: place.clone(),
            message: "the value is not UTF-8".into(),
        })?;
        tree = tree.merge(single(&key.split("__").collect::<Vec<_>>(), value, place)?);
    }
    for path in overrides.files {
        tree = tree.merge(params_file(&overrides.env.cwd().join(path), &path.display().to_string())?);
    }
    for assignment in overrides.set {
        let place = Place::whole("--set");
        // A quoted name may hold the sign.
        let halves = assignment.match_indices('=').map(|(at, _)| (&assignment[..at], &assignment[at + 1..]));
        let mut parsed = halves.filter_map(|(key, value)| Some((key::parse(key)?, value)));
        let Some((key, value)) = parsed.next() else {
            let message = match assignment.split_once('=') {
                Some((key, _)) => format!("`{}` is not a key", printable(key)),
                None => "it is written KEY=VALUE, as in `--set replicas=3`".to_owned(),
            };
            return Err(ProjectError::Override { place, message });
        };
        tree = tree.merge(single(&key.iter().map(String::as_str).collect::<Vec<_>>(), value, place)?);
    }
    Ok(tree)
}

/// One value at a path of keys.
fn single(path: &[&str], text: &str, place: Place) -> Result<Node, ProjectError> {
    if path.iter().any(|key| key.is_empty()) {
        let message = format!("`{}` is not a key", printable(&path.join(".")));
        return Err(ProjectError::Override { place, message });
    }
    let mut node = typed(text, &place)?;
    for (depth, key) in path.iter().rev().enumerate() {
        let (key, value) = if depth == 0 { operator(key, node)? } else { ((*key).to_owned(), node) };
        node = Node::table(BTreeMap::from([(key, value)]), place.clone());
    }
    Ok(node)
}

/// A TOML value if it is one, else the text. A number that would not print as it is written
/// (`1.30`, `1e3`) stays text: versions are given this way more often than fractions.
fn typed(text: &str, place: &Place) -> Result<Node, ProjectError> {
    let as_text = || Ok(Node::new(Data::Text(text.to_owned()), place.clone()));
    let file = TomlFile { name: place.file().into(), text: format!("v={text}") };
    // A line break would let more than one value in.
    if text.contains('\n') {
        return as_text();
    }
    let Ok(table) = toml::de::DeTable::parse(&file.text) else { return as_text() };
    if let Some(value) = table.get_ref().get("v")
        && let DeValue::Float(number) = value.get_ref()
        && number.as_str().parse::<f64>().is_ok_and(|parsed| format!("{parsed:?}") != text)
    {
        return as_text();
    }
    match Node::read_table(table.get_ref(), place.clone(), &file) {
        Ok(node) => match node.data {
            Data::Table { mut entries, .. } => match entries.remove("v") {
                Some(mut value) => {
                    replace_places(&mut value, place);
                    Ok(value)
                }
                None => as_text(),
            },
            _ => as_text(),
        },
        // A number too large for TOML is a text for us.
        Err(_) => as_text(),
    }
}

fn replace_places(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.data {
        Data::Table { entries, .. } => entries.values_mut().for_each(|node| replace_places(node, place)),
        Data::List(items) | Data::Append(items) => {
            items.iter_mut().for_each(|node| replace_places(node, place))
        }
        _ => {}
    }
}

fn params_file(path: &std::path::Path, name: &str) -> Result<Node, ProjectError> {
    let Some(file) = TomlFile::read_path(path, name)? else {
        let source = std::io::Error::other("there is no such file");
        return Err(ProjectError::Read { path: name.to_owned(), source });
    };
    if path.extension().is_some_and(|ending| ending == "json") {
        let value: serde_json::Value = serde_json::from_str(&file.text).map_err(|error| {
            ProjectError::config(Place::new(name, error.line()), "this is not valid JSON")
        })?;
        let node = Node::from_json(value, &Place::whole(name))?;
        return match node.entries() {
            Some(_) => Ok(node),
            None => Err(ProjectError::config(Place::whole(name), "this must be a table of parameters")),
        };
    }
    Node::read_table(file.parse()?.get_ref(), file.place(0), &file)
}
