//! The engine's tests (`is odd`), each behind a check of its arguments.

use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, tests};

use super::engine_filters::functions;
use super::{check, texts};

pub(super) fn all() -> Vec<(&'static str, Value)> {
    let tests = functions! {
        "none" => tests::is_none, "safe" => tests::is_safe, "escaped" => tests::is_safe,
        "boolean" => tests::is_boolean, "odd" => tests::is_odd, "even" => tests::is_even,
        "divisibleby" => is_divisibleby, "number" => tests::is_number,
        "integer" => tests::is_integer, "int" => tests::is_integer, "float" => tests::is_float,
        "string" => tests::is_string, "sequence" => tests::is_sequence,
        "iterable" => tests::is_iterable, "mapping" => tests::is_mapping,
        "startingwith" => tests::is_startingwith, "endingwith" => tests::is_endingwith,
        "lower" => tests::is_lower, "upper" => tests::is_upper, "sameas" => tests::is_sameas,
        "eq" => tests::is_eq, "equalto" => tests::is_eq, "==" => tests::is_eq,
        "ne" => tests::is_ne, "!=" => tests::is_ne, "lt" => tests::is_lt, "lessthan" => tests::is_lt,
        "<" => tests::is_lt, "le" => tests::is_le, "<=" => tests::is_le, "gt" => tests::is_gt,
        "greaterthan" => tests::is_gt, ">" => tests::is_gt, "ge" => tests::is_ge, ">=" => tests::is_ge,
        "in" => tests::is_in, "true" => tests::is_true, "false" => tests::is_false,
    };
    tests.into()
}

pub(super) fn add_to(env: &mut Environment<'static>) {
    for (name, test) in all() {
        env.add_test(name, move |state: &mut State, args: Rest<ValueOrKwargs>| -> Result<bool, Error> {
            let mut args = args.into_values();
            for arg in &args {
                check(state, arg)?;
            }
            if matches!(name, "startingwith" | "endingwith") {
                for arg in &mut args {
                    *arg = texts::printed(arg)?;
                }
            }
            Ok(test.call(state, &args)?.is_true())
        });
    }
}

/// The engine's own panics at zero.
fn is_divisibleby(value: &Value, by: &Value) -> Result<bool, Error> {
    let whole = |value: &Value| {
        i128::try_from(value.clone()).map(i128::unsigned_abs).or_else(|_| u128::try_from(value.clone())).ok()
    };
    match (whole(value), whole(by)) {
        (_, Some(0)) => {
            Err(Error::new(ErrorKind::InvalidOperation, "`divisibleby`: nothing is divisible by zero"))
        }
        (Some(value), Some(by)) => Ok(value % by == 0),
        _ => Ok(tests::is_divisibleby(value, by)),
    }
}
