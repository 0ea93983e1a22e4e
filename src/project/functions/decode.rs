//! `fromjson`, `fromyaml`, `fromtoml`: text as data. Errors tell the line, never the text.

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};
use serde_json::Value as Json;

use super::super::exact::{self, Unreadable};
use super::super::strict;
use crate::read;

fn refuse(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

fn text(value: &Value) -> Result<&str, Error> {
    let text = value.as_str().ok_or_else(|| refuse("only a text can be read as data"))?;
    match text.len() as u64 > read::ANSWER {
        true => Err(refuse(format!("a text of more than {} is not read as data", read::size(read::ANSWER)))),
        false => Ok(text),
    }
}

pub(in super::super) fn fromjson(value: &Value) -> Result<Value, Error> {
    exact::json(text(value)?.as_bytes()).map_err(|error| match error {
        Unreadable::Syntax(error) => refuse(format!("this is not JSON (line {})", error.line())),
        Unreadable::TooLarge => refuse(exact::TOO_LARGE),
    })
}

/// YAML 1.2: `no` and `on` are texts, and so is `0755`.
pub(in super::super) fn fromyaml(value: &Value) -> Result<Value, Error> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
    };
    let text = text(value)?;
    let data: Json = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(1, |at| at.line());
        refuse(format!("this is not one document of YAML (line {line})"))
    })?;
    if exact::is_rounded(text, &data) {
        return Err(refuse("a whole number has more than 64 bits: write it in quotes"));
    }
    Ok(strict::from_json(data))
}

/// Dates and times become texts.
pub(in super::super) fn fromtoml(value: &Value) -> Result<Value, Error> {
    let text = text(value)?;
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        refuse(format!("this is not TOML (line {})", super::super::place::line_of(text, offset)))
    })?;
    json(toml::Value::Table(table)).map(strict::from_json)
}

fn json(value: toml::Value) -> Result<Json, Error> {
    Ok(match value {
        toml::Value::String(text) => Json::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .map(Json::Number)
            .ok_or_else(|| refuse("no format of data beside TOML has this number"))?,
        toml::Value::Boolean(truth) => Json::Bool(truth),
        toml::Value::Datetime(time) => Json::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json).collect::<Result<_, _>>()?,
        toml::Value::Table(table) => {
            table.into_iter().map(|(key, value)| Ok((key, json(value)?))).collect::<Result<_, Error>>()?
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::eval;
    use super::*;

    #[test]
    fn texts_become_data() {
        for (expression, expected) in [
            (r#"('{"a": [1, 2.5, true, null, "x"]}' | fromjson).a | tojson"#, r#"[1,2.5,true,null,"x"]"#),
            (r#"'18446744073709551615' | fromjson"#, "18446744073709551615"),
            (r#"('[12345678901234567890123]' | fromjson)[0]"#, "12345678901234567890123"),
            (r#"'18446744073709551615' | fromyaml"#, "18446744073709551615"),
            (r#"('a: 1e30' | fromyaml).a"#, "1000000000000000000000000000000.0"),
            (
                r#"("a: [no, 0755, 1_000, ~]\nb: 2026-01-02" | fromyaml) | tojson"#,
                r#"{"a":["no","0755",1000,null],"b":"2026-01-02"}"#,
            ),
            (
                r#"('a = 1979-05-27\nb.c = [1.5]' | fromtoml) | tojson"#,
                r#"{"a":"1979-05-27","b":{"c":[1.5]}}"#,
            ),
        ] {
            assert_eq!(eval(expression), Ok(expected.to_owned()), "{expression}");
        }
    }

    #[test]
    fn what_is_no_data_is_an_error_without_the_text() {
        for (expression, why) in [
            (r#"'{"hunter2' | fromjson"#, "`fromjson`: this is not JSON (line 1)"),
            (r#"'1 2' | fromjson"#, "not JSON"),
            (r#""a: 1\na: hunter2" | fromyaml"#, "`fromyaml`: this is not one document of YAML (line 2)"),
            (r#""a: 1\n---\nb: 2" | fromyaml"#, "one document"),
            (r#"'a: .nan' | fromyaml"#, "YAML"),
            (r#""a = 1\nb = hunter2" | fromtoml"#, "`fromtoml`: this is not TOML (line 2)"),
            (r#"'a = nan' | fromtoml"#, "no format"),
            (r#"'a: 18446744073709551616' | fromyaml"#, "more than 64 bits"),
            (r#"('9' * 40) | fromjson"#, "more than 128 bits"),
            (r#"'[18446744073709551616]' | fromjson | tojson"#, "beyond 64 bits"),
            ("[1] | fromjson", "only a text"),
            ("nope | fromyaml", "undefined"),
        ] {
            let error = eval(expression).unwrap_err();
            assert!(error.contains(why) && !error.contains("hunter"), "{expression}: {error}");
        }
    }

    fn data() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            // Larger ones are written without a fraction in YAML, as whole numbers that may not be rounded.
            (-9e18..9e18).prop_map(Json::from),
            any::<String>().prop_map(Json::String),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_and_yaml_read_back_what_was_written(data in data()) {
            let back = |text: Result<String, &str>, read: fn(&Value) -> Result<Value, Error>| {
                strict::to_json(&read(&Value::from(text.unwrap())).unwrap()).unwrap()
            };
            prop_assert_eq!(&back(Ok(data.to_string()), fromjson), &data);
            prop_assert_eq!(&back(crate::project::Format::Yaml.write(&data), fromyaml), &data);
        }
    }
}
