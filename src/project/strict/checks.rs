//! What is added to a template before the engine reads it: checks of values at the places where the
//! engine offers no hook of its own.
//!
//! Whatever stands beside `~` is checked and printed as everywhere else, where the engine would write
//! `True`, `None` or a list as Python has it. `cycle()` without a value and a slice that steps backwards make
//! the engine panic. A namespace that holds itself makes it overflow the stack, and so does an expression of
//! thousands of operators: that one is refused before it is read.
//!
//! Only filters are added, around whole operands as the engine's grammar has them. An operand of which
//! that is not certain is refused where it is evaluated, so that none goes unchecked.

use std::borrow::Cow;
use std::ops::Range;

use super::super::Delimiters;
use super::operands::Walk;
use super::tags::{Kind, Tags, of_expression};

/// How many operators may stand in one another, and conditions behind one another.
pub(super) const DEEPEST: usize = 400;

/// What may stand for itself as well: an added bracket is part of no name.
pub(super) const OPEN: &str = "(";

/// A template with its checks.
#[derive(Debug, PartialEq)]
pub(crate) struct Checked<'t> {
    pub(crate) text: Cow<'t, str>,
    /// What was added, by where it stands in the text as it was written, and what it is about.
    added: Vec<Added>,
}

/// Something that is added.
#[derive(Debug, PartialEq)]
pub(super) struct Added {
    pub(super) at: usize,
    pub(super) text: Cow<'static, str>,
    /// What people are shown if it fails.
    pub(super) about: Range<usize>,
}

/// Why a text is not given to the engine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Where in the text.
    pub(crate) at: Range<usize>,
    pub(crate) why: &'static str,
}

impl Checked<'_> {
    /// A range of this text, in the text as it was written.
    pub(crate) fn written(&self, range: Range<usize>) -> Range<usize> {
        let mut before = 0;
        for added in &self.added {
            let begin = added.at + before;
            if (begin..begin + added.text.len()).contains(&range.start) && added.text != OPEN {
                return added.about.clone();
            }
            before += added.text.len();
        }
        self.offset(range.start)..self.offset(range.end)
    }

    fn offset(&self, at: usize) -> usize {
        let mut before = 0;
        for added in &self.added {
            if at <= added.at + before {
                break;
            }
            before += added.text.len().min(at - added.at - before);
        }
        at - before
    }
}

/// A template with checks. `again` says that all of it may be written many times: others include it.
pub(crate) fn template<'t>(
    text: &'t str,
    delimiters: &Delimiters,
    again: bool,
) -> Result<Checked<'t>, Refused> {
    let (mut tags, mut tokens) = (Tags::new(text, delimiters), Vec::new());
    let (mut added, mut conditions) = (Vec::new(), Conditions::default());
    let (mut from, mut bodies) = (0, usize::from(again));
    while let Some((kind, begin)) = tags.next(&mut tokens) {
        if bodies > 0 {
            added.extend(counted(text, from..begin, delimiters));
        }
        from = tags.end();
        if kind == Kind::Statement {
            let head = tokens.first().map_or("", |token| &text[token.at.clone()]);
            conditions.count(head, begin)?;
            match head {
                "for" | "macro" | "call" | "block" => bodies += 1,
                "endfor" | "endmacro" | "endcall" | "endblock" => bodies = bodies.saturating_sub(1),
                _ => {}
            }
        }
        if tokens.len() > 1 {
            Walk::new(text, kind == Kind::Statement, &mut added).through(&tokens)?;
        }
    }
    if bodies > 0 {
        added.extend(counted(text, from..text.len(), delimiters));
    }
    Ok(apply(text, added))
}

/// What counts the text between two tags whenever it is written.
fn counted(text: &str, between: Range<usize>, delimiters: &Delimiters) -> Option<Added> {
    let [open, close] = &delimiters.variable;
    let (written, after) = (&text[between.clone()], &text[between.end..]);
    // No part of an opening sign may stand before it.
    let first = open.chars().next()?;
    let at = between.start + written.trim_end_matches(first).len();
    let openers = [open, &delimiters.block[0], &delimiters.comment[0]].map(String::as_str);
    let longest = openers.into_iter().filter(|opener| after.starts_with(opener)).map(str::len).max();
    // The tag behind it may trim what stands before.
    let trims = at == between.end && longest.is_some_and(|length| after[length..].starts_with('-'));
    let trim = if trims { "-" } else { "" };
    let text = format!("{open}{trim} {}|lockstep.raw {close}", written.len());
    (!written.is_empty()).then(|| Added { at, text: text.into(), about: between })
}

/// An expression that stands alone, with checks.
pub(crate) fn expression(text: &str) -> Result<Checked<'_>, Refused> {
    let mut added = Vec::new();
    Walk::new(text, false, &mut added).through(&of_expression(text))?;
    Ok(apply(text, added))
}

fn apply(text: &str, mut added: Vec<Added>) -> Checked<'_> {
    if added.is_empty() {
        return Checked { text: Cow::Borrowed(text), added };
    }
    // An operand's own come before those of what it stands in, and must stay so.
    added.sort_by_key(|added| added.at);
    let (mut out, mut from) = (String::with_capacity(text.len() + added.len() * 16), 0);
    for added in &added {
        out.push_str(&text[from..added.at]);
        out.push_str(&added.text);
        from = added.at;
    }
    out.push_str(&text[from..]);
    Checked { text: Cow::Owned(out), added }
}

/// How many `elif` the engine has to remember at once.
#[derive(Default)]
struct Conditions {
    open: Vec<usize>,
    all: usize,
}

impl Conditions {
    fn count(&mut self, head: &str, at: usize) -> Result<(), Refused> {
        match head {
            "if" => self.open.push(0),
            "endif" => self.all -= self.open.pop().unwrap_or(0),
            "elif" => {
                if let Some(last) = self.open.last_mut() {
                    *last += 1;
                    self.all += 1;
                }
            }
            _ => {}
        }
        if self.all > DEEPEST {
            return Err(Refused { at: at..at + 1, why: "more than 400 times `elif` in one another" });
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;
