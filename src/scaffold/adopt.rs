//! Directories of tools that are there already, and could become modules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::project::{Name, RESERVED};

/// How deep it is looked for them.
const DEPTH: usize = 4;
/// At most so many are named.
const MOST: usize = 20;
/// Only so much of a file is looked at for braces.
const LARGEST: u64 = 1024 * 1024;

/// Which providers the tool has taken: it belongs to the configuration.
const LOCK_FILE: &str = ".terraform.lock.hcl";

/// Whose files lie in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// A tree of Terragrunt's, whose parts and modules find each other by where they are.
    Terragrunt,
    /// OpenTofu or Terraform.
    Tofu,
    /// Ansible.
    Ansible,
    /// kustomize, for kubectl.
    Kustomize,
    /// Helm.
    Helm,
}

impl Found {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terragrunt => "terragrunt",
            Self::Tofu => "tofu",
            Self::Ansible => "ansible",
            Self::Kustomize => "kustomize",
            Self::Helm => "helm",
        }
    }
}

/// A directory that could become a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is, relative to the project; empty for the project's own directory.
    pub path: PathBuf,
    /// Whose files it holds.
    pub found: Found,
    /// A name that the module could have, which is free.
    pub name: Name,
    /// The files of that tool right in it, sorted.
    pub files: Vec<String>,
    /// Whether the tool's own directory lies in it, which it makes anew.
    pub has_cache: bool,
    /// Whether a file holds what lockstep would take for a template.
    pub has_braces: bool,
    /// Whether a local state file lies in it.
    pub has_state: bool,
    /// The workspaces of which a local state lies in it, sorted; the one that is selected first.
    pub workspaces: Vec<String>,
}

/// Looks for them below `root`, sorted by path; none gets a name out of `taken`. A directory within one is part of it. What git ignores
/// and what is hidden is passed over, and so is `modules/`, where modules are already.
pub fn candidates(root: &Path, taken: &[&str]) -> Vec<Candidate> {
    let walk = WalkBuilder::new(root)
        .max_depth(Some(DEPTH))
        .require_git(false)
        .sort_by_file_path(Path::cmp)
        .filter_entry(|entry| entry.depth() != 1 || entry.file_name() != "modules")
        .build();
    let mut taken: BTreeSet<String> = taken.iter().map(|name| (*name).to_owned()).collect();
    taken.extend(entries(&root.join("modules")));
    taken.extend(entries(&root.join("workflows")).map(|file| file.trim_end_matches(".toml").to_owned()));
    let mut all: Vec<Candidate> = Vec::new();
    for entry in walk.filter_map(Result::ok) {
        if all.len() >= MOST || !entry.file_type().is_some_and(|kind| kind.is_dir()) {
            continue;
        }
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        if all.iter().any(|known| path.starts_with(&known.path)) {
            continue;
        }
        let files = files_in(entry.path());
        if let Some((found, own)) = recognise(&files) {
            let Some(name) = name_for(path, found, &taken) else { continue };
            taken.insert(name.to_string());
            all.push(Candidate {
                path: path.to_owned(),
                found,
                name,
                has_braces: has_braces(entry.path(), &files),
                has_state: files.iter().any(|file| file == "terraform.tfstate"),
                workspaces: workspaces(entry.path()),
                has_cache: entry.path().join(".terraform").is_dir(),
                files: own,
            });
        }
    }
    if let Some(tree) = terragrunt(root) {
        // What lies around is what it uses.
        all.retain(|candidate| candidate.found != Found::Tofu);
        let free = |name: &Name| !all.iter().any(|one| one.name == *name);
        if let Some(name) = name_for(&tree, Found::Terragrunt, &taken).filter(free) {
            let (files, has_braces, has_state) = (Vec::new(), false, false);
            let (workspaces, has_cache, found) = (Vec::new(), false, Found::Terragrunt);
            all.push(Candidate {
                path: tree,
                found,
                name,
                files,
                has_cache,
                has_braces,
                has_state,
                workspaces,
            });
        }
    }
    all
}

/// The directory that holds all of Terragrunt's, relative to `root`.
fn terragrunt(root: &Path) -> Option<PathBuf> {
    let walk = WalkBuilder::new(root)
        .require_git(false)
        .filter_entry(|entry| entry.depth() != 1 || entry.file_name() != "modules")
        .build()
        .filter_map(Result::ok);
    let is_one = |name: &str| matches!(name, "terragrunt.hcl" | "terragrunt.stack.hcl");
    let files = walk.filter(|entry| entry.file_name().to_str().is_some_and(is_one));
    let directories =
        files.filter_map(|file| Some(file.path().strip_prefix(root).ok()?.parent()?.to_owned()));
    directories.reduce(|one, other| {
        let common = one.components().zip(other.components()).take_while(|(a, b)| a == b);
        common.map(|(part, _)| part).collect()
    })
}

fn entries(of: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(of).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

/// The regular files right in a directory, hidden ones that are no tool's not among them.
fn files_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<String> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') || name == LOCK_FILE)
        .collect();
    files.sort();
    files
}

