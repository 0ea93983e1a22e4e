//! The template engine with a module's files in it. Each is compiled once, whatever the number of
//! profiles, and includes others by name.
//!
//! Names are looked up in memory among the module's files and the project's partials, so that none
//! can lead to anything else: `x` is seen from the module, `./x` and `../x` from the file that
//! includes it, `_partials/x` is a partial.

use std::ops::Range;
use std::sync::Arc;

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;

use super::RenderError;
use super::directory::PARTIALS;
use super::encoding;
use super::error::Excerpt;
use super::source::SourceFile;
use crate::project::strict::budget::Evaluation;
use crate::project::strict::checks::{self, Refused};
use crate::project::{BuildConfig, Delimiters, Params, Place, ProjectError, stand_in, strict};

/// Files by the names under which templates know them, sorted.
type Files = Arc<Vec<SourceFile>>;

/// The templates of a module.
pub(super) struct Templates {
    env: Environment<'static>,
    delimiters: Delimiters,
    files: Files,
    partials: Files,
    /// Some of them include others, so that any may be written many times.
    again: bool,
}

impl Templates {
    /// `files` and `partials` are sorted by path; partials are named from their own directory.
    pub(super) fn new(build: &BuildConfig, files: Files, partials: Files) -> Result<Self, RenderError> {
        let delimiters = build.delimiters.clone();
        let mut env = strict::environment();
        let pair = |pair: &[String; 2]| (pair[0].clone(), pair[1].clone());
        let ((v, v_end), (b, b_end)) = (pair(&delimiters.variable), pair(&delimiters.block));
        let (c, c_end) = pair(&delimiters.comment);
        let syntax = SyntaxConfig::builder()
            .variable_delimiters(v, v_end)
            .block_delimiters(b, b_end)
            .comment_delimiters(c, c_end)
            .keep_trailing_newline(true)
            .build()
            .map_err(|error| {
                let message = format!("`delimiters`: {}", strict::describe(&error));
                ProjectError::config(build.place("delimiters"), message)
            })?;
        env.set_syntax(syntax);
        let again = files.iter().chain(partials.iter()).any(includes);
        let (own, shared, pairs) = (Arc::clone(&files), Arc::clone(&partials), delimiters.clone());
        env.set_loader(move |name| {
            let text = find(&own, &shared, name).and_then(|file| encoding::text(&file.bytes));
            Ok(text.map(|text| match checks::template(text, &pairs, again) {
                Ok(checked) => checked.text.into_owned(),
                // What the engine cannot read either; `error` says why.
                Err(_) => pairs.variable[0].clone(),
            }))
        });
        env.set_path_join_callback(|name, parent| join(name, parent).into());
        Ok(Self { env, delimiters, files, partials, again })
    }

    pub(super) fn has_syntax(&self, text: &str) -> bool {
        self.delimiters.open_in(text)
    }

    /// The ending that a name which is a template gets in any case, without its dots.
    pub(super) fn literal_ending(name: &str) -> Option<&str> {
        let (_, ending) = name.rsplit_once('.')?;
        ending.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(ending)
    }

    /// The project's partials, as far as the module may include them.
    pub(super) fn partials(&self) -> &[SourceFile] {
        &self.partials
    }

    /// Whether a template does no more with its values than print them.
    pub(super) fn only_prints(&self, template: &[u8]) -> bool {
        let (variable, block) = (&self.delimiters.variable, &self.delimiters.block);
        std::str::from_utf8(template).is_ok_and(|text| {
            !text.contains(block[0].as_str())
                && stand_in::tags(text, &variable[0], &variable[1]).all(stand_in::only_prints)
        })
    }

    /// Whether anything in a template may read files of the project.
    pub(super) fn may_read_files(&self, template: &[u8]) -> bool {
        let pairs = [&self.delimiters.variable, &self.delimiters.block];
        std::str::from_utf8(template).is_ok_and(|text| {
            text.contains("file")
                && pairs
                    .iter()
                    .any(|pair| stand_in::tags(text, &pair[0], &pair[1]).any(stand_in::may_read_files))
        })
    }

