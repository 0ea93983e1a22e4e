//! Writing files that the program makes of itself: whole or not at all.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context as _;

/// Puts a text where a file is, or where none is yet; directories are made.
///
/// # Errors
/// When it cannot be written.
pub(super) fn replace(path: &Path, content: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let parent = path.parent().with_context(cannot)?;
    std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let mut file = tempfile::NamedTempFile::new_in(parent).with_context(cannot)?;
    file.write_all(content.as_bytes()).with_context(cannot)?;
    file.as_file().set_permissions(PermissionsExt::from_mode(0o644)).with_context(cannot)?;
    file.as_file().sync_all().with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    Ok(())
}
