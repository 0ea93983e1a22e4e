//! `lockstep shim DIR TOOL=MODULE/PROFILE…`: writes scripts named like tools that run the pipeline
//! around them, for those who know no aliases: scripts, editors, CI.
//!
//! Only shims are ever replaced, and nothing is written unless everything can be.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::binding::{self, Binding, Home, Steps, USUAL};
use super::quoting;
use super::terminal::Terminal;
use crate::env::Environment;
use crate::process::{SHIM_MARKER, SHIM_START, find_program, is_shim};
use crate::report::Level;
use crate::{Error, ExitCode};

/// What `shim` takes.
#[derive(Args, Debug)]
pub(super) struct ShimArgs {
    /// Where the scripts go; made if it does not exist
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// A tool, and the unit that it is run for; `.` is the module or profile that you stand in
    #[arg(value_name = "TOOL=MODULE/PROFILE", required = true)]
    pub bindings: Vec<Binding>,
    /// The pipeline around the tool
    #[arg(long, value_name = "WORDS", default_value = USUAL, allow_hyphen_values = true)]
    pub steps: Steps,
}

/// Writes the shims and says what is still missing for them to be used.
pub(super) fn run(args: &ShimArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    args.steps.check(env)?;
    let directory = env.cwd().join(&args.directory);
    let failed = |what: String| move |source| Error::Io { what, source };
    std::fs::create_dir_all(&directory)
        .map_err(failed(format!("create the directory `{}`", args.directory.display())))?;
    for binding in &args.bindings {
        replaceable(&directory.join(&binding.tool))
            .map_err(failed(format!("write the shim `{}`", shown(args, binding))))?;
    }
    let home = Home::here(env, terminal);
    for binding in &args.bindings {
        let what = format!("write the shim `{}`", shown(args, binding));
        write(&directory, &binding.tool, &script(binding, &args.steps, &home), 0o755)
            .map_err(failed(what))?;
    }
    mark(&directory).map_err(failed(format!("mark the directory `{}`", args.directory.display())))?;
    if terminal.level != Level::Quiet {
        for binding in &args.bindings {
            let (shim, Binding { tool, module, profile }) = (shown(args, binding), binding);
            terminal.say(&format!("wrote {shim}: `{tool}` for {module}/{profile}"));
        }
        for hint in hints(args, &directory, env) {
            terminal.hint(&hint);
        }
    }
    binding::warn_of_nothing(&args.bindings, env, terminal);
    Ok(ExitCode::Success.code())
}

fn shown(args: &ShimArgs, binding: &Binding) -> String {
    args.directory.join(&binding.tool).display().to_string()
}

fn script(binding: &Binding, steps: &Steps, home: &Home) -> String {
    let line = binding.line(steps, home, quoting::sh);
    let Binding { tool, module, profile } = binding;
    format!(
        "{SHIM_START} 1: `{tool}` for {module}/{profile}, by `lockstep shim`. lockstep finds the tool\n\
         # itself further down the PATH.\n\
         exec {line} \"$@\"\n"
    )
}

/// Nothing may be there but a shim.
fn replaceable(path: &Path) -> std::io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_file() && is_shim(path) => Ok(()),
        Ok(_) => {
            let why = "what is there is no shim; take another directory, or move it away";
            Err(std::io::Error::new(std::io::ErrorKind::AlreadyExists, why))
        }
    }
}

/// Written beside its place and put there whole.
fn write(directory: &Path, name: &str, text: &str, mode: u32) -> std::io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".lockstep-").tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(directory.join(name)).map_err(|error| error.error)?;
    Ok(())
}

/// A directory that holds nothing but shims is marked, and left out of the `PATH` of commands.
fn mark(directory: &Path) -> std::io::Result<()> {
    let marker = directory.join(SHIM_MARKER);
    let mut only_shims = true;
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        only_shims &= path == marker || is_shim(&path);
    }
    match (only_shims, marker.exists()) {
        (true, false) => {
            let text = "Nothing but shims of lockstep may be here: commands that it runs do not see this directory.\n";
            write(directory, SHIM_MARKER, text, 0o644)
        }
        (false, true) => std::fs::remove_file(marker),
        _ => Ok(()),
    }
}

/// What keeps the shims from being used.
fn hints(args: &ShimArgs, directory: &Path, env: &Environment) -> Vec<String> {
    let mut hints = Vec::new();
    let path = env.var_os("PATH").unwrap_or_default();
    let first = |tool: &str| {
        std::env::split_paths(path).map(|entry| env.cwd().join(entry).join(tool)).find(|file| file.is_file())
    };
    let same = |file: &Path| {
        file.parent().and_then(|parent| parent.canonicalize().ok()) == directory.canonicalize().ok()
    };
    if !args.bindings.iter().all(|binding| first(&binding.tool).is_some_and(|file| same(&file))) {
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let directory = quoting::sh(&directory.display().to_string());
        hints.push(format!("to use what is there, put it first on PATH: export PATH={directory}:\"$PATH\""));
    }
    for binding in &args.bindings {
        if let Err(error) = find_program(binding.tool.as_ref(), env.cwd(), env) {
            hints.push(format!("the tool itself is still missing: {error}"));
        }
    }
    hints
}
