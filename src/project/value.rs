//! Parameter values that know where they were written, and how two layers of them merge.
//!
//! Merging is associative, and merging with nothing changes nothing: tables merge deeply, for any
//! other pair the later value wins whole, `"key+" = […]` appends to a list and `"key-" = true`
//! takes a key away.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::printable;
use super::toml_file::TomlFile;
use super::{Place, ProjectError};

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub data: Data,
    /// Where it is written.
    pub place: Place,
    /// Where the values stand that it overrode, lowest layer first.
    pub shadowed: Vec<Place>,
    /// Where the lists stand that it was appended to, lowest layer first.
    pub extended: Vec<Place>,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// JSON's null; TOML cannot write it.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text; may hold `{{ … }}`.
    Text(String),
    /// A date or time, as TOML writes it.
    Datetime(String),
    /// A list; replaced whole by a later layer.
    List(Vec<Node>),
    /// What `"key+"` adds to the list of the layers below.
    Append(Vec<Node>),
    /// `"key-" = true`: the layers below are forgotten.
    Unset,
    /// `"key+"` over what is no list, and where that is written.
    Misplaced(Place),
    /// A table.
    Table {
        /// Its entries.
        entries: BTreeMap<String, Node>,
        /// It replaced something that was no table, so that nothing below that shows through.
        whole: bool,
    },
}

impl Default for Node {
    fn default() -> Self {
        Self::table(BTreeMap::new(), Place::whole(""))
    }
}

impl Node {
    /// A value that overrode nothing.
    pub fn new(data: Data, place: Place) -> Self {
        Self { data, place, shadowed: Vec::new(), extended: Vec::new() }
    }

    /// A table.
    pub fn table(entries: BTreeMap<String, Node>, place: Place) -> Self {
        Self::new(Data::Table { entries, whole: false }, place)
    }

