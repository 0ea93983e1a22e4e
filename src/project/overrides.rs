//! Parameters from outside the repository: `LOCKSTEP_PARAM_…`, `--params FILE`, `--set KEY=VALUE`.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::error::printable;
use super::toml_file::TomlFile;
use super::value::{Data, Node, operator};
use super::{Overrides, Place, ProjectError, exact, key};

const VARIABLE: &str = "LOCKSTEP_PARAM_";

/// Everything from outside the repository as one layer.
pub(super) fn layer(overrides: &Overrides<'_>) -> Result<Node, ProjectError> {
    let mut tree = Node::default();
    for (name, value) in overrides.env.vars() {
        let Some(key) = name.to_str().and_then(|name| name.strip_prefix(VARIABLE)) else { continue };
        let place = Place::whole(format!("{VARIABLE}{}", printable(key)));
        let value = value.to_str().ok_or_else(|| ProjectError::Override {
            place: place.clone(),
            message: "the value is not UTF-8".into(),
        })?;
        tree = tree.merge(single(&key.split("__").collect::<Vec<_>>(), value, place)?);
    }
    for path in overrides.files {
        tree = tree.merge(params_file(&overrides.env.cwd().join(path), &path.display().to_string())?);
    }
    for assignment in overrides.set {
        let place = Place::whole("--set");
        // A quoted name may hold the sign.
        let halves = assignment.match_indices('=').map(|(at, _)| (&assignment[..at], &assignment[at + 1..]));
        let mut parsed = halves.filter_map(|(key, value)| Some((key::parse(key)?, value)));
        let Some((key, value)) = parsed.next() else {
            let message = match assignment.split_once('=') {
                Some((key, _)) => format!("`{}` is not a key", printable(key)),
                None => "it is written KEY=VALUE, as in `--set replicas=3`".to_owned(),
            };
            return Err(ProjectError::Override { place, message });
        };
        let is_quoted = assignment.contains(['"', '\'']);
        if let (false, Some(name)) = (is_quoted, key.iter().find(|name| name.contains(ODD))) {
            let message = match name.split_once('[') {
                Some((list, _)) => format!(
                    "`{}` is not a key: a list is set whole, `--set '{list}=[…]'`, or appended to, `--set '{list}+=[…]'`",
                    printable(name)
                ),
                None => format!(
                    "`{}` is not a key: other signs than those of names stand in quotes",
                    printable(name)
                ),
            };
            return Err(ProjectError::Override { place, message });
        }
        tree = tree.merge(single(&key.iter().map(String::as_str).collect::<Vec<_>>(), value, place)?);
    }
    Ok(tree)
}

/// Signs that nobody means to have in a name without quotes.
const ODD: fn(char) -> bool = |c| c.is_whitespace() || "[]{}".contains(c);

/// Refuses to put a table with numbers for names in the place of a list: one of its items is meant.
pub(super) fn check_lists(below: &Node, over: &Node, way: &str) -> Result<(), ProjectError> {
    let Some(entries) = over.entries() else { return Ok(()) };
    let is_number = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
    if let (Data::List(_), Some((name, item))) =
        (&below.data, entries.iter().find(|(name, _)| is_number(name)))
    {
        let (way, key) = (printable(way), printable(name));
        let message = format!(
            "`{way}.{key}`: `{way}` is a list ({}), and a list is set whole, `--set '{way}=[…]'`, or appended to, \
             `--set '{way}+=[…]'`",
            below.place
        );
        return Err(ProjectError::Override { place: item.place.clone(), message });
    }
    let Some(of_below) = below.entries() else { return Ok(()) };
    for (name, node) in entries {
        if let Some(below) = of_below.get(name) {
            let way = if way.is_empty() { name.clone() } else { format!("{way}.{name}") };
            check_lists(below, node, &way)?;
        }
    }
    Ok(())
}

