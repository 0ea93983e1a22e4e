//! An OpenSSH server for the tests: the system's own, else its package unpacked under `target/tools/`
//! (nothing is installed into the system).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::packages;

/// Where the system has it; it is seldom on the `PATH`.
const SYSTEM: &[&str] = &["/usr/sbin/sshd", "/usr/local/sbin/sshd"];
/// What is unpacked: the server, and a library of it that is often missing.
const PACKAGES: &[&str] = &["openssh-server", "libwrap0"];

/// A server's program and what it needs beside it.
#[derive(Clone, Debug)]
pub(super) struct Sshd {
    /// The program.
    pub(super) program: PathBuf,
    /// Where its libraries are, if not where the system looks.
    pub(super) libraries: Option<PathBuf>,
    /// Lines of its configuration: where the other programs are that it consists of.
    pub(super) parts: Vec<String>,
}

/// The server, or why there is none. It is looked for once.
pub(super) fn sshd() -> Result<&'static Sshd, String> {
    static SSHD: OnceLock<Result<Sshd, String>> = OnceLock::new();
    let found = SSHD.get_or_init(|| {
        let system = SYSTEM.iter().map(Path::new).find(|path| path.exists());
        match system {
            Some(path) => Ok(Sshd { program: path.to_owned(), libraries: None, parts: Vec::new() }),
            None => unpacked(),
        }
    });
    found.as_ref().map_err(Clone::clone)
}

fn unpacked() -> Result<Sshd, String> {
    let home = packages::unpacked("sshd", PACKAGES)?;
    let parts = [("SshdSessionPath", "sshd-session"), ("SshdAuthPath", "sshd-auth")];
    let parts = parts.map(|(key, name)| (key, home.join("usr/lib/openssh").join(name)));
    Ok(Sshd {
        program: home.join("usr/sbin/sshd"),
        libraries: packages::libraries(&home, "libwrap.so.0"),
        parts: parts
            .iter()
            .filter(|(_, p)| p.exists())
            .map(|(k, p)| format!("{k} {}", p.display()))
            .collect(),
    })
}
