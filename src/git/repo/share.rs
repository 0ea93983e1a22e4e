//! Whether a repository is one for several users, and lockstep's directories in it.

use std::path::Path;

use super::Repo;
use crate::git::sharing::{make_directories, open, share_now};

impl Repo {
    /// Whether git keeps this repository for several users.
    pub fn is_shared(&self) -> bool {
        *self.0.shared.get_or_init(|| {
            let library = self.library().and_then(|library| {
                let config = library.config().ok()?.snapshot().ok()?;
                Some(config.get_str("core.sharedrepository").ok().map(str::to_owned))
            });
            let said = library.unwrap_or_else(|| {
                let config = self.config().ok()?;
                config.last("core.sharedrepository").map(str::to_owned)
            });
            said.is_some_and(|said| lets_the_group_write(&said))
        })
    }

    /// Makes lockstep's directories in a repository for several users such that all may write there; and the one of
    /// the rendered output, where there is or will be one.
    pub fn share(&self, rendered: Option<&Path>) {
        if !self.is_shared() {
            return;
        }
        let own = [self.common_dir().join("lockstep"), self.git_dir().join("lockstep")];
        for directory in own.iter().map(AsRef::as_ref).chain(rendered) {
            // What is another user's cannot be changed, and what is missing then says so where it is needed.
            if make_directories(directory, 0o777).is_ok()
                && let Ok(open) = open(directory)
            {
                share_now(open);
            }
        }
    }
}

/// A value of `core.sharedRepository`, as git reads it.
fn lets_the_group_write(value: &str) -> bool {
    match value.to_ascii_lowercase().as_str() {
        "group" | "all" | "world" | "everybody" | "true" | "yes" | "on" | "" | "1" | "2" => true,
        other if other.len() > 1 => u32::from_str_radix(other, 8).is_ok_and(|mode| mode & 0o660 == 0o660),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_git_reads_them() {
        for yes in ["group", "GROUP", "true", "all", "everybody", "1", "2", "0660", "0664", "660"] {
            assert!(lets_the_group_write(yes), "{yes}");
        }
        for no in ["umask", "false", "0", "no", "0640", "0600", "9", "nonsense"] {
            assert!(!lets_the_group_write(no), "{no}");
        }
    }
}
