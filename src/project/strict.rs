//! The template engine as lockstep sets it up: strict about undefined names in every place, and
//! printing values as HCL, JSON and YAML have them.
//!
//! The engine lets undefined names pass through filters, tests and containers
//! (`{{ nope|tojson }}` is `null`); here every filter and test is wrapped by a check. What remains
//! legal: `is defined`, `is undefined`, `default`.

mod bounds;
pub(crate) mod budget;
mod check_filters;
pub(crate) mod checks;
mod engine_filters;
pub(crate) mod hcl;
mod methods;
mod operands;
mod predicates;
mod tags;
mod texts;

use std::sync::OnceLock;

use minijinja::value::{Kwargs, ObjectRepr, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, functions};

use self::budget::Walk;
use super::stand_in::StandIn;

/// How deep containers may nest before they count as endless.
pub(super) const DEEPEST: usize = 64;

/// What is said of an include that finds nothing.
pub(crate) const NO_SUCH_FILE: &str = "there is no such file in the module";

/// A fresh environment without templates; cheap to call.
pub(crate) fn environment() -> Environment<'static> {
    static BASE: OnceLock<Environment<'static>> = OnceLock::new();
    BASE.get_or_init(build).clone()
}

/// So many steps of the engine take a second or two. What takes more does not end, or not soon, and
/// nothing reaches it meanwhile, no Ctrl-C either.
const MOST_STEPS: u64 = 50_000_000;

fn build() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    // By default files ending in .json and .yaml would have every string quoted as JSON.
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_fuel(Some(MOST_STEPS));
    // Names in errors need this; the values that it collects are never printed.
    env.set_debug(true);
    env.set_formatter(|out, state, value| {
        if matches!(value.kind(), ValueKind::Map | ValueKind::Seq) {
            check(state, value)?;
        }
        if let Some(text) = value.as_str() {
            hcl::check(value)?;
            budget::make(text.len())?;
            out.write_str(text)?;
            return Ok(());
        }
        // Only the missing `else` of an inline `if` comes here undefined, and prints nothing, as it does for
        // those who know Jinja; the engine stops all others.
        if value.is_undefined() {
            return Ok(());
        }
        let mut text = String::new();
        print(value, &mut text)?;
        out.write_str(&text)?;
        Ok(())
    });
    // It would print all parameters into the output.
    env.remove_global("debug");
    env.add_function("range", range);
    engine_filters::add_to(&mut env);
    predicates::add_to(&mut env);
    check_filters::add_to(&mut env);
    env
}

/// The names of the engine's filters and tests, sorted.
pub(crate) fn engine_names() -> [Vec<&'static str>; 2] {
    [engine_filters::all(), predicates::all()].map(|entries| {
        let mut names: Vec<&str> = entries.into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    })
}

/// The engine's own, which overflows for numbers that are far apart.
fn range(lower: isize, upper: Option<isize>, step: Option<isize>) -> Result<Value, Error> {
    const MOST: isize = 1 << 53;
    if [Some(lower), upper, step].into_iter().flatten().any(|number| !(-MOST..=MOST).contains(&number)) {
        return Err(Error::new(ErrorKind::InvalidOperation, "`range`: a number is beyond 2^53"));
    }
    functions::range(lower, upper, step)
}

/// Writes a value as text: `true`, `null`, `1.5`; a table or list is an error.
pub(crate) fn print(value: &Value, out: &mut String) -> Result<(), Error> {
    use std::fmt::Write;
    match value.kind() {
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::None => out.push_str("null"),
        ValueKind::Undefined => {
            let why = "an `if` without `else` came to nothing, and is undefined: add `else \"\"`";
            return Err(Error::new(ErrorKind::UndefinedError, why));
        }
        ValueKind::Plain if StandIn::is(value) => write!(out, "{value}")?,
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable | ValueKind::Plain => {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!(
                    "a {} cannot stand in text as it is: say how with `| tojson` or `| join(\",\")`",
                    called(value)
                ),
            ));
        }
        _ => write!(out, "{value}")?,
    }
    Ok(())
}

