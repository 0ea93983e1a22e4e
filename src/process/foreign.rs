//! Variables that tie git to another repository, or to another state of this one. A git hook sets several
//! of them for what it calls, and a server's hook the quarantine: neither lockstep's own git nor the one
//! that a tool starts is meant by them.

use std::ffi::OsStr;

const FOREIGN: [&str; 17] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Whether a variable names another repository than the one that a directory is in.
pub fn is_foreign_to_git(name: &OsStr) -> bool {
    FOREIGN.iter().any(|foreign| name == OsStr::new(foreign))
}
