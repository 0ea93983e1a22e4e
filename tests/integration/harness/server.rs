//! A server of the tests: a Python program that says in one line of JSON how it is reached, and ends
//! when its standard input does, so that it never outlives the test, however that ends.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::World;

/// A server that listens. It is ended when this is dropped.
pub(super) struct Server {
    child: Child,
    hello: Value,
}

impl Server {
    /// Starts it and waits until it listens.
    #[track_caller]
    pub(super) fn start(world: &World, mut command: Command) -> Self {
        let errors = world.path(format!("out/{}.server", world.next_number()));
        command.env_clear().envs(world.base_env()).current_dir(world.path("tmp"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(&errors).expect("the world is writable"));
        let mut child = command.spawn().expect("python can be run");
        let mut line = String::new();
        let read = BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line);
        // Made before it can panic, so that nothing is left running.
        let mut server = Self { child, hello: Value::Null };
        read.expect("it writes text");
        server.hello = serde_json::from_str(&line).unwrap_or_else(|_| {
            panic!("the server does not listen: {}", std::fs::read_to_string(&errors).unwrap_or_default())
        });
        server
    }

    /// What it said about itself.
    pub(super) fn hello(&self, name: &str) -> &Value {
        &self.hello[name]
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if start.elapsed() > Duration::from_secs(10) {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
