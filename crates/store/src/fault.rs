//! Internal errors, before conversion to a port's error.

use hallpass_access::{CommitError, OverQuota, ReadError};
use hallpass_alerts::AlertCommitError;
use hallpass_assignments as assignments;
use hallpass_audit as audit;
use hallpass_base::HoldKey;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StorageFault {
    Raced(String),
    /// A state change outside the table of legal steps.
    IllegalStep(String),
    OverQuota(OverQuota),
    /// The disk is full, or the rest is reserved for ending access.
    Full(String),
    Fenced(HoldKey),
    /// Not reachable, busy, or unreadable.
    Unavailable(String),
}

impl StorageFault {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Raced(text)
            | Self::IllegalStep(text)
            | Self::Unavailable(text)
            | Self::Full(text) => text,
            Self::OverQuota(over) => over.to_string(),
            Self::Fenced(key) => format!("the lease on {key} was lost"),
        }
    }
}

impl From<StorageFault> for CommitError {
    fn from(fault: StorageFault) -> Self {
        match fault {
            StorageFault::Raced(text) => Self::Raced(text),
            StorageFault::IllegalStep(text) => Self::IllegalStep(text),
            StorageFault::OverQuota(over) => Self::OverQuota(over),
            StorageFault::Full(text) => Self::Full(text),
            StorageFault::Fenced(_) | StorageFault::Unavailable(_) => {
                Self::Unavailable(fault.text())
            }
        }
    }
}

impl From<StorageFault> for ReadError {
    fn from(fault: StorageFault) -> Self {
        Self(fault.text())
    }
}

impl From<StorageFault> for AlertCommitError {
    fn from(fault: StorageFault) -> Self {
        match fault {
            StorageFault::Raced(text) => Self::Raced(text),
            StorageFault::IllegalStep(_)
            | StorageFault::Fenced(_)
            | StorageFault::OverQuota(_)
            | StorageFault::Full(_)
            | StorageFault::Unavailable(_) => Self::Unavailable(fault.text()),
        }
    }
}

impl From<StorageFault> for assignments::StoreFault {
    fn from(fault: StorageFault) -> Self {
        match fault {
            StorageFault::Fenced(key) => Self::Fenced(key),
            StorageFault::Raced(_)
            | StorageFault::IllegalStep(_)
            | StorageFault::OverQuota(_)
            | StorageFault::Full(_)
            | StorageFault::Unavailable(_) => Self::Unavailable(fault.text()),
        }
    }
}

impl From<StorageFault> for audit::StoreFault {
    fn from(fault: StorageFault) -> Self {
        Self(fault.text())
    }
}

impl From<StorageFault> for hallpass_plans::StoreFault {
    fn from(fault: StorageFault) -> Self {
        Self(fault.text())
    }
}

impl From<audit::RecordError> for StorageFault {
    fn from(error: audit::RecordError) -> Self {
        Self::Unavailable(format!("audit record: {error}"))
    }
}
