//! `lockstep.toml`: the settings of a project. Unknown keys are errors.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use globset::{GlobBuilder, GlobMatcher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::command::check_unset;
use super::data::DataConfig;
use super::file_schema::with_params;
use super::sensitive::Mark;
use super::toml_file::TomlFile;
use super::value::Node;
use super::{
    DynamodbLockConfig, FormerConfig, FurtherKey, GitLockConfig, Name, Place, ProjectError, Scope, Variables,
};
use crate::env::{Environment, Span, SpanError};
use crate::process::tools::{self, BadSetting, TimeLimit, ToolRules, ToolSettings};

/// What `lockstep.toml` says.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(transform = with_params)]
pub struct Config {
    /// Which versions of lockstep may be used, as a semver requirement.
    pub requires: Option<String>,
    /// The profile that `.` means where nothing else says.
    pub default_profile: Option<Name>,
    /// Parameters of all modules and profiles: the layer above the modules' defaults.
    #[serde(skip)]
    pub params: Node,
    /// Commands whose output is data for expressions, by name.
    pub data: BTreeMap<String, DataConfig>,
    /// Keys of parameters that are secrets, in all modules and profiles.
    pub sensitive: Vec<String>,
    /// The same with their places.
    #[serde(skip)]
    pub(super) marks: Vec<Mark>,
    /// Environment variables of commands.
    pub env: Variables,
    /// How commands run.
    pub exec: ExecConfig,
    /// What git-check and git-push go by.
    pub git: GitConfig,
    /// The lock.
    pub lock: LockConfig,
    /// The run journal.
    pub journal: JournalConfig,
    /// What is known about single tools, by program name.
    pub tools: BTreeMap<String, ToolSettings>,
    /// Where `[tools.NAME] version` is written, by program name.
    #[serde(skip)]
    pub version_places: BTreeMap<String, Place>,
    /// The user's variables.
    #[serde(skip)]
    pub(super) outside: BTreeMap<String, String>,
}

/// `[exec]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExecConfig {
    /// What a pipeline does whose only command reads.
    pub read_only: ReadOnly,
    /// Variables that commands do not get.
    pub unset: Vec<String>,
    /// How long each command may run.
    pub timeout: Option<TimeLimit>,
    /// How long after that a command is killed that has not ended; never, if nothing is said.
    pub kill_after: Option<Span>,
}

/// What a pipeline does whose only command reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadOnly {
    /// Runs every step, as it was told.
    #[default]
    Run,
    /// Leaves out git-check, lock, git-push and unlock.
    Skip,
}

/// `[git]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GitConfig {
    /// How many commits HEAD may be ahead of its upstream.
    pub max_ahead: u32,
    /// The branches from which commands run that change things, as globs; any branch, if none are named.
    pub apply_from: Vec<BranchGlob>,
    /// How much of the repository must be clean.
    pub scope: CheckScope,
}

/// How much of the repository git-check wants clean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckScope {
    /// All of it: a tool may read any of its files.
    #[default]
    Repository,
    /// What the unit is made of, with lockstep.toml, profiles and workflows; all of the project for a unit
    /// whose files name paths outside of its own directory.
    Project,
}

impl Default for GitConfig {
    fn default() -> Self {
        Self { max_ahead: 1, apply_from: Vec::new(), scope: CheckScope::default() }
    }
}

/// A glob for names of branches, in which `*` stays within one part of a name.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct BranchGlob(GlobMatcher);

impl BranchGlob {
    /// Whether a branch is meant, by its short name.
    pub fn is_match(&self, branch: &str) -> bool {
        self.0.is_match(branch)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.0.glob().glob()
    }
}

impl TryFrom<String> for BranchGlob {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let glob = GlobBuilder::new(&text).literal_separator(true).build();
        let glob = glob.map_err(|error| format!("`{}`: {}", text.escape_debug(), error.kind()))?;
        Ok(Self(glob.compile_matcher()))
    }
}

impl JsonSchema for BranchGlob {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BranchGlob".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

/// `[lock]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LockConfig {
    /// The backend's name; without it git where there is a remote, else local.
    pub backend: Option<String>,
    /// Where that is written.
    #[serde(skip)]
    pub backend_place: Option<Place>,
    /// From what age on a lock is marked stale.
    pub stale_after: StaleAfter,
    /// What one lock covers.
    pub scope: Scope,
    /// Further keys that every run takes.
    pub keys: Vec<FurtherKey>,
    /// Keeps the project's locks apart from those of others in the same place.
    pub project: Option<Name>,
    /// What was said here before the locks moved.
    pub former: Option<FormerConfig>,
    /// The git backend.
    pub git: GitLockConfig,
    /// The DynamoDB backend.
    pub dynamodb: DynamodbLockConfig,
}

/// From what age on a lock that is not free is marked stale. It is only a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StaleAfter {
    /// From this age on.
    After(Span),
    /// Never.
    Never,
}

impl StaleAfter {
    /// Whether something of this age is stale.
    pub fn is_stale(self, age: Span) -> bool {
        matches!(self, Self::After(limit) if age >= limit)
    }
}

impl Default for StaleAfter {
    /// A day: longer than nearly any change takes, shorter than it takes to forget one.
    fn default() -> Self {
        Self::After(Span::from_seconds(24 * 60 * 60))
    }
}

impl Serialize for StaleAfter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::After(span) => span.serialize(serializer),
            Self::Never => serializer.serialize_str("never"),
        }
    }
}

