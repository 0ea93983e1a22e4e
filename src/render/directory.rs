//! The directories that a module's files come from: its sources, and the project's partials.
//!
//! All of them lie in the project, none in `.dist` or `.git`, and none inside another one of the same
//! module: a file has one source.

use std::cell::OnceCell;
use std::path::PathBuf;

use super::RenderError;
use crate::project::{BuildConfig, DIST, Kind, Name, Place, Project, ProjectError};

/// The project's directory of files that any template may include; it makes no output.
pub(super) const PARTIALS: &str = "_partials";

/// A directory of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    /// Relative to the project.
    pub(super) shown: String,
    /// Absolute, without links.
    pub(super) real: PathBuf,
}

impl Directory {
    /// The sources of a module, in the order in which it names them.
    pub(super) fn sources(
        project: &Project,
        module: &Name,
        build: &BuildConfig,
    ) -> Result<Vec<Self>, RenderError> {
        // A stage is made of the files of its module.
        let module = project.source_of(module);
        // Resolving a path takes a look at each of its parts, so it is done for who has other sources.
        let own = OnceCell::new();
        let own = || {
            own.get_or_init(|| {
                let own = project.files().real(&format!("modules/{module}"));
                own.map_or_else(|_| project.module_directory(module), |(own, _)| own)
            })
        };
        let mut found: Vec<Self> = Vec::new();
        for (index, word) in build.sources.iter().enumerate() {
            let place = build.place(&format!("sources[{index}]"));
            let refuse = |why: String| {
                ProjectError::config(place.clone(), format!("source `{}` {why}", word.escape_debug()))
            };
            let below = below(module, word).map_err(|why| refuse(why.to_owned()))?;
            let itself = below == format!("modules/{module}");
            let directory = Self::at(project, below, &place)?;
            if !itself && *own() != directory.real && own().starts_with(&directory.real) {
                return Err(refuse("holds the module itself".into()).into());
            }
            let related = |other: &&Self| {
                other.real.starts_with(&directory.real) || directory.real.starts_with(&other.real)
            };
            if let Some(other) = found.iter().find(related) {
                let what = if other.real == directory.real { "is" } else { "lies in or around" };
                return Err(refuse(format!("{what} the source `{}`", other.shown)).into());
            }
            found.push(directory);
        }
        Ok(found)
    }

    /// The project's partials, if there are any.
    pub(super) fn partials(project: &Project) -> Result<Option<Self>, RenderError> {
        let below = format!("modules/{PARTIALS}");
        match project.files().stands(&below) {
            true => Self::at(project, below.clone(), &Place::whole(below)).map(Some),
            false => Ok(None),
        }
    }

    fn at(project: &Project, shown: String, place: &Place) -> Result<Self, RenderError> {
        let (real, kind) = match project.files().real(&shown) {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let message = format!("there is no directory `{}`", shown.escape_debug());
                return Err(ProjectError::config(place.clone(), message).into());
            }
            Err(source) => return Err(RenderError::Io { what: "read", path: shown, source }),
        };
        let why = match real.strip_prefix(project.root()) {
            Err(_) => "is a link that leads out of the project",
            Ok(_) if kind != Kind::Directory => "is no directory",
            Ok(below) if below.iter().next().is_none_or(|first| first == DIST || first == ".git") => {
                "is a link that leads to no directory of sources"
            }
            Ok(_) => return Ok(Self { shown, real }),
        };
        Err(RenderError::Source { path: shown, why: why.into() })
    }
}

/// The path of a source from the project's root; the error says why it cannot be one.
fn below(module: &Name, word: &str) -> Result<String, &'static str> {
    let mut parts = vec!["modules", module.as_str()];
    if word.starts_with('/') {
        return Err("is absolute; a source is named from the module's directory");
    }
    for part in word.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or("leads out of the project")?;
            }
            part if part.contains('\0') => return Err("is not a path"),
            part => parts.push(part),
        }
    }
    match parts.first() {
        None => Err("is the project itself; name a directory in it"),
        Some(first) if *first == DIST => Err("lies in the rendered output"),
        _ if parts.iter().any(|part| part.eq_ignore_ascii_case(".git")) => Err("lies in `.git`"),
        _ => Ok(parts.join("/")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_source_is_named_from_the_module() {
        let module = Name::new("alpha").unwrap();
        for (word, path) in [
            (".", Some("modules/alpha")),
            ("./", Some("modules/alpha")),
            ("../_shared/tofu/", Some("modules/_shared/tofu")),
            ("../../lib/tofu", Some("lib/tofu")),
            ("sub/../other", Some("modules/alpha/other")),
            ("../..", None),
            ("../../..", None),
            ("../../../x/modules/alpha", None),
            ("/etc", None),
            ("../../.dist/alpha/dev", None),
            ("../../.git", None),
            ("../../x/.GIT/y", None),
        ] {
            assert_eq!(below(&module, word).ok().as_deref(), path, "{word}");
        }
    }

    proptest! {
        #[test]
        fn no_source_leaves_the_project(word in "[./ab]{0,20}") {
            if let Ok(path) = below(&Name::new("alpha").unwrap(), &word) {
                prop_assert!(!path.is_empty() && !path.starts_with('/'));
                prop_assert!(path.split('/').all(|part| !part.is_empty() && part != ".." && part != "."));
            }
        }
    }
}
