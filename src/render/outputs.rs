//! The files of a unit, in memory, and which of them cannot stand beside each other.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::OnceLock;

use super::RenderError;
use crate::read;

/// One file of a unit.
#[derive(Debug)]
pub(super) struct Output {
    /// Relative to the unit's directory, `/` between components; checked by [`is_harmless`].
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    /// Permission bits.
    pub(super) mode: u32,
    /// A secret went into it: it is for its owner alone, and never shown.
    pub(super) sensitive: bool,
    /// It was copied, and seems to be a template in another encoding than UTF-8.
    pub(super) undecoded: bool,
    /// What makes it: a file, relative to the project, or a place in module.toml. Safe to print.
    pub(super) source: String,
    digest: OnceLock<String>,
}

impl Output {
    pub(super) fn new(path: String, bytes: Vec<u8>, mode: u32, sensitive: bool, source: String) -> Self {
        let mode = if sensitive { mode & 0o700 } else { mode };
        Self { path, bytes, mode, sensitive, undecoded: false, source, digest: OnceLock::new() }
    }

    /// The digest of its bytes.
    pub(super) fn digest(&self) -> &str {
        self.digest.get_or_init(|| super::manifest::digest(&self.bytes))
    }
}

/// No file system takes a longer name.
const LONGEST: usize = 255;

/// Outputs by the name that counts: where a file system knows no case, `Main.tf` is `main.tf`.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    by_name: BTreeMap<String, Output>,
    bytes: u64,
}

impl Outputs {
    /// Adds one; an error if there is one of that name, or if they are too much.
    pub(super) fn add(&mut self, output: Output) -> Result<(), RenderError> {
        self.bytes += output.bytes.len() as u64;
        if self.bytes > read::SOURCE {
            let why = format!("with it the unit has more than {} of output", read::size(read::SOURCE));
            return Err(RenderError::Output { path: output.source, why });
        }
        if let Some(name) = output.path.split('/').find(|name| name.len() > LONGEST) {
            let why = format!("its name becomes one of {} bytes; a name has at most {LONGEST}", name.len());
            return Err(RenderError::Output { path: output.source, why });
        }
        let key = output.path.to_lowercase();
        if let Some(other) = self.by_name.get(&key) {
            let path = other.path.escape_debug();
            let why = if other.path == output.path {
                format!("`{}` makes `{path}` as well", other.source)
            } else {
                format!(
                    "`{}` makes `{path}`, and where names know no case that is `{}`",
                    other.source,
                    output.path.escape_debug()
                )
            };
            return Err(RenderError::Output { path: output.source, why });
        }
        self.by_name.insert(key, output);
        Ok(())
    }

    /// All of them, sorted by path; an error if one stands where another needs a directory.
    pub(super) fn finish(self) -> Result<Vec<Output>, RenderError> {
        for (key, output) in &self.by_name {
            let parents = key.match_indices('/').filter_map(|(end, _)| self.by_name.get(&key[..end]));
            if let Some(other) = parents.into_iter().next() {
                let (source, path) = (&other.source, other.path.escape_debug());
                let why = format!("`{source}` makes a file `{path}` where it needs a directory");
                return Err(RenderError::Output { path: output.source.clone(), why });
            }
        }
        let mut outputs: Vec<Output> = self.by_name.into_values().collect();
        outputs.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(outputs)
    }
}

/// Whether a relative path stays below the directory that it is joined to, and out of `.git`.
pub(super) fn is_harmless(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\0')
        && !path.ends_with('/')
        && !path.contains("//")
        && Path::new(path).components().all(|part| match part {
            Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
            _ => false,
        })
        && !path.split('/').any(|part| part == ".")
}
