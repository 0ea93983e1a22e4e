//! Whether files are on the disk as others get them from the same commit.
//!
//! `git status` calls a file clean if this clone's filters, attributes and ends of lines make of it what
//! the commit holds. Others have other filters. So the bytes on the disk are compared with what a clone
//! gets that knows nothing but what is committed: that clone's view is asked of git in a directory without
//! configuration. Where the bytes are the commit's own and nothing is said about filters, nobody is asked.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::config::Config;
use super::file_list::FileList;
use super::index::{EntryKind, Hidden, IndexEntry, is_true};
use super::refusal::{CheckRefusal, Undelivered};
use super::unseen::content;
use super::{GitError, Repo};
use crate::text::shell_shown as quoted;

/// What changes content between the commit and the disk.
const ATTRIBUTES: [&str; 6] = ["filter", "ident", "text", "eol", "crlf", "working-tree-encoding"];

/// What is written of attributes when any of those is among them that change content.
const WORDS: [&str; 5] = ["filter", "ident", "eol", "crlf", "encoding"];

/// Why the files at these paths, or below them, are not as others get them; none if they are. Paths are
/// relative to the top of the working tree.
///
/// # Errors
/// When git fails, or a file cannot be read.
pub fn undelivered(repo: &Repo, paths: &[PathBuf]) -> Result<Option<CheckRefusal>, GitError> {
    let mut inputs = Vec::new();
    let is_within = |path: &Path| paths.iter().any(|wanted| path.starts_with(wanted));
    let wanted = |path: &[u8], kind, _| kind == EntryKind::Submodule || is_within(as_path(path));
    for entry in repo.index_where(Path::new(""), &wanted)? {
        let path = as_path(&entry.path).to_owned();
        let is_within = is_within(&path);
        match entry.kind {
            EntryKind::File { .. } | EntryKind::Link if is_within => inputs.push(entry),
            EntryKind::Submodule => {
                let own: Vec<PathBuf> = match is_within {
                    true => vec![PathBuf::new()],
                    false => {
                        paths.iter().filter_map(|p| Some(p.strip_prefix(&path).ok()?.to_owned())).collect()
                    }
                };
                if !own.is_empty()
                    && let Some(inner) = repo.submodule(&path)?
                    && let Some(refusal) = undelivered(&inner, &own)?
                {
                    return Ok(Some(refusal));
                }
            }
            _ => {}
        }
    }
    Clone { repo, config: repo.config()? }.look(&inputs)
}

/// This clone of the repository.
struct Clone<'a> {
    repo: &'a Repo,
    config: &'a Config,
}

