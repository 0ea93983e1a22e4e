//! Words of commands with expressions in them: of `data`, of `[outputs]`, of workflows and stages.
//!
//! What must hold: no secret becomes an argument, which every user of the machine can read.

use std::sync::Arc;

use super::params::Scope;
use super::{Opaque, Params, Place, ProjectError, expr, strict};

impl Scope {
    /// A word with its expressions evaluated. A secret in it is refused.
    pub(super) fn argument(self: &Arc<Self>, text: &str, place: &Place) -> Result<String, ProjectError> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let before = self.watch.take();
        let value = expr::evaluate(text, place, self.root());
        let secret = self.watch.take();
        if before {
            self.watch.touch();
        }
        let value = value.map_err(|error| self.failure().unwrap_or_else(|| self.redacted(error)));
        if secret {
            return Err(is_secret(place));
        }
        let mut out = String::new();
        strict::print(&value?, &mut out)
            .map_err(|error| ProjectError::config(place.clone(), strict::describe(&error)))?;
        match out.contains('\0') {
            true => {
                Err(ProjectError::config(place.clone(), "a word holds a NUL, which no program can be given"))
            }
            false => Ok(out),
        }
    }
}

fn is_secret(place: &Place) -> ProjectError {
    let message = "a secret cannot be an argument: every user of this machine can read it there";
    let hint = "let the command read the secret itself, from a variable of [env] or from a file";
    ProjectError::config_hint(place.clone(), message, Some(hint.to_owned()))
}

impl Params {
    /// A word of a command with its expressions evaluated, before anything is run: what only a run knows, and
    /// a secret, is refused.
    ///
    /// # Errors
    /// When an expression cannot be evaluated, said at the place.
    pub fn argument(&self, text: &str, place: &Place) -> Result<String, ProjectError> {
        self.scope.argument(text, place).map_err(|error| match error {
            ProjectError::Opaque(Opaque::Secret) => is_secret(place),
            ProjectError::Opaque(what) => {
                let message =
                    format!("a word cannot be made of {what}: it must be known before anything runs");
                let hint =
                    "let the command read it: from a variable of [env], or from a file that the build makes";
                ProjectError::config_hint(place.clone(), message, Some(hint.to_owned()))
            }
            error => error,
        })
    }
}
