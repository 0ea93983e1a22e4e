//! Lengths of time as people write them: `90s`, `10m`, `1h30m`, `2d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The units, largest first, and their seconds.
const UNITS: [(char, u64); 4] = [('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];
/// Longer than anything that is waited for, and far from where adding to it could overflow.
const LONGEST: u64 = 10 * 365 * 24 * 60 * 60;

/// A length of time in whole seconds.
///
/// ```
/// use lockstep::env::Span;
/// let span: Span = "1h30m".parse().unwrap();
/// assert_eq!(span.seconds(), 5400);
/// assert_eq!(span.to_string(), "1h30m");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a length of time: {why}; write it like 90s, 10m, 1h30m or 2d")]
pub struct SpanError {
    text: String,
    why: &'static str,
}

impl Span {
    /// So many seconds, at most ten years.
    pub fn from_seconds(seconds: u64) -> Self {
        Self(seconds.min(LONGEST))
    }

    /// How long ago `then` was; never negative, whatever the clocks of others say.
    pub fn since(then: Timestamp, now: Timestamp) -> Self {
        Self::from_seconds(u64::try_from(now.as_second().saturating_sub(then.as_second())).unwrap_or(0))
    }

    /// So many seconds, where that is known when the program is built.
    pub(crate) const fn of_seconds(seconds: u64) -> Self {
        assert!(seconds <= LONGEST, "longer than anything that is waited for");
        Self(seconds)
    }

    /// In whole seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// As the standard library has it.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }

    /// The two largest parts of it, for people: `3d 4h`, `5m 10s`, `0s`. The longest may have been longer.
    pub fn rough(self) -> String {
        let parts: Vec<String> = self.parts().take(2).collect();
        if self.0 == LONGEST {
            return format!("more than {}", parts.join(" "));
        }
        if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
    }

    /// From the largest part that is not zero on; later zeroes are left out.
    fn parts(self) -> impl Iterator<Item = String> {
        let mut rest = self.0;
        let all = UNITS.map(|(unit, seconds)| {
            let count = rest / seconds;
            rest %= seconds;
            (count, unit)
        });
        let first = all.iter().position(|(count, _)| *count > 0).unwrap_or(all.len());
        // Of `3d 0h 5m` the two largest parts are `3d` and nothing.
        let from = all.into_iter().skip(first).enumerate();
        from.take_while(|(at, (count, _))| *at != 1 || *count > 0)
            .filter(|(_, (count, _))| *count > 0)
            .map(|(_, (count, unit))| format!("{count}{unit}"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, seconds) in UNITS {
            if rest >= seconds {
                write!(f, "{}{unit}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

impl FromStr for Span {
    type Err = SpanError;
    fn from_str(text: &str) -> Result<Self, SpanError> {
        let bad = |why| SpanError { text: text.escape_debug().take(40).collect(), why };
        let (mut total, mut number, mut units) = (0_u64, None::<u64>, UNITS.as_slice());
        for c in text.chars() {
            if let Some(digit) = c.to_digit(10) {
                let next = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(u64::from(digit)));
                number = Some(next.filter(|n| *n <= LONGEST).ok_or_else(|| bad("it is too long"))?);
                continue;
            }
            let at = units.iter().position(|(unit, _)| *unit == c).ok_or_else(|| {
                if UNITS.iter().any(|(unit, _)| *unit == c) {
                    bad("its units go from large to small, each once")
                } else {
                    bad("its units are d, h, m and s")
                }
            })?;
            let count = number.take().ok_or_else(|| bad("a unit lacks its number"))?;
            total = total.saturating_add(count.saturating_mul(units[at].1));
            units = &units[at + 1..];
        }
        if number.is_some() {
            return Err(bad("its last number lacks a unit"));
        }
        if units.len() == UNITS.len() {
            return Err(bad("it is empty"));
        }
        if total > LONGEST {
            return Err(bad("it is too long"));
        }
        Ok(Self(total))
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;
    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_write() {
        for (text, seconds) in
            [("0s", 0), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("1d1s", 86_401)]
        {
            assert_eq!(text.parse::<Span>().map(Span::seconds), Ok(seconds), "{text}");
        }
        for text in [
            "",
            "10",
            "m",
            "1h30",
            "1m1h",
            "1m1m",
            "-1s",
            "1.5h",
            "1 h",
            "9999999999d",
            "99999d",
            "1s\u{1b}[2J",
        ] {
            let error = text.parse::<Span>().unwrap_err().to_string();
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
    }

    #[test]
    fn an_age_is_never_negative() {
        let (early, late) = (Timestamp::from_second(10).unwrap(), Timestamp::from_second(75).unwrap());
        assert_eq!(Span::since(early, late), Span::from_seconds(65));
        assert_eq!(Span::since(late, early), Span::from_seconds(0));
    }

    #[test]
    fn what_people_read() {
        for (seconds, rough) in [
            (u64::MAX, "more than 3650d"),
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (61, "1m 1s"),
            (3600, "1h"),
            (3605, "1h"),
            (5400, "1h 30m"),
            (5430, "1h 30m"),
            (273_600, "3d 4h"),
        ] {
            assert_eq!(Span::from_seconds(seconds).rough(), rough);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0..=LONGEST) {
            let span = Span::from_seconds(seconds);
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }

        #[test]
        fn reading_never_panics(text: String) {
            let _ = text.parse::<Span>();
        }
    }
}
