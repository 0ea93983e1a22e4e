//! The project's own words by which programs start with the user's rights, or find another environment:
//! `[env]`, `data`, `[outputs]`, commands of secrets, and where the lock's requests go.
//!
//! They are read, never evaluated. Of a command that is computed only the words are known that are
//! written out; what it comes to is looked at when it is about to start (`trust.rs`).

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use toml::Value;

use super::error::printable;
use super::secret_calls::{identifiers, secrets};
use super::stand_in::tags;
use super::{Delimiters, Kind, MARKER, PRESETS, Project};

/// No way leads further down.
const DEEPEST: usize = 32;

/// One such word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnWord {
    /// What it does and where it is written, safe to print.
    pub says: String,
    /// By this it is remembered: the place without the line, and the whole text.
    pub(super) digest: String,
    /// The command that it starts; none for a part that is computed.
    pub(super) starts: Option<Pattern>,
}

/// The words of a command, as far as they are written out.
pub(super) type Pattern = Vec<Option<String>>;

/// How far the search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The TOML files.
    Settings,
    /// Templates too.
    Everything,
}

impl OwnWord {
    fn new(file: &str, kind: &str, text: &str, says: &str) -> Self {
        let digest = digest(&[file, kind, text]);
        Self { says: format!("{}: {says}", printable(file)), digest, starts: None }
    }

    /// A command that is about to start.
    pub(super) fn command(argv: &[String]) -> Self {
        let parts: Vec<&str> = std::iter::once("command").chain(argv.iter().map(String::as_str)).collect();
        Self { says: format!("starts `{}`", shown(argv)), digest: digest(&parts), starts: None }
    }

    fn starting(file: &str, name: &str, argv: Pattern) -> Self {
        let text = format!("{argv:?}");
        let words: Vec<String> =
            argv.iter().map(|word| word.clone().unwrap_or_else(|| "{{ … }}".to_owned())).collect();
        let says = format!("{name} starts `{}`", shown(&words));
        Self { starts: Some(argv), ..Self::new(file, name, &text, &says) }
    }

    /// Whether a command is what this word says. What an interpreter is told to do is part of what is
    /// started, so none of its words may be computed.
    pub(super) fn covers(&self, argv: &[String]) -> bool {
        let Some(pattern) = &self.starts else { return false };
        let fits =
            |(pattern, word): (&Option<String>, &String)| pattern.as_ref().is_none_or(|own| own == word);
        let whole = pattern.iter().all(Option::is_some);
        let literal = matches!(pattern.first(), Some(Some(program)) if !is_interpreter(program));
        pattern.len() == argv.len() && (whole || literal) && pattern.iter().zip(argv).all(fits)
    }
}

/// No two lists of texts have the same.
pub(super) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shown(argv: &[String]) -> String {
    let words: Vec<String> = argv.iter().map(|word| printable(word)).collect();
    words.join(" ").chars().take(100).collect()
}

fn is_interpreter(program: &str) -> bool {
    const NAMES: [&str; 22] = [
        "sh", "bash", "dash", "zsh", "ksh", "fish", "busybox", "env", "xargs", "sudo", "doas", "nice",
        "nohup", "timeout", "ssh", "perl", "ruby", "node", "deno", "lua", "awk", "find",
    ];
    let name = program.rsplit('/').next().unwrap_or(program);
    NAMES.contains(&name) || name.starts_with("python") || name.starts_with("php")
}

impl Project {
    /// All of them.
    pub fn own_words(&self) -> Vec<OwnWord> {
        self.own_words_of(Extent::Everything)
    }

    pub(super) fn own_words_of(&self, extent: Extent) -> Vec<OwnWord> {
        let mut found = Search { project: self, words: BTreeMap::new(), delimiters: Vec::new() };
        found.delimiters.extend(PRESETS.iter().filter_map(|(name, _)| Delimiters::preset(name)));
        found.settings(MARKER);
        for directory in ["profiles", "workflows"] {
            for (name, is_directory) in self.files().names(directory).unwrap_or_default() {
                if let (Some(name), false) = (name.to_str(), is_directory)
                    && name.ends_with(".toml")
                {
                    found.settings(&format!("{directory}/{name}"));
                }
            }
        }
        for (name, is_directory) in self.files().names("modules").unwrap_or_default() {
            if let (Some(name), true) = (name.to_str(), is_directory) {
                found.settings(&format!("modules/{name}/module.toml"));
            }
        }
        if extent == Extent::Everything {
            found.templates("modules", 0);
        }
        found.words.into_values().collect()
    }
}

