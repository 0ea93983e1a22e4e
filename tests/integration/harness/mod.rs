//! What the tests stand on: a [`World`] with a bare `origin`, clones, a project and fake tools in a
//! temporary directory, in which the binary runs as a user would run it.
//!
//! - Nothing of the machine gets in: the binary starts with an empty environment and a short list of
//!   variables (see [`World::base_env`]); `PATH` is one private directory of links and fake tools;
//!   no configuration of git but the world's own; never a variable of a CI.
//! - Waiting is always for an event (a file, a line of output, the end of a process), with one
//!   generous deadline that fails loudly. No test depends on time, order or the network.
//! - A fake tool does what its list of steps says (`tests/tools/fake_tool.py`) and logs argv byte
//!   for byte, directory and environment: [`Tool::does`], [`World::calls`].
//! - `origin` is reached by file, or by a server on a loopback port that is ended with the test:
//!   [`HttpServer`], [`SshServer`].
//! - Locks in DynamoDB: [`Dynamodb`].
//! - A command line on a terminal, with Ctrl-C and Ctrl-Z: [`Terminal`]; an interactive shell: [`Shell`].
//! - Output is compared whole: `snap!(output)` shows exit code, stdout and stderr together, with
//!   paths, object ids, run ids, times and pids replaced. Renewing all snapshots is one line, and the
//!   difference belongs to the review: `INSTA_UPDATE=always cargo test`
//! - Whatever happens, only processes that the test started are ended, by their id.

mod checkout;
mod command;
mod connections;
mod dispositions;
#[cfg(feature = "dynamodb")]
mod dynamodb;
#[cfg(target_os = "linux")]
mod event_gate;
mod http;
mod normalise;
mod packages;
mod real;
mod server;
mod shell;
#[cfg(target_os = "linux")]
mod small_disk;
mod ssh;
mod sshd;
mod terminal;
mod tool;
mod wait;
mod world;

pub(crate) use checkout::Checkout;
pub(crate) use command::{Cmd, Output, Running};
pub(crate) use connections::connections;
#[cfg(feature = "dynamodb")]
pub(crate) use dynamodb::Dynamodb;
#[cfg(target_os = "linux")]
pub(crate) use event_gate::EventGate;
pub(crate) use http::{HttpRequest, HttpServer};
pub(crate) use normalise::snapshot_settings;
pub(crate) use real::{ansible_playbook, find, kubectl, python, repository, tofu};
pub(crate) use shell::{Shell, fish};
#[cfg(target_os = "linux")]
pub(crate) use small_disk::SmallDisk;
pub(crate) use ssh::SshServer;
pub(crate) use terminal::Terminal;
pub(crate) use tool::{Call, Tool};
pub(crate) use wait::{wait_for_file, wait_until};
pub(crate) use world::{World, write_script};

/// The pipeline of the usual alias for `alpha/prod`, up to where the tool is named.
pub(crate) const ALIAS: &str = "build git-check lock exec git-push unlock-any -- alpha prod";

/// Compares an output (or any text) with its snapshot file, normalised.
macro_rules! snap {
    ($value:expr) => {
        $crate::harness::snapshot_settings().bind(|| insta::assert_snapshot!($value.to_string()))
    };
    ($name:expr, $value:expr) => {
        $crate::harness::snapshot_settings().bind(|| insta::assert_snapshot!($name, $value.to_string()))
    };
}
pub(crate) use snap;
