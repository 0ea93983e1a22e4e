//! Finding a project, and listing what is in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::config::Config;
use super::error::{place_of, printable, which_ignores};
use super::module::ModuleConfig;
use super::staging::Staging;
use super::toml_file::TomlFile;
use super::{Files, Index, Kind, Name, ProjectError, RESERVED, UnitId, nearest, owner};
use crate::env::{Clock, Environment};

/// The file that marks a project's root.
pub const MARKER: &str = "lockstep.toml";
/// Whether a directory below `modules` holds what modules share, and is none itself.
fn is_shared(name: &str) -> bool {
    name.starts_with('_')
}

/// The directory of rendered output, below the root.
pub const DIST: &str = ".dist";

/// A project on disk, or an earlier state of one. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Project {
    files: Files,
    config: Arc<Config>,
    /// When the first of its files was read, or before that.
    read_at: Timestamp,
    /// For the stages of a workflow only.
    staging: Option<Arc<Staging>>,
}

impl Project {
    /// Finds the project that a directory lies in: upwards to `lockstep.toml`, to the top of the repository.
    ///
    /// # Errors
    /// When there is none, it belongs to somebody whom the user does not trust, or its `lockstep.toml` cannot be read or understood.
    pub fn discover(start: &Path, env: &Environment) -> Result<Self, ProjectError> {
        let read_at = Clock::System.now();
        let (root, file) = Self::find(start, env)?;
        let (mut config, files) = (Config::parse(&file)?, Files::working_tree(root));
        config.take_variables(env);
        Ok(Self { files, config: Arc::new(config), read_at, staging: None })
    }

    /// The project as these files have it; none if there is no `lockstep.toml` among them.
    ///
    /// # Errors
    /// When its `lockstep.toml` cannot be read or understood.
    pub fn of(files: Files) -> Result<Option<Self>, ProjectError> {
        let read_at = Clock::System.now();
        let Some(file) = TomlFile::read(&files, MARKER)? else { return Ok(None) };
        Ok(Some(Self { config: Arc::new(Config::parse(&file)?), files, read_at, staging: None }))
    }

    /// The second in which the first of its files was read, by the system's clock: what changes after
    /// that may not be known here.
    pub fn read_at(&self) -> Timestamp {
        self.read_at
    }

    /// The same project, whose files have a memory of their own of what is looked at from now on.
    #[must_use]
    pub fn watched(&self) -> Self {
        Self { files: self.files.watched(), ..self.clone() }
    }

    /// The same project, of which only what git lists or does not ignore is there.
    ///
    /// # Errors
    /// When git ignores its `lockstep.toml`, or cannot be asked.
    pub fn indexed(&self, index: Index) -> Result<Self, ProjectError> {
        let files = self.files.indexed(index);
        match files.counts(Path::new(MARKER)) {
            Ok(true) => Ok(Self { files, ..self.clone() }),
            Ok(false) => Err(ProjectError::config_hint(
                super::Place::whole(MARKER),
                "git ignores this file, so that nobody else has this project",
                Some(which_ignores(MARKER)),
            )),
            Err(source) => Err(ProjectError::read(MARKER, source)),
        }
    }

    /// Where its files are read.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The directory that [`discover`](Self::discover) would find, whatever its `lockstep.toml` says.
    ///
    /// # Errors
    /// When there is none, or its `lockstep.toml` cannot be read.
    pub fn find_root(start: &Path, env: &Environment) -> Result<PathBuf, ProjectError> {
        Self::find(start, env).map(|(root, _)| root)
    }

    fn find(start: &Path, env: &Environment) -> Result<(PathBuf, TomlFile), ProjectError> {
        // Without `..` and links, so that the parents are the real ones.
        let start = start
            .canonicalize()
            .map_err(|source| ProjectError::Read { path: start.display().to_string(), source })?;
        for directory in owner::directories(&start, env) {
            if directory.join(MARKER).symlink_metadata().is_err() {
                continue;
            }
            owner::check(directory, env)?;
            if let Some(file) = TomlFile::read(&Files::working_tree(directory.to_owned()), MARKER)? {
                return Ok((directory.to_owned(), file));
            }
        }
        Err(ProjectError::NoProject { start: start.display().to_string() })
    }

    pub(super) fn with_staging(self, staging: Arc<Staging>) -> Self {
        Self { staging: Some(staging), ..self }
    }

    pub(super) fn staging(&self) -> Option<&Staging> {
        self.staging.as_deref()
    }

    /// The directory that holds `lockstep.toml`; absolute, without links.
    pub fn root(&self) -> &Path {
        self.files.root()
    }

