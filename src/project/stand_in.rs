//! What stands in the place of values that only a run reads or asks for, where two states of a project
//! are compared or a unit is described: a fingerprint of how the value is defined. Equal definitions stand for equal values.
//!
//! A fingerprint may be printed, and nothing else: where an expression or template decides by one, or
//! computes with it, what comes out tells nothing about the run. Then the parameters remember it
//! ([`StandIns::decided`]), and whoever compares must look at everything that goes in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::value::{Object, ObjectRepr, Value};
use sha2::{Digest as _, Sha256};

use super::Params;

/// Whether stand-ins are given, and what became of them.
#[derive(Default)]
pub(super) struct StandIns {
    given: AtomicBool,
    /// Also for variables and facts of the repository, which can be had without running anything.
    for_facts: AtomicBool,
    touched: AtomicBool,
    decided: AtomicBool,
}

impl StandIns {
    /// Whether secrets, data and outputs are replaced.
    pub(super) fn are_given(&self) -> bool {
        self.given.load(Ordering::Relaxed)
    }

    /// Whether variables and facts of the repository are.
    pub(super) fn are_given_for_facts(&self) -> bool {
        self.for_facts.load(Ordering::Relaxed)
    }

    /// One of them, or something that was made of one, is read.
    pub(super) fn touch(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }

    /// Whether one was read since this was asked last.
    pub(super) fn take(&self) -> bool {
        self.touched.swap(false, Ordering::Relaxed)
    }

    /// An expression has been evaluated: if one was read by then, it must have been for printing.
    pub(super) fn judge(&self, text: &str) {
        if self.touched.load(Ordering::Relaxed) && !tags(text, "{{", "}}").all(only_prints) {
            self.decide();
        }
    }

    /// What came out does not tell what a run would make of it.
    pub(super) fn decide(&self) {
        self.decided.store(true, Ordering::Relaxed);
    }

    /// A text in the place of what is defined so.
    pub(super) fn text(&self, what: &str, definition: &[&str]) -> Value {
        self.touch();
        Value::from(fingerprint(what, definition))
    }

    /// Data of a form that is not known, in the place of what is defined so.
    pub(super) fn data(&self, definition: &[&str]) -> Value {
        self.touch();
        Value::from_object(StandIn(fingerprint("data", definition)))
    }
}

/// No two definitions have the same.
fn fingerprint(what: &str, definition: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in std::iter::once(&what).chain(definition) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().fold(format!("{what}-"), |text, byte| format!("{text}{byte:02x}"))
}

/// Data that is not known, with whatever an expression looks for in it.
pub(super) struct StandIn(String);

impl StandIn {
    /// Whether a value is one; printed it is its fingerprint.
    pub(super) fn is(value: &Value) -> bool {
        value.downcast_object_ref::<Self>().is_some()
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Object for StandIn {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(Value::from_object(Self(fingerprint("data", &[&self.0, &key.to_string()]))))
    }
}

impl Params {
    /// Gives fingerprints of their definitions instead of secrets, data, variables and facts of the
    /// repository: nothing is read or run.
    #[must_use]
    pub fn with_stand_ins(self) -> Self {
        self.scope.outside.stand_ins.for_facts.store(true, Ordering::Relaxed);
        self.with_unknowns()
    }

    /// Gives fingerprints instead of what only a run that renders may read or run: secrets, data and
    /// outputs. What is made of one is not known.
    #[must_use]
    pub fn with_unknowns(self) -> Self {
        self.scope.outside.stand_ins.given.store(true, Ordering::Relaxed);
        self
    }

    /// Whether anything read a fingerprint since this was asked last.
    pub(crate) fn took_stand_in(&self) -> bool {
        self.scope.outside.stand_ins.take()
    }

    /// Remembers that more than printing was done with one.
    pub(crate) fn decide(&self) {
        self.scope.outside.stand_ins.decide();
    }

    /// The same, if one was read since [`Self::took_stand_in`].
    pub(crate) fn decide_if_stand_in(&self) {
        if self.took_stand_in() {
            self.decide();
        }
    }

    /// Whether something was decided by a fingerprint, or computed from one.
    pub fn decided_by_stand_in(&self) -> bool {
        self.scope.outside.stand_ins.decided.load(Ordering::Relaxed)
    }

    /// The commands of the unit's `data`, as they are written.
    pub(crate) fn data_commands(&self) -> impl Iterator<Item = (&str, &[String], bool)> {
        let data = self.scope.outside.data.iter();
        data.map(|(name, item)| (name.as_str(), item.config.command.as_slice(), item.config.sensitive))
    }
}

/// Whether an expression does no more with its values than print them: names, calls, attributes,
/// texts put together, `| tojson` and `| tohcl`.
pub(crate) fn only_prints(expression: &str) -> bool {
    const DECIDE: [&str; 7] = ["if", "else", "and", "or", "not", "in", "is"];
    let mut bare = without_quoted(expression.trim_matches('-'));
    for filter in ["|tojson", "| tojson", "|tohcl", "| tohcl"] {
        bare = bare.replace(filter, "");
    }
    let harmless = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.,()[]~'=".contains(c);
    bare.chars().all(harmless)
        && !bare.contains("==")
        && !bare.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| DECIDE.contains(&word))
}

