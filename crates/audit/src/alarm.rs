//! What a witness cries about.

use std::fmt;

use crate::FaultKind;

/// What a witness cries about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    /// Two histories: what is there now contradicts what was seen.
    Fork,
    /// What was seen is not there any more, or the log goes less far than it did.
    Rollback,
    /// Records grow and no head comes, or nothing can be read.
    Silence,
    /// A record is not as it was recorded.
    Changed,
    /// A record that a head knows is not there.
    Missing,
    /// A record lies in another's place.
    Reordered,
    /// A head is signed by nobody trusted.
    Forged,
}

impl AlarmKind {
    /// Its name, in logs and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Rollback => "rollback",
            Self::Silence => "silence",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Reordered => "reordered",
            Self::Forged => "forged",
        }
    }
}

impl From<FaultKind> for AlarmKind {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::Changed => Self::Changed,
            FaultKind::Missing => Self::Missing,
            FaultKind::Reordered => Self::Reordered,
            FaultKind::Forked => Self::Fork,
            FaultKind::Forged => Self::Forged,
        }
    }
}

/// Why a witness does not countersign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// What it is.
    pub kind: AlarmKind,
    /// The record it is about.
    pub seq: u64,
    /// A sentence for people, with the object where it was found.
    pub detail: String,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: record {}: {}",
            self.kind.name(),
            self.seq,
            self.detail
        )
    }
}

pub(crate) fn alarm(kind: AlarmKind, seq: u64, detail: String) -> Alarm {
    Alarm { kind, seq, detail }
}