/// The workspaces of a directory whose states lie in it.
fn workspaces(directory: &Path) -> Vec<String> {
    let states = directory.join("terraform.tfstate.d");
    let holds =
        |name: &String| states.join(name).join("terraform.tfstate").metadata().is_ok_and(|m| m.len() > 0);
    let mut found: Vec<String> = entries(&states).filter(holds).collect();
    let selected = std::fs::read_to_string(directory.join(".terraform/environment")).unwrap_or_default();
    found.sort_by_key(|name| (name != selected.trim(), name.clone()));
    found
}

/// Whose files these are, and which of them.
fn recognise(files: &[String]) -> Option<(Found, Vec<String>)> {
    let is = |found: Found, file: &str| match found {
        Found::Tofu => {
            [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars"].iter().any(|end| file.ends_with(end))
        }
        Found::Ansible => {
            file == "ansible.cfg"
                || ["site", "playbook"]
                    .iter()
                    .any(|stem| file.strip_prefix(stem).is_some_and(|end| matches!(end, ".yml" | ".yaml")))
        }
        Found::Kustomize => matches!(file, "kustomization.yaml" | "kustomization.yml" | "Kustomization"),
        Found::Helm => file == "Chart.yaml",
        Found::Terragrunt => false,
    };
    [Found::Tofu, Found::Helm, Found::Kustomize, Found::Ansible].into_iter().find_map(|found| {
        let mut own: Vec<String> = files.iter().filter(|file| is(found, file)).cloned().collect();
        // Values alone are no configuration.
        let is_one = own.iter().any(|file| !file.ends_with(".tfvars"));
        own.extend(files.iter().filter(|file| found == Found::Tofu && *file == LOCK_FILE).cloned());
        is_one.then_some((found, own))
    })
}

fn has_braces(directory: &Path, files: &[String]) -> bool {
    files.iter().any(|file| {
        let path = directory.join(file);
        let small = path.metadata().is_ok_and(|meta| meta.len() <= LARGEST);
        small
            && std::fs::read_to_string(path)
                .is_ok_and(|text| ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)))
    })
}

/// The directory's name made a module's; with the one above it if that is taken.
fn name_for(path: &Path, found: Found, taken: &BTreeSet<String>) -> Option<Name> {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let parts: Vec<String> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy().chars().map(allowed).collect::<String>())
        .map(|part| part.trim_matches(['-', '.']).to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let whole = (1..=parts.len()).map(|count| parts[parts.len() - count..].join("-"));
    let own = whole.chain([found.name().to_owned()]);
    let numbered = (2..100).map(|number| format!("{}-{number}", found.name()));
    own.chain(numbered)
        .filter(|name| !taken.contains(name) && !RESERVED.contains(&name.as_str()))
        .find_map(|name| Name::new(name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let shown = candidates(directory.path(), &["network"])
            .iter()
            .map(|one| {
                let mut text = format!("{}={} {}", one.path.display(), one.name, one.found.name());
                text.push_str(if one.has_braces { " braces" } else { "" });
                text.push_str(if one.has_state { " state" } else { "" });
                text + &one.workspaces.iter().map(|name| format!(" {name}")).collect::<String>()
            })
            .collect();
        (directory, shown)
    }

    #[test]
    fn directories_of_tools_are_found_once_each_by_a_free_name() {
        let (_directory, found) = sample(&[
            (".gitignore", "ignored/\n"),
            (".terraform/x/main.tf", ""),
            ("ignored/main.tf", ""),
            ("infra/network/main.tf", "a = \"${b}\"\n"),
            ("infra/network/sub/main.tf", ""),
            ("infra/alpha/main.tf", "# {{ x }}\n"),
            ("infra/alpha/terraform.tfstate", "{}"),
            ("infra/alpha/terraform.tfstate.d/live/terraform.tfstate", "{}"),
            ("infra/alpha/terraform.tfstate.d/stage/terraform.tfstate", "{}"),
            ("infra/alpha/terraform.tfstate.d/gone/terraform.tfstate", ""),
            ("infra/alpha/.terraform/environment", "stage\n"),
            ("modules/alpha/main.tf", ""),
            ("infra/lock files/é/kustomization.yaml", ""),
            ("plays/site.yml", "{{ a }}"),
            ("charts/web/Chart.yaml", ""),
            ("vars/x.tfvars", ""),
        ]);
        assert_eq!(
            found,
            [
                "charts/web=web helm",
                "infra/alpha=infra-alpha tofu braces state stage live",
                "infra/lock files/é=lock-files kustomize",
                "infra/network=infra-network tofu",
                "plays=plays ansible braces",
            ]
        );
    }

    #[test]
    fn a_tree_of_terragrunt_stays_where_it_is_with_the_modules_that_it_uses() {
        let (_directory, found) = sample(&[
            ("live/root.hcl", ""),
            ("live/prod/vpc/terragrunt.hcl", ""),
            ("live/stage/app/terragrunt.hcl", ""),
            ("tfmod/vpc/main.tf", ""),
            ("charts/web/Chart.yaml", ""),
        ]);
        assert_eq!(found, ["charts/web=web helm", "live=live terragrunt"]);
    }

    #[test]
    fn files_at_the_top_hide_what_is_below() {
        let (_directory, found) = sample(&[("main.tf", ""), ("vpc/main.tf", "")]);
        assert_eq!(found, ["=tofu tofu"]);
    }
}
