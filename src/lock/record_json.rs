//! A record as JSON, and back: every bound is checked before anything is believed.
//!
//! The version is looked at first, so that a record of a later format is told apart from damage.

use serde::Deserialize;

use super::record::escape;
use super::{LockKey, Record, Unreadable};

/// No record is larger: what is longer is not read at all.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// Bounds of the fields, in bytes; writers cut to them, readers refuse beyond them.
pub(super) const MAX_OWNER: usize = 256;
pub(super) const MAX_UNIT: usize = 512;
pub(super) const MAX_WORD: usize = 128;
pub(super) const MAX_REASON: usize = 1000;
pub(super) const MAX_OVERRIDES: usize = 100;
pub(super) const MAX_UNFINISHED: usize = 32;
const MAX_KEYS: usize = 64;
const MAX_RUN: usize = 64;
/// Far beyond any real lock. The same for who writes and who reads: nobody writes what nobody reads.
const END_OF_GENERATIONS: u64 = 1 << 53;

#[derive(Deserialize)]
struct VersionOnly {
    lockstep: u64,
}

impl Record {
    /// The record as one line of JSON.
    ///
    /// # Errors
    /// When it would be too large for a reader, or is at the end of generations.
    pub(super) fn to_json(&self) -> Result<String, String> {
        self.check_generation()?;
        let json = serde_json::to_string(self).map_err(|error| error.to_string())?;
        if json.len() > MAX_BYTES {
            return Err(format!("it would have {} bytes, more than {MAX_BYTES}", json.len()));
        }
        Ok(json)
    }

    /// Reads a record that was found under `key`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn from_json(bytes: &[u8], key: &LockKey) -> Result<Self, Unreadable> {
        let bad = |why: String| Unreadable::new(why);
        if bytes.len() > MAX_BYTES {
            return Err(bad(format!("it has more than {MAX_BYTES} bytes")));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8".to_owned()))?;
        let version: VersionOnly = serde_json::from_str(text)
            .map_err(|error| bad(format!("not a lock record: {}", shown(&error))))?;
        if version.lockstep != u64::from(Self::VERSION) {
            let why = format!(
                "it has format {}, this lockstep understands {}; upgrade lockstep",
                version.lockstep,
                Self::VERSION
            );
            let newer = version.lockstep > u64::from(Self::VERSION);
            return Err(Unreadable { newer, ..bad(why) });
        }
        let record: Self = serde_json::from_str(text).map_err(|error| bad(shown(&error)))?;
        record.check(&key.in_its_place()).map_err(bad)?;
        Ok(Self { key: key.clone(), ..record })
    }

    /// The bounds that the types do not say.
    fn check(&self, key: &LockKey) -> Result<(), String> {
        let key_count = self.keys.iter().count();
        let texts = [
            ("owner", self.owner.as_str(), MAX_OWNER),
            ("unit", &self.unit, MAX_UNIT),
            ("host.name", &self.host.name, MAX_OWNER),
            ("host.boot", &self.host.boot, MAX_OWNER),
            ("host.pid_namespace", &self.host.pid_namespace, MAX_OWNER),
            ("program", self.program.as_deref().unwrap_or_default(), MAX_WORD),
            ("subcommand", self.subcommand.as_deref().unwrap_or_default(), MAX_WORD),
            ("reason", self.reason.as_deref().unwrap_or_default(), MAX_REASON),
        ];
        if self.key != *key {
            return Err(format!("it belongs to `{}`", self.key));
        }
        if key_count == 0 || key_count > MAX_KEYS || !self.keys.iter().any(|k| k == key) {
            return Err("its set of keys is empty, too large or lacks its own key".to_owned());
        }
        if let Some((name, ..)) = texts.iter().find(|(_, text, limit)| text.len() > *limit) {
            return Err(format!("its `{name}` is too long"));
        }
        if self.owner.is_empty() {
            return Err("its `owner` is empty".to_owned());
        }
        if [&self.output, &self.applied_output].into_iter().flatten().any(|digest| !is_identifier(digest)) {
            return Err("one of its digests is not one".to_owned());
        }
        if !is_identifier(&self.run) || !is_identifier(&self.nonce) {
            return Err("its `run` or `nonce` is not an identifier".to_owned());
        }
        // One more than is written: the last one says that there were others.
        if self.overrides.len() > MAX_OVERRIDES + 1 || self.overrides.iter().any(|o| o.len() > MAX_WORD) {
            return Err("its `overrides` are too many or too long".to_owned());
        }
        let unfit = |unit: &String| unit.is_empty() || unit.len() > MAX_UNIT;
        if self.unfinished.len() > MAX_UNFINISHED || self.unfinished.iter().any(unfit) {
            return Err("its `unfinished` units are too many or too long".to_owned());
        }
        self.check_generation()
    }

