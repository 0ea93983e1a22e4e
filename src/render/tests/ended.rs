//! Rendering that is asked to end, and templates that do not end by themselves.

use std::sync::Arc;

use super::*;
use crate::process::{Interrupts, Signal, Stdio, SystemRunner};
use crate::project::{Access, Answers, ProjectError};

#[test]
fn who_is_asked_to_end_renders_no_further_file_and_writes_nothing() {
    let sample = sample(&[("modules/alpha/a", "{{ x }}"), ("modules/alpha/b", "raw")]);
    sample.write("profiles/dev.toml", "[params]\nx = 1\n");
    let interrupts = Interrupts::new();
    let params = sample.params(UNIT, &[]).unwrap().with_access(Access {
        runner: Arc::new(SystemRunner::new()),
        interrupts: interrupts.clone(),
        env: Arc::new(|_| Ok(Vec::new())),
        stdio: Stdio::Capture,
        answers: Answers::default(),
        trust: crate::project::Trust::everything(),
    });
    let build_it = || {
        with_request(&sample, false, |request| {
            build(&BuildRequest { params: &params, holder: request.holder.clone(), ..*request })
        })
    };
    interrupts.deliver(Signal::Term, false);
    let error = build_it().unwrap_err();
    let interrupted = matches!(
        &error,
        RenderError::Project(ProjectError::Interrupted { program, signal: Signal::Term }) if program == "modules/alpha/a"
    );
    assert!(interrupted, "{error}");
    assert!(!sample.path(".dist/alpha").exists());
}

#[test]
fn a_template_or_parameter_without_an_end_is_told_as_such() {
    let endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}";
    let error = text("", &format!("x\n{endless}")).unwrap_err();
    assert!(error.starts_with("modules/alpha/main.tf:2: "), "{error}");
    assert!(error.contains("it is not done after 50 million steps; does it ever end?"), "{error}");
}
