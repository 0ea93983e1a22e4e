//! A unit's parameters as templates and expressions see them: a lazy view of the merged tree.
//!
//! `{{ … }}` in a value is evaluated when something asks for it, once; what nobody asks for is not
//! evaluated, so that a shared profile may name what only some modules define.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;

use minijinja::value::Value;

use super::outside::Outside;
use super::sensitive::{Marks, Watch};
use super::value::{Data, Node};
use super::views::{List, Root, Table};
use super::{Place, Project, ProjectError, UnitId, functions, output_names, output_values, strict};

/// Names that templates are given beside the parameters.
const GIVEN: [&str; 4] = ["module", "profile", "project", "root"];

/// What is said instead of a message that would show a secret.
pub(super) const UNTOLD: &str = "what is wrong cannot be said without showing a secret";

/// A unit's parameters.
#[derive(Clone)]
pub struct Params {
    tree: Arc<Node>,
    pub(super) scope: Arc<Scope>,
    override_keys: Vec<String>,
}

/// One value of the tree, addressed by its index.
pub(super) struct Item {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) data: ItemData,
    /// The value of an expression.
    pub(super) memo: OnceLock<Made>,
    /// It is a secret.
    pub(super) sensitive: bool,
}

/// What an expression came to.
pub(super) struct Made {
    pub(super) value: Value,
    /// It was made of a secret.
    pub(super) secret: bool,
    /// It was made of a stand-in.
    pub(super) stand_in: bool,
}

pub(super) enum ItemData {
    Value(Value),
    /// A text with `{{` in it.
    Expression(String),
    List(Vec<usize>),
    Table(BTreeMap<String, usize>),
}

/// All values of a unit, and how far their evaluation is.
pub(super) struct Scope {
    pub(super) items: Vec<Item>,
    pub(super) given: BTreeMap<&'static str, Value>,
    /// What is being evaluated now, by thread: a value that meets itself here is a cycle.
    pub(super) active: Mutex<Vec<(ThreadId, usize)>>,
    /// About how many bytes the values of expressions take so far.
    pub(super) kept: AtomicUsize,
    failure: Mutex<Option<ProjectError>>,
    /// What a function or value failed with, where the engine's error cannot say it.
    raised: Mutex<Option<ProjectError>>,
    pub(super) watch: Watch,
    pub(super) outside: Outside,
}

impl Params {
    pub(super) fn new(
        tree: Node,
        project: &Project,
        unit: &UnitId,
        override_keys: Vec<String>,
        marks: &Marks,
        outside: Outside,
    ) -> Result<Self, ProjectError> {
        if let (Some(node), Some((_, item))) =
            (tree.entries().and_then(|entries| entries.get("data")), outside.data.first_key_value())
        {
            let message =
                format!("`data` is declared at {} and cannot be a parameter as well", item.config.place);
            return Err(ProjectError::config(node.place.clone(), message));
        }
        for given in GIVEN {
            if let Some(node) = tree.entries().and_then(|entries| entries.get(given)) {
                let message = format!("`{given}` is given by lockstep and cannot be a parameter");
                return Err(ProjectError::config(node.place.clone(), message));
            }
        }
        let given = BTreeMap::from([
            ("module", Value::from(unit.module.as_str())),
            ("profile", Value::from(unit.profile.as_str())),
            ("project", Value::from(project.name())),
            // From `.dist/MODULE/PROFILE` up to the project.
            ("root", Value::from("../../..")),
        ]);
        let mut items = Vec::new();
        flatten(&tree, String::new(), &mut items, marks);
        let scope = Scope {
            items,
            given,
            active: Mutex::default(),
            kept: AtomicUsize::default(),
            failure: Mutex::default(),
            raised: Mutex::default(),
            watch: Watch::default(),
            outside,
        };
        Ok(Self { tree: Arc::new(tree), scope: Arc::new(scope), override_keys })
    }

    /// The merged tree, expressions as they are written.
    pub fn tree(&self) -> &Node {
        &self.tree
    }