    fn check_generation(&self) -> Result<(), String> {
        match self.generation {
            1..END_OF_GENERATIONS => Ok(()),
            _ => Err("its `generation` is out of range".to_owned()),
        }
    }
}

/// A word that can stand in a file name.
pub(super) fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_RUN
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// serde names the value that it did not like; that value comes from elsewhere.
fn shown(error: &serde_json::Error) -> String {
    escape(&error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::contract::fixture::record;
    use proptest::prelude::*;

    fn key() -> LockKey {
        LockKey::new("alpha/prod").unwrap()
    }

    fn with(edit: impl FnOnce(&mut serde_json::Value)) -> Result<Record, String> {
        let mut value = serde_json::to_value(record("alpha/prod")).unwrap();
        edit(&mut value);
        Record::from_json(value.to_string().as_bytes(), &key()).map_err(|bad| bad.why)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let record = record("alpha/prod");
        let json = record.to_json().unwrap();
        assert_eq!(Record::from_json(json.as_bytes(), &key()).unwrap(), record);
    }

    #[test]
    fn no_generation_is_written_that_is_not_read() {
        let at = |generation| Record { generation, ..record("alpha/prod") };
        for (generation, fits) in
            [(0, false), (1, true), (END_OF_GENERATIONS - 1, true), (END_OF_GENERATIONS, false)]
        {
            assert_eq!(at(generation).to_json().is_ok(), fits, "{generation}");
            assert_eq!(with(|v| v["generation"] = generation.into()).is_ok(), fits, "{generation}");
        }
    }

    #[test]
    fn what_is_unfinished_is_bounded_and_read_back() {
        let units = |count: usize| (0..count).map(|n| format!("m{n}/prod")).collect::<Vec<_>>();
        let of = |units| record("alpha/prod").with_unfinished(units);
        let own = of(vec!["alpha/prod".to_owned()]);
        assert!(own.unfinished.is_empty(), "as it always was");
        assert_eq!(own.unfinished_units(), ["alpha/prod"]);
        let many = of(units(100));
        assert_eq!(many.unfinished.len(), MAX_UNFINISHED);
        assert_eq!(Record::from_json(many.to_json().unwrap().as_bytes(), &key()).unwrap(), many);
        assert!(with(|v| v["unfinished"] = serde_json::json!(units(100))).is_err());
        assert!(with(|v| v["unfinished"] = serde_json::json!([""])).is_err());
    }

    #[test]
    fn a_later_format_asks_for_an_upgrade_even_with_unknown_fields() {
        let error = with(|v| {
            v["lockstep"] = 2.into();
            v["novelty"] = "x".into();
        })
        .unwrap_err();
        assert!(error.contains("upgrade lockstep"), "{error}");
    }

    #[test]
    fn hostile_records_are_refused_and_never_shown_raw() {
        let cases: [(&str, serde_json::Value); 16] = [
            ("generation", 0.into()),
            ("generation", u64::MAX.into()),
            ("generation", "\u{1b}[2Jx".into()),
            ("state", "\u{1b}]0;owned\u{7}".into()),
            ("owner", "x".repeat(300).into()),
            ("owner", "".into()),
            ("run", "../../etc/passwd".into()),
            ("nonce", "".into()),
            ("keys", serde_json::json!([])),
            ("keys", serde_json::json!(["beta/prod"])),
            ("key", "beta/prod".into()),
            ("commit", "-x".into()),
            ("output", "\u{1b}[2J".into()),
            ("applied_output", "0".repeat(65).into()),
            ("time", "yesterday".into()),
            ("\u{1b}[31m", 1.into()),
        ];
        for (field, value) in cases {
            let error = with(|v| v[field] = value.clone()).unwrap_err();
            assert!(!error.contains('\u{1b}') && !error.contains('\u{7}'), "{error:?}");
        }
        assert!(Record::from_json(&vec![b'['; MAX_BYTES], &key()).is_err());
        assert!(Record::from_json(&vec![b' '; MAX_BYTES + 1], &key()).is_err());
        assert!(Record::from_json(&[0xff, 0xfe], &key()).is_err());
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_errors_are_printable(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Err(error) = Record::from_json(&bytes, &key()) {
                prop_assert!(!error.why.chars().any(char::is_control), "{:?}", error);
            }
        }
    }
}
