//! Where the demo plays: a temporary directory with a bare origin and a clone for each actor,
//! cut off from the user's own git and lockstep settings. Programs run as a shell would run them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use super::super::signals;
use super::super::terminal::Terminal;
use super::{Tool, project};
use crate::env::{self, Environment};
use crate::process::{
    CommandRunner as _, CommandSpec, Finished, Interrupts, Stdio, SystemRunner, find_program,
};
use crate::workflow::parse::quote;

/// The temporary directory and what it takes to run programs in it.
pub(super) struct Stage<'a> {
    directory: tempfile::TempDir,
    env: &'a Environment,
    terminal: Terminal,
    program: PathBuf,
    interrupts: Interrupts,
    _handlers: signals::Handlers,
}

/// Somebody with a clone.
pub(super) struct Actor<'a> {
    stage: &'a Stage<'a>,
    name: &'static str,
}

impl<'a> Stage<'a> {
    /// Makes origin and clones, with the project committed and pushed.
    pub(super) fn set(env: &'a Environment, terminal: Terminal, tool: &Tool) -> anyhow::Result<Self> {
        let parent = env.var("TMPDIR").unwrap_or("/tmp");
        let directory = tempfile::Builder::new()
            .prefix("lockstep-demo-")
            .tempdir_in(parent)
            .with_context(|| format!("cannot make a directory in {parent}"))?;
        let program = env::program_path().context("cannot tell where this program is")?;
        let interrupts = Interrupts::new();
        let handlers = signals::install(&interrupts).context("cannot handle signals")?;
        let stage = Self { directory, env, terminal, program, interrupts, _handlers: handlers };
        stage.act("The stage", &format!(
            "A throwaway repository in {}: a bare origin, a clone for Ana, a clone for Ben.\nThe tool is `{}`.",
            stage.path().display(),
            tool.name(),
        ));
        std::fs::write(
            stage.path().join("gitconfig"),
            "[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n[pull]\n\trebase = true\n",
        )?;
        let ana = stage.actor("ana");
        stage.git_in(stage.path(), "ana", &["init", "--quiet", "--bare", "origin.git"])?;
        stage.git_in(stage.path(), "ana", &["clone", "--quiet", "origin.git", "ana"])?;
        for (name, content, executable) in project::files(tool) {
            ana.write(name, &content, executable)?;
        }
        ana.git_quietly(&["add", "--all"])?;
        ana.git_quietly(&["commit", "--quiet", "--message", "Begin"])?;
        ana.git_quietly(&["push", "--quiet", "--set-upstream", "origin", "main"])?;
        stage.git_in(stage.path(), "ben", &["clone", "--quiet", "origin.git", "ben"])?;
        Ok(stage)
    }

    pub(super) fn actor(&'a self, name: &'static str) -> Actor<'a> {
        Actor { stage: self, name }
    }

    /// Whether the tool may use colour.
    pub(super) fn color(&self) -> bool {
        self.terminal.color
    }

    /// A heading and what is about to happen.
    pub(super) fn act(&self, title: &str, text: &str) {
        let title = if self.terminal.color { format!("\x1b[1m{title}\x1b[0m") } else { title.to_owned() };
        self.terminal.say(&format!("\n== {title} ==\n{text}"));
    }

    /// What has just been seen.
    pub(super) fn remark(&self, text: &str) {
        self.terminal.say(&format!("   -> {text}"));
    }

    /// Removes everything, or says where it is.
    pub(super) fn clear(self, keep: bool) -> anyhow::Result<()> {
        if keep {
            let path = self.directory.keep();
            self.terminal.say(&format!("\nThe repository stays in {}", path.display()));
            return Ok(());
        }
        self.directory.close().context("cannot remove the demo's directory")?;
        self.terminal.say("\nThat was all; the throwaway repository is gone.");
        Ok(())
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn git_in(&self, directory: &Path, name: &str, args: &[&str]) -> anyhow::Result<()> {
        let git = find_program("git".as_ref(), directory, self.env).map_err(crate::Error::from)?;
        let end = self.run(&git, "git", args, directory, name, Stdio::Capture)?;
        ensure!(
            end.status.exit_code() == 0,
            "git {} failed: {}",
            args.join(" "),
            String::from_utf8_lossy(&end.stderr).trim()
        );
        Ok(())
    }

    fn run(
        &self,
        program: &Path,
        word: &str,
        args: &[&str],
        cwd: &Path,
        name: &str,
        stdio: Stdio,
    ) -> anyhow::Result<Finished> {
        let spec = CommandSpec {
            program: program.to_owned(),
            name: word.into(),
            args: args.iter().map(OsString::from).collect(),
            cwd: cwd.to_owned(),
            env: self.variables(name),
            stdio,
            keep_open: Vec::new(),
            mark: None,
            lines: None,
            limit: None,
        };
        Ok(SystemRunner::new().run(&spec, &self.interrupts).map_err(crate::Error::from)?)
    }

    /// What a program gets: where programs and the terminal are, and nothing of the user's settings.
    fn variables(&self, name: &str) -> Vec<(OsString, OsString)> {
        let mut vars: Vec<(OsString, OsString)> = Vec::new();
        for kept in ["PATH", "TERM", "LANG", "TMPDIR", "NO_COLOR", "LD_LIBRARY_PATH"] {
            if let Some(value) = self.env.var_os(kept) {
                vars.push((kept.into(), value.to_owned()));
            }
        }
        let email = format!("{name}@example.com");
        let owner = format!("{name}@demo");
        for (key, value) in [
            ("HOME", self.path().as_os_str()),
            ("GIT_CONFIG_GLOBAL", self.path().join("gitconfig").as_os_str()),
            ("GIT_CONFIG_NOSYSTEM", "1".as_ref()),
            ("GIT_AUTHOR_NAME", name.as_ref()),
            ("GIT_AUTHOR_EMAIL", email.as_ref()),
            ("GIT_COMMITTER_NAME", name.as_ref()),
            ("GIT_COMMITTER_EMAIL", email.as_ref()),
            ("LOCKSTEP_OWNER", owner.as_ref()),
            ("CHECKPOINT_DISABLE", "1".as_ref()),
        ] {
            vars.push((key.into(), value.to_owned()));
        }
        vars
    }
}