fn called(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Map => "table",
        ValueKind::Seq | ValueKind::Iterable => "list",
        _ => "thing of this kind",
    }
}

/// Refuses undefined values, also inside lists and tables, and what is too large.
pub(super) fn check(state: &mut State, value: &Value) -> Result<(), Error> {
    check_within(state, value, 0, &mut Walk::default())
}

fn check_within(state: &mut State, value: &Value, depth: usize, walk: &mut Walk) -> Result<(), Error> {
    walk.meet(value)?;
    match value.kind() {
        ValueKind::Undefined => {
            // The engine knows which name it was, and says so when it is to print the value.
            state.format(value.clone())?;
            Err(Error::new(ErrorKind::UndefinedError, "a name used here is undefined"))
        }
        // The parameter behind it could not be evaluated; that error is kept and shown.
        ValueKind::Invalid => {
            Err(Error::new(ErrorKind::InvalidOperation, "a parameter could not be evaluated"))
        }
        _ if depth > DEEPEST => {
            Err(Error::new(ErrorKind::InvalidOperation, "lists and tables are nested too deeply"))
        }
        ValueKind::Map | ValueKind::Seq => {
            if value.as_object().is_some_and(|object| object.repr() == ObjectRepr::Plain) {
                return Ok(());
            }
            let is_map = value.kind() == ValueKind::Map;
            for item in value.try_iter()? {
                check_within(state, &item, depth + 1, walk)?;
                if is_map {
                    check_within(state, &value.get_item(&item)?, depth + 1, walk)?;
                }
            }
            Ok(())
        }
        // Whoever goes through it sees its items.
        ValueKind::Iterable => walk.count(value.len().unwrap_or(0)),
        _ => Ok(()),
    }
}

/// What a value is as JSON.
pub(crate) fn to_json(value: &Value) -> Result<serde_json::Value, Error> {
    let mut walk = Walk::default();
    let json = json_of(value, 0, &mut walk)?;
    budget::spend(walk.bytes())?;
    Ok(json)
}

fn json_of(value: &Value, depth: usize, walk: &mut Walk) -> Result<serde_json::Value, Error> {
    use serde_json::Value as Json;
    walk.meet(value)?;
    let refuse = |why: &'static str| Err(Error::new(ErrorKind::InvalidOperation, why));
    if depth > DEEPEST {
        return refuse("lists and tables are nested too deeply");
    }
    Ok(match value.kind() {
        ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => match (i64::try_from(value.clone()), u64::try_from(value.clone())) {
            (Ok(whole), _) if value.is_integer() => whole.into(),
            (_, Ok(whole)) if value.is_integer() => whole.into(),
            _ if value.is_integer() => {
                return refuse("a whole number beyond 64 bits cannot be written as data: use `| string`");
            }
            _ => match f64::try_from(value.clone()).ok().and_then(serde_json::Number::from_f64) {
                Some(number) => Json::Number(number),
                None => {
                    return refuse("this number cannot be written as data: it is not finite, or too large");
                }
            },
        },
        ValueKind::String => Json::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter()? {
                items.push(json_of(&item, depth + 1, walk)?);
            }
            Json::Array(items)
        }
        ValueKind::Map => {
            let mut entries = serde_json::Map::new();
            for key in value.try_iter()? {
                let mut name = String::new();
                print(&key, &mut name)?;
                entries.insert(name, json_of(&value.get_item(&key)?, depth + 1, walk)?);
            }
            Json::Object(entries)
        }
        ValueKind::Undefined => {
            return Err(Error::new(ErrorKind::UndefinedError, "a name used here is undefined"));
        }
        ValueKind::Invalid => return refuse("a parameter could not be evaluated"),
        ValueKind::Plain if StandIn::is(value) => Json::String(value.to_string()),
        _ => return refuse("this cannot be written as data"),
    })
}

