//! A tool that is asked to complete a command line, through an alias or a shim, answers by itself:
//! pressing TAB neither renders nor takes a lock.
//!
//! How the known tools are asked: programs made with cobra (kubectl, helm) by a hidden first argument;
//! those that bash runs by `complete -C` (tofu, terraform) by variables that bash sets for nothing else;
//! those of Python's argcomplete (ansible) by a variable too. Nothing is said, whatever goes wrong: the
//! user is in the middle of typing.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use crate::env::Environment;
use crate::process::{
    CommandRunner as _, CommandSpec, DEPTH_VAR, Interrupts, Limit, Stdio, SystemRunner, depth, find_program,
};
use crate::project::Project;
use crate::workflow::Request;

/// Longer than anybody waits for a TAB.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// The code of the tool that was asked to complete; none if this is no such request.
pub(super) fn answer(request: &Request, env: &Environment) -> Option<u8> {
    let (program, args) = request.args.split_first()?;
    asks(args, env).then(|| ask(request, program, args, env).unwrap_or(1))
}

fn asks(args: &[OsString], env: &Environment) -> bool {
    let cobra = args.first().is_some_and(|first| first == "__complete" || first == "__completeNoDesc");
    let set = |name: &str| env.var_os(name).is_some();
    cobra || set("COMP_LINE") && set("COMP_POINT") || set("_ARGCOMPLETE")
}

fn ask(request: &Request, program: &OsStr, args: &[OsString], env: &Environment) -> Option<u8> {
    let project = Project::discover(&request.directory).ok()?;
    let unit = project.unit(&request.module, &request.profile, env).ok()?;
    let rendered = project.unit_directory(&unit);
    let cwd = if rendered.is_dir() { rendered } else { env.cwd().to_owned() };
    let mut vars = project.config().command_env(&project.module_config(&unit.module).ok()?, env);
    vars.insert("PWD".into(), cwd.clone().into());
    vars.insert(DEPTH_VAR.into(), (depth(env) + 1).to_string().into());
    let spec = CommandSpec {
        program: find_program(program, &cwd, env).ok()?,
        name: program.to_owned(),
        args: args.to_vec(),
        cwd,
        env: vars.into_iter().collect(),
        stdio: Stdio::Inherit,
        keep_open: Vec::new(),
        lines: None,
        limit: Some(Limit { timeout: PATIENCE, kill_after: None, notice: Arc::new(|_| ()) }),
    };
    SystemRunner::new().run(&spec, &Interrupts::new()).ok().map(|finished| finished.status.exit_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shell_that_completes_asks_so() {
        let none: [(&str, &str); 0] = [];
        let env = |vars: &[(&str, &str)]| Environment::new("/", vars.iter().copied());
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(asks(&words("__complete get po"), &env(&none)));
        assert!(asks(&words("__completeNoDesc "), &env(&none)));
        assert!(!asks(&words("apply __complete"), &env(&none)));
        assert!(asks(&words("tofu app tofu"), &env(&[("COMP_LINE", "tofu app"), ("COMP_POINT", "8")])));
        assert!(!asks(&words("apply"), &env(&[("COMP_LINE", "tofu app")])));
        assert!(asks(&[], &env(&[("_ARGCOMPLETE", "1")])));
    }
}
