//! Which outputs a text uses, found without evaluating anything: `outputs.NAME.KEY`.
//!
//! What must hold: whatever an expression can read of `outputs` is found here, for the order of units
//! goes by it. A use whose NAME is not written out is therefore an error.

use super::{Place, ProjectError, expr};

/// What all outputs are called in expressions.
pub(super) const WORD: &str = "outputs";

/// How a use is written, for messages.
const USAGE: &str = "write it out: `outputs.MODULE.KEY`, or `outputs[\"MODULE/PROFILE\"].KEY` of another \
                     profile; a name with `-` or `.` in it is `outputs[\"my-module\"].KEY`";

/// The NAMEs whose outputs a text uses, in the order in which they stand in it, each with its place.
///
/// # Errors
/// A use that does not say which name it means.
pub(super) fn uses(text: &str, place: &Place) -> Result<Vec<(String, Place)>, ProjectError> {
    let mut found = Vec::new();
    if !text.contains(WORD) {
        return Ok(found);
    }
    for range in expr::expressions(text) {
        let mut scan = Scan { text: &text[range.clone()], at: 0 };
        let mut before = None;
        while let Some(token) = scan.next() {
            let is_use =
                token == Token::Word(WORD) && before != Some(Token::Sign('.')) && !scan.names_argument();
            if is_use {
                let at = place.down(text[..range.start + scan.at].matches('\n').count());
                found.push((target(&mut scan, &at)?, at));
            }
            before = Some(token);
        }
    }
    Ok(found)
}

/// The NAME that stands after `outputs`, which some key must follow.
fn target(scan: &mut Scan<'_>, place: &Place) -> Result<String, ProjectError> {
    let fail = |message: &str| ProjectError::config_hint(place.clone(), message, Some(USAGE.to_owned()));
    let name = match scan.next() {
        Some(Token::Sign('.')) => match scan.next() {
            Some(Token::Word(name)) => Some(name),
            _ => None,
        },
        Some(Token::Sign('[')) => match (scan.next(), scan.next()) {
            (Some(Token::Text(name)), Some(Token::Sign(']'))) => Some(name),
            _ => None,
        },
        _ => None,
    };
    let name = name.ok_or_else(|| {
        fail("whose outputs are meant must stand in the text itself: the order of units goes by it")
    })?;
    match scan.peek() {
        Some(Token::Sign('.' | '[')) => Ok(name.to_owned()),
        _ => {
            let name = name.escape_debug();
            Err(fail(&format!("which output of `{name}` is meant is missing")))
        }
    }
}

/// A part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A name.
    Word(&'a str),
    /// What stands between quotes, if there is no backslash in it.
    Text(&'a str),
    /// Any other character that is no blank.
    Sign(char),
    /// A number, or a text with a backslash in it.
    Other,
}

/// Reads an expression part by part.
#[derive(Clone, Copy)]
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        let first = rest.chars().next()?;
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let (token, length) = if first == '"' || first == '\'' {
            quoted(rest, first)
        } else if is_word(first) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let word = &rest[..length];
            (if first.is_numeric() { Token::Other } else { Token::Word(word) }, length)
        } else {
            (Token::Sign(first), first.len_utf8())
        };
        self.at += length;
        Some(token)
    }

    fn peek(&self) -> Option<Token<'a>> {
        let mut ahead = *self;
        ahead.next()
    }

    /// Whether `=` comes next, and not `==`: what was read is the name of an argument.
    fn names_argument(&self) -> bool {
        let mut ahead = *self;
        ahead.next() == Some(Token::Sign('=')) && !self.text[ahead.at..].starts_with('=')
    }
}

/// A text in quotes, and its length with them.
fn quoted(rest: &str, quote: char) -> (Token<'_>, usize) {
    let (mut escaped, mut plain) = (false, true);
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => (escaped, plain) = (true, false),
            c if c == quote => {
                return (if plain { Token::Text(&rest[1..at]) } else { Token::Other }, at + 1);
            }
            _ => {}
        }
    }
    (Token::Other, rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &str) -> Vec<String> {
        uses(text, &Place::new("f", 3)).unwrap().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn uses_are_found_wherever_they_stand() {
        for (text, expected) in [
            ("{{ outputs.vpc.id }}", vec!["vpc"]),
            ("x{{ outputs . vpc . id }}-{{ outputs['a-b'].c }}", vec!["vpc", "a-b"]),
            ("{{ outputs[\"vpc/shared\"]['id'] | upper }}", vec!["vpc/shared"]),
            ("{{ f(outputs.a.b, [outputs.c[x]], {'outputs': outputs.d.e}) }}", vec!["a", "c", "d"]),
            ("{{ 1 if outputs.a.b == outputs.c.d else x.outputs }}", vec!["a", "c"]),
            ("{{ f(outputs=1) }}{{ 'outputs' }}{{ my_outputs }}{{ outputs2.x }}", vec![]),
            ("{{ \"it's outputs.a.b\" ~ outputs.c.d }}", vec!["c"]),
            ("outputs.a.b {{ x }}", vec![]),
            ("{{ outputs.a.b", vec![]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn a_use_that_does_not_say_whose_is_refused_where_it_stands() {
        for text in [
            "{{ outputs[x].id }}",
            "{{ outputs }}",
            "{{ outputs | attr('vpc') }}",
            "{{ outputs['v' ~ 'pc'].id }}",
            "{{ outputs['v\\x70c'].id }}",
            "{{ outputs.1.id }}",
            "{{ outputs.",
            "{{ outputs == 1 }}",
        ] {
            if text.ends_with("}}") {
                let error = uses(text, &Place::new("f", 3)).unwrap_err();
                assert!(error.to_string().starts_with("f:3: whose outputs are meant"), "{text}: {error}");
            }
        }
        let error = uses("a\nb {{ outputs.net-work.id }}", &Place::new("f", 3)).unwrap_err();
        assert_eq!(error.to_string(), "f:4: which output of `net` is meant is missing");
        assert!(error.hint().unwrap().contains("outputs[\"my-module\"].KEY"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\{\\{)?[ a-z'\"\\[\\].=é\\\\]{0,20}outputs[ a-z'\"\\[\\].=\\\\\n]{0,20}(\\}\\})?") {
            let _ = uses(&text, &Place::whole("f"));
        }

        #[test]
        fn what_stands_around_a_use_does_not_hide_it(before in "[a-z +(,\\[]{0,8}", name in "[a-z_][a-z0-9_]{0,8}") {
            let text = format!("{{{{ {before} outputs.{name}.key }}}}");
            let found = uses(&text, &Place::whole("f")).unwrap();
            prop_assert_eq!(found.last().map(|(name, _)| name.as_str()), Some(name.as_str()));
        }
    }
}
