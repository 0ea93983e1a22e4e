//! The key of this checkout, under which the manifest keeps the digests of files with secrets.
//!
//! A plain digest of such a file would let anyone who reads the manifest try secrets until one
//! fits. The key is random, readable by its owner alone, and lies in the git directory (without a
//! repository below `.dist/.lockstep`), so that no commit can hold it. A key that is lost costs no
//! more than that files with secrets count as edited until they are written anew.

use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::manifest::hexadecimal;
use super::tree::{Existing, Tree};
use super::{RenderError, guard};
use crate::env;

const NAME: &str = "render.key";
/// What marks a digest that was made with the key.
pub(super) const MARK: &str = "hmac-sha256:";

/// A checkout's key.
#[derive(Clone)]
pub(super) struct Key(Vec<u8>);

impl std::fmt::Debug for Key {
    /// Nothing of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The key of the checkout, if it has one; nothing is written.
    pub(super) fn read(project: &Path, git_dir: Option<&Path>) -> Result<Option<Self>, RenderError> {
        match guard::notes(project, git_dir, &[], false)? {
            Some(mut tree) => Self::look(&mut tree),
            None => Ok(None),
        }
    }

    /// The key of the checkout; makes one if it has none.
    pub(super) fn obtain(project: &Path, git_dir: Option<&Path>) -> Result<Self, RenderError> {
        let Some(mut tree) = guard::notes(project, git_dir, &[], true)? else {
            return Err(RenderError::Io {
                what: "open",
                path: "the key's directory".into(),
                source: std::io::ErrorKind::NotFound.into(),
            });
        };
        // Two first builds may meet here; whoever comes second waits and takes the first one's key.
        let lock = tree.lock_file("render.key.lock")?;
        lock.lock().map_err(|source| RenderError::Io { what: "lock", path: NAME.into(), source })?;
        if let Some(key) = Self::look(&mut tree)? {
            return Ok(key);
        }
        let fail = |source| RenderError::Io { what: "make", path: NAME.into(), source };
        let text = env::nonce().and_then(|a| Ok(a + &env::nonce()?)).map_err(fail)?;
        tree.write(NAME, text.as_bytes(), 0o600)?;
        Ok(Self(text.into_bytes()))
    }

    /// What is no key, or readable by others, counts as none.
    fn look(tree: &mut Tree) -> Result<Option<Self>, RenderError> {
        Ok(match tree.look(NAME)? {
            Existing::File { bytes, mode }
                if bytes.len() >= 32 && mode & 0o077 & !tree.mode_of(0o600) == 0 =>
            {
                Some(Self(bytes))
            }
            _ => None,
        })
    }

    /// The digest of a file with secrets.
    pub(super) fn digest(&self, bytes: &[u8]) -> String {
        // HMAC takes keys of every length; without one nothing is ever equal to the result.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(bytes);
        format!("{MARK}{}", hexadecimal(&mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_hmac_sha256() {
        // The second test case of RFC 4231.
        let digest = Key(b"Jefe".to_vec()).digest(b"what do ya want for nothing?");
        assert_eq!(digest, "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        assert!(Key::read(dir.path(), None).unwrap().is_none());
        assert!(!dir.path().join(".dist").exists(), "reading makes nothing");
        let first = Key::obtain(dir.path(), None).unwrap();
        let path = dir.path().join(".dist/.lockstep/render.key");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Key::obtain(dir.path(), None).unwrap().0, first.0);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Key::read(dir.path(), None).unwrap().is_none(), "others may know it");
        assert_ne!(Key::obtain(dir.path(), None).unwrap().0, first.0);
    }
}
