//! What differs from run to run is replaced before a snapshot is compared.

/// Regular expressions and what stands for their matches. Applied in order.
const FILTERS: &[(&str, &str)] = &[
    (r"run [0-9a-f]{8,32}\b", "run [RUN]"),
    (r"\b[0-9a-f]{32}\b", "[RUN]"),
    (r"\b[0-9a-f]{40}\b", "[OID]"),
    // Abbreviated ids.
    (r"\b[0-9a-f]{7,12}\b", "[ID]"),
    (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?UTC|Z)?", "[TIME]"),
    (r"\b(pid|process) \d+\b", "$1 [PID]"),
    (r"\b\d+(?:\.\d+)? ?(?:ms|s|µs)\b", "[DURATION]"),
    // Tables of the tests.
    (r"\blocks\d+\b", "[TABLE]"),
    (r"\b127\.0\.0\.1:\d+\b", "[ADDRESS]"),
];

/// Settings under which a snapshot is compared. The temporary directory of a world is found by its
/// name, so that one set of filters serves every world.
pub(crate) fn snapshot_settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.add_filter(&world_pattern(), "[WORLD]");
    for (pattern, replacement) in FILTERS {
        settings.add_filter(pattern, *replacement);
    }
    settings
}

/// The beginning of the name of every world's directory.
pub(crate) const WORLD_PREFIX: &str = "lockstep-world-";

fn world_pattern() -> String {
    // Any absolute path that ends in a world's directory, whatever the system's temporary directory is.
    format!(r"(?:/[A-Za-z0-9._-]+)+/{WORLD_PREFIX}[A-Za-z0-9]+")
}
