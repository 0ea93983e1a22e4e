//! "Did you mean": the candidate that a mistyped word most likely stands for.

/// The candidate nearest to `word`, if one is near enough to be worth saying.
///
/// ```
/// use lockstep::project::nearest;
/// assert_eq!(nearest("git-chek", ["git-check", "git-push"]), Some("git-check"));
/// assert_eq!(nearest("xyz", ["git-check", "git-push"]), None);
/// ```
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
