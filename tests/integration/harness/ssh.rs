//! `origin` behind a real sshd with keys of its own (`tests/tools/ssh_server.py`).
//!
//! sshd wants to be root with a user for its unprivileged part, or to be the very user who logs in.
//! So it runs in a user namespace in which there is one ordinary user, `git`, and nothing of the
//! machine's users; where the system allows none it runs as whoever runs the tests.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::server::Server;
use super::sshd::{Sshd, sshd};
use super::world::write_script;
use super::{World, real};

const SOURCE: &str = include_str!("../../tools/ssh_server.py");
const ID: &str = "1000";

/// A server of the world's repositories.
pub(crate) struct SshServer<'w> {
    world: &'w World,
    server: Server,
}

impl<'w> SshServer<'w> {
    /// Serves `origin`; from here on the world clones it by ssh. None, after saying so on stderr,
    /// where there is no sshd that can be run.
    #[track_caller]
    pub(crate) fn start(world: &'w World) -> Option<Self> {
        match Self::try_start(world) {
            Ok(server) => Some(server),
            Err(why) => {
                let test = std::thread::current();
                let test = test.name().unwrap_or("a test").to_owned();
                // Not by `eprintln!`, which is shown for failing tests only.
                let _ = writeln!(std::io::stderr(), "\n{test} is skipped: {why}");
                None
            }
        }
    }

    fn try_start(world: &'w World) -> Result<Self, String> {
        let missing = ["ssh", "ssh-keygen"].into_iter().find(|name| real::on_path(name).is_none());
        if let Some(name) = missing {
            return Err(format!("`{name}` is not on the PATH"));
        }
        let sshd = sshd()?;
        world.link("ssh", &real::find("ssh"));
        configure(world, sshd);
        let script = world.path("out/ssh_server.py");
        std::fs::write(&script, SOURCE).expect("the world is writable");
        let words = |more: &[&str]| -> Vec<String> {
            let mut words = Vec::new();
            if let Some(libraries) = &sshd.libraries {
                let env = real::find("env").display().to_string();
                words.extend([env, format!("LD_LIBRARY_PATH={}", libraries.display())]);
            }
            words.push(sshd.program.display().to_string());
            words.extend(more.iter().map(|&word| word.to_owned()));
            words.extend(["-f".to_owned(), world.path("ssh/config").display().to_string()]);
            words
        };
        let start = start_of_commands(world, &words(&["-t"]))?;
        let settings = json!({ "sshd": words(&["-i", "-e"]), "log": world.path("out/ssh.log") });
        let mut command = start.command(world, &real::python().display().to_string());
        command.arg("-IS").arg(script).arg(settings.to_string());
        let server = Server::start(world, command);
        let user = server.hello("user").as_str().expect("a text");
        world.reached_by(format!("ssh://{user}@127.0.0.1{}", world.origin().display()));
        world.set_variable("GIT_SSH_COMMAND", format!("ssh {}", Self::client(world, &server)));
        Ok(Self { world, server })
    }

    /// From here on it is plain `ssh` that git calls, as a user has it who set up nothing for git: a
    /// program of that name, which logs its command lines, stands in for his configuration.
    pub(crate) fn by_plain_ssh(&self, configuration: &str) {
        self.world.unset_variable("GIT_SSH_COMMAND");
        let ssh = real::find("ssh");
        let script = format!(
            "echo \"$*\" >> '{log}'\nexec '{ssh}' {client} {configuration} \"$@\"\n",
            log = self.world.path("out/ssh.calls").display(),
            ssh = ssh.display(),
            client = Self::client(self.world, &self.server),
        );
        let bin = self.world.path("bin");
        std::fs::remove_file(bin.join("ssh")).expect("it was there");
        write_script(&bin, "ssh", &script);
    }