/// Data as a value; the order of keys is kept.
pub(super) fn from_json(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::from(()),
        Json::Bool(truth) => Value::from(truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), ..) => Value::from(whole),
            (_, Some(whole), _) => Value::from(whole),
            (_, _, float) => Value::from(float.unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text),
        Json::Array(items) => items.into_iter().map(from_json).collect(),
        Json::Object(entries) => {
            Value::from_pairs(entries.into_iter().map(|(key, value)| (key, from_json(value))))
        }
    }
}

/// `tojson(indent=2)`: plain JSON, which is YAML as well. The engine's own would turn undefined names into
/// `null` and write `&` as `\u0026`.
pub(super) fn tojson(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    options.assert_all_used()?;
    let json = to_json(value)?;
    let failed = |why| Error::new(ErrorKind::BadSerialization, why);
    let text = match indent {
        None => serde_json::to_string(&json).map_err(|_| failed("this cannot be written as JSON")),
        Some(indent) => json_text(&json, indent.min(16)).map_err(failed),
    };
    text.map(hcl::of_other_format)
}

/// Data as indented JSON, if that is not too long.
pub(crate) fn json_text(json: &serde_json::Value, indent: usize) -> Result<String, &'static str> {
    let spaces = " ".repeat(indent);
    let mut text = budget::Bounded::default();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
    let mut writer = serde_json::Serializer::with_formatter(&mut text, formatter);
    let written = serde::Serialize::serialize(json, &mut writer);
    text.end(written.is_ok(), "this cannot be written as JSON")
}

/// A function as a value; its arguments are checked before it sees them.
pub(super) fn function(call: impl Fn(&[Value]) -> Result<Value, Error> + Send + Sync + 'static) -> Value {
    Value::from_function(move |state: &mut State, args: Rest<ValueOrKwargs>| -> Result<Value, Error> {
        let args = args.into_values();
        args.iter().try_for_each(|arg| check(state, arg))?;
        let value = call(&args)?;
        budget::made(&value)?;
        Ok(value)
    })
}

const TOO_LARGE: &str = "the result is too large for a whole number";

/// Why two numbers have no result: `1 / 0`.
fn failed_operation(operation: &str) -> &'static str {
    let mut words = operation.split(' ').skip(1);
    match (words.next(), words.next()) {
        (Some("/" | "//" | "%"), Some("0" | "0.0" | "-0.0" | "False")) => "division by zero",
        (Some("**"), Some(exponent)) if exponent.starts_with('-') => "division by zero",
        _ => TOO_LARGE,
    }
}

/// An engine's error as a text for people, without any value: some of the engine's messages hold
/// the operands.
pub(crate) fn describe(error: &Error) -> String {
    let detail = error.detail().map(|detail| match detail.strip_prefix("unable to calculate ") {
        Some(operation) => failed_operation(operation),
        None if detail.starts_with("overflow") => TOO_LARGE,
        None => detail,
    });
    match (error.kind(), detail) {
        (ErrorKind::UndefinedError, Some(detail)) => detail.to_owned(),
        (ErrorKind::UndefinedError, None) => "this is undefined".to_owned(),
        (ErrorKind::UnknownMethod, Some(detail)) => methods::instead(detail),
        (ErrorKind::TemplateNotFound, _) => NO_SUCH_FILE.to_owned(),
        (ErrorKind::InvalidOperation, Some(detail)) => detail.to_owned(),
        (ErrorKind::InvalidOperation, None) => "these values cannot be combined in this way".to_owned(),
        // The detail says what the kind says: `filter nofilter is unknown`.
        (ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction, Some(detail)) => {
            let mut words = detail.split(' ');
            match (words.next(), words.next()) {
                (Some(name), Some("is")) => format!("there is no function `{name}`"),
                (Some(what), Some(name)) => format!("there is no {what} `{name}`"),
                _ => detail.to_owned(),
            }
        }
        (ErrorKind::OutOfFuel, _) => {
            format!("it is not done after {} million steps; does it ever end?", MOST_STEPS / 1_000_000)
        }
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}
