//! A cache of plugins that units, terminals and projects share: OpenTofu and Terraform do not lock it, and two
//! that write into it at the same time break each other. So whoever fills it holds a lock beside it.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::process::tools::ToolRules;
use crate::process::{CommandSpec, Signal};
use crate::workflow::{Argv, Run};

/// How soon it is tried again: nothing tells when another process lets go.
const AGAIN: Duration = Duration::from_millis(50);
/// So many times until the user is told: ten seconds.
const TOLD_AFTER: u32 = 200;
/// Says which cache the command may fill.
const HELD: &str = "LOCKSTEP_PLUGIN_CACHE";

/// Waits for the turn of a command that fills a cache, and lets the command itself hold it until it has ended.
///
/// # Errors
/// The request to end that came meanwhile.
pub(super) fn take_turn(
    rules: &ToolRules,
    argv: &Argv,
    spec: &mut CommandSpec,
    run: &Run<'_>,
) -> Result<(), Signal> {
    let Some(cache) = filled(rules, argv, spec) else { return Ok(()) };
    // Where nothing can be written no cache is filled.
    let Some(file) = lock_file(&cache) else { return Ok(()) };
    // A run that such a command starts has its turn already.
    if value(spec, HELD).is_some_and(|held| held == cache) {
        return Ok(());
    }
    let mut tries = 0;
    loop {
        match file.try_lock() {
            Ok(()) => {
                spec.keep_open.push(Arc::new(OwnedFd::from(file)));
                spec.env.push((HELD.into(), cache.into_os_string()));
                return Ok(());
            }
            Err(TryLockError::Error(_)) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
        }
        tries += 1;
        if tries == TOLD_AFTER {
            run.note(format!("waiting until nobody else fills the cache of plugins {}", cache.display()));
        }
        if let Some(signal) = run.services.interrupts.wait(AGAIN) {
            return Err(signal);
        }
    }
}

fn lock_file(cache: &Path) -> Option<File> {
    let mut name = cache.as_os_str().as_bytes().to_vec();
    while name.len() > 1 && name.ends_with(b"/") {
        name.pop();
    }
    name.extend_from_slice(b".lockstep");
    OpenOptions::new().create(true).truncate(false).write(true).open(OsString::from_vec(name)).ok()
}

/// The cache that a command fills: by the command's own environment, and by the tool's settings of the user
/// where that says nothing. Settings that cannot be read set up no cache.
fn filled(rules: &ToolRules, argv: &Argv, spec: &CommandSpec) -> Option<PathBuf> {
    if !rules.fills_plugin_cache(&argv.args) && !starts_an_init(argv) {
        return None;
    }
    let set = |name: &str| value(spec, name).filter(|value| !value.is_empty());
    if let Some(directory) = set("TF_PLUGIN_CACHE_DIR") {
        return Some(spec.cwd.join(directory));
    }
    let files: Vec<PathBuf> = match set("TF_CLI_CONFIG_FILE").or_else(|| set("TERRAFORM_CONFIG")) {
        Some(file) => vec![spec.cwd.join(file)],
        None => settings(set("HOME").map(Path::new), set("XDG_CONFIG_HOME").map(Path::new)),
    };
    files.iter().find_map(|file| {
        let text = crate::read::regular(file, crate::read::CONFIG).ok()?;
        let named = named_cache(&String::from_utf8_lossy(&text), |name| set(name).map(OsStr::to_owned))?;
        Some(spec.cwd.join(named))
    })
}

/// Another program that is told to run `init` of such a tool: `sh -c "tofu init"`.
fn starts_an_init(argv: &Argv) -> bool {
    let holds = |text: &[u8], word: &[u8]| text.windows(word.len()).any(|part| part == word);
    let any = |word: &[u8]| argv.args.iter().any(|arg| holds(arg.as_bytes(), word));
    any(b"init") && (any(b"tofu") || any(b"terraform") || any(b"terragrunt"))
}