impl<'a> Actor<'a> {
    pub(super) fn stage(&self) -> &'a Stage<'a> {
        self.stage
    }

    /// Runs a pipeline on `alpha prod` and holds it to the exit code that was announced.
    pub(super) fn lockstep(&self, steps: &[&str], command: &[&str], expected: u8) -> anyhow::Result<()> {
        let end = self.pipeline(steps, command, Stdio::Inherit)?;
        let code = end.status.exit_code();
        if code != expected {
            bail!("the demo expected exit code {expected} and got {code}");
        }
        self.stage.terminal.say(&format!("   (exit code {code})"));
        Ok(())
    }

    /// Runs a pipeline that must succeed and whose output is of no interest.
    pub(super) fn quietly(&self, steps: &[&str], command: &[&str]) -> anyhow::Result<()> {
        let end = self.pipeline(steps, command, Stdio::Capture)?;
        ensure!(
            end.status.exit_code() == 0,
            "`{}` failed:\n{}{}",
            command.join(" "),
            String::from_utf8_lossy(&end.stdout),
            String::from_utf8_lossy(&end.stderr)
        );
        Ok(())
    }

    fn pipeline(&self, steps: &[&str], command: &[&str], stdio: Stdio) -> anyhow::Result<Finished> {
        let mut args = if stdio == Stdio::Inherit { vec!["-v"] } else { Vec::new() };
        args.extend(steps);
        args.extend(["--", "alpha", "prod"]);
        args.extend(command);
        self.say("lockstep", &args);
        self.stage.run(&self.stage.program, "lockstep", &args, &self.directory(), self.name, stdio)
    }

    pub(super) fn commit(&self, file: &str, content: &str, message: &str) -> anyhow::Result<()> {
        self.write(file, content, false)?;
        self.git(&["commit", "--quiet", "--all", "--message", message])
    }

    /// A git command that is shown, with what it prints.
    pub(super) fn git(&self, args: &[&str]) -> anyhow::Result<()> {
        self.say("git", args);
        let git =
            find_program("git".as_ref(), &self.directory(), self.stage.env).map_err(crate::Error::from)?;
        let end = self.stage.run(&git, "git", args, &self.directory(), self.name, Stdio::Inherit)?;
        ensure!(end.status.exit_code() == 0, "git {} failed", args.join(" "));
        Ok(())
    }

    fn git_quietly(&self, args: &[&str]) -> anyhow::Result<()> {
        self.stage.git_in(&self.directory(), self.name, args)
    }

    fn write(&self, name: &str, content: &str, executable: bool) -> anyhow::Result<()> {
        let path = self.directory().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        let mode = if executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        Ok(())
    }

    fn say(&self, program: &str, args: &[&str]) {
        let words: Vec<String> = args.iter().map(|arg| quote(arg.as_ref())).collect();
        self.stage.terminal.say(&format!("\n{}$ {program} {}", self.name, words.join(" ")));
    }

    fn directory(&self) -> PathBuf {
        self.stage.path().join(self.name)
    }
}
