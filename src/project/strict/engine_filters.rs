//! The engine's filters, and lockstep's own, each behind a check of its arguments: the engine lets undefined
//! names pass, and prints what stands in no file of any tool.

use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, filters};

use super::super::filters::FILTERS;
use super::{bounds, budget, check, hcl, texts};

/// Filters and the position of the attribute that they look up in each item, if not by keyword.
const BY_ATTRIBUTE: &[(&str, Option<usize>)] = &[
    ("selectattr", Some(1)),
    ("rejectattr", Some(1)),
    ("groupby", Some(1)),
    ("map", None),
    ("sort", None),
    ("unique", None),
    ("sum", None),
    ("min", None),
    ("max", None),
];

fn wrap(env: &mut Environment<'static>, name: &'static str, filter: Value) {
    let text = texts::places(name);
    let attribute = BY_ATTRIBUTE.iter().find(|(filter, _)| *filter == name).map(|(_, position)| *position);
    let lenient_first = matches!(name, "default" | "d");
    env.add_filter(name, move |state: &mut State, args: Rest<ValueOrKwargs>| -> Result<Value, Error> {
        let mut args = args.into_values();
        for (index, arg) in args.iter().enumerate() {
            if !(lenient_first && index == 0 && arg.is_undefined()) {
                check(state, arg)?;
            }
        }
        if let Some(position) = attribute {
            check_attribute(&args, position)?;
        }
        // Of text that was made for another format it stays known.
        let marked = hcl::stays_marked(name, &args);
        bounds::check(name, &args)?;
        for arg in args.iter_mut().take(text) {
            *arg = texts::printed(arg)?;
        }
        match name {
            "format" => texts::print_for_format(&mut args)?,
            "join" | "split" | "trim" => texts::refuse_lists(args.get(1..).unwrap_or_default())?,
            _ => {}
        }
        let value = filter.call(state, &args)?;
        budget::made(&value)?;
        match value.as_str() {
            Some(text) if marked => Ok(Value::from_safe_string(text.to_owned())),
            _ => Ok(value),
        }
    });
}

/// Refuses an attribute that an item does not have: the engine sorts, groups and selects by
/// undefined without a word.
fn check_attribute(args: &[Value], position: Option<usize>) -> Result<(), Error> {
    let options = args.last().filter(|last| last.is_kwargs());
    let named =
        |key: &str| options.and_then(|options| options.get_attr(key).ok()).filter(|v| !v.is_undefined());
    if named("default").is_some() {
        return Ok(());
    }
    let asks =
        args.get(2).and_then(Value::as_str).is_some_and(|test| matches!(test, "defined" | "undefined"));
    let positional = position.and_then(|index| args.get(index)).filter(|value| !value.is_kwargs()).cloned();
    let (Some(attribute), false) = (named("attribute").or(positional), asks) else { return Ok(()) };
    let (Some(path), Some(items)) = (attribute.as_str(), args.first()) else { return Ok(()) };
    for item in items.try_iter()? {
        attribute_of(item, path)?;
    }
    Ok(())
}

/// What a path of names leads to in an item.
pub(super) fn attribute_of(item: Value, path: &str) -> Result<Value, Error> {
    let mut value = item;
    for key in path.split('.') {
        value = match key.parse::<usize>() {
            Ok(index) => value.get_item_by_index(index)?,
            Err(_) => value.get_attr(key)?,
        };
        if value.is_undefined() {
            return Err(Error::new(
                ErrorKind::UndefinedError,
                format!("an item of the list has no attribute `{}`", path.escape_debug()),
            ));
        }
    }
    Ok(value)
}

macro_rules! functions {
    ($($name:literal => $function:expr),* $(,)?) => {
        [$(($name, minijinja::Value::from_function($function))),*]
    };
}
pub(super) use functions;

/// The filters of the engine that are left as they are, beside the check.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    let filters = functions! {
        "safe" => filters::safe, "escape" => filters::escape, "e" => filters::escape,
        "lower" => filters::lower, "upper" => filters::upper, "title" => filters::title,
        "capitalize" => filters::capitalize, "replace" => filters::replace, "length" => filters::length,
        "count" => filters::length, "dictsort" => filters::dictsort, "items" => filters::items,
        "reverse" => filters::reverse, "trim" => filters::trim, "join" => texts::join,
        "split" => filters::split, "lines" => filters::lines, "default" => filters::default,
        "d" => filters::default, "round" => filters::round, "abs" => filters::abs, "int" => filters::int,
        "float" => filters::float, "attr" => filters::attr, "first" => filters::first,
        "last" => filters::last, "min" => filters::min, "max" => filters::max, "sort" => filters::sort,
        "list" => filters::list, "string" => filters::string, "bool" => filters::bool,
        "batch" => filters::batch, "slice" => filters::slice, "sum" => filters::sum,
        "indent" => filters::indent, "select" => filters::select, "reject" => filters::reject,
        "selectattr" => filters::selectattr, "rejectattr" => filters::rejectattr, "map" => filters::map,
        "groupby" => filters::groupby, "unique" => filters::unique, "chain" => filters::chain,
        "zip" => filters::zip, "format" => filters::format,
    };
    filters.into()
}

pub(super) fn add_to(env: &mut Environment<'static>) {
    for (name, filter) in all() {
        wrap(env, name, filter);
    }
    for filter in FILTERS {
        wrap(env, filter.name, (filter.make)());
    }
    // Python's way of printing is no format of any tool.
    env.remove_filter("pprint");
}
