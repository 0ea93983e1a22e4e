//! lockstep inside another program: a request that arrived as JSON, an event sink, an environment,
//! an owner, cancellation, and the tool's output in the report instead of on the terminal.
//!
//!     cargo run --example embed -- PROJECT MODULE PROFILE PROGRAM [ARG...]

use std::sync::{Arc, Mutex};

use lockstep::Engine;
use lockstep::env::Environment;
use lockstep::process::{Interrupts, Signal, Stdio};
use lockstep::workflow::{Event, Reporter, Request};

/// Keeps every event: a service would put them on a bus or into a table.
#[derive(Default)]
struct Sink(Mutex<Vec<serde_json::Value>>);

impl Reporter for Sink {
    fn emit(&self, event: &Event) {
        let event = serde_json::to_value(event).expect("events are plain data");
        self.0.lock().expect("no other holder panics").push(event);
    }
}

#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a program of its own, at its own edge")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(project), Some(module), Some(profile)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: embed PROJECT MODULE PROFILE PROGRAM [ARG...]".into());
    };

    // As it would arrive over a wire.
    let sent =
        Request::new(project, ["build", "git-check", "lock", "exec", "unlock"], module, profile).args(args);
    let request: Request = serde_json::from_str(&serde_json::to_string(&sent)?)?;

    // Only what the tools need, whatever this process was started with.
    let path = std::env::var("PATH")?;
    let home = std::env::var("HOME")?;
    let kept = std::env::vars().filter(|(name, _)| name.starts_with("GIT_CONFIG_"));
    let env =
        Environment::new("/", [("PATH".to_owned(), path), ("HOME".to_owned(), home)].into_iter().chain(kept));

    let sink = Arc::new(Sink::default());
    let interrupts = Interrupts::new();
    let engine = Engine::new(env)
        .owner("deploy-service")
        .reporter(sink.clone())
        .interrupts(interrupts.clone())
        .stdio(Stdio::Capture);

    let report = engine.run(&request)?;
    println!("report {}", serde_json::to_string(&report)?);
    for unit in &report.units {
        println!("output {}", String::from_utf8_lossy(&unit.stdout).trim_end());
    }
    // Taken out, for the next run fills the sink again.
    let events = std::mem::take(&mut *sink.0.lock().expect("no other holder panics"));
    for event in &events {
        println!("event {}", event["event"].as_str().unwrap_or("?"));
    }

    // A request that is cancelled before its command runs ends by itself and holds nothing.
    interrupts.deliver(Signal::Term, false);
    let cancelled = engine.run(&request)?;
    println!("cancelled {} {:?}", cancelled.exit_code, cancelled.units[0].lock);
    Ok(())
}
