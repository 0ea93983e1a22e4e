//! Filters beside the engine's own: encodings, a hash, names that every tool accepts. `strict` wraps
//! them like all others, so that they never see an undefined value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Value;
use minijinja::{Error, ErrorKind};
use sha2::{Digest as _, Sha256};

use super::encode::Format;
use super::strict::{print, to_json};

/// A value as the text that it would print as.
fn text(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    print(value, &mut out)?;
    Ok(out)
}

fn refuse(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

pub(super) fn b64encode(value: &Value) -> Result<String, Error> {
    Ok(STANDARD.encode(text(value)?))
}

pub(super) fn b64decode(value: &Value) -> Result<String, Error> {
    let text: String = text(value)?.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(text).map_err(|_| refuse("`b64decode`: this is not base64"))?;
    String::from_utf8(bytes).map_err(|_| refuse("`b64decode`: what comes out is not UTF-8"))
}

pub(super) fn sha256(value: &Value) -> Result<String, Error> {
    use std::fmt::Write as _;
    Ok(Sha256::digest(text(value)?).iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    }))
}

/// Small letters, digits and single dashes between them, at most `length` of them: a name for DNS,
/// Kubernetes and most clouds.
pub(super) fn slug(value: &Value, length: Option<usize>) -> Result<String, Error> {
    let mut out = String::new();
    for c in text(value)?.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(length.unwrap_or(usize::MAX));
    let slug = out.trim_end_matches('-');
    if slug.is_empty() {
        Err(refuse("`slug`: nothing of this can stand in a name"))
    } else {
        Ok(slug.to_owned())
    }
}

pub(super) fn toyaml(value: &Value) -> Result<String, Error> {
    data(value, Format::Yaml)
}

pub(super) fn totoml(value: &Value) -> Result<String, Error> {
    data(value, Format::Toml)
}

/// Without the last newline: the template around it has its own.
fn data(value: &Value, format: Format) -> Result<String, Error> {
    let mut text = format.write(&to_json(value, 0)?).map_err(refuse)?;
    text.truncate(text.trim_end_matches('\n').len());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn render(template: &str) -> Result<String, String> {
        let env = super::super::strict::environment();
        env.render_str(template, minijinja::context! { t => "Grüße, Welt!", l => vec![1, 2] })
            .map_err(|error| super::super::strict::describe(&error))
    }

    #[test]
    fn filters_do_what_their_names_say() {
        for (template, expected) in [
            ("{{ 'a' | b64encode }}", "YQ=="),
            ("{{ true | b64encode }}", "dHJ1ZQ=="),
            ("{{ 'Y Q=\n=' | b64decode }}", "a"),
            ("{{ '' | sha256 }}", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("{{ 'A_b--C 9.' | slug }}", "a-b-c-9"),
            ("{{ t | slug }}", "gr-e-welt"),
            ("{{ 'abc def' | slug(4) }}", "abc"),
            ("{{ {'a': l, 'b': none} | toyaml }}", "a:\n- 1\n- 2\nb: null"),
            ("{{ {'a': l} | totoml }}", "a = [\n    1,\n    2,\n]"),
            ("{{ {'a': 'no'} | toyaml | indent(2) }}", "a: \"no\""),
        ] {
            assert_eq!(render(template), Ok(expected.to_owned()), "{template}");
        }
    }

    #[test]
    fn what_they_cannot_do_is_an_error_without_the_value() {
        for (template, why) in [
            ("{{ 'hunter2!' | b64decode }}", "not base64"),
            ("{{ '/w==' | b64decode }}", "not UTF-8"),
            ("{{ l | sha256 }}", "a list cannot stand in text"),
            ("{{ '--' | slug }}", "nothing of this"),
            ("{{ l | totoml }}", "TOML needs a table"),
            ("{{ nope | toyaml }}", "undefined"),
            ("{{ [nope] | b64encode }}", "undefined"),
        ] {
            let error = render(template).unwrap_err();
            assert!(error.contains(why) && !error.contains("hunter"), "{template}: {error}");
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(text: String) {
            let encoded = b64encode(&Value::from(text.as_str())).unwrap();
            prop_assert_eq!(b64decode(&Value::from(encoded)).unwrap(), text);
        }

        #[test]
        fn a_slug_is_a_slug_already(text: String, length in 1_usize..70) {
            if let Ok(once) = slug(&Value::from(text), Some(length)) {
                prop_assert!(once.len() <= length);
                prop_assert_eq!(&slug(&Value::from(once.as_str()), None).unwrap(), &once);
            }
        }
    }
}
