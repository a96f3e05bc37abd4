//! Faults of a test store: failing reads of requests, grants and live keys, unreadable rows, and
//! commits whose answer is lost.

use std::collections::BTreeSet;

use hallpass_access::{CommitError, ReadError};
use hallpass_base::{GrantId, RequestId};

use super::MemoryStore;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterCommit {
    AnswerLost,
    ReadsFail { after: u32, count: u32 },
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    answered: u32,
    reads: u32,
    after_commit: Option<AfterCommit>,
    torn: Torn,
}

/// Unreadable rows: only their columns are known.
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
    pub fn fail_reads(&self, count: u32) {
        let mut faults = self.faults();
        (faults.answered, faults.reads) = (0, count);
    }

    pub fn fail_after_commit(&self, what: AfterCommit) {
        self.faults().after_commit = Some(what);
    }

    pub fn tear_request(&self, id: RequestId) {
        self.faults().torn.requests.insert(id);
    }

    pub fn tear_grant(&self, id: GrantId) {
        self.faults().torn.grants.insert(id);
    }

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