impl TryFrom<String> for StaleAfter {
    type Error = SpanError;
    fn try_from(text: String) -> Result<Self, SpanError> {
        if text == "never" { Ok(Self::Never) } else { text.parse().map(Self::After) }
    }
}

/// `[journal]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// How many runs are kept.
    pub keep: usize,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { keep: 100 }
    }
}

impl Config {
    /// What is known about a program: the built-in rules, and what `[tools.NAME]` says instead or in addition.
    /// Arguments that it takes from the user's variables count.
    pub fn rules_for(&self, program: &OsStr) -> ToolRules {
        let settings = tools::tool_name(program).and_then(|name| self.tools.get(name));
        let outside = self.outside.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        ToolRules::of(program, settings).with_variables(outside.collect())
    }

    /// Takes note of the user's variables in which tools look for arguments.
    pub(super) fn take_variables(&mut self, env: &Environment) {
        let text =
            |(name, value): (&OsStr, &OsStr)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()));
        let vars = env.vars().filter_map(text);
        self.outside = vars.filter(|(name, _)| tools::holds_arguments(name, self.tools.values())).collect();
    }

    /// Reads the text of `lockstep.toml`. The version requirement is checked before anything else:
    /// a key that a later version knows should lead to that message, not to "unknown key".
    pub(crate) fn parse(file: &TomlFile) -> Result<Self, ProjectError> {
        let mut table = file.parse()?;
        if let Some(value) = table.get_ref().get("requires")
            && let Some(required) = value.get_ref().as_str()
        {
            check_version(required, file.place(value.span().start))?;
        }
        no_owner(&table, file)?;
        let params = Node::take_params(table.get_mut(), file)?;
        file.refuse_expressions(table.get_ref())?;
        let variables = Variables::places(table.get_ref(), file);
        let places = DataConfig::places(table.get_ref(), file);
        let marks = Mark::read(table.get_ref(), file)?;
        let places_of_tools = key_places(table.get_ref(), file);
        let lock = backend_place(table.get_ref().get("lock"), file);
        let former = table.get_ref().get("lock").and_then(|lock| lock.get_ref().get("former"));
        let former = backend_place(former, file);
        let mut config: Self = file.decode(table, &["params"])?;
        (config.params, config.marks) = (params, marks);
        DataConfig::complete(&mut config.data, places)?;
        config.lock.backend_place = lock;
        if let Some(before) = &mut config.lock.former {
            before.backend_place = former;
        }
        config.version_places = check_tools(&config.tools, places_of_tools)?;
        config.env.complete(variables)?;
        check_unset(&config.exec.unset, &config.env, file)?;
        Ok(config)
    }
}

/// Who takes a lock is said by the user: a file that everybody has would make them all the same owner, and
/// a branch could name any.
fn no_owner(table: &Spanned<DeTable<'_>>, file: &TomlFile) -> Result<(), ProjectError> {
    let owner = table.get_ref().get("lock").and_then(|lock| lock.get_ref().get("owner"));
    let Some(owner) = owner else { return Ok(()) };
    let message = "`owner` under [lock] would make everybody who uses this project the same owner";
    let hint = "take it out; where a name of one's own is needed: export LOCKSTEP_OWNER=NAME".to_owned();
    Err(ProjectError::config_hint(file.place(owner.span().start), message, Some(hint)))
}

/// Where `backend` is written in this table.
fn backend_place(table: Option<&Spanned<DeValue<'_>>>, file: &TomlFile) -> Option<Place> {
    table?.get_ref().get("backend").map(|backend| file.place(backend.span().start))
}

/// Where each key of each `[tools.NAME]` is written.
fn key_places(table: &DeTable<'_>, file: &TomlFile) -> BTreeMap<String, BTreeMap<String, Place>> {
    let tools = table.get("tools").and_then(|tools| tools.get_ref().as_table());
    let keys = tools.into_iter().flatten().filter_map(|(name, tool)| {
        let keys = tool.get_ref().as_table()?.iter();
        let places = keys.map(|(key, value)| (key.get_ref().to_string(), file.place(value.span().start)));
        Some((name.get_ref().to_string(), places.collect()))
    });
    keys.collect()
}

/// What `[tools.NAME]` says must be meant; where the versions are written.
fn check_tools(
    tools: &BTreeMap<String, ToolSettings>,
    mut places: BTreeMap<String, BTreeMap<String, Place>>,
) -> Result<BTreeMap<String, Place>, ProjectError> {
    let mut versions = BTreeMap::new();
    for (name, settings) in tools {
        let mut places = places.remove(name).unwrap_or_default();
        if let Some(BadSetting { key, why }) = settings.check()
            && let Some(place) = places.remove(key)
        {
            return Err(ProjectError::config(place, format!("`{key}` of [tools.{name}]: {why}")));
        }
        if let Some(place) = places.remove("version") {
            versions.insert(name.clone(), place);
        }
    }
    Ok(versions)
}

fn check_version(required: &str, place: Place) -> Result<(), ProjectError> {
    let requirement = semver::VersionReq::parse(required).map_err(|error| {
        ProjectError::config(place.clone(), format!("`requires` is not a version requirement: {error}"))
    })?;
    let ours = semver::Version::parse(env!("CARGO_PKG_VERSION")).map_err(|error| {
        ProjectError::config(place.clone(), format!("this program has no version: {error}"))
    })?;
    if requirement.matches(&ours) {
        return Ok(());
    }
    Err(ProjectError::Version { place, required: required.to_owned(), ours: ours.to_string() })
}
