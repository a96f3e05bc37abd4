use std::fmt;

use crate::FaultKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    /// The present history contradicts the seen one.
    Fork,
    /// Seen records are missing, or the log is shorter.
    Rollback,
    /// Records grow without a head, or nothing is readable.
    Silence,
    Changed,
    Missing,
    /// A record is in another's place.
    Reordered,
    /// A head has no trusted signature.
    Forged,
}

impl AlarmKind {
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub kind: AlarmKind,
    pub seq: u64,
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
