//! A module, read and ready to be rendered for any number of profiles.

mod faults;
mod known;

use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

pub(super) use known::Known;

use super::directory::{Directory, PARTIALS};
use super::encoding::is_missed;
use super::listing::Listing;
use super::outputs::{Output, Outputs, is_harmless};
use super::source::{Reader, SourceFile, fits};
use super::templates::{Templates, includes};
use super::{RenderError, generated, leftover};
use crate::project::strict::hcl;
use crate::project::{
    BuildConfig, ModuleConfig, ModuleSchema, Name, Params, Place, Project, ProjectError, UnitId, nearest,
};

/// A module's files and what its configuration says about them.
pub(super) struct Module {
    schema: Option<ModuleSchema>,
    build: BuildConfig,
    files: Arc<Vec<SourceFile>>,
    /// For each file, what becomes of it.
    fates: Vec<Fate>,
    templates: Templates,
    /// For each `[[build.when]]`, the files that it is about.
    conditions: Vec<GlobSet>,
}

/// What becomes of a file.
struct Fate {
    /// Its output's name, which may be a template; none if it makes no output.
    name: Option<String>,
    /// Copied as it is.
    raw: bool,
    /// Its content has to be rendered.
    template: bool,
    /// It seems to be a template, and is not UTF-8.
    undecoded: bool,
    /// The conditions under which it is made.
    when: Vec<usize>,
}

impl Module {
    /// Reads a module out of its directories, some of which may be listed already. `partials` gives
    /// the project's partials to a module that includes anything.
    pub(super) fn read<'l>(
        project: &Project,
        name: &Name,
        config: &ModuleConfig,
        reader: &Reader,
        (directories, known): (&[Directory], impl Fn(&Directory) -> Option<&'l Listing>),
        partials: impl FnOnce() -> Result<Arc<Vec<SourceFile>>, RenderError>,
    ) -> Result<Self, RenderError> {
        let (build, schema) = (config.build.clone(), project.schema_of(name, config)?);
        let (mut layers, mut bytes) = (Vec::new(), 0);
        for directory in directories {
            let layer = match known(directory) {
                Some(listing) => reader.read(directory, listing)?,
                None => reader.files(directory)?,
            };
            bytes += layer.iter().map(|file| file.bytes.len() as u64).sum::<u64>();
            fits(bytes, &format!("modules/{name}"))?;
            layers.push(layer);
        }
        let files = overlay(layers, &build)?;
        let partials = if files.iter().any(includes) { partials()? } else { Arc::default() };
        Ok(Self { schema, ..Self::new(build, files, partials)? })
    }

    /// A module of these files, sorted by path.
    pub(super) fn new(
        build: BuildConfig,
        files: Vec<SourceFile>,
        partials: Arc<Vec<SourceFile>>,
    ) -> Result<Self, RenderError> {
        let of_partials = |file: &&SourceFile| file.path.split('/').next() == Some(PARTIALS);
        if let Some(file) = files.iter().find(of_partials) {
            let why = format!("cannot be: in templates `{PARTIALS}/` means `modules/{PARTIALS}/`");
            return Err(RenderError::Source { path: file.shown.clone(), why });
        }
        let files = Arc::new(files);
        let templates = Templates::new(&build, Arc::clone(&files), partials)?;
        let (raw, exclude) = (globs(&build, "raw", &build.raw)?, globs(&build, "exclude", &build.exclude)?);
        let mut conditions = Vec::new();
        for (index, when) in build.when.iter().enumerate() {
            let set = globs(&build, &format!("when[{index}]"), &when.files)?;
            for pattern in &when.files {
                let one = globs(&build, &format!("when[{index}]"), std::slice::from_ref(pattern))?;
                let made = build.file.iter().map(|file| &file.path);
                if !files.iter().map(|file| &file.path).chain(made).any(|path| one.is_match(path)) {
                    return Err(no_such(&build, &format!("when[{index}]"), pattern, &files).into());
                }
            }
            conditions.push(set);
        }
        for renamed in build.rename.keys() {
            if !files.iter().any(|file| file.path == *renamed) {
                return Err(no_such(&build, &format!("rename.{renamed}"), renamed, &files).into());
            }
        }
        let fates: Vec<Fate> = files
            .iter()
            .map(|file| {
                let is_raw = raw.is_match(&file.path);
                let name = (!exclude.is_match(&file.path)).then(|| output_name(&build, &file.path, is_raw));
                let text = std::str::from_utf8(&file.bytes);
                Fate {
                    name,
                    raw: is_raw,
                    template: !is_raw && text.is_ok_and(|text| templates.has_syntax(text)),
                    undecoded: !is_raw && is_missed(&file.bytes, &build.delimiters),
                    when: matching(&conditions, &file.path),
                }
            })
            .collect();
        let makes_output = files.iter().zip(&fates).filter(|(_, fate)| fate.name.is_some());
        leftover::refuse(makes_output.map(|(file, _)| file))?;
        Ok(Self { schema: None, build, files, fates, templates, conditions })
    }

