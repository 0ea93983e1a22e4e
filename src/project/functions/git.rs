//! `git.commit` and `git.branch`: facts of the repository, asked for only when they are used.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value};

use super::super::params::Scope;
use super::super::{Opaque, Params, ProjectError};
use super::refuse;

/// What is checked out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// The commit; none where there is no commit yet.
    pub commit: Option<String>,
    /// The branch; none in a detached HEAD of which nobody says what it is for.
    pub branch: Option<String>,
}

/// Reads the facts; none without a repository. The error is a line for people.
pub type GitSource = Arc<dyn Fn() -> Result<Option<GitFacts>, String> + Send + Sync>;

impl Params {
    /// Lets expressions use `git`. The source is asked at most once, and only if one does.
    #[must_use]
    pub fn with_git(self, source: GitSource) -> Self {
        // Whoever says it first is right: nobody says it twice.
        let _ = self.scope.outside.git.set(source);
        self
    }
}

pub(super) fn table(scope: &Arc<Scope>) -> Option<Value> {
    Some(Value::from_object(Git(Arc::clone(scope))))
}

struct Git(Arc<Scope>);

impl fmt::Debug for Git {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Git")
    }
}

impl Object for Git {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let missing = match key {
            "commit" => "`git.commit`: there is no commit yet",
            "branch" => {
                "`git.branch`: HEAD is detached, and no variable of a CI service names the branch; a pipeline \
                 takes it from `--branch NAME`"
            }
            _ => return None,
        };
        let outside = &self.0.outside;
        outside.reach();
        if outside.stand_ins.are_given_for_facts() {
            return Some(outside.stand_ins.text("git", &[key]));
        }
        let Some(source) = outside.git.get() else {
            return Some(self.0.raise(ProjectError::Opaque(Opaque::Git)).into());
        };
        let facts = match outside.facts.get_or_init(|| source()) {
            Ok(Some(facts)) => facts,
            Ok(None) => return Some(refuse("`git`: the project is not in a git repository").into()),
            Err(why) => return Some(refuse(format!("`git`: {why}")).into()),
        };
        let fact = if key == "commit" { &facts.commit } else { &facts.branch };
        Some(fact.as_deref().map_or_else(|| refuse(missing).into(), Value::from))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["commit", "branch"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Place;
    use crate::project::tests::Sample;

    fn eval(facts: Result<Option<GitFacts>, String>, expression: &str) -> Result<String, String> {
        let sample = Sample::new(&[("modules/alpha/x", ""), ("profiles/dev.toml", "")]);
        let params = sample.params("alpha/dev", &[]).unwrap().with_git(Arc::new(move || facts.clone()));
        params.expand(&format!("{{{{ {expression} }}}}"), &Place::whole("t")).map_err(|e| e.to_string())
    }

    #[test]
    fn facts_are_given_and_their_absence_is_an_error() {
        let facts = GitFacts { commit: Some("c0ffee".into()), branch: None };
        assert_eq!(eval(Ok(Some(facts.clone())), "git.commit[:3]"), Ok("c0f".into()));
        let error = |facts, expression| eval(facts, expression).unwrap_err();
        assert!(error(Ok(Some(facts.clone())), "git.branch").contains("HEAD is detached"));
        assert!(error(Ok(Some(facts.clone())), "git.nope").contains("undefined"));
        assert!(error(Ok(Some(facts)), "git").contains("a table cannot stand in text"));
        assert!(error(Ok(Some(GitFacts::default())), "git.commit").contains("no commit yet"));
        assert!(error(Ok(None), "git.commit").contains("not in a git repository"));
        assert!(error(Err("HEAD is odd".into()), "git.commit").contains("HEAD is odd"));
    }
}
