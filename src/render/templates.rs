//! From a module's files to a unit's files, in memory.
//!
//! Templates include one another among the module's files only: they are looked up in memory, so
//! that no name can lead out of the module.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;

use super::error::Excerpt;
use super::source::SourceFile;
use super::{RenderError, generated};
use crate::project::{BuildConfig, Delimiters, Name, Params, Place, ProjectError, strict};

/// One file of a unit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Output {
    /// Relative to the unit's directory, `/` between components; checked by [`is_harmless`].
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    /// Permission bits.
    pub(super) mode: u32,
    /// A secret went into it: it is for its owner alone, and never shown.
    pub(super) sensitive: bool,
}

impl Output {
    pub(super) fn new(path: String, bytes: Vec<u8>, mode: u32, sensitive: bool) -> Self {
        Self { path, bytes, mode: if sensitive { mode & 0o700 } else { mode }, sensitive }
    }
}

/// Renders all files of a module; sorted by output path.
pub(super) fn render(
    module: &Name,
    files: Vec<SourceFile>,
    build: &BuildConfig,
    params: &Params,
) -> Result<Vec<Output>, RenderError> {
    let toml = format!("modules/{module}/module.toml");
    let raw = globs(&build.raw, "raw", &toml)?;
    let exclude = globs(&build.exclude, "exclude", &toml)?;
    let templates = Templates::new(module, &files, &build.delimiters, &toml)?;
    let context = params.context();
    let mut outputs = Outputs::new();
    for file in files {
        if exclude.is_match(&file.path) {
            continue;
        }
        let is_raw = raw.is_match(&file.path);
        let path = if is_raw {
            file.path.clone()
        } else {
            let (path, secret) = params.watch(|| templates.name(&file.path, &context, params));
            if secret {
                let why = "its name would show a sensitive parameter".to_owned();
                return Err(RenderError::Output { path: templates.shown(&file.path), why });
            }
            path?
        };
        if !is_harmless(&path) {
            let why = format!("its name becomes `{}`", path.escape_debug());
            return Err(RenderError::Output { path: templates.shown(&file.path), why });
        }
        let (bytes, secret) = match std::str::from_utf8(&file.bytes) {
            Ok(text) if !is_raw && templates.has_syntax(text) => {
                let (text, secret) = params.watch(|| templates.render(&file.path, text, &context, params));
                (text?.into_bytes(), secret)
            }
            // Raw, binary, or nothing to render in it.
            _ => (file.bytes, false),
        };
        add(&mut outputs, Output::new(path, bytes, file.mode, secret), templates.shown(&file.path))?;
    }
    for file in &build.file {
        add(&mut outputs, generated::make(file, params)?, file.place.to_string())?;
    }
    for (path, (_, source)) in &outputs {
        let parents = path.match_indices('/').map(|(end, _)| &path[..end]);
        for parent in parents {
            if let Some((_, other)) = outputs.get(parent) {
                let why = format!("`{other}` makes a file `{parent}` where it needs a directory");
                return Err(RenderError::Output { path: source.clone(), why });
            }
        }
    }
    Ok(outputs.into_values().map(|(output, _)| output).collect())
}

/// Outputs by path, each with what makes it.
type Outputs = BTreeMap<String, (Output, String)>;

fn add(outputs: &mut Outputs, output: Output, source: String) -> Result<(), RenderError> {
    let path = output.path.clone();
    match outputs.get(&path) {
        Some((_, other)) => {
            let why = format!("`{other}` makes `{}` as well", path.escape_debug());
            Err(RenderError::Output { path: source, why })
        }
        None => {
            outputs.insert(path, (output, source));
            Ok(())
        }
    }
}

/// Whether a relative path stays below the directory that it is joined to, and out of `.git`.
pub(super) fn is_harmless(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\0')
        && !path.ends_with('/')
        && !path.contains("//")
        && Path::new(path).components().all(|part| match part {
            Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
            _ => false,
        })
        && !path.split('/').any(|part| part == ".")
}

pub(super) fn globs(patterns: &[String], key: &str, toml: &str) -> Result<GlobSet, RenderError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build().map_err(|error| {
            ProjectError::config(
                Place::whole(toml),
                format!("`{key}`: `{}`: {}", pattern.escape_debug(), error.kind()),
            )
        })?;
        set.add(glob);
    }
    set.build().map_err(|error| {
        ProjectError::config(Place::whole(toml), format!("`{key}`: {}", error.kind())).into()
    })
}

pub(super) struct Templates {
    env: Environment<'static>,
    module: Name,
    /// What begins an expression, a statement or a comment.
    openings: [String; 3],
}

