//! Text made safe: for a terminal, for the log of a CI service, for a shell, for JSON that people see.
//!
//! Names of branches, remotes and files, records of locks, lines of templates and what servers say come
//! from elsewhere. Where such a text is put into one of ours it becomes one line ([`one_line`],
//! [`short`], [`printable`]); whatever leaves for a terminal or a log goes through [`for_log`] as well,
//! which lets nothing act on either, whoever wrote it.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character neither acts on a terminal nor hides text or turns its direction.
pub(crate) fn is_harmless(c: char) -> bool {
    !c.is_control() && !is_invisible(c)
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A character as it may be shown: itself or an escape.
pub(crate) fn push(out: &mut String, c: char) {
    if is_harmless(c) {
        out.push(c);
    } else {
        out.extend(c.escape_default());
    }
}

/// A text on one line: what is not harmless, line ends among it, is shown as an escape.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push(&mut out, c));
    out
}

/// The beginning of a text on one line.
pub(crate) fn short(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    chars.by_ref().take(most).for_each(|c| push(&mut out, c));
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// A file name from git on one line: bytes that are not UTF-8 are shown as escapes too, and a backslash
/// as two, so that no two names look the same.
pub fn printable(name: &[u8]) -> String {
    let mut out = String::new();
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                c => push(&mut out, c),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// A text as a line and indented lines after it: none of them looks like one of ours.
pub(crate) fn indented(text: &str) -> String {
    let lines: Vec<String> = text.trim_end().lines().map(|line| one_line(&line.replace('\t', " "))).collect();
    lines.join("\n  ")
}

/// Text of ours, whatever is in it, as it may leave for a terminal or a log: only line ends, tabs and
/// colours are left of what acts on a terminal, and no line is a command to a CI service.
///
/// GitHub takes lines that begin with `::`, after blanks, and `##[` anywhere; Azure Pipelines takes
/// `##vso[`, TeamCity `##teamcity[`. GitLab's marks of sections need an escape character.
pub(crate) fn for_log(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c == '\n' || c == '\t' || is_harmless(c);
    if text.chars().all(is_plain) && !text.contains("::") && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start().len();
        let mut rest = line;
        // The blanks of a line, where no colour can be.
        if line[blank..].starts_with("::") {
            line[..blank].chars().for_each(|c| push_of_ours(&mut out, c));
            out.push_str("\\u{3a}");
            rest = &line[blank + 1..];
        }
        while let Some(c) = rest.chars().next() {
            let length = match color(rest) {
                0 if is_mark(rest) => {
                    out.push_str("#\\u{23}");
                    2
                }
                0 => {
                    push_of_ours(&mut out, c);
                    c.len_utf8()
                }
                length => {
                    out.push_str(&rest[..length]);
                    length
                }
            };
            rest = &rest[length..];
        }
    }
    Cow::Owned(out)
}

fn push_of_ours(out: &mut String, c: char) {
    match c {
        '\n' | '\t' => out.push(c),
        c => push(out, c),
    }
}

/// The length of the colour that a text begins with: `ESC [ 1;31 m`.
fn color(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\x1b[") else { return 0 };
    let digits = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
    if rest.as_bytes().get(digits) == Some(&b'm') { digits + 3 } else { 0 }
}

/// Whether a text begins with a mark of commands: `##[`, `##vso[`.
fn is_mark(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("##") else { return false };
    rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).starts_with('[')
}

/// JSON as it may leave for a terminal or a log, and the same JSON: what is not plain stands in its
/// strings only, where it can be an escape.
pub(crate) fn json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for (at, c) in json.char_indices() {
        let is_plain = c == '\n' || is_harmless(c) && c != '\u{7f}' && (c.is_ascii() || is_shown(c));
        if is_plain && !(c == '#' && is_mark(&json[at..])) {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// Whether a character is one that people see at all.
fn is_shown(c: char) -> bool {
    c.escape_debug().count() == 1
}

/// A word as sh, bash and zsh read it: within single quotes nothing is special but the quote itself.
pub(crate) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A word in a line that people copy: as [`shell`], and as bash's `$'…'` where it could not be shown.
pub(crate) fn shell_shown(word: &str) -> String {
    if word.chars().all(is_harmless) {
        // Behind the first word `=` means nothing.
        let plain = word.split('=').all(|part| part.is_empty() || shell(part) == part);
        return if plain && !word.is_empty() { word.to_owned() } else { shell(word) };
    }
    let mut out = String::from("$'");
    for c in word.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if is_harmless(c) => out.push(c),
            // bash reads so many digits and no more.
            c => drop(write!(out, "\\U{:08x}", u32::from(c))),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests;
