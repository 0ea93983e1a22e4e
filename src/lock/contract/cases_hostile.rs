//! What others may have put where a record belongs, and places that are not there.

use super::fixture::{Place, keys, record, request};
use crate::lock::record_json::MAX_BYTES;
use crate::lock::{AcquireRequest, Effect, LockError, LockKey, LockState};

fn key() -> LockKey {
    LockKey::new("alpha/prod").unwrap()
}

/// Every act on a lock whose record cannot be understood refuses with the same error, and its history says
/// the same.
fn refused(place: &Place, bytes: &[u8]) -> String {
    (place.plant)(&key(), bytes);
    let bob = place.run("bob", "r2");
    let set = keys(&["alpha/prod"]);
    let errors = [
        bob.take(&["alpha/prod"]).map(drop).unwrap_err(),
        bob.locks().evict(&set, "r1", Some("x")).map(drop).unwrap_err(),
        bob.locks().holders(&set).map(drop).unwrap_err(),
    ];
    for error in &errors {
        let text = error.to_string();
        assert!(matches!(error, LockError::Record { .. }), "{error:?}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(text.len() < 1000, "{}", text.len());
    }
    let history = bob.backend.history(&key(), 10).unwrap();
    let why = history[0].as_ref().unwrap_err().to_string();
    assert!(errors[0].to_string().ends_with(&why), "{why:?}");
    errors[0].to_string()
}

pub(super) fn an_unknown_version_asks_for_an_upgrade(place: &Place) {
    let mut value = serde_json::to_value(record("alpha/prod")).unwrap();
    value["lockstep"] = 2.into();
    value["more"] = "x".into();
    let text = refused(place, value.to_string().as_bytes());
    assert!(text.contains("upgrade lockstep"), "{text}");
}

pub(super) fn hostile_records_are_refused_and_left_alone(place: &Place) {
    let mut escape = serde_json::to_value(record("alpha/prod")).unwrap();
    escape["state"] = "\u{1b}]0;owned\u{7}\u{202e}".into();
    let mut types = serde_json::to_value(record("alpha/prod")).unwrap();
    types["generation"] = serde_json::json!({"a": [1]});
    let mut large = serde_json::to_value(record("alpha/prod")).unwrap();
    large["reason"] = "x".repeat(MAX_BYTES).into();
    let other = serde_json::to_value(record("beta/prod")).unwrap();
    for value in [escape, types, large, other, serde_json::json!([]), serde_json::json!("")] {
        refused(place, value.to_string().as_bytes());
    }
    // A neighbour is not disturbed.
    place.run("bob", "r3").take(&["beta/prod"]).unwrap();
}

pub(super) fn an_unreachable_place_refuses(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    (place.unplug)();
    for error in [
        ana.take(&["beta/prod"]).map(drop).unwrap_err(),
        ana.locks().verify(&lease).unwrap_err(),
        ana.locks().release(&lease, None, None).map(drop).unwrap_err(),
        ana.locks().fail(&lease, Effect::Unfinished, "").unwrap_err(),
        ana.locks().evict(&keys(&["alpha/prod"]), "r1", None).map(drop).unwrap_err(),
        ana.backend.list(crate::lock::Freshness::Now).map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, LockError::Unreachable { .. }), "{error:?}");
    }
}

pub(super) fn every_text_that_we_write_can_be_read(place: &Place) {
    let nasty = "\u{1b}[2J\n\n{\"lockstep\":9}\u{0}é".repeat(400);
    let ana = super::fixture::Actor { owner: nasty.clone(), ..place.run("ana", "r1") };
    let set = keys(&["alpha/prod"]);
    let request = AcquireRequest {
        unit: nasty.clone(),
        program: Some(nasty.clone()),
        subcommand: Some(nasty.clone()),
        overrides: vec![nasty.clone(); 300],
        ..request(&set)
    };
    let lease = ana.locks().acquire(&request).unwrap();
    ana.locks().fail(&lease, Effect::Unfinished, &nasty).unwrap();
    assert_eq!(ana.last("alpha/prod").state, LockState::Failed);
    let error = place.run("bob", "r2").take(&["alpha/prod"]).unwrap_err().to_string();
    assert!(!error.chars().any(char::is_control), "{error:?}");
    place.run("bob", "r2").locks().evict(&set, "r1", Some(&nasty)).unwrap();
    assert_eq!(ana.last("alpha/prod").state, LockState::Free);
    // As many keys as a record can name.
    let names: Vec<String> = (0..64).map(|n| format!("{n:0>64}/{}", "y".repeat(64))).collect();
    let many = names.iter().map(|name| LockKey::new(name).unwrap()).collect();
    let lease = ana.locks().acquire(&AcquireRequest { keys: &many, ..request }).unwrap();
    ana.locks().release(&lease, None, None).unwrap();
}

pub(super) fn names_that_git_cannot_hold_are_locks_too(place: &Place) {
    let names = [
        "alpha",
        "alpha/prod",
        "alpha/prod/eu",
        "a..b/prod",
        "a.lock/prod.",
        "a.lock",
        "_/_",
        "A.../x...lock",
    ];
    let ana = place.run("ana", "r1");
    let lease = ana.take(&names).unwrap();
    let bob = place.run("bob", "r2");
    for name in names {
        assert!(
            matches!(bob.take(&[name]), Err(LockError::Held { key, .. }) if key.as_str() == name),
            "{name}"
        );
    }
    ana.locks().release(&lease, None, None).unwrap();
    bob.take(&names).unwrap();
}
