//! HCL: values as it reads them (`tohcl`), and text of JSON that it would evaluate.
//!
//! HCL takes quoted texts, and those of heredocs, for templates of its own: `"${x}"` is computed. What must hold:
//! no text that `tojson`, `toyaml` or `totoml` made gets into a file of HCL where that happens.

use std::cell::Cell;
use std::fmt::Write as _;

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::super::stand_in::StandIn;
use super::budget::{self, Bounded, Walk};
use super::{DEEPEST, print};

/// Endings of the files whose texts HCL evaluates; JSON of variables (`*.tfvars.json`) it takes as it is.
const ENDINGS: [&str; 6] = [".tf", ".tofu", ".tfvars", ".hcl", ".tf.json", ".tofu.json"];

thread_local! {
    /// What is rendered on this thread gets into a file that HCL reads.
    static READS: Cell<bool> = const { Cell::new(false) };
}

/// Whether HCL reads a file, and evaluates the texts in it.
pub(crate) fn reads(path: &str) -> bool {
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// While it lives, what is rendered gets into a file that HCL reads, or does not.
pub(crate) struct Reader(bool);

impl Reader {
    /// For a file that HCL reads, or for anything else.
    pub(crate) fn begin(is_hcl: bool) -> Self {
        Self(READS.replace(is_hcl))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        READS.set(self.0);
    }
}

/// Whether HCL would compute something in a text.
pub(crate) fn evaluates(text: &str) -> bool {
    text.contains("${") || text.contains("%{")
}

/// Text of data in another format, marked where HCL would compute something in it: it may still be made into
/// something else.
pub(in super::super) fn of_other_format(text: String) -> Value {
    match READS.get() && evaluates(&text) {
        true => Value::from_safe_string(text),
        false => Value::from(text),
    }
}

/// Filters whose result holds a text that they were given as it was.
const KEEPS: [&str; 5] = ["indent", "trim", "join", "format", "string"];

/// Whether what a filter makes of its arguments is such a text again.
pub(super) fn stays_marked(filter: &str, args: &[Value]) -> bool {
    let in_list = |list: &Value| {
        list.kind() == ValueKind::Seq
            && list.try_iter().is_ok_and(|mut items| items.any(|item| item.is_safe()))
    };
    READS.get() && KEEPS.contains(&filter) && args.iter().any(|arg| arg.is_safe() || in_list(arg))
}

/// Refuses such a text where it is printed, or put together with others.
pub(super) fn check(value: &Value) -> Result<(), Error> {
    match value.is_safe() && READS.get() && value.as_str().is_some_and(evaluates) {
        true => Err(refuse(
            "HCL would compute `${…}` or `%{…}` in this data: use `| tohcl`, in the place of `tojson` or behind `toyaml`",
        )),
        false => Ok(()),
    }
}

fn refuse(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

/// `tohcl(indent=2)`: a value as HCL reads it back, whatever its texts hold. Quoted keys with colons are right
/// for `*.tf.json` too.
pub(in super::super) fn tohcl(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    options.assert_all_used()?;
    let mut writer =
        Writer { out: Bounded::default(), walk: Walk::default(), indent: indent.map(|n| n.min(16)) };
    let written = writer.value(value, 0);
    let failed = written.as_ref().is_err_and(|error| error.kind() == ErrorKind::WriteFailure);
    match written {
        Err(error) if !failed => Err(error),
        _ => {
            budget::spend(writer.walk.bytes())?;
            writer.out.end(!failed, "this cannot be written as HCL").map_err(refuse)
        }
    }
}

struct Writer {
    out: Bounded,
    walk: Walk,
    indent: Option<usize>,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        self.walk.meet(value)?;
        if depth > DEEPEST {
            return Err(refuse("lists and tables are nested too deeply"));
        }
        match value.kind() {
            ValueKind::None => self.put("null"),
            ValueKind::Bool => self.put(if value.is_true() { "true" } else { "false" }),
            // HCL's numbers have no limit.
            ValueKind::Number if value.is_integer() => self.put(&value.to_string()),
            ValueKind::Number => {
                match f64::try_from(value.clone()).ok().and_then(serde_json::Number::from_f64) {
                    Some(number) => self.put(&number.to_string()),
                    None => Err(refuse("HCL has no number that is not finite")),
                }
            }
            ValueKind::String => self.text(value.as_str().unwrap_or_default()),
            ValueKind::Plain if StandIn::is(value) => self.text(&value.to_string()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter()?;
                self.all(('[', ']'), items, depth, |writer, item| writer.value(&item, depth + 1))
            }
            ValueKind::Map => {
                let keys = value.try_iter()?;
                self.all(('{', '}'), keys, depth, |writer, key| {
                    let mut name = String::new();
                    print(&key, &mut name)?;
                    writer.text(&name)?;
                    writer.put(": ")?;
                    writer.value(&value.get_item(&key)?, depth + 1)
                })
            }
            ValueKind::Undefined => {
                Err(Error::new(ErrorKind::UndefinedError, "a name used here is undefined"))
            }
            ValueKind::Invalid => Err(refuse("a parameter could not be evaluated")),
            _ => Err(refuse("this cannot be written as HCL")),
        }
    }

    fn all(
        &mut self,
        (open, close): (char, char),
        items: impl Iterator<Item = Value>,
        depth: usize,
        mut one: impl FnMut(&mut Self, Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.put(open.encode_utf8(&mut [0; 4]))?;
        let mut is_empty = true;
        for item in items {
            if !is_empty {
                self.put(if self.indent.is_some() { "," } else { ", " })?;
            }
            is_empty = false;
            self.line(depth + 1)?;
            one(self, item)?;
        }
        if !is_empty {
            self.line(depth)?;
        }
        self.put(close.encode_utf8(&mut [0; 4]))
    }

    fn line(&mut self, depth: usize) -> Result<(), Error> {
        match self.indent {
            Some(indent) => self.put(&format!("\n{}", " ".repeat(indent * depth))),
            None => Ok(()),
        }
    }

    /// A quoted text: HCL knows fewer escapes than JSON, and two signs more that begin something.
    fn text(&mut self, text: &str) -> Result<(), Error> {
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push('"');
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' | '\\' => quoted.extend(['\\', c]),
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '\t' => quoted.push_str("\\t"),
                '$' | '%' if chars.peek() == Some(&'{') => quoted.extend([c, c]),
                c if c.is_control() => write!(quoted, "\\u{:04x}", u32::from(c))?,
                c => quoted.push(c),
            }
        }
        quoted.push('"');
        self.put(&quoted)
    }

    fn put(&mut self, text: &str) -> Result<(), Error> {
        Ok(self.out.write_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str, path: &str) -> Result<String, String> {
        let _reader = Reader::begin(reads(path));
        super::super::environment().render_str(template, ()).map_err(|error| super::super::describe(&error))
    }

    #[test]
    fn values_are_written_as_hcl_reads_them() {
        for (expression, expected) in [
            (
                "'costs ${5} and $${6} 100%{if true}!%{endif} $ % {'",
                r#""costs $${5} and $$${6} 100%%{if true}!%%{endif} $ % {""#,
            ),
            (
                r#"'a"b\\c' ~ "\n\r\t\b\u0000\u007f\u2028ü""#,
                "\"a\\\"b\\\\c\\n\\r\\t\\u0008\\u0000\\u007f\u{2028}ü\"",
            ),
            (
                "{'a': [1, 2.5, true, none, {}], '${k}': [[], -3]}",
                r#"{"a": [1, 2.5, true, null, {}], "$${k}": [[], -3]}"#,
            ),
            ("18446744073709551615 * 4", "73786976294838206460"),
            ("range(3)", "[0, 1, 2]"),
            ("{true: 1e300}", r#"{"true": 1e+300}"#),
        ] {
            assert_eq!(
                render(&format!("{{{{ ({expression}) | tohcl }}}}"), "x"),
                Ok(expected.to_owned()),
                "{expression}"
            );
        }
        let indented = "{\n  \"a\": [\n    1,\n    {}\n  ]\n}";
        assert_eq!(render("{{ {'a': [1, {}]} | tohcl(indent=2) }}", "x"), Ok(indented.to_owned()));
        for (expression, why) in
            [("nope", "undefined"), ("[nope]", "undefined"), ("1e308 * 10", "not finite")]
        {
            let error = render(&format!("{{{{ ({expression}) | tohcl }}}}"), "x").unwrap_err();
            assert!(error.contains(why), "{expression}: {error}");
        }
    }

    #[test]
    fn json_that_hcl_would_compute_is_refused_where_it_is_printed() {
        for template in [
            "{{ 'a ${b}' | tojson }}",
            "{{ {'%{k}': 1} | tojson(indent=2) | indent(2) }}",
            "{% set x = ['${a}'] | tojson %}{{ x }}",
            "[{{ ['${a}', 1] | map('tojson') | join(', ') }}]",
            "{{ '%s' | format(['%{a}'] | tojson) }}",
            "<<EOF\n{{ {'a': '${b}'} | toyaml | indent(2) }}\nEOF",
            "{{ {'a': '${b}'} | totoml }}",
            "{% macro m(x) %}{{ x | tojson }}{% endmacro %}{{ m('${a}') }}",
        ] {
            for path in ["main.tf", "a/x.tofu", "x.tfvars", "t.hcl", "x.tf.json", "x.tofu.json"] {
                let error = render(template, path).unwrap_err();
                assert!(error.contains("use `| tohcl`"), "{template}: {error}");
            }
            for path in ["x.auto.tfvars.json", "x.yaml", "tf"] {
                render(template, path).unwrap_or_else(|error| panic!("{template}: {error}"));
            }
        }
        for (fine, expected) in [
            ("{{ ['$a {', '$$', '100%'] | tojson }}", r#"["$a {","$$","100%"]"#),
            ("{{ '${a}' | tojson | tohcl }}", r#""\"$${a}\"""#),
            ("{{ {'a': '${b}'} | toyaml | tohcl }}", r#""a: $${b}""#),
            ("{{ '${a}' | tojson | replace('${', '$${') }}", r#""$${a}""#),
            ("{{ '${a}' }}", "${a}"),
        ] {
            assert_eq!(render(fine, "main.tf"), Ok(expected.to_owned()), "{fine}");
        }
    }
}
