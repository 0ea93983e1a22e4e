//! Names, units, keys and lengths of time: what is read is written the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockstep::env::Span;
use lockstep::lock::LockKey;
use lockstep::project::{Name, UnitId};

fuzz_target!(|text: &str| {
    if let Ok(name) = Name::new(text) {
        assert_eq!(name.as_str(), text);
        assert!(!text.contains('/') && !text.starts_with(['-', '.']), "{text}");
    }
    if let Ok(unit) = text.parse::<UnitId>() {
        assert_eq!(unit.to_string(), text);
    }
    if let Ok(key) = LockKey::new(text) {
        assert_eq!(LockKey::new(&key.to_string()).ok(), Some(key));
    }
    if let Ok(span) = text.parse::<Span>() {
        assert_eq!(span.to_string().parse::<Span>().ok(), Some(span), "{text}");
    }
});
