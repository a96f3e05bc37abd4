//! Fingerprints files while they are read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::rc::Rc;

use aws_lc_rs::digest;
use hallpass_activity::{LogEntry, LogFile, LogFiles};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fingerprints {
    Sha256,
    None,
}

pub struct FingerprintedLogs {
    files: Box<dyn LogFiles>,
    fingerprints: Fingerprints,
    /// Files that failed verification; never opened.
    refused: BTreeSet<String>,
    last: Rc<RefCell<Option<String>>>,
}

impl FingerprintedLogs {
    pub fn new(files: Box<dyn LogFiles>, fingerprints: Fingerprints) -> Self {
        Self {
            files,
            fingerprints,
            refused: BTreeSet::new(),
            last: Rc::default(),
        }
    }

    pub fn refuse(&mut self, paths: BTreeSet<String>) {
        self.refused.extend(paths);
    }

    /// The SHA-256 of the file read last; `None` if it was not read completely.
    pub fn take_fingerprint(&self) -> Option<String> {
        self.last.borrow_mut().take()
    }
}

impl LogFiles for FingerprintedLogs {
    fn entries(&self, folder: &str) -> io::Result<Vec<LogEntry>> {
        self.files.entries(folder)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        if self.refused.contains(path) {
            return Err(io::Error::other("it is not what CloudTrail delivered"));
        }
        let file = self.files.open(path)?;
        Ok(match self.fingerprints {
            Fingerprints::None => file,
            Fingerprints::Sha256 => Box::new(FingerprintedFile {
                file,
                sum: Some(digest::Context::new(&digest::SHA256)),
                last: Rc::clone(&self.last),
            }),
        })
    }

    fn signature(&self, path: &str) -> io::Result<Option<String>> {
        self.files.signature(path)
    }

    fn ahead(&self, files: &[LogFile]) {
        self.files.ahead(files);
    }
}

struct FingerprintedFile<'a> {
    file: Box<dyn Read + 'a>,
    sum: Option<digest::Context>,
    last: Rc<RefCell<Option<String>>>,
}

impl Read for FingerprintedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if let Some(sum) = &mut self.sum {
            sum.update(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

impl Drop for FingerprintedFile<'_> {
    fn drop(&mut self) {
        let rest = io::copy(self, &mut io::sink());
        let sum = self.sum.take().filter(|_| rest.is_ok());
        *self.last.borrow_mut() = sum.map(|it| hex::encode(it.finish()));
    }
}
