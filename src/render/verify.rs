//! Whether a unit can be rendered, looked at from every side: the schema, every template, every
//! parameter. Nothing is written and nothing on disk is compared.

use super::directory::Directory;
use super::module::Module;
use super::source::Reader;
use super::{BuildRequest, RenderError, partials};
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
    let (project, name) = (request.project, &request.unit.module);
    let config = project.module_config(name)?;
    let reader = Reader::new(project.files(), request.repo, request.excludes);
    let sources = Directory::sources(project, name, &config.build)?;
    let partials = || partials(project, &reader);
    let module = Module::read(project, name, &config, &reader, (&sources, |_: &_| None), partials)?;
    let schema = module.check(request.unit, request.params)?;
    let mut faults = module.faults(request.params);
    match faults.len() {
        0 => {}
        1 => return Err(faults.remove(0)),
        _ => return Err(RenderError::Templates { unit: request.unit.clone(), faults }),
    }

    let files = module.render(request.params)?.len();
    let unused = request.params.explain(None)?.into_iter().filter_map(|one| match one.value {
        Resolved::Failed(error) => Some(error),
        _ => None,
    });
    Ok(Verified { schema, files, unused: unused.collect() })
}
