//! A directory of the world on a disk of its own, so small that it can be filled.
//!
//! It is a file system in memory, mounted in a user and mount namespace that lives as long as the
//! value; what shall see it is run in there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Cmd, Output, World, real};

/// See the module.
pub(crate) struct SmallDisk<'w> {
    world: &'w World,
    holder: Child,
    dir: PathBuf,
}

impl<'w> SmallDisk<'w> {
    /// An empty directory of that name with room for so many KiB. None, after saying so on stderr,
    /// where the system allows no such thing.
    pub(crate) fn mount(world: &'w World, name: &str, kib: u32) -> Option<Self> {
        let dir = world.path(name);
        std::fs::create_dir(&dir).expect("the world is writable");
        let said = match Self::try_mount(world, dir, kib) {
            Ok(disk) => return Some(disk),
            Err(why) => why,
        };
        let test = std::thread::current();
        // Not by `eprintln!`, which is shown for failing tests only.
        let test = test.name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "\n{test} is skipped: no small disk can be made here: {said}");
        None
    }

    fn try_mount(world: &'w World, dir: PathBuf, kib: u32) -> Result<Self, String> {
        if let Some(name) =
            ["unshare", "nsenter", "mount"].into_iter().find(|name| real::on_path(name).is_none())
        {
            return Err(format!("`{name}` is not on the PATH"));
        }
        let script = format!(
            "{mount} -t tmpfs -o size={kib}k tmpfs \"$0\" && echo mounted && exec {cat}",
            mount = real::find("mount").display(),
            cat = real::find("cat").display(),
        );
        let mut command = Command::new(real::find("unshare"));
        command.args(["-Urm", "--", "sh", "-c", &script]).arg(&dir).current_dir("/");
        command.env_clear().envs(world.base_env()).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        let mut holder = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        let _ = BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut line);
        if line == "mounted\n" {
            return Ok(Self { world, holder, dir });
        }
        let out = holder.wait_with_output().map_err(|error| error.to_string())?;
        Err(String::from_utf8_lossy(&out.stderr).trim().to_owned())
    }

    /// A program, by its path, run where the disk can be seen, in a directory of the world.
    pub(crate) fn program(&self, dir: &str, program: impl AsRef<Path>) -> Cmd<'w> {
        let pid = self.holder.id().to_string();
        let enter = Cmd::new(self.world, real::find("nsenter"), &self.world.path("tmp"));
        enter
            .args(["-t", &pid, "-U", "-m", "--preserve-credentials", "--", "sh", "-c"])
            .arg("cd \"$0\" && exec \"$@\"")
            .arg(self.world.path(dir))
            .arg(program.as_ref())
    }

    /// The binary with these words.
    pub(crate) fn lockstep(&self, dir: &str, words: &str) -> Cmd<'w> {
        self.program(dir, env!("CARGO_BIN_EXE_lockstep")).words(words)
    }

    /// A line for the shell; it must succeed. What it printed.
    #[track_caller]
    pub(crate) fn sh(&self, dir: &str, line: &str) -> String {
        let out: Output = self.program(dir, "sh").args(["-c", line]).run();
        out.code(0);
        out.stdout()
    }

    /// The file that takes up all that is left; without it there is room again.
    pub(crate) fn filler(&self) -> PathBuf {
        self.dir.join("filler")
    }

    /// Fills it but for so many KiB.
    #[track_caller]
    pub(crate) fn fill_but(&self, kib: u32) {
        let filler = self.filler().display().to_string();
        let room = self.dir.join("room").display().to_string();
        self.sh(
            "tmp",
            &format!(
                "head -c {bytes} /dev/zero > '{room}' && {{ cat /dev/zero > '{filler}' 2> /dev/null || rm '{room}'; }}",
                bytes = kib * 1024
            ),
        );
    }

    /// Makes room again.
    #[track_caller]
    pub(crate) fn make_room(&self) {
        self.sh("tmp", &format!("rm '{}'", self.filler().display()));
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // It reads until its input ends.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