    /// Checks parameters against the module's schema. True if there is one.
    pub(super) fn check(&self, unit: &UnitId, params: &Params) -> Result<bool, RenderError> {
        match &self.schema {
            Some(schema) => schema.check(unit, params).map(|()| true).map_err(RenderError::from),
            None => Ok(false),
        }
    }

    /// Renders all files for the profile whose parameters these are; sorted by output path.
    pub(super) fn render(&self, params: &Params) -> Result<Vec<Output>, RenderError> {
        let holds = self.build.when.iter().map(|when| when.holds(params)).collect::<Result<Vec<_>, _>>()?;
        params.decide_if_stand_in();
        let context = params.context();
        let mut outputs = Outputs::default();
        for (file, fate) in self.files.iter().zip(&self.fates) {
            let Some(name) = &fate.name else { continue };
            if !fate.when.iter().all(|index| holds[*index]) {
                continue;
            }
            params.go_on_with(&file.shown)?;
            let path = self.path(file, fate, name, &context, params)?;
            params.decide_if_stand_in();
            let (bytes, secret) = self.content(file, fate, &path, (&context, params));
            if params.took_stand_in() && !self.templates.only_prints(&file.bytes) {
                params.decide();
            }
            let mut output = Output::new(path, bytes?, file.mode, secret, file.shown.clone());
            output.undecoded = fate.undecoded;
            outputs.add(output)?;
        }
        for file in &self.build.file {
            params.go_on_with(&file.path)?;
            if matching(&self.conditions, &file.path).iter().all(|index| holds[*index]) {
                outputs.add(generated::make(file, params)?)?;
            }
        }
        outputs.finish()
    }

    /// Where a file's output goes.
    fn path(
        &self,
        file: &SourceFile,
        fate: &Fate,
        name: &str,
        context: &minijinja::Value,
        params: &Params,
    ) -> Result<String, RenderError> {
        let place = match self.build.rename.contains_key(&file.path) {
            true => self.build.place(&format!("rename.{}", file.path)),
            false => Place::whole(file.shown.as_str()),
        };
        let refuse = |why: String| RenderError::Output { path: place.to_string(), why };
        let path = if fate.raw {
            name.to_owned()
        } else {
            let (path, secret) = params.watch(|| self.templates.name(name, &place, context, params));
            if secret {
                return Err(refuse("its name would show a sensitive parameter".into()));
            }
            path?
        };
        match is_harmless(&path) {
            true => Ok(path),
            false => Err(refuse(format!("its name becomes `{}`", path.escape_debug()))),
        }
    }

    /// What its output at a path holds, and whether a secret went into it.
    fn content(
        &self,
        file: &SourceFile,
        fate: &Fate,
        path: &str,
        (context, params): (&minijinja::Value, &Params),
    ) -> (Result<Vec<u8>, RenderError>, bool) {
        if !fate.template {
            // Raw, binary, or nothing to render in it.
            return (Ok(file.bytes.clone()), false);
        }
        let _reader = hcl::Reader::begin(hcl::reads(path));
        let (text, secret) = params.watch(|| self.templates.render(&file.path, context, params));
        (text.map(String::into_bytes), secret)
    }
}

/// For comparing a module with an earlier state of it.
impl Module {
    /// The files that become configuration for `reads`: their names in a unit, what else they are known
    /// by, and what they hold. None if only a unit's own rendering tells.
    pub(super) fn configuration(&self, reads: fn(&str) -> bool) -> Option<Vec<(&str, &str, &[u8])>> {
        let may_be = |name: &str| match self.templates.has_syntax(name) {
            true => Templates::literal_ending(name)
                .is_none_or(|ending| reads(&format!("x.{ending}")) || reads(&format!("x.tf.{ending}"))),
            false => reads(name.rsplit('/').next().unwrap_or(name)),
        };
        if self.build.file.iter().any(|file| may_be(&file.path)) {
            return None;
        }
        let files = self.files.iter().zip(&self.fates);
        let named = files.filter_map(|(file, fate)| Some((file, fate, fate.name.as_deref()?)));
        let found = named.filter(|(.., name)| may_be(name)).map(|(file, fate, name)| {
            let is_known = !fate.template && !self.templates.has_syntax(name);
            is_known.then_some((name, file.shown.as_str(), file.bytes.as_slice()))
        });
        found.collect()
    }

