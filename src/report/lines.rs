//! Lines of commands that run beside others, as they are shown: `alpha/prod | text`.
//!
//! What must hold: a line stays one line, and nothing in it moves the cursor, changes the terminal's
//! modes or colours what comes after it. Colours of the tool pass where colours are on.

use crate::project::UnitId;

const ESCAPE: u8 = 0x1b;
const RESET: &[u8] = b"\x1b[0m";

/// Colours of units: those that no warning and no error has.
const PALETTE: [&str; 8] = ["36", "32", "35", "34", "96", "92", "95", "94"];

/// The column of names before the lines of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Names {
    width: usize,
}

impl Names {
    /// Wide enough for all of them.
    pub(super) fn of<'a>(units: impl IntoIterator<Item = &'a UnitId>) -> Self {
        let width = units.into_iter().map(|unit| unit.to_string().chars().count()).max();
        Self { width: width.unwrap_or_default() }
    }

    /// The width of the column.
    pub(super) fn width(self) -> usize {
        self.width
    }

    /// A line of a unit's command with the unit before it and a newline after it.
    pub(super) fn line(self, unit: &UnitId, text: &[u8], color: bool) -> Vec<u8> {
        let mut line = format!("{} | ", self.name(unit, color)).into_bytes();
        line.extend(shown(text, color));
        line.push(b'\n');
        line
    }

    /// A unit's name as wide as the column, in the unit's colour.
    pub(super) fn name(self, unit: &UnitId, color: bool) -> String {
        let name = unit.to_string();
        let space = " ".repeat(self.width.saturating_sub(name.chars().count()));
        if color {
            format!("\x1b[{}m{name}\x1b[0m{space}", color_of(&name))
        } else {
            format!("{name}{space}")
        }
    }
}

/// The same colour for the same name in every run (FNV-1a).
fn color_of(name: &str) -> &'static str {
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    PALETTE[hash as usize % PALETTE.len()]
}

/// The text of a line without what is not for a line. Of what a carriage return would have written
/// over, the last that says anything stays. Bytes that are no text pass as they are.
fn shown(text: &[u8], color: bool) -> Vec<u8> {
    let last = text.split(|byte| *byte == b'\r').map(|part| plain(part, color)).rfind(|part| !is_blank(part));
    let mut line = last.unwrap_or_default();
    if line.contains(&ESCAPE) && !line.ends_with(RESET) {
        line.extend(RESET);
    }
    line
}

fn is_blank(part: &[u8]) -> bool {
    let mut rest = part;
    while let Some((first, after)) = rest.split_first() {
        match first {
            b' ' | b'\t' => rest = after,
            &ESCAPE => rest = &rest[1 + sequence(after)..],
            _ => return false,
        }
    }
    true
}

