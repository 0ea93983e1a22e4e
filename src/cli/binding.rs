//! `tofu=alpha/prod`: a tool's name that shall stand for a pipeline around that tool. What `alias` and
//! `shim` have in common: the name, the unit, and the pipeline's words.

use std::ffi::OsString;
use std::path::Path;
use std::str::FromStr;

use clap::Parser as _;

use super::args::PipelineArgs;
use super::terminal::Terminal;
use crate::Error;
use crate::engine::open_project;
use crate::env::Environment;
use crate::git::printable;
use crate::process::Interrupts;
use crate::process::tools;
use crate::project::{Name, Project, ProjectError};
use crate::steps::STEPS;
use crate::text::shell_shown as quoted;
use crate::workflow::Request;
use crate::workflow::parse::{self, ParseError, Vocabulary, Word};
use crate::workflow::planner;

/// The pipeline of the usual alias.
pub(super) const USUAL: &str = "build git-check lock exec git-push unlock-any";
/// What a pipeline itself runs, by way of git too.
const OURS: [&str; 3] = ["lockstep", "git", "ssh"];
/// The longest name of a tool.
const LONGEST: usize = 64;

/// A tool and the unit that it is run for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The tool's name: harmless as a file name and in any shell.
    pub tool: String,
    /// The module, or `.`.
    pub module: String,
    /// The profile, or `.`.
    pub profile: String,
}

/// Why a text is no binding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BindingError {
    /// There is no `=` in it.
    #[error("write TOOL=MODULE/PROFILE, as in tofu=alpha/prod")]
    Shape,
    /// No name for a tool.
    #[error(
        "a tool's name is made of letters, digits, `-`, `_`, `+` and `.`, and begins with a letter or digit"
    )]
    Tool,
    /// It would run itself.
    #[error("lockstep runs `{0}` itself, so that name cannot stand for a pipeline")]
    Itself(&'static str),
    /// No unit.
    #[error("`{0}` is not a unit: write MODULE/PROFILE, where `.` is the one that you stand in")]
    Unit(String),
}

impl FromStr for Binding {
    type Err = BindingError;
    fn from_str(text: &str) -> Result<Self, BindingError> {
        let (tool, unit) = text.split_once('=').ok_or(BindingError::Shape)?;
        let part = |c: char| c.is_ascii_alphanumeric() || "-_+.".contains(c);
        let begins = tool.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins || !tool.chars().all(part) || tool.len() > LONGEST {
            return Err(BindingError::Tool);
        }
        if let Some(ours) = OURS.into_iter().find(|ours| *ours == tool) {
            return Err(BindingError::Itself(ours));
        }
        let unit = if unit == "." { "./." } else { unit };
        let no_unit = || BindingError::Unit(unit.escape_debug().take(80).collect());
        let (module, profile) = unit.split_once('/').ok_or_else(no_unit)?;
        for name in [module, profile] {
            if name != "." {
                Name::new(name).map_err(|_| no_unit())?;
            }
        }
        Ok(Self { tool: tool.to_owned(), module: module.to_owned(), profile: profile.to_owned() })
    }
}

/// The words of a pipeline, options among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Steps(Vec<String>);

impl FromStr for Steps {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if words.iter().any(|word| word == "--") {
            return Err("`--`, module and profile are added by themselves".to_owned());
        }
        let steps = Self(words);
        if steps.line()?.words.is_empty() {
            return Err(format!("there is no step in it; the usual ones are: {USUAL}"));
        }
        Ok(steps)
    }
}

