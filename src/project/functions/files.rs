//! `file`, `filebase64`, `fileexists`: files of the project, and of nothing else.
//!
//! Every component is opened from its parent's descriptor without following links: what a branch
//! under review says can read nothing outside of the project, nor `.git` and `.dist`.

use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::Error;
use minijinja::value::{Value, from_args};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::super::error::printable;
use super::super::files::Files;
use super::super::params::Scope;
use super::super::{DIST, Former, Placeholder};
use super::refuse;
use crate::read;

pub(super) fn file(scope: &Arc<Scope>, args: &[Value]) -> Result<Value, Error> {
    let (path, bytes) = required(scope, args)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| refuse(format!("`{path}` is not UTF-8; `filebase64` reads every file")))?;
    Ok(Value::from(text))
}

pub(super) fn filebase64(scope: &Arc<Scope>, args: &[Value]) -> Result<Value, Error> {
    Ok(Value::from(STANDARD.encode(required(scope, args)?.1)))
}

pub(super) fn fileexists(scope: &Arc<Scope>, args: &[Value]) -> Result<Value, Error> {
    let (path,): (&str,) = from_args(args)?;
    scope.outside.reach();
    Ok(Value::from(open(&scope.outside.files, path)?.is_some()))
}

/// The path as it may be shown, and the file's bytes.
fn required(scope: &Arc<Scope>, args: &[Value]) -> Result<(String, Vec<u8>), Error> {
    let (path,): (&str,) = from_args(args)?;
    let shown = printable(path);
    scope.outside.reach();
    let bytes = match open(&scope.outside.files, path)? {
        None => return Err(refuse(format!("the project has no file `{shown}`"))),
        Some(Found::Disk(mut file)) => {
            file.metadata().and_then(|meta| read::whole(&mut file, meta.len(), read::ANSWER))
        }
        Some(Found::Former(id)) => {
            let earlier = scope.outside.files.earlier();
            let former = earlier
                .map_or_else(|| Err(std::io::ErrorKind::NotFound.into()), |earlier| (earlier.read)(&id));
            former.and_then(|bytes| read::whole(&mut bytes.as_slice(), bytes.len() as u64, read::ANSWER))
        }
    };
    match bytes {
        Ok(bytes) => match Placeholder::of(&bytes) {
            Some(found) => Err(refuse(format!("`{shown}` {}: {}", found.what(), found.cure()))),
            None => Ok((shown, bytes)),
        },
        Err(error) => Err(refuse(format!("cannot read `{shown}`: {error}"))),
    }
}

/// A regular file of the project.
enum Found {
    Disk(File),
    /// One that was, by the name of its content.
    Former(String),
}

/// Opens a regular file of the project; none if there is nothing.
fn open(files: &Files, path: &str) -> Result<Option<Found>, Error> {
    let shown = printable(path);
    let mut parts = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => parts.push(name),
            _ => {
                return Err(refuse(format!(
                    "`{shown}` is not a path within the project, seen from its root"
                )));
            }
        }
    }
    let own = |part: &std::ffi::OsStr| part.eq_ignore_ascii_case(".git");
    if parts.iter().any(|part| own(part)) || parts.first().is_some_and(|part| *part == DIST) {
        return Err(refuse(format!("`{shown}` is not part of the source: neither .git nor {DIST} is read")));
    }
    let whole: PathBuf = parts.iter().collect();
    files.note(&whole);
    if let Some(found) = former(files, &whole, &shown)? {
        return Ok(found);
    }
    let found = open_on_disk(files.root(), &parts, &shown)?;
    let Some(index) = files.index() else { return Ok(found) };
    let fail = |error: std::io::Error| refuse(format!("cannot read `{shown}`: {error}"));
    match found {
        // What git ignores is not there.
        Some(found) => Ok(index.counts(&whole).map_err(fail)?.then_some(found)),
        None => match index.not_here(files.root(), &whole).map_err(fail)? {
            Some(not_here) => Err(refuse(format!("{not_here}: {}", not_here.cure()))),
            None => Ok(None),
        },
    }
}

/// What an earlier state has at a path, if that has changed since; then none if there was nothing.
fn former(files: &Files, path: &Path, shown: &str) -> Result<Option<Option<Found>>, Error> {
    let Some(earlier) = files.earlier() else { return Ok(None) };
    for above in path.ancestors().skip(1) {
        match earlier.changed.get(above) {
            None | Some(Former::Absent) => {}
            Some(Former::Link { .. }) => return Err(refuse(format!("`{shown}`: links are not followed"))),
            Some(Former::File { .. }) => {
                return Err(refuse(format!("cannot read `{shown}`: Not a directory")));
            }
            Some(Former::Unreadable(why)) => return Err(refuse(format!("cannot read `{shown}`: {why}"))),
        }
    }
    match earlier.changed.get(path) {
        Some(Former::File { id, .. }) => Ok(Some(Some(Found::Former(id.clone())))),
        Some(Former::Link { .. }) => Err(refuse(format!("`{shown}`: links are not followed"))),
        Some(Former::Unreadable(why)) => Err(refuse(format!("cannot read `{shown}`: {why}"))),
        _ if earlier.below(path).any(|(_, was)| *was != Former::Absent) => {
            Err(refuse(format!("`{shown}` is no regular file")))
        }
        Some(Former::Absent) => Ok(Some(None)),
        None if path.ancestors().any(|above| earlier.changed.contains_key(above)) => Ok(Some(None)),
        None => Ok(None),
    }
}

