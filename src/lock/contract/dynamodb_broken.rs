//! What can go wrong between lockstep and DynamoDB, on order: connections that break around a write,
//! answers that say less, refusals that nothing of ours can mend.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::dynamodb::{client, moto, put, python, table, tool};
use super::fixture::{Actor, host, keys, request};
use crate::lock::{AcquireRequest, Act, DynamoError, Effect, Freshness, LockError, LockState};
use crate::process::{Interrupts, Signal};

/// A table of a server with faults.
struct Stage {
    port: u16,
    home: &'static Path,
    table: String,
}

impl Stage {
    fn new() -> Self {
        let (port, home) = moto();
        Self { port, home, table: table(port) }
    }

    /// From the next request on.
    fn faults(&self, rules: &Value) {
        tool::faults(self.home, &self.table, rules);
    }

    /// The operations since the last call, in order.
    fn asked(&self) -> Vec<String> {
        tool::asked(self.home, &self.table)
    }

    fn run_with(&self, owner: &str, run: &str, interrupts: &Interrupts) -> Actor {
        let backend = Arc::new(client(self.port, &self.table, interrupts));
        Actor { backend, owner: owner.into(), run: run.into(), host: host(owner) }
    }

    fn run(&self, owner: &str, run: &str) -> Actor {
        self.run_with(owner, run, &Interrupts::new())
    }

    /// What happens to the next write, once.
    fn next_write(&self, what: Value) {
        self.faults(&json!([{"at": "PutItem", "times": 1, "do": what}]));
    }
}

const DONE_AND_BROKEN: [&str; 2] = ["after", "torn"];

#[test]
fn what_an_acquire_and_a_release_ask() {
    let stage = Stage::new();
    let ana = stage.run("ana", "r1");
    stage.asked();
    let lease = ana.take(&["alpha/prod"]).unwrap();
    assert_eq!(stage.asked(), ["GetItem", "PutItem"]);
    ana.locks().release(&lease, None, None).unwrap();
    assert_eq!(stage.asked(), ["PutItem"]);
    // A loser learns from the refusal whose the lock is.
    let bob = stage.run("bob", "r2");
    let set = keys(&["alpha/prod"]);
    bob.last("alpha/prod");
    let lease = ana.again("r3").take(&["alpha/prod"]).unwrap();
    stage.asked();
    let known = AcquireRequest { freshness: Freshness::Known, ..request(&set) };
    assert!(matches!(bob.locks().acquire(&known), Err(LockError::Held { holder, .. }) if holder.run == "r3"));
    assert_eq!(stage.asked(), ["PutItem"]);
    // Several keys are one transaction.
    ana.again("r3").locks().release(&lease, None, None).unwrap();
    stage.asked();
    ana.again("r4").take(&["alpha/prod", "beta/prod"]).unwrap();
    assert_eq!(stage.asked(), ["BatchGetItem", "TransactWriteItems"]);
}

#[test]
fn an_acquire_that_was_done_and_not_answered_is_ours() {
    for fault in DONE_AND_BROKEN {
        let stage = Stage::new();
        let ana = stage.run("ana", "r1");
        stage.next_write(json!(fault));
        let lease = ana.take(&["alpha/prod"]).unwrap();
        assert_eq!((lease.generation(), ana.last("alpha/prod").run.as_str()), (1, "r1"), "{fault}");
        ana.locks().verify(&lease).unwrap();
        stage.next_write(json!(fault));
        ana.locks().release(&lease, None, None).unwrap();
        let last = ana.last("alpha/prod");
        assert_eq!((last.state, last.generation), (LockState::Free, 1), "{fault}");
        let chain = ana.chain("alpha/prod", 9);
        assert_eq!(chain.len(), 2, "{fault}: nothing is written twice");
    }
}

#[test]
fn a_server_error_after_the_write_is_found_out_as_well() {
    let stage = Stage::new();
    let ana = stage.run("ana", "r1");
    let error = json!({"status": 500, "type": "InternalServerError", "message": "sorry", "done": true});
    stage.next_write(error.clone());
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().verify(&lease).unwrap();
    // In a transaction too.
    stage.faults(&json!([{"at": "TransactWriteItems", "times": 1, "do": error}]));
    let lease = ana.again("r2").take(&["beta/prod", "gamma/prod"]).unwrap();
    ana.again("r2").locks().verify(&lease).unwrap();
}

