//! DynamoDB for the tests: moto, set up once under `target/tools/`, and how to speak to it plainly.
//! Part of the unit tests and of the tests through the binary.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

/// What is installed: no more than the server needs.
const MOTO: &[&str] = &["moto[dynamodb]==5.2.*", "flask", "flask-cors"];
const SOURCE: &str = include_str!("dynamodb_server.py");

/// The command that starts a server which keeps faults and logs in `home`; it is to have a pipe as
/// standard input, and ends when that does.
#[expect(clippy::disallowed_methods, reason = "a server of the tests is started")]
pub(crate) fn server(python: &Path, home: &Path) -> Command {
    let settings = json!({"lib": moto(python), "home": home});
    let mut command = Command::new(python);
    command.args(["-IS", "-c", SOURCE]).arg(settings.to_string());
    command
}

/// From the next request on, requests about the table meet these faults (`dynamodb_server.py`).
pub(crate) fn faults(home: &Path, table: &str, rules: &Value) {
    static ORDERS: AtomicUsize = AtomicUsize::new(1);
    let order = json!({"id": ORDERS.fetch_add(1, Ordering::Relaxed), "rules": rules}).to_string();
    let new = home.join(format!("{table}.new"));
    std::fs::write(&new, order).expect("the server's directory is writable");
    std::fs::rename(new, home.join(format!("{table}.faults"))).expect("it is writable");
}

/// The operations on the table since the last call, in order.
///
/// The server goes on writing meanwhile, so the file is left alone: what was told is remembered here.
pub(crate) fn asked(home: &Path, table: &str) -> Vec<String> {
    static TOLD: Mutex<BTreeMap<PathBuf, usize>> = Mutex::new(BTreeMap::new());
    let path = home.join(format!("{table}.log"));
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let mut told = TOLD.lock().expect("nothing panics while it is held");
    let from = told.insert(path, whole).unwrap_or(0);
    drop(told);
    let what = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("the server writes JSON");
        line["what"].as_str().expect("it says what").to_owned()
    };
    text[from..whole].lines().map(what).collect()
}

/// Where tools of the tests are set up.
pub(crate) fn tools() -> PathBuf {
    // target/<profile>/deps/<test>
    let program = std::env::current_exe().expect("this program is somewhere");
    let target = program.ancestors().nth(3).expect("cargo puts tests three levels below target/");
    let tools = target.join("tools");
    std::fs::create_dir_all(&tools).expect("target/ is writable");
    tools
}

/// moto's directory, filled the first time.
#[expect(clippy::disallowed_methods, reason = "pip is run")]
fn moto(python: &Path) -> PathBuf {
    let home = tools().join("moto");
    let of = format!("{}\n{}\n", MOTO.join(" "), python.display());
    let mark = home.join("of");
    // Several test processes may want it at once; the lock goes with the file's last descriptor.
    let lock = std::fs::File::create(tools().join("moto.lock")).expect("target/ is writable");
    lock.lock().expect("an advisory lock on a file of ours");
    if std::fs::read_to_string(&mark).is_ok_and(|present| present == of) {
        return home;
    }
    let _ = std::fs::remove_dir_all(&home);
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--target"]);
    let out = pip.arg(&home).args(MOTO).output().expect("python can be run");
    assert!(
        out.status.success(),
        "moto could not be installed for the tests; try it by hand:\n  {} -m pip install --target {} {}\n\
         (without pip: `python3 -m ensurepip`, or the system's package python3-pip)\n{}",
        python.display(),
        home.display(),
        MOTO.join(" "),
        String::from_utf8_lossy(&out.stderr)
    );
    // Written last: it tells that the rest is whole.
    std::fs::write(mark, of).expect("target/ is writable");
    home
}

/// Makes a request without signing it: the status and the answer.
pub(crate) fn call(port: u16, operation: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    let credential = "AKIATEST/20260101/eu-west-1/dynamodb/aws4_request";
    let request = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Amz-Target: DynamoDB_20120810.{operation}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0\r\n\
         X-Amz-Date: 20260101T000000Z\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers in text");
    let (head, json) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("an answer has a status");
    (status, serde_json::from_str(json).expect("DynamoDB answers in JSON"))
}

/// Makes a table as Terraform wants it for its locks, with a key of that name; it can be used then.
pub(crate) fn create_table(port: u16, name: &str, key: &str) {
    let (status, answer) = call(
        port,
        "CreateTable",
        &json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        }),
    );
    assert_eq!(status, 200, "{answer}");
    let state = || call(port, "DescribeTable", &json!({"TableName": name})).1["Table"]["TableStatus"].clone();
    while state() != "ACTIVE" {
        std::thread::yield_now();
    }
}
