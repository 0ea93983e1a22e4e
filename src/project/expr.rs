//! `{{ … }}` in parameter values: found, evaluated, and blamed on the user's file and line.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use minijinja::Value;

use super::params::{Item, Made, Scope};
use super::strict::budget::{self, Evaluation};
use super::strict::checks;
use super::strict::hcl::Reader;
use super::{Place, ProjectError, circles, output_names, strict};

/// How many parameters may need one another in a chain: each takes from the stack.
const DEEPEST: usize = 100;
/// About how many bytes the values of a unit's expressions may take together.
const KEPT: usize = 64 << 20;

impl Scope {
    /// The value, and what it was made of.
    pub(super) fn evaluate_watched(self: &Arc<Self>, index: usize, text: &str) -> Result<Made, ProjectError> {
        let (before, stood_in) = (self.watch.take(), self.outside.stand_ins.take());
        let value = self.evaluate(index, text).and_then(|value| {
            self.keep(index, &value)?;
            match circles::through(self, index, &value) {
                Some(chain) => Err(self.cycle(&chain, index)),
                None => Ok(value),
            }
        });
        self.outside.stand_ins.judge(text);
        let (secret, stand_in) = (self.watch.take(), self.outside.stand_ins.take());
        if before || secret {
            self.watch.touch();
        }
        if stood_in || stand_in {
            self.outside.stand_ins.touch();
        }
        Ok(Made { value: value?, secret, stand_in })
    }

    /// Counts what a value takes that is kept for the others.
    fn keep(&self, index: usize, value: &Value) -> Result<(), ProjectError> {
        let Item { key, place, .. } = &self.items[index];
        let refuse = |why: &str| {
            Err(ProjectError::config(place.clone(), format!("parameter `{}`: {why}", key.escape_debug())))
        };
        let size = match budget::measure(value) {
            Ok(size) => size,
            Err(error) => return refuse(&strict::describe(&error)),
        };
        let kept = self.kept.fetch_add(size, Ordering::Relaxed).saturating_add(size);
        if kept > KEPT {
            return refuse(&format!("with it those of this unit come to more than {} MiB", KEPT >> 20));
        }
        Ok(())
    }

    pub(super) fn evaluate(self: &Arc<Self>, index: usize, text: &str) -> Result<Value, ProjectError> {
        let thread = std::thread::current().id();
        {
            let mut active = self.active.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if active.contains(&(thread, index)) {
                let chain: Vec<usize> = active
                    .iter()
                    .filter(|(other, _)| *other == thread)
                    .map(|(_, index)| *index)
                    .skip_while(|other| *other != index)
                    .collect();
                return Err(self.cycle(&chain, index));
            }
            let chain = active.iter().filter(|(other, _)| *other == thread).map(|(_, index)| *index);
            if chain.clone().count() >= DEEPEST {
                return Err(self.too_long(&chain.take(5).collect::<Vec<_>>()));
            }
            active.push((thread, index));
        }
        let item = &self.items[index];
        // What cannot be found in the text cannot be evaluated either.
        let result = match output_names::uses(text, &item.place) {
            Err(error) if self.has_outputs() => Err(error),
            _ => evaluate(text, &item.place, self.root_of_parameter()),
        };
        let mut active = self.active.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(last) = active.iter().rposition(|entry| *entry == (thread, index)) {
            active.remove(last);
        }
        let users: Vec<usize> =
            active.iter().rev().filter(|(other, _)| *other == thread).map(|(_, index)| *index).collect();
        result.map_err(|error| {
            let needed = |error, index: &usize| {
                let item = &self.items[*index];
                needed_by(error, &format!("`{}`", item.key.escape_debug()), &item.place)
            };
            let error = match self.take_raised() {
                // It happened elsewhere: this parameter is the first that asked.
                Some(raised) => needed(raised, &index),
                None => self.named(self.redacted(error), index),
            };
            users.iter().fold(error, needed)
        })
    }

    /// Says which parameter failed.
    fn named(&self, error: ProjectError, index: usize) -> ProjectError {
        let ProjectError::Config { place, message, hint } = error else { return error };
        let message = format!("parameter `{}`: {message}", self.items[index].key.escape_debug());
        ProjectError::Config { place, message, hint }
    }

    fn cycle(&self, chain: &[usize], index: usize) -> ProjectError {
        let text = self.chain(chain.iter().chain([&index]));
        ProjectError::config(
            self.items[index].place.clone(),
            format!("parameters need each other in a circle: {text}"),
        )
    }

    fn too_long(&self, beginning: &[usize]) -> ProjectError {
        let place = beginning
            .first()
            .map_or_else(|| Place::whole("parameters"), |first| self.items[*first].place.clone());
        let text = self.chain(beginning.iter());
        ProjectError::config(
            place,
            format!("parameters need each other in a chain of more than {DEEPEST}: {text} -> …"),
        )
    }

