//! Files on this machine, as the core reads them: listed, opened, and fingerprinted while they are read.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::rc::Rc;

use aws_lc_rs::digest;
use hallpass_activity::{LogEntry, LogFiles};

/// `--source`.
#[derive(Clone, Debug)]
pub(in crate::commands::auditor) struct LogSource {
    pub(in crate::commands::auditor) folder: PathBuf,
}

impl LogSource {
    pub(in crate::commands::auditor) fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix("dir:") {
            Some("") => Err("name a folder after `dir:`".to_owned()),
            Some(folder) => Ok(Self {
                folder: folder.into(),
            }),
            None if text == "lookup" || text.starts_with("s3://") => Err(
                "events are not read from AWS yet: copy the files, or save pages of `LookupEvents`, and use `dir:PATH` or `--events`"
                    .to_owned(),
            ),
            None => Err("write `dir:` and a folder".to_owned()),
        }
    }

    pub(in crate::commands::auditor) fn words(&self) -> String {
        format!("dir:{}", self.folder.display())
    }
}

/// Whether files are fingerprinted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands::auditor) enum Fingerprints {
    Sha256,
    None,
}

/// The files below a folder; with an empty one, files by their own paths.
pub(in crate::commands::auditor) struct DiskLogs {
    root: PathBuf,
    fingerprints: Fingerprints,
    /// Of the file that was read last.
    last: Rc<RefCell<Option<String>>>,
}

impl DiskLogs {
    pub(in crate::commands::auditor) fn new(root: PathBuf, fingerprints: Fingerprints) -> Self {
        Self {
            root,
            fingerprints,
            last: Rc::default(),
        }
    }

    /// The SHA-256 of the bytes of the file that was read last; `None` where it could not be read to its end.
    pub(in crate::commands::auditor) fn take_fingerprint(&self) -> Option<String> {
        self.last.borrow_mut().take()
    }
}

impl LogFiles for DiskLogs {
    fn entries(&self, folder: &str) -> io::Result<Vec<LogEntry>> {
        let entries = fs::read_dir(self.root.join(folder))?.map(|entry| {
            let entry = entry?;
            // links are followed: a trail may lie elsewhere
            let is_folder = fs::metadata(entry.path()).is_ok_and(|it| it.is_dir());
            Ok(LogEntry {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_folder,
            })
        });
        entries.collect()
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        let file = File::open(self.root.join(path))?;
        Ok(match self.fingerprints {
            Fingerprints::None => Box::new(file),
            Fingerprints::Sha256 => Box::new(FingerprintedFile {
                file,
                sum: Some(digest::Context::new(&digest::SHA256)),
                last: Rc::clone(&self.last),
            }),
        })
    }
}

/// A file whose bytes are summed up as they are read.
struct FingerprintedFile {
    file: File,
    sum: Option<digest::Context>,
    last: Rc<RefCell<Option<String>>>,
}

impl Read for FingerprintedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if let Some(sum) = &mut self.sum {
            sum.update(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

impl Drop for FingerprintedFile {
    fn drop(&mut self) {
        // of a broken file the rest, too: the evidence is about the file
        let rest = io::copy(self, &mut io::sink());
        let sum = self.sum.take().filter(|_| rest.is_ok());
        *self.last.borrow_mut() = sum.map(|it| hex::encode(it.finish()));
    }
}
