//! What a tool writes beside its configuration and wants to be committed with it: the rendered directory is
//! no place for that, so it is told of as soon as it is new there.

use std::path::Path;

use crate::process::tools::ToolRules;
use crate::workflow::{Run, digest_of};

/// The files, as they were before a command.
pub(super) struct Kept(Vec<(&'static str, Option<String>)>);

/// Looks at the files before a command.
pub(super) fn before(rules: &ToolRules, directory: &Path) -> Kept {
    let files = rules.kept_files().iter();
    Kept(files.map(|file| (file.as_str(), digest_of(&directory.join(file)).ok())).collect())
}

impl Kept {
    /// Tells what the command has written of them, once in a run, unless the module has it or is not to have it.
    pub(super) fn tell(&self, directory: &Path, run: &Run<'_>) {
        let (id, project) = (run.id(), run.project);
        for (file, before) in &self.0 {
            let Ok(now) = digest_of(&directory.join(file)) else { continue };
            let source = project.module_directory(&id.module).join(file);
            if before.as_ref() == Some(&now) || digest_of(&source).is_ok_and(|source| source == now) {
                continue;
            }
            let below = |repo: &crate::git::Repo| {
                let top = repo.work_dir().canonicalize().ok()?;
                repo.is_ignored(source.strip_prefix(top).ok()?).ok()
            };
            if run.services.repo.as_ref().and_then(below) != Some(true) && run.services.shared.tell_once(file)
            {
                run.note(format!(
                    "`{file}` is new; to bring it into the module, and commit it: lockstep save {id}"
                ));
            }
        }
    }
}