/// Without controls and escape sequences, those of colours excepted where they are welcome.
fn plain(part: &[u8], color: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some((first, after)) = rest.split_first() {
        match first {
            &ESCAPE => {
                let length = sequence(after);
                if color && is_color(&after[..length]) {
                    out.push(ESCAPE);
                    out.extend(&after[..length]);
                }
                rest = &after[length..];
            }
            // The controls of the upper half, written as UTF-8.
            0x80..0xa0 if out.last() == Some(&0xc2) => {
                out.pop();
                rest = after;
            }
            b'\t' => {
                out.push(b'\t');
                rest = after;
            }
            0..0x20 | 0x7f => rest = after,
            byte => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}

/// The length of an escape sequence after its first byte; of one that has no end, what there is.
fn sequence(after: &[u8]) -> usize {
    let until = |from: usize, ends: fn(u8) -> bool| {
        after[from..].iter().position(|byte| ends(*byte)).map_or(after.len(), |at| from + at + 1)
    };
    match after.first() {
        None => 0,
        // Colours, the cursor, modes.
        Some(b'[') => match after[1..].iter().position(|byte| !(0x20..0x40).contains(byte)) {
            None => after.len(),
            Some(at) if (0x40..0x7f).contains(&after[1 + at]) => 1 + at + 1,
            // No sequence after all: what broke it is looked at by itself.
            Some(at) => 1 + at,
        },
        // Titles, links, and strings for the terminal itself: to BEL or to ESC \.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let end = until(1, |byte| byte == 0x07 || byte == ESCAPE);
            match after.get(end - 1) {
                Some(&ESCAPE) if after.get(end) == Some(&b'\\') => end + 1,
                // Another sequence begins.
                Some(&ESCAPE) if end > 1 => end - 1,
                _ => end,
            }
        }
        // Character sets and the like.
        Some(0x20..0x30) => until(1, |byte| !(0x20..0x30).contains(&byte)),
        Some(0x30..0x7f) => 1,
        Some(_) => 0,
    }
}

/// Whether a sequence (after its first byte) sets colours and nothing else.
fn is_color(sequence: &[u8]) -> bool {
    matches!(sequence, [b'[', middle @ .., b'm'] if middle.iter().all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(line: &str, color: bool) -> String {
        String::from_utf8(shown(line.as_bytes(), color)).unwrap()
    }

    fn unit(text: &str) -> UnitId {
        text.parse().unwrap()
    }

    #[test]
    fn names_make_a_column() {
        let units = [unit("alpha/prod"), unit("net/dev")];
        let names = Names::of(&units);
        let line = |unit, color| String::from_utf8(names.line(unit, b"x", color)).unwrap();
        assert_eq!(line(&units[0], false), "alpha/prod | x\n");
        assert_eq!(line(&units[1], false), "net/dev    | x\n");
        let colored = line(&units[1], true);
        assert!(colored.starts_with("\x1b[") && colored.ends_with("mnet/dev\x1b[0m    | x\n"), "{colored:?}");
        assert_eq!(colored, line(&units[1], true));
    }

    #[test]
    fn what_is_written_over_keeps_its_last_part() {
        for (line, expected) in [
            ("10%\r50%\r100%", "100%"),
            ("whole line\r", "whole line"),
            ("Receiving 1\rReceiving 2\r\x1b[K", "Receiving 2"),
            ("done\r    ", "done"),
            ("\r", ""),
            ("", ""),
        ] {
            assert_eq!(text(line, false), expected, "{line:?}");
        }
    }

    #[test]
    fn colours_pass_where_they_are_on_and_end_with_the_line() {
        let line = "\x1b[1;31mred\x1b[0m and \x1b[38:2::1:2:3mmore";
        assert_eq!(text(line, true), format!("{line}\x1b[0m"));
        assert_eq!(text(line, false), "red and more");
        assert_eq!(text("\x1b[32mgreen\x1b[0m", true), "\x1b[32mgreen\x1b[0m");
    }

    #[test]
    fn nothing_moves_the_cursor_or_changes_the_terminal() {
        for line in [
            "a\x1b[2J\x1b[H\x1b[3Ab",
            "a\x1b]0;title\x07b",
            "a\x1b]8;;http://x\x1b\\b",
            "a\x1bP1$r\x1b\\b",
            "a\x1bcb",
            "a\x1b(0b",
            "a\x1b[?1049hb",
            "a\x1b[>4;1mb",
            "a\x08\x07\x0e\x0b\0b",
            "a\u{9b}b",
            "a\x1b7b",
            "a\x1b[12\x07b",
        ] {
            assert_eq!(text(line, true), "ab", "{line:?}");
        }
        for line in ["a\x1b", "a\x1b[", "a\x1b[1;", "a\x1b]0;never ends", "a\x1b]\x1b[2J", "a\x1b("] {
            assert_eq!(text(line, true), "a", "{line:?}");
        }
        assert_eq!(text("a\tb", true), "a\tb");
        assert_eq!(shown(b"\xff\xfe a", true), b"\xff\xfe a");
        assert_eq!(text("ümlaut — 日本", false), "ümlaut — 日本");
    }

    proptest! {
        #[test]
        fn a_line_stays_a_line(
            bytes in proptest::collection::vec(prop_oneof![
                any::<u8>(), Just(0x1b), Just(b'['), Just(b']'), Just(b'm'), Just(b'\r'), Just(b'\\'), Just(0xc2),
            ], 0..60)
        ) {
            for color in [false, true] {
                let line = shown(&bytes, color);
                // What is left of escape sequences are colours only.
                let mut rest = line.as_slice();
                while let Some(at) = rest.iter().position(|byte| *byte == ESCAPE) {
                    prop_assert!(color);
                    rest = &rest[at + 1..];
                    let end = rest.iter().position(|byte| *byte == b'm').expect("a colour has an end");
                    prop_assert!(is_color(&rest[..=end]));
                }
                prop_assert!(!line.iter().any(|byte| (*byte < 0x20 && *byte != b'\t' && *byte != ESCAPE) || *byte == 0x7f));
                if line.contains(&ESCAPE) {
                    prop_assert!(line.ends_with(RESET));
                }
                // Shown once more it is the same.
                prop_assert_eq!(shown(&line, color), line);
            }
        }
    }
}
