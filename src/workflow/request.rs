//! What is asked of lockstep, as data: what the command line, a job queue or a web service hand over.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Options;

/// One request: words, unit, arguments and options. It can be stored and sent.
///
/// ```
/// use lockstep::workflow::Request;
/// let request = Request::new("/srv/infra", ["build", "lock", "exec", "unlock"], "alpha", "prod").args(["tofu", "plan"]);
/// let sent = serde_json::to_string(&request).unwrap();
/// assert_eq!(serde_json::from_str::<Request>(&sent).unwrap(), request);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Where the project is looked for, upwards. Absolute.
    pub directory: PathBuf,
    /// Steps, workflows and commands, as they stand before `--`.
    #[serde(with = "os_strings")]
    pub words: Vec<OsString>,
    /// The module, or `.`.
    pub module: String,
    /// The profile, or `.`.
    pub profile: String,
    /// What stands after module and profile, byte for byte.
    #[serde(with = "os_strings", default)]
    pub args: Vec<OsString>,
    /// Everything else.
    #[serde(default)]
    pub options: Options,
}

impl Request {
    /// A request without arguments and options.
    pub fn new<W: Into<OsString>>(
        directory: impl Into<PathBuf>,
        words: impl IntoIterator<Item = W>,
        module: impl Into<String>,
        profile: impl Into<String>,
    ) -> Self {
        Self {
            directory: directory.into(),
            words: words.into_iter().map(Into::into).collect(),
            module: module.into(),
            profile: profile.into(),
            args: Vec::new(),
            options: Options::default(),
        }
    }

    /// With these arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args = args.into_iter().map(Into::into).collect();
        self
    }
}

/// Operating-system strings as text where they are text, else as their bytes.
mod os_strings {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(list: &[OsString], serializer: S) -> Result<S::Ok, S::Error> {
        let forms: Vec<Form> = list
            .iter()
            .map(|item| match item.to_str() {
                Some(text) => Form::Text(text.to_owned()),
                None => Form::Bytes(item.as_bytes().to_vec()),
            })
            .collect();
        forms.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OsString>, D::Error> {
        let forms = Vec::<Form>::deserialize(deserializer)?;
        let item = |form| match form {
            Form::Text(text) => text.into(),
            Form::Bytes(bytes) => OsString::from_vec(bytes),
        };
        Ok(forms.into_iter().map(item).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Request;
    use std::os::unix::ffi::OsStringExt as _;

    #[test]
    fn bytes_that_are_not_text_survive_storage() {
        let odd = std::ffi::OsString::from_vec(vec![0xff, 0x00, b'a']);
        let request = Request::new("/", ["exec"], "a", "b").args([odd]);
        let stored = serde_json::to_vec(&request).unwrap();
        assert_eq!(serde_json::from_slice::<Request>(&stored).unwrap(), request);
    }
}