    /// A file as people are told of it.
    fn shown(&self, name: &str) -> String {
        match find(&self.files, &self.partials, name) {
            Some(file) => file.shown.clone(),
            None => name.escape_debug().to_string(),
        }
    }

    /// What keeps a file from being a template, if anything does.
    pub(super) fn fault(&self, path: &str, params: &Params) -> Option<RenderError> {
        self.env.get_template(path).err().map(|error| self.error(path, "", &error, params))
    }

    /// The output's name: each component is a template of its own, and makes one component. `place` is
    /// where the name is written: in module.toml, or it is that of the file.
    pub(super) fn name(
        &self,
        name: &str,
        place: &Place,
        context: &minijinja::Value,
        params: &Params,
    ) -> Result<String, RenderError> {
        if !self.has_syntax(name) {
            return Ok(name.to_owned());
        }
        let _evaluation = Evaluation::begin();
        let mut parts = Vec::new();
        for part in name.split('/') {
            let name = if self.has_syntax(part) {
                let refuse = |refused: Refused| {
                    let message = format!("in the name `{}`: {}", part.escape_debug(), refused.why);
                    RenderError::Template { place: place.clone(), message, excerpt: Excerpt::default() }
                };
                let checked = checks::template(part, &self.delimiters, false).map_err(refuse)?;
                let rendered = self
                    .env
                    .template_from_str(&checked.text)
                    .and_then(|template| template.render(context.clone()));
                match (params.failure(), rendered) {
                    (None, Ok(text)) => text,
                    (Some(source @ ProjectError::Interrupted { .. }), _) => return Err(source.into()),
                    (Some(source), _) => {
                        return Err(RenderError::Parameter { source, used_in: place.clone() });
                    }
                    (None, Err(error)) => {
                        let message = params.told(strict::describe(&error));
                        let message = format!("in the name `{}`: {message}", part.escape_debug());
                        let excerpt = Excerpt::default();
                        return Err(RenderError::Template { place: place.clone(), message, excerpt });
                    }
                }
            } else {
                part.to_owned()
            };
            if name.is_empty() || name.contains('/') || name == "." || name == ".." {
                let why = format!("`{}` becomes `{}`", part.escape_debug(), name.escape_debug());
                return Err(RenderError::Output { path: place.to_string(), why });
            }
            parts.push(name);
        }
        Ok(parts.join("/"))
    }

    /// A file's content.
    pub(super) fn render(
        &self,
        path: &str,
        context: &minijinja::Value,
        params: &Params,
    ) -> Result<String, RenderError> {
        let _evaluation = Evaluation::begin();
        let template = self.env.get_template(path);
        let rendered = template.and_then(|template| template.render(context.clone()));
        let text = self.settle(path, "", rendered, params)?;
        // Of a file that is included it goes.
        let file = find(&self.files, &self.partials, path);
        let is_marked = file.is_some_and(|file| file.bytes.starts_with("\u{feff}".as_bytes()));
        Ok(if is_marked { format!("{}{text}", encoding::MARK) } else { text })
    }

    /// `part` is the part of a name that was rendered instead of a file.
    fn settle(
        &self,
        path: &str,
        part: &str,
        rendered: Result<String, minijinja::Error>,
        params: &Params,
    ) -> Result<String, RenderError> {
        match (params.failure(), rendered) {
            (None, Ok(text)) => Ok(text),
            // Where it was used says nothing about an interrupt.
            (Some(source @ ProjectError::Interrupted { .. }), _) => Err(source.into()),
            (Some(source), result) => {
                let line = result.err().and_then(|error| error.line()).unwrap_or(0);
                Err(RenderError::Parameter { source, used_in: Place::new(self.shown(path), line) })
            }
            (None, Err(error)) => Err(self.error(path, part, &error, params)),
        }
    }