#[test]
fn a_write_that_never_arrived_is_said_again() {
    let stage = Stage::new();
    let ana = stage.run("ana", "r1");
    stage.next_write(json!("before"));
    let lease = ana.take(&["alpha/prod"]).unwrap();
    assert_eq!(lease.generation(), 1);
}

#[test]
fn a_refusal_without_the_item_is_looked_up() {
    let stage = Stage::new();
    let bob = stage.run("bob", "r2");
    let set = keys(&["alpha/prod"]);
    assert!(bob.locks().holders(&set).unwrap().is_empty());
    stage.run("ana", "r1").take(&["alpha/prod"]).unwrap();
    stage.faults(&json!([{"at": "PutItem", "do": "bare"}]));
    let known = AcquireRequest { freshness: Freshness::Known, ..request(&set) };
    assert!(matches!(bob.locks().acquire(&known), Err(LockError::Held { holder, .. }) if holder.run == "r1"));
}

const PUT: &str = "
import sys, urllib.request
headers = {'X-Amz-Target': 'DynamoDB_20120810.PutItem', 'Content-Type': 'application/x-amz-json-1.0',
           'Authorization': 'AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/eu-west-1/dynamodb/aws4_request, '
                            'SignedHeaders=host, Signature=0'}
urllib.request.urlopen(urllib.request.Request(sys.argv[1], sys.argv[2].encode(), headers)).read()
";

#[test]
fn another_who_was_faster_while_the_answer_was_lost_has_won() {
    let stage = Stage::new();
    let (ana, bob) = (stage.run("ana", "r1"), stage.run("bob", "r2"));
    let lease = bob.take(&["alpha/prod"]).unwrap();
    let item = tool::call(
        stage.port,
        "GetItem",
        &json!({"TableName": stage.table, "Key": {"LockID": {"S": "lockstep:alpha/prod"}}}),
    );
    bob.locks().release(&lease, None, None).unwrap();
    ana.last("alpha/prod");
    // What ana says is lost, and bob's is there when she says it again.
    let body = json!({"TableName": stage.table, "Item": item.1["Item"]}).to_string();
    let url = format!("http://127.0.0.1:{}/", stage.port);
    stage.next_write(json!({"run": [python(), "-c", PUT, url, body]}));
    let error = ana.take(&["alpha/prod"]).unwrap_err();
    assert!(matches!(&error, LockError::Held { holder, .. } if holder.run == "r2"), "{error:?}");
}

#[test]
fn an_answer_that_never_comes_is_ambiguous_and_the_record_tells() {
    let stage = Stage::new();
    let ana = stage.run("ana", "r1");
    // Done the first time; from then on nobody answers.
    stage.faults(&json!([
        {"at": "PutItem", "times": 1, "do": "after"},
        {"at": "PutItem", "do": "before"},
        {"at": "GetItem", "skip": 1, "do": "before"},
    ]));
    let error = ana.take(&["alpha/prod"]).unwrap_err();
    assert!(matches!(error, LockError::Ambiguous { .. }), "{error:?}");
    assert_eq!(ana.last_after(&stage).act, Act::Acquired);
}

impl Actor {
    fn last_after(&self, stage: &Stage) -> crate::lock::Record {
        stage.faults(&json!([]));
        self.last("alpha/prod")
    }
}

#[test]
fn who_is_asked_to_end_says_a_write_once_more_and_knows() {
    let stage = Stage::new();
    let interrupts = Interrupts::new();
    let ana = stage.run_with("ana", "r1", &interrupts);
    let lease = ana.take(&["alpha/prod"]).unwrap();
    interrupts.deliver(Signal::Term, false);
    stage.next_write(json!("after"));
    ana.locks().fail(&lease, Effect::Unfinished, "asked to end").unwrap();
    assert_eq!(ana.last("alpha/prod").act, Act::Failed);
}

