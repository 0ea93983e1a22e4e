//! The bytes of a file as the text of a template: UTF-8, without the mark that Windows begins files with.

use crate::project::Delimiters;

/// U+FEFF at the beginning of a file.
pub(super) const MARK: char = '\u{feff}';

/// The text of a template without the mark; none for what is not UTF-8, which is copied.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().map(|text| text.strip_prefix(MARK).unwrap_or(text))
}

/// Whether a file that is not UTF-8 was probably meant as a template: text in another encoding, with a whole
/// expression or statement on one of its lines. In pictures and archives such marks are there by chance.
pub(super) fn is_missed(bytes: &[u8], delimiters: &Delimiters) -> bool {
    let units = |pair: fn([u8; 2]) -> u16| -> Vec<u16> {
        bytes[2..].chunks_exact(2).map(|chunk| pair([chunk[0], chunk[1]])).collect()
    };
    let text = match bytes {
        _ if std::str::from_utf8(bytes).is_ok() => return false,
        [0xff, 0xfe, ..] => String::from_utf16_lossy(&units(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => String::from_utf16_lossy(&units(u16::from_be_bytes)),
        _ if bytes.contains(&0) => return false,
        _ => bytes.iter().copied().map(char::from).collect(),
    };
    let is_whole = |line: &str, [open, close]: &[String; 2]| {
        line.split_once(open.as_str()).is_some_and(|(_, rest)| rest.contains(close.as_str()))
    };
    text.lines().any(|line| is_whole(line, &delimiters.variable) || is_whole(line, &delimiters.block))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_another_encoding_is_known_by_its_expressions() {
        let utf16 = |text: &str, pair: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(pair).collect()
        };
        let missed = |bytes: &[u8]| is_missed(bytes, &Delimiters::default());
        for bytes in [
            b"# Caf\xe9\nname: {{ profile }}\n".to_vec(),
            b"\xe9{% if x %}".to_vec(),
            utf16("name: {{ x }}", u16::to_le_bytes),
            utf16("name: {{ x }}", u16::to_be_bytes),
        ] {
            assert!(missed(&bytes), "{bytes:?}");
        }
        for bytes in [
            &b"name: {{ profile }}"[..],
            b"# Caf\xe9\n",
            b"\xe9 {{ \n }}",
            b"\x00\xe9 {{ a }}",
            b"\xff\xfe",
            b"\xff\xfea",
            b"",
        ] {
            assert!(!missed(bytes), "{bytes:?}");
        }
        assert_eq!((text(b"\xef\xbb\xbfa"), text(b"a"), text(b"\xe9")), (Some("a"), Some("a"), None));
    }
}
