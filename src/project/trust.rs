//! Whether the user lets a project's own words start programs and change the environment.
//!
//! What was agreed to is kept outside of the repository, a file for each project: which words, in which
//! directory, of which remotes. Words that change are asked about again. A run of a CI is trusted, for
//! whoever set the job up chose what it checks out, and so is what lies below `LOCKSTEP_TRUSTED_PATHS`.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::words::{Extent, OwnWord, digest};
use super::{Project, ProjectError};
use crate::env::{self, Environment};
use crate::git::Repo;

/// Directories below which projects are trusted, separated by colons.
pub const TRUSTED_PATHS: &str = "LOCKSTEP_TRUSTED_PATHS";
/// Where the files are, below the user's directory for state.
const DIRECTORY: &str = "lockstep/trust";
/// More than any project has words.
const LARGEST: u64 = 4 * 1024 * 1024;

/// How the user is asked; the answer is none where nobody answers.
pub type AskTrust = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What one user lets one project do. Cloning shares the answer.
#[derive(Clone)]
pub struct Trust(Option<Arc<Inner>>);

struct Inner {
    project: Project,
    repo: Option<Repo>,
    env: Environment,
    ask: Option<AskTrust>,
    /// The user has said no.
    refused: Mutex<bool>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("everything", &self.0.is_none()).finish()
    }
}

/// What is kept of one project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: u32,
    root: PathBuf,
    /// A digest: addresses may hold passwords.
    remotes: String,
    words: BTreeSet<String>,
}

impl Trust {
    /// Everything is let, as a program says that vouches for the project itself.
    pub fn everything() -> Self {
        Self(None)
    }

    /// What the user of this environment lets a project do.
    pub fn of(project: &Project, repo: Option<&Repo>, env: &Environment, ask: Option<AskTrust>) -> Self {
        if env::is_ci(env) || is_below_trusted(project.root(), env) {
            return Self::everything();
        }
        let refused = Mutex::new(false);
        Self(Some(Arc::new(Inner {
            project: project.clone(),
            repo: repo.cloned(),
            env: env.clone(),
            ask,
            refused,
        })))
    }

    /// Whether the settings of the project may be used, without asking anybody.
    ///
    /// # Errors
    /// [`ProjectError::Untrusted`] if not.
    pub fn is_given(&self) -> Result<(), ProjectError> {
        self.0.as_ref().map_or(Ok(()), |inner| inner.need(Extent::Settings, None, false))
    }

    /// Makes sure that the project's settings may be used: asks the user if need be.
    ///
    /// # Errors
    /// [`ProjectError::Untrusted`] if not.
    pub fn need(&self) -> Result<(), ProjectError> {
        self.0.as_ref().map_or(Ok(()), |inner| inner.need(Extent::Settings, None, true))
    }

    /// Makes sure that a command may start that the project's words come to.
    ///
    /// # Errors
    /// [`ProjectError::Untrusted`] if not.
    pub(crate) fn need_for(&self, argv: &[String]) -> Result<(), ProjectError> {
        self.0.as_ref().map_or(Ok(()), |inner| inner.need(Extent::Everything, Some(argv), true))
    }

    /// Trusts all words that the project has now; what they are.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn give(
        project: &Project,
        repo: Option<&Repo>,
        env: &Environment,
    ) -> Result<Vec<OwnWord>, ProjectError> {
        let words = project.own_words();
        let mut kept = Kept::of(project.root(), repo);
        kept.words.extend(words.iter().map(|word| word.digest.clone()));
        kept.write(env)?;
        Ok(words)
    }

    /// Forgets that a project was trusted; whether it was.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn revoke(root: &Path, env: &Environment) -> Result<bool, ProjectError> {
        let path = file_of(root, env)?;
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(ProjectError::Read { path: path.display().to_string(), source }),
        }
    }

    /// The directories of all projects that are trusted, sorted.
    pub fn all(env: &Environment) -> Vec<PathBuf> {
        let directory = env::state_directory(env).map(|state| state.join(DIRECTORY));
        let entries = directory.and_then(|directory| std::fs::read_dir(directory).ok());
        let mut roots: Vec<PathBuf> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some(Kept::read(&entry.path())?.root))
            .collect();
        roots.sort();
        roots
    }
}

