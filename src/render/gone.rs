//! Rendered directories of units that are gone: their module or profile was removed, or excludes them.
//!
//! What the manifest lists goes, for it was made out of sources that are no more; what a tool or a person
//! put there or changed stays and is named. Manifests are untrusted input, as everywhere.

use std::collections::BTreeSet;

use super::guard::Guard;
use super::manifest::Manifest;
use super::tree::Tree;
use super::{Disk, Key, RenderError, busy, changes};
use crate::git::Repo;
use crate::project::{DIST, Name, Project, UnitId};

/// A unit that is gone, and what lies in its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The unit.
    pub unit: UnitId,
    /// Files that were made for it, relative to its directory.
    pub made: Vec<String>,
    /// What else stands in the directory itself; directories end with `/`.
    pub others: Vec<String>,
}

/// The units that are gone and of which anything is left, sorted. What makes it unsure whether a unit is
/// gone makes it one that is there.
///
/// # Errors
/// When the project's units cannot be told, or a directory cannot be read.
pub fn gone(project: &Project, repo: Option<&Repo>) -> Result<Vec<Gone>, RenderError> {
    let units: BTreeSet<UnitId> = project.units()?.into_iter().collect();
    let is_there = |unit: &UnitId| {
        let of_stage = || match project.profiles_of_stage(unit.module.as_str()) {
            Ok(profiles) => profiles.is_some_and(|profiles| profiles.contains(&unit.profile)),
            Err(_) => true,
        };
        units.contains(unit) || of_stage()
    };
    let mut left = BTreeSet::new();
    for (parts, ending) in [(&[DIST, ".lockstep"][..], ".json"), (&[DIST][..], "")] {
        let Some(mut tree) = Tree::open(project.root(), parts, false)? else { continue };
        let [_, modules] = tree.entries("")?;
        for module in modules.iter().filter_map(|module| Name::new(module).ok()) {
            let [files, directories] = tree.entries(module.as_str())?;
            let names = if ending.is_empty() { directories } else { files };
            let profiles = names.iter().filter_map(|name| Name::new(name.strip_suffix(ending)?).ok());
            left.extend(profiles.map(|profile| UnitId::new(module.clone(), profile)));
        }
    }
    let left = left.into_iter().filter(|unit| !is_there(unit));
    left.map(|unit| look(project, &unit, repo)).collect()
}

fn look(project: &Project, unit: &UnitId, repo: Option<&Repo>) -> Result<Gone, RenderError> {
    let mut disk = open(project, unit, repo)?;
    let (mut made, mut others) = (Vec::new(), Vec::new());
    if let Some(tree) = &mut disk.tree {
        made = to_remove(tree, &disk.manifest, disk.key.as_ref(), false)?;
        others = others_in(tree, &made)?;
    }
    Ok(Gone { unit: unit.clone(), made, others })
}

/// Removes what was made for a unit that is gone, with `force` also what was changed since, and tells what
/// went and what stays.
///
/// # Errors
/// When somebody uses the directory, or reading or removing fails.
pub fn remove_gone(
    project: &Project,
    unit: &UnitId,
    repo: Option<&Repo>,
    force: bool,
) -> Result<Gone, RenderError> {
    let mut guard = Guard::open_to_write(project.root(), unit, repo.map(Repo::git_dir))?;
    if !guard.queue()? || !guard.write()? {
        return Err(busy(unit, &mut guard));
    }
    let mut disk = open(project, unit, repo)?;
    let (mut made, mut others) = (Vec::new(), Vec::new());
    if let Some(tree) = &mut disk.tree {
        made = to_remove(tree, &disk.manifest, disk.key.as_ref(), force)?;
        for path in &made {
            tree.remove(path)?;
            tree.prune_above(path)?;
        }
        if disk.manifest.unfinished {
            for path in disk.manifest.files.keys() {
                tree.remove_temporary(path)?;
                tree.prune_above(path)?;
            }
        }
        others = others_in(tree, &[])?;
    }
    let (manifest, directory) =
        (format!(".lockstep/{}/{}.json", unit.module, unit.profile), format!("{unit}/"));
    if let Some(mut dist) = Tree::open(project.root(), &[DIST], false)? {
        dist.remove(&manifest)?;
        dist.prune_above(&manifest)?;
        // It goes if it is empty.
        dist.prune_above(&directory)?;
    }
    Ok(Gone { unit: unit.clone(), made, others })
}

fn open(project: &Project, unit: &UnitId, repo: Option<&Repo>) -> Result<Disk, RenderError> {
    let key = |manifest: &Manifest| match manifest.is_keyed() {
        true => Key::read(project.root(), repo.map(Repo::git_dir)),
        false => Ok(None),
    };
    Disk::open(project.root(), unit, false, key)
}

/// The files of a manifest that are there as they were made.
fn to_remove(
    tree: &mut Tree,
    manifest: &Manifest,
    key: Option<&Key>,
    force: bool,
) -> Result<Vec<String>, RenderError> {
    let changes::Changes { mut remove, edited, .. } = changes::compare(tree, &[], manifest, key)?;
    remove.retain(|path| force || !edited.contains(path));
    Ok(remove)
}

/// What stands in the directory beside these files.
fn others_in(tree: &mut Tree, made: &[String]) -> Result<Vec<String>, RenderError> {
    let [mut others, directories] = tree.entries("")?;
    others.retain(|name| !made.contains(name));
    for name in directories {
        if tree.stranger(&name, &|path| made.iter().any(|made| made == path))?.is_some() {
            others.push(format!("{name}/"));
        }
    }
    others.sort();
    Ok(others)
}