    fn chain<'i>(&self, items: impl Iterator<Item = &'i usize>) -> String {
        let one = |index: &usize| {
            let item = &self.items[*index];
            format!("`{}` ({})", item.key.escape_debug(), item.place)
        };
        items.map(one).collect::<Vec<_>>().join(" -> ")
    }
}

/// Adds to an error who asked for what failed.
pub(super) fn needed_by(error: ProjectError, what: &str, at: &Place) -> ProjectError {
    let ProjectError::Config { place, message, hint } = error else { return error };
    ProjectError::Config { place, message: format!("{message}; needed by {what} ({at})"), hint }
}

/// A text with its expressions evaluated; one that is exactly one expression keeps its type.
pub(super) fn evaluate(text: &str, place: &Place, context: Value) -> Result<Value, ProjectError> {
    let parts = parts(text).map_err(|offset| {
        let place = place.down(text[..offset].matches('\n').count());
        ProjectError::config_hint(
            place,
            "`{{` is not closed by `}}`",
            Some("to mean the braces themselves, write `{{ '{{' }}`".into()),
        )
    })?;
    let _evaluation = Evaluation::begin();
    // Where the value goes is not known here.
    let _reader = Reader::begin(false);
    let env = strict::environment();
    let compute = |range: &Range<usize>| {
        let at = || place.down(text[..range.start].matches('\n').count());
        let fail = |error: minijinja::Error| ProjectError::config(at(), strict::describe(&error));
        let expression = checks::expression(&text[range.clone()])
            .map_err(|refused| ProjectError::config(at(), refused.why))?;
        let value =
            env.compile_expression(&expression.text).and_then(|e| e.eval(context.clone())).map_err(fail)?;
        if value.is_undefined() {
            let message = format!("`{}` is undefined", as_written(text[range.clone()].trim()));
            return Err(ProjectError::config(at(), message));
        }
        Ok(value)
    };
    if let [Part::Expression(range)] = parts.as_slice() {
        return compute(range);
    }
    let mut out = String::new();
    for part in &parts {
        let put = match part {
            Part::Text(range) => {
                out.push_str(&text[range.clone()]);
                Ok(())
            }
            Part::Expression(range) => strict::print(&compute(range)?, &mut out),
        };
        put.and_then(|()| budget::fits(out.len()))
            .map_err(|error| ProjectError::config(place.clone(), strict::describe(&error)))?;
    }
    Ok(Value::from(out))
}

/// A text of the user's without anything that would disturb a terminal.
fn as_written(text: &str) -> String {
    let one = |c: char| if matches!(c, '\'' | '"') { c.to_string() } else { c.escape_debug().to_string() };
    text.chars().map(one).collect()
}

/// Where the expressions of a text stand; none in one that is not closed, which evaluation tells.
pub(super) fn expressions(text: &str) -> Vec<Range<usize>> {
    let is_expression = |part| match part {
        Part::Expression(range) => Some(range),
        Part::Text(_) => None,
    };
    parts(text).unwrap_or_default().into_iter().filter_map(is_expression).collect()
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(Range<usize>),
    Expression(Range<usize>),
}

/// Splits a text at its expressions; `}}` inside quotes or inner braces does not close one. The
/// error is where the unclosed one begins.
fn parts(text: &str) -> Result<Vec<Part>, usize> {
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(found) = text[from..].find("{{") {
        let open = from + found;
        if open > from {
            parts.push(Part::Text(from..open));
        }
        let end = closing(&text.as_bytes()[open + 2..]).ok_or(open)? + open + 2;
        parts.push(Part::Expression(open + 2..end));
        from = end + 2;
    }
    if from < text.len() || parts.is_empty() {
        parts.push(Part::Text(from..text.len()));
    }
    Ok(parts)
}

fn closing(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut quote, mut at) = (0_usize, None, 0);
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth == 0 && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            (None, b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_quotes_and_tables_do_not_close() {
        let expressions = |text: &str| -> Vec<String> {
            let parts = parts(text).unwrap();
            parts
                .iter()
                .filter_map(|part| match part {
                    Part::Expression(range) => Some(text[range.clone()].to_owned()),
                    Part::Text(_) => None,
                })
                .collect()
        };
        assert_eq!(expressions("a {{ b }} c {{ d }}"), [" b ", " d "]);
        assert_eq!(expressions("{{ '}}' }}"), [" '}}' "]);
        assert_eq!(expressions("{{ {'a': {'b': 1}} }}"), [" {'a': {'b': 1}} "]);
        assert_eq!(expressions("no {braces} at { all }"), Vec::<String>::new());
        assert_eq!(parts("a {{ b"), Err(2));
    }
}
