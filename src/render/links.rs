//! What a symbolic link in a module stands for: a copy of the file, or of all files of the directory, that
//! it leads to, as far as git has them in this project.
//!
//! A module under review must not be able to copy the reader's own files into its output: nothing is read
//! that lies outside the project, in `.git` or `.dist`, or that git ignores. All of it counts as read, so
//! that it must be committed as the rest must.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::directory::Directory;
use super::source::{Reader, Reading, unreadable};
use super::{RenderError, listing};
use crate::project::{DIST, Kind, NotHere};

/// Links that lead to more files than this, over one another, are a mistake or malice.
const MOST: usize = 100_000;

impl Reader {
    /// Reads what a link at this path of the module stands for.
    pub(super) fn follow(
        &self,
        link: &Path,
        relative: String,
        directory: &Directory,
        found: &mut Reading,
    ) -> Result<(), RenderError> {
        let shown = format!("{}/{}", directory.shown, relative.escape_debug());
        let refuse = |why: &str| RenderError::Source { path: shown.clone(), why: why.to_owned() };
        if found.files.len() > MOST {
            return Err(refuse("is one of many links that lead to more than 100000 files in all"));
        }
        let root = self.files.root();
        let below = link.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default();
        let (target, kind) = self.files.real(below).map_err(|error| match error.kind() {
            _ if NotHere::of(&error).is_some() => unreadable(&shown, error),
            ErrorKind::NotFound if link.exists() => refuse("is a link to what git ignores"),
            ErrorKind::NotFound => refuse("is a link that leads nowhere"),
            _ => refuse(error.to_string().trim_start_matches("it ")),
        })?;
        let Ok(inside) = target.strip_prefix(root) else {
            return Err(refuse("is a link that leads out of the project"));
        };
        if inside.starts_with(DIST) || inside.iter().any(|part| part == ".git") {
            return Err(refuse("is a link to what is no source: it leads into `.dist` or `.git`"));
        }
        match kind {
            Kind::File if target == directory.real.join("module.toml") => {
                Err(refuse("is a link to module.toml"))
            }
            Kind::File => {
                found.add(self.read_one(&target, listing::Kind::Link, relative, directory)?, directory)
            }
            Kind::Directory => {
                let is_around = |place: &PathBuf| place.starts_with(&target);
                if link.starts_with(&target) || found.within.iter().any(is_around) {
                    return Err(refuse("is a link to a directory that it lies in itself"));
                }
                let linked = Directory { shown: directory.shown.clone(), real: target.clone() };
                found.within.push(target);
                for listing in self.list(&[&linked])? {
                    self.read_listed(&linked, &listing, Path::new(&relative), found)?;
                }
                found.within.pop();
                Ok(())
            }
            Kind::Missing | Kind::Other => Err(refuse("is a link to neither a file nor a directory")),
        }
    }
}
