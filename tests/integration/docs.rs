//! The pages under docs/: their links lead somewhere, and the messages that they quote are those of
//! the program.

use std::path::{Path, PathBuf};

use crate::harness::repository;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
}

/// All files below a directory that have this ending, in a fixed order.
fn files(below: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![repository().join(below)];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What the sites that show Markdown make of a heading: its anchor.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

#[test]
fn links_lead_somewhere() {
    let pages = files("docs", "md")
        .into_iter()
        .chain(["README.md", "CHANGELOG.md"].map(|name| repository().join(name)));
    let mut count = 0;
    for path in pages {
        let text = read(&path);
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().expect("closed");
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let there =
                if file.is_empty() { path.clone() } else { path.parent().expect("a file").join(file) };
            assert!(there.exists(), "{} links to {target}, which is not there", path.display());
            assert!(
                heading.is_empty() || anchors(&read(&there)).iter().any(|known| known == heading),
                "{} links to {target}, and there is no such heading",
                path.display()
            );
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn the_readme_leads_to_every_page() {
    let readme = read(&repository().join("README.md"));
    for page in files("docs", "md") {
        let name = page.file_name().expect("a file").to_str().expect("text");
        assert!(readme.contains(&format!("(docs/{name})")), "README.md does not name docs/{name}");
    }
}

/// The texts of a line that stand in backticks, one or several.
fn quoted(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].chars().take_while(|c| *c == '`').count();
        let fence = "`".repeat(ticks);
        let inner = &rest[start + ticks..];
        let end = (0..inner.len())
            .filter(|at| inner.is_char_boundary(*at) && inner[*at..].starts_with(&fence))
            .find(|at| !inner[..*at].ends_with('`') && !inner[at + ticks..].starts_with('`'));
        let end = end.unwrap_or_else(|| panic!("backticks without an end: {line}"));
        found.push(inner[..end].trim().to_owned());
        rest = &inner[end + ticks..];
    }
    found
}

/// Whether a line holds these parts, one after the other.
fn holds(line: &str, parts: &[&str]) -> bool {
    let mut rest = line;
    parts.iter().all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[test]
fn each_message_that_is_explained_is_one_of_the_program() {
    // What is printed in tests stands in snapshots, where a message is composed of several parts.
    let sources = files("src", "rs").into_iter().chain(files("src", "snap"));
    let sources: Vec<String> = sources
        .chain(files("tests/integration/snapshots", "snap"))
        .map(|path| read(&path).replace("\\\"", "\""))
        .collect();
    let page = read(&repository().join("docs/troubleshooting.md"));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let mut missing = Vec::new();
    let mut count = 0;
    for row in rows.filter(|row| !row.starts_with("you see") && !row.starts_with("---")) {
        let messages = quoted(row.split(" | ").next().expect("a first cell"));
        assert!(!messages.is_empty(), "no message in: {row}");
        for message in messages {
            let parts: Vec<&str> =
                message.split('…').map(str::trim).filter(|part| !part.is_empty()).collect();
            let letters = parts.iter().flat_map(|part| part.chars()).filter(|c| c.is_alphabetic()).count();
            assert!(letters >= 10, "`{message}` says too little to be found");
            if !sources.iter().any(|text| text.lines().any(|line| holds(line, &parts))) {
                missing.push(message);
            }
            count += 1;
        }
    }
    assert!(missing.is_empty(), "the program says none of these any more:\n{}", missing.join("\n"));
    assert!(count > 40, "{count}");
}

#[test]
fn what_is_quoted_is_read_as_markdown_has_it() {
    assert_eq!(quoted("a `b`, ``c `d` e`` and ``` `f` ``` x"), ["b", "c `d` e", "`f`"]);
    assert!(holds("lock `a` is held by x", &["lock `", "` is held by"]) && !holds("b a", &["a", "b"]));
    assert_eq!(anchor("[build] and lockstep.toml"), "build-and-locksteptoml");
}