    /// The keys, never the values, that come from outside the repository; variables that
    /// expressions took (`env(NAME)`) as far as they were evaluated.
    pub fn override_keys(&self) -> Vec<String> {
        self.override_keys.iter().cloned().chain(self.scope.outside.used()).collect()
    }

    /// Whether an expression that was evaluated so far asked for anything but parameters: a variable, a
    /// file, the repository, a secret, data, outputs.
    pub(crate) fn reached_outside(&self) -> bool {
        self.scope.outside.was_reached()
    }

    /// All parameters as JSON, expressions evaluated.
    ///
    /// # Errors
    /// The first expression that cannot be evaluated.
    pub fn to_json(&self) -> Result<serde_json::Value, ProjectError> {
        let json = strict::to_json(&self.scope.value(0));
        match (self.failure(), json) {
            (Some(failure), _) => Err(failure),
            (None, Ok(json)) => Ok(json),
            (None, Err(error)) => {
                Err(ProjectError::config(Place::whole("parameters"), strict::describe(&error)))
            }
        }
    }

    /// The text of one of the tool's settings with its expressions evaluated.
    ///
    /// # Errors
    /// When an expression in it cannot be evaluated.
    pub fn expand(&self, text: &str, place: &Place) -> Result<String, ProjectError> {
        let value = super::expr::evaluate(text, place, self.context());
        self.scope.outside.stand_ins.judge(text);
        let value = value.map_err(|error| self.failure().unwrap_or_else(|| self.scope.redacted(error)))?;
        let mut out = String::new();
        strict::print(&value, &mut out)
            .map_err(|error| ProjectError::config(place.clone(), strict::describe(&error)))?;
        Ok(out)
    }

    /// What templates see: the parameters at top level, and what lockstep gives.
    pub(crate) fn context(&self) -> Value {
        self.scope.root()
    }

    /// A message of the engine, unless it would show a secret.
    pub(crate) fn told(&self, message: String) -> String {
        if self.scope.watch.is_revealed(&message) { UNTOLD.to_owned() } else { message }
    }

    /// The first expression that was asked for and could not be evaluated.
    pub(crate) fn failure(&self) -> Option<ProjectError> {
        self.scope.failure()
    }
}

impl fmt::Debug for Params {
    /// Keys only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.tree.leaves().iter().map(|(key, _)| key)).finish()
    }
}

fn flatten(node: &Node, key: String, items: &mut Vec<Item>, marks: &Marks) -> usize {
    let index = items.len();
    let sensitive = marks.cover(&key);
    let item =
        |data| Item { key: key.clone(), place: node.place.clone(), data, memo: OnceLock::new(), sensitive };
    items.push(item(ItemData::Value(Value::UNDEFINED)));
    let data = match &node.data {
        Data::Null => ItemData::Value(Value::from(())),
        Data::Bool(truth) => ItemData::Value(Value::from(*truth)),
        Data::Int(number) => ItemData::Value(Value::from(*number)),
        Data::Float(number) => ItemData::Value(Value::from(*number)),
        Data::Text(text) if text.contains("{{") => ItemData::Expression(text.clone()),
        Data::Text(text) | Data::Datetime(text) => ItemData::Value(Value::from(text.as_str())),
        Data::List(list) | Data::Append(list) => {
            let child = |(position, node)| flatten(node, format!("{key}[{position}]"), items, marks);
            ItemData::List(list.iter().enumerate().map(child).collect())
        }
        Data::Table { entries, .. } => {
            let child = |(name, node): (&String, &Node)| {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                (name.clone(), flatten(node, key, items, marks))
            };
            ItemData::Table(entries.iter().map(child).collect())
        }
        // Settled trees hold none.
        Data::Unset | Data::Misplaced(_) => ItemData::Value(Value::UNDEFINED),
    };
    items[index].data = data;
    index
}

