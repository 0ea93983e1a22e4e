//! Whether a unit can be rendered, looked at from every side: the schema, every template, every
//! parameter. Nothing is written and nothing on disk is compared.

use super::templates::{self, Templates, globs};
use super::{BuildRequest, RenderError, source};
use crate::project::{ProjectError, Resolved};

/// What was found right, and what is worth knowing all the same.
#[derive(Debug)]
pub struct Verified {
    /// The module has a schema, and the parameters fit it.
    pub schema: bool,
    /// How many files the unit has.
    pub files: usize,
    /// Parameters that cannot be evaluated, and that neither schema nor templates ask for.
    pub unused: Vec<ProjectError>,
}

/// Checks a unit's parameters against the schema of its module, reads every template, and renders
/// them in memory.
///
/// # Errors
/// What does not fit the schema, all of it; else [`RenderError::Templates`] with the fault of each
/// template; else the first one that cannot be evaluated.
pub fn verify(request: &BuildRequest<'_>) -> Result<Verified, RenderError> {
    let module = &request.unit.module;
    let schema = request.project.check_schema(request.unit, request.params)?;
    let build = request.project.module_config(module)?.build;
    let files = source::working_tree(request.project, module, request.repo, request.excludes)?;

    let toml = format!("modules/{module}/module.toml");
    let raw = globs(&build.raw, "raw", &toml)?;
    // What makes no output may be no template; where one includes it, rendering reads it.
    let exclude = globs(&build.exclude, "exclude", &toml)?;
    let is_template = |path: &str| !raw.is_match(path) && !exclude.is_match(path);
    let known = Templates::new(module, &files, &build.delimiters, &toml)?;
    let mut faults: Vec<RenderError> = Vec::new();
    for file in files.iter().filter(|file| is_template(&file.path)) {
        let text = std::str::from_utf8(&file.bytes).ok();
        faults.extend(text.and_then(|text| known.fault(&file.path, text)));
    }
    match faults.len() {
        0 => {}
        1 => return Err(faults.remove(0)),
        _ => return Err(RenderError::Templates { unit: request.unit.clone(), faults }),
    }

    let files = templates::render(module, files, &build, request.params)?.len();
    let unused = request.params.explain(None)?.into_iter().filter_map(|one| match one.value {
        Resolved::Failed(error) => Some(error),
        _ => None,
    });
    Ok(Verified { schema, files, unused: unused.collect() })
}
