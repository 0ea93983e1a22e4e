//! Files that are made from data (`[[build.file]]`), in memory.

use super::RenderError;
use super::outputs::{Output, is_harmless};
use crate::project::strict::hcl;
use crate::project::{BuildFile, Params, Place, ProjectError};

/// The mode of a file that no file of the module stands for.
const MODE: u32 = 0o644;

/// Makes one file.
pub(super) fn make(file: &BuildFile, params: &Params) -> Result<Output, RenderError> {
    let (path, secret) = params.watch(|| params.expand(&file.path, &file.place));
    let path = path?;
    if secret {
        let why = "its path would show a sensitive parameter".to_owned();
        return Err(RenderError::Output { path: file.place.to_string(), why });
    }
    if !is_harmless(&path) {
        let why = format!("its path becomes `{}`", path.escape_debug());
        return Err(RenderError::Output { path: file.place.to_string(), why });
    }
    let (value, secret) = params.watch(|| match (&file.value, &file.from) {
        (Some(node), _) => params.resolve(node),
        (None, from) => params.lookup(from.as_deref().unwrap_or_default(), &file.place),
    });
    let (value, place) = (value?, file.value.as_ref().map_or(&file.place, |node| &node.place));
    let fail = |place: &Place, why: &str| ProjectError::config(place.clone(), format!("`{path}`: {why}"));
    let format = file.format().ok_or_else(|| fail(&file.place, "no format"))?;
    if hcl::reads(&path)
        && let Some(place) = file.computed_text(&value)
    {
        let why = "HCL would compute a text that gets into it, `${…}` or `%{…}`";
        let hint = "make variables of it, which are literal: `path = \"….auto.tfvars.json\"`; or escape with `| tohcl` in a template";
        let message = format!("`{path}`: {why}");
        return Err(ProjectError::config_hint(place, message, Some(hint.to_owned())).into());
    }
    let text = format.write(&value).map_err(|why| fail(place, why))?;
    Ok(Output::new(path, text.into_bytes(), MODE, secret, file.place.to_string()))
}
