//! Holding a run at an event of its own choosing, without anything in the binary that knows of it.
//!
//! The run writes its events into a pipe that has room for one packet and keeps packets apart. Each
//! event waits until the one before it has been taken out; a run whose next event is not taken stands
//! still in the middle of writing it: all that comes before is done, nothing that comes after.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use serde_json::Value;

use super::wait::wait_until;
use super::{Cmd, Output, Running};

/// The number of `write` among the system's calls.
const WRITE: &str = if cfg!(target_arch = "x86_64") { "1" } else { "64" };

/// A run that goes on an event at a time.
pub(crate) struct EventGate {
    run: Running,
    events: File,
}

impl EventGate {
    /// Starts a run; it stands at its first event.
    #[track_caller]
    pub(crate) fn start<'w>(command: impl FnOnce(&str) -> Cmd<'w>) -> Self {
        // Packets are kept apart, so that a pipe of one page holds one of them, however small.
        let (read, write) = pipe_with(PipeFlags::DIRECT | PipeFlags::CLOEXEC).expect("a pipe");
        fcntl_setpipe_size(&write, 1).expect("one page is the least there is");
        let write: OwnedFd = write;
        let mut first = File::from(write.try_clone().expect("a descriptor"));
        first.write_all(b"the first event waits for this").expect("there is room for one");
        let run = command("fd:0").descriptor_0(write).start();
        Self { run, events: File::from(read) }
    }

    /// Lets it write the event at which it stands, once what stands before that is taken out.
    fn take(&mut self) -> Vec<u8> {
        // One read takes one packet, and none is longer than a page.
        let mut packet = vec![0; 4096];
        let length = self.events.read(&mut packet).expect("a pipe");
        packet.truncate(length);
        packet
    }

    /// Lets it go on until it stands at the event with this number, and returns when it does.
    #[track_caller]
    pub(crate) fn hold_at(&mut self, number: usize) {
        for _ in 0..number {
            self.take();
        }
        let calls = format!("/proc/{}/syscall", self.run.pid());
        wait_until(&format!("event {number} to be written"), || {
            // Nothing else that it writes into can be full.
            std::fs::read_to_string(&calls).is_ok_and(|call| call.split(' ').next() == Some(WRITE))
                || self.run.has_ended()
        });
        assert!(!self.run.has_ended(), "it ended before event {number}");
    }

    /// Kills it where it stands.
    pub(crate) fn kill(self) -> Output {
        self.run.kill()
    }

    /// Sends it a signal and returns when it has taken notice.
    #[track_caller]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        self.run.signal(signal);
        let tasks = format!("/proc/{}/task", self.run.pid());
        let asleep = |status: String| {
            let value = |key: &str| {
                status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("").trim().to_owned()
            };
            value("State:").starts_with('S') && value("ShdPnd:").trim_start_matches('0').is_empty()
        };
        // Its handler wakes a thread, which sleeps again when it has passed on what came.
        wait_until("the signal to be noticed", || {
            let all = std::fs::read_dir(&tasks).expect("it lives").flatten();
            all.map(|task| std::fs::read_to_string(task.path().join("status")).unwrap_or_default())
                .all(asleep)
        });
    }

    /// Lets it go on to its end; its events from where it stood.
    #[track_caller]
    pub(crate) fn finish(mut self) -> (Output, Vec<Value>) {
        let mut events = Vec::new();
        loop {
            let packet = self.take();
            let Ok(event) = serde_json::from_slice::<Value>(&packet) else {
                assert!(events.is_empty() && !packet.is_empty(), "not an event: {packet:?}");
                continue;
            };
            let last = event["event"] == "run_finished";
            events.push(event);
            if last {
                return (self.run.finish(), events);
            }
        }
    }
}