impl Steps {
    /// As the command line reads them.
    fn line(&self) -> Result<PipelineArgs, String> {
        let argv = ["lockstep"].into_iter().chain(self.0.iter().map(String::as_str));
        PipelineArgs::try_parse_from(argv).map_err(|error| match error.kind() {
            clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion => {
                "these are no steps".to_owned()
            }
            _ => {
                error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
        })
    }

    /// Makes sure that the words are a pipeline that runs the tool: steps, commands, and workflows of
    /// the project that the user stands in. Outside of any project a workflow is believed.
    ///
    /// # Errors
    /// An unknown word, or no `exec`.
    pub(super) fn check(&self, env: &Environment) -> Result<(), Error> {
        let project = open_project(env.cwd(), env, &Interrupts::new()).ok();
        let [workflows, modules, profiles] = match &project {
            Some(project) => planner::names(project)?,
            None => Default::default(),
        };
        let vocabulary =
            Vocabulary { steps: STEPS, workflows: &workflows, modules: &modules, profiles: &profiles };
        let words: Vec<OsString> = self.line().map(|line| line.words).unwrap_or_default();
        let mut runs_it = false;
        for word in &words {
            match parse::word(word, vocabulary, None) {
                Ok(Word::Step(step)) => runs_it |= step.name() == "exec",
                Ok(Word::Workflow(_)) => runs_it = true,
                Ok(Word::Command(_)) => {}
                Err(ParseError::Unknown { nearest: None, .. })
                    if project.is_none() && word.to_str().is_some_and(|word| Name::new(word).is_ok()) =>
                {
                    runs_it = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if runs_it { Ok(()) } else { Err(ParseError::NoExec { words: self.0.join(" ") }.into()) }
    }
}

impl Binding {
    /// The command line that the name stands for, up to the tool's own arguments.
    fn words<'a>(&'a self, steps: &'a Steps, home: &'a Home) -> impl Iterator<Item = &'a str> {
        let bound = home.0.iter().flat_map(|root| ["--only-in", root]);
        let unit = ["--", &self.module, &self.profile, &self.tool];
        ["lockstep"].into_iter().chain(bound).chain(steps.0.iter().map(String::as_str)).chain(unit)
    }

    /// Looks for its unit, or where `.` stands for a half of it, for the other half.
    fn unit_in(&self, project: &Project, env: &Environment) -> Result<(), ProjectError> {
        let name = |text: &str| Name::new(text).ok();
        match (self.module.as_str(), self.profile.as_str()) {
            (".", ".") => Ok(()),
            (module, ".") => project.check_extent(name(module).as_ref(), None),
            (".", profile) => project.check_extent(None, name(profile).as_ref()),
            (module, profile) => project.unit(module, profile, env).map(drop),
        }
    }

    /// The same as a line of a shell whose quoting is given.
    pub(super) fn line(&self, steps: &Steps, home: &Home, quote: fn(&str) -> String) -> String {
        self.words(steps, home).map(quote).collect::<Vec<_>>().join(" ")
    }
}

/// The project that a line is for: in another one the same name may mean anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Home(Option<String>);

impl Home {
    /// The project that the user stands in; none outside of any, of which the user is told.
    pub(super) fn here(env: &Environment, terminal: Terminal) -> Self {
        let root = Project::find_root(env.cwd(), env).ok();
        let root = root.and_then(|root| root.into_os_string().into_string().ok());
        if root.is_none() {
            terminal.warning("this is bound to no project, and runs in whichever you stand in");
            terminal.hint("to bind it to one, stand in that project: lockstep -C DIR …");
        }
        Self(root)
    }
}

/// Refuses a line that is for another project than the one that the user stands in.
///
/// # Errors
/// When it is, or there is no project.
pub(super) fn check_home(root: &Path, request: &Request, env: &Environment) -> Result<(), ProjectError> {
    let root = env.cwd().join(root);
    let root = root.canonicalize().unwrap_or(root);
    let found = match Project::find_root(env.cwd(), env) {
        Ok(found) if found == root => return Ok(()),
        Ok(found) => Some(found),
        Err(ProjectError::NoProject { .. }) => None,
        Err(error) => return Err(error),
    };
    let shown = |path: &Path| printable(path.as_os_str().as_encoded_bytes());
    Err(ProjectError::Elsewhere {
        hint: match &found {
            Some(_) => format!("for this project: {}", maker(request)),
            None => format!("cd {}", quoted(&root.to_string_lossy())),
        },
        root: shown(&root),
        found: found.as_deref().map(shown),
    })
}

/// The command that makes the same line for the project that the user stands in.
fn maker(request: &Request) -> String {
    let word = |text: &OsString| text.to_string_lossy().into_owned();
    let tool = request.args.first().and_then(|program| tools::tool_name(program)).unwrap_or("TOOL");
    let binding = format!("{tool}={}/{}", request.module, request.profile);
    let steps: Vec<String> = request.words.iter().map(word).collect();
    let steps = match steps.join(" ") {
        usual if usual == USUAL => String::new(),
        other => format!(" --steps {}", quoted(&other)),
    };
    format!("lockstep alias{steps} {}", quoted(&binding))
}

/// Says of which bindings there is no unit, as far as the project that the user stands in knows. They may
/// be for another one, or for what is still to be made, so that is no error.
pub(super) fn warn_of_nothing(bindings: &[Binding], env: &Environment, terminal: Terminal) {
    let Ok(project) = open_project(env.cwd(), env, &Interrupts::new()) else { return };
    for binding in bindings.iter() {
        if let Err(error) = binding.unit_in(&project, env) {
            terminal.say(&format!(
                "lockstep: warning: {}={}/{}: {error}",
                binding.tool, binding.module, binding.profile
            ));
            if let Some(hint) = error.hint() {
                terminal.hint(&hint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(text: &str) -> Result<Binding, BindingError> {
        text.parse()
    }

    #[test]
    fn a_tool_is_bound_to_a_unit() {
        let bound = binding("ansible-playbook=web.1/prod").unwrap();
        assert_eq!(
            (bound.tool.as_str(), bound.module.as_str(), bound.profile.as_str()),
            ("ansible-playbook", "web.1", "prod")
        );
        assert_eq!(binding("kubectl=.").unwrap(), binding("kubectl=./.").unwrap());
        assert_eq!(binding("g++=a/.").unwrap().profile, ".");
    }

    #[test]
    fn nothing_that_a_shell_would_read_gets_in() {
        for text in
            ["tofu", "=a/b", "to fu=a/b", "a/b=c/d", "-x=a/b", ".x=a/b", "a;b=a/b", "$(x)=a/b", "a\n=a/b"]
        {
            assert!(matches!(binding(text), Err(BindingError::Shape | BindingError::Tool)), "{text}");
        }
        for text in ["x=", "x=a", "x=a/", "x=/b", "x=a/b/c", "x=a/$(b)", "x=../b", "x=a/-b", "x=a/b c"] {
            assert!(matches!(binding(text), Err(BindingError::Unit(_))), "{text}");
        }
        assert_eq!(binding("lockstep=a/b"), Err(BindingError::Itself("lockstep")));
        assert_eq!(binding("git=a/b"), Err(BindingError::Itself("git")));
        assert_eq!(binding(&format!("{}=a/b", "x".repeat(65))), Err(BindingError::Tool));
    }

    #[test]
    fn the_words_are_a_pipeline() {
        let steps: Steps = "--wait 10m  build exec".parse().unwrap();
        let line =
            binding("tofu=alpha/prod").unwrap().line(&steps, &Home::default(), super::super::quoting::sh);
        assert_eq!(line, "lockstep --wait 10m build exec -- alpha prod tofu");
        for text in ["", "  ", "build -- a b", "--nope build", "--wait 10m", "--wait soon build", "--help"] {
            assert!(text.parse::<Steps>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_line_for_another_project_is_told() {
        let of = |words: &str| {
            maker(&Request::new("/", words.split(' '), "alpha", "prod").args(["/usr/bin/tofu", "apply"]))
        };
        assert_eq!(of(USUAL), "lockstep alias tofu=alpha/prod");
        assert_eq!(of("build exec"), "lockstep alias --steps 'build exec' tofu=alpha/prod");
    }

    #[test]
    fn words_that_never_run_the_tool_are_refused() {
        let env = Environment::new("/", [("PATH", "")]);
        let check = |text: &str| text.parse::<Steps>().unwrap().check(&env);
        assert!(check(USUAL).is_ok());
        assert!(check("a-workflow").is_ok(), "outside of a project it may be one");
        for text in ["build lock unlock", "build tofu:plan", "build git-chek exec"] {
            assert!(matches!(check(text), Err(Error::Parse(_))), "{text}");
        }
    }
}
