//! The names in a directory of a project, as far as they count.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use super::files::{Files, Kind, Way};

impl Files {
    /// The names in a directory, and whether each leads to a directory. What git tracks is named although
    /// it is not on the disk, if nobody has removed it.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none, and whatever keeps it from being read.
    pub(crate) fn names(&self, relative: &str) -> io::Result<Vec<(OsString, bool)>> {
        let directory = self.root().join(relative);
        if self.earlier().is_none() && self.index().is_none() {
            let entries = std::fs::read_dir(directory)?;
            return entries.map(|entry| name(&entry?)).collect();
        }
        // A link to a directory stands for what it leads to.
        let below = match self.resolve(Path::new(relative)) {
            Ok((real, Kind::Directory)) => real,
            Ok(_) | Err(Way::Missing | Way::Outside { .. } | Way::Hidden(_)) => relative.into(),
            Err(way) => return Err(way.into()),
        };
        let mut all: BTreeSet<OsString> = match std::fs::read_dir(self.root().join(&below)) {
            Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        let first = |path: &Path| Some(path.strip_prefix(&below).ok()?.iter().next()?.to_owned());
        if let Some(earlier) = self.earlier() {
            all.extend(earlier.below(&below).filter_map(|(path, _)| first(path)));
        }
        if let Some(index) = self.index() {
            let hidden = index.below(&below)?.iter().filter(|listed| listed.absence.is_some());
            all.extend(hidden.filter_map(|listed| first(listed.as_path())));
        }
        let mut names = Vec::new();
        for name in all {
            if let Some(is_dir) = self.leads_to_directory(&below, &name)? {
                names.push((name, is_dir));
            }
        }
        if names.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(names) }
    }

    /// Whether a name leads to a directory; none if there is nothing.
    fn leads_to_directory(&self, below: &Path, name: &OsStr) -> io::Result<Option<bool>> {
        match self.resolve(&below.join(name)) {
            Ok((_, kind)) => Ok(Some(kind == Kind::Directory)),
            Err(Way::Missing) => Ok(None),
            Err(Way::Hidden(_)) => Ok(Some(self.kind_now(&below.join(name)) == Kind::Directory)),
            // Links of the working tree lead where they always did.
            Err(Way::Outside { formerly: false }) => {
                Ok(Some(self.kind_now(&below.join(name)) == Kind::Directory))
            }
            Err(Way::Io(error)) if self.index().is_some() => Err(error),
            Err(_) => Ok(Some(false)),
        }
    }
}

fn name(entry: &std::fs::DirEntry) -> io::Result<(OsString, bool)> {
    // Most systems tell the kind with the name; only a link has to be followed.
    let kind = entry.file_type()?;
    let is_dir = kind.is_dir() || kind.is_symlink() && entry.path().is_dir();
    Ok((entry.file_name(), is_dir))
}
