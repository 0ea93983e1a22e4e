//! Whether a command fills a cache of plugins that the units of a run share: OpenTofu and Terraform do
//! not lock it, and two that write into it at the same time break each other.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::process::CommandSpec;
use crate::process::tools::ToolRules;
use crate::workflow::Argv;

/// Says it by the command's own environment, and by the tool's settings of the user where that says
/// nothing. Settings that cannot be read set up no cache.
pub(super) fn needs_turn(rules: &ToolRules, argv: &Argv, spec: &CommandSpec) -> bool {
    if !rules.fills_plugin_cache(&argv.args) {
        return false;
    }
    let set = |name: &str| value(spec, name).filter(|value| !value.is_empty());
    if set("TF_PLUGIN_CACHE_DIR").is_some() {
        return true;
    }
    let files: Vec<PathBuf> = match set("TF_CLI_CONFIG_FILE").or_else(|| set("TERRAFORM_CONFIG")) {
        Some(file) => vec![spec.cwd.join(file)],
        None => set("HOME")
            .map(|home| [".tofurc", ".terraformrc"].map(|name| Path::new(home).join(name)).to_vec())
            .unwrap_or_default(),
    };
    files
        .iter()
        .any(|file| crate::read::regular(file, crate::read::CONFIG).is_ok_and(|text| names_a_cache(&text)))
}

fn value<'a>(spec: &'a CommandSpec, name: &str) -> Option<&'a OsStr> {
    spec.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
}

/// A comment counts as well: then merely some commands wait for each other.
fn names_a_cache(text: &[u8]) -> bool {
    let name = b"plugin_cache_dir";
    text.windows(name.len()).any(|part| part == name)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::process::Stdio;
    use crate::process::tools::ToolRules;

    fn needs(line: &str, env: &[(&str, &str)], cwd: &Path) -> bool {
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
        needs_turn(&ToolRules::of(&argv.program, None), &argv, &spec)
    }

    #[test]
    fn a_shared_cache_is_seen_in_the_environment_and_in_the_settings() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_str().unwrap();
        let none = [("HOME", path), ("TF_PLUGIN_CACHE_DIR", "")];
        assert!(!needs("tofu init", &none, home.path()));
        assert!(needs("tofu init", &[("TF_PLUGIN_CACHE_DIR", "/cache")], home.path()));
        assert!(!needs("tofu plan", &[("TF_PLUGIN_CACHE_DIR", "/cache")], home.path()));
        std::fs::write(home.path().join("rc"), "plugin_cache_dir = \"x\"\n").unwrap();
        assert!(needs("terraform init", &[("HOME", path), ("TF_CLI_CONFIG_FILE", "rc")], home.path()));
        std::fs::copy(home.path().join("rc"), home.path().join(".terraformrc")).unwrap();
        assert!(needs("tofu init", &none, home.path()));
        assert!(!needs("tofu init", &[("HOME", path), ("TF_CLI_CONFIG_FILE", "none")], home.path()));
    }
}