struct Search<'a> {
    project: &'a Project,
    /// By digest: what is written twice is said once.
    words: BTreeMap<(String, String), OwnWord>,
    delimiters: Vec<Delimiters>,
}

impl Search<'_> {
    fn add(&mut self, word: OwnWord) {
        self.words.insert((word.says.clone(), word.digest.clone()), word);
    }

    /// A regular file; nothing in the place of anything else.
    fn read(&self, file: &str) -> Vec<u8> {
        let files = self.project.files();
        match files.kind(file) {
            Kind::File => files.read(file).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// What one TOML file says. What cannot be understood is refused elsewhere.
    fn settings(&mut self, file: &str) {
        let Ok(text) = String::from_utf8(self.read(file)) else { return };
        let Ok(table) = text.parse::<toml::Table>() else { return };
        let at = |keys: &[&str]| {
            let (first, rest) = keys.split_first()?;
            rest.iter().try_fold(table.get(*first)?, |value, key| value.get(*key))
        };
        let modules = at(&["modules"]).and_then(Value::as_table).into_iter().flatten();
        for env in at(&["env"]).into_iter().chain(modules.filter_map(|(_, module)| module.get("env"))) {
            for (name, value) in env.as_table().into_iter().flatten() {
                let (text, says) = (format!("{name}={value}"), format!("sets {}", printable(name)));
                self.add(OwnWord::new(file, "env", &text, &says));
            }
        }
        if file == MARKER || file.ends_with("/module.toml") {
            for name in at(&["exec", "unset"]).and_then(Value::as_array).into_iter().flatten() {
                let name = name.as_str().unwrap_or_default();
                self.add(OwnWord::new(file, "unset", name, &format!("unsets {}", printable(name))));
            }
            for (name, data) in at(&["data"]).and_then(Value::as_table).into_iter().flatten() {
                let argv = data.get("command").map(pattern).unwrap_or_default();
                self.add(OwnWord::starting(file, &format!("data.{}", printable(name)), argv));
            }
            if let Some(command) = at(&["outputs", "command"]) {
                self.add(OwnWord::starting(file, "[outputs]", pattern(command)));
            }
            for place in [&["lock", "dynamodb"][..], &["lock", "former", "dynamodb"]] {
                for (key, what) in
                    [("profile", "uses the AWS profile"), ("endpoint_url", "sends AWS requests to")]
                {
                    if let Some(value) = at(&[place, &[key]].concat()).and_then(Value::as_str) {
                        let says = format!("the lock {what} `{}`", printable(value));
                        self.add(OwnWord::new(file, key, value, &says));
                    }
                }
            }
        }
        if let Some(custom) = at(&["build", "delimiters"]).and_then(|value| value.clone().try_into().ok()) {
            self.delimiters.push(custom);
        }
        let mut outputs = false;
        texts(&Value::Table(table.clone()), &mut |text| {
            for tag in tags(text, "{{", "}}").filter(|tag| !tag.is_empty()) {
                outputs |= identifiers(tag).any(|(_, name)| name == "outputs");
                for argv in secrets(tag) {
                    self.add(OwnWord::starting(file, "a secret", argv));
                }
            }
        });
        if outputs {
            for tool in ["tofu", "terraform"] {
                let argv = [tool, "output", "-json"].map(|word| Some(word.to_owned()));
                self.add(OwnWord::starting(file, "an output", argv.to_vec()));
            }
        }
    }

    /// What the templates below a directory say.
    fn templates(&mut self, directory: &str, depth: usize) {
        for (name, is_directory) in self.project.files().names(directory).unwrap_or_default() {
            let Some(name) = name.to_str() else { continue };
            let path = format!("{directory}/{name}");
            if is_directory {
                // A link may lead back to where it stands.
                if depth < DEEPEST && !self.project.root().join(&path).is_symlink() {
                    self.templates(&path, depth + 1);
                }
                continue;
            }
            let text = self.read(&path);
            // Most files hold neither word.
            if !contains(&text, b"secret") || !contains(&text, b"command") {
                continue;
            }
            let text = String::from_utf8_lossy(&text).into_owned();
            let pairs: Vec<[String; 2]> = self
                .delimiters
                .iter()
                .flat_map(|marks| [marks.variable.clone(), marks.block.clone()])
                .collect();
            for [open, close] in &pairs {
                for argv in tags(&text, open, close).flat_map(secrets).collect::<Vec<_>>() {
                    self.add(OwnWord::starting(&path, "a secret", argv));
                }
            }
        }
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

/// Every text in a value.
fn texts(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, take)),
        Value::Table(table) => table.values().for_each(|value| texts(value, take)),
        _ => {}
    }
}

