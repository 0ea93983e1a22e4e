//! Who makes a commit of ours, and whether it is signed. Servers check commits, so a lock's record is made by
//! whoever git itself would name, without starting git for it.

use super::config::Config;
use crate::env::Environment;

/// A name and a mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The address.
    pub mail: String,
}

/// How our commits are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitStyle {
    /// Author and committer; without it whoever git names.
    pub committer: Option<Identity>,
    /// git signs them, with the user's key and in the user's format.
    pub sign: bool,
}

/// Author and committer of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Makers {
    pub(super) author: Identity,
    pub(super) committer: Identity,
}

/// What git has no answer for.
const NOBODY: (&str, &str) = ("lockstep", "lockstep@localhost");

impl Makers {
    pub(super) fn new(style: &CommitStyle, config: Option<&Config>, env: &Environment) -> Self {
        if let Some(both) = &style.committer {
            return Self { author: both.clone(), committer: both.clone() };
        }
        Self { author: identity("author", config, env), committer: identity("committer", config, env) }
    }
}

/// The identity for a role in git's own order: variables, the role's configuration, the user's.
fn identity(role: &str, config: Option<&Config>, env: &Environment) -> Identity {
    let one = |what: &str| {
        let variable = format!("GIT_{}_{}", role.to_uppercase(), what.to_uppercase());
        let configured = |key: String| config.and_then(|config| config.last(&key));
        let said = env
            .var(&variable)
            .or_else(|| configured(format!("{role}.{what}")))
            .or_else(|| configured(format!("user.{what}")))
            .or_else(|| env.var("EMAIL").filter(|_| what == "email"));
        said.map(plain).filter(|text| !text.is_empty())
    };
    Identity {
        name: one("name").unwrap_or_else(|| NOBODY.0.to_owned()),
        mail: one("email").unwrap_or_else(|| NOBODY.1.to_owned()),
    }
}

/// A text as it may stand in a commit: without what would end it there, and without git's "crud" around it.
fn plain(text: &str) -> String {
    let crud = |c: char| c <= ' ' || ".,:;<>\"\\'".contains(c);
    text.trim_matches(crud).chars().filter(|c| !matches!(c, '<' | '>') && !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(config: &[u8], vars: &[(&str, &str)]) -> [String; 2] {
        let env = Environment::new("/", vars.iter().copied());
        let makers = Makers::new(&CommitStyle::default(), Some(&Config::parse(config)), &env);
        [makers.author, makers.committer].map(|one| format!("{} <{}>", one.name, one.mail))
    }

    #[test]
    fn it_is_the_one_that_git_would_take() {
        let user = b"user.name\nAna\0user.email\nana@x\0";
        assert_eq!(ask(user, &[]), ["Ana <ana@x>", "Ana <ana@x>"]);
        let role = b"user.name\nAna\0user.email\nana@x\0committer.email\nbot@x\0";
        assert_eq!(ask(role, &[]), ["Ana <ana@x>", "Ana <bot@x>"]);
        let vars = [("GIT_COMMITTER_NAME", "Ben"), ("GIT_AUTHOR_EMAIL", "eve@x"), ("EMAIL", "no@x")];
        assert_eq!(ask(role, &vars), ["Ana <eve@x>", "Ben <bot@x>"]);
        assert_eq!(ask(b"", &[("EMAIL", "me@x")])[1], "lockstep <me@x>");
        assert_eq!(ask(b"", &[])[1], "lockstep <lockstep@localhost>");
    }

    #[test]
    fn nothing_ends_it_early() {
        let config = b"user.name\n <A\nb> \"Q\" x.\0user.email\n<a@x>\nparent 0\0";
        assert_eq!(ask(config, &[])[0], "Ab \"Q\" x <a@xparent 0>");
        assert_eq!(ask(b"user.name\n<>\0user.email\n \0", &[])[0], "lockstep <lockstep@localhost>");
    }

    #[test]
    fn a_configured_one_is_both() {
        let both = Identity { name: "Bot".into(), mail: "bot@x".into() };
        let style = CommitStyle { committer: Some(both.clone()), sign: false };
        let env = Environment::new("/", [("GIT_COMMITTER_NAME", "Ben")]);
        assert_eq!(Makers::new(&style, None, &env), Makers { author: both.clone(), committer: both });
    }
}
