//! What stands in the directories of a tree.

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::{RenderError, Tree, io, split};

impl Tree {
    /// The first of what stands anywhere in a directory and is no directory itself, and that `known`
    /// does not know by its path.
    pub(in crate::render) fn stranger(
        &mut self,
        relative: &str,
        known: &dyn Fn(&str) -> bool,
    ) -> Result<Option<String>, RenderError> {
        let path = |name: &String| format!("{relative}/{name}");
        let [files, directories] = self.entries(relative)?;
        if let Some(stranger) = files.iter().map(path).find(|path| !known(path)) {
            return Ok(Some(stranger));
        }
        for directory in directories.iter().map(path) {
            if let Some(stranger) = self.stranger(&directory, known)? {
                return Ok(Some(stranger));
            }
        }
        Ok(None)
    }

    /// Removes a directory with the directories in it; it need not be there. Only what is empty goes.
    pub(in crate::render) fn remove_empty(&mut self, relative: &str) -> Result<(), RenderError> {
        let [_, directories] = self.entries(relative)?;
        for name in directories {
            self.remove_empty(&format!("{relative}/{name}"))?;
        }
        self.directories.remove(relative);
        let shown = self.path(relative);
        let (parent, name) = split(relative);
        let Some(parent) = self.directory(parent, false)? else { return Ok(()) };
        match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(io("remove", &shown, error)),
        }
    }

    /// The names of what is no directory, and of the directories in a directory; sorted.
    pub(in crate::render) fn entries(&mut self, relative: &str) -> Result<[Vec<String>; 2], RenderError> {
        let shown = self.path(relative);
        let mut names = [Vec::new(), Vec::new()];
        let Some(directory) = self.directory(relative, false)? else { return Ok(names) };
        let entries = rustix::fs::Dir::read_from(directory).map_err(|error| io("read", &shown, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| io("read", &shown, error))?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                let is_directory = usize::from(entry.file_type() == FileType::Directory);
                names[is_directory].push(name.to_string_lossy().into_owned());
            }
        }
        names.iter_mut().for_each(|names| names.sort());
        Ok(names)
    }

    /// Whether a link has that path, and leads to a directory.
    pub(in crate::render) fn leads_to_directory(&mut self, relative: &str) -> Result<bool, RenderError> {
        let (parent, name) = split(relative);
        let Some(parent) = self.directory(parent, false)? else { return Ok(false) };
        let found = rustix::fs::statat(parent, name, AtFlags::empty());
        Ok(found.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory))
    }
}
