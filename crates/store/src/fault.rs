//! What can go wrong inside, before it is told in the words of the port that was called.

use hallpass_access::{CommitError, ReadError};
use hallpass_assignments as assignments;
use hallpass_audit as audit;
use hallpass_model::HoldKey;

/// Why nothing was stored or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Another writer was first.
    Raced(String),
    /// A step that no machine has.
    IllegalStep(String),
    /// The lease is not the caller's.
    Fenced(HoldKey),
    /// Not reachable, busy, or unreadable.
    Unavailable(String),
}

impl Fault {
    fn text(self) -> String {
        match self {
            Self::Raced(text) | Self::IllegalStep(text) | Self::Unavailable(text) => text,
            Self::Fenced(key) => format!("the lease on {key} is no longer ours"),
        }
    }
}

impl From<Fault> for CommitError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Raced(text) => Self::Raced(text),
            Fault::IllegalStep(text) => Self::IllegalStep(text),
            Fault::Fenced(_) | Fault::Unavailable(_) => Self::Unavailable(fault.text()),
        }
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self(fault.text())
    }
}

impl From<Fault> for assignments::StoreFault {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Fenced(key) => Self::Fenced(key),
            Fault::Raced(_) | Fault::IllegalStep(_) | Fault::Unavailable(_) => {
                Self::Unavailable(fault.text())
            }
        }
    }
}

impl From<Fault> for audit::StoreFault {
    fn from(fault: Fault) -> Self {
        Self(fault.text())
    }
}

impl From<Fault> for hallpass_runner::StoreFault {
    fn from(fault: Fault) -> Self {
        Self(fault.text())
    }
}

impl From<audit::RecordError> for Fault {
    fn from(error: audit::RecordError) -> Self {
        Self::Unavailable(format!("audit record: {error}"))
    }
}
