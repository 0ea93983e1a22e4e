//! Locks in files: for a repository without a remote, and for a directory without a repository.
//!
//! `state.json` holds the last record of every key and is replaced as a whole, so that a set of
//! keys changes all or nothing, whenever the power goes. Read, compare and write happen under one
//! operating-system lock. Beside it one journal a key is appended to, for the history; the state
//! decides, and a journal that ends in a torn or missing line is mended at the next write.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Freshness, KeySet, Listed, LockBackend, LockError, LockKey, LostTo, Mend, Observed, Past, Record, Swap,
    Swapped, Unreadable, Version, encode, record_json,
};
use crate::git;

/// More than any project has; what is larger is not read.
const MAX_STATE: u64 = 64 * 1024 * 1024;
/// As much of a journal's end is read as a history can ask for in earnest.
const MAX_TAIL: u64 = 8 * 1024 * 1024;
/// The file is held only for one read and one write; who waits longer than this waits for a
/// process that is stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lock records below one directory of this machine.
#[derive(Clone, Debug)]
pub struct LocalFiles {
    directory: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct StateFile {
    lockstep: u32,
    locks: BTreeMap<String, Box<RawValue>>,
}

impl LocalFiles {
    /// Locks below `directory`, which is made when the first one is taken.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn state_path(&self) -> PathBuf {
        self.directory.join("state.json")
    }

    fn journal_path(&self, key: &LockKey) -> PathBuf {
        self.directory.join(format!("{}.journal", encode::to_file(key)))
    }

    /// The whole state; the key is only for the message.
    fn load(&self, key: &LockKey) -> Result<StateFile, LockError> {
        self.load_all().map_err(|error| match error {
            LockError::Damaged { place, why, mend } => {
                LockError::Record { key: key.clone(), place, why, mend }
            }
            other => other,
        })
    }

    fn load_all(&self) -> Result<StateFile, LockError> {
        let damaged = |why, mend| LockError::Damaged { place: self.place(), why, mend };
        let path = self.state_path();
        let bytes = match read_bounded(&path, MAX_STATE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(StateFile { lockstep: Record::VERSION, ..StateFile::default() });
            }
            // A directory that cannot be read is a backend that cannot be reached.
            Err(error) => return Err(self.unreachable(&error)),
        };
        let state: StateFile = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(super::record::escape(&error.to_string()), self.mend()))?;
        if state.lockstep != Record::VERSION {
            let mend = if state.lockstep > Record::VERSION { Mend::Upgrade } else { self.mend() };
            return Err(damaged(format!("it has format {}; upgrade lockstep", state.lockstep), mend));
        }
        Ok(state)
    }

    fn last(&self, state: &StateFile, key: &LockKey) -> Result<Option<(Version, Record)>, LockError> {
        let last = Self::last_of(state, key).transpose().map_err(|bad| self.bad(key, &bad))?;
        Ok(last.map(|record| (Version(record.nonce.clone()), record)))
    }

    fn last_of(state: &StateFile, key: &LockKey) -> Option<Past> {
        let raw = state.locks.get(key.as_str())?;
        Some(Record::from_json(raw.get().as_bytes(), key))
    }

    /// Waits, within bounds, until no other process reads, compares and writes.
    fn exclusive(&self) -> Result<File, LockError> {
        git::make_directories(&self.directory, 0o777).map_err(|error| self.unreachable(&error))?;
        let path = self.directory.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| self.unreachable(&error))?;
        git::hand_down_in(&file, &self.directory);
        let start = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(rustix::io::Errno::WOULDBLOCK) if start.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(self.unreachable(&error.into())),
            }
        }
    }

    fn store(&self, state: &StateFile) -> io::Result<()> {
        let mut temporary = tempfile::Builder::new().prefix(".state-").tempfile_in(&self.directory)?;
        serde_json::to_writer(io::BufWriter::new(&mut temporary), state)?;
        git::hand_down_in(temporary.as_file(), &self.directory);
        temporary.as_file().sync_all()?;
        temporary.persist(self.state_path()).map_err(|error| error.error)?;
        File::open(&self.directory)?.sync_all()
    }

    /// Brings the journal up to `before` (the state until now), then to `after`. The state is written
    /// already: what fails here is mended by the next write.
    fn append(&self, key: &LockKey, before: Option<&Record>, after: &str) -> io::Result<()> {
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(self.journal_path(key))?;
        git::hand_down_in(&file, &self.directory);
        let tail = tail(&mut file, 2 * record_json::MAX_BYTES as u64)?;
        let mut lines = String::new();
        if !tail.is_empty() && !tail.ends_with(b"\n") {
            lines.push('\n');
        }
        let last = tail.rsplit(|b| *b == b'\n').find(|line| !line.is_empty());
        let known = last.and_then(|line| Record::from_json(line, key).ok()).map(|r| r.nonce);
        if let Some(before) = before
            && known.as_ref() != Some(&before.nonce)
        {
            lines.push_str(&before.to_json().map_err(io::Error::other)?);
            lines.push('\n');
        }
        lines.push_str(after);
        lines.push('\n');
        file.write_all(lines.as_bytes())
    }

    fn unreachable(&self, error: &io::Error) -> LockError {
        LockError::Unreachable { place: self.place(), message: error.to_string() }
    }

    fn bad(&self, key: &LockKey, bad: &Unreadable) -> LockError {
        let mend = if bad.newer { Mend::Upgrade } else { self.mend() };
        LockError::Record { key: key.clone(), place: self.place(), why: bad.to_string(), mend }
    }

    fn mend(&self) -> Mend {
        Mend::File { directory: self.directory.clone() }
    }
}

