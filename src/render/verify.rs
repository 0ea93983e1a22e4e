//! Whether a unit can be rendered, looked at from every side: the schema, every template, every
//! parameter. Nothing is written and nothing on disk is compared.

use super::error::is_interrupt;
use super::{BuildRequest, RenderError, module};
use crate::project::{Mark, Place, ProjectError, Resolved};

/// What was found.
#[derive(Debug)]
pub struct Verified {
    /// The module has a schema.
    pub schema: bool,
    /// How many files the unit has, as far as they can be rendered.
    pub files: usize,
    /// What is wrong: [`RenderError::Faults`] if it is more than one thing.
    pub fault: Option<RenderError>,
    /// Files that are not UTF-8 and are copied although they seem to be templates, relative to the project.
    pub undecoded: Vec<String>,
    /// Parameters that cannot be evaluated, and that neither schema nor templates ask for.
    pub unused: Vec<ProjectError>,
    /// Parameters of module.toml that no template can name, and no `from` of a generated file does.
    pub unreachable: Vec<(String, Place)>,
    /// Keys of `sensitive` that mark no parameter of the unit.
    pub idle: Vec<Mark>,
}

/// Checks a unit's parameters against the schema of its module, reads every template, and renders
/// them in memory. What is wrong with one keeps no other from being looked at.
///
/// # Errors
/// When the module cannot be read, or the run is interrupted.
pub fn verify(request: &BuildRequest<'_>) -> Result<Verified, RenderError> {
    let (params, module) = (request.params, module(request)?);
    let (schema, misfit) = match module.check(request.unit, params) {
        Ok(schema) => (schema, None),
        Err(error) if is_interrupt(&error) => return Err(error),
        Err(error) => (true, Some(error)),
    };
    let mut tried = module.try_all(params)?;
    // A parameter that cannot be evaluated is told where it is used, if it is.
    if let Some(misfit) = misfit
        && !is_told(&misfit.to_string(), &tried.faults)
    {
        tried.faults.insert(0, misfit);
    }
    let mut unused = Vec::new();
    for one in params.explain(None)? {
        match one.value {
            Resolved::Failed(error @ ProjectError::Interrupted { .. }) => return Err(error.into()),
            Resolved::Failed(error) if !is_told(&error.to_string(), &tried.faults) => unused.push(error),
            _ => {}
        }
    }
    let fault = match tried.faults.len() {
        0 | 1 => tried.faults.pop(),
        _ => Some(RenderError::Faults { unit: request.unit.clone(), faults: tried.faults }),
    };
    let idle = request.project.idle_marks_of(request.unit, params)?;
    Ok(Verified {
        schema,
        files: tried.files,
        fault,
        undecoded: tried.undecoded,
        unused,
        unreachable: unreachable(request)?,
        idle,
    })
}

fn unreachable(request: &BuildRequest<'_>) -> Result<Vec<(String, Place)>, RenderError> {
    let file = format!("modules/{}/module.toml", request.project.source_of(&request.unit.module));
    let config = request.project.module_config(&request.unit.module)?;
    let is_from = |key: &str| {
        config.build.file.iter().filter_map(|file| file.from.as_deref()).any(|from| from.contains(key))
    };
    let entries = request.params.tree().entries().into_iter().flatten();
    let lost = entries.filter(|(key, node)| node.place.file() == file && !is_name(key) && !is_from(key));
    Ok(lost.map(|(key, node)| (key.clone(), node.place.clone())).collect())
}

/// Whether a template can name it at top level.
fn is_name(key: &str) -> bool {
    const WORDS: [&str; 13] =
        ["true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else"];
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    key.chars().all(part) && !key.starts_with(|c: char| c.is_ascii_digit()) && !WORDS.contains(&key)
}

fn is_told(error: &str, faults: &[RenderError]) -> bool {
    faults.iter().any(|fault| fault.to_string().contains(error))
}
