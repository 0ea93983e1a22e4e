//! How a project wants its commands run: for how long, in which environment, by which version of a tool.

use std::ffi::OsStr;

use schemars::JsonSchema;
use serde::Deserialize;

use super::toml_file::TomlFile;
use super::variables::is_variable;
use super::{CommandEnv, Config, Configs, ModuleConfig, Project, ProjectError, UnitId, Variables};
use crate::env::Span;
use crate::process::tools::{self, ToolRules};
pub use crate::process::tools::{TimeLimit, TimeLimitError, VersionRule, VersionRuleError};

/// `[exec]` of `module.toml`: what is said here comes before what the project says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModuleExecConfig {
    /// Variables that its commands do not get.
    pub unset: Vec<String>,
    /// How long each of its commands may run.
    pub timeout: Option<TimeLimit>,
    /// How long after that a command is killed that has not ended.
    pub kill_after: Option<Span>,
}

/// How long one command may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandLimit {
    /// When it is asked to end.
    pub timeout: Span,
    /// How long after that it is killed; never, if nothing says so.
    pub kill_after: Option<Span>,
}

impl Project {
    /// What is known about a program as a unit runs it: arguments that it takes from variables of the user's
    /// and of `[env]` count.
    pub fn rules_for(&self, unit: &UnitId, program: &OsStr) -> ToolRules {
        Configs::new(self).rules_for(unit, program)
    }
}

impl Configs<'_> {
    /// What is known about a program as a unit runs it, as [`Project::rules_for`] says it.
    pub fn rules_for(&self, unit: &UnitId, program: &OsStr) -> ToolRules {
        let config = self.project().config();
        let rules = config.rules_for(program);
        if !rules.reads_variables() {
            return rules;
        }
        // Who renders the unit says what is wrong with its files.
        let read = self.module(&unit.module).and_then(|module| Ok((module, self.chain(&unit.profile)?)));
        let env = read.map(|(module, chain)| CommandEnv::of(self.project(), unit, Some(&module), &chain));
        let holds = |name: &str| tools::holds_arguments(name, config.tools.values());
        rules.with_variables(env.unwrap_or_default().arguments(&config.outside, holds))
    }
}

impl Config {
    /// How long a command of a module may run. The first of these that is set decides: the module's
    /// `[exec] timeout`, `[tools.NAME] timeout`, the project's `[exec] timeout`.
    pub fn limit_for(&self, module: &ModuleConfig, program: &OsStr) -> Option<CommandLimit> {
        let tool = tools::tool_name(program).and_then(|name| self.tools.get(name)?.timeout);
        match module.exec.timeout.or(tool).or(self.exec.timeout)? {
            TimeLimit::Never => None,
            TimeLimit::After(timeout) => {
                Some(CommandLimit { timeout, kill_after: module.exec.kill_after.or(self.exec.kill_after) })
            }
        }
    }
}

/// Each name is that of a variable, and none that the same file sets.
pub(super) fn check_unset(unset: &[String], env: &Variables, file: &TomlFile) -> Result<(), ProjectError> {
    for name in unset {
        let why = match is_variable(name) {
            false => "is no environment variable",
            true if env.sets(name) => "is set by `[env]` of the same file",
            true => continue,
        };
        let message = format!("`[exec] unset`: `{}` {why}", name.escape_debug());
        return Err(ProjectError::config(file.place(0), message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(project: &str, module: &str) -> (Config, ModuleConfig) {
        let file = |name: &str, text: &str| TomlFile { name: name.into(), text: text.to_owned() };
        let config = Config::parse(&file("lockstep.toml", project)).unwrap();
        (config, ModuleConfig::parse(&file("module.toml", module)).unwrap())
    }

    fn refused(text: &str) -> String {
        let error = Config::parse(&TomlFile { name: "lockstep.toml".into(), text: text.to_owned() });
        error.unwrap_err().to_string()
    }

    fn limit(project: &str, module: &str, program: &str) -> Option<(u64, Option<u64>)> {
        let (config, module) = config(project, module);
        let limit = config.limit_for(&module, program.as_ref())?;
        Some((limit.timeout.seconds(), limit.kill_after.map(Span::seconds)))
    }

    #[test]
    fn the_nearest_limit_decides() {
        let project = "[exec]\ntimeout = '30m'\nkill_after = '1m'\n[tools.tofu]\ntimeout = '1h'\n[tools.x]\ntimeout = 'never'\n";
        assert_eq!(limit("", "", "tofu"), None);
        assert_eq!(limit(project, "", "true"), Some((1800, Some(60))));
        assert_eq!(limit(project, "", "/usr/bin/tofu"), Some((3600, Some(60))));
        assert_eq!(limit(project, "", "x"), None);
        let module = "[exec]\ntimeout = '2h'\nkill_after = '0s'\n";
        assert_eq!(limit(project, module, "tofu"), Some((7200, Some(0))));
        assert_eq!(limit(project, "[exec]\ntimeout = 'never'\n", "tofu"), None);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        for (text, said) in [
            ("[exec]\ntimeout = '0s'\n", "lockstep.toml:2: a limit of no time"),
            ("[exec]\ntimeout = 'soon'\n", "lockstep.toml:2"),
            ("[exec]\nunset = ['A-B']\n", "`A-B` is no environment variable"),
            ("[exec]\nunset = ['']\n", "is no environment variable"),
            ("[exec]\nunset = ['A']\n[env]\nA = '1'\n", "`A` is set by `[env]`"),
            ("[tools.tofu]\nversion = 'new'\n", "lockstep.toml:2: this is not a version requirement"),
        ] {
            let error = refused(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_vendors_suffix_is_no_prerelease() {
        let rule = VersionRule::try_from(">=1.8, <2".to_owned()).unwrap();
        for (version, allowed) in [
            ("1.8.0", true),
            ("1.7.9", false),
            ("2.0.0", false),
            ("1.29.3-eks-a1b2", true),
            ("1.9.0-rc1", false),
            ("1.9.0-beta2", false),
            ("1.9.0+k3s1", true),
        ] {
            assert_eq!(rule.allows(&version.parse().unwrap()), allowed, "{version}");
        }
    }
}
