//! The directory of rendered output: it can be deleted at any time, and git sees nothing of it.

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use super::scene::Scene;
use super::{Finding, said};
use crate::git;
use crate::project::{DIST, Project, UnitId};
use crate::render::{self, Gone, REMOVE_GONE, SAVED_BY_DEFAULT};
use crate::text::shell_shown;

/// The directory relative to the top of the working tree.
fn relative(scene: &Scene<'_>) -> Option<PathBuf> {
    let top = scene.repo()?.work_dir().canonicalize().ok()?;
    let root = scene.project()?.root();
    Some(root.strip_prefix(top).ok()?.join(DIST))
}

pub(super) fn ignored(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let (Some(repo), Some(dist)) = (scene.repo(), relative(scene)) else {
        return vec![Finding::skipped(id, "no project in a repository")];
    };
    let committed = repo.tracked_below(&dist).is_ok_and(|files| !files.is_empty());
    let finding = match repo.is_ignored(&dist.join("x")) {
        Err(error) => Finding::problem(id, said(&error)),
        Ok(true) => Finding::ok(id, format!("git ignores {DIST}")),
        Ok(false) if committed => Finding::ok(id, format!("{DIST} is committed")),
        Ok(false) => {
            Finding::problem(id, format!("git does not ignore {DIST}: after a build no tree is clean"))
                .cure(format!("echo /{DIST}/ >> .gitignore"))
        }
    };
    vec![finding]
}

pub(super) fn tracked(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let (Some(repo), Some(dist)) = (scene.repo(), relative(scene)) else {
        return vec![Finding::skipped(id, "no project in a repository")];
    };
    let finding = match repo.tracked_below(&dist) {
        Err(error) => Finding::problem(id, said(&error)),
        Ok(files) if files.is_empty() => Finding::ok(id, format!("nothing in {DIST} is committed")),
        Ok(files) => {
            let message = format!(
                "{} in {DIST} committed, the first is {}: right only if the project means to commit what is rendered",
                match files.len() {
                    1 => "1 file is".to_owned(),
                    count => format!("{count} files are"),
                },
                git::printable(&files[0])
            );
            Finding::warning(id, message).cure(format!("git rm -r --cached {DIST}"))
        }
    };
    vec![finding]
}

pub(super) fn state(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let Some(project) = scene.project() else { return vec![Finding::skipped(id, "no project")] };
    let states = states(project);
    if states.is_empty() {
        return vec![Finding::ok(id, format!("no state of a tool lies in {DIST}"))];
    }
    // What cannot be told is told by another check.
    let gone = render::gone(project, scene.repo()).unwrap_or_default();
    let finding = |path: &PathBuf| {
        let unit: Vec<String> = path
            .iter()
            .skip(1)
            .take(2)
            .map(|part| part.to_string_lossy().escape_debug().to_string())
            .collect();
        let shown = path.display().to_string().escape_debug().to_string();
        let found = Finding::problem(id, format!("a state lies in {DIST}, where nothing of value is kept"))
            .about(shown);
        if let Some(unit) = gone.iter().map(|gone| &gone.unit).find(|gone| gone.to_string() == unit.join("/"))
        {
            return found.cure(kept(path, unit));
        }
        let is_of_workspace = path.iter().any(|part| part == "terraform.tfstate.d");
        // What has been moved the tool may leave behind.
        let left: PathBuf = path.iter().take(if is_of_workspace { 4 } else { usize::MAX }).collect();
        let left = shell_shown(&left.to_string_lossy());
        match &unit[..] {
            [module, profile] if path.ends_with("errored.tfstate") => found.cure(format!(
                "give it to the backend: lockstep build exec -- {module} {profile} tofu state push errored.tfstate"
            )),
            [module, profile] if is_of_workspace => found.cure(format!(
                "keep workspaces of modules/{module} outside of {DIST} (workspace_dir = \"{{{{ root }}}}/.state/{{{{ module }}}}/{{{{ profile }}}}.workspaces\" \
                 beside path in its backend), then: lockstep build exec -- {module} {profile} tofu init -migrate-state, \
                 and once a plan of each shows no changes: rm -r {left}"
            )),
            [module, profile] if path.iter().count() > 3 => found.cure(format!(
                "give modules/{module} a backend outside of {DIST} (path = \"{{{{ root }}}}/.state/…\"), then: \
                 lockstep build exec -- {module} {profile} tofu init -migrate-state, and once a plan shows no changes: rm {left}"
            )),
            _ => found,
        }
    };
    states.iter().map(finding).collect()
}

