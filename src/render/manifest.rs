//! What lockstep put into a unit's directory: path and digest of each generated file.
//!
//! While a build writes, the manifest lists old and new files and accepts both digests of each: a
//! build that is killed at any point neither loses track of a file nor takes its own work for
//! somebody's edit. A file with secrets has a digest under the checkout's key, which tells nothing to
//! whoever reads the manifest. It is untrusted input: a project may commit `.dist`, and with it this.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::key::Key;
use super::outputs::{Output, is_harmless};
use crate::project::{DIST, UnitId};

const VERSION: u32 = 1;

/// The generated files of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    version: u32,
    /// A build is writing, or was killed while it wrote.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) unfinished: bool,
    /// Path to the digests that count as ours.
    pub(super) files: BTreeMap<String, Vec<String>>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { version: VERSION, unfinished: false, files: BTreeMap::new() }
    }
}

impl Manifest {
    /// Reads a manifest; the error says what is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|_| "it is not a manifest of lockstep".to_owned())?;
        if manifest.version != VERSION {
            return Err(format!("it is of version {}, this lockstep knows {VERSION}", manifest.version));
        }
        match manifest.files.keys().find(|path| !is_harmless(path)) {
            Some(path) => Err(format!("it lists `{}`", path.escape_debug())),
            None => Ok(manifest),
        }
    }

    /// The manifest of a finished build. Without a key a file with secrets has no digest.
    pub(super) fn of(outputs: &[Output], key: Option<&Key>) -> Self {
        let files = outputs.iter().map(|output| (output.path.clone(), digests(output, key))).collect();
        Self { version: VERSION, unfinished: false, files }
    }

    /// Whether it is that of a finished build of these, as [`Self::of`] makes it.
    pub(super) fn is_of(&self, outputs: &[Output], key: Option<&Key>) -> bool {
        let listed = |output: &Output| {
            self.files.get(&output.path).is_some_and(|known| *known == digests(output, key))
        };
        !self.unfinished && self.files.len() == outputs.len() && outputs.iter().all(listed)
    }

    /// Whether a file with secrets is among them.
    pub(super) fn is_keyed(&self) -> bool {
        self.files.values().flatten().any(|digest| digest.starts_with(super::key::MARK))
    }

    /// Whether a file had secrets in it when it was written: its digest is keyed, or it has none because
    /// there was no key.
    pub(super) fn is_sensitive(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|digests| {
            digests.is_empty() || digests.iter().any(|digest| digest.starts_with(super::key::MARK))
        })
    }

    /// The manifest for the time of writing: everything of both.
    pub(super) fn while_becoming(&self, next: &Self) -> Self {
        let mut both = Self { unfinished: true, ..self.clone() };
        for (path, digests) in &next.files {
            let known = both.files.entry(path.clone()).or_default();
            known
                .extend(digests.iter().filter(|digest| !known.contains(digest)).cloned().collect::<Vec<_>>());
        }
        both
    }

    /// Whether lockstep wrote this content to this path.
    pub(super) fn owns(&self, path: &str, bytes: &[u8], key: Option<&Key>) -> bool {
        self.files.get(path).is_some_and(|digests| {
            digests.contains(&digest(bytes)) || key.is_some_and(|key| digests.contains(&key.digest(bytes)))
        })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // A map of strings always becomes JSON.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// Where a unit's manifest is, relative to the project.
pub(super) fn manifest_path(unit: &UnitId) -> String {
    format!("{DIST}/.lockstep/{}/{}.json", unit.module, unit.profile)
}

fn digests(output: &Output, key: Option<&Key>) -> Vec<String> {
    match (output.sensitive, key) {
        (false, _) => vec![output.digest().to_owned()],
        (true, Some(key)) => vec![key.digest(&output.bytes)],
        (true, None) => Vec::new(),
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}
