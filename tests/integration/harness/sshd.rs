//! An OpenSSH server for the tests: the system's own, else its package unpacked under `target/tools/`
//! (nothing is installed into the system).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use super::real;

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
    let tools = real::target_directory().join("tools");
    std::fs::create_dir_all(&tools).expect("target/ is writable");
    // Several test processes may want it at once; the lock goes with the file's last descriptor.
    let lock = std::fs::File::create(tools.join("sshd.lock")).expect("target/ is writable");
    lock.lock().expect("an advisory lock on a file of ours");
    let home = tools.join("sshd");
    if !home.exists() {
        let new = tools.join("sshd.new");
        let _ = std::fs::remove_dir_all(&new);
        std::fs::create_dir(&new).expect("target/ is writable");
        unpack(&new)?;
        // Named last: the name tells that it is whole.
        std::fs::rename(&new, &home).expect("target/ is writable");
    }
    let parts = [("SshdSessionPath", "sshd-session"), ("SshdAuthPath", "sshd-auth")];
    let parts = parts.map(|(key, name)| (key, home.join("usr/lib/openssh").join(name)));
    Ok(Sshd {
        program: home.join("usr/sbin/sshd"),
        libraries: libraries(&home),
        parts: parts
            .iter()
            .filter(|(_, p)| p.exists())
            .map(|(k, p)| format!("{k} {}", p.display()))
            .collect(),
    })
}

/// The directory of the unpacked libraries: `usr/lib/x86_64-linux-gnu` or the like.
fn libraries(home: &Path) -> Option<PathBuf> {
    let dirs = std::fs::read_dir(home.join("usr/lib")).ok()?;
    dirs.flatten().map(|dir| dir.path()).find(|dir| dir.join("libwrap.so.0").exists())
}

fn unpack(into: &Path) -> Result<(), String> {
    let (Some(apt), Some(dpkg)) = (real::on_path("apt-get"), real::on_path("dpkg-deb")) else {
        return Err("there is no sshd on this machine, nor apt-get to fetch its package".to_owned());
    };
    let mut known = Vec::new();
    for (number, package) in PACKAGES.iter().enumerate() {
        let download = |options: &[String]| {
            ended_well(
                Command::new(&apt).args(["download", "-q"]).args(options).arg(package).current_dir(into),
            )
        };
        let mut fetched = download(&known);
        if fetched.is_err() && known.is_empty() {
            // A new machine knows no packages, or only old ones: ask, into lists of our own.
            known = lists(&apt, into)?;
            fetched = download(&known);
        }
        // Only the server itself must be had: not every system knows or needs the rest.
        match fetched {
            Err(why) if number == 0 => return Err(why),
            _ => {}
        }
    }
    for file in std::fs::read_dir(into).expect("just made").flatten().map(|entry| entry.path()) {
        if file.extension().is_some_and(|extension| extension == "deb") {
            ended_well(Command::new(&dpkg).arg("-x").arg(&file).arg(into))?;
        }
    }
    Ok(())
}

/// Asks which packages there are, into `into/apt`, and gives the options that make apt look there.
fn lists(apt: &Path, into: &Path) -> Result<Vec<String>, String> {
    let home = into.join("apt");
    for dir in ["lists/partial", "cache/archives/partial"] {
        std::fs::create_dir_all(home.join(dir)).map_err(|error| format!("{}: {error}", home.display()))?;
    }
    let at = home.display();
    let settings = [
        format!("Dir::State::lists={at}/lists"),
        format!("Dir::Cache={at}/cache"),
        "APT::Sandbox::User=".to_owned(),
    ];
    let options: Vec<String> = settings.into_iter().flat_map(|setting| ["-o".to_owned(), setting]).collect();
    ended_well(Command::new(apt).args(["update", "-q"]).args(&options).current_dir(into))?;
    Ok(options)
}

fn ended_well(command: &mut Command) -> Result<(), String> {
    let out: Output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if out.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}\n{}", out.status, String::from_utf8_lossy(&out.stderr).trim()))
}
