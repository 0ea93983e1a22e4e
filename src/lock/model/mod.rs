//! The lock protocol as a state machine, explored exhaustively.
//!
//! Up to three clients run pipelines over a remote with branches and one lock. Between any two
//! steps anybody else may take one; lockstep is killed at any point, also while its tool lives; the
//! power fails; a connection breaks before, during or after a write, which then arrives at once,
//! later or never; branch and lock are read one after the other, in either order; somebody evicts a
//! run, somebody pushes without lockstep. In every state that can be reached [`properties`] hold.
//!
//! It is a second telling of the rules, not the code itself: where `protocol`, `hold`, `evict`,
//! `git_ref` or the steps change, it changes with them. That it is able to fail is shown by leaving
//! out one rule at a time.

mod client;
mod many;
mod properties;
mod random;
mod rules;
mod scenario;
mod search;
mod state;
mod swap;
mod tests;
