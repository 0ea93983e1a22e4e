//! A graph of units as a tree for people, and in the languages of Graphviz and Mermaid. Pure.
//!
//! Whatever a unit is called, it is one text between quotes there, and never a word of the language.

use std::collections::BTreeSet;

use super::graph::Shown;

/// What stands behind a unit that was shown with all that is below it before.
const AGAIN: &str = " (*)";

/// Each unit once with all that is below it, two blanks further in; where it comes again it is marked.
pub(super) fn tree(shown: &Shown) -> String {
    let inner: BTreeSet<usize> = shown.units.iter().flat_map(|unit| &shown.below[*unit]).copied().collect();
    // The one to be shown next comes last.
    let roots = shown.units.iter().rev().filter(|unit| !inner.contains(unit));
    let mut open: Vec<(usize, usize)> = roots.map(|unit| (*unit, 0)).collect();
    let mut text = String::new();
    let mut before = BTreeSet::new();
    while let Some((unit, depth)) = open.pop() {
        let again = !before.insert(unit);
        text.push_str(&"  ".repeat(depth));
        text.push_str(&shown.name(unit));
        text.push_str(if again { AGAIN } else { "" });
        text.push('\n');
        if !again {
            open.extend(shown.below[unit].iter().rev().map(|unit| (*unit, depth + 1)));
        }
    }
    text
}

/// The graph for Graphviz.
pub(super) fn dot(shown: &Shown) -> String {
    let name = |unit: usize| format!("\"{}\"", shown.name(unit).replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = format!("// {}\ndigraph units {{\n  rankdir=LR;\n  node [shape=box];\n", legend(shown));
    for unit in &shown.units {
        text.push_str(&format!("  {};\n", name(*unit)));
    }
    for (from, to) in arrows(shown) {
        text.push_str(&format!("  {} -> {};\n", name(from), name(to)));
    }
    text.push_str("}\n");
    text
}

/// The graph for Mermaid. Names are labels there: as names of nodes some of them would be words of its own.
pub(super) fn mermaid(shown: &Shown) -> String {
    let mut text = format!("%% {}\ngraph LR\n", legend(shown));
    for unit in &shown.units {
        let label = shown.name(*unit).replace('#', "#35;").replace('"', "#quot;");
        text.push_str(&format!("  n{unit}[\"{label}\"]\n"));
    }
    for (from, to) in arrows(shown) {
        text.push_str(&format!("  n{from} --> n{to}\n"));
    }
    text
}

fn legend(shown: &Shown) -> &'static str {
    if shown.reversed {
        "An arrow leads to a unit that needs it."
    } else {
        "An arrow leads to what a unit needs."
    }
}

fn arrows(shown: &Shown) -> impl Iterator<Item = (usize, usize)> {
    shown.units.iter().flat_map(|from| shown.below[*from].iter().map(|to| (*from, *to)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Environment;
    use crate::project::{Project, UnitId};

    /// A diamond below `a`, and `z` alone.
    fn shown(reversed: bool) -> Shown {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("lockstep.toml", "");
        write("profiles/p.toml", "");
        for (module, needs) in
            [("a", "['b', 'c']"), ("b", "['d']"), ("c", "['d']"), ("d", "['e']"), ("e", "[]"), ("z", "[]")]
        {
            write(&format!("modules/{module}/module.toml"), &format!("needs = {needs}\n"));
        }
        let none: [(&str, &str); 0] = [];
        let project =
            Project::discover(Environment::new(dir.path(), none).cwd(), &Environment::bare()).unwrap();
        let units: Vec<UnitId> = project.units().unwrap();
        Shown::new(project.unit_graph(units.iter().cloned()).unwrap(), &units, reversed)
    }

    #[test]
    fn a_tree_shows_what_is_below_a_unit_once() {
        let tree = |reversed| tree(&shown(reversed)).replace("/p", "");
        assert_eq!(tree(false), "a\n  b\n    d\n      e\n  c\n    d (*)\nz\n");
        assert_eq!(tree(true), "e\n  d\n    b\n      a\n    c\n      a (*)\nz\n");
    }

    #[test]
    fn arrows_are_turned_round_with_the_tree() {
        assert!(dot(&shown(false)).contains("  \"b/p\" -> \"d/p\";\n"));
        assert!(dot(&shown(true)).contains("  \"d/p\" -> \"b/p\";\n"));
        let mermaid = mermaid(&shown(false));
        assert!(mermaid.contains("  n0[\"a/p\"]\n") && mermaid.contains("  n1 --> n3\n"), "{mermaid}");
    }
}
