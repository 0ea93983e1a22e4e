//! Circles through whole tables: `c = { f = "{{ c }}" }` needs nothing but the table, which holds what is
//! evaluated, so that no evaluation ever meets itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::value::{Value, ValueKind};

use super::params::{ItemData, Scope};
use super::strict::DEEPEST;
use super::views::{List, Table, is_ours};

/// The way from a value back to the item that has come to it, if there is one through what is evaluated
/// so far: the last of a circle closes it.
pub(super) fn through(scope: &Arc<Scope>, index: usize, value: &Value) -> Option<Vec<usize>> {
    if !matches!(value.kind(), ValueKind::Map | ValueKind::Seq) {
        return None;
    }
    let mut search = Search { scope, wanted: index, seen: BTreeSet::new(), way: vec![index] };
    search.value(value, 0).then_some(search.way)
}

struct Search<'s> {
    scope: &'s Scope,
    wanted: usize,
    seen: BTreeSet<usize>,
    way: Vec<usize>,
}

impl Search<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> bool {
        if let Some(table) = value.downcast_object_ref::<Table>() {
            return self.item(table.1);
        }
        if let Some(list) = value.downcast_object_ref::<List>() {
            return list.1.iter().any(|item| self.item(*item));
        }
        // What an expression has made, with parameters in it.
        let is_map = value.kind() == ValueKind::Map;
        if depth > DEEPEST || is_ours(value) || !(is_map || value.kind() == ValueKind::Seq) {
            return false;
        }
        let Ok(mut items) = value.try_iter() else { return false };
        items.any(|item| match is_map {
            true => value.get_item(&item).is_ok_and(|item| self.value(&item, depth + 1)),
            false => self.value(&item, depth + 1),
        })
    }

    fn item(&mut self, index: usize) -> bool {
        if index == self.wanted {
            return true;
        }
        if !self.seen.insert(index) {
            return false;
        }
        let scope = self.scope;
        let item = &scope.items[index];
        self.way.push(index);
        let found = match &item.data {
            ItemData::Value(_) => false,
            ItemData::Expression(_) => item.memo.get().is_some_and(|made| self.value(&made.value, 0)),
            ItemData::List(items) => items.iter().any(|item| self.item(*item)),
            ItemData::Table(entries) => entries.values().any(|item| self.item(*item)),
        };
        if !found {
            self.way.pop();
        }
        found
    }
}