impl Inner {
    fn need(&self, extent: Extent, argv: Option<&[String]>, may_ask: bool) -> Result<(), ProjectError> {
        // One question at a time, and each once.
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let words = self.project.own_words_of(extent);
        let mut kept = Kept::of(self.project.root(), self.repo.as_ref());
        let before = file_of(self.project.root(), &self.env).ok().and_then(|path| Kept::read(&path));
        let known = before.filter(|before| before.root == kept.root && before.remotes == kept.remotes);
        let is_known = known.is_some();
        kept.words = known.unwrap_or_default().words;
        let mut missing: Vec<OwnWord> =
            words.iter().filter(|word| !kept.words.contains(&word.digest)).cloned().collect();
        if let Some(argv) = argv
            && !words.iter().any(|word| word.covers(argv))
        {
            // What no word says as it comes out is asked about as it comes out.
            let command = OwnWord::command(argv);
            missing.extend((!kept.words.contains(&command.digest)).then_some(command));
        }
        if missing.is_empty() {
            return Ok(());
        }
        let root = self.project.root().display().to_string();
        let untrusted = |words: &[OwnWord]| ProjectError::Untrusted {
            root: super::error::printable(&root),
            words: words.iter().map(|word| word.says.clone()).collect(),
        };
        let Some(ask) = self.ask.as_ref().filter(|_| may_ask && !*refused) else {
            return Err(untrusted(&missing));
        };
        // All of it at once: who has agreed is not asked again by the next template.
        if extent == Extent::Settings {
            let all = self.project.own_words();
            missing = all.into_iter().filter(|word| !kept.words.contains(&word.digest)).collect();
        }
        let answer = ask(&question(&root, &missing, is_known)).unwrap_or_default();
        if !["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes)) {
            *refused = true;
            return Err(untrusted(&missing));
        }
        // What was said of words that are gone is forgotten, but for commands as they came out.
        kept.words.extend(missing.into_iter().map(|word| word.digest));
        kept.write(&self.env)
    }
}

fn question(root: &str, words: &[OwnWord], is_known: bool) -> String {
    let begins = if is_known { "has new words since you trusted it" } else { "is not trusted yet" };
    let list: Vec<String> = words.iter().map(|word| word.says.clone()).collect();
    format!(
        "{} {begins}. With your rights it{}\nDo you trust it? [y/N]",
        super::error::printable(root),
        lines(&list)
    )
}

/// A list for people, bounded.
pub(super) fn lines(words: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text: String = words.iter().take(SHOWN).map(|word| format!("\n    {word}")).collect();
    if words.len() > SHOWN {
        text.push_str(&format!("\n    and {} more", words.len() - SHOWN));
    }
    text
}

fn is_below_trusted(root: &Path, env: &Environment) -> bool {
    let list = env.var_os(TRUSTED_PATHS).unwrap_or_default();
    std::env::split_paths(list)
        .filter(|path| path.is_absolute())
        .any(|path| root.starts_with(path.canonicalize().unwrap_or(path)))
}

fn file_of(root: &Path, env: &Environment) -> Result<PathBuf, ProjectError> {
    let state = env::state_directory(env).ok_or_else(|| ProjectError::Read {
        path: DIRECTORY.to_owned(),
        source: std::io::Error::other("HOME is not set, so there is no place to keep what you trust"),
    })?;
    let name = digest(&[&root.to_string_lossy()]);
    Ok(state.join(DIRECTORY).join(format!("{}.json", &name[..32])))
}

impl Kept {
    fn of(root: &Path, repo: Option<&Repo>) -> Self {
        let remotes = repo.map(Repo::remote_urls).unwrap_or_default();
        Self { format: 1, root: root.to_owned(), remotes: digest(&[&remotes]), words: BTreeSet::new() }
    }

