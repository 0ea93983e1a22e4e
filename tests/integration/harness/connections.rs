//! The connections to a remote that something makes, by what git is called for. Over every transport
//! each of them is one connection; the servers of the tests count theirs as well.

use super::world::{World, write_script};

/// What `act` gives, and the command lines by which git spoke to a remote meanwhile.
pub(crate) fn connections<T>(world: &World, act: impl FnOnce() -> T) -> (T, Vec<String>) {
    let git = std::fs::read_link(world.path("bin/git")).expect("a link");
    std::fs::remove_file(world.path("bin/git")).expect("it was there");
    let log = world.sign("git.log");
    let _ = std::fs::remove_file(&log);
    let script = format!("echo \"$*\" >> {}\nexec {} \"$@\"\n", log.display(), git.display());
    write_script(&world.path("bin"), "git", &script);
    let out = act();
    world.link("git", &git);
    let calls = std::fs::read_to_string(&log).expect("git was called");
    let remote = |line: &&str| line.split(' ').any(|w| ["fetch", "push", "ls-remote", "pull"].contains(&w));
    (out, calls.lines().filter(remote).map(str::to_owned).collect())
}