/// The words of a command in TOML; one with an expression in it is computed.
fn pattern(command: &Value) -> Pattern {
    let words = command.as_array().into_iter().flatten().map(|word| word.as_str().unwrap_or_default());
    words.map(|word| (!word.contains("{{")).then(|| word.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sample;
    use super::*;

    fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn every_word_that_starts_or_sets_something_is_found() {
        let sample = Sample::new(&[
            (
                "lockstep.toml",
                "[env]\nKUBECONFIG = 'x'\n[exec]\nunset = ['PROXY']\n[data.ip]\ncommand = ['curl', '{{ u }}']\n\
                 [lock.dynamodb]\nprofile = 'admin'\nendpoint_url = 'https://x'\n[params]\n\
                 a = \"{{ secret(command=['pass', 'show', 'a/' ~ profile]) }}\"\nb = \"{{ outputs.vpc.id }}\"\n",
            ),
            ("modules/alpha/module.toml", "[outputs]\ncommand = ['./out.sh']\n[env]\nA = '1'\n"),
            (
                "modules/alpha/deep/x",
                "{% set p = secret(command=[\"vault\", \"x\"]) %} secret(command=[\"no\"])",
            ),
            ("modules/_partials/y", "{{ secret(env='A') }} command"),
            (
                "profiles/prod.toml",
                "[params]\nv = '{{ secret(command=[\"op\"]) }}'\n[env]\nB = '1'\n[modules.alpha.env]\n\
                 C = '{{ secret(command=[\"gpg\"]) }}'\n",
            ),
        ]);
        let says: Vec<String> = sample.project().own_words().into_iter().map(|word| word.says).collect();
        assert_eq!(
            says,
            [
                "lockstep.toml: a secret starts `pass show {{ … }}`",
                "lockstep.toml: an output starts `terraform output -json`",
                "lockstep.toml: an output starts `tofu output -json`",
                "lockstep.toml: data.ip starts `curl {{ … }}`",
                "lockstep.toml: sets KUBECONFIG",
                "lockstep.toml: the lock sends AWS requests to `https://x`",
                "lockstep.toml: the lock uses the AWS profile `admin`",
                "lockstep.toml: unsets PROXY",
                "modules/alpha/deep/x: a secret starts `vault x`",
                "modules/alpha/module.toml: [outputs] starts `./out.sh`",
                "modules/alpha/module.toml: sets A",
                "profiles/prod.toml: a secret starts `gpg`",
                "profiles/prod.toml: a secret starts `op`",
                "profiles/prod.toml: sets B",
                "profiles/prod.toml: sets C",
            ]
        );
        assert!(Sample::new(&[("modules/alpha/x", "{{ v }}")]).project().own_words().is_empty());
    }

    #[test]
    fn a_word_covers_what_it_says_and_no_interpreter_with_computed_words() {
        let covers = |pattern: &[Option<&str>], words: &[&str]| {
            let pattern = pattern.iter().map(|word| word.map(str::to_owned)).collect();
            OwnWord::starting("f", "data.x", pattern).covers(&argv(words))
        };
        assert!(covers(&[Some("sh"), Some("-c"), Some("x")], &["sh", "-c", "x"]));
        assert!(!covers(&[Some("sh"), Some("-c"), Some("x")], &["sh", "-c", "y"]));
        assert!(covers(&[Some("vault"), None], &["vault", "any"]));
        assert!(!covers(&[Some("vault"), None], &["vault", "any", "more"]));
        assert!(!covers(&[Some("/bin/sh"), Some("-c"), None], &["/bin/sh", "-c", "any"]));
        assert!(!covers(&[Some("python3.11"), None], &["python3.11", "x"]));
        assert!(!covers(&[None, Some("x")], &["rm", "x"]));
    }

    #[test]
    fn the_same_text_elsewhere_is_another_word() {
        let of = |text: &str| {
            let sample = Sample::new(&[("lockstep.toml", text)]);
            sample.project().own_words().into_iter().map(|word| word.digest).collect::<Vec<_>>()
        };
        assert_eq!(of("[env]\nA = '1'\n"), of("\n\n[env]\nA = \"1\"\n"));
        assert_ne!(of("[env]\nA = '1'\n"), of("[env]\nA = '2'\n"));
        assert_ne!(of("[env]\nA = '1'\n"), of("[env]\nB = '1'\n"));
    }
}
