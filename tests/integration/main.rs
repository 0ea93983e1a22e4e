//! The tests through the binary, one theme a file; everything that they share is in `harness`.
#![expect(clippy::disallowed_methods, reason = "tests start programs and look at the machine they run on")]

mod build;
mod cli;
mod completion;
mod demo;
mod diff;
mod embed;
mod examples;
mod exec;
mod exec_settings;
mod exit_code_shapes;
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
mod push;
mod readme;
mod remotes;
mod repositories;
mod shells;
mod signals;
mod takeover;
mod terminal;
mod wait;
mod workflow;