    /// The entries, if it is a table.
    pub fn entries(&self) -> Option<&BTreeMap<String, Node>> {
        match &self.data {
            Data::Table { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// Whether both say the same, wherever it is written.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let lists = |one: &[Self], other: &[Self]| {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.says_the_same(other))
        };
        match (&self.data, &other.data) {
            (Data::List(one), Data::List(other)) | (Data::Append(one), Data::Append(other)) => {
                lists(one, other)
            }
            (Data::Table { entries: one, .. }, Data::Table { entries: other, .. }) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|((a, one), (b, other))| a == b && one.says_the_same(other))
            }
            (one, other) => one == other,
        }
    }

    /// All leaves with their dotted keys, in the order of the keys. An empty table is a leaf.
    pub fn leaves(&self) -> Vec<(String, &Node)> {
        fn walk<'a>(key: &str, node: &'a Node, found: &mut Vec<(String, &'a Node)>) {
            match node.entries() {
                Some(entries) if !entries.is_empty() => {
                    for (name, child) in entries {
                        let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                        walk(&key, child, found);
                    }
                }
                _ if key.is_empty() => {}
                _ => found.push((key.to_owned(), node)),
            }
        }
        let mut found = Vec::new();
        walk("", self, &mut found);
        found
    }

    /// This layer with a later one over it.
    #[must_use]
    pub fn merge(self, later: Node) -> Node {
        let Node { data, place, mut shadowed, mut extended } = self;
        match (data, later.data) {
            (Data::Table { mut entries, whole }, Data::Table { entries: over, whole: false }) => {
                let place = if over.is_empty() { place } else { later.place };
                for (key, node) in over {
                    let merged = match entries.remove(&key) {
                        Some(below) => below.merge(node),
                        None => node,
                    };
                    entries.insert(key, merged);
                }
                shadowed.extend(later.shadowed);
                Node { data: Data::Table { entries, whole }, place, shadowed, extended }
            }
            (data, over) => {
                let below = place.clone();
                extended.push(place);
                if !matches!((&data, &over), (Data::List(_) | Data::Append(_), Data::Append(_))) {
                    shadowed.append(&mut extended);
                }
                shadowed.extend(later.shadowed);
                extended.extend(later.extended);
                let data = match (data, over) {
                    (Data::List(mut items), Data::Append(more)) => {
                        items.extend(more);
                        Data::List(items)
                    }
                    (Data::Append(mut items), Data::Append(more)) => {
                        items.extend(more);
                        Data::Append(items)
                    }
                    (Data::Unset | Data::Null, Data::Append(items)) => Data::List(items),
                    (Data::Misplaced(below), Data::Append(_)) => Data::Misplaced(below),
                    (_, Data::Append(_)) => Data::Misplaced(below),
                    (Data::Table { .. }, over @ Data::Table { .. }) => over,
                    (_, Data::Table { entries, .. }) => Data::Table { entries, whole: true },
                    (_, over) => over,
                };
                Node { data, place: later.place, shadowed, extended }
            }
        }
    }

    /// The value after the last layer: what was to be appended to nothing is a list, what was
    /// taken away is gone.
    #[must_use]
    pub fn settle(self) -> Node {
        let Node { data, place, shadowed, extended } = self;
        let data = match data {
            Data::Table { entries, whole } => Data::Table {
                entries: entries
                    .into_iter()
                    .filter(|(_, node)| node.data != Data::Unset)
                    .map(|(key, node)| (key, node.settle()))
                    .collect(),
                whole,
            },
            Data::List(items) | Data::Append(items) => {
                Data::List(items.into_iter().map(Node::settle).collect())
            }
            other => other,
        };
        Node { data, place, shadowed, extended }
    }

    /// Refuses what appends to no list, if anything does after the last layer.
    pub(super) fn check_appends(&self) -> Result<(), ProjectError> {
        match self.leaves().into_iter().find_map(|(key, node)| match &node.data {
            Data::Misplaced(below) => Some((key, &node.place, below)),
            _ => None,
        }) {
            None => Ok(()),
            Some((key, place, below)) => {
                let key = printable(&key);
                let message =
                    format!("`{key}+` appends to a list, and what stands below it is none ({below})");
                let hint = format!("`{key} = [...]` replaces it");
                Err(ProjectError::config_hint(place.clone(), message, Some(hint)))
            }
        }
    }

    /// Takes `params` out of a table and reads it; an empty table if there is none.
    pub(crate) fn take_params(table: &mut DeTable<'_>, file: &TomlFile) -> Result<Node, ProjectError> {
        let Some(value) = table.remove("params") else {
            return Ok(Node::table(BTreeMap::new(), file.place(0)));
        };
        let node = Self::read(&value, file)?;
        if node.entries().is_none() {
            return Err(ProjectError::config(node.place, "`params` must be a table"));
        }
        Ok(node)
    }

    pub(crate) fn read_table(
        table: &DeTable<'_>,
        place: Place,
        file: &TomlFile,
    ) -> Result<Node, ProjectError> {
        Self::read_entries(table, place, file, true)
    }

    /// Reads data that is no layer: `key+` and `key-` are keys like any other.
    pub(crate) fn read_plain(value: &Spanned<DeValue<'_>>, file: &TomlFile) -> Result<Node, ProjectError> {
        Self::read_value(value, file, false)
    }

    fn read(value: &Spanned<DeValue<'_>>, file: &TomlFile) -> Result<Node, ProjectError> {
        Self::read_value(value, file, true)
    }

    fn read_entries(
        table: &DeTable<'_>,
        place: Place,
        file: &TomlFile,
        layer: bool,
    ) -> Result<Node, ProjectError> {
        let mut entries = BTreeMap::new();
        for (key, value) in table {
            let node = Self::read_value(value, file, layer)?;
            let (key, node) =
                if layer { operator(key.get_ref(), node)? } else { (key.get_ref().to_string(), node) };
            insert(&mut entries, key, node)?;
        }
        Ok(Node::table(entries, place))
    }

    fn read_value(value: &Spanned<DeValue<'_>>, file: &TomlFile, layer: bool) -> Result<Node, ProjectError> {
        let place = file.place(value.span().start);
        let data = match value.get_ref() {
            DeValue::Table(table) => return Self::read_entries(table, place, file, layer),
            DeValue::String(text) => {
                // The text of a multi-line string begins below its opening quotes.
                let raw = file.text.get(value.span()).unwrap_or_default();
                let opening = raw.trim_start_matches(['"', '\'']);
                let below = raw.len() - opening.len() == 3 && opening.starts_with(['\n', '\r']);
                return Ok(Node::new(Data::Text(text.clone().into_owned()), place.down(usize::from(below))));
            }
            DeValue::Integer(number) => {
                Data::Int(i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).map_err(
                    |_| ProjectError::config(place.clone(), "this number does not fit into 64 bits"),
                )?)
            }
            DeValue::Float(number) => Data::Float(
                number
                    .as_str()
                    .replace('_', "")
                    .parse()
                    .map_err(|_| ProjectError::config(place.clone(), "this is not a number"))?,
            ),
            DeValue::Boolean(truth) => Data::Bool(*truth),
            DeValue::Datetime(time) => Data::Datetime(time.to_string()),
            DeValue::Array(items) => Data::List(
                items.iter().map(|item| Self::read_value(item, file, layer)).collect::<Result<_, _>>()?,
            ),
        };
        Ok(Node::new(data, place))
    }

    pub(crate) fn from_json(value: serde_json::Value, place: &Place) -> Result<Node, ProjectError> {
        use serde_json::Value;
        let data = match value {
            Value::Null => Data::Null,
            Value::Bool(truth) => Data::Bool(truth),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Data::Int(whole),
                (None, Some(float)) if !number.is_u64() => Data::Float(float),
                _ => return Err(ProjectError::config(place.clone(), "a number does not fit into 64 bits")),
            },
            Value::String(text) => Data::Text(text),
            Value::Array(items) => Data::List(
                items.into_iter().map(|item| Self::from_json(item, place)).collect::<Result<_, _>>()?,
            ),
            Value::Object(object) => {
                let mut entries = BTreeMap::new();
                for (key, value) in object {
                    let (key, node) = operator(&key, Self::from_json(value, place)?)?;
                    insert(&mut entries, key, node)?;
                }
                return Ok(Node::table(entries, place.clone()));
            }
        };
        Ok(Node::new(data, place.clone()))
    }
}

