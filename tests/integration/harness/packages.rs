//! Programs that the system lacks, unpacked from its packages under `target/tools/` (nothing is installed
//! into the system).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::real;

/// The directory in which these packages are unpacked, once. The first must be had, the others are
/// libraries and the like, which not every system knows or needs.
pub(super) fn unpacked(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let tools = real::target_directory().join("tools");
    std::fs::create_dir_all(&tools).expect("target/ is writable");
    // Several test processes may want it at once; the lock goes with the file's last descriptor.
    let lock = std::fs::File::create(tools.join(format!("{name}.lock"))).expect("target/ is writable");
    lock.lock().expect("an advisory lock on a file of ours");
    let home = tools.join(name);
    if !home.exists() {
        let new = tools.join(format!("{name}.new"));
        let _ = std::fs::remove_dir_all(&new);
        std::fs::create_dir(&new).expect("target/ is writable");
        unpack(packages, &new)?;
        // Named last: the name tells that it is whole.
        std::fs::rename(&new, &home).expect("target/ is writable");
    }
    Ok(home)
}

/// The directory of an unpacked library: `usr/lib/x86_64-linux-gnu` or the like.
pub(super) fn libraries(home: &Path, library: &str) -> Option<PathBuf> {
    let dirs = std::fs::read_dir(home.join("usr/lib")).ok()?;
    dirs.flatten().map(|dir| dir.path()).find(|dir| dir.join(library).exists())
}

fn unpack(packages: &[&str], into: &Path) -> Result<(), String> {
    let (Some(apt), Some(dpkg)) = (real::on_path("apt-get"), real::on_path("dpkg-deb")) else {
        return Err("it is not on this machine, nor is apt-get to fetch its package".to_owned());
    };
    let mut known = Vec::new();
    for (number, package) in packages.iter().enumerate() {
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
        // Only the first must be had: not every system knows or needs the rest.
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
