//! Files with secrets that lie where git would commit them.

use super::BuildRequest;
use super::outputs::Output;
use crate::project::DIST;

/// The paths of those outputs, relative to the unit's directory; none where that cannot be told, for
/// it is no reason to stop.
pub(super) fn exposed(request: &BuildRequest<'_>, outputs: &[&Output]) -> Vec<String> {
    let secret: Vec<&Output> = outputs.iter().copied().filter(|output| output.sensitive).collect();
    let (Some(repo), false) = (request.repo, secret.is_empty()) else { return Vec::new() };
    let root = request.project.root();
    let Some(below) = repo
        .work_dir()
        .canonicalize()
        .ok()
        .and_then(|top| root.strip_prefix(top).ok().map(ToOwned::to_owned))
    else {
        return Vec::new();
    };
    let unit = request.unit;
    let directory = below.join(DIST).join(unit.module.as_str()).join(unit.profile.as_str());
    let tracked = repo.tracked_below(&directory).unwrap_or_default();
    let is_seen = |output: &&&Output| {
        let path = directory.join(&output.path);
        let is_tracked = path.to_str().is_some_and(|path| tracked.iter().any(|one| one == path.as_bytes()));
        // What is tracked is committed although a pattern ignores it.
        is_tracked || matches!(repo.is_ignored(&path), Ok(false))
    };
    secret.iter().filter(is_seen).map(|output| output.path.clone()).collect()
}