impl Templates {
    pub(super) fn new(
        module: &Name,
        files: &[SourceFile],
        delimiters: &Delimiters,
        toml: &str,
    ) -> Result<Self, RenderError> {
        let Delimiters { variable, block, comment } = delimiters;
        let mut env = strict::environment();
        let pair = |pair: &[String; 2]| (pair[0].clone(), pair[1].clone());
        let ((v, v_end), (b, b_end), (c, c_end)) = (pair(variable), pair(block), pair(comment));
        let syntax = SyntaxConfig::builder()
            .variable_delimiters(v, v_end)
            .block_delimiters(b, b_end)
            .comment_delimiters(c, c_end)
            .keep_trailing_newline(true)
            .build()
            .map_err(|error| {
                ProjectError::config(
                    Place::whole(toml),
                    format!("`delimiters`: {}", strict::describe(&error)),
                )
            })?;
        env.set_syntax(syntax);
        let openings = [variable[0].clone(), block[0].clone(), comment[0].clone()];
        // Only what includes something needs the others.
        let includes = files.iter().any(|file| {
            ["include", "import", "extends"].iter().any(|word| contains(&file.bytes, word.as_bytes()))
        });
        if includes {
            let sources: BTreeMap<String, String> = files
                .iter()
                .filter_map(|file| Some((file.path.clone(), String::from_utf8(file.bytes.clone()).ok()?)))
                .collect();
            let sources = Arc::new(sources);
            env.set_loader(move |name| Ok(sources.get(name).cloned()));
            env.set_path_join_callback(|name, parent| match name.strip_prefix("./") {
                // `./x` is beside the file that includes it, anything else is seen from the module.
                Some(beside) => match parent.rsplit_once('/') {
                    Some((directory, _)) => format!("{directory}/{beside}").into(),
                    None => beside.to_owned().into(),
                },
                None => name.into(),
            });
        }
        Ok(Self { env, module: module.clone(), openings })
    }

    /// What keeps a text from being a template, if anything does.
    pub(super) fn fault(&self, path: &str, text: &str) -> Option<RenderError> {
        let compiled = self.has_syntax(text).then(|| self.env.template_from_named_str(path, text));
        compiled.and_then(Result::err).map(|error| self.error(path, &error))
    }

    fn has_syntax(&self, text: &str) -> bool {
        self.openings.iter().any(|opening| text.contains(opening.as_str()))
    }

    fn shown(&self, path: &str) -> String {
        format!("modules/{}/{}", self.module, path.escape_debug())
    }

    /// The output path: each component is a template of its own, and makes one component.
    fn name(&self, path: &str, context: &minijinja::Value, params: &Params) -> Result<String, RenderError> {
        if !self.has_syntax(path) {
            return Ok(path.to_owned());
        }
        let mut parts = Vec::new();
        for part in path.split('/') {
            let name = if self.has_syntax(part) {
                self.render(path, part, context, params)?
            } else {
                part.to_owned()
            };
            if name.is_empty() || name.contains('/') || name == "." || name == ".." {
                let why = format!("`{}` becomes `{}`", part.escape_debug(), name.escape_debug());
                return Err(RenderError::Output { path: self.shown(path), why });
            }
            parts.push(name);
        }
        Ok(parts.join("/"))
    }

    fn render(
        &self,
        path: &str,
        text: &str,
        context: &minijinja::Value,
        params: &Params,
    ) -> Result<String, RenderError> {
        let rendered = self.env.template_from_named_str(path, text).and_then(|t| t.render(context.clone()));
        let failure = params.failure();
        match (failure, rendered) {
            (None, Ok(text)) => Ok(text),
            // Where it was used says nothing about an interrupt.
            (Some(source @ ProjectError::Interrupted { .. }), _) => Err(source.into()),
            (Some(source), result) => {
                let line = result.err().and_then(|error| error.line()).unwrap_or(0);
                Err(RenderError::Parameter { source, used_in: Place::new(self.shown(path), line) })
            }
            (None, Err(error)) => Err(self.error(path, &error, params)),
        }
    }

    fn error(&self, path: &str, error: &minijinja::Error, params: &Params) -> RenderError {
        // An include wraps the error of what it includes; the innermost one is the user's.
        let mut inner = error;
        while let Some(next) =
            std::error::Error::source(inner).and_then(|e| e.downcast_ref::<minijinja::Error>())
        {
            inner = next;
        }
        let name = inner.name().unwrap_or(path);
        let mut message = params.told(strict::describe(inner));
        if !std::ptr::eq(inner, error)
            && let (Some(name), Some(line)) = (error.name(), error.line())
        {
            message.push_str(&format!(" (included at {}:{line})", self.shown(name)));
        }
        let place = match inner.line() {
            Some(line) => Place::new(self.shown(name), line),
            None => Place::whole(self.shown(name)),
        };
        RenderError::Template { place, message, excerpt: excerpt(inner) }
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// The line of the template that failed, as it is written, with carets below what failed.
fn excerpt(error: &minijinja::Error) -> Excerpt {
    let (Some(source), Some(line)) = (error.template_source(), error.line()) else {
        return Excerpt::default();
    };
    let Some(text) = source.lines().nth(line - 1) else { return Excerpt::default() };
    let begin: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect();
    let range = error.range().filter(|range| range.start >= begin && range.start <= begin + text.len());
    let caret = range.map_or_else(String::new, |range| {
        let end = range.end.min(begin + text.len()).max(range.start);
        let column = source.get(begin..range.start).map_or(0, |before| before.chars().count());
        let width = source.get(range.start..end).map_or(1, |inside| inside.chars().count()).max(1);
        format!("\n{:>5} | {}{}", "", " ".repeat(column.min(160)), "^".repeat(width.min(160)))
    });
    Excerpt(format!("\n{line:>5} | {}{caret}", shown.trim_end()))
}
