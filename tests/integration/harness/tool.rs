//! Fake tools on the world's `PATH`: what they are told to do, and what they saw.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::wait::wait_until;
use super::{World, real};

const SOURCE: &str = include_str!("../../tools/fake_tool.py");

/// A fake tool under some name.
pub(crate) struct Tool {
    name: String,
    bin: PathBuf,
}

impl Tool {
    /// Puts it on the world's `PATH`, in the place of whatever has the name.
    pub(crate) fn install(world: &World, name: &str) -> Self {
        let bin = world.path("bin");
        let path = bin.join(name);
        let _ = std::fs::remove_file(&path);
        let text = format!("#!{} -IS\n{SOURCE}", real::python().display());
        std::fs::write(&path, text).expect("the world is writable");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("our own file");
        let tool = Self { name: name.to_owned(), bin };
        let _ = std::fs::remove_file(tool.steps_file());
        tool
    }

    /// What it does when it is called; see `tests/tools/fake_tool.py`. Replaces what was said before.
    pub(crate) fn does(&self, steps: Value) -> &Self {
        std::fs::write(self.steps_file(), steps.to_string()).expect("the world is writable");
        self
    }

    /// It ends with this code.
    pub(crate) fn exits(&self, code: u8) -> &Self {
        self.does(json!([{ "exit": code }]))
    }

    /// It makes the file `NAME.started` in the world, and ends well when `NAME.go` appears.
    pub(crate) fn waits(&self) -> &Self {
        // It may have run before.
        for file in [self.started(), self.go()] {
            let _ = std::fs::remove_file(file);
        }
        self.does(json!([{ "touch": self.started() }, { "await": self.go() }]))
    }

    /// The file that tells that it runs (with [`Tool::waits`]).
    pub(crate) fn started(&self) -> PathBuf {
        self.bin.join(format!("{}.started", self.name))
    }

    /// The file that lets it end (with [`Tool::waits`]).
    pub(crate) fn go(&self) -> PathBuf {
        self.bin.join(format!("{}.go", self.name))
    }

    /// Lets it end.
    pub(crate) fn let_go(&self) {
        std::fs::write(self.go(), "").expect("the world is writable");
    }

    /// The signals that it caught, in order (with a `trap` step).
    pub(crate) fn signals(&self) -> Vec<String> {
        let path = self.bin.join(format!("{}.signals", self.name));
        std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Waits until it has caught the signal.
    #[track_caller]
    pub(crate) fn wait_for_signal(&self, name: &str) {
        wait_until(&format!("{name} to reach {}", self.name), || self.signals().iter().any(|s| s == name));
    }

    fn steps_file(&self) -> PathBuf {
        self.bin.join(format!("{}.steps", self.name))
    }
}

/// One call of a fake tool.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) tool: String,
    pub(crate) argv: Vec<OsString>,
    pub(crate) cwd: PathBuf,
    pub(crate) log: Value,
}

impl Call {
    /// A variable of its environment.
    pub(crate) fn env(&self, name: &str) -> Option<OsString> {
        self.log["env"].get(name).map(latin1)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        u32::try_from(self.log["pid"].as_u64().unwrap_or(0)).expect("a pid")
    }
}

/// All calls so far, in order.
pub(crate) fn calls(bin: &Path) -> Vec<Call> {
    let text = std::fs::read_to_string(bin.join("calls.jsonl")).unwrap_or_default();
    let parse = |line: &str| -> Call {
        let log: Value = serde_json::from_str(line).expect("the fake tool writes JSON");
        let argv = log["argv"].as_array().expect("a list").iter().map(latin1).collect();
        let text = |key: &str| log[key].as_str().expect("a text").to_owned();
        Call { tool: text("tool"), argv, cwd: text("cwd").into(), log }
    };
    text.lines().map(parse).collect()
}

/// The fake tool logs bytes as characters of the same number.
fn latin1(value: &Value) -> OsString {
    let text = value.as_str().expect("a text");
    OsString::from_vec(
        text.chars().map(|c| u8::try_from(u32::from(c)).expect("one byte a character")).collect(),
    )
}
