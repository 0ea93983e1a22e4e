//! The contract on the DynamoDB backend, against moto; the promises that need no transaction also
//! against dynalite, which is another reading of the same interface.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::fixture::Place;
use crate::env::Environment;
use crate::lock::{DynamoTable, LockBackend};
use crate::process::Interrupts;
use crate::project::DynamodbLockConfig;

#[path = "../../../tests/tools/dynamodb.rs"]
pub(super) mod tool;

/// A server that ends with this process, however that ends: its standard input is a pipe from here.
struct Server {
    _child: Child,
    port: u16,
}

fn started(mut command: Command) -> Server {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().expect("it can be run");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let hello: Value = serde_json::from_str(&line).expect("the server says where it listens");
    let port = u16::try_from(hello["port"].as_u64().unwrap()).unwrap();
    Server { _child: child, port }
}

#[expect(clippy::disallowed_methods, reason = "the interpreter itself is looked for")]
pub(super) fn python() -> PathBuf {
    let out = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    PathBuf::from(String::from_utf8(out.stdout).unwrap().trim())
}

/// One for all tests of this process: its port, and where it keeps faults and logs.
pub(super) fn moto() -> (u16, &'static Path) {
    static MOTO: OnceLock<(Server, tempfile::TempDir)> = OnceLock::new();
    let (server, home) = MOTO.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        (started(tool::server(&python(), home.path())), home)
    });
    (server.port, home.path())
}

/// A client of a table on a port, with credentials of nobody.
pub(super) fn client(port: u16, table: &str, interrupts: &Interrupts) -> DynamoTable {
    let text = format!("table = '{table}'\nregion = 'eu-west-1'\nendpoint_url = 'http://127.0.0.1:{port}'");
    let config: DynamodbLockConfig = toml::from_str(&text).unwrap();
    let vars = [("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];
    DynamoTable::new(&config, &Environment::new("/", vars), interrupts.clone()).unwrap()
}

/// A fresh table.
pub(super) fn table(port: u16) -> String {
    static TABLES: AtomicUsize = AtomicUsize::new(0);
    let name = format!("locks{}", TABLES.fetch_add(1, Ordering::Relaxed));
    tool::create_table(port, &name, "LockID");
    name
}

pub(super) fn put(port: u16, table: &str, item: &Value) {
    let (status, answer) = tool::call(port, "PutItem", &json!({"TableName": table, "Item": item}));
    assert_eq!(status, 200, "{answer}");
}

fn place_at(port: u16) -> Place {
    let (name, gone) = (table(port), Arc::new(AtomicBool::new(false)));
    let (for_plant, unplugged) = (name.clone(), Arc::clone(&gone));
    // Behind a door of its own, so that one place can be taken away.
    let door = Arc::new(Door::before(port));
    let closed = Arc::clone(&door);
    Place {
        client: Box::new(move || {
            assert!(!unplugged.load(Ordering::Relaxed), "clients are made before");
            Arc::new(client(door.port, &name, &Interrupts::new())) as Arc<dyn LockBackend>
        }),
        plant: Box::new(move |key, bytes| {
            let nonce = serde_json::from_slice::<Value>(bytes).ok();
            let nonce = nonce.as_ref().and_then(|record| record["nonce"].as_str()).unwrap_or("n1");
            let item = json!({
                "LockID": {"S": super::super::dynamodb::item_id(key)},
                "nonce": {"S": nonce},
                "record": {"S": std::str::from_utf8(bytes).unwrap()},
            });
            put(port, &for_plant, &item);
        }),
        unplug: Box::new(move || {
            gone.store(true, Ordering::Relaxed);
            closed.close();
        }),
    }
}

/// A port that passes connections on until it is closed.
struct Door {
    port: u16,
    open: Arc<AtomicBool>,
}

impl Door {
    fn before(port: u16) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let open = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&open);
        std::thread::spawn(move || {
            let mut passing = Vec::new();
            for near in listener.incoming().map_while(Result::ok) {
                if !still.load(Ordering::Relaxed) {
                    break;
                }
                let far = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
                for (mut from, mut to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(std::net::Shutdown::Both);
                    });
                }
                passing.push((near, far));
            }
            for (near, far) in passing {
                let _ = near.shutdown(std::net::Shutdown::Both);
                let _ = far.shutdown(std::net::Shutdown::Both);
            }
        });
        Self { port: own, open }
    }

    /// Nobody listens any more when this returns.
    fn close(&self) {
        self.open.store(false, Ordering::Relaxed);
        let _ = std::net::TcpStream::connect(("127.0.0.1", self.port));
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            std::thread::yield_now();
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.close();
    }
}

fn place() -> Place {
    place_at(moto().0)
}

super::contract_on!(place);

/// dynalite, set up once; none where there is no npm.
#[expect(clippy::disallowed_methods, reason = "npm is looked for and run")]
fn dynalite() -> Option<u16> {
    static DYNALITE: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let there =
            |program: &str| Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
        if !there("npm") || !there("node") {
            eprintln!("skipped: there is no npm to set up dynalite with");
            return None;
        }
        let tools = tool::tools();
        let lock = std::fs::File::create(tools.join("dynalite.lock")).unwrap();
        lock.lock().unwrap();
        let home = tools.join("dynalite");
        if !home.join("whole").exists() {
            install_dynalite(&home);
        }
        let mut node = Command::new("node");
        node.args(["-e", DYNALITE_STARTER]).current_dir(&home);
        Some(started(node))
    };
    DYNALITE.get_or_init(start).as_ref().map(|server| server.port)
}

const DYNALITE_STARTER: &str = "
const server = require('dynalite')({ createTableMs: 0 });
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on('end', () => process.exit(0)).resume();
";

#[expect(clippy::disallowed_methods, reason = "npm is run")]
fn install_dynalite(home: &Path) {
    let _ = std::fs::remove_dir_all(home);
    std::fs::create_dir_all(home).unwrap();
    std::fs::write(home.join("package.json"), "{\"private\": true}").unwrap();
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "dynalite@4.0.0"]);
    let out = npm.current_dir(home).output().unwrap();
    assert!(
        out.status.success(),
        "dynalite could not be installed: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    std::fs::write(home.join("whole"), "").unwrap();
}

/// The promises about single keys, on the second server.
macro_rules! second_opinion {
    ($($case:ident in $file:ident),+ $(,)?) => {
        mod on_dynalite {
            $(#[test]
            fn $case() {
                if let Some(port) = super::dynalite() {
                    super::super::$file::$case(&super::place_at(port));
                }
            })+
        }
    };
}

second_opinion! {
    acquire_and_release in cases,
    a_second_owner_is_told_the_holder in cases,
    a_failed_run_is_taken_over_by_its_owner_only in cases,
    a_dead_run_on_the_same_host_is_taken_over in cases,
    given_back_is_as_it_was_found in cases,
    a_wrong_generation_is_not_released in cases,
    releasing_twice_is_releasing_once in cases,
    only_the_named_run_is_evicted in cases,
    an_evicted_run_cannot_release in cases,
    applied_and_generation_are_never_lost in cases,
    a_tree_without_what_was_applied_is_refused in cases,
    stale_knowledge_does_not_decide in cases,
    history_is_the_whole_chain in cases,
    one_and_the_same_record_has_one_winner in cases,
    nobody_takes_what_is_frozen in cases_freeze,
    an_unknown_version_asks_for_an_upgrade in cases_hostile,
    an_unreachable_place_refuses in cases_hostile,
    threads_that_race_have_one_winner in cases_race,
    takeover_and_eviction_race in cases_race,
}
