//! Keys of parameters as people write them: names with dots between them, and those that hold other
//! signs in quotes, as TOML has them (`"q r"."a.b"`).

/// The names of a key; none if it cannot be one. What is not in quotes may hold anything but dots, for
/// it stands alone.
pub(super) fn parse(text: &str) -> Option<Vec<String>> {
    split(text, |name| !name.is_empty())
}

/// The same for a key in a file of the project, where names without quotes are those of TOML.
pub(super) fn parse_strictly(text: &str) -> Option<Vec<String>> {
    let is_bare = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    split(text, is_bare)
}

fn split(text: &str, is_bare: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let (mut names, mut rest) = (Vec::new(), text);
    loop {
        let end = match rest.chars().next()? {
            quote @ ('"' | '\'') => {
                let end = end_of_quoted(rest, quote)?;
                names.push(unquoted(&rest[..end])?);
                end
            }
            _ => {
                let end = rest.find('.').unwrap_or(rest.len());
                if !is_bare(&rest[..end]) {
                    return None;
                }
                names.push(rest[..end].to_owned());
                end
            }
        };
        rest = &rest[end..];
        if rest.is_empty() {
            return Some(names);
        }
        rest = rest.strip_prefix('.')?;
    }
}

/// Where a quoted name ends, its second quote included.
fn end_of_quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn unquoted(literal: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(&format!("v = {literal}")).ok()?;
    table.get("v")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::toml_text;
    use super::*;

    #[test]
    fn names_are_split_at_dots_outside_of_quotes() {
        for (text, names) in [
            ("a", Some(vec!["a"])),
            ("a.b-c", Some(vec!["a", "b-c"])),
            ("\"q r\".\"a.b\"", Some(vec!["q r", "a.b"])),
            ("'a\\'.\"\\u0041\\\"\"", Some(vec!["a\\", "A\""])),
            ("\"\"", Some(vec![""])),
            ("", None),
            (".a", None),
            ("a..b", None),
            ("a.", None),
            ("\"a", None),
            ("\"a\"b", None),
            ("\"\\x\"", None),
        ] {
            let expected = names.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!((parse(text), parse_strictly(text)), (expected.clone(), expected), "{text}");
        }
        assert_eq!(parse("a b.ü"), Some(vec!["a b".to_owned(), "ü".to_owned()]));
        assert_eq!(parse_strictly("a b.c"), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_can_be_typed(names in proptest::collection::vec(any::<String>(), 1..4)) {
            let text = names.iter().map(|name| toml_text::key(name)).collect::<Vec<_>>().join(".");
            prop_assert_eq!(parse_strictly(&text), Some(names.clone()));
            prop_assert_eq!(parse(&text), Some(names));
        }
    }
}