    fn error(&self, path: &str, part: &str, error: &minijinja::Error, params: &Params) -> RenderError {
        // An include wraps the error of what it includes; the innermost one is the user's.
        let (mut inner, mut chain) = (error, Vec::new());
        while let Some(next) =
            std::error::Error::source(inner).and_then(|e| e.downcast_ref::<minijinja::Error>())
        {
            // What a filter wraps knows no place.
            if next.line().is_none() {
                break;
            }
            if let (Some(name), Some(line)) = (inner.name(), inner.line()) {
                chain.push((name, Some(line)));
            }
            inner = next;
        }
        let name = inner.name().unwrap_or(path);
        // What a macro or a parent template does wrong is not wrapped: say at least for which file.
        if chain.is_empty() && name != path {
            chain.push((path, None));
        }
        let file = find(&self.files, &self.partials, name);
        let written = [file.and_then(|file| encoding::text(&file.bytes)), Some(part)];
        let written = written.into_iter().zip([self.again, false]);
        let written = written.filter_map(|(text, again)| Some((text?, again)));
        let seen = Seen::of(inner, written, &self.delimiters);
        let mut message = params.told(seen.refused.map_or_else(|| strict::describe(inner), str::to_owned));
        message.push_str(seen.trap(&message));
        if !chain.is_empty() {
            let way: Vec<String> =
                chain.iter().rev().map(|(name, line)| place(self.shown(name), *line).to_string()).collect();
            message.push_str(&format!(" (included at {})", way.join(", from ")));
        }
        let place = place(self.shown(name), seen.line);
        RenderError::Template { place, message, excerpt: seen.excerpt() }
    }
}

/// Whether a file may include others.
pub(super) fn includes(file: &SourceFile) -> bool {
    std::str::from_utf8(&file.bytes)
        .is_ok_and(|text| ["include", "import", "extends"].into_iter().any(|word| text.contains(word)))
}

fn place(file: String, line: Option<usize>) -> Place {
    line.map_or_else(|| Place::whole(file.as_str()), |line| Place::new(file.as_str(), line))
}

/// The file that a name stands for.
fn find<'a>(files: &'a [SourceFile], partials: &'a [SourceFile], name: &str) -> Option<&'a SourceFile> {
    let (files, path) = match name.strip_prefix(PARTIALS).and_then(|rest| rest.strip_prefix('/')) {
        Some(path) => (partials, path),
        None => (files, name),
    };
    files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().map(|index| &files[index])
}

/// A name as a file says it, seen from the module. One that leads out of the module, or out of the
/// partials, stays as it is: no file has such a name.
fn join(name: &str, parent: &str) -> String {
    if !name.starts_with("./") && !name.starts_with("../") {
        return name.to_owned();
    }
    let mut parts: Vec<&str> = parent.split('/').collect();
    parts.pop();
    let least = usize::from(parts.first() == Some(&PARTIALS));
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.len() > least => {
                parts.pop();
            }
            ".." => return name.to_owned(),
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    // Beside the module's own files there is no way into the partials but by their name.
    if least == 0 && parts.first() == Some(&PARTIALS) { name.to_owned() } else { joined }
}

/// How many characters of a line are shown.
const WIDEST: usize = 160;

/// Where something failed in a template, as it is written.
struct Seen<'t> {
    text: &'t str,
    line: Option<usize>,
    range: Option<Range<usize>>,
    /// Why the engine was not given it.
    refused: Option<&'static str>,
}