/// One value at a path of keys.
fn single(path: &[&str], text: &str, place: Place) -> Result<Node, ProjectError> {
    if path.iter().any(|key| key.is_empty()) {
        let message = format!("`{}` is not a key", printable(&path.join(".")));
        return Err(ProjectError::Override { place, message });
    }
    let mut node = typed(text, &place)?;
    for (depth, key) in path.iter().rev().enumerate() {
        let (key, value) = if depth == 0 { operator(key, node)? } else { ((*key).to_owned(), node) };
        node = Node::table(BTreeMap::from([(key, value)]), place.clone());
    }
    Ok(node)
}

/// A TOML value if it is one, else the text. A number that would not print as it is written
/// (`1.30`, `1e3`) stays text: versions are given this way more often than fractions. So do `inf` and `nan`, and
/// what has a comment behind it.
fn typed(text: &str, place: &Place) -> Result<Node, ProjectError> {
    let as_text = || Ok(Node::new(Data::Text(text.to_owned()), place.clone()));
    let file = TomlFile { name: place.file().into(), text: format!("v={text}") };
    // A line break would let more than one value in.
    if text.contains('\n') {
        return as_text();
    }
    let Ok(table) = toml::de::DeTable::parse(&file.text) else { return as_text() };
    if let Some(value) = table.get_ref().get("v")
        && let DeValue::Float(number) = value.get_ref()
        && number
            .as_str()
            .parse::<f64>()
            .is_ok_and(|parsed| !parsed.is_finite() || format!("{parsed:?}") != text)
    {
        return as_text();
    }
    if table.get_ref().get("v").is_some_and(|value| value.span().end < file.text.trim_end().len()) {
        return as_text();
    }
    match Node::read_table(table.get_ref(), place.clone(), &file) {
        Ok(node) => match node.data {
            Data::Table { mut entries, .. } => match entries.remove("v") {
                Some(mut value) => {
                    replace_places(&mut value, place);
                    Ok(value)
                }
                None => as_text(),
            },
            _ => as_text(),
        },
        // A number too large for TOML is a text for us.
        Err(_) => as_text(),
    }
}

fn replace_places(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.data {
        Data::Table { entries, .. } => entries.values_mut().for_each(|node| replace_places(node, place)),
        Data::List(items) | Data::Append(items) => {
            items.iter_mut().for_each(|node| replace_places(node, place))
        }
        _ => {}
    }
}

fn params_file(path: &std::path::Path, name: &str) -> Result<Node, ProjectError> {
    let Some(file) = TomlFile::read_path(path, name)? else {
        let source = std::io::Error::other("there is no such file");
        return Err(ProjectError::Read { path: name.to_owned(), source });
    };
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if matches!(ending, "yaml" | "yml") {
        let message = "parameters are read from TOML or JSON, and by its name this is YAML";
        let hint = "write them as TOML: `key = \"value\"`".to_owned();
        return Err(ProjectError::config_hint(Place::whole(name), message, Some(hint)));
    }
    if ending == "json" {
        // Windows begins files with a mark that JSON does not know.
        let text = file.text.trim_start_matches('\u{feff}');
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| {
            let why = match error.to_string().starts_with("recursion limit") {
                true => "this is nested too deeply",
                false => "this is not valid JSON",
            };
            ProjectError::config(Place::new(name, error.line()), why)
        })?;
        if exact::holds_large(text.as_bytes())
            && let Some(way) = exact::way_to_large(&value)
        {
            let message = format!(
                "`{}`: this number does not fit into 64 bits",
                printable(way.trim_start_matches('.'))
            );
            return Err(ProjectError::config_hint(
                Place::whole(name),
                message,
                Some("write it as a text".to_owned()),
            ));
        }
        let node = Node::from_json(value, &Place::whole(name))?;
        return match node.entries() {
            Some(_) => Ok(node),
            None => Err(ProjectError::config(Place::whole(name), "this must be a table of parameters")),
        };
    }
    Node::read_table(file.parse()?.get_ref(), file.place(0), &file)
}
