//! `docs/functions.md`: the functions and filters of expressions, made from their registries.

use std::fmt::Write as _;

use crate::project::{FILTERS, FUNCTIONS, strict};

/// The page.
pub(super) fn page() -> String {
    let mut text = String::from(
        "# Functions and filters\n\nMade from the program by `lockstep generate`; changes here are lost.\n\n\
         Expressions in parameter values and templates see the same. A parameter of the same name comes\n\
         first. An undefined name is an error wherever it stands; `is defined` and `default` may ask for one.\n\
         What `secret` and `data` do is in [configuration.md](configuration.md#secrets).\n\n## Functions\n\n\
         | written | gives | for example |\n| --- | --- | --- |\n",
    );
    for function in FUNCTIONS {
        row(&mut text, function.usage, function.summary, function.example);
    }
    text.push_str("\n## Filters\n\n| written | gives | for example |\n| --- | --- | --- |\n");
    for filter in FILTERS {
        row(&mut text, &format!("| {}", filter.usage), filter.summary, Some(filter.example));
    }
    let [filters, tests] = strict::engine_names();
    let words = |name: &&&str| name.starts_with(|c: char| c.is_ascii_alphabetic());
    let list = |names: &[&str]| {
        names.iter().filter(words).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let _ = write!(
        text,
        "\n## Of MiniJinja\n\nThe rest is [MiniJinja](https://docs.rs/minijinja)'s own.\n\nFilters: {}.\n\n\
         Tests (`x is …`): `defined`, `undefined`, {}.\n\nFunctions: `range`, `dict`, `namespace`.\n",
        list(&filters),
        list(&tests)
    );
    text
}

fn row(text: &mut String, usage: &str, summary: &str, example: Option<(&str, &str)>) {
    let example = example.map_or_else(String::new, |(expression, result)| {
        format!("{} → {}", code(expression), code(&result.replace('\n', "\\n")))
    });
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {} | {summary} | {example} |", code(usage));
}

/// In a table a bar would end the cell, in code as well.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}
