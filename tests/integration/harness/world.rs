//! A world: a temporary directory with a home, a private `PATH`, a bare `origin` and a project in it.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::normalise::WORLD_PREFIX;
use super::{Call, Checkout, Cmd, Tool, real, tool};

/// Programs of the system that the binary, git's own scripts and hooks may find beside fake tools.
const PROGRAMS: &[&str] = &[
    "sh", "git", "true", "false", "cat", "head", "sed", "basename", "dirname", "uname", "tr", "sleep", "env",
    "mkdir", "rm", "ls", "cp", "mv", "sort", "touch", "chmod",
];

const GIT_CONFIG: &str = "\
[user]
\tname = Test
\temail = test@example.invalid
[init]
\tdefaultBranch = main
[protocol \"file\"]
\tallow = always
[gc]
\tauto = 0
[maintenance]
\tauto = false
[advice]
\tdetachedHead = false
";

/// The project that a world starts with: `alpha` and `beta` for `dev` and `prod`.
const PROJECT: &[(&str, &str)] = &[
    ("lockstep.toml", "requires = \">=0.1\"\n"),
    (".gitignore", "/.dist/\n"),
    ("profiles/dev.toml", "[params]\nregion = \"eu-north\"\n"),
    ("profiles/prod.toml", "[params]\nregion = \"eu-west\"\n"),
    ("modules/alpha/main.tf", "# {{ module }} for {{ profile }}\nregion = \"{{ region }}\"\n"),
    ("modules/beta/main.tf", "# {{ module }}\n"),
];

/// See the module.
pub(crate) struct World {
    root: PathBuf,
    _temp: TempDir,
    number: Cell<u32>,
    url: RefCell<Option<String>>,
    variables: RefCell<Vec<(OsString, OsString)>>,
}

impl World {
    /// Everything but a repository: home, `PATH`, configuration of git.
    pub(crate) fn bare() -> Self {
        super::dispositions::as_in_a_shell();
        let temp = tempfile::Builder::new().prefix(WORLD_PREFIX).tempdir().expect("a temporary directory");
        // As the tools will see it, should the system's temporary directory be a link.
        let root = temp.path().canonicalize().expect("just made");
        let world = Self {
            root,
            _temp: temp,
            number: Cell::new(0),
            url: RefCell::default(),
            variables: RefCell::default(),
        };
        for dir in ["home", "bin", "tmp", "out"] {
            std::fs::create_dir(world.path(dir)).expect("the world is writable");
        }
        std::fs::write(world.path("gitconfig"), GIT_CONFIG).expect("the world is writable");
        for program in PROGRAMS {
            world.link(program, &real::find(program));
        }
        world.link("lockstep", Path::new(env!("CARGO_BIN_EXE_lockstep")));
        world
    }

    /// A world with a project, pushed to `origin`, of which nothing is cloned yet.
    pub(crate) fn new() -> Self {
        Self::with_project(PROJECT)
    }

    /// A world whose `origin` holds one commit of these files.
    pub(crate) fn with_project<P: AsRef<str>, T: AsRef<[u8]>>(files: &[(P, T)]) -> Self {
        let world = Self::bare();
        world.git(&world.root, "init -q --bare origin.git");
        world.git(&world.root, "init -q seed");
        let seed = Checkout::at(&world, "seed");
        for (path, text) in files {
            seed.write(path.as_ref(), text.as_ref());
        }
        world.git_args(seed.dir(), &["remote", "add", "origin", &world.url()]);
        seed.commit("The project");
        seed.git("push -q -u origin main");
        world
    }

    /// Clones `origin`.
    pub(crate) fn clone(&self, name: &str) -> Checkout<'_> {
        self.git_args(&self.root, &["clone", "-q", &self.url(), name]);
        Checkout::at(self, name)
    }

    /// `origin` as the clones name it.
    pub(crate) fn url(&self) -> String {
        self.url.borrow().clone().unwrap_or_else(|| format!("file://{}", self.origin().display()))
    }

    /// From here on `origin` is cloned by this URL.
    pub(super) fn reached_by(&self, url: String) {
        self.url.replace(Some(url));
    }

    /// Sets a variable for everything that runs in the world from here on.
    pub(super) fn set_variable(&self, name: &str, value: impl Into<OsString>) {
        let mut variables = self.variables.borrow_mut();
        variables.retain(|(known, _)| known != name);
        variables.push((name.into(), value.into()));
    }

    /// From here on no project is trusted before its user says so, as on a person's machine.
    pub(crate) fn trusts_nothing(&self) {
        self.set_variable("LOCKSTEP_TRUSTED_PATHS", "");
    }

    /// Takes such a variable back.
    pub(super) fn unset_variable(&self, name: &str) {
        self.variables.borrow_mut().retain(|(known, _)| known != name);
    }

    /// The bare repository.
    pub(crate) fn origin(&self) -> PathBuf {
        self.path("origin.git")
    }

    /// A path in the world.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// Any program of this world's `PATH`, run as the binary is.
    pub(crate) fn program(&self, name: &str, cwd: &Path) -> Cmd<'_> {
        Cmd::new(self, self.path("bin").join(name), cwd)
    }

    /// A fake tool of that name on the `PATH`.
    pub(crate) fn tool(&self, name: &str) -> Tool {
        Tool::install(self, name)
    }

    /// A real program on the `PATH`, under its own name.
    pub(crate) fn link(&self, name: &str, program: &Path) {
        let link = self.path("bin").join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(program, link).expect("the world is writable");
    }

    /// All calls of fake tools so far, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        tool::calls(&self.path("bin"))
    }

    /// The names of the fake tools that were called, in order.
    pub(crate) fn called(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.tool).collect()
    }

    /// A file that does not exist yet, by which test, tools and hooks wait for one another.
    pub(crate) fn sign(&self, name: &str) -> PathBuf {
        self.path("tmp").join(name)
    }

    /// A hook of `origin`, as a shell script's body. `$WORLD` is the world's directory.
    pub(crate) fn origin_hook(&self, name: &str, body: &str) {
        write_script(&self.origin().join("hooks"), name, &format!("WORLD='{}'\n{body}", self.root.display()));
    }

    /// The commit at which a branch of `origin` is.
    pub(crate) fn origin_at(&self, branch: &str) -> String {
        self.git_args(&self.origin(), &["rev-parse", &format!("refs/heads/{branch}")]).trim().to_owned()
    }

    /// All refs of `origin` below a prefix.
    pub(crate) fn origin_refs(&self, prefix: &str) -> Vec<String> {
        let refs = self.git_args(&self.origin(), &["for-each-ref", "--format=%(refname)", prefix]);
        refs.lines().map(str::to_owned).collect()
    }

    /// The last record of a lock on `origin`; none if there never was one.
    pub(crate) fn lock(&self, unit: &str) -> Option<Value> {
        self.lock_history(unit).into_iter().next()
    }

    /// The state of a lock on `origin`: `held`, `failed`, `free`, or `none`.
    pub(crate) fn lock_state(&self, unit: &str) -> String {
        self.lock(unit).map_or_else(|| "none".to_owned(), |r| r["state"].as_str().unwrap_or("?").to_owned())
    }

    /// All records of a lock on `origin`, newest first.
    pub(crate) fn lock_history(&self, unit: &str) -> Vec<Value> {
        let name = format!("refs/lockstep/locks/{unit}");
        if !self.origin_refs("refs/lockstep").contains(&name) {
            return Vec::new();
        }
        let log = self.git_args(&self.origin(), &["log", "--format=%B%x00", &name]);
        let records = log.split('\0').filter(|m| !m.trim().is_empty());
        records
            .map(|message| {
                let json = message.find('{').map_or("", |at| &message[at..]);
                serde_json::from_str(json).unwrap_or_else(|e| panic!("not a record ({e}):\n{message}"))
            })
            .collect()
    }

    /// Runs git in a directory of the world; the words hold no spaces.
    pub(crate) fn git(&self, dir: &Path, words: &str) -> String {
        self.git_args(dir, &words.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs git in a directory of the world.
    #[track_caller]
    pub(crate) fn git_args(&self, dir: &Path, args: &[&str]) -> String {
        let mut command = Command::new(self.path("bin/git"));
        command.args(args).current_dir(dir).env_clear().envs(self.base_env());
        let out = command.output().expect("git can be run");
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "git {args:?} in {}: {}\n{stderr}", dir.display(), out.status);
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// Whether git here can make a repository with this option of `init`; if not, says so on stderr by the
    /// test's name: what an older git cannot do is no failure.
    pub(crate) fn can_init(&self, option: &str) -> bool {
        let mut command = Command::new(self.path("bin/git"));
        command.args(["init", "-q", option, "probe.git"]).current_dir(&self.root);
        let out = command.env_clear().envs(self.base_env()).output().expect("git can be run");
        if !out.status.success() {
            let test = std::thread::current();
            let (test, git) = (test.name().unwrap_or("a test"), self.git(&self.root, "version"));
            // Not by `eprintln!`, which is shown for failing tests only.
            let _ = writeln!(std::io::stderr(), "\nskipped: {test}: {} cannot `init {option}`", git.trim());
        }
        out.status.success()
    }

    /// The whole environment of everything that runs in the world.
    pub(crate) fn base_env(&self) -> Vec<(OsString, OsString)> {
        let own = |name: &str, path: &str| (name.into(), self.path(path).into_os_string());
        let fixed = |name: &str, value: &str| (name.into(), value.into());
        let mut all = vec![
            own("PATH", "bin"),
            own("HOME", "home"),
            own("TMPDIR", "tmp"),
            own("GIT_CONFIG_GLOBAL", "gitconfig"),
            fixed("GIT_CONFIG_NOSYSTEM", "1"),
            fixed("LC_ALL", "C"),
            fixed("COLUMNS", "100"),
            fixed("NO_COLOR", "1"),
            fixed("TERM", "xterm"),
            fixed("LOCKSTEP_OWNER", "ana@host1"),
            // The projects of the tests may start what they name; `trust.rs` takes this away.
            own("LOCKSTEP_TRUSTED_PATHS", ""),
            // Tests of what a remote does that is away do not wait for one that stays so.
            fixed("LOCKSTEP_RETRY", "0s"),
            // Terraform asks for news of itself otherwise.
            fixed("CHECKPOINT_DISABLE", "1"),
        ];
        all.extend(self.variables.borrow().iter().cloned());
        all
    }

    pub(super) fn next_number(&self) -> u32 {
        self.number.set(self.number.get() + 1);
        self.number.get()
    }
}

/// Writes an executable shell script, such as a hook.
pub(crate) fn write_script(dir: &Path, name: &str, body: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(dir).expect("the world is writable");
    let path = dir.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}")).expect("the world is writable");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("our own file");
}
