//! The project's own files.

use super::scene::Scene;
use super::{Finding, said};
use crate::project::{Name, Project, ProjectError};

pub(super) fn found(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let finding = match &scene.project {
        Ok(project) => Finding::ok(id, project.root().display().to_string()),
        Err(error) => {
            let cure = match error {
                ProjectError::NoProject { .. } => Some("lockstep init".to_owned()),
                other => other.hint(),
            };
            Finding { cure, ..Finding::problem(id, said(error)) }
        }
    };
    vec![finding]
}

pub(super) fn readable(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory() else { return vec![Finding::skipped(id, "no project")] };
    if inventory.errors.is_empty() {
        let text = format!(
            "{}, {}, {}, {}",
            super::counted(inventory.modules.len(), "module"),
            super::counted(inventory.profiles.len(), "profile"),
            super::counted(inventory.workflows.len(), "workflow"),
            super::counted(inventory.units.len(), "unit"),
        );
        return vec![Finding::ok(id, text)];
    }
    let finding = |error: &ProjectError| {
        let found = Finding { cure: error.hint(), ..Finding::problem(id, said(error)) };
        match error {
            ProjectError::Config { place, .. } => found.about(place.to_string()),
            ProjectError::BadName { path, .. } | ProjectError::Read { path, .. } => {
                found.about(path.as_str())
            }
            _ => found,
        }
    };
    inventory.errors.iter().map(finding).collect()
}

pub(super) fn unused(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let (Some(project), Some(inventory)) = (scene.project(), scene.inventory()) else {
        return vec![Finding::skipped(id, "no project")];
    };
    if !inventory.errors.is_empty() {
        return vec![Finding::skipped(id, "not all files can be read")];
    }
    let mut findings = Vec::new();
    for module in inventory.modules.iter().filter(|module| module.profiles.is_empty()) {
        findings.push(
            Finding::warning(id, format!("module {} is a unit in no profile", module.name))
                .about(format!("modules/{}", module.name))
                .cure(module_cure(project, &module.name, inventory.profiles.is_empty())),
        );
    }
    for profile in &inventory.profiles {
        let extended = inventory.profiles.iter().any(|other| other.extends.contains(&profile.name));
        let used = inventory.units.iter().any(|unit| unit.profile == profile.name);
        // Without modules nothing can use it yet.
        if !extended && !used && !inventory.modules.is_empty() {
            let what = if profile.is_abstract { "is extended by none" } else { "has no unit" };
            let file = format!("profiles/{}.toml", profile.name);
            findings.push(
                Finding::warning(id, format!("profile {} {what}", profile.name))
                    .cure(format!("git rm {file}"))
                    .about(file),
            );
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(id, "every module and profile is used"));
    }
    findings
}

fn module_cure(project: &Project, module: &Name, no_profile: bool) -> String {
    if no_profile {
        return "lockstep new profile prod".to_owned();
    }
    match project.root().join(format!("modules/{module}/module.toml")).exists() {
        true => format!("see `profiles` in modules/{module}/module.toml, and `enabled` in the profiles"),
        false => "see `enabled` in the profiles".to_owned(),
    }
}
