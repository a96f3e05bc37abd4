//! What a store of tests does not answer: reads of requests, grants and what is live on a key that
//! fail, and commits that are stored while nobody hears of it.

use hallpass_access::{CommitError, ReadError};

use super::MemoryStore;

/// What goes wrong once the next commit is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterCommit {
    /// Its answer is lost.
    AnswerLost,
    /// So many reads fail, after so many that are answered.
    ReadsFail {
        /// So many are answered first.
        after: u32,
        /// So many fail.
        count: u32,
    },
}

/// What is still to go wrong.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Reads that are answered before some fail.
    answered: u32,
    /// Reads that fail.
    reads: u32,
    after_commit: Option<AfterCommit>,
}

impl Faults {
    fn read(&mut self) -> Result<(), ReadError> {
        if let Some(left) = self.answered.checked_sub(1) {
            self.answered = left;
            return Ok(());
        }
        match self.reads.checked_sub(1) {
            Some(left) => {
                self.reads = left;
                Err(ReadError("it does not answer".to_owned()))
            }
            None => Ok(()),
        }
    }

    fn committed(&mut self) -> Result<(), CommitError> {
        match self.after_commit.take() {
            None => Ok(()),
            Some(AfterCommit::ReadsFail { after, count }) => {
                (self.answered, self.reads) = (after, count);
                Ok(())
            }
            Some(AfterCommit::AnswerLost) => {
                Err(CommitError::Unavailable("its answer was lost".to_owned()))
            }
        }
    }
}

impl MemoryStore {
    /// So many of the next reads fail.
    pub fn fail_reads(&self, count: u32) {
        let mut faults = self.faults();
        (faults.answered, faults.reads) = (0, count);
    }

    /// The next commit is stored, and then this goes wrong.
    pub fn fail_after_commit(&self, what: AfterCommit) {
        self.faults().after_commit = Some(what);
    }

    pub(super) fn ensure_reads(&self) -> Result<(), ReadError> {
        self.faults().read()
    }

    pub(super) fn ensure_tells(&self) -> Result<(), CommitError> {
        self.faults().committed()
    }
}
