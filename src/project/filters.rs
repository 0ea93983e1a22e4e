//! Filters beside the engine's own: encodings, a hash, names that every tool accepts. `strict` wraps
//! them like all others, so that they never see an undefined value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Value;
use minijinja::{Error, ErrorKind};
use sha2::{Digest as _, Sha256};

use super::encode::Format;
use super::functions::{decode, named};
use super::strict::hcl::{of_other_format, tohcl};
use super::strict::{print, to_json, tojson};

/// A filter beside the engine's own.
#[derive(Debug)]
pub struct Filter {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it gives.
    pub summary: &'static str,
    /// An expression and what that gives.
    pub example: (&'static str, &'static str),
    pub(super) make: fn() -> Value,
}

/// All of them, in the order in which they are documented.
pub const FILTERS: &[Filter] = &[
    Filter {
        name: "tojson",
        usage: "tojson(indent=2)",
        summary: "as JSON, which YAML reads as well; on one line without `indent`.",
        example: ("{'a': [1, true, none]} | tojson", "{\"a\":[1,true,null]}"),
        make: || Value::from_function(tojson),
    },
    Filter {
        name: "tohcl",
        usage: "tohcl(indent=2)",
        summary: "as HCL reads it, in `*.tf.json` too: `${` and `%{` in texts stay texts.",
        example: ("{'a': ['${x}', none]} | tohcl", "{\"a\": [\"$${x}\", null]}"),
        make: || Value::from_function(tohcl),
    },
    Filter {
        name: "toyaml",
        usage: "toyaml",
        summary: "as YAML, without a newline at the end.",
        example: ("[1, 'no'] | toyaml | indent(2)", "- 1\n  - \"no\""),
        make: || Value::from_function(toyaml),
    },
    Filter {
        name: "totoml",
        usage: "totoml",
        summary: "a table as TOML, without a newline at the end.",
        example: ("{'a': 'b'} | totoml", "a = \"b\""),
        make: || Value::from_function(totoml),
    },
    Filter {
        name: "fromjson",
        usage: "fromjson",
        summary: "the data that a text of JSON holds.",
        example: ("('{\"a\": [1, 2]}' | fromjson).a[1]", "2"),
        make: || {
            Value::from_function(|value: &Value| decode::fromjson(value).map_err(|e| named("fromjson", &e)))
        },
    },
    Filter {
        name: "fromyaml",
        usage: "fromyaml",
        summary: "the data that one document of YAML 1.2 holds; `no`, `on` and `0755` are texts.",
        example: ("('a: [no, 2]' | fromyaml).a | tojson", "[\"no\",2]"),
        make: || {
            Value::from_function(|value: &Value| decode::fromyaml(value).map_err(|e| named("fromyaml", &e)))
        },
    },
    Filter {
        name: "fromtoml",
        usage: "fromtoml",
        summary: "the data that a text of TOML holds; dates become texts.",
        example: ("('a = 1979-05-27' | fromtoml).a", "1979-05-27"),
        make: || {
            Value::from_function(|value: &Value| decode::fromtoml(value).map_err(|e| named("fromtoml", &e)))
        },
    },
    Filter {
        name: "b64encode",
        usage: "b64encode",
        summary: "the text in base64.",
        example: ("'a' | b64encode", "YQ=="),
        make: || Value::from_function(b64encode),
    },
    Filter {
        name: "b64decode",
        usage: "b64decode",
        summary: "the text that was written in base64.",
        example: ("'YQ==' | b64decode", "a"),
        make: || Value::from_function(b64decode),
    },
    Filter {
        name: "sha256",
        usage: "sha256",
        summary: "the SHA-256 of the text, in hexadecimal.",
        example: ("('a' | sha256)[:8]", "ca978112"),
        make: || Value::from_function(sha256),
    },
    Filter {
        name: "slug",
        usage: "slug(63)",
        summary: "small letters, digits and single dashes, at most that many: a name for DNS and Kubernetes.",
        example: ("'My App (v2)' | slug(63)", "my-app-v2"),
        make: || Value::from_function(slug),
    },
];

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

pub(super) fn toyaml(value: &Value) -> Result<Value, Error> {
    data(value, Format::Yaml)
}

pub(super) fn totoml(value: &Value) -> Result<Value, Error> {
    data(value, Format::Toml)
}

/// Without the last newline: the template around it has its own.
fn data(value: &Value, format: Format) -> Result<Value, Error> {
    let mut text = format.write(&to_json(value)?).map_err(refuse)?;
    text.truncate(text.trim_end_matches('\n').len());
    Ok(of_other_format(text))
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
    fn examples_give_what_they_say() {
        for (expression, result) in FILTERS.iter().map(|filter| filter.example) {
            assert_eq!(render(&format!("{{{{ {expression} }}}}")), Ok(result.to_owned()), "{expression}");
        }
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
