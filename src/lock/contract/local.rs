//! The contract on the local backend, and what only files can get wrong.

use std::io::Write as _;
use std::sync::Arc;

use super::fixture::{Place, keys, record};
use crate::lock::{Act, LocalFiles, LockBackend, LockError, LockKey};

fn place_at(dir: Arc<tempfile::TempDir>) -> Place {
    let locks = dir.path().join("locks");
    let (for_client, for_plant) = (locks.clone(), locks.clone());
    Place {
        client: Box::new(move || {
            let _keep = &dir;
            Arc::new(LocalFiles::new(for_client.clone()))
        }),
        plant: Box::new(move |key, bytes| {
            let path = for_plant.join("state.json");
            let mut state: serde_json::Value = std::fs::read(&path)
                .map(|b| serde_json::from_slice(&b).unwrap())
                .unwrap_or_else(|_| serde_json::json!({"lockstep": 1, "locks": {}}));
            state["locks"][key.as_str()] = serde_json::from_slice(bytes).unwrap();
            std::fs::create_dir_all(&for_plant).unwrap();
            std::fs::write(path, state.to_string()).unwrap();
        }),
        unplug: Box::new(move || {
            std::fs::remove_dir_all(&locks).unwrap();
            std::fs::write(&locks, "not a directory").unwrap();
        }),
    }
}

fn place() -> Place {
    place_at(Arc::new(tempfile::tempdir().unwrap()))
}

super::contract_on!(place);

fn key() -> LockKey {
    LockKey::new("alpha/prod").unwrap()
}

#[test]
fn a_torn_journal_is_mended_and_the_state_decides() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let journal = dir.path().join("locks/alpha%2Fprod.journal");
    let place = place_at(dir);
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    // kill -9 within the write of the journal: half a line.
    let whole = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(ana.last("alpha/prod").act, Act::Acquired);
    assert_eq!(ana.chain("alpha/prod", 9).len(), 1);
    ana.locks().release(&lease, None, None).unwrap();
    let acts: Vec<Act> = ana.chain("alpha/prod", 9).iter().map(|r| r.act).collect();
    assert_eq!(acts, [Act::Released, Act::Acquired], "the missing line was put back");
    // A line that the state does not know of, as a clumsy editor would leave it.
    let mut file = std::fs::OpenOptions::new().append(true).open(&journal).unwrap();
    writeln!(file, "{}", record("alpha/prod").to_json().unwrap()).unwrap();
    assert_eq!(ana.chain("alpha/prod", 9)[0].act, Act::Released);
    // A journal that is gone.
    std::fs::remove_file(&journal).unwrap();
    assert_eq!(ana.chain("alpha/prod", 9).len(), 1);
    ana.again("r2").take(&["alpha/prod"]).unwrap();
    assert_eq!(ana.chain("alpha/prod", 9).len(), 2);
}

#[test]
fn a_last_record_that_cannot_be_understood_hides_none_before_it() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let state = dir.path().join("locks/state.json");
    let place = place_at(dir);
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().release(&lease, None, None).unwrap();
    std::fs::write(&state, "{\"lockstep\":1,\"locks\":{\"alpha/prod\":7}}").unwrap();
    let chain = ana.backend.history(&key(), 9).unwrap();
    assert!(chain[0].as_ref().unwrap_err().why.contains("not a lock record"), "{chain:?}");
    let acts: Vec<Act> = chain[1..].iter().map(|past| past.as_ref().unwrap().act).collect();
    assert_eq!(acts, [Act::Released, Act::Acquired]);
    assert_eq!(ana.backend.history(&key(), 1).unwrap().len(), 2);
}

#[test]
fn a_damaged_state_refuses_and_is_left_alone() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let state = dir.path().join("locks/state.json");
    let place = place_at(dir);
    let ana = place.run("ana", "r1");
    ana.take(&["alpha/prod"]).unwrap();
    for damage in ["", "{\"lockstep\":1,", "{\"lockstep\":2,\"locks\":{}}", "[]", "\u{1b}[2J"] {
        std::fs::write(&state, damage).unwrap();
        let error = ana.again("r2").take(&["beta/prod"]).unwrap_err();
        assert!(matches!(error, LockError::Record { .. }), "{error:?}");
        assert_eq!(std::fs::read_to_string(&state).unwrap(), damage);
    }
}

#[test]
fn a_stopped_process_is_not_waited_for_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let files = LocalFiles::new(dir.path());
    assert!(files.read(&keys(&["alpha/prod"]), crate::lock::Freshness::Now).unwrap()[0].last.is_none());
    // Reading needs no lock at all: a holder of it cannot hide who holds what.
    let lock = std::fs::File::create(dir.path().join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    assert!(files.read(&keys(&["alpha/prod"]), crate::lock::Freshness::Now).unwrap()[0].last.is_none());
}
