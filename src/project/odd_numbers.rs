//! Values with numbers that JSON does not have, `inf`, `nan` and integers beyond 64 bits, for who shows
//! parameters: TOML has the first two, and in JSON they are texts.

use minijinja::value::{Value, ValueKind};
use serde_json::Value as Json;

use super::{strict, toml_text};

/// A value of this kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Odd {
    /// As TOML writes it, if it can.
    pub toml: String,
    /// Whether TOML can hold it.
    pub is_toml: bool,
    /// As JSON, with texts for such numbers.
    pub json: Json,
}

impl Odd {
    /// None for what cannot be shown for another reason.
    pub(super) fn read(value: &Value) -> Option<Self> {
        read(value, 0)
    }
}

/// Whether an integer beyond 64 bits is in a value: as JSON it would come out as a fraction that is not
/// quite the same.
pub(super) fn has_beyond(value: &Value, depth: usize) -> bool {
    let inner = |item: &Value| depth < DEEPEST && has_beyond(item, depth + 1);
    match value.kind() {
        ValueKind::Number => is_beyond(value),
        ValueKind::Seq => value.try_iter().is_ok_and(|mut items| items.any(|item| inner(&item))),
        ValueKind::Map => value
            .try_iter()
            .is_ok_and(|mut keys| keys.any(|key| value.get_item(&key).is_ok_and(|item| inner(&item)))),
        _ => false,
    }
}

fn is_beyond(number: &Value) -> bool {
    number.is_integer() && i64::try_from(number.clone()).is_err() && u64::try_from(number.clone()).is_err()
}

/// How deep what is shown may nest.
const DEEPEST: usize = 64;

fn read(value: &Value, depth: usize) -> Option<Odd> {
    if depth > DEEPEST {
        return None;
    }
    match value.kind() {
        ValueKind::Number if is_beyond(value) || strict::to_json(value).is_err() => {
            let is_toml = !value.is_integer();
            let text = match f64::try_from(value.clone()) {
                Ok(number) if is_toml && number.is_nan() => "nan".to_owned(),
                Ok(number) if is_toml && number < 0.0 => "-inf".to_owned(),
                Ok(_) if is_toml => "inf".to_owned(),
                _ => value.to_string(),
            };
            Some(Odd { json: Json::String(text.clone()), toml: text, is_toml })
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items =
                value.try_iter().ok()?.map(|item| read(&item, depth + 1)).collect::<Option<Vec<_>>>()?;
            let texts: Vec<&str> = items.iter().map(|item| item.toml.as_str()).collect();
            Some(Odd {
                toml: format!("[{}]", texts.join(", ")),
                is_toml: items.iter().all(|item| item.is_toml),
                json: Json::Array(items.into_iter().map(|item| item.json).collect()),
            })
        }
        ValueKind::Map => {
            let (mut texts, mut is_toml, mut json) = (Vec::new(), true, serde_json::Map::new());
            for key in value.try_iter().ok()? {
                let mut name = String::new();
                strict::print(&key, &mut name).ok()?;
                let item = read(&value.get_item(&key).ok()?, depth + 1)?;
                texts.push(format!("{} = {}", toml_text::key(&name), item.toml));
                is_toml &= item.is_toml;
                json.insert(name, item.json);
            }
            let toml = if texts.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", texts.join(", ")) };
            Some(Odd { toml, is_toml, json: Json::Object(json) })
        }
        _ => {
            let json = strict::to_json(value).ok()?;
            Some(Odd { toml: toml_text::value(&json), is_toml: toml_text::can_hold(&json), json })
        }
    }
}
