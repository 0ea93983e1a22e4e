//! All that keeps a unit from being rendered, for who wants to mend it in one go.

use super::super::generated;
use super::super::outputs::{Output, Outputs};
use super::super::{RenderError, error};
use super::{Module, matching};
use crate::project::Params;

/// What came of rendering everything.
#[derive(Default)]
pub(in crate::render) struct Tried {
    /// What is wrong, the first fault of each file and condition.
    pub(in crate::render) faults: Vec<RenderError>,
    /// How many files can be rendered.
    pub(in crate::render) files: usize,
    /// Files that are copied although they seem to be templates.
    pub(in crate::render) undecoded: Vec<String>,
}

impl Module {
    /// Reads every template, also of those files that this unit does not make, and renders all that it
    /// makes.
    ///
    /// # Errors
    /// When it is interrupted.
    pub(in crate::render) fn try_all(&self, params: &Params) -> Result<Tried, RenderError> {
        let (mut tried, mut outputs) = (Tried::default(), Outputs::default());
        let mut holds = Vec::new();
        for when in &self.build.when {
            // What depends on one that cannot be evaluated is not made.
            holds.push(tried.keep(when.holds(params).map_err(RenderError::from))?.unwrap_or(false));
        }
        let context = params.context();
        for (file, fate) in self.files.iter().zip(&self.fates) {
            let Some(name) = &fate.name else { continue };
            let fault = if fate.template { self.templates.fault(&file.path, params) } else { None };
            if let Some(fault) = fault {
                tried.faults.push(fault);
                continue;
            }
            if !fate.when.iter().all(|index| holds[*index]) {
                continue;
            }
            let Some(path) = tried.keep(self.path(file, fate, name, &context, params))? else { continue };
            let (bytes, secret) = self.content(file, fate, &path, (&context, params));
            let Some(bytes) = tried.keep(bytes)? else { continue };
            if fate.undecoded {
                tried.undecoded.push(file.shown.clone());
            }
            tried.keep(outputs.add(Output::new(path, bytes, file.mode, secret, file.shown.clone())))?;
        }
        for file in &self.build.file {
            if matching(&self.conditions, &file.path).iter().all(|index| holds[*index])
                && let Some(output) = tried.keep(generated::make(file, params))?
            {
                tried.keep(outputs.add(output))?;
            }
        }
        tried.files = tried.keep(outputs.finish())?.map_or(0, |outputs| outputs.len());
        Ok(tried)
    }
}

impl Tried {
    /// What was made, if it was; a fault is kept.
    fn keep<T>(&mut self, made: Result<T, RenderError>) -> Result<Option<T>, RenderError> {
        match made {
            Ok(made) => Ok(Some(made)),
            Err(error) if error::is_interrupt(&error) => Err(error),
            Err(error) => {
                self.faults.push(error);
                Ok(None)
            }
        }
    }
}
