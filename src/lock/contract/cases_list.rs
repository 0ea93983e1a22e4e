//! Listing what a place holds, all of it.

use super::fixture::{Place, record};
use crate::lock::{Effect, Freshness, Listed, LockKey, LockState};

fn states(listed: &[Listed]) -> Vec<(&str, Option<LockState>)> {
    listed.iter().map(|one| (one.name.as_str(), one.last.as_ref().ok().map(|record| record.state))).collect()
}

pub(super) fn a_listing_shows_every_lock(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    assert!(ana.backend.list(Freshness::Now).unwrap().is_empty());
    let failed = bob.take(&["beta/prod", "gamma"]).unwrap();
    bob.locks().fail(&failed, Effect::Unfinished, "").unwrap();
    ana.take(&["a.lock/prod.", "alpha/prod"]).unwrap();
    let given = bob.again("r3").take(&["delta/prod/eu"]).unwrap();
    bob.again("r3").locks().release(&given, None, None).unwrap();
    let (held, failed) = (Some(LockState::Held), Some(LockState::Failed));
    let expected = [
        ("a.lock/prod.", held),
        ("alpha/prod", held),
        ("beta/prod", failed),
        ("delta/prod/eu", Some(LockState::Free)),
        ("gamma", failed),
    ];
    assert_eq!(states(&ana.backend.list(Freshness::Now).unwrap()), expected);
    // What is known already costs no connection.
    assert_eq!(states(&ana.backend.list(Freshness::Known).unwrap()), expected);
}

pub(super) fn a_bad_record_hides_no_other(place: &Place) {
    let ana = place.run("ana", "r1");
    ana.take(&["alpha/prod", "gamma/prod"]).unwrap();
    let mut hostile = serde_json::to_value(record("beta/prod")).unwrap();
    hostile["state"] = "\u{1b}]0;owned\u{7}\u{202e}".into();
    (place.plant)(&LockKey::new("beta/prod").unwrap(), hostile.to_string().as_bytes());
    let listed = ana.backend.list(Freshness::Now).unwrap();
    let held = Some(LockState::Held);
    assert_eq!(states(&listed), [("alpha/prod", held), ("beta/prod", None), ("gamma/prod", held)]);
    let why = listed[1].last.as_ref().unwrap_err();
    assert!(!why.is_empty() && !why.chars().any(char::is_control), "{why:?}");
}
