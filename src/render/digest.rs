//! The digest of a unit's output: equal where the output is, in another clone and at another commit too.
//!
//! What must hold: nobody can try secrets until one fits. A file with secrets counts by its name and by
//! what defines it: the file of the module that it is made of, and the files of the project in which the
//! unit's parameters are written. Those are committed, so whoever may read them has them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::manifest::hexadecimal;
use super::outputs::Output;
use super::{BuildRequest, RenderError};
use crate::project::{Configs, MARKER};

/// The digest of the output of a request.
pub(super) fn of_outputs(request: &BuildRequest<'_>, outputs: &[Output]) -> Result<String, RenderError> {
    let mut defined_by = BTreeMap::new();
    if outputs.iter().any(|output| output.sensitive) {
        let profiles = Configs::new(request.project).profile_files(&request.unit.profile)?;
        let sources = outputs.iter().filter(|output| output.sensitive).map(|output| output.source.clone());
        for path in profiles.into_iter().chain([MARKER.to_owned()]).chain(sources) {
            // The place of a generated file is a line of module.toml, and so on: the file is what counts.
            let file = path.split(':').next().unwrap_or_default().to_owned();
            let bytes = request.project.files().read(&file).unwrap_or_default();
            defined_by.insert(file, bytes);
        }
    }
    Ok(of(outputs, &defined_by))
}

fn of(outputs: &[Output], defined_by: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(bytes);
    };
    for output in outputs {
        put(output.path.as_bytes());
        put(&[u8::from(output.mode & 0o100 != 0), u8::from(output.sensitive)]);
        if !output.sensitive {
            put(output.digest().as_bytes());
        }
    }
    for (path, bytes) in defined_by {
        put(path.as_bytes());
        put(bytes);
    }
    hexadecimal(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, bytes: &str, mode: u32, sensitive: bool) -> Output {
        Output::new(path.into(), bytes.into(), mode, sensitive, "modules/alpha/x".into())
    }

    fn digest(outputs: &[Output]) -> String {
        of(outputs, &BTreeMap::new())
    }

    #[test]
    fn names_contents_and_what_may_be_executed_count() {
        let one = digest(&[file("a", "x", 0o644, false)]);
        assert_eq!(one.len(), 64);
        assert_eq!(one, digest(&[file("a", "x", 0o600, false)]), "git keeps no more of a mode");
        for other in [
            digest(&[file("b", "x", 0o644, false)]),
            digest(&[file("a", "y", 0o644, false)]),
            digest(&[file("a", "x", 0o755, false)]),
            digest(&[file("a", "x", 0o644, false), file("b", "", 0o644, false)]),
            digest(&[]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_secret_is_not_in_it_and_what_defines_it_is() {
        let secret = |bytes: &str| [file("a", bytes, 0o600, true)];
        assert_eq!(digest(&secret("one")), digest(&secret("two")));
        assert_ne!(digest(&secret("one")), digest(&[file("a", "one", 0o600, false)]));
        let defined = BTreeMap::from([("profiles/prod.toml".to_owned(), b"x".to_vec())]);
        assert_ne!(digest(&secret("one")), of(&secret("one"), &defined));
    }
}