impl<'t> Seen<'t> {
    /// `written` are the texts that the engine may have been given with checks in it, and whether they may
    /// be written many times.
    fn of(
        error: &'t minijinja::Error,
        written: impl Iterator<Item = (&'t str, bool)>,
        delimiters: &Delimiters,
    ) -> Self {
        let (source, line) = (error.template_source().unwrap_or_default(), error.line());
        for (text, again) in written {
            match checks::template(text, delimiters, again) {
                Ok(checked) if checked.text == source => {
                    let range = error.range().map(|range| checked.written(range));
                    // The engine counts no more than 65535 lines.
                    let begin = range.as_ref().and_then(|range| text.get(..range.start));
                    let line = begin.map(|begin| begin.matches('\n').count() + 1).or(line);
                    return Self { text, line, range, refused: None };
                }
                Err(Refused { at, why }) if source == delimiters.variable[0] => {
                    let line = Some(text[..at.start].matches('\n').count() + 1);
                    return Self { text, line, range: Some(at), refused: Some(why) };
                }
                _ => {}
            }
        }
        Self { text: source, line, range: error.range(), refused: None }
    }

    /// What is probably meant where the engine cannot read it.
    fn trap(&self, message: &str) -> &'static str {
        let line = self.line.and_then(|line| self.text.lines().nth(line - 1)).unwrap_or_default();
        match message.starts_with("syntax error") {
            true if message.contains("unexpected character") && !line.is_ascii() => {
                "; names in templates are letters of ASCII, digits and `_`"
            }
            true if line.contains("{{{") => {
                "; `{{{` begins an expression that holds a table: for one within HCL's `${…}` write `${ {{ x }} }`"
            }
            _ => "",
        }
    }

    /// The line that failed, with carets below what failed.
    fn excerpt(&self) -> Excerpt {
        let (source, Some(line)) = (self.text, self.line) else { return Excerpt::default() };
        let Some(text) = source.lines().nth(line - 1) else { return Excerpt::default() };
        let begin: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let range =
            self.range.clone().filter(|range| range.start >= begin && range.start <= begin + text.len());
        let (column, width) = range.as_ref().map_or((0, 0), |range| {
            let end = range.end.min(begin + text.len()).max(range.start);
            let column = source.get(begin..range.start).map_or(0, |before| before.chars().count());
            (column, source.get(range.start..end).map_or(1, |inside| inside.chars().count()).max(1))
        });
        // Of a long line the part around the fault.
        let skipped = if column + width.min(WIDEST / 2) > WIDEST { column - WIDEST / 2 } else { 0 };
        let mark = if skipped > 0 { "…" } else { "" };
        let part = text.chars().skip(skipped).take(WIDEST);
        let shown: String = part.map(|c| if crate::text::is_harmless(c) { c } else { ' ' }).collect();
        let caret = range.map_or_else(String::new, |_| {
            let indent = " ".repeat(column - skipped + mark.chars().count());
            format!("\n{:>5} | {indent}{}", "", "^".repeat(width.min(WIDEST - (column - skipped))))
        });
        Excerpt(format!("\n{line:>5} | {mark}{}{caret}", shown.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_seen_from_the_module_or_from_the_file_that_says_them() {
        for (name, parent, joined) in [
            ("a.j2", "sub/main.tf", "a.j2"),
            ("./a.j2", "main.tf", "a.j2"),
            ("./a.j2", "sub/main.tf", "sub/a.j2"),
            ("../a.j2", "sub/main.tf", "a.j2"),
            ("../x/./a.j2", "sub/deep/main.tf", "sub/x/a.j2"),
            ("./b.j2", "_partials/a.j2", "_partials/b.j2"),
            ("../b.j2", "_partials/sub/a.j2", "_partials/b.j2"),
            ("_partials/a.j2", "sub/main.tf", "_partials/a.j2"),
            ("main.tf", "_partials/a.j2", "main.tf"),
            // Out of what may be reached: no file has such a name.
            ("../a.j2", "main.tf", "../a.j2"),
            ("../../a.j2", "sub/main.tf", "../../a.j2"),
            ("../main.tf", "_partials/a.j2", "../main.tf"),
            ("./_partials/a.j2", "main.tf", "./_partials/a.j2"),
        ] {
            assert_eq!(join(name, parent), joined, "{name} in {parent}");
        }
    }
}