/// Whether an expression may read files of the project.
pub(crate) fn may_read_files(expression: &str) -> bool {
    ["file", "filebase64", "fileexists"].into_iter().any(|name| {
        without_quoted(expression).split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
    })
}

fn without_quoted(text: &str) -> String {
    let (mut bare, mut quote, mut escaped) = (String::new(), None, false);
    for c in text.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                bare.push('\'');
            }
            None => bare.push(c),
        }
    }
    bare
}

/// What stands between delimiters in a text; the end of the text closes the last one.
pub(crate) fn tags<'t>(text: &'t str, open: &'t str, close: &'t str) -> impl Iterator<Item = &'t str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begin = rest.find(open)? + open.len();
        let inner = &rest[begin..];
        let end = end_of_tag(inner, close);
        rest = &inner[(end + close.len()).min(inner.len())..];
        Some(&inner[..end])
    })
}

fn end_of_tag(text: &str, close: &str) -> usize {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if text[at..].starts_with(close) => return at,
            None if c == '"' || c == '\'' => quote = Some(c),
            None => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Place;
    use super::super::tests::Sample;
    use super::*;

    #[test]
    fn printing_is_told_from_deciding() {
        for expression in [
            " secret(env='X') ",
            "data.net.ids[0]",
            "- db.password -",
            "data.a | tojson",
            "'a == b' ~ data.x",
            "secret(command=['pass', \"show\"])",
        ] {
            assert!(only_prints(expression), "{expression}");
        }
        for expression in [
            "'a' if data.x else 'b'",
            "data.x == 1",
            "data.x | upper",
            "data.x + 1",
            "not data.x",
            "'a' in data.x",
            "data.x is defined",
            "{'a': data.x}.a",
        ] {
            assert!(!only_prints(expression), "{expression}");
        }
        assert!(may_read_files("file('x')") && may_read_files("x if fileexists(y)"));
        assert!(!may_read_files("filename ~ 'file'") && !may_read_files("params.files"));
    }

    #[test]
    fn tags_end_outside_of_quotes() {
        let all = |text| tags(text, "{{", "}}").collect::<Vec<_>>();
        assert_eq!(all("a {{ b }} {{ '}}' ~ c }} d {{ open"), [" b ", " '}}' ~ c ", " open"]);
        assert!(all("no }} tag").is_empty());
    }

    fn params(data: &str, profile: &str) -> Params {
        let sample =
            Sample::new(&[("modules/alpha/x", ""), ("profiles/dev.toml", profile), ("lockstep.toml", data)]);
        sample.params("alpha/dev", &[]).unwrap().with_stand_ins()
    }

    fn value(params: &Params, text: &str) -> String {
        params.expand(text, &Place::whole("t")).unwrap()
    }

    #[test]
    fn a_stand_in_tells_its_definition_apart_and_nothing_is_run_or_read() {
        let of = |command: &str| {
            params(&format!("[data.x]\ncommand = [\"touch\", \"{command}\"]\n"), "[params]\nv = \"a\"\n")
        };
        let (one, same, other) = (of("mark"), of("mark"), of("{{ v }}"));
        assert_eq!(value(&one, "{{ data.x.y.z }}"), value(&same, "{{ data.x.y.z }}"));
        assert_ne!(value(&one, "{{ data.x.y.z }}"), value(&one, "{{ data.x.y.w }}"));
        assert_ne!(value(&one, "{{ data.x }}"), value(&other, "{{ data.x }}"));
        let (moved, evaluated) = (of("a"), value(&other, "{{ data.x }}"));
        assert_eq!(value(&moved, "{{ data.x }}"), evaluated, "words are compared as they are evaluated");
        assert!(!one.decided_by_stand_in());
        for expression in ["{{ env('HOME') }}", "{{ secret(file='/nope') }}", "{{ git.commit }}"] {
            let text = value(&one, expression);
            assert!(text.len() > 64 && one.took_stand_in(), "{expression}: {text}");
        }
        assert_ne!(value(&one, "{{ env('A', 'x') }}"), value(&one, "{{ env('A', 'y') }}"));
        assert_ne!(value(&one, "{{ secret(env='A') }}"), value(&one, "{{ secret(file='A') }}"));
    }

    #[test]
    fn deciding_is_remembered_also_through_other_parameters() {
        let profile =
            "[params]\na = \"{{ secret(env='X') }}\"\nb = \"{{ a }}!\"\nc = \"{{ b if b else 1 }}\"\n";
        let one = params("", profile);
        value(&one, "{{ b }}");
        assert!(!one.decided_by_stand_in());
        value(&one, "{{ c }}");
        assert!(one.decided_by_stand_in());
        let plain = params("", "[params]\na = \"{{ 1 if true else 2 }}\"\n");
        value(&plain, "{{ a }}");
        assert!(!plain.decided_by_stand_in());
    }

    proptest! {
        #[test]
        fn tags_never_panic_and_are_part_of_the_text(text in "[{}'\"\\\\a é]{0,40}") {
            for tag in tags(&text, "{{", "}}") {
                prop_assert!(text.contains(tag));
                let _ = (only_prints(tag), may_read_files(tag));
            }
        }
    }
}
