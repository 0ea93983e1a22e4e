//! Servers that judge commits, by committer, message or signature: a lock's records are such that they pass, and a
//! refusal says what it is about.

use std::io::Write as _;

use crate::harness::{World, find};

/// A hook of the server that judges each new commit of each ref, as `$c`, by these lines of shell.
fn judges(world: &World, lines: &str) {
    let body =
        format!("while read o n r; do\nfor c in $(git rev-list $n --not --all); do\n{lines}\ndone\ndone\n");
    world.origin_hook("pre-receive", &body);
}

/// Author and committer of a lock's last record.
fn makers(world: &World, unit: &str) -> String {
    let name = format!("refs/lockstep/locks/{unit}");
    world.git_args(&world.origin(), &["log", "-1", "--format=%an <%ae>, %cn <%ce>", &name]).trim().to_owned()
}

#[test]
fn a_record_is_made_by_whom_git_names() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    judges(
        &world,
        "e=$(git show -s --format=%ce $c)\ncase $e in *@example.invalid) ;; *) echo \"$r: bad committer $e\" >&2; exit 1;; esac",
    );
    a.alias("tofu apply").run().code(0);
    let test = "Test <test@example.invalid>";
    assert_eq!(makers(&world, "alpha/prod"), format!("{test}, {test}"));
    let out = a.alias("tofu apply").env("GIT_COMMITTER_EMAIL", "bot@elsewhere").run();
    out.code(78)
        .says("refused: `refs/lockstep/locks/alpha/prod`: remote: ")
        .says("bad committer bot@elsewhere")
        .says("hint: if its hook judges commits: `committer = \"NAME <MAIL>\"`, `message_prefix = \"TEXT\"` or `sign = true`");
    assert_eq!(world.called(), ["tofu"], "once");
    let out = a.lockstep("freeze --reason why alpha/prod").env("GIT_COMMITTER_EMAIL", "bot@elsewhere").run();
    out.code(78).says("bad committer").says("`committer = ");
    // One of its own, whoever runs it; and the doctor's probe is such a commit too.
    a.publish("lockstep.toml", "[lock.git]\ncommitter = \"Lock Bot <bot@example.invalid>\"\n");
    a.alias("tofu apply").env("GIT_COMMITTER_EMAIL", "ana@elsewhere").run().code(0);
    assert_eq!(
        makers(&world, "alpha/prod"),
        "Lock Bot <bot@example.invalid>, Lock Bot <bot@example.invalid>"
    );
    a.lockstep("doctor --probe")
        .env("GIT_COMMITTER_EMAIL", "ana@elsewhere")
        .run()
        .never_says("bad committer");
    assert_eq!(world.lock_history("alpha/prod").len(), 4, "one chain");
}

#[test]
fn a_record_has_the_message_that_the_server_wants() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    judges(
        &world,
        "case $r in refs/lockstep/*) ;; *) continue;; esac\ns=$(git show -s --format=%s $c)\n\
         case $s in 'OPS-12 '*) ;; *) echo 'no ticket' >&2; exit 1;; esac",
    );
    let out = a.alias("tofu apply").run();
    out.code(78).says("remote: no ticket").says("`message_prefix = \"TEXT\"`");
    a.publish("lockstep.toml", "[lock.git]\nmessage_prefix = \"OPS-12 \"\n");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    // Who is not told of it reads the chain all the same, and who writes otherwise goes on with it.
    world.origin_hook("pre-receive", "exit 0\n");
    a.publish("lockstep.toml", "");
    a.lockstep("locks show alpha/prod").run().code(0);
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.lock("alpha/prod").expect("a record")["generation"], 2);
    a.write("lockstep.toml", "[lock.git]\nmessage_prefix = \"a\\nb\"\n");
    a.lockstep("list").run().code(78).says("lockstep.toml:2").says("a message prefix is one line");
    a.write("lockstep.toml", "[lock.git]\ncommitter = \"bot@example.org\"\n");
    a.lockstep("list").run().code(78).says("`bot@example.org` is not `Name <mail>`");
}

#[test]
fn git_signs_the_records() {
    let world = World::new();
    if world
        .program("git", &world.path(""))
        .args(["help", "-c"])
        .run()
        .stdout()
        .contains("gpg.ssh.allowedSignersFile")
    {
        world.link("ssh-keygen", &find("ssh-keygen"));
    } else {
        let _ = writeln!(
            std::io::stderr(),
            "\nskipped: server_rules::git_signs_the_records: this git knows no signatures by ssh"
        );
        return;
    }
    let a = world.clone("a");
    world.tool("tofu");
    let (key, signers) = (world.path("home/key"), world.path("home/signers"));
    let make =
        world.program("ssh-keygen", &world.path("")).args(["-q", "-t", "ed25519", "-N", "", "-C", "x", "-f"]);
    make.arg(&key).run().code(0);
    let public = std::fs::read_to_string(world.path("home/key.pub")).expect("just made");
    std::fs::write(&signers, format!("test@example.invalid {public}")).expect("the world is writable");
    let signers = signers.display();
    judges(
        &world,
        &format!(
            "case $r in refs/lockstep/*) ;; *) continue;; esac\n\
             git -c gpg.ssh.allowedSignersFile={signers} verify-commit $c || exit 1"
        ),
    );
    a.alias("tofu apply").run().code(78).says("hint: if its hook judges commits");
    a.publish("lockstep.toml", "[lock.git]\nsign = true\n");
    a.git("config gpg.format ssh");
    let out = a.alias("tofu apply").env("GIT_CONFIG_COUNT", "1");
    let out = out.env("GIT_CONFIG_KEY_0", "user.signingKey").env("GIT_CONFIG_VALUE_0", "/nowhere/key").run();
    out.code(78).says("git cannot sign a lock's record").says("`sign` under [lock.git]");
    assert!(world.called().is_empty());
    world.git_args(a.dir(), &["config", "user.signingKey", key.to_str().expect("text")]);
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    a.lockstep("log alpha/prod").run().code(0);
}