    /// The project's name: that of its directory.
    pub fn name(&self) -> String {
        self.root().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// What `lockstep.toml` says.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where a unit is rendered and where its commands run; absolute.
    pub fn unit_directory(&self, unit: &UnitId) -> PathBuf {
        self.root().join(DIST).join(unit.module.as_str()).join(unit.profile.as_str())
    }

    /// Where a module's templates are; absolute.
    pub fn module_directory(&self, module: &Name) -> PathBuf {
        self.root().join("modules").join(self.source_of(module).as_str())
    }

    /// The modules, sorted.
    ///
    /// # Errors
    /// When the directory cannot be read or one has a name that cannot be used.
    pub fn modules(&self) -> Result<Vec<Name>, ProjectError> {
        self.list("module", "modules", None)
    }

    /// The profiles, sorted, abstract ones among them.
    ///
    /// # Errors
    /// When the directory cannot be read or one has a name that cannot be used.
    pub fn profiles(&self) -> Result<Vec<Name>, ProjectError> {
        self.list("profile", "profiles", Some(".toml"))
    }

    /// The workflows, sorted.
    ///
    /// # Errors
    /// When the directory cannot be read or one has a name that cannot be used.
    pub fn workflows(&self) -> Result<Vec<Name>, ProjectError> {
        self.list("workflow", "workflows", Some(".toml"))
    }

    /// Refuses modules and workflows that share a name, or are named like a step or another word
    /// of the command line.
    ///
    /// # Errors
    /// The first name that is taken.
    pub fn check_names<'a>(&self, steps: impl IntoIterator<Item = &'a str>) -> Result<(), ProjectError> {
        match clashes(&self.modules()?, &self.workflows()?, steps).into_iter().next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// What a module's `module.toml` says; the defaults if it has none.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn module_config(&self, module: &Name) -> Result<ModuleConfig, ProjectError> {
        let source = self.source_of(module);
        let directory = format!("modules/{source}");
        let read = TomlFile::read(&self.files, &format!("{directory}/module.toml"));
        if read.is_err() && matches!(self.files.real(&directory), Ok((_, Kind::Other))) {
            let hint = "what a module is made of lies in the project: copy it there, or name a directory of the project under `[build] sources`";
            let message = "it is a link that leads out of the project";
            return Err(ProjectError::config_hint(
                super::Place::whole(directory),
                message,
                Some(hint.into()),
            ));
        }
        match read? {
            Some(file) => ModuleConfig::parse(&file),
            None => Ok(ModuleConfig::default()),
        }
    }

    pub(crate) fn has_module(&self, name: &Name) -> bool {
        !is_shared(name.as_str()) && self.files.kind(&format!("modules/{name}")) == Kind::Directory
    }

    pub(crate) fn has_profile(&self, name: &Name) -> bool {
        // One that is no regular file is refused when it is read.
        matches!(self.files.kind(&format!("profiles/{name}.toml")), Kind::File | Kind::Other)
    }

    /// The error for a word that names nothing, with the nearest name that there is.
    pub(crate) fn unknown(&self, what: &'static str, word: &str) -> ProjectError {
        if what == "module"
            && let Some(error) = self.no_module(word)
        {
            return error;
        }
        let ignored = Name::new(word).is_ok() && self.files.ignores(&place_of(what, word));
        let stages = if what == "module" { self.stage_modules() } else { Vec::new() };
        let known = match what {
            "module" => self.modules(),
            "profile" => self.profiles(),
            _ => self.workflows(),
        };
        match known {
            Ok(known) => ProjectError::Unknown {
                what,
                word: printable(word),
                nearest: nearest(
                    word,
                    known.iter().map(Name::as_str).chain(stages.iter().map(String::as_str)),
                )
                .map(str::to_owned),
                known: known.into_iter().map(String::from).collect(),
                ignored,
            },
            Err(error) => error,
        }
    }

    /// The modules, and directories whose names cannot be used, each told.
    pub(crate) fn module_entries(&self) -> Result<Vec<Result<Name, ProjectError>>, ProjectError> {
        self.entries("module", "modules", None)
    }

    /// The profiles, and files whose names cannot be used, each told.
    pub(crate) fn profile_entries(&self) -> Result<Vec<Result<Name, ProjectError>>, ProjectError> {
        self.entries("profile", "profiles", Some(".toml"))
    }

    fn list(&self, what: &'static str, below: &str, ending: Option<&str>) -> Result<Vec<Name>, ProjectError> {
        self.entries(what, below, ending)?.into_iter().collect()
    }

    /// Names of directories (no ending) or files with an ending, sorted, and those that cannot be
    /// used. Hidden entries are nobody's modules: editors and desktops leave them.
    /// What begins with `_` is shared by modules.
    pub(super) fn entries(
        &self,
        what: &'static str,
        below: &str,
        ending: Option<&str>,
    ) -> Result<Vec<Result<Name, ProjectError>>, ProjectError> {
        let read_error = |source| ProjectError::read(below, source);
        let entries = match self.files.names(below) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(read_error(error)),
        };
        let mut names = Vec::new();
        for (file_name, is_dir) in entries {
            let text = file_name.to_string_lossy();
            let stem = match ending {
                None if is_dir => text.as_ref(),
                Some(ending) if !is_dir => match text.strip_suffix(ending) {
                    Some(stem) => stem,
                    None => continue,
                },
                _ => continue,
            };
            if text.starts_with('.') || what == "module" && is_shared(&text) {
                continue;
            }
            let path = || format!("{below}/{}", printable(&text));
            names.push(Name::new(stem).map_err(|source| ProjectError::BadName {
                what,
                path: path(),
                source,
            }));
        }
        names.sort_by(|a, b| a.as_ref().ok().cmp(&b.as_ref().ok()));
        Ok(names)
    }
}

/// What `Project::check_names` refuses.
pub(super) fn clashes<'a>(
    modules: &[Name],
    workflows: &[Name],
    steps: impl IntoIterator<Item = &'a str>,
) -> Vec<ProjectError> {
    let steps: Vec<&str> = steps.into_iter().chain(RESERVED.iter().copied()).collect();
    let file = |name: &Name| super::Place::whole(format!("workflows/{name}.toml"));
    let named = modules.iter().map(|name| (name, super::Place::whole(format!("modules/{name}"))));
    let own = named
        .chain(workflows.iter().map(|name| (name, file(name))))
        .filter(|(name, _)| steps.contains(&name.as_str()))
        .map(|(name, place)| ProjectError::reserved(place, name.as_str()));
    let shared = workflows
        .iter()
        .filter(|name| modules.contains(name))
        .map(|name| ProjectError::config(file(name), format!("`{name}` is the name of a module as well")));
    own.chain(shared).collect()
}