#[test]
fn a_read_that_hangs_ends_with_the_request_to_end() {
    let stage = Stage::new();
    let interrupts = Interrupts::new();
    let ana = stage.run_with("ana", "r1", &interrupts);
    stage.faults(&json!([{"at": "GetItem", "do": "hang"}]));
    stage.asked();
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            while stage.asked().is_empty() {
                std::thread::yield_now();
            }
            interrupts.deliver(Signal::Int, true);
        });
        ana.take(&["alpha/prod"]).unwrap_err()
    });
    assert!(matches!(error, LockError::Dynamo(DynamoError::Interrupted { .. })), "{error:?}");
}

#[test]
fn throttling_passes_or_is_told() {
    let stage = Stage::new();
    let ana = stage.run("ana", "r1");
    let throttled =
        json!({"status": 400, "type": "ProvisionedThroughputExceededException", "message": "slow"});
    stage.faults(&json!([
        {"at": "GetItem", "times": 2, "do": throttled},
        {"at": "PutItem", "times": 2, "do": throttled},
    ]));
    let lease = ana.take(&["alpha/prod"]).unwrap();
    stage.faults(&json!([{"at": "any", "do": throttled}]));
    let error = ana.locks().release(&lease, None, None).unwrap_err();
    assert!(matches!(error, LockError::Dynamo(DynamoError::Throttled { .. })), "{error:?}");
    stage.faults(&json!([]));
    ana.locks().verify(&lease).unwrap();
}

#[test]
fn a_refusal_for_good_is_not_repeated() {
    let stage = Stage::new();
    let ana = stage.run("ana", "r1");
    let refusals = [
        ("AccessDeniedException", "dynamodb:GetItem"),
        ("ExpiredTokenException", "ExpiredTokenException"),
        ("UnrecognizedClientException", "UnrecognizedClientException"),
    ];
    for (code, word) in refusals {
        stage.faults(&json!([{"at": "GetItem", "do": {"status": 400, "type": code, "message": "no"}}]));
        stage.asked();
        let error = ana.take(&["alpha/prod"]).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!(stage.asked().len(), 1, "{code}");
    }
}

#[test]
fn tables_that_are_not_there_or_are_others() {
    let stage = Stage::new();
    let port = stage.port;
    let error = |table: &str| {
        let backend = Arc::new(client(port, table, &Interrupts::new()));
        Actor { backend, ..stage.run("ana", "r1") }.take(&["alpha/prod"]).unwrap_err()
    };
    let missing = error("missing");
    assert!(
        matches!(&missing, LockError::Dynamo(DynamoError::NoTable { region, .. }) if region == "eu-west-1")
    );
    let name = format!("{}-other", stage.table);
    tool::create_table(port, &name, "Name");
    let other = error(&name);
    assert!(matches!(other, LockError::Dynamo(DynamoError::OtherKey { .. })), "{other:?}");
}

#[test]
fn terraforms_own_items_are_neither_listed_nor_touched() {
    let stage = Stage::new();
    let item = json!({"LockID": {"S": "bucket/alpha/prod"}, "Info": {"S": "{}"}});
    let digest = json!({"LockID": {"S": "bucket/alpha/prod-md5"}, "Digest": {"S": "d"}});
    put(stage.port, &stage.table, &item);
    put(stage.port, &stage.table, &digest);
    put(stage.port, &stage.table, &json!({"LockID": {"S": "lockstep:a b\u{1b}[2J"}}));
    let ana = stage.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().release(&lease, None, None).unwrap();
    let listed = ana.backend.list(Freshness::Now).unwrap();
    let names: Vec<_> = listed.iter().map(|one| (one.name.as_str(), one.last.is_ok())).collect();
    assert_eq!(names, [("a b\\u{1b}[2J", false), ("alpha/prod", true)]);
    let key = json!({"TableName": stage.table, "Key": {"LockID": {"S": "bucket/alpha/prod"}}});
    assert_eq!(tool::call(stage.port, "GetItem", &key).1["Item"], item);
}

#[test]
fn a_program_with_a_runtime_of_its_own_may_call_from_within_it() {
    let stage = Stage::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let ana = stage.run("ana", "r1");
        let lease = ana.take(&["alpha/prod"]).unwrap();
        ana.locks().release(&lease, None, None).unwrap();
    });
}