    /// Whether anything in it may read files of the project beside its own; module.toml does not count.
    pub(super) fn may_read_files(&self) -> bool {
        let named = |file: &SourceFile| {
            self.templates.may_read_files(file.path.as_bytes()) || self.templates.may_read_files(&file.bytes)
        };
        self.files.iter().chain(self.templates.partials()).any(named)
    }

    /// Whether both are made of the same, apart from what configuration they are given.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let same = |one: &[SourceFile], other: &[SourceFile]| {
            let pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.into_iter().all(|(one, other)| one.is_like(other))
        };
        self.build == other.build
            && same(&self.files, &other.files)
            && same(self.templates.partials(), other.templates.partials())
    }
}

/// The name of the output that a source makes, before it is taken for a template.
pub(super) fn output_name(build: &BuildConfig, path: &str, raw: bool) -> String {
    if let Some(name) = build.rename.get(path) {
        return name.clone();
    }
    let stripped = |ending: &String| {
        let stem = path.strip_suffix(ending.as_str())?;
        (!stem.is_empty() && !stem.ends_with('/')).then_some(stem)
    };
    // With `.j2` and `.tf.j2` the longer one counts, whichever stands first.
    let shortest = build.strip.iter().filter_map(stripped).min_by_key(|stem| stem.len());
    shortest.filter(|_| !raw).unwrap_or(path).to_owned()
}

/// The files of all sources, a later one's in the place of an earlier one's where that is said.
fn overlay(layers: Vec<Vec<SourceFile>>, build: &BuildConfig) -> Result<Vec<SourceFile>, RenderError> {
    let mut replace = Vec::new();
    for pattern in &build.replace {
        replace.push((globs(build, "replace", std::slice::from_ref(pattern))?, pattern, false));
    }
    let mut layers = layers.into_iter();
    let mut files = layers.next().unwrap_or_default();
    for layer in layers {
        for file in layer {
            match files.binary_search_by(|other| other.path.cmp(&file.path)) {
                Ok(index) => {
                    let mut allowed =
                        replace.iter_mut().filter(|(set, ..)| set.is_match(&file.path)).peekable();
                    if allowed.peek().is_none() {
                        let why = format!(
                            "has the name of `{}`; list it under `[build] replace` if it takes its place",
                            files[index].shown
                        );
                        return Err(RenderError::Source { path: file.shown, why });
                    }
                    allowed.for_each(|(.., used)| *used = true);
                    files[index] = file;
                }
                Err(index) => files.insert(index, file),
            }
        }
    }
    match replace.iter().position(|(.., used)| !used) {
        None => Ok(files),
        Some(index) => {
            let message = format!("nothing is replaced by `{}`", replace[index].1.escape_debug());
            let hint = "a file is replaced by one of the same name in a later source".to_owned();
            let place = build.place(&format!("replace[{index}]"));
            Err(ProjectError::config_hint(place, message, Some(hint)).into())
        }
    }
}

fn matching(sets: &[GlobSet], path: &str) -> Vec<usize> {
    sets.iter().enumerate().filter(|(_, set)| set.is_match(path)).map(|(index, _)| index).collect()
}

fn no_such(build: &BuildConfig, key: &str, word: &str, files: &[SourceFile]) -> ProjectError {
    let near = nearest(word, files.iter().map(|file| file.path.as_str()));
    let hint = near.map(|near| format!("did you mean `{}`?", near.escape_debug()));
    let message = format!("no file of the module is `{}`", word.escape_debug());
    ProjectError::config_hint(build.place(key), message, hint)
}

/// Globs of a key of `[build]`, in which `*` stays within one directory.
pub(super) fn globs(build: &BuildConfig, key: &str, patterns: &[String]) -> Result<GlobSet, RenderError> {
    let refuse = |why: String| ProjectError::config(build.place(key), format!("`{key}`: {why}"));
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .map_err(|error| refuse(format!("`{}`: {}", pattern.escape_debug(), error.kind())))?;
        set.add(glob);
    }
    Ok(set.build().map_err(|error| refuse(error.kind().to_string()))?)
}
