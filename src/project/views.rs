//! Tables and lists of parameters as the engine sees them: their items are evaluated when it looks at them.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};

use super::params::{ItemData, Scope};

/// The top level, and whether a parameter looks at it.
pub(super) struct Root(pub(super) Arc<Scope>, pub(super) bool);
/// The items of a table, by its index.
pub(super) struct Table(pub(super) Arc<Scope>, pub(super) usize);
/// The items of a list, by their indices.
pub(super) struct List(pub(super) Arc<Scope>, pub(super) Vec<usize>);

/// Whether a value is an object of lockstep's own, into which nobody must look without need: parameters are
/// evaluated by that, commands run, files read.
pub(super) fn is_ours(value: &Value) -> bool {
    let name = module_path!().split("::").next().unwrap_or_default();
    value.as_object().is_some_and(|object| object.type_name().split("::").next() == Some(name))
}

macro_rules! silent_debug {
    ($($view:ident),*) => {$(
        impl fmt::Debug for $view {
            /// Nothing: values may be secrets.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($view))
            }
        }
    )*};
}
silent_debug!(Root, Table, List);

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.top(key.as_str()?, self.1)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.top(key, self.1)
    }
}

impl Object for Table {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.entry(self.1, key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.entry(self.1, key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match &self.0.items[self.1].data {
            ItemData::Table(entries) => {
                let keys: Vec<Value> = entries.keys().map(|key| Value::from(key.as_str())).collect();
                Enumerator::Iter(Box::new(keys.into_iter()))
            }
            _ => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match &self.0.items[self.1].data {
            ItemData::Table(entries) => Some(entries.len()),
            _ => Some(0),
        }
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.1.get(key.as_usize()?).map(|index| self.0.value(*index))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.1.len())
    }
}
