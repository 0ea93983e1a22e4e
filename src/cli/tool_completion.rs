//! A tool that is asked to complete a command line, through an alias or a shim, answers by itself:
//! pressing TAB neither renders nor takes a lock.
//!
//! How the known tools are asked: programs made with cobra (kubectl, helm) by a hidden first argument;
//! those that bash runs by `complete -C` (tofu, terraform) by variables that bash sets for nothing else;
//! those of Python's argcomplete (ansible) by a variable too. Nothing is said, whatever goes wrong: the
//! user is in the middle of typing.
//!
//! The tool gets the user's own environment and nothing of the project's: `[env]` may name settings by
//! which a tool starts programs, and nobody who presses TAB has agreed to that.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::open_project;
use crate::env::Environment;
use crate::git::Repo;
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
    let project = open_project(&request.directory, env, &Interrupts::new()).ok();
    let rendered = project.as_ref().and_then(|project| own_build(project, request, env));
    let cwd = rendered.unwrap_or_else(|| env.cwd().to_owned());
    let found = find_program(program, &cwd, env).ok()?;
    if project.is_some_and(|project| project.holds_program(&found, env)) {
        return None;
    }
    let mut vars: BTreeMap<OsString, OsString> =
        env.vars().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    vars.insert("PWD".into(), cwd.clone().into());
    vars.insert(DEPTH_VAR.into(), (depth(env) + 1).to_string().into());
    let spec = CommandSpec {
        program: found,
        name: program.to_owned(),
        args: args.to_vec(),
        cwd,
        env: vars.into_iter().collect(),
        stdio: Stdio::Inherit,
        keep_open: Vec::new(),
        mark: None,
        lines: None,
        limit: Some(Limit { timeout: PATIENCE, kill_after: None, notice: Arc::new(|_| ()) }),
    };
    SystemRunner::new().run(&spec, &Interrupts::new()).ok().map(|finished| finished.status.exit_code())
}

/// The rendered directory, where the user has built it here: what came with the clone may hold settings
/// by which a tool starts programs.
fn own_build(project: &Project, request: &Request, env: &Environment) -> Option<PathBuf> {
    let unit = project.unit(&request.module, &request.profile, env).ok()?;
    let rendered = project.unit_directory(&unit);
    if !rendered.is_dir() {
        return None;
    }
    match Repo::discover(project.root(), env, &Interrupts::new()).ok()? {
        Some(repo) => {
            let below = rendered.strip_prefix(repo.work_dir()).ok()?;
            repo.tracked_below(below).ok()?.is_empty().then_some(rendered)
        }
        None => Some(rendered),
    }
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
