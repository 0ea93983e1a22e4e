//! How much an evaluation may make and look at: one with a doubling too many ends with an error, not
//! with the memory of the machine.
//!
//! A value that holds another one many times costs nothing until somebody looks into it, prints or
//! copies it. So whatever does that asks here before: one value has at most [`ITEMS`] items and
//! [`TEXT`] bytes of text, counted as often as they are met; all that one file or parameter makes on
//! its way is counted too, and so is all that is looked at, for that takes time.

use std::cell::{Cell, RefCell};
use std::{fmt, io};

use minijinja::value::{ObjectRepr, Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::super::views;
use super::DEEPEST;

/// The most items of one value, those within others among them.
pub(crate) const ITEMS: usize = 1_000_000;
/// The most bytes of text of one value.
pub(crate) const TEXT: usize = 32 << 20;
/// The most bytes that are made for one file or one parameter.
const MADE: usize = 128 << 20;
/// How much may be looked at for one file or one parameter.
const LOOKS: usize = 50_000_000;
/// About what an item of a list takes.
const ITEM: usize = 32;
/// So many bytes of text are looked at in the time that an item takes.
const BYTES_A_LOOK: usize = 256;

thread_local! {
    static SPENT: Cell<Spent> = const { Cell::new(Spent { open: 0, made: 0, looks: 0 }) };
    /// What stands before each `*` whose other side is not known yet.
    static FACTORS: RefCell<Vec<Factor>> = const { RefCell::new(Vec::new()) };
}

#[derive(Clone, Copy)]
struct Spent {
    /// How many evaluations in one another are under way.
    open: usize,
    made: usize,
    looks: usize,
}

/// What is known of a side of `*`.
#[derive(Clone, Copy)]
enum Factor {
    /// Bytes that would be made for each time.
    Size(usize),
    Times(usize),
    Unknown,
}

/// An evaluation: what is spent is counted from the outermost one.
pub(crate) struct Evaluation(());

impl Evaluation {
    /// Begins one.
    pub(crate) fn begin() -> Self {
        SPENT.with(|spent| {
            let before = spent.get();
            spent.set(match before.open {
                0 => Spent { open: 1, made: 0, looks: 0 },
                open => Spent { open: open + 1, ..before },
            });
            if before.open == 0 {
                FACTORS.with(|factors| factors.borrow_mut().clear());
            }
        });
        Self(())
    }
}

impl Drop for Evaluation {
    fn drop(&mut self) {
        SPENT.with(|spent| {
            let before = spent.get();
            spent.set(Spent { open: before.open.saturating_sub(1), ..before });
        });
    }
}

fn refuse(why: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

fn mebibytes(bytes: usize) -> usize {
    bytes >> 20
}

/// Refuses a text that would be too long.
pub(crate) fn fits(bytes: usize) -> Result<(), Error> {
    if bytes > TEXT {
        return Err(refuse(format!("this makes a text of more than {} MiB", mebibytes(TEXT))));
    }
    Ok(())
}

/// Counts a text that is made.
pub(crate) fn make(bytes: usize) -> Result<(), Error> {
    fits(bytes)?;
    spend(bytes)
}

/// Counts bytes that are made.
pub(crate) fn spend(bytes: usize) -> Result<(), Error> {
    SPENT.with(|spent| {
        let before = spent.get();
        let made = before.made.saturating_add(bytes);
        spent.set(Spent { made, ..before });
        if before.open > 0 && made > MADE {
            return Err(refuse(format!(
                "more than {} MiB are made here in all; does it copy the same again and again?",
                mebibytes(MADE)
            )));
        }
        Ok(())
    })
}

/// Counts what is looked at.
pub(crate) fn look(items: usize) -> Result<(), Error> {
    SPENT.with(|spent| {
        let before = spent.get();
        let looks = before.looks.saturating_add(items);
        spent.set(Spent { looks, ..before });
        if before.open > 0 && looks > LOOKS {
            let most = LOOKS / 1_000_000;
            return Err(refuse(format!(
                "more than {most} million values are looked at here; does it ever end?"
            )));
        }
        Ok(())
    })
}

/// The size of a value while somebody walks through it.
#[derive(Default)]
pub(crate) struct Walk {
    items: usize,
    text: usize,
}

impl Walk {
    /// Comes to a value; its items are come to one by one.
    pub(crate) fn meet(&mut self, value: &Value) -> Result<(), Error> {
        let text = value.as_str().map_or(0, str::len);
        self.text = self.text.saturating_add(text);
        self.count(1)?;
        look(1 + text / BYTES_A_LOOK)
    }

    /// Comes to so many values.
    pub(crate) fn count(&mut self, items: usize) -> Result<(), Error> {
        self.items = self.items.saturating_add(items);
        if self.items > ITEMS {
            return Err(refuse(format!(
                "a value has more than {} million items, those within others counted as often as they stand there",
                ITEMS / 1_000_000
            )));
        }
        if self.text > TEXT {
            return Err(refuse(format!("a value has more than {} MiB of text", mebibytes(TEXT))));
        }
        Ok(())
    }

    /// About how many bytes a copy of all that was met takes.
    pub(crate) fn bytes(&self) -> usize {
        self.text + self.items * ITEM
    }
}

/// About how many bytes a value takes, however often what it holds is shared. Into what lockstep gives
/// nobody looks here: that would evaluate it.
pub(crate) fn measure(value: &Value) -> Result<usize, Error> {
    let mut walk = Walk::default();
    measure_within(value, 0, &mut walk)?;
    Ok(walk.bytes())
}

fn measure_within(value: &Value, depth: usize, walk: &mut Walk) -> Result<(), Error> {
    walk.meet(value)?;
    let is_map = value.kind() == ValueKind::Map;
    if value.kind() == ValueKind::Iterable {
        return walk.count(value.len().unwrap_or(0));
    }
    if !(is_map || value.kind() == ValueKind::Seq) || views::is_ours(value) {
        return Ok(());
    }
    if depth > DEEPEST {
        return Err(refuse("lists and tables are nested too deeply".to_owned()));
    }
    if value.as_object().is_some_and(|object| object.repr() == ObjectRepr::Plain) {
        return Ok(());
    }
    for item in value.try_iter()? {
        measure_within(&item, depth + 1, walk)?;
        if is_map {
            measure_within(&value.get_item(&item)?, depth + 1, walk)?;
        }
    }
    Ok(())
}

/// A text that stops to grow.
#[derive(Default)]
pub(crate) struct Bounded(Vec<u8>);

impl Bounded {
    /// The text, if it was written; else `why` it was not.
    pub(crate) fn end(self, written: bool, why: &'static str) -> Result<String, &'static str> {
        match written {
            true => String::from_utf8(self.0).map_err(|_| why),
            false if self.0.len() >= TEXT => Err("this makes a text of more than 32 MiB"),
            false => Err(why),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> bool {
        // What is left of it says that it was full.
        let room = TEXT.saturating_sub(self.0.len());
        self.0.extend(&bytes[..bytes.len().min(room)]);
        bytes.len() <= room
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.take(bytes) { Ok(bytes.len()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.take(text.as_bytes()) { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Counts a value that was made: its text, or its items where those of a list are copied.
pub(crate) fn made(value: &Value) -> Result<(), Error> {
    make(size(value))
}

/// About how many bytes a copy of a value takes, whose items are shared.
fn size(value: &Value) -> usize {
    match value.kind() {
        ValueKind::String => value.as_str().map_or(0, str::len),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
            value.len().map_or(0, |length| length.saturating_mul(ITEM))
        }
        _ => 0,
    }
}

/// Counts a side of `+`: what it makes has what its sides have. The engine copies a list only now and
/// then.
pub(super) fn term(value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => make(text.len()),
        None => {
            let items = size(value) / ITEM;
            Walk::default().count(items)?;
            spend(items)
        }
    }
}

/// The side before a `*`. Without `whole` more was worked out with it before, and nobody knows what came
/// of that.
pub(super) fn before_times(value: &Value, whole: bool) {
    let factor = if whole { factor(value) } else { Factor::Unknown };
    FACTORS.with(|factors| factors.borrow_mut().push(factor));
}

/// The side after a `*`; with `more` another `*` comes.
pub(super) fn after_times(value: &Value, whole: bool, more: bool) -> Result<(), Error> {
    let after = if whole { factor(value) } else { Factor::Unknown };
    let before = FACTORS.with(|factors| factors.borrow_mut().pop()).unwrap_or(Factor::Unknown);
    let product = match (before, after) {
        (Factor::Size(size), Factor::Times(times)) | (Factor::Times(times), Factor::Size(size)) => {
            let size = size.saturating_mul(times);
            make(size)?;
            Factor::Size(size)
        }
        (Factor::Times(one), Factor::Times(other)) => Factor::Times(one.saturating_mul(other)),
        (Factor::Size(_), _) | (_, Factor::Size(_)) => {
            let why = "what a text or list is multiplied by needs brackets around it";
            return Err(refuse(why.to_owned()));
        }
        _ => Factor::Unknown,
    };
    if more {
        FACTORS.with(|factors| factors.borrow_mut().push(product));
    }
    Ok(())
}

fn factor(value: &Value) -> Factor {
    match value.kind() {
        ValueKind::Number => Factor::Times(usize::try_from(value.clone()).unwrap_or(if value.is_integer() {
            0
        } else {
            usize::MAX
        })),
        ValueKind::String | ValueKind::Seq | ValueKind::Iterable => Factor::Size(size(value)),
        _ => Factor::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::Evaluation;
    use crate::project::strict;

    fn render(template: &str) -> Result<String, String> {
        let _evaluation = Evaluation::begin();
        let checked = strict::checks::template(template, &Default::default(), true).unwrap();
        strict::environment().render_str(&checked.text, ()).map_err(|error| strict::describe(&error))
    }

    #[test]
    fn what_doubles_ends_with_an_error() {
        let often =
            |step: &str| format!("{{% set x = 'abcdefgh' * 1000 %}}{}{{{{ x|length }}}}", step.repeat(40));
        let lists = |step: &str| format!("{{% set x = [1, 2] %}}{}{{{{ x|length }}}}", step.repeat(60));
        for template in [
            often("{% set x = x ~ x %}"),
            often("{% set x = x + x %}"),
            often("{% set x = x * 2 %}"),
            often("{% set x = 2 * x %}"),
            often("{% set x = [x, x]|join %}"),
            often("{% set x %}{{ x }}{{ x }}{% endset %}"),
            often("{% set x = x|replace('a', 'aaaaaaaaa') %}"),
            often("{% set x = [x]|tojson %}"),
            lists("{% set x = [x, x] %}"),
            lists("{% set x = {'a': x, 'b': x} %}"),
            lists("{% set x = x + x %}"),
            lists("{% set x = (x + x)|list %}"),
            lists("{% set x = x * 3 %}"),
            "{{ ('x' * 1000 * 1000 * 1000)|length }}".into(),
            "{{ (1000 // 1 * 'x')|length }}".into(),
            "{{ ((1, 2) * 9999999)|length }}".into(),
            "{{ ([1] * 99999999)|length }}".into(),
            "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"
                .into(),
            format!(
                "{{% set x %}}{{% for i in range(100000) %}}{}{{% endfor %}}{{% endset %}}",
                "raw ".repeat(500)
            ),
            format!("{{% for i in range(100000) %}}{}{{% endfor %}}", "raw ".repeat(500)),
            format!(
                "{{% macro m(n) %}}{}{{% if n > 0 %}}{{{{ m(n - 1) }}}}{{{{ m(n - 1) }}}}{{% endif %}}{{% endmacro %}}{{{{ m(40) }}}}",
                "raw ".repeat(500)
            ),
        ] {
            let error = render(&template).unwrap_err();
            let said =
                ["MiB", "million", "brackets", "nested", "too large"].iter().any(|word| error.contains(word));
            assert!(said, "{}: {error}", &template[..template.len().min(100)]);
        }
    }

    #[test]
    fn what_is_usual_is_not_in_the_way() {
        for (template, expected) in [
            (
                "{{ '-' * 3 }} {{ 2 * 3 * 4 }} {{ 10 // 3 * 2 }} {{ 2 ** 3 * 2 }} {{ -2 * 3 }}",
                "--- 24 6 16 -6",
            ),
            ("{{ ('a' + 'b') * 2 ~ 'c' + 'd' }}", "ababcd"),
            ("{{ ([0] * 2 + [1])|list|tojson }} {{ x is defined }}", "[0,0,1] false"),
            ("{% set x = 1 + 2 %}{{ x + 1 if x == 3 else x * 2 }}", "4"),
            ("{% for i in [1, 2] + [3] %}{{ i * i }},{% endfor %}", "1,4,9,"),
        ] {
            assert_eq!(render(template), Ok(expected.to_owned()), "{template}");
        }
    }

    #[test]
    fn a_loop_trims_as_it_is_written() {
        for (template, expected) in [
            ("{% for i in [1, 2] -%} a {%- if i %} b {% endif -%} c {% endfor %}", "a b c a b c "),
            ("{% for i in [1, 2] %} a\n{% endfor %}\n", " a\n a\n\n"),
            ("{% macro m() %}x {{- 1 }} y{% endmacro %}{{ m() }}", "x1 y"),
            ("{% for i in [1] %}{# c #} x {#- d -#} y{% raw %}{{ z }}{% endraw %}{% endfor %}", " xy{{ z }}"),
        ] {
            assert_eq!(render(template), Ok(expected.to_owned()), "{template}");
        }
    }
}
