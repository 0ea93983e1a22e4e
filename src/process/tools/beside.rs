//! What tools read of their directory without being told: all files of certain endings, or in certain
//! directories.

use std::collections::BTreeSet;

use super::data;

/// Many tools read it, and many files that no tool reads by itself are of it: it tells of none.
const ANYBODYS: &str = "json";

/// The files that may be read in a directory, known by those that are made there on purpose.
#[derive(Debug, Default)]
pub(crate) struct ReadBeside<'a> {
    endings: BTreeSet<&'a str>,
    directories: BTreeSet<&'a str>,
}

impl<'a> ReadBeside<'a> {
    /// What a tool for which these were made reads: files of their endings, and whatever a known tool
    /// reads of which one of the endings is.
    pub(crate) fn these(made: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut read, mut last) = (Self::default(), BTreeSet::new());
        for path in made {
            let mut is_known = false;
            for tool in data::all() {
                let tells = |ending: &&String| *ending != ANYBODYS && endings(path).any(|own| own == *ending);
                if tool.endings.iter().any(|ending| tells(&ending)) {
                    is_known = true;
                    read.endings.extend(tool.endings.iter().map(String::as_str));
                    read.directories.extend(tool.directories.iter().map(String::as_str));
                }
            }
            if !is_known {
                last.extend(endings(path).last());
            }
        }
        read.endings.append(&mut last);
        read
    }

    /// Whether a file at this path would be read.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        !name.starts_with('.')
            && (endings(path).any(|ending| self.endings.contains(ending))
                || above.split('/').any(|directory| self.directories.contains(directory)))
    }
}

/// The endings of a visible file's name, the longest one first: of `a.tf.json` these are `tf.json` and `json`.
fn endings(path: &str) -> impl Iterator<Item = &str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = if name.starts_with('.') { "" } else { name };
    name.match_indices('.').map(|(dot, _)| &name[dot + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_reads_more_than_the_endings_of_what_is_there() {
        let table: [(&[&str], &[&str], &[&str]); 5] = [
            (
                &["main.tf"],
                &["a.tf", "m/b.tf.json", "c.tofu", "terraform.tfvars", "x.auto.tfvars.json", "y.auto.tfvars"],
                &["plan.json", ".x.tf", "p.out", "terraform.tfstate", ".terraform.lock.hcl", "x.yaml"],
            ),
            (&["x.auto.tfvars.json"], &["main.tf", "y.tfvars.json"], &["plan.json"]),
            (&["policy.json"], &["other.json"], &["x.yaml", "main.tf"]),
            (
                &["site.yml"],
                &["host_vars/web1", "a/group_vars/all/x", "roles/r/tasks/main.yml", "ansible.cfg"],
                &["files/motd", "host_vars/.x", "host_vars"],
            ),
            (&["migrations/001.sql", "Makefile"], &["migrations/versions/003.sql"], &["Dockerfile", "x"]),
        ];
        for (made, read, ignored) in table {
            let beside = ReadBeside::these(made.iter().copied());
            for path in read {
                assert!(beside.holds(path), "{path} beside {made:?}");
            }
            for path in ignored {
                assert!(!beside.holds(path), "{path} beside {made:?}");
            }
        }
    }
}
