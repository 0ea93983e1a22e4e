//! A command line on a pseudo-terminal, in the foreground, as a job of a shell (`tests/tools/pty_bridge.py`).

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::wait::wait_until;
use super::{World, real};

const SOURCE: &str = include_str!("../../tools/pty_bridge.py");

/// A program on a terminal.
pub(crate) struct Terminal {
    bridge: Child,
    orders: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: Option<std::thread::JoinHandle<()>>,
    status: PathBuf,
    ended: bool,
}

impl Terminal {
    /// Starts the binary on a terminal in a directory, with these arguments.
    pub(crate) fn lockstep(world: &World, dir: &Path, args: &[&str]) -> Self {
        Self::program(world, Path::new(env!("CARGO_BIN_EXE_lockstep")), dir, args)
    }

    /// Starts any program on a terminal in a directory, with these arguments.
    pub(crate) fn program(world: &World, program: &Path, dir: &Path, args: &[&str]) -> Self {
        let number = world.next_number();
        let (script, status) = (world.path("out/pty_bridge.py"), world.path(format!("out/{number}.status")));
        std::fs::write(&script, SOURCE).expect("the world is writable");
        let mut command = Command::new(real::python());
        command.args(["-IS".as_ref(), script.as_os_str(), status.as_os_str()]);
        command.arg(program).args(args);
        command.current_dir(dir).env_clear().envs(world.base_env());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut bridge = command.spawn().expect("python can be run");
        let orders = bridge.stdin.take().expect("piped");
        let mut output = bridge.stdout.take().expect("piped");
        let screen = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&screen);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                seen.lock().expect("nothing panics with it").extend_from_slice(&buffer[..count]);
            }
        });
        Self { bridge, orders, screen, reader: Some(reader), status, ended: false }
    }

    /// Everything that appeared on the terminal so far.
    pub(crate) fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("nothing panics with it")).into_owned()
    }

    /// Waits until the text has appeared.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        let screen = Arc::clone(&self.screen);
        let read = || String::from_utf8_lossy(&screen.lock().expect("nothing panics with it")).into_owned();
        // All that it wrote has been read by then.
        let ended = || self.reader.as_ref().is_none_or(std::thread::JoinHandle::is_finished);
        wait_until(&format!("`{text}` on the terminal, which shows:\n{}", self.screen()), || {
            read().contains(text) || ended()
        });
        assert!(read().contains(text), "the program ended without `{text}`:\n{}", read());
    }

    /// Types a text.
    pub(crate) fn types(&mut self, text: &str) {
        self.order(&json!({ "send": text }));
    }

    /// Presses Ctrl-C.
    pub(crate) fn ctrl_c(&mut self) {
        self.types("\u{3}");
    }

    /// Presses Ctrl-Z and waits until the job is stopped.
    #[track_caller]
    pub(crate) fn ctrl_z(&mut self) {
        self.types("\u{1a}");
        self.wait_for("[stopped]");
    }

    /// Brings the stopped job back and waits until the terminal is its own again.
    #[track_caller]
    pub(crate) fn foreground(&mut self) {
        self.order(&json!({ "fg": true }));
        self.wait_for("[continued]");
    }

    /// Closes the terminal's window.
    pub(crate) fn hang_up(&mut self) {
        self.order(&json!({ "hangup": true }));
    }

    /// Waits for the end of the program: `exit 0`, `signal 2`.
    #[track_caller]
    pub(crate) fn finish(mut self) -> (String, String) {
        let screen = self.screen();
        wait_until(&format!("the end of the program; its terminal shows:\n{screen}"), || {
            self.status.exists()
        });
        let _ = self.bridge.wait();
        self.ended = true;
        self.reader.take().map(std::thread::JoinHandle::join);
        (std::fs::read_to_string(&self.status).expect("it exists"), self.screen())
    }

    fn order(&mut self, order: &Value) {
        writeln!(self.orders, "{order}").expect("the bridge lives");
        self.orders.flush().expect("the bridge lives");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.bridge.kill();
            let _ = self.bridge.wait();
        }
    }
}
