//! The shape of the source: imports point one way, files stay short and say what they are for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::harness::repository;

/// The modules of the table in `src/lib.rs`, and what each may use beside itself. `error`,
/// `exit_code` and `engine` are the files at the root.
const MAY_USE: &[(&str, &[&str])] = &[
    ("env", &[]),
    ("exit_code", &[]),
    ("read", &[]),
    ("text", &[]),
    ("process", &["env"]),
    ("project", &["git", "process", "env"]),
    ("git", &["process", "env"]),
    ("render", &["project", "git", "process", "env"]),
    ("scaffold", &["render", "project", "git", "process", "env"]),
    ("lock", &["project", "git", "process", "env"]),
    ("workflow", &["project", "render", "lock", "git", "process", "env", "error", "exit_code"]),
    ("steps", &["workflow", "project", "render", "lock", "git", "process", "env", "error", "exit_code"]),
    (
        "error",
        &["workflow", "steps", "scaffold", "project", "render", "lock", "git", "process", "env", "exit_code"],
    ),
    ("report", &["workflow", "project", "env"]),
    (
        "engine",
        &[
            "report",
            "steps",
            "workflow",
            "project",
            "render",
            "lock",
            "git",
            "process",
            "env",
            "error",
            "exit_code",
        ],
    ),
    (
        "doctor",
        &["engine", "steps", "workflow", "project", "render", "lock", "git", "process", "env", "error"],
    ),
];

/// What knows nothing of the domain, and may be used by all.
const KIT: &[&str] = &["read", "text"];

#[test]
fn imports_point_one_way() {
    let mut wrong = Vec::new();
    for file in sources("src") {
        let module = module_of(&file);
        if ["cli", "main", "lib"].contains(&module.as_str()) {
            continue;
        }
        let (_, allowed) = MAY_USE.iter().find(|(name, _)| *name == module).unwrap_or_else(|| {
            panic!("module `{module}` is not in the table of this test and of src/lib.rs")
        });
        for used in used_modules(&production_code(&file)) {
            let is_kit = KIT.contains(&used.as_str());
            if used != module && !is_kit && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses crate::{used}", shown(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the table:\n{}", wrong.join("\n"));
}

#[test]
fn the_registry_of_steps_is_handed_to_the_workflow_not_imported_by_it() {
    for file in sources("src/workflow") {
        assert!(!production_code(&file).contains("crate::steps"), "{}", shown(&file));
    }
}

#[test]
fn the_table_of_the_crate_names_every_module() {
    let table = read(&repository().join("src/lib.rs"));
    let modules: BTreeSet<_> = sources("src").iter().map(|f| module_of(f)).collect();
    let roots = ["main", "lib", "error", "exit_code"];
    for module in modules.iter().filter(|m| !roots.contains(&m.as_str())) {
        // A link to `env` must say that it is not the macro.
        let ways = [format!("| [`{module}`]"), format!("| [`mod@{module}`]"), format!("| `{module}`")];
        let named =
            ways.iter().any(|way| table.contains(way)) || module == "engine" && table.contains("[`Engine`]");
        assert!(named, "src/lib.rs does not say what `{module}` is for");
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for file in ["src", "tests", "examples"].into_iter().flat_map(sources) {
        let text = read(&file);
        let lines = text.lines().count();
        if lines > 400 {
            wrong.push(format!("{} has {lines} lines; 400 is the limit", shown(&file)));
        }
        if !text.starts_with("//! ") {
            wrong.push(format!("{} does not begin with `//!`", shown(&file)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_of_tests_is_part_of_the_test_binary() {
    let main = read(&repository().join("tests/integration/main.rs"));
    for entry in std::fs::read_dir(repository().join("tests/integration")).expect("readable") {
        let name = entry.expect("readable").file_name().into_string().expect("text");
        let Some(module) = name.strip_suffix(".rs").filter(|m| *m != "main") else { continue };
        assert!(main.contains(&format!("mod {module};")), "{name} is forgotten in main.rs");
    }
}

/// The text without its unit tests: they may use whatever they like.
fn production_code(file: &Path) -> String {
    let is_test =
        |part: &str| part == "tests" || part.ends_with("_tests") || ["testing", "contract"].contains(&part);
    let stem = file.with_extension("");
    if stem.components().any(|c| c.as_os_str().to_str().is_some_and(is_test)) {
        return String::new();
    }
    let text = read(file);
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    text.lines().filter(|line| !is_comment(line)).collect::<Vec<_>>().join("\n")
}

/// The modules of the crate that a text names: `crate::git::…`, `crate::{git, lock}`, `crate::Error`.
fn used_modules(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => drop(used.insert(module_named(rest))),
            Some(list) => {
                let mut depth = 0_i32;
                let mut start = true;
                for (at, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            used.insert(module_named(&list[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    used
}

/// The first word of a path, with the re-exports of `src/lib.rs` taken back to their modules.
fn module_named(path: &str) -> String {
    let word: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    match word.as_str() {
        "Error" => "error".to_owned(),
        "ExitCode" => "exit_code".to_owned(),
        "Engine" | "LockLog" | "LogEntry" | "ProjectLocks" => "engine".to_owned(),
        _ => word,
    }
}

#[test]
fn the_reader_of_imports_reads_them() {
    let text = "use crate::git::{Oid, Repo};\nuse crate::{Error, lock::{self, Lease},\n    project};\npub(crate) fn x() {}";
    let used: Vec<_> = used_modules(text).into_iter().collect();
    assert_eq!(used, ["error", "git", "lock", "project"]);
}

fn module_of(file: &Path) -> String {
    let inner = file.strip_prefix(repository().join("src")).expect("below src");
    let first = inner.components().next().expect("a file").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn sources(dir: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![repository().join(dir)];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("cannot read {}: {e}", dir.display()))
        {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no source in {dir}");
    found
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|e| panic!("cannot read {}: {e}", file.display()))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(repository()).unwrap_or(file).display().to_string()
}