impl LockBackend for LocalFiles {
    fn name(&self) -> &'static str {
        "local"
    }

    fn place(&self) -> String {
        self.directory.display().to_string()
    }

    fn read(&self, keys: &KeySet, _freshness: Freshness) -> Result<Vec<Observed>, LockError> {
        let Some(first) = keys.iter().next() else { return Ok(Vec::new()) };
        let state = self.load(first)?;
        keys.iter().map(|key| Ok(Observed { key: key.clone(), last: self.last(&state, key)? })).collect()
    }

    fn list(&self, _freshness: Freshness) -> Result<Vec<Listed>, LockError> {
        let state = self.load_all()?;
        let listed = |(name, raw): (String, Box<RawValue>)| {
            let read = |key: LockKey| Record::from_json(raw.get().as_bytes(), &key);
            let last =
                LockKey::new(&name).map_err(|_| Unreadable::new("its name is no lock's")).and_then(read);
            let last = last.map_err(|bad| bad.to_string());
            Listed { name: super::record::escape(&name), last }
        };
        Ok(state.locks.into_iter().map(listed).collect())
    }

    fn reads_all(&self) -> bool {
        true
    }

    fn swap(&self, swap: &Swap) -> Result<Swapped, LockError> {
        let Some(first) = swap.changes.first() else { return Ok(Swapped::Done(Vec::new())) };
        let _guard = self.exclusive()?;
        let mut state = self.load(&first.key)?;
        let mut before = Vec::with_capacity(swap.changes.len());
        for change in &swap.changes {
            let last = self.last(&state, &change.key)?;
            if last.as_ref().map(|(version, _)| version) != change.expect.as_ref() {
                return Ok(Swapped::Lost(LostTo::Lock));
            }
            before.push(last.map(|(_, record)| record));
        }
        let mut written = Vec::with_capacity(swap.changes.len());
        for change in &swap.changes {
            let json = change.record.to_json().map_err(|why| self.bad(&change.key, &Unreadable::new(why)))?;
            let raw = RawValue::from_string(json.clone())
                .map_err(|e| self.bad(&change.key, &Unreadable::new(e.to_string())))?;
            state.locks.insert(change.key.as_str().to_owned(), raw);
            written.push(json);
        }
        self.store(&state).map_err(|source| LockError::Io {
            what: format!("write `{}`", self.state_path().display()),
            source,
        })?;
        for ((change, before), json) in swap.changes.iter().zip(before).zip(written) {
            // The change is made; a journal that could not be written says less, and nothing wrong.
            let _ = self.append(&change.key, before.as_ref(), &json);
        }
        Ok(Swapped::Done(swap.changes.iter().map(|c| Version(c.record.nonce.clone())).collect()))
    }

    fn history(&self, key: &LockKey, limit: usize) -> Result<Vec<Past>, LockError> {
        let state = self.load_all()?;
        let Some(last) = Self::last_of(&state, key) else { return Ok(Vec::new()) };
        let lines = match File::open(self.journal_path(key)).and_then(|mut file| tail(&mut file, MAX_TAIL)) {
            Ok(lines) => lines,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(self.unreachable(&error)),
        };
        // Torn lines are skipped: what they would have said follows them.
        let written = || lines.rsplit(|b| *b == b'\n').filter_map(|line| Record::from_json(line, key).ok());
        let last = match last {
            Ok(last) => last,
            Err(bad) => {
                return Ok(std::iter::once(Err(bad)).chain(written().take(limit).map(Ok)).collect());
            }
        };
        // So is what the state does not know of.
        let mut records: Vec<Past> =
            written().skip_while(|record| record.nonce != last.nonce).take(limit).map(Ok).collect();
        if records.is_empty() {
            records = std::iter::once(last).chain(written()).take(limit).map(Ok).collect();
        }
        Ok(records)
    }
}

fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("`{}` has more than {limit} bytes", path.display())));
    }
    Ok(bytes)
}

/// The end of a file, at most `limit` bytes of it.
fn tail(file: &mut File, limit: u64) -> io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
