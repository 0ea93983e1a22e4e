//! The tests through the binary, one theme a file; everything that they share is in `harness`.
#![expect(clippy::disallowed_methods, reason = "tests start programs and look at the machine they run on")]

mod build;
mod cli;
mod demo;
mod diff;
mod embed;
mod examples;
mod exec;
mod exit_codes;
mod explain;
mod freeze;
mod git_check;
mod harness;
mod harness_works;
mod journal;
mod layering;
mod lock;
mod lock_commands;
mod lock_keys;
mod lock_moves;
mod push;
mod readme;
mod remotes;
mod repositories;
mod signals;
mod takeover;
mod wait;
mod workflow;
