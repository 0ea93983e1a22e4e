//! What can be told of a unit's files without secrets, data and outputs: the parameters have stand-ins for
//! them, and what took one is not known.

use super::super::RenderError;
use super::super::generated;
use super::super::outputs::{Output, Outputs};
use super::{Module, matching};
use crate::project::{Params, UnitId};

/// A unit's files as far as they are known.
#[derive(Default)]
pub(in crate::render) struct Known {
    /// Those that are known, sorted by path.
    pub(in crate::render) outputs: Vec<Output>,
    /// Those of which the content, or whether they are made, is not: their paths, and whether they are
    /// made at all events.
    pub(in crate::render) unknown: Vec<(String, bool)>,
    /// There are more of which not even the names are known.
    pub(in crate::render) has_nameless: bool,
}

impl Module {
    /// Renders what can be rendered of the files for these parameters, which have stand-ins.
    ///
    /// # Errors
    /// What is wrong whatever the values are that are not known.
    pub(in crate::render) fn known(&self, unit: &UnitId, params: &Params) -> Result<Known, RenderError> {
        take(params, || self.check(unit, params)).transpose()?;
        // For each condition whether it holds; none where that is not known.
        let mut holds = Vec::new();
        for when in &self.build.when {
            holds.push(take(params, || when.holds(params)).transpose()?);
        }
        // None: it is not made; true: it is at all events.
        let made = |when: &[usize]| match when {
            when if when.iter().any(|index| holds[*index] == Some(false)) => None,
            when => Some(when.iter().all(|index| holds[*index].is_some())),
        };
        let context = params.context();
        let (mut found, mut outputs) = (Known::default(), Outputs::default());
        for (file, fate) in self.files.iter().zip(&self.fates) {
            let (Some(name), Some(is_made)) = (&fate.name, made(&fate.when)) else { continue };
            let Some(path) = take(params, || self.path(file, fate, name, &context, params)) else {
                found.has_nameless = true;
                continue;
            };
            // What is wrong with a file that may not be made may not matter.
            let path = match path {
                Err(_) if !is_made => continue,
                path => path?,
            };
            let mut secret = false;
            let bytes = take(params, || {
                let (bytes, is_secret) = self.content(file, fate, &path, (&context, params));
                secret = is_secret;
                bytes
            });
            match bytes {
                Some(bytes) if is_made => {
                    outputs.add(Output::new(path, bytes?, file.mode, secret, file.shown.clone()))?;
                }
                _ => found.unknown.push((path, is_made)),
            }
        }
        for file in &self.build.file {
            let Some(is_made) = made(&matching(&self.conditions, &file.path)) else { continue };
            match take(params, || generated::make(file, params)) {
                Some(output) if is_made => outputs.add(output?)?,
                _ => match take(params, || params.expand(&file.path, &file.place)) {
                    Some(Ok(path)) => found.unknown.push((path, is_made)),
                    _ => found.has_nameless = true,
                },
            }
        }
        found.outputs = outputs.finish()?;
        Ok(found)
    }
}

/// The result of something; none if a stand-in was taken for it, right or wrong.
fn take<T, E>(params: &Params, work: impl FnOnce() -> Result<T, E>) -> Option<Result<T, E>> {
    params.took_stand_in();
    let result = work();
    if params.took_stand_in() {
        // What failed for the stand-in's sake is no failure.
        let _ = params.failure();
        return None;
    }
    Some(result)
}
