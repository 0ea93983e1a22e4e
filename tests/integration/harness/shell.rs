//! An interactive shell on a terminal: lines are typed into it, TAB included. Shells that the system
//! lacks are unpacked from their packages.

use std::path::{Path, PathBuf};

use super::{Terminal, World, packages, real};

/// An interactive shell.
pub(crate) struct Shell {
    terminal: Terminal,
    prompts: u32,
}

impl Shell {
    /// bash, which shows what is ambiguous at the first TAB.
    pub(crate) fn bash(world: &World, dir: &Path) -> Self {
        // Its number tells one prompt from the one before.
        let start = "PROMPT_COMMAND='n=$((n+1)); PS1=\"[$n]> \"'; bind 'set show-all-if-ambiguous on'; \
                     bind 'set completion-query-items 0'; bind 'set page-completions off'; \
                     bind 'set enable-bracketed-paste off'";
        let bash = real::find("bash");
        Self::start(Terminal::program(world, &bash, dir, &["--norc", "--noprofile", "-i"]), start)
    }

    /// zsh with its completions.
    pub(crate) fn zsh(world: &World, dir: &Path) -> Self {
        let mut start =
            String::from("unsetopt prompt_cr prompt_sp; precmd() { (( ++n )); PS1=\"[$n]> \" }; ");
        let program = real::on_path("zsh").unwrap_or_else(|| {
            let home = had("zsh", packages::unpacked("zsh", &["zsh", "zsh-common"]));
            start.push_str(&format!(
                "H='{}'; module_path=($H/usr/lib/*/zsh/*(/)); fpath=($H/usr/share/zsh/functions $H/usr/share/zsh/functions/**/*(/N)); ",
                home.display()
            ));
            home.join("bin/zsh")
        });
        start.push_str("autoload -Uz compinit; compinit -D -u");
        Self::start(Terminal::program(world, &program, dir, &["-f", "-i"]), &start)
    }

    fn start(terminal: Terminal, line: &str) -> Self {
        let mut shell = Self { terminal, prompts: 0 };
        shell.line(line);
        shell
    }

    /// Types a line, with Enter at its end, and waits until the next is asked for.
    #[track_caller]
    pub(crate) fn line(&mut self, line: &str) {
        self.terminal.types(line);
        self.terminal.types("\n");
        self.prompts += 1;
        self.terminal.wait_for(&format!("[{}]> ", self.prompts));
    }

    /// Types something, and waits until the text appears.
    #[track_caller]
    pub(crate) fn types(&mut self, text: &str, until: &str) {
        self.terminal.types(text);
        self.terminal.wait_for(until);
    }

    /// Gives up the line that was begun: wipes it out (Ctrl-U) and enters nothing. Ctrl-C could come
    /// while the shell still completes, and be lost.
    #[track_caller]
    pub(crate) fn gives_up(&mut self) {
        self.line("\u{15}");
    }

    /// Everything that appeared so far.
    pub(crate) fn screen(&self) -> String {
        self.terminal.screen()
    }
}

/// fish, and where its libraries are if not where the system looks.
pub(crate) fn fish() -> (PathBuf, Option<PathBuf>) {
    if let Some(fish) = real::on_path("fish") {
        return (fish, None);
    }
    let home = had("fish", packages::unpacked("fish", &["fish", "fish-common", "libpcre2-32-0"]));
    // By this it knows that it was moved.
    std::fs::create_dir_all(home.join("usr/etc/fish")).expect("target/ is writable");
    (home.join("usr/bin/fish"), packages::libraries(&home, "libpcre2-32.so.0"))
}

fn had(name: &str, unpacked: Result<PathBuf, String>) -> PathBuf {
    unpacked.unwrap_or_else(|why| panic!("`{name}` is needed by the tests: {why}"))
}
