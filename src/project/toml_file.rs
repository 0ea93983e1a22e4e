//! Reading one TOML file of the project: every error has file and line, an unknown key its nearest match.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use super::place::line_of;
use super::{Files, Place, Placeholder, ProjectError, nearest};
use crate::read::{self, Unfit};

/// The text of a TOML file and the name by which messages call it.
pub(crate) struct TomlFile {
    pub(crate) name: Arc<str>,
    pub(crate) text: String,
}

impl TomlFile {
    /// Reads a file of the project; none if it does not exist.
    pub(crate) fn read(files: &Files, relative: &str) -> Result<Option<Self>, ProjectError> {
        let file = Self::from_bytes(files.read(relative), relative)?;
        if let Some(file) = &file {
            files.note_text(&file.text);
        }
        Ok(file)
    }

    /// Reads what the user named, be it a pipe; none if it does not exist. Messages call it `name`.
    pub(crate) fn read_path(path: &Path, name: &str) -> Result<Option<Self>, ProjectError> {
        Self::from_bytes(read::any(path, read::CONFIG), name)
    }

    fn from_bytes(bytes: std::io::Result<Vec<u8>>, name: &str) -> Result<Option<Self>, ProjectError> {
        match bytes {
            Ok(bytes) if Placeholder::of(&bytes).is_some() => {
                let placeholder = Placeholder::of(&bytes);
                let [what, cure] = placeholder.map_or(["", ""], |found| [found.what(), found.cure()]);
                let message = format!("this file {what}");
                Err(ProjectError::config_hint(Place::whole(name), message, Some(cure.into())))
            }
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(Self { name: name.into(), text })),
                Err(error) => {
                    let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
                    Err(ProjectError::config(Place::new(name, line), "this is not UTF-8"))
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) if Unfit::of(&error).is_some() => {
                Err(ProjectError::config(Place::whole(name), error.to_string()))
            }
            Err(source) => Err(ProjectError::read(name, source)),
        }
    }

    /// Where a byte of the text is.
    pub(crate) fn place(&self, offset: usize) -> Place {
        Place::new(Arc::clone(&self.name), line_of(&self.text, offset))
    }

    /// The file as a tree that knows where everything is.
    pub(crate) fn parse(&self) -> Result<Spanned<DeTable<'_>>, ProjectError> {
        DeTable::parse(&self.text).map_err(|error| self.error(&error, &[]))
    }

    /// Reads a tree into a typed value. `taken` are keys that were taken out of the tree before.
    pub(crate) fn decode<T: DeserializeOwned>(
        &self,
        table: Spanned<DeTable<'_>>,
        taken: &[&str],
    ) -> Result<T, ProjectError> {
        let read = T::deserialize(Deserializer::from(table)).map_err(|error| self.error(&error, taken));
        #[cfg(test)]
        if read.is_ok() {
            super::tests::file_schema::assert_fits(&self.name, &self.text);
        }
        read
    }

    fn error(&self, error: &toml::de::Error, taken: &[&str]) -> ProjectError {
        let place = self.place(error.span().map_or(0, |span| span.start));
        let message = error.message();
        let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let unknown = [("unknown field", "key"), ("unknown variant", "value")];
        if let Some((_, what)) = unknown.iter().find(|(begin, _)| message.starts_with(begin))
            && let Some((word, known)) = words.split_first()
        {
            let hint = nearest(word, known.iter().copied().chain(taken.iter().copied()))
                .map(|near| format!("did you mean `{near}`?"))
                .or_else(|| Some(format!("known here: {}", known.join(", "))));
            return ProjectError::config_hint(place, format!("unknown {what} `{word}`"), hint);
        }
        if let Some((message, hint)) = super::toml_list::told(message, &self.text, error.span()) {
            return ProjectError::config_hint(place, message, Some(hint));
        }
        ProjectError::config(place, without_values(message))
    }
}

/// serde quotes what it found (`invalid type: string "…"`); that may be a secret.
fn without_values(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last && message.starts_with("invalid ") => {
            format!("{}{}", message[..first].trim_end(), &message[last + 1..])
        }
        _ => message.lines().collect::<Vec<_>>().join("; "),
    }
}
