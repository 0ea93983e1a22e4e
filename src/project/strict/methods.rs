//! What stands here in the place of the methods that values have in Python, and so in Jinja and Ansible.

/// A method, and what does the same.
const INSTEAD: &[(&str, &str)] = &[
    ("items", "`x | items`"),
    ("keys", "`x | list`, the names of a table"),
    ("values", "`for name, value in x | items`"),
    ("get", "`x.name | default(…)`"),
    ("update", "`dict(x, name=…)`"),
    ("append", "`x + [item]`"),
    ("extend", "`x + y`"),
    ("index", "`loop.index` in a `for`"),
    ("count", "`x | length`"),
    ("split", "`x | split(\",\")`"),
    ("splitlines", "`x | lines`"),
    ("join", "`list | join(\",\")`"),
    ("strip", "`x | trim`"),
    ("lstrip", "`x | trim`"),
    ("rstrip", "`x | trim`"),
    ("lower", "`x | lower`"),
    ("upper", "`x | upper`"),
    ("title", "`x | title`"),
    ("capitalize", "`x | capitalize`"),
    ("replace", "`x | replace(\"a\", \"b\")`"),
    ("format", "`x | format(…)`"),
    ("startswith", "`x is startingwith(\"a\")`"),
    ("endswith", "`x is endingwith(\"a\")`"),
    ("isdigit", "`x | int`"),
    ("encode", "`x | b64encode`"),
];

/// What is said of a method: `map has no method named items`.
pub(super) fn instead(detail: &str) -> String {
    let name = detail.rsplit(' ').next().unwrap_or_default();
    let there = match INSTEAD.iter().find(|(method, _)| *method == name) {
        Some((_, instead)) => format!(": write {instead}"),
        None => ", but filters: `x | lower`".to_owned(),
    };
    format!("there is no method `{}`; values have none{there}", name.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::super::{describe, engine_names, environment};

    #[test]
    fn a_method_of_python_is_answered_by_what_does_the_same() {
        let render =
            |template: &str| environment().render_str(template, ()).map_err(|error| describe(&error));
        for (expression, said) in [
            ("{'a': 1}.items()", "there is no method `items`; values have none: write `x | items`"),
            ("'a,b'.split(',')", "write `x | split(\",\")`"),
            ("'a'.startswith('a')", "write `x is startingwith(\"a\")`"),
            ("'a'.nope()", "there is no method `nope`; values have none, but filters"),
        ] {
            let error = render(&format!("{{{{ {expression} }}}}")).unwrap_err();
            assert!(error.contains(said), "{expression}: {error}");
        }
        let [filters, tests] = engine_names();
        for (_, instead) in super::INSTEAD {
            let known = |word: &str| filters.contains(&word) || tests.contains(&word) || word == "b64encode";
            for begin in [" | ", " is "] {
                if let Some((_, rest)) = instead.split_once(begin) {
                    let word = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap();
                    assert!(known(word), "{instead}");
                }
            }
        }
    }
}