/// What tools want to be committed, and lies in the directory alone.
pub(super) fn unsaved(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let Some(inventory) = scene.inventory() else { return vec![Finding::skipped(id, "no project")] };
    let Some(project) = scene.project() else { return vec![Finding::skipped(id, "no project")] };
    let read = |path: &Path| crate::read::regular(path, crate::read::SOURCE).ok();
    let is_ignored = |path: &Path| {
        let repo = scene.repo()?;
        repo.is_ignored(path.strip_prefix(repo.work_dir().canonicalize().ok()?).ok()?).ok()
    };
    // Whether the module has another one; none where all is well.
    let unsaved = |unit: &UnitId| {
        let written = read(&project.unit_directory(unit).join(SAVED_BY_DEFAULT))?;
        let module = project.module_directory(&unit.module);
        let config = project.module_config(&unit.module).unwrap_or_default();
        let sources = config.build.sources.iter().map(|source| module.join(source).join(SAVED_BY_DEFAULT));
        let saved: Vec<Vec<u8>> = sources.filter_map(|source| read(&source)).collect();
        let is_well = saved.contains(&written) || is_ignored(&module.join(SAVED_BY_DEFAULT)) == Some(true);
        (!is_well).then_some(!saved.is_empty())
    };
    let found = inventory.units.iter().filter_map(|unit| {
        let (has, cure) = match unsaved(unit)? {
            // Which of the two is newer only a build tells.
            true => {
                let UnitId { module, profile } = unit;
                ("another one", format!("see which is newer: lockstep build -- {module} {profile}"))
            }
            false => ("none", format!("lockstep save {unit}, and commit it")),
        };
        let message = format!("a tool has written `{SAVED_BY_DEFAULT}`, and the module has {has}");
        Some(Finding::warning(id, message).about(unit.to_string()).cure(cure))
    });
    let found: Vec<Finding> = found.collect();
    match found.is_empty() {
        true => vec![Finding::ok(id, "what tools want to be committed is in the modules".to_owned())],
        false => found,
    }
}

/// What moves a state out of the directory of a unit that is gone, of which no tool can be asked.
fn kept(path: &Path, unit: &UnitId) -> String {
    let name: Vec<String> = path.iter().skip(3).map(|part| part.to_string_lossy().into_owned()).collect();
    let to = format!(".state/{}/{}-{}", unit.module, unit.profile, name.join("-"));
    format!(
        "{unit} is no unit any more; bring it back with git to take down what the state knows of, or keep the state: \
         mkdir -p .state/{} && mv {} {}",
        unit.module,
        shell_shown(&path.to_string_lossy()),
        shell_shown(&to)
    )
}

pub(super) fn gone(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let Some(project) = scene.project() else { return vec![Finding::skipped(id, "no project")] };
    let found = match render::gone(project, scene.repo()) {
        Ok(found) => found,
        Err(_) => return vec![Finding::skipped(id, "not all units can be told")],
    };
    if found.is_empty() {
        return vec![Finding::ok(id, format!("all that lies in {DIST} belongs to a unit"))];
    }
    let finding = |Gone { unit, made, others }: &Gone| {
        let path = format!("{DIST}/{unit}");
        let mut said = vec![match made.len() {
            0 => "nothing that was rendered".to_owned(),
            1 => "1 rendered file".to_owned(),
            count => format!("{count} rendered files"),
        }];
        if !others.is_empty() {
            said.push(format!("what lockstep did not make: {}", render::list(others)));
        }
        let message = format!("{unit} is no unit any more, and its directory holds {}", said.join(" and "));
        let cure = match made.is_empty() {
            true => format!("if nothing in it is worth keeping: rm -r {path}"),
            false => REMOVE_GONE.to_owned(),
        };
        Finding::warning(id, message).about(path).cure(cure)
    };
    found.iter().map(finding).collect()
}

/// Files of state that hold anything, relative to the project. What `.terraform/` holds is a tool's
/// own: its `terraform.tfstate` says where the backend is.
fn states(project: &Project) -> Vec<PathBuf> {
    let walk = WalkBuilder::new(project.root().join(DIST))
        .standard_filters(false)
        .follow_links(false)
        .sort_by_file_path(Path::cmp)
        .filter_entry(|entry| entry.file_name() != ".terraform")
        .build();
    walk.filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "tfstate"))
        .filter(|entry| entry.metadata().is_ok_and(|meta| meta.len() > 0))
        .filter_map(|entry| Some(entry.path().strip_prefix(project.root()).ok()?.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::tests::Sample;

    #[test]
    fn states_are_found_and_a_tools_own_notes_are_none() {
        let sample = Sample::new(&[
            (".dist/a/p/terraform.tfstate", "{}"),
            (".dist/a/p/terraform.tfstate.d/x/terraform.tfstate", "{}"),
            (".dist/a/p/.terraform/terraform.tfstate", "{}"),
            (".dist/b/p/terraform.tfstate", ""),
            (".state/a.tfstate", "{}"),
        ]);
        let found: Vec<_> = states(&sample.project()).iter().map(|path| path.display().to_string()).collect();
        assert_eq!(
            found,
            [".dist/a/p/terraform.tfstate", ".dist/a/p/terraform.tfstate.d/x/terraform.tfstate"]
        );
    }
}
