//! Why a parameter is what it is: each leaf as it is evaluated, where it is written, what it
//! overrode. Only what is asked for is evaluated; a value that fails does not keep the others back.

use super::error::printable;
use super::odd_numbers::{Odd, has_beyond};
use super::value::{Data, Node};
use super::{Opaque, Params, Place, ProjectError, nearest};

/// One parameter and where it comes from.
#[derive(Debug)]
pub struct Explained {
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// What it is.
    pub value: Resolved,
    /// Where it is written.
    pub place: Place,
    /// The text that made the value, if that holds expressions.
    pub expression: Option<String>,
    /// Where the values stand that it overrode, lowest layer first.
    pub overrode: Vec<Place>,
    /// Where the lists stand that it was appended to, lowest layer first.
    pub appended_to: Vec<Place>,
}

/// What a parameter is.
#[derive(Debug)]
pub enum Resolved {
    /// This value.
    Value(serde_json::Value),
    /// A value with numbers in it that JSON does not have.
    Odd(Odd),
    /// A date or time, as TOML writes it.
    Datetime(String),
    /// A secret, or made of one.
    Sensitive,
    /// Only known in a run that renders.
    Opaque(Opaque),
    /// Its expression cannot be evaluated.
    Failed(ProjectError),
}

impl Explained {
    /// The keys as one, with dots between them.
    pub fn key(&self) -> String {
        self.path.join(".")
    }
}

impl Params {
    /// Explains the parameter of that key, or all below it; all parameters without a key. In the
    /// order of the keys.
    ///
    /// # Errors
    /// [`ProjectError::Unknown`] if no parameter has the key.
    pub fn explain(&self, key: Option<&str>) -> Result<Vec<Explained>, ProjectError> {
        let mut leaves = Vec::new();
        walk(&mut Vec::new(), self.tree(), &mut leaves);
        if let Some(key) = key {
            let all: Vec<String> = leaves.iter().map(|(path, _)| path.join(".")).collect();
            // As it is printed, or with nothing but dots.
            let names = super::key::parse(key);
            let is_named = |path: &[String]| names.as_ref().is_some_and(|names| path.starts_with(names));
            leaves.retain(|(path, _)| is_named(path) || is_at_or_below(&path.join("."), key));
            if leaves.is_empty() {
                return Err(self.unknown_key(key, &all));
            }
        }
        Ok(leaves.into_iter().map(|(path, node)| self.explained(path, node)).collect())
    }

    fn unknown_key(&self, key: &str, leaves: &[String]) -> ProjectError {
        let ends = |leaf: &str| leaf.match_indices('.').map(|(end, _)| end).collect::<Vec<_>>();
        let tables = leaves.iter().flat_map(|leaf| ends(leaf).into_iter().map(|end| &leaf[..end]));
        let near = nearest(key, leaves.iter().map(String::as_str).chain(tables));
        let known = self.tree().entries().map(|entries| entries.keys().map(|key| printable(key)).collect());
        ProjectError::Unknown {
            what: "parameter",
            word: printable(key),
            nearest: near.map(printable),
            known: known.unwrap_or_default(),
            ignored: false,
        }
    }

    fn explained(&self, path: Vec<String>, node: &Node) -> Explained {
        let (resolved, secret) = self.watch(|| self.resolved(&path, &node.place));
        let value = match (resolved, &node.data) {
            (Err(ProjectError::Opaque(_)), _) if self.is_marked(&path) => Resolved::Sensitive,
            (Err(ProjectError::Opaque(what)), _) => Resolved::Opaque(what),
            (Err(error), _) => Resolved::Failed(error),
            (Ok(_), _) if secret => Resolved::Sensitive,
            (Ok(_), Data::Datetime(text)) => Resolved::Datetime(text.clone()),
            (Ok(value), _) => value,
        };
        let expression = match &node.data {
            // What is a secret itself may have half of it in the text.
            Data::Text(text) if text.contains("{{") && !self.is_marked(&path) => Some(text.clone()),
            _ => None,
        };
        let (overrode, appended_to) = (node.shadowed.clone(), node.extended.clone());
        Explained { path, value, place: node.place.clone(), expression, overrode, appended_to }
    }
}

impl Params {
    fn is_marked(&self, path: &[String]) -> bool {
        let index = self.index(path.iter().map(String::as_str));
        index.is_none_or(|index| self.scope.items[index].sensitive)
    }

    /// The value at a path of keys that exists, evaluated.
    fn resolved(&self, path: &[String], place: &Place) -> Result<Resolved, ProjectError> {
        let index = self.index(path.iter().map(String::as_str)).unwrap_or_default();
        let value = self.scope.value(index);
        let error = match self.json(&value, place) {
            Ok(json) if !has_beyond(&value, 0) => return Ok(Resolved::Value(json)),
            Ok(json) => return Ok(Odd::read(&value).map_or(Resolved::Value(json), Resolved::Odd)),
            Err(error) => error,
        };
        let odd = Odd::read(&value);
        // What cannot be evaluated may have been looked at once more.
        match (self.failure(), odd) {
            (None, Some(odd)) => Ok(Resolved::Odd(odd)),
            _ => Err(error),
        }
    }
}

/// Whether a dotted key is another one or stands below it.
pub(super) fn is_at_or_below(key: &str, above: &str) -> bool {
    key.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn walk<'a>(path: &mut Vec<String>, node: &'a Node, found: &mut Vec<(Vec<String>, &'a Node)>) {
    match node.entries() {
        Some(entries) if !entries.is_empty() || path.is_empty() => {
            for (key, child) in entries {
                path.push(key.clone());
                walk(path, child, found);
                path.pop();
            }
        }
        _ => found.push((path.clone(), node)),
    }
}