fn open_on_disk(root: &Path, parts: &[&std::ffi::OsStr], shown: &str) -> Result<Option<Found>, Error> {
    let fail = |error: Errno| refuse(format!("cannot read `{shown}`: {}", std::io::Error::from(error)));
    let common = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = rustix::fs::open(root, common | OFlags::DIRECTORY, Mode::empty()).map_err(fail)?;
    let last = parts.len().saturating_sub(1);
    for (index, part) in parts.iter().enumerate() {
        // Without blocking: a pipe would wait for a writer for ever.
        let kind = if index == last { OFlags::NONBLOCK } else { OFlags::DIRECTORY };
        at = match rustix::fs::openat(&at, *part, common | kind, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => {
                let link = rustix::fs::readlinkat(&at, *part, Vec::new()).is_ok();
                let why =
                    if link { refuse(format!("`{shown}`: links are not followed")) } else { fail(error) };
                return Err(why);
            }
        };
    }
    let file = File::from(at);
    match file.metadata() {
        Ok(meta) if meta.is_file() => Ok(Some(Found::Disk(file))),
        Ok(_) => Err(refuse(format!("`{shown}` is no regular file"))),
        Err(error) => Err(refuse(format!("cannot read `{shown}`: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::project::Place;
    use crate::project::tests::Sample;

    fn sample() -> Sample {
        let sample = Sample::new(&[
            ("modules/alpha/x", ""),
            ("profiles/dev.toml", ""),
            ("shared/motd", "Grüße\n"),
            (".git/config", "hunter2"),
            (".dist/alpha/dev/x", "hunter2"),
        ]);
        sample.write("shared/blob", b"\xff\x00");
        sample
    }

    fn eval(sample: &Sample, expression: &str) -> Result<String, String> {
        let params = sample.params("alpha/dev", &[]).unwrap();
        params.expand(&format!("{{{{ {expression} }}}}"), &Place::whole("t")).map_err(|e| e.to_string())
    }

    #[test]
    fn files_of_the_project_are_read() {
        let sample = sample();
        assert_eq!(eval(&sample, "file('shared/motd')"), Ok("Grüße\n".into()));
        assert_eq!(eval(&sample, "file('./shared//motd')"), Ok("Grüße\n".into()));
        assert_eq!(eval(&sample, "filebase64('shared/blob')"), Ok("/wA=".into()));
        assert_eq!(eval(&sample, "fileexists('shared/motd')"), Ok("true".into()));
        assert_eq!(eval(&sample, "fileexists('shared/nope')"), Ok("false".into()));
        assert_eq!(eval(&sample, "fileexists('nope/nope')"), Ok("false".into()));
    }

    #[test]
    fn nothing_else_is_read() {
        let sample = sample();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("key"), "hunter2").unwrap();
        let link =
            |to: &std::path::Path, name: &str| std::os::unix::fs::symlink(to, sample.path(name)).unwrap();
        link(&outside.path().join("key"), "shared/link");
        link(outside.path(), "linked");
        link(std::path::Path::new("motd"), "shared/inside");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            sample.path("shared/pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        for (path, why) in [
            ("shared/nope", "no file `shared/nope`"),
            ("shared/blob", "not UTF-8"),
            ("shared", "no regular file"),
            ("shared/pipe", "no regular file"),
            ("", "no regular file"),
            ("shared/link", "links are not followed"),
            ("shared/inside", "links are not followed"),
            ("linked/key", "links are not followed"),
            ("../x", "not a path within"),
            ("shared/../shared/motd", "not a path within"),
            ("/etc/passwd", "not a path within"),
            (".git/config", "neither .git nor .dist"),
            ("shared/.GIT/x", "neither .git nor .dist"),
            (".dist/alpha/dev/x", "neither .git nor .dist"),
            ("shared/motd/x", "cannot read"),
        ] {
            let error = eval(&sample, &format!("file('{path}')")).unwrap_err();
            assert!(error.contains("`file`: ") && error.contains(why), "{path}: {error}");
            assert!(!error.contains("hunter"), "{error}");
        }
        assert!(eval(&sample, "fileexists('../x')").is_err());
    }
}
