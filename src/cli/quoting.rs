//! Words as a shell reads them: what goes in comes out of the shell as the same bytes, and nothing in
//! it is ever run or expanded.

/// Characters that mean nothing to any shell, wherever they stand in a word.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:,@%+".contains(c)
}

pub(super) use crate::text::shell as sh;

/// For fish: within single quotes the quote and the backslash are special.
pub(super) fn fish(word: &str) -> String {
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_words_stay_plain() {
        for word in ["build", "tofu:plan:-out", "alpha/prod", "--wait", "10m"] {
            assert_eq!((sh(word).as_str(), fish(word).as_str()), (word, word));
        }
        assert_eq!(sh(""), "''");
        assert_eq!(sh("a b; it's"), r"'a b; it'\''s'");
        assert_eq!(sh("~"), "'~'");
        assert_eq!(sh("-set=x"), "'-set=x'");
        assert_eq!(fish(r"it's \n"), r"'it\'s \\n'");
    }

    /// What a shell makes of one quoted word, by its grammar.
    fn read(text: &str, backslash_in_quotes: bool) -> String {
        let mut word = String::new();
        let (mut quoted, mut chars) = (false, text.chars());
        while let Some(c) = chars.next() {
            match (c, quoted) {
                ('\'', _) => quoted = !quoted,
                ('\\', false) => word.extend(chars.next()),
                ('\\', true) if backslash_in_quotes => word.extend(chars.next()),
                (c, true) => word.push(c),
                (c, false) => {
                    assert!(is_plain(c), "{c:?} is bare in {text}");
                    word.push(c);
                }
            }
        }
        assert!(!quoted, "{text}");
        word
    }

    proptest! {
        #[test]
        fn every_word_comes_back(word in "\\PC{0,12}|[ '\"\\\\$`\\n!*~#=a-z-]{0,12}") {
            prop_assert_eq!(&read(&sh(&word), false), &word);
            prop_assert_eq!(&read(&fish(&word), true), &word);
        }
    }
}
