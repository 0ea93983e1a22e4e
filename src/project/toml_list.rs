//! One text where a list belongs: said in the words of the file instead of those of its reader.

use std::ops::Range;

use super::Name;

/// Keys whose lists hold names.
const OF_NAMES: [&str; 4] = ["extends", "needs", "profiles", "tags"];

/// What is wrong, and what to write; none if that is not what the reader complains of. `span` is where
/// the value stands.
pub(super) fn told(message: &str, text: &str, span: Option<Range<usize>>) -> Option<(String, String)> {
    if !message.starts_with("invalid type: string") || !message.ends_with("expected a sequence") {
        return None;
    }
    let span = span?;
    let line = text.get(..span.start)?.lines().last()?;
    let key = line.trim_end().strip_suffix('=')?.rsplit(['{', ',']).next()?.trim();
    let value = text.get(span)?.trim_matches(['"', '\'']);
    // Any other value may be something that nobody should read here.
    let value = if OF_NAMES.contains(&key) && Name::new(value).is_ok() { value } else { "…" };
    Some((format!("`{key}` is a list"), format!("write `{key} = [\"{value}\"]`")))
}
