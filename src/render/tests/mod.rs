//! What must hold for rendering (`templates`) and for reading and writing files (`files`).

mod batch;
mod conditions;
mod ended;
mod files;
mod fresh;
mod generated;
mod kinds;
mod memory;
mod names;
mod partials;
mod save;
mod sensitive;
mod sources;
mod templates;
mod undefined;

use super::*;
use crate::project::tests::Sample;

const UNIT: &str = "alpha/dev";

fn sample(files: &[(&str, &str)]) -> Sample {
    let sample = Sample::new(files);
    if !sample.path("profiles/dev.toml").exists() {
        sample.write("profiles/dev.toml", "");
    }
    std::fs::create_dir_all(sample.path("modules/alpha")).unwrap();
    sample
}

fn with_request<T>(sample: &Sample, force: bool, work: impl FnOnce(&BuildRequest<'_>) -> T) -> T {
    let project = sample.project();
    let unit: UnitId = UNIT.parse().unwrap();
    let params = sample.params(UNIT, &[]).unwrap();
    let repo = sample.path(".git").exists().then(|| files::repository(sample));
    work(&BuildRequest {
        project: &project,
        unit: &unit,
        params: &params,
        repo: repo.as_ref(),
        excludes: &[],
        force,
        keep: false,
        holder: Holder { pid: std::process::id(), run: "r1".into(), program: "tofu apply".into() },
    })
}

fn run(sample: &Sample) -> Result<Rendered, RenderError> {
    sample.params(UNIT, &[])?;
    with_request(sample, false, build)
}

fn out(sample: &Sample, path: &str) -> String {
    std::fs::read_to_string(sample.path(".dist/alpha/dev").join(path)).unwrap()
}

/// Renders one template with some parameters.
fn text(params: &str, template: &str) -> Result<String, String> {
    let sample = sample(&[("modules/alpha/main.tf", template)]);
    sample.write("profiles/dev.toml", format!("[params]\n{params}\n"));
    run(&sample).map(|_| out(&sample, "main.tf")).map_err(|error| error.to_string())
}
