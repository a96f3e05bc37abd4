//! What a store of tests does not answer: reads of requests, grants and what is live on a key that
//! fail, rows that cannot be read, and commits that are stored while nobody hears of it.

use std::collections::BTreeSet;

use hallpass_access::{CommitError, ReadError};
use hallpass_base::{GrantId, RequestId};

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
    torn: Torn,
}

/// Rows that cannot be read: what stands in columns of a database is known of them, and nothing else.
#[derive(Clone, Debug, Default)]
pub(super) struct Torn {
    pub(super) requests: BTreeSet<RequestId>,
    pub(super) grants: BTreeSet<GrantId>,
}

impl Torn {
    pub(super) fn ensure_request(&self, id: RequestId) -> Result<(), ReadError> {
        if self.requests.contains(&id) {
            return Err(ReadError(format!("stored request {id} cannot be read")));
        }
        Ok(())
    }

    pub(super) fn ensure_grant(&self, id: GrantId) -> Result<(), ReadError> {
        if self.grants.contains(&id) {
            return Err(ReadError(format!("stored grant {id} cannot be read")));
        }
        Ok(())
    }
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

    /// A request cannot be read from now on, as one whose bytes are damaged.
    pub fn tear_request(&self, id: RequestId) {
        self.faults().torn.requests.insert(id);
    }

    /// The same of a grant.
    pub fn tear_grant(&self, id: GrantId) {
        self.faults().torn.grants.insert(id);
    }

    /// Every row can be read again.
    pub fn mend_rows(&self) {
        self.faults().torn = Torn::default();
    }

    pub(super) fn torn(&self) -> Torn {
        self.faults().torn.clone()
    }

    pub(super) fn ensure_reads(&self) -> Result<(), ReadError> {
        self.faults().read()
    }

    pub(super) fn ensure_tells(&self) -> Result<(), CommitError> {
        self.faults().committed()
    }
}
