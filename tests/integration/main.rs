//! The tests through the binary, one theme a file; everything that they share is in `harness`.
#![expect(clippy::disallowed_methods, reason = "tests start programs and look at the machine they run on")]

mod affected;
mod affected_broken;
mod build;
mod ci;
mod cli;
mod completion;
mod connections;
mod damaged_records;
#[cfg(target_os = "linux")]
mod death;
mod demo;
mod describe;
mod diff;
mod docs;
mod doctor;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod embed;
mod examples;
mod exec;
mod exec_settings;
mod exit_code_shapes;
mod exit_codes;
mod explain;
mod expressions;
mod first_use;
mod freeze;
#[cfg(target_os = "linux")]
mod full_disk;
mod git_check;
mod graph;
mod harness;
mod harness_works;
mod init;
mod journal;
mod layering;
mod list;
mod lock;
mod lock_commands;
mod lock_keys;
mod lock_moves;
mod lock_moves_remote;
mod many;
mod many_runs;
mod mistakes;
mod new;
mod odd_servers;
mod outputs;
mod push;
mod readme;
mod recipes;
mod remotes;
mod reports;
mod repositories;
mod schema;
mod shells;
mod signals;
mod stage_units;
mod stages;
mod takeover;
mod terminal;
mod validate;
mod wait;
mod who_else;
mod workflow;
