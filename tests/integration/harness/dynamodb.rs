//! A project whose locks are in DynamoDB: one server for all tests of this process, a table for each world.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{Checkout, World, real};

#[path = "../../tools/dynamodb.rs"]
mod tool;

/// The server. It ends when its standard input does, so with this process.
struct Server {
    _child: Child,
    port: u16,
    home: tempfile::TempDir,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        super::dispositions::as_in_a_shell();
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut command = tool::server(real::python(), home.path());
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("python can be run");
        let mut line = String::new();
        let read = BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line);
        read.expect("it writes text");
        let hello: Value = serde_json::from_str(&line).expect("the server says where it listens");
        let port = hello["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        Server { _child: child, port, home }
    })
}

/// The lock table of a world.
pub(crate) struct Dynamodb {
    name: String,
}

impl Dynamodb {
    /// A world whose project keeps its locks in a table of its own, and whose user has credentials.
    pub(crate) fn world() -> (World, Self) {
        let (world, table) = Self::world_with("region = \"eu-west-1\"\n");
        world.set_variable("AWS_ACCESS_KEY_ID", "AKIATEST");
        world.set_variable("AWS_SECRET_ACCESS_KEY", "hunter2");
        (world, table)
    }

    /// A world whose project names the table, and more as it is told; its user has no credentials, and
    /// the machine's metadata service is not asked.
    pub(crate) fn world_with(more: &str) -> (World, Self) {
        static TABLES: AtomicUsize = AtomicUsize::new(0);
        let name = format!("locks{}", TABLES.fetch_add(1, Ordering::Relaxed));
        tool::create_table(server().port, &name, "LockID");
        let endpoint = format!("http://127.0.0.1:{}", server().port);
        let config = format!(
            "[lock]\nbackend = \"dynamodb\"\n[lock.dynamodb]\ntable = \"{name}\"\nendpoint_url = \"{endpoint}\"\n{more}"
        );
        let world = World::new();
        let seed = Checkout::at(&world, "seed");
        seed.publish("lockstep.toml", &config);
        world.set_variable("AWS_EC2_METADATA_DISABLED", "true");
        (world, Self { name })
    }

    /// The table's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// From here on requests meet these faults (`tests/tools/dynamodb_server.py`).
    pub(crate) fn faults(&self, rules: &Value) {
        tool::faults(server().home.path(), &self.name, rules);
    }

    /// The requests since the last call, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        tool::asked(server().home.path(), &self.name)
    }

    /// Another table, with a key of this name.
    pub(crate) fn another(&self, suffix: &str, key: &str) -> String {
        let name = format!("{}-{suffix}", self.name);
        tool::create_table(server().port, &name, key);
        name
    }

    /// The item of a lock; null if there is none.
    pub(crate) fn item(&self, unit: &str) -> Value {
        let key = json!({"LockID": {"S": format!("lockstep:{unit}")}});
        let asked = json!({"TableName": self.name, "Key": key, "ConsistentRead": true});
        tool::call(server().port, "GetItem", &asked).1["Item"].clone()
    }

    /// The last record of a lock.
    pub(crate) fn record(&self, unit: &str) -> Value {
        let item = self.item(unit);
        serde_json::from_str(item["record"]["S"].as_str().expect("an item with a record")).expect("JSON")
    }

    /// Puts an item into the table, as anyone with access could.
    pub(crate) fn put(&self, item: &Value) {
        let (status, answer) =
            tool::call(server().port, "PutItem", &json!({"TableName": self.name, "Item": item}));
        assert_eq!(status, 200, "{answer}");
    }
}
