//! What the engine's filters of texts get instead of a boolean or null, and that they get no list and no
//! table: the engine would go on with `True`, `None` and a list as Python has it.

use std::collections::BTreeMap;

use minijinja::value::{Kwargs, StringInput, Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::engine_filters::attribute_of;
use super::{budget, print};

/// How many of a filter's arguments become text, from the first.
pub(super) fn places(filter: &str) -> usize {
    match filter {
        "capitalize" | "e" | "escape" | "indent" | "lower" | "safe" | "string" | "title" | "trim"
        | "upper" => 1,
        "replace" => 3,
        _ => 0,
    }
}

/// A value as it prints; numbers, texts and options stay what they are.
pub(super) fn printed(value: &Value) -> Result<Value, Error> {
    if matches!(value.kind(), ValueKind::String | ValueKind::Number) || value.is_kwargs() {
        return Ok(value.clone());
    }
    let mut text = String::new();
    print(value, &mut text)?;
    Ok(Value::from(text))
}

/// Arguments that become text unless they are left out.
pub(super) fn refuse_lists(args: &[Value]) -> Result<(), Error> {
    args.iter().filter(|arg| arg.as_object().is_some()).try_for_each(|arg| printed(arg).map(drop))
}

/// The arguments of `format`: texts and numbers, or a table that the format takes them from by name.
pub(super) fn print_for_format(args: &mut [Value]) -> Result<(), Error> {
    let format = args.first().cloned().unwrap_or_default();
    let format = format.as_str().unwrap_or_default();
    let by_name = format.contains("%(");
    for arg in args.iter_mut().skip(1) {
        if !(by_name && arg.kind() == ValueKind::Map) {
            *arg = printed(arg)?;
            continue;
        }
        let mut entries = BTreeMap::new();
        for key in arg.try_iter()? {
            let value = arg.get_item(&key)?;
            let is_named = key.as_str().is_some_and(|key| format.contains(&format!("%({key})")));
            // What the format does not name may be anything.
            let value = if is_named { printed(&value)? } else { value };
            entries.insert(key, value);
        }
        *arg = entries.into();
    }
    Ok(())
}

/// `join(",")`, `join(",", attribute="name")`: the engine's own, but items stand in the text as they print.
pub(super) fn join(
    value: &Value,
    joiner: Option<StringInput<'_>>,
    attribute: Option<&str>,
    options: Kwargs,
) -> Result<String, Error> {
    let joiner = match joiner {
        Some(joiner) => Some(joiner),
        None => options.get::<Option<StringInput<'_>>>("d")?,
    };
    let attribute = match attribute {
        Some(attribute) => Some(attribute),
        None => options.get::<Option<&str>>("attribute")?,
    };
    options.assert_all_used()?;
    let items = value.try_iter().map_err(|_| {
        Error::new(ErrorKind::InvalidOperation, format!("`join`: a {} is no list", value.kind()))
    })?;
    let (joiner, mut out) = (joiner.as_ref().map_or("", StringInput::as_str), String::new());
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(joiner);
        }
        budget::fits(out.len())?;
        match attribute {
            Some(path) => print(&attribute_of(item, path)?, &mut out)?,
            None => print(&item, &mut out)?,
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use crate::project::strict;

    fn render(template: &str) -> Result<String, String> {
        let context = minijinja::context! { l => vec![1], items => vec![minijinja::context! { b => true }] };
        strict::environment().render_str(template, context).map_err(|error| strict::describe(&error))
    }

    #[test]
    fn filters_of_texts_see_what_prints() {
        for (template, expected) in [
            ("{{ true|upper }} {{ none|title }} {{ 5|replace(5, true) }}", "TRUE Null true"),
            ("{{ [1, true, none, 'a', 1.5]|join(',') }}", "1,true,null,a,1.5"),
            ("{{ items|join(',', attribute='b') }}{{ 'abc'|join('-') }}", "truea-b-c"),
            ("{{ '%s %s'|format(true, none) }} {{ '%(b)s'|format(b=false) }}", "true null false"),
            ("{{ '%(b)s'|format({'b': none, 'c': [1]}) }} {{ '%5.1f%%'|format(1.25) }}", "null   1.2%"),
            ("{{ 'x\ny'|indent(width=2) }}{{ 'nx'|trim('n', ) }}", "x\n  yx"),
            ("{{ true is startingwith('t') }}{{ 'a,b'|split(',')|join }}", "trueab"),
        ] {
            assert_eq!(render(template), Ok(expected.to_owned()), "{template}");
        }
    }

    #[test]
    fn they_see_no_lists_and_no_tables() {
        for expression in [
            "l|upper",
            "{'k': 1}|trim",
            "[none, true]|title",
            "{'a': true}|upper",
            "l|indent",
            "l|lower",
            "l|capitalize",
            "l|string",
            "l|replace('1', '2')",
            "'x'|replace('x', l)",
            "'x'|trim(l)",
            "l|join(l)",
            "'%s'|format(l)",
            "'%(a)s'|format(a=l)",
            "[[1], {}]|join(',')",
            "l is startingwith('[')",
        ] {
            let error = render(&format!("{{{{ {expression} }}}}")).unwrap_err();
            assert!(
                error.contains("cannot stand in text") && error.contains("| tojson"),
                "{expression}: {error}"
            );
        }
        for (expression, why) in [
            ("5|join(',')", "`join`: a number is no list"),
            ("items|join(',', attribute='nope')", "has no attribute `nope`"),
            ("{'a': 1, nope: 2}|tojson", "`nope` is undefined"),
            ("('a' if l == 2)|upper", "undefined"),
            ("[('a' if l == 2)]|join", "undefined"),
        ] {
            let error = render(&format!("{{{{ {expression} }}}}")).unwrap_err();
            assert!(error.contains(why), "{expression}: {error}");
        }
    }
}
