//! What to type after something was made: commands that work as they stand.

use std::path::{Path, PathBuf};

use super::terminal::Terminal;
use crate::Error;
use crate::env::Environment;
use crate::git::{self, Repo};
use crate::process::{Interrupts, find_program};
use crate::scaffold::{Made, Tool};
use crate::workflow::parse::quote;

/// Commands, in order.
#[derive(Debug, Default)]
pub(super) struct Next {
    commands: Vec<String>,
    program: Option<&'static str>,
}

impl Next {
    /// One more command.
    pub(super) fn command(&mut self, command: impl AsRef<str>) {
        self.commands.push(command.as_ref().trim_end().to_owned());
    }

    /// The commands need the program of a tool.
    pub(super) fn needs(&mut self, tool: Tool) {
        self.program = (tool != Tool::None).then(|| tool.program());
    }
}

/// Where the commands are typed: the project's root, and what git knows there.
pub(super) struct Place {
    root: PathBuf,
    in_repository: bool,
    /// The remote that counts; none without any.
    remote: Option<String>,
    has_upstream: bool,
}

impl Place {
    /// Looks at the repository of a project; nothing is asked over the network.
    pub(super) fn of(root: &Path, env: &Environment, interrupts: &Interrupts) -> Result<Self, Error> {
        let repo = Repo::discover(root, env, interrupts)?;
        let mut place =
            Self { root: root.to_owned(), in_repository: repo.is_some(), remote: None, has_upstream: false };
        if let Some(repo) = &repo {
            let branch = repo.head()?.branch;
            let upstream = branch.map(|branch| repo.upstream_of(&branch)).transpose()?.flatten();
            place.has_upstream = upstream.is_some();
            let upstream = upstream.map(|(remote, _)| remote);
            // Several remotes of which none is the one: the first will do for a command to copy.
            place.remote = match git::lock_remote(repo, None, upstream.as_deref()) {
                Ok(remote) => remote,
                Err(_) => repo.remotes()?.into_iter().next(),
            };
        }
        Ok(place)
    }

    /// Whether there is anything to push to.
    pub(super) fn has_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// The steps of the usual pipeline: without a remote nothing is compared and nothing pushed.
    pub(super) fn words(&self) -> &'static str {
        match self.remote {
            Some(_) => "build git-check lock exec git-push unlock-any",
            None => "build lock exec unlock-any",
        }
    }

    /// The commands that commit and push what was made.
    pub(super) fn commit(&self, made: &Made, message: &str, next: &mut Next) {
        if !self.in_repository {
            return;
        }
        let mut paths: Vec<String> = Vec::new();
        let ignore = (!made.ignored.is_empty()).then_some(".gitignore");
        for path in made.written.iter().map(String::as_str).chain(ignore) {
            // A module as a whole.
            let parts: Vec<&str> = path.split('/').take(2).collect();
            let path = quote(parts.join("/").as_ref());
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return;
        }
        next.command(format!("git add {}", paths.join(" ")));
        next.command(format!("git commit -m {}", quote(message.as_ref())));
        if let Some(remote) = &self.remote {
            next.command(match self.has_upstream {
                true => "git push".to_owned(),
                false => format!("git push -u {} HEAD", quote(remote.as_ref())),
            });
        }
    }

    /// Prints the commands.
    pub(super) fn say(&self, next: &Next, env: &Environment, terminal: Terminal) {
        if let Some(program) = next.program
            && find_program(program.as_ref(), env.cwd(), env).is_err()
        {
            terminal.say(&format!("\n`{program}` is not on the PATH: install it before you go on"));
        }
        terminal.say("\nNext:");
        // The shell is somewhere else: below the root, or `-C` was said.
        let shell = env.var("PWD").map_or_else(|| env.cwd().to_owned(), PathBuf::from);
        if shell.canonicalize().unwrap_or(shell) != self.root {
            terminal.say(&format!("    cd {}", quote(self.root.as_os_str())));
        }
        for command in &next.commands {
            terminal.say(&format!("    {command}"));
        }
    }
}

/// Says what was written and what was left.
pub(super) fn say_made(made: &Made, terminal: Terminal) {
    for path in &made.written {
        terminal.say(&format!("wrote {path}"));
    }
    for line in &made.ignored {
        terminal.say(&format!("added {line} to .gitignore"));
    }
    for path in &made.left {
        terminal.say(&format!("left {path} as it is: it was there already"));
    }
    for line in &made.to_ignore {
        terminal.say(&format!(".gitignore is no regular file: add the line {line} to what it leads to"));
    }
}
