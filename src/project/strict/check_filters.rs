//! The filters that `checks` adds to templates; no template is meant to name them.

use std::sync::OnceLock;

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, functions};

use super::super::views;
use super::budget::Walk;
use super::{DEEPEST, budget, check, hcl, texts};

pub(super) fn add_to(env: &mut Environment<'static>) {
    env.add_filter("lockstep.text", as_text);
    env.add_filter("lockstep.held", |value: Value| held(&value, 0, &mut Walk::default()).map(|()| value));
    env.add_filter("lockstep.set", |value: Value| budget::measure(&value).map(|_| value));
    env.add_filter("lockstep.raw", |bytes: usize| budget::spend(bytes).map(|()| ""));
    env.add_filter("lockstep.term", |value: Value| budget::term(&value).map(|()| value));
    for (name, whole) in [("lockstep.before", true), ("lockstep.before_unclear", false)] {
        env.add_filter(name, move |value: Value| {
            budget::before_times(&value, whole);
            value
        });
    }
    for (name, whole, more) in [
        ("lockstep.after", true, false),
        ("lockstep.after_unclear", false, false),
        ("lockstep.between", true, true),
    ] {
        env.add_filter(name, move |value: Value| budget::after_times(&value, whole, more).map(|()| value));
    }
    env.add_filter("lockstep.step", |step: Value| match i64::try_from(step.clone()) {
        Ok(below) if below < 0 => Err(refuse("a slice cannot step backwards: use `| reverse`")),
        _ => Ok(step),
    });
    env.add_filter("lockstep.cycle", |_: &Value, _: Rest<Value>| -> Result<Value, Error> {
        Err(refuse("`cycle` needs its values one by one, and at least one"))
    });
    env.add_filter("lockstep.unclear", |_: &Value| -> Result<Value, Error> {
        Err(refuse("what stands beside `~` needs brackets around it"))
    });
}

fn refuse(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

/// What stands beside `~`, as it would print alone. Numbers and texts are left to the engine, which prints
/// them in the same way.
fn as_text(state: &mut State, value: &Value) -> Result<Value, Error> {
    check(state, value)?;
    hcl::check(value)?;
    let text = texts::printed(value)?;
    budget::made(&text)?;
    Ok(text)
}

/// Refuses what would make a namespace hold itself: the engine prints, compares and hashes it without end.
fn held(value: &Value, depth: usize, walk: &mut Walk) -> Result<(), Error> {
    walk.meet(value)?;
    static NAMESPACE: OnceLock<Option<&str>> = OnceLock::new();
    let Some(object) = value.as_object() else { return Ok(()) };
    let namespace =
        NAMESPACE.get_or_init(|| functions::namespace(None).ok()?.as_object().map(|one| one.type_name()));
    if *namespace == Some(object.type_name()) {
        return Err(refuse("a namespace cannot hold a namespace"));
    }
    if depth > DEEPEST {
        return Err(refuse("lists and tables are nested too deeply"));
    }
    let is_map = value.kind() == ValueKind::Map;
    // There is none in what lockstep gives.
    if views::is_ours(value) || !(is_map || matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)) {
        return Ok(());
    }
    for item in value.try_iter()? {
        held(&item, depth + 1, walk)?;
        if is_map {
            held(&value.get_item(&item)?, depth + 1, walk)?;
        }
    }
    Ok(())
}