impl Clone<'_> {
    fn look(&self, inputs: &[IndexEntry]) -> Result<Option<CheckRefusal>, GitError> {
        let (mut files, mut other) = (Vec::new(), Vec::new());
        for entry in inputs {
            let path = self.repo.work_dir().join(as_path(&entry.path));
            let read = content(&path, &entry.id).map_err(|source| GitError::Repository {
                what: format!("read `{}`", super::printable(&entry.path)),
                source: Box::new(source),
            })?;
            match read {
                // What is missing is told where it is read.
                None => {}
                Some(found) => {
                    if found.id != entry.id {
                        other.push(entry);
                    }
                    files.push(entry);
                }
            }
        }
        let local = self.local_attributes();
        let says = |text: &String| WORDS.iter().any(|word| text.contains(word));
        if other.is_empty()
            && !local.values().any(says)
            && !self.committed_attributes(inputs)?.iter().any(says)
        {
            return Ok(None);
        }
        let bare = Bare::make(self.repo)?;
        let (here, committed) = (self.attributes(&files, None)?, self.attributes(&files, Some(&bare))?);
        let mut plain = Vec::new();
        for entry in &files {
            let of = |all: &Attributes| all.get(&entry.path).cloned().unwrap_or_default();
            let (here, committed) = (of(&here), of(&committed));
            let is_raw = !other.iter().any(|other| other.path == entry.path);
            let Some(filter) = committed.filter() else {
                if here.filter().is_some_and(|filter| self.has_driver(filter)) && !is_raw {
                    return Ok(Some(self.refusal(&[entry], Undelivered::Attributes(self.source(&local)))));
                }
                // The ends of lines and the like, as others have them.
                if !is_raw || committed.converts() {
                    plain.push(*entry);
                }
                continue;
            };
            if !self.has_driver(filter) {
                return Ok(Some(self.refusal(&[entry], Undelivered::NoDriver(filter.to_owned()))));
            }
            if here.filter() != Some(filter) {
                return Ok(Some(self.refusal(&[entry], Undelivered::Attributes(self.source(&local)))));
            }
            // That a large file is the one which its pointer names, status knows.
            if filter != "lfs" && self.differs(&[entry], None)?.is_some() {
                return Ok(Some(self.refusal(&[entry], Undelivered::Filter(filter.to_owned()))));
            }
        }
        let Some(differing) = self.differs(&plain, Some(&bare))? else { return Ok(None) };
        let why = match local.values().any(|text| text.contains("text") || says(text)) {
            true => Undelivered::Attributes(self.source(&local)),
            false => match ["core.autocrlf", "core.eol"].iter().find_map(|key| self.set(key)) {
                Some(setting) => Undelivered::LineEnds(setting),
                None => Undelivered::Content,
            },
        };
        Ok(Some(self.refusal(&differing, why)))
    }

    fn refusal(&self, files: &[&IndexEntry], why: Undelivered) -> CheckRefusal {
        let names: Vec<Vec<u8>> = files.iter().map(|entry| entry.path.clone()).collect();
        let first = names.iter().take(FileList::SHOWN).map(|name| quoted(&String::from_utf8_lossy(name)));
        let first = first.collect::<Vec<_>>().join(" ");
        CheckRefusal::Undelivered { files: FileList::new(&names), why, first }
    }

    /// A setting that changes the ends of lines, as `core.autocrlf=true`.
    fn set(&self, key: &str) -> Option<String> {
        let value = self.config.last(key)?;
        let changes = match key {
            "core.autocrlf" => is_true(value) || value == "input",
            _ => value == "crlf",
        };
        changes.then(|| format!("{key}={}", super::printable(value.as_bytes())))
    }

    fn has_driver(&self, filter: &str) -> bool {
        let set = |what| self.config.last(&format!("filter.{filter}.{what}")).is_some_and(|v| !v.is_empty());
        ["smudge", "process", "clean"].into_iter().any(set)
    }

    /// What files of attributes say that only this clone has, by their names for people.
    fn local_attributes(&self) -> BTreeMap<String, String> {
        let env = self.repo.git().env();
        let home = || env.var_os("HOME").map(PathBuf::from);
        let usual = match env.var_os("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty()) {
            Some(dir) => Some(PathBuf::from(dir).join("git/attributes")),
            None => home().map(|home| home.join(".config/git/attributes")),
        };
        let configured = self.config.last("core.attributesfile").map(|file| match file.strip_prefix("~/") {
            Some(rest) => home().unwrap_or_default().join(rest),
            None => self.repo.work_dir().join(file),
        });
        let own = self.repo.common_dir().join("info/attributes");
        let system = env.var_os("GIT_ATTR_NOSYSTEM").is_none().then(|| PathBuf::from("/etc/gitattributes"));
        let files = [
            ("core.attributesFile", configured.or(usual)),
            (".git/info/attributes", Some(own)),
            ("/etc/gitattributes", system),
        ];
        let read = |(name, file): (&str, Option<PathBuf>)| {
            Some((name.to_owned(), std::fs::read_to_string(file?).ok()?))
        };
        files.into_iter().filter_map(read).collect()
    }

    fn source(&self, local: &BTreeMap<String, String>) -> String {
        let says = |text: &str| WORDS.iter().chain(&["text"]).any(|word| text.contains(word));
        local
            .iter()
            .find(|(_, text)| says(text))
            .map_or_else(|| ".gitattributes".to_owned(), |(name, _)| name.clone())
    }

    /// What the files of attributes say beside these files and above them.
    fn committed_attributes(&self, inputs: &[IndexEntry]) -> Result<Vec<String>, GitError> {
        let mut directories: Vec<&Path> =
            inputs.iter().flat_map(|entry| as_path(&entry.path).ancestors().skip(1)).collect();
        directories.sort_unstable();
        directories.dedup();
        let read = |directory: &Path| {
            let bytes = std::fs::read(self.repo.work_dir().join(directory).join(".gitattributes")).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let mut texts: Vec<String> = directories.into_iter().filter_map(read).collect();
        // One that a sparse checkout leaves out git reads from the index.
        let hides =
            |path: &[u8], _, hidden: Option<Hidden>| hidden.is_some() && path.ends_with(b".gitattributes");
        if self.repo.index_where(Path::new(""), &hides)?.iter().any(|entry| entry.hidden.is_some()) {
            texts.push(WORDS[0].to_owned());
        }
        Ok(texts)
    }

    /// Attributes of files, as this clone or as a clone without configuration has them.
    fn attributes(&self, files: &[&IndexEntry], bare: Option<&Bare>) -> Result<Attributes, GitError> {
        let mut input = Vec::new();
        for entry in files {
            input.extend_from_slice(&entry.path);
            input.push(0);
        }
        let args: Vec<&str> = ["check-attr", "-z", "--stdin"].into_iter().chain(ATTRIBUTES).collect();
        let said = self.fed(&args, bare, &input)?;
        let mut found = Attributes::new();
        let mut parts = said.split(|byte| *byte == 0);
        while let (Some(path), Some(name), Some(value)) = (parts.next(), parts.next(), parts.next()) {
            let value = String::from_utf8_lossy(value).into_owned();
            if value != "unspecified" {
                let name = String::from_utf8_lossy(name).into_owned();
                found.entry(path.to_vec()).or_default().0.insert(name, value);
            }
        }
        Ok(found)
    }

    /// The files whose bytes on the disk are not what git makes of the index's; none if there are none.
    fn differs<'e>(
        &self,
        files: &[&'e IndexEntry],
        bare: Option<&Bare>,
    ) -> Result<Option<Vec<&'e IndexEntry>>, GitError> {
        let mut differing = Vec::new();
        for entry in files {
            let object = format!("--path={}", String::from_utf8_lossy(&entry.path));
            let args = ["cat-file", "--filters", &object, entry.id.as_str()];
            let disk = std::fs::read(self.repo.work_dir().join(as_path(&entry.path))).unwrap_or_default();
            if entry.kind != EntryKind::Link && self.fed(&args, bare, b"")? != disk {
                differing.push(*entry);
                // A few names are enough to know what is wrong.
                if differing.len() > FileList::SHOWN {
                    break;
                }
            }
        }
        Ok((!differing.is_empty()).then_some(differing))
    }

    fn fed(&self, args: &[&str], bare: Option<&Bare>, input: &[u8]) -> Result<Vec<u8>, GitError> {
        let failed = |source: io::Error| GitError::Repository {
            what: "hand something to git".to_owned(),
            source: Box::new(source),
        };
        let mut file = tempfile::tempfile().map_err(failed)?;
        file.write_all(input).and_then(|()| file.rewind()).map_err(failed)?;
        let env = bare.map(Bare::env).unwrap_or_default();
        let env: Vec<(&str, &OsStr)> = env.iter().map(|(name, value)| (*name, value.as_os_str())).collect();
        let ran = self.repo.git().run_fed(args, &env, file)?;
        match ran.code {
            Some(0) => Ok(ran.stdout),
            _ => Err(self.repo.git().failure(args[0], &ran)),
        }
    }
}