fn insert(entries: &mut BTreeMap<String, Node>, key: String, node: Node) -> Result<(), ProjectError> {
    let place = node.place.clone();
    match entries.insert(key.clone(), node) {
        None => Ok(()),
        Some(_) => Err(ProjectError::config(place, format!("`{}` is set twice here", key.escape_debug()))),
    }
}

/// Reads `key+` and `key-`.
pub(crate) fn operator(key: &str, node: Node) -> Result<(String, Node), ProjectError> {
    let Node { data, place, shadowed, extended } = node;
    if let Some(bare) = key.strip_suffix('+') {
        return match data {
            Data::List(items) => {
                Ok((bare.to_owned(), Node { data: Data::Append(items), place, shadowed, extended }))
            }
            _ => Err(ProjectError::config(
                place,
                format!("`{}` appends, so it needs a list", key.escape_debug()),
            )),
        };
    }
    if let Some(bare) = key.strip_suffix('-') {
        return match data {
            Data::Bool(true) => Ok((bare.to_owned(), Node { data: Data::Unset, place, shadowed, extended })),
            _ => Err(ProjectError::config(
                place,
                format!(
                    "`{}` takes a key away; the only value that it can have is `true`",
                    key.escape_debug()
                ),
            )),
        };
    }
    Ok((key.to_owned(), Node { data, place, shadowed, extended }))
}