/// Where OpenTofu and Terraform look for their user's settings.
fn settings(home: Option<&Path>, xdg: Option<&Path>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut directories = Vec::new();
    if let Some(home) = home {
        files.extend([".tofurc", ".terraformrc"].map(|name| home.join(name)));
        directories.push(home.join(".terraform.d"));
    }
    if let Some(config) = xdg.map(Path::to_owned).or_else(|| home.map(|home| home.join(".config"))) {
        files.push(config.join("opentofu/tofurc"));
        directories.push(config.join("opentofu"));
    }
    for directory in directories {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut more: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        more.retain(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".tfrc") || name.ends_with(".tfrc.json")
        });
        more.sort();
        files.append(&mut more);
    }
    files
}

/// What `plugin_cache_dir = "…"` names, with the variables in it. A comment counts as well: then merely some
/// commands wait for each other.
fn named_cache(text: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let rest = text.split_once("plugin_cache_dir")?.1;
    let rest = rest.trim_start().trim_start_matches(['=', ':', '"']).trim_start();
    let mut rest = rest.strip_prefix('"')?.split('"').next()?;
    let mut path = Vec::new();
    while let Some((before, after)) = rest.split_once('$') {
        path.extend_from_slice(before.as_bytes());
        let after = after.strip_prefix('{').unwrap_or(after);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        path.extend_from_slice(variable(&after[..end]).unwrap_or_default().as_bytes());
        rest = after[end..].strip_prefix('}').unwrap_or(&after[end..]);
    }
    path.extend_from_slice(rest.as_bytes());
    Some(PathBuf::from(OsString::from_vec(path)))
}

/// A variable of the command.
pub(super) fn value<'a>(spec: &'a CommandSpec, name: &str) -> Option<&'a OsStr> {
    spec.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::process::Stdio;
    use crate::process::tools::ToolRules;

    fn cache(line: &str, env: &[(&str, &str)], cwd: &Path) -> Option<PathBuf> {
        let mut words = line.split(' ').map(OsString::from);
        let argv = Argv { program: words.next().unwrap(), args: words.collect() };
        let spec = CommandSpec {
            program: "/bin/true".into(),
            name: argv.program.clone(),
            args: argv.args.clone(),
            cwd: cwd.to_owned(),
            env: env.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            stdio: Stdio::Lines,
            keep_open: Vec::new(),
            mark: None,
            limit: None,
            lines: None,
        };
        filled(&ToolRules::of(&argv.program, None), &argv, &spec)
    }

    #[test]
    fn a_shared_cache_is_seen_in_the_environment_and_in_the_settings() {
        let home = tempfile::tempdir().unwrap();
        let (at, path) = (home.path(), home.path().to_str().unwrap());
        let none = [("HOME", path), ("TF_PLUGIN_CACHE_DIR", "")];
        assert_eq!(cache("tofu init", &none, at), None);
        let set = [("TF_PLUGIN_CACHE_DIR", "/cache")];
        assert_eq!(cache("tofu init", &set, at), Some("/cache".into()));
        assert_eq!(cache("sh -c tofu\u{a0}init", &set, at), Some("/cache".into()));
        assert_eq!(cache("tofu plan", &set, at), None);
        let settings = "plugin_cache_dir   = \"$HOME/${SUB}x\" # here\n";
        std::fs::write(at.join("rc"), settings).unwrap();
        let named = [("HOME", path), ("SUB", "p"), ("TF_CLI_CONFIG_FILE", "rc")];
        assert_eq!(cache("terraform init", &named, at), Some(at.join("px")));
        assert_eq!(cache("tofu init", &[("HOME", path), ("TF_CLI_CONFIG_FILE", "none")], at), None);
        for file in [
            ".terraformrc",
            ".tofurc",
            ".config/opentofu/tofurc",
            ".terraform.d/a.tfrc",
            "xdg/opentofu/tofurc",
        ] {
            let file = at.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::copy(at.join("rc"), &file).unwrap();
            let xdg = at.join("xdg");
            let mut env = vec![("HOME", path)];
            if file.starts_with(&xdg) {
                env.push(("XDG_CONFIG_HOME", xdg.to_str().unwrap()));
            }
            assert_eq!(cache("tofu init", &env, at), Some(at.join("x")), "{file:?}");
            std::fs::remove_file(file).unwrap();
        }
    }
}
