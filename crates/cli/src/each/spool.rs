//! A run's files until it succeeds: results and journal.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hallpass_app::host::file_lock::only_process;
use hallpass_plans::fanout::{Extent, Journal, JournalRecord, Spool};
use hallpass_terminal::exit::Failure;

/// Locked by the process that works on the run.
const LOCK: &str = "lock";
const RESULTS: &str = "results";

pub(super) struct RunFolder {
    path: PathBuf,
    data: File,
    journal: File,
    end: u64,
    /// Prevents concurrent resumes, which would overwrite results.
    _only: File,
}

impl RunFolder {
    pub(super) fn begin(base: &Path, id: &str, asked: &str) -> Result<Self, Failure> {
        let path = base.join(id);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|error| Failure::unwritable(path.display(), &error))?;
        let mut run = Self::at(path, id)?;
        let first = JournalRecord::Asked(asked.to_owned());
        run.record(&first)
            .map_err(|error| Failure::unwritable(run.path.display(), &error))?;
        Ok(run)
    }

    pub(super) fn go_on(base: &Path, id: &str, asked: &str) -> Result<(Self, Journal), Failure> {
        let path = base.join(id);
        let is_id = id.len() == 8 && id.bytes().all(|it| it.is_ascii_hexdigit());
        if !is_id || !path.join("journal").exists() {
            return Err(
                Failure::bad_input(format!("there is no run `{id}` to go on with")).help(format!(
                    "runs that did not end well are kept in {}",
                    base.display()
                )),
            );
        }
        let mut run = Self::at(path, id)?;
        let unreadable = |error| Failure::unreadable(run.path.display(), &error);
        let mut text = Vec::new();
        run.journal.read_to_end(&mut text).map_err(unreadable)?;
        let journal = Journal::read(&text, asked, run.end).map_err(|error| {
            Failure::bad_input(error.to_string())
                .help("`--resume` needs the same arguments as the run that it continues")
        })?;
        // truncates a torn record, or the next one would follow it
        let whole = text
            .iter()
            .rposition(|it| *it == b'\n')
            .map_or(0, |at| at + 1);
        let whole = u64::try_from(whole).unwrap_or(u64::MAX);
        run.journal.set_len(whole).map_err(unreadable)?;
        run.journal.seek(SeekFrom::End(0)).map_err(unreadable)?;
        Ok((run, journal))
    }

    fn at(path: PathBuf, id: &str) -> Result<Self, Failure> {
        let only = only_process(
            &path.join(LOCK),
            &format!("another process works on the run `{id}`"),
            "let it end, or stop it; then go on with the run",
        )?;
        let open = |name: &str| {
            let path = path.join(name);
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(|error| Failure::unwritable(path.display(), &error))
        };
        let (mut data, journal) = (open(RESULTS)?, open("journal")?);
        let end = data
            .seek(SeekFrom::End(0))
            .map_err(|error| Failure::unreadable(path.display(), &error))?;
        Ok(Self {
            path,
            data,
            journal,
            end,
            _only: only,
        })
    }

    pub(super) fn results(&self) -> PathBuf {
        self.path.join(RESULTS)
    }

    pub(super) fn forget(self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Spool for RunFolder {
    fn append(&mut self, bytes: &[u8]) -> io::Result<Extent> {
        let at = self.end;
        self.data.seek(SeekFrom::Start(at))?;
        self.data.write_all(bytes)?;
        let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.end = at + bytes;
        Ok(Extent { at, bytes })
    }

    fn read(&mut self, extent: Extent) -> io::Result<Vec<u8>> {
        self.data.seek(SeekFrom::Start(extent.at))?;
        let mut bytes = vec![0; usize::try_from(extent.bytes).unwrap_or(usize::MAX)];
        self.data.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn record(&mut self, record: &JournalRecord) -> io::Result<()> {
        self.journal.write_all(&Journal::line(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_works_on_a_run() {
        let base = tempfile::tempdir().unwrap();
        let (id, asked) = ("0123abcd", "the same words");
        let first = RunFolder::begin(base.path(), id, asked).unwrap();
        let second = RunFolder::go_on(base.path(), id, asked).map(|_| ());
        let refused = second.unwrap_err().words();
        assert!(
            refused.contains("another process works on the run `0123abcd`"),
            "{refused}"
        );
        drop(first);
        RunFolder::go_on(base.path(), id, asked).unwrap();
    }
}
