//! `[build]` in module.toml: which files a module is made of, and what becomes of them.

use std::collections::BTreeMap;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::toml_file::TomlFile;
use super::value::Node;
use super::{BuildFile, BuildWhen, Delimiters, Place, ProjectError};

/// `[build]`
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BuildConfig {
    /// The directories that hold the files, relative to the module; `.` is the module itself.
    pub sources: Vec<String>,
    /// Files of an earlier source that a later one takes the place of, as globs.
    pub replace: Vec<String>,
    /// Files that are copied as they are, as globs relative to their source.
    pub raw: Vec<String>,
    /// Files that make no output, as globs; they can still be included by others.
    pub exclude: Vec<String>,
    /// Files of the project that the module's tool reads when it runs, as globs relative to the module:
    /// a change of them affects its units.
    pub watch: Vec<String>,
    /// Endings that outputs have not: with `.j2`, `main.tf.j2` makes `main.tf`.
    pub strip: Vec<String>,
    /// Other names of outputs by the names of their sources; templates, as all names are.
    pub rename: BTreeMap<String, String>,
    /// Other delimiters, for tools that use `{{ }}` themselves.
    pub delimiters: Delimiters,
    /// Files that are made from data.
    pub file: Vec<BuildFile>,
    /// Files that are made under a condition.
    pub when: Vec<BuildWhen>,
    /// Where all this is written.
    #[serde(skip)]
    places: BTreeMap<String, Place>,
}

impl Default for BuildConfig {
    fn default() -> Self {
        Self {
            sources: vec![".".to_owned()],
            replace: Vec::new(),
            raw: Vec::new(),
            exclude: Vec::new(),
            watch: Vec::new(),
            strip: Vec::new(),
            rename: BTreeMap::new(),
            delimiters: Delimiters::default(),
            file: Vec::new(),
            when: Vec::new(),
            places: BTreeMap::new(),
        }
    }
}

/// A pattern of `watch`, relative to the project.
fn watch(pattern: &str, module: &str) -> Result<Glob, String> {
    let mut parts = vec!["modules", module];
    if pattern.starts_with('/') {
        return Err("is absolute".to_owned());
    }
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop().ok_or("leads out of the project")?),
            part => parts.push(part),
        }
    }
    let glob = GlobBuilder::new(&parts.join("/")).literal_separator(true).build();
    glob.map_err(|error| format!("is not a glob: {}", error.kind()))
}

/// What serde does not keep: values with their places, and the places of the rest.
#[derive(Debug, Default)]
pub(super) struct Rest {
    values: Vec<(Option<Node>, Place)>,
    places: BTreeMap<String, Place>,
}

impl BuildConfig {
    /// Where a key is written: `raw`, `sources[1]`, `rename.main.tf.j2`.
    pub(crate) fn place(&self, key: &str) -> Place {
        self.places.get(key).cloned().unwrap_or_else(|| Place::whole("module.toml"))
    }

    /// The files that `watch` names for the module of this name, relative to the project.
    pub(crate) fn watched(&self, module: &str) -> GlobSet {
        let globs = self.watch.iter().filter_map(|pattern| watch(pattern, module).ok());
        // Each was built before, when the file was read.
        globs
            .fold(GlobSetBuilder::new(), |mut set, glob| {
                set.add(glob);
                set
            })
            .build()
            .unwrap_or_default()
    }

    /// Takes out of the tree what serde would lose.
    pub(super) fn take_rest(table: &mut DeTable<'_>, file: &TomlFile) -> Result<Rest, ProjectError> {
        let values = BuildFile::take_values(table, file)?;
        let mut places = BTreeMap::new();
        if let Some(DeValue::Table(build)) = table.get("build").map(|value| value.get_ref()) {
            for (key, value) in build.iter() {
                let name = key.get_ref();
                places.insert(name.to_string(), file.place(key.span().start));
                match value.get_ref() {
                    DeValue::Table(inner) => {
                        for inner in inner.keys() {
                            let place = file.place(inner.span().start);
                            places.insert(format!("{name}.{}", inner.get_ref()), place);
                        }
                    }
                    DeValue::Array(items) => {
                        for (index, item) in items.iter().enumerate() {
                            let at = match item.get_ref() {
                                DeValue::Table(entry) => entry.get("if").map(|value| value.span()),
                                _ => None,
                            };
                            let place = file.place(at.unwrap_or_else(|| item.span()).start);
                            places.insert(format!("{name}[{index}]"), place);
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(Rest { values, places })
    }

    /// Puts it back, and checks what serde cannot.
    pub(super) fn complete(&mut self, rest: Rest) -> Result<(), ProjectError> {
        for (made, value) in self.file.iter_mut().zip(rest.values) {
            made.complete(value)?;
        }
        self.places = rest.places;
        for index in 0..self.when.len() {
            self.when[index].place = self.place(&format!("when[{index}]"));
        }
        let refuse = |key: &str, message: &str, hint: &str| {
            Err(ProjectError::config_hint(self.place(key), message, Some(hint.to_owned())))
        };
        if self.sources.is_empty() {
            return refuse("sources", "a module without sources has no files", "`sources = [\".\"]`");
        }
        for (index, pattern) in self.watch.iter().enumerate() {
            if let Err(why) = watch(pattern, "module") {
                return refuse(
                    &format!("watch[{index}]"),
                    &format!("`{pattern}` {why}"),
                    "relative to the module, inside the project: `watch = [\"../../tofu/**\"]`",
                );
            }
        }
        match self.strip.iter().position(|ending| !ending.starts_with('.') || ending.contains('/')) {
            Some(index) => {
                refuse(&format!("strip[{index}]"), "this is not an ending", "it begins with a dot: `.j2`")
            }
            None => Ok(()),
        }
    }
}
