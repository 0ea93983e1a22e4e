//! The tags of a template and the words and signs in them, told apart exactly as the engine does it:
//! what is added to a template (`checks`) must never land in a text, a comment or a raw block.
//!
//! Where the engine stops with an error, the tags end.

use std::ops::Range;

use super::super::Delimiters;

/// A tag of so many bytes cannot hold more operators than `checks` allows.
const SHORT: usize = 400;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A name or a word of the language.
    Word,
    Number,
    /// A text in quotes.
    Quoted,
    /// An operator or bracket.
    Sign,
}

/// A part of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) sort: Sort,
    pub(super) at: Range<usize>,
}

/// What a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Expression,
    Statement,
}

#[derive(Clone, Copy)]
enum Opener {
    Expression,
    Statement,
    Comment,
}

/// The tags of a text, one after the other.
pub(super) struct Tags<'t> {
    text: &'t str,
    delimiters: &'t Delimiters,
    /// The longest first.
    openers: [(&'t str, Opener); 3],
    at: usize,
    /// Brackets that are open; the engine counts them across tags.
    balance: isize,
    /// No tag is skimmed.
    in_full: bool,
}

impl<'t> Tags<'t> {
    pub(super) fn new(text: &'t str, delimiters: &'t Delimiters) -> Self {
        let mut openers = [
            (delimiters.variable[0].as_str(), Opener::Expression),
            (delimiters.block[0].as_str(), Opener::Statement),
            (delimiters.comment[0].as_str(), Opener::Comment),
        ];
        openers.sort_by_key(|(opener, _)| std::cmp::Reverse(opener.len()));
        Self { text, delimiters, openers, at: 0, balance: 0, in_full: false }
    }

    /// The next tag, and where it begins; its tokens replace those of the one before. Of a tag in which there is
    /// nothing to check these are the first word of a statement, or none: most are such, and thousands are read.
    pub(super) fn next(&mut self, tokens: &mut Vec<Token>) -> Option<(Kind, usize)> {
        loop {
            let (begin, length, opener) = self.opener()?;
            self.at = begin + length;
            if matches!(self.rest().as_bytes().first(), Some(b'-' | b'+')) {
                self.at += 1;
            }
            let (kind, close) = match opener {
                Opener::Comment => {
                    let close = self.delimiters.comment[1].as_str();
                    self.at += self.rest().find(close)? + close.len();
                    continue;
                }
                Opener::Statement => {
                    if let Some(length) = self.plain_tag(self.at, "raw", false) {
                        self.at += length;
                        self.skip_raw()?;
                        continue;
                    }
                    (Kind::Statement, &self.delimiters.block[1])
                }
                Opener::Expression => (Kind::Expression, &self.delimiters.variable[1]),
            };
            tokens.clear();
            if let Some((end, balance)) = self.skim(kind, close) {
                if kind == Kind::Statement {
                    self.token(close, tokens);
                }
                (self.at, self.balance) = (end, balance);
            } else {
                while self.token(close, tokens) {}
            }
            return Some((kind, begin));
        }
    }

    /// The end of a short tag that has none of what `checks` looks for, and the brackets that are open then.
    fn skim(&self, kind: Kind, close: &str) -> Option<(usize, isize)> {
        let bytes = self.text.as_bytes();
        let first = *close.as_bytes().first()?;
        // Such a sign might be a part of a token before it.
        if self.in_full || first.is_ascii_alphanumeric() || b"_/*=!<>'\"".contains(&first) {
            return None;
        }
        if kind == Kind::Statement && self.rest().trim_start().starts_with("set") {
            return None;
        }
        let (mut at, mut balance) = (self.at, self.balance);
        while at < self.at + SHORT {
            let byte = *bytes.get(at)?;
            if balance == 0 && byte == first && bytes[at..].starts_with(close.as_bytes()) {
                return Some((at + close.len(), balance));
            }
            match byte {
                b'~' | b'[' | b'+' | b'*' => return None,
                // Here the engine stops, perhaps.
                b'\\' | b'?' | b'@' | b'#' | b'$' | b'&' | b';' | b'^' | b'`' | b'!' | 0x7f.. => return None,
                b'\'' | b'"' => {
                    at = end_of_text(bytes, at + 1, byte)?;
                    continue;
                }
                b'(' if bytes[..at].trim_ascii_end().ends_with(b"cycle") => return None,
                b'(' | b'{' => balance += 1,
                b')' | b']' | b'}' => balance -= 1,
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Where the last tag ends.
    pub(super) fn end(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn opener(&self) -> Option<(usize, usize, Opener)> {
        let first = |index: usize| self.openers[index].0.chars().next();
        let (a, b, c) = (first(0)?, first(1)?, first(2)?);
        let mut from = self.at;
        loop {
            let rest = &self.text[from..];
            from += if a == b && b == c { rest.find(a) } else { rest.find([a, b, c]) }?;
            let rest = &self.text[from..];
            if let Some((text, opener)) = self.openers.iter().find(|(text, _)| rest.starts_with(text)) {
                return Some((from, text.len(), *opener));
            }
            from += rest.chars().next()?.len_utf8();
        }
    }

    /// How long a tag is that consists of one word, from behind its opener.
    fn plain_tag(&self, at: usize, word: &str, may_trim: bool) -> Option<usize> {
        let all = &self.text[at..];
        let rest = if may_trim { all.strip_prefix(['-', '+']).unwrap_or(all) } else { all };
        let space = |c: char| c.is_ascii_whitespace();
        let rest = rest.trim_start_matches(space).strip_prefix(word)?.trim_start_matches(space);
        let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest).strip_prefix(&self.delimiters.block[1])?;
        Some(all.len() - rest.len())
    }

    fn skip_raw(&mut self) -> Option<()> {
        let opener = self.delimiters.block[0].as_str();
        loop {
            self.at += self.rest().find(opener)? + opener.len();
            if let Some(length) = self.plain_tag(self.at, "endraw", true) {
                self.at += length;
                return Some(());
            }
        }
    }

    /// Reads one token; false at the end of the tag, and where the engine stops.
    fn token(&mut self, close: &str, tokens: &mut Vec<Token>) -> bool {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        if self.balance == 0 {
            let trims = usize::from(matches!(bytes.get(self.at), Some(b'-' | b'+')));
            for skip in [trims, 0] {
                if bytes[self.at + skip..].starts_with(close.as_bytes()) {
                    self.at += skip + close.len();
                    return false;
                }
            }
        }
        match token(self.text, self.at, &mut self.balance) {
            Some(token) => {
                self.at = token.at.end;
                tokens.push(token);
                true
            }
            None => {
                self.at = self.text.len();
                false
            }
        }
    }
}

/// The tokens of an expression that stands alone.
pub(super) fn of_expression(text: &str) -> Vec<Token> {
    let (mut tokens, mut at, mut balance) = (Vec::new(), 0, 0);
    loop {
        while text.as_bytes().get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        let Some(token) = token(text, at, &mut balance) else { return tokens };
        at = token.at.end;
        tokens.push(token);
    }
}

/// The token that begins there, if one does.
fn token(text: &str, begin: usize, balance: &mut isize) -> Option<Token> {
    let bytes = text.as_bytes();
    let (sort, end) = match bytes.get(begin)? {
        b'/' if bytes.get(begin + 1) == Some(&b'/') => (Sort::Sign, begin + 2),
        b'*' if bytes.get(begin + 1) == Some(&b'*') => (Sort::Sign, begin + 2),
        b'=' | b'!' | b'>' | b'<' if bytes.get(begin + 1) == Some(&b'=') => (Sort::Sign, begin + 2),
        b'(' | b'[' | b'{' => {
            *balance += 1;
            (Sort::Sign, begin + 1)
        }
        b')' | b']' | b'}' => {
            *balance -= 1;
            (Sort::Sign, begin + 1)
        }
        b'+' | b'-' | b'*' | b'/' | b'%' | b'.' | b',' | b':' | b'~' | b'|' | b'=' | b'>' | b'<' => {
            (Sort::Sign, begin + 1)
        }
        quote @ (b'\'' | b'"') => (Sort::Quoted, end_of_text(bytes, begin + 1, *quote)?),
        byte if byte.is_ascii_digit() => (Sort::Number, end_of_number(bytes, begin)),
        byte if byte.is_ascii_alphabetic() || *byte == b'_' => (Sort::Word, end_of_word(bytes, begin)),
        _ => return None,
    };
    Some(Token { sort, at: begin..end })
}

fn end_of_text(bytes: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn end_of_word(bytes: &[u8], begin: usize) -> usize {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    begin + bytes[begin..].iter().take_while(|byte| part(byte)).count()
}

fn end_of_number(bytes: &[u8], begin: usize) -> usize {
    #[derive(Clone, Copy)]
    enum State {
        Radix,
        Whole,
        Fraction,
        Exponent,
        Sign,
    }
    let is_hex = matches!(bytes.get(begin..begin + 2), Some(b"0x" | b"0X"));
    let is_radix = is_hex || matches!(bytes.get(begin..begin + 2), Some(b"0b" | b"0B" | b"0o" | b"0O"));
    // `x.1.0` is `x[1][0]`.
    let is_index = begin > 0 && bytes[begin - 1] == b'.';
    let mut state = if is_radix { State::Radix } else { State::Whole };
    let mut at = begin + if is_radix { 2 } else { 0 };
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    while let Some(&byte) = bytes.get(at) {
        state = match (byte, state) {
            (b'.', State::Whole) if is_index => break,
            (b'.', State::Whole) => {
                let is_exponent = matches!(bytes.get(at + 1), Some(b'e' | b'E'))
                    && matches!(bytes.get(at + 2), Some(b'+' | b'-' | b'0'..=b'9'));
                if !is_exponent && bytes.get(at + 1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
                    break;
                }
                State::Fraction
            }
            (b'E' | b'e', State::Whole | State::Fraction) => State::Exponent,
            (b'+' | b'-' | b'0'..=b'9', State::Exponent) => State::Sign,
            (b'0'..=b'9', state) => state,
            (b'a'..=b'f' | b'A'..=b'F', State::Radix) if is_hex => state,
            (b'_', state) => state,
            _ => break,
        };
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str, delimiters: &Delimiters) -> Vec<Vec<String>> {
        let (mut tags, mut tokens, mut found) = (Tags::new(text, delimiters), Vec::new(), Vec::new());
        tags.in_full = true;
        while tags.next(&mut tokens).is_some() {
            found.push(tokens.iter().map(|token| text[token.at.clone()].to_owned()).collect());
        }
        found
    }

    #[test]
    fn tags_are_those_of_the_engine() {
        let jinja = Delimiters::default();
        for (text, tokens) in [
            ("a { b {{ c }} d", vec![vec!["c"]]),
            ("{{- '}}' ~ \"\\\"}}\" -}}", vec![vec!["'}}'", "~", "\"\\\"}}\""]]),
            ("{{ {'a': {}}.b }}{{ x }}", vec![vec!["{", "'a'", ":", "{", "}", "}", ".", "b"], vec!["x"]]),
            ("{# {{ a }} #}{{ b }}", vec![vec!["b"]]),
            ("{%- raw -%}{{ a }}{% endraw %}{% if b %}", vec![vec!["if", "b"]]),
            (
                "{{ x.1.0 + 1.5e-3 - 0x_fF * 1.real }}",
                vec![vec!["x", ".", "1", ".", "0", "+", "1.5e-3", "-", "0x_fF", "*", "1", ".", "real"]],
            ),
            ("{{ a // b ** c >= d }}", vec![vec!["a", "//", "b", "**", "c", ">=", "d"]]),
            ("{{ 'open }}", vec![vec![]]),
            ("{{ a ? b }}{{ c }}", vec![vec!["a"]]),
        ] {
            assert_eq!(all(text, &jinja), tokens, "{text}");
        }
        let erb = Delimiters::preset("erb").unwrap();
        assert_eq!(all("<%# a %><%= b %><% if c %>", &erb), [vec!["b"], vec!["if", "c"]]);
    }

    proptest! {
        #[test]
        fn tags_that_are_skimmed_end_where_they_end(
            text in "(\\{\\{|\\}\\}|\\{%|%\\}|[{}()'\"a1.e|~\\- \\[\\]]|set |raw|endraw|cycle|'a\\\\'}'){0,24}",
        ) {
            let delimiters = Delimiters::default();
            let ends = |in_full: bool| {
                let (mut tags, mut tokens) = (Tags::new(&text, &delimiters), Vec::new());
                tags.in_full = in_full;
                let mut ends = Vec::new();
                while let Some((_, begin)) = tags.next(&mut tokens) {
                    ends.push((begin, tags.at, tags.balance));
                }
                ends
            };
            prop_assert_eq!(ends(false), ends(true));
        }

        #[test]
        fn tokens_lie_in_the_text(text in "[{}%#\\-'\"\\\\a1.e~é|()\\[\\] \n]{0,40}") {
            for tag in all(&text, &Delimiters::default()) {
                prop_assert!(tag.iter().all(|token| text.contains(token.as_str())));
            }
            of_expression(&text);
        }
    }
}