    /// The command lines of plain `ssh`.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.world.path("out/ssh.calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// What the client must be told to reach it.
    fn client(world: &World, server: &Server) -> String {
        format!(
            "-F none -i {key} -p {port} -o UserKnownHostsFile={hosts} -o HostKeyAlias=origin \
             -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes",
            key = world.path("ssh/key").display(),
            port = server.hello("port"),
            hosts = world.path("ssh/known_hosts").display(),
        )
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        std::fs::read_to_string(self.world.path("out/ssh.log")).unwrap_or_default().lines().count()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Ends it and every connection that it serves: nobody listens at its port any more.
    pub(crate) fn stop(self) {}
}

/// How the server's programs are started.
enum Start {
    /// As user `git` in a namespace.
    Namespace,
    /// As they are.
    Plain,
}

impl Start {
    fn command(&self, world: &World, program: &str) -> Command {
        match self {
            Self::Plain => Command::new(program),
            Self::Namespace => {
                let find = |name: &str| real::find(name).display().to_string();
                let script = format!(
                    "{mount} --bind \"$0\" /etc/passwd && exec {unshare} -U --map-user={ID} --map-group={ID} -- \"$@\"",
                    mount = find("mount"),
                    unshare = find("unshare"),
                );
                let mut command = Command::new(real::find("unshare"));
                command.args(["-Urm", "--", &find("sh"), "-c", &script]);
                command.arg(world.path("ssh/passwd")).arg(program);
                command
            }
        }
    }
}

/// The first way of starting that works for `check`.
fn start_of_commands(world: &World, check: &[String]) -> Result<Start, String> {
    let mut said = Vec::new();
    let has = |name: &str| real::on_path(name).is_some();
    for start in [Start::Namespace, Start::Plain] {
        if matches!(start, Start::Namespace) && !(has("unshare") && has("mount")) {
            continue;
        }
        let out = start.command(world, &check[0]).args(&check[1..]).output().expect("it can be started");
        if out.status.success() {
            return Ok(start);
        }
        said.push(String::from_utf8_lossy(&out.stderr).trim().to_owned());
    }
    Err(format!("sshd cannot be run here, neither in a user namespace nor without: {}", said.join(" | ")))
}

/// Writes keys and configuration, once.
fn configure(world: &World, sshd: &Sshd) {
    let dir = world.path("ssh");
    if dir.exists() {
        return;
    }
    std::fs::create_dir(&dir).expect("the world is writable");
    for name in ["key", "host"] {
        make_key(&dir.join(name));
    }
    let write =
        |name: &str, text: String| std::fs::write(dir.join(name), text).expect("the world is writable");
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).expect("just made");
    write("authorized", read("key.pub"));
    write("known_hosts", format!("origin {}", read("host.pub")));
    write("passwd", format!("git:x:{ID}:{ID}::{}:/bin/sh\n", world.path("home").display()));
    // The surroundings of git on the server; sshd starts it with an environment of its own.
    let variables = ["PATH", "HOME", "TMPDIR", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"];
    let base = world.base_env();
    let value = |name: &str| base.iter().find(|(n, _)| n == name).expect("it is set").1.to_string_lossy();
    let set: Vec<String> = variables.iter().map(|name| format!("\"{name}={}\"", value(name))).collect();
    let mut config = vec![
        format!("HostKey {}", dir.join("host").display()),
        format!("AuthorizedKeysFile {}", dir.join("authorized").display()),
        format!("SetEnv {}", set.join(" ")),
        // As git hosts do it: nothing but git's own commands.
        "ForceCommand git shell -c \"$SSH_ORIGINAL_COMMAND\"".to_owned(),
    ];
    let fixed = [
        "AuthenticationMethods publickey",
        "StrictModes no",
        "UsePAM no",
        "PidFile none",
        "UseDNS no",
        "PermitUserRC no",
        "LogLevel ERROR",
        // Quick to agree on.
        "KexAlgorithms curve25519-sha256",
    ];
    config.extend(fixed.iter().map(|&line| line.to_owned()));
    config.extend(sshd.parts.iter().cloned());
    write("config", config.join("\n") + "\n");
}

fn make_key(file: &Path) {
    let mut keygen = Command::new(real::find("ssh-keygen"));
    let out = keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(file).output();
    let out = out.expect("ssh-keygen can be run");
    assert!(out.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&out.stderr));
}
