//! The commands of secrets in the text of an expression, as far as they are written out.

use super::words::Pattern;

/// The identifiers of an expression, each with where it ends.
pub(super) fn identifiers(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(part)?;
        let end = text[start..].find(|c| !part(c)).map_or(text.len(), |length| start + length);
        from = end;
        Some((end, &text[start..end]))
    })
}

/// The commands of secrets in an expression: `secret(command=["pass", "show", name])`.
pub(super) fn secrets(tag: &str) -> Vec<Pattern> {
    let calls = identifiers(tag).filter(|(_, name)| *name == "secret");
    calls
        .filter_map(|(end, _)| {
            let arguments = tag[end..].trim_start().strip_prefix('(')?.trim_start();
            let list = arguments.strip_prefix("command")?.trim_start().strip_prefix('=')?.trim_start();
            list_of(list.strip_prefix('[')?)
        })
        .collect()
}

/// The elements of a list up to its `]`; those that are no plain text are computed.
fn list_of(text: &str) -> Option<Pattern> {
    let (mut words, mut element, mut depth, mut quote) = (Vec::new(), String::new(), 0_usize, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '(' | '{') => depth += 1,
            (None, ']') if depth == 0 => {
                if !element.trim().is_empty() {
                    words.push(plain(&element));
                }
                return (!words.is_empty()).then_some(words);
            }
            (None, ']' | ')' | '}') => depth = depth.checked_sub(1)?,
            (None, ',') if depth == 0 => {
                words.push(plain(&element));
                element.clear();
                continue;
            }
            _ => {}
        }
        element.push(c);
    }
    None
}

/// `"text"` and `'text'` without anything that has a meaning in them.
fn plain(element: &str) -> Option<String> {
    let element = element.trim();
    let quote = element.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = element.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(['\\', '"', '\''])).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_far_as_they_are_written_out() {
        let of = |text: &str| secrets(text);
        let word = |text: &str| Some(text.to_owned());
        assert_eq!(
            of("secret(command=['a', \"b,]\", c, f(1, 2)])"),
            [vec![word("a"), word("b,]"), None, None]]
        );
        assert_eq!(of("secret( command = [ 'a' ~ b ] )"), [vec![None]]);
        for none in ["secret(env='X')", "secret(command=c)", "mysecret(command=['a'])", "secret(command=['a'"]
        {
            assert!(of(none).is_empty(), "{none}");
        }
    }
}
