//! `validate`: whether parameters, schema and templates of a unit are right, before anything is done.

use super::rendering::{not_utf8, with_request};
use crate::Error;
use crate::project::{Asker, toml_text};
use crate::render::{Verified, verify};
use crate::workflow::{Call, Done, Role, Run, State, Step};

/// The step.
#[derive(Debug)]
pub struct Validate;

impl Step for Validate {
    fn name(&self) -> &'static str {
        "validate"
    }

    fn summary(&self) -> &'static str {
        "check the parameters against the module's schema, and every template"
    }

    fn details(&self) -> &'static str {
        "Checks the merged parameters against the JSON Schema in modules/NAME/schema.json or in `[schema]` \
         of module.toml, and names every one that does not fit, with file and line (78). Values are never \
         shown. Without a schema, and besides: every template is read and rendered in memory, the first fault \
         of each file is named, and a parameter that cannot be evaluated, even if nothing asks for it, and a key in `sensitive` \
         that is no parameter of any unit. Nothing is written. \
         `build` checks the schema as well."
    }

    fn role(&self) -> Role {
        Role::Inspect
    }

    fn run(&self, _call: &Call, run: &Run<'_>, _state: &mut State) -> Result<Done, Error> {
        let own = run.project.command_env(run.id(), Asker::Module)?;
        let verified = with_request(run, |request| {
            let verified = verify(request)?;
            own.evaluate(request.params)?;
            Ok(verified)
        })?;
        let Verified { schema, files, fault, undecoded, unused, unreachable, idle } = verified;
        not_utf8(run, &undecoded);
        for mark in run.services.shared.idle_marks(run.project, idle) {
            let key = toml_text::escaped(&mark.written);
            run.warn(format!("{}: `{key}` in `sensitive` is no parameter of any unit", mark.place));
        }
        for error in unused {
            run.warn(format!("{error}; nothing asks for it"));
        }
        for (key, place) in unreachable {
            let key = toml_text::key(&key);
            run.warn(format!(
                "{place}: no template can name `{key}`: names are letters of ASCII, digits and `_`"
            ));
        }
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        let schema = if schema { "the parameters fit the schema" } else { "the module has no schema" };
        let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
        Ok(Done::as_usual(format!("{schema}; {files} can be rendered")))
    }
}