    fn read(path: &Path) -> Option<Self> {
        let mut text = Vec::new();
        let file =
            std::fs::File::open(path).ok().filter(|file| file.metadata().is_ok_and(|meta| meta.is_file()))?;
        file.take(LARGEST).read_to_end(&mut text).ok()?;
        serde_json::from_slice::<Self>(&text).ok().filter(|kept| kept.format == 1)
    }

    fn write(&self, env: &Environment) -> Result<(), ProjectError> {
        use std::io::Write as _;
        let path = file_of(&self.root, env)?;
        let put = || -> std::io::Result<()> {
            let directory = path.parent().unwrap_or(Path::new("/"));
            std::fs::create_dir_all(directory)?;
            let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
            file.write_all(&serde_json::to_vec(self).map_err(std::io::Error::other)?)?;
            file.as_file().sync_all()?;
            file.persist(&path).map(drop).map_err(|error| error.error)
        };
        put().map_err(|source| ProjectError::NotKept { path: path.display().to_string(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sample;
    use super::*;

    struct User {
        home: tempfile::TempDir,
        sample: Sample,
    }

    impl User {
        fn with(config: &str) -> Self {
            let sample = Sample::new(&[("modules/alpha/x", ""), ("lockstep.toml", config)]);
            Self { home: tempfile::tempdir().unwrap(), sample }
        }

        fn env(&self, more: &[(&str, &str)]) -> Environment {
            let home = self.home.path().to_str().unwrap();
            Environment::new("/", [("HOME", home)].iter().chain(more).copied())
        }

        fn trust(&self, more: &[(&str, &str)], answer: Option<&'static str>) -> Trust {
            let ask = answer.map(|answer| -> AskTrust { Arc::new(move |_: &str| Some(answer.to_owned())) });
            Trust::of(&self.sample.project(), None, &self.env(more), ask)
        }
    }

    #[test]
    fn what_was_agreed_to_is_kept_until_the_words_change() {
        let user = User::with("[env]\nA = '1'\n");
        assert!(user.trust(&[], None).need().is_err());
        assert!(user.trust(&[], Some("n")).need().is_err());
        assert!(user.trust(&[], Some("y")).is_given().is_err(), "who only looks asks nobody");
        user.trust(&[], Some("y")).need().unwrap();
        user.trust(&[], None).need().unwrap();
        user.sample.write("lockstep.toml", "[env]\nA = '2'\n");
        let error = user.trust(&[], None).need().unwrap_err();
        assert!(error.to_string().contains("lockstep.toml: sets A"), "{error}");
        assert_eq!(Trust::all(&user.env(&[])), [user.sample.project().root()]);
        assert!(Trust::revoke(user.sample.project().root(), &user.env(&[])).unwrap());
        assert!(!Trust::revoke(user.sample.project().root(), &user.env(&[])).unwrap());
        assert!(Trust::all(&user.env(&[])).is_empty());
    }

    #[test]
    fn a_project_without_such_words_needs_no_trust_and_neither_does_a_ci_or_a_trusted_directory() {
        User::with("").trust(&[], None).need().unwrap();
        let user = User::with("[env]\nA = '1'\n");
        user.trust(&[("GITHUB_ACTIONS", "true")], None).need().unwrap();
        let above = user.sample.path("").parent().unwrap().to_str().unwrap().to_owned();
        user.trust(&[(TRUSTED_PATHS, &format!("/nope:{above}"))], None).need().unwrap();
        assert!(user.trust(&[(TRUSTED_PATHS, "/nope:relative:")], None).need().is_err());
    }

    #[test]
    fn a_command_must_be_what_the_words_say() {
        let user = User::with("[data.x]\ncommand = ['vault', '{{ v }}']\n");
        Trust::give(&user.sample.project(), None, &user.env(&[])).unwrap();
        let argv = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        user.trust(&[], None).need_for(&argv("vault anything")).unwrap();
        let error = user.trust(&[], None).need_for(&argv("rm anything")).unwrap_err();
        assert!(error.to_string().contains("starts `rm anything`"), "{error}");
        user.trust(&[], Some("yes")).need_for(&argv("rm anything")).unwrap();
        user.trust(&[], None).need_for(&argv("rm anything")).unwrap();
    }
}