/// What stands for a parameter that cannot be evaluated.
fn unknown(item: &Item) -> Value {
    let message = format!("parameter `{}` cannot be evaluated", item.key.escape_debug());
    Value::from(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message))
}

impl Scope {
    pub(super) fn value(self: &Arc<Self>, index: usize) -> Value {
        let item = &self.items[index];
        if item.sensitive {
            self.watch.touch();
        }
        let value = self.settled(index, item);
        if let (true, Some(text)) =
            (item.sensitive || item.memo.get().is_some_and(|made| made.secret), value.as_str())
        {
            self.watch.reveal(text);
        }
        value
    }

    fn settled(self: &Arc<Self>, index: usize, item: &Item) -> Value {
        match &item.data {
            ItemData::Value(value) => value.clone(),
            ItemData::List(children) => Value::from_object(List(Arc::clone(self), children.clone())),
            ItemData::Table(_) => Value::from_object(Table(Arc::clone(self), index)),
            ItemData::Expression(text) => match item.memo.get() {
                Some(made) => {
                    if made.secret {
                        self.watch.touch();
                    }
                    if made.stand_in {
                        self.outside.stand_ins.touch();
                    }
                    made.value.clone()
                }
                // For each parameter of a chain the engine looks once more at the next.
                None if self.has_failed() => unknown(item),
                None => match self.evaluate_watched(index, text) {
                    Ok(made) => item.memo.get_or_init(|| made).value.clone(),
                    Err(error) => {
                        // The innermost failure comes first and has the whole chain.
                        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        unknown(item)
                    }
                },
            },
        }
    }

    /// Keeps an error until somebody can show it; what comes back tells the engine to stop.
    pub(super) fn raise(&self, error: ProjectError) -> minijinja::Error {
        let error = self.redacted(error);
        let message = error.to_string();
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message)
    }

    /// An error without the secrets that it would show: messages tell names, of files, variables
    /// and attributes, and these may be made of a secret.
    pub(super) fn redacted(&self, error: ProjectError) -> ProjectError {
        match error {
            ProjectError::Config { place, message, .. } | ProjectError::Override { place, message }
                if self.watch.is_revealed(&message) || self.watch.is_revealed(place.file()) =>
            {
                let shows = self.watch.is_revealed(place.file());
                let place = if shows { Place::whole("an expression") } else { place };
                ProjectError::config(place, UNTOLD)
            }
            error => error,
        }
    }

    /// Whether an error is kept that nobody has shown yet. The engine looks at values again to
    /// describe an error; nothing must be asked a second time for that.
    pub(super) fn has_failed(&self) -> bool {
        let kept = |slot: &Mutex<Option<ProjectError>>| {
            slot.lock().unwrap_or_else(PoisonError::into_inner).is_some()
        };
        kept(&self.raised) || kept(&self.failure)
    }

    /// What was raised, if anything.
    pub(super) fn take_raised(&self) -> Option<ProjectError> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The first error that was kept, if any.
    pub(super) fn failure(&self) -> Option<ProjectError> {
        let raised = self.take_raised();
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take().or(raised)
    }

    pub(super) fn top(self: &Arc<Self>, key: &str, of_parameter: bool) -> Option<Value> {
        if let Some(value) = self.given.get(key) {
            return Some(value.clone());
        }
        self.entry(0, key).or_else(|| match key {
            output_names::WORD if of_parameter => Some(output_values::of_parameter(self)),
            _ => functions::value(self, key),
        })
    }

    pub(super) fn entry(self: &Arc<Self>, table: usize, key: &str) -> Option<Value> {
        match &self.items[table].data {
            ItemData::Table(entries) => entries.get(key).map(|index| self.value(*index)),
            _ => None,
        }
    }

    pub(super) fn root(self: &Arc<Self>) -> Value {
        Value::from_object(Root(Arc::clone(self), false))
    }

    /// The same for the text of a parameter, which may use outputs.
    pub(super) fn root_of_parameter(self: &Arc<Self>) -> Value {
        Value::from_object(Root(Arc::clone(self), true))
    }
}
