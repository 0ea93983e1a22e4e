//! Real programs of the machine: those that must be there, and ansible, which is set up under `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the tests were written against; renewed by hand.
const ANSIBLE: &str = "ansible-core>=2.15,<2.20";

/// A program on the `PATH` of whoever runs the tests.
#[track_caller]
pub(crate) fn find(name: &str) -> PathBuf {
    on_path(name).unwrap_or_else(|| panic!("`{name}` is needed by the tests and is not on the PATH"))
}

pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// The Python interpreter itself, not what version managers put before it.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let out = Command::new(find("python3")).args(["-c", "import sys; print(sys.executable)"]).output();
        let out = out.expect("python3 can be run");
        assert!(out.status.success(), "python3 does not work: {}", String::from_utf8_lossy(&out.stderr));
        PathBuf::from(String::from_utf8_lossy(&out.stdout).trim())
    })
}

/// `tofu`, else `terraform`: its name and where it is.
pub(crate) fn tofu() -> (&'static str, PathBuf) {
    for name in ["tofu", "terraform"] {
        if let Some(path) = on_path(name) {
            return (name, path);
        }
    }
    panic!("neither `tofu` nor `terraform` is on the PATH; see https://opentofu.org/docs/intro/install/")
}

/// `kubectl`.
pub(crate) fn kubectl() -> PathBuf {
    on_path("kubectl").unwrap_or_else(|| {
        panic!("`kubectl` is not on the PATH; see https://kubernetes.io/docs/tasks/tools/")
    })
}

/// The top of this package.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `ansible-playbook`, set up once under `target/tools/`: with pip alone, for a virtual environment
/// needs parts of Python that some systems leave out.
pub(crate) fn ansible_playbook() -> PathBuf {
    static ANSIBLE_PLAYBOOK: OnceLock<PathBuf> = OnceLock::new();
    ANSIBLE_PLAYBOOK.get_or_init(set_up_ansible).clone()
}

fn set_up_ansible() -> PathBuf {
    let tools = target_directory().join("tools");
    std::fs::create_dir_all(&tools).expect("target/ is writable");
    // Several test processes may want it at once; the lock goes with the file's last descriptor.
    let lock = std::fs::File::create(tools.join("ansible.lock")).expect("target/ is writable");
    lock.lock().expect("an advisory lock on a file of ours");
    let home = tools.join("ansible");
    let starter = home.join("ansible-playbook");
    let text = format!(
        "#!{0} -IS\nimport os, sys\nlib = os.path.join(os.path.dirname(os.path.realpath(__file__)), 'lib')\n\
         os.environ['PYTHONPATH'] = lib\nos.execv('{0}', ['{0}', '-m', 'ansible', 'playbook', *sys.argv[1:]])\n\
         # {ANSIBLE}\n",
        python().display()
    );
    // Set up anew when the interpreter or the version is another.
    if std::fs::read_to_string(&starter).is_ok_and(|present| present == text) {
        return starter;
    }
    let _ = std::fs::remove_dir_all(&home);
    install(&home.join("lib"));
    // Written last: it tells that the rest is whole.
    let new = home.join("starter.new");
    std::fs::write(&new, text).expect("target/ is writable");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&new, executable).expect("our own file");
    std::fs::rename(&new, &starter).expect("target/ is writable");
    starter
}

fn install(into: &Path) {
    let mut pip = Command::new(python());
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--target"]).arg(into).arg(ANSIBLE);
    let out = pip.output().expect("python can be run");
    assert!(
        out.status.success(),
        "ansible could not be installed for the tests; try it by hand:\n  {} -m pip install --target {} '{ANSIBLE}'\n\
         (without pip: `python3 -m ensurepip`, or the system's package python3-pip)\n{}",
        python().display(),
        into.display(),
        String::from_utf8_lossy(&out.stderr)
    );
}

pub(super) fn target_directory() -> PathBuf {
    // target/<profile>/lockstep
    let binary = Path::new(env!("CARGO_BIN_EXE_lockstep"));
    binary.ancestors().nth(2).expect("cargo puts binaries two levels below target/").to_owned()
}
