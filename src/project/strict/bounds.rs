//! How much the engine's filters may make of a number: a template with a digit too many shall end with an
//! error, not with the memory of the machine.

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};

/// The most spaces of `indent`.
const INDENT: u64 = 1_000;
/// The most parts of `slice`, and the largest of `batch`.
const PARTS: u64 = 100_000;
/// The most digits of a width or a precision in `format`.
const DIGITS: usize = 4;

pub(super) fn check(filter: &str, args: &[Value]) -> Result<(), Error> {
    let beyond = |option: &str, most: u64| {
        let options = args.last().filter(|last| last.is_kwargs());
        let named = options.and_then(|options| options.get_attr(option).ok());
        let number = |value: Value| u64::try_from(value).is_ok_and(|number| number > most);
        args.get(1).cloned().is_some_and(number) || named.is_some_and(number)
    };
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