/// Attributes that are set, by path.
type Attributes = BTreeMap<Vec<u8>, Values>;

/// The attributes of one file that are set, unset or have a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Values(BTreeMap<String, String>);

impl Values {
    /// Whether a checkout makes other bytes of what is committed.
    fn converts(&self) -> bool {
        let is = |name: &str, value: &str| self.0.get(name).is_some_and(|set| set == value);
        let encoding = self.0.get("working-tree-encoding");
        is("ident", "set")
            || is("eol", "crlf")
            || encoding.is_some_and(|name| name != "unset" && name != "set")
    }

    fn filter(&self) -> Option<&str> {
        self.0.get("filter").map(String::as_str).filter(|name| !matches!(*name, "unset" | "set" | ""))
    }
}

/// A git directory that shares objects and index and knows no configuration.
struct Bare {
    directory: tempfile::TempDir,
    objects: PathBuf,
    index: PathBuf,
}

impl Bare {
    fn make(repo: &Repo) -> Result<Self, GitError> {
        let make = || -> io::Result<Self> {
            let directory = tempfile::tempdir()?;
            for part in ["git/refs", "git/objects", "tree"] {
                std::fs::create_dir_all(directory.path().join(part))?;
            }
            std::fs::write(directory.path().join("git/HEAD"), "ref: refs/heads/none\n")?;
            let is_sha256 =
                repo.head().ok().and_then(|head| head.oid).is_some_and(|oid| oid.as_str().len() == 64);
            let format = if is_sha256 { "1\n[extensions]\n\tobjectFormat = sha256" } else { "0" };
            let config = format!("[core]\n\tbare = false\n\trepositoryFormatVersion = {format}\n");
            std::fs::write(directory.path().join("git/config"), config)?;
            Ok(Self {
                directory,
                objects: repo.common_dir().join("objects"),
                index: repo.git_dir().join("index"),
            })
        };
        make().map_err(|source| GitError::Repository {
            what: "make a git directory without configuration".to_owned(),
            source: Box::new(source),
        })
    }

    fn env(&self) -> Vec<(&'static str, OsString)> {
        let own = |name: &str| self.directory.path().join(name).into_os_string();
        vec![
            ("GIT_DIR", own("git")),
            ("GIT_WORK_TREE", own("tree")),
            ("GIT_OBJECT_DIRECTORY", self.objects.clone().into()),
            ("GIT_INDEX_FILE", self.index.clone().into()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GIT_CONFIG_COUNT", "0".into()),
            ("GIT_ATTR_NOSYSTEM", "1".into()),
            ("HOME", own("tree")),
            ("XDG_CONFIG_HOME", own("tree")),
        ]
    }
}

fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}
