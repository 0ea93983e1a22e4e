//! How much the engine's filters may make of a number: a template with a digit too many shall end with an
//! error, not with the memory of the machine.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::budget;

/// The most spaces of `indent`.
const INDENT: u64 = 1_000;
/// The most parts of `slice`, and the largest of `batch`.
const PARTS: u64 = 100_000;
/// The most digits of a width or a precision in `format`.
const DIGITS: usize = 4;
/// Filters that make a list of a text's characters or parts.
const AS_LIST: &[&str] = &[
    "split", "lines", "list", "sort", "unique", "batch", "slice", "map", "select", "reject", "chain", "zip",
    "groupby", "join",
];

pub(super) fn check(filter: &str, args: &[Value]) -> Result<(), Error> {
    let beyond = |option: &str, most: u64| {
        let options = args.last().filter(|last| last.is_kwargs());
        let named = options.and_then(|options| options.get_attr(option).ok());
        let number = |value: Value| u64::try_from(value).is_ok_and(|number| number > most);
        args.get(1).cloned().is_some_and(number) || named.is_some_and(number)
    };
    let text = |at: usize| args.get(at).and_then(Value::as_str).unwrap_or_default();
    budget::fits(match filter {
        "replace" if !text(1).is_empty() => text(0).matches(text(1)).count().saturating_mul(text(2).len()),
        "replace" => text(0).len().saturating_mul(text(2).len()),
        "indent" => text(0).matches('\n').count().saturating_mul(number("width", args).min(INDENT as usize)),
        "escape" | "e" => text(0).len().saturating_mul(6),
        "format" => {
            let longest = args.iter().skip(1).map(longest).max().unwrap_or(0);
            text(0).matches('%').count().saturating_mul(longest + widest(text(0)))
        }
        _ => 0,
    })?;
    if AS_LIST.contains(&filter) && text(0).len() > budget::ITEMS {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "a text of more than 1 million bytes is not taken apart",
        ));
    }
    let why = match filter {
        "indent" if beyond("width", INDENT) => "`indent`: more than 1000 spaces",
        "slice" if beyond("count", PARTS) => "`slice`: more than 100000 parts",
        "batch" if beyond("count", PARTS) => "`batch`: more than 100000 in one part",
        "format" if args.first().and_then(Value::as_str).is_some_and(is_wide) => {
            "`format`: a width or precision of more than 9999"
        }
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::InvalidOperation, why))
}

/// An option that stands second or by its name.
fn number(option: &str, args: &[Value]) -> usize {
    let options = args.last().filter(|last| last.is_kwargs());
    let named = options.and_then(|options| options.get_attr(option).ok());
    let second = args.get(1).filter(|second| !second.is_kwargs()).cloned();
    second.or(named).and_then(|value| usize::try_from(value).ok()).unwrap_or(4)
}

/// The longest text in an argument of `format`.
fn longest(arg: &Value) -> usize {
    match (arg.as_str(), arg.kind()) {
        (Some(text), _) => text.len(),
        (_, ValueKind::Map) => {
            let items = arg.try_iter().into_iter().flatten().filter_map(|key| arg.get_item(&key).ok());
            items.filter_map(|item| item.as_str().map(str::len)).max().unwrap_or(0)
        }
        _ => 40,
    }
}

/// What a width may make of one argument.
fn widest(format: &str) -> usize {
    let widths = format.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
    widths.filter(|width| *width < 10_000).max().unwrap_or(0)
}

/// Whether a format has a width or precision of too many digits.
fn is_wide(format: &str) -> bool {
    let mut rest = format;
    while let Some(begin) = rest.find('%') {
        rest = &rest[begin + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            rest = after;
            continue;
        }
        // The name of an argument may hold digits.
        let options =
            if rest.starts_with('(') { rest.split_once(')').map_or("", |(_, after)| after) } else { rest };
        let end =
            options.find(|c: char| !(c.is_ascii_digit() || "#0- +.".contains(c))).unwrap_or(options.len());
        if options[..end].split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > DIGITS) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::project::strict;

    #[test]
    fn what_a_number_makes_is_bounded_and_the_bound_is_said() {
        for (expression, bound) in [
            ("'x\ny'|indent(9999999999)", "1000"),
            ("'x'|indent(width=1001)", "1000"),
            ("'%999999999999s'|format('a')", "9999"),
            ("'a%%%(k)-010000d'|format(k=1)", "9999"),
            ("'%.99999999999f'|format(1.5)", "9999"),
            ("[1]|slice(99999999999)|list|length", "100000"),
            ("[1]|batch(99999999999, 0)|list|length", "100000"),
        ] {
            let rendered = strict::environment().render_str(&format!("{{{{ {expression} }}}}"), ());
            let error = strict::describe(&rendered.unwrap_err());
            assert!(error.contains(bound), "{expression}: {error}");
        }
        for (expression, expected) in [
            ("'%9999s'|format('')|length", "9999"),
            ("'100000%% %(a12345)s'|format(a12345=1)", "100000% 1"),
            ("[1]|batch(3, 0)|list|tojson", "[[1,0,0]]"),
        ] {
            let rendered = strict::environment().render_str(&format!("{{{{ {expression} }}}}"), ());
            assert_eq!(rendered.unwrap(), expected, "{expression}");
        }
    }
}
