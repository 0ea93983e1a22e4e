//! Lock refs that this clone has seen and that the remote has lost: gone, or no longer going on from what
//! was seen. A fetch prunes them, so what they were is kept in a file each, until it is of no use.
//!
//! It is found by looking at what is known here before and after each fetch of all lock refs. It proves
//! nothing about a remote that keeps its locks elsewhere than at the last fetch (another prefix).

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use jiff::Timestamp;

use super::Repo;
use crate::git::{Ancestry, Fetched, GitError, Oid, asked};

/// Where the tips of lock refs are kept.
const KNOWN: &str = "refs/lockstep/remotes/";
const LONGEST: u64 = 512 * 1024;

/// What a ref was that the remote has lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostRef {
    /// Its last tip that was seen.
    pub tip: Oid,
    /// Somebody has been shown it.
    pub shown: bool,
    /// The message of that commit.
    pub message: Vec<u8>,
}

impl Repo {
    /// As [`Repo::fetch`], where the refspecs bring all lock refs of the remote; remembers when, and what
    /// the remote has lost.
    ///
    /// # Errors
    /// As for [`Repo::fetch`].
    pub fn fetch_locks(&self, remote: &str, refspecs: &[String]) -> Result<Fetched, GitError> {
        let places = || refspecs.iter().filter(|spec| spec.ends_with('*'));
        let from = places().cloned().collect::<Vec<_>>().join("\n");
        let source =
            self.0.common_dir.join("lockstep/lost").join(format!("{}.from", remote.replace('/', "@")));
        let same = std::fs::read_to_string(&source).is_ok_and(|last| last == from);
        let tips = || -> Result<Vec<(String, Oid)>, GitError> {
            let local = places().filter_map(|spec| spec.split_once(':')?.1.strip_suffix("/*"));
            Ok(local.map(|place| self.refs(place)).collect::<Result<Vec<_>, _>>()?.concat())
        };
        let before = if same { tips()? } else { Vec::new() };
        let fetched = self.fetch(remote, refspecs);
        // A fetch that broke off may have pruned already.
        let mut lost = self.lost_since(before, tips)?;
        if !lost.is_empty() && fetched.is_ok() {
            // A slower fetch beside this one may have put back what was known before.
            self.fetch(remote, refspecs)?;
            lost = self.lost_since(lost, tips)?;
        }
        for (name, tip) in lost {
            self.note_lost(&name, &tip)?;
        }
        if fetched? == Fetched::MissingRef {
            return Ok(Fetched::MissingRef);
        }
        asked::note(&self.0.common_dir, remote);
        if !same && let Some(directory) = source.parent() {
            // Without it the next fetch finds nothing out.
            let _ =
                crate::git::make_directories(directory, 0o777).and_then(|()| std::fs::write(&source, from));
            if let Ok(written) = std::fs::File::open(&source) {
                crate::git::hand_down_in(&written, directory);
            }
        }
        Ok(Fetched::Done)
    }

    /// When this clone has last fetched all lock refs of the remote; none if that is not known.
    pub fn locks_fetched_at(&self, remote: &str) -> Option<Timestamp> {
        asked::at(&self.0.common_dir, remote)
    }

    /// What a ref was that the remote has lost; `name` is where its tip was kept here.
    pub fn lost_ref(&self, name: &str) -> Option<LostRef> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(self.lost_file(name)?).ok()?;
        file.take(LONGEST).read_to_end(&mut bytes).ok()?;
        let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
        let tip = Oid::new(std::str::from_utf8(parts.next()?).ok()?).ok()?;
        let shown = parts.next()? == b"shown";
        Some(LostRef { tip, shown, message: parts.next()?.to_vec() })
    }

    /// Writes down that somebody has been shown it.
    pub fn show_lost(&self, name: &str) -> std::io::Result<()> {
        match self.lost_ref(name) {
            Some(lost) if !lost.shown => self.write_lost(name, &LostRef { shown: true, ..lost }),
            _ => Ok(()),
        }
    }

    /// Forgets it: what is there now knows as much.
    pub fn forget_lost(&self, name: &str) {
        if let Some(file) = self.lost_file(name) {
            // It is looked at again the next time.
            let _ = std::fs::remove_file(file);
        }
    }

    /// Those tips that are gone, or that what is there now does not go on from.
    fn lost_since(
        &self,
        before: Vec<(String, Oid)>,
        tips: impl Fn() -> Result<Vec<(String, Oid)>, GitError>,
    ) -> Result<Vec<(String, Oid)>, GitError> {
        if before.is_empty() {
            return Ok(before);
        }
        let after: BTreeMap<String, Oid> = tips()?.into_iter().collect();
        let mut lost = Vec::new();
        for (name, tip) in before {
            let goes_on = match after.get(&name) {
                Some(now) if *now == tip => true,
                Some(now) => self.ancestry(now, &tip)? == Ancestry::Contains,
                None => false,
            };
            if !goes_on {
                lost.push((name, tip));
            }
        }
        Ok(lost)
    }

    fn note_lost(&self, name: &str, tip: &Oid) -> Result<(), GitError> {
        // What was lost first knows most, as long as nothing has taken its place.
        if self.lost_ref(name).is_none()
            && let Some(commit) = self.commit(tip)?
        {
            let lost = LostRef { tip: tip.clone(), shown: false, message: commit.message };
            let failed = |error: std::io::Error| GitError::Repository {
                what: "keep what the remote has lost".to_owned(),
                source: Box::new(error),
            };
            self.write_lost(name, &lost).map_err(failed)?;
        }
        Ok(())
    }

    fn write_lost(&self, name: &str, lost: &LostRef) -> std::io::Result<()> {
        let Some(file) = self.lost_file(name) else { return Ok(()) };
        let Some(directory) = file.parent() else { return Ok(()) };
        crate::git::make_directories(directory, 0o777)?;
        let mut bytes = format!("{}\n{}\n", lost.tip, if lost.shown { "shown" } else { "new" }).into_bytes();
        bytes.extend_from_slice(&lost.message);
        let mut new = tempfile::NamedTempFile::new_in(directory)?;
        crate::git::hand_down_in(new.as_file(), directory);
        std::io::Write::write_all(&mut new, &bytes)?;
        new.persist(file)?;
        Ok(())
    }

    /// Names of refs go nowhere else, and end in nothing that a name of ours ends in.
    fn lost_file(&self, name: &str) -> Option<PathBuf> {
        let path = name.strip_prefix(KNOWN)?;
        let plain = path.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
        plain.then(|| self.0.common_dir.join("lockstep/lost").join(format!("{path}.tip")))
    }
}
