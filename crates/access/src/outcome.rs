//! How ends are settled, in one word each.

use hallpass_assignments::Absence;

/// How an end was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOutcome {
    /// We removed the access.
    Removed,
    /// A guard removed it.
    Guard,
    /// It was gone when we came to remove it.
    AlreadyAbsent,
    /// It never came to be.
    NeverCreated,
    /// The person left the directory, and the access with them.
    PrincipalGone,
    /// The account was closed, and the access with it.
    AccountGone,
    /// It stood before the grant and stays.
    Standing,
    /// Another grant still holds it.
    HeldByOtherGrant,
}

impl EndOutcome {
    /// Whether the access was there until then, also where nobody had seen it: between two looks it can come, be used and
    /// be removed.
    pub(crate) const fn was_there(self) -> bool {
        matches!(self, Self::Removed | Self::Guard)
    }

    /// Its name in storage, API and the audit log: what the executor saw has the name it has there.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Removed => Absence::Removed.name(),
            Self::Guard => "guard",
            Self::AlreadyAbsent => Absence::AlreadyAbsent.name(),
            Self::NeverCreated => Absence::NeverCreated.name(),
            Self::PrincipalGone => Absence::PrincipalGone.name(),
            Self::AccountGone => Absence::AccountGone.name(),
            Self::Standing => "standing",
            Self::HeldByOtherGrant => "held_by_other_grant",
        }
    }
}

impl From<Absence> for EndOutcome {
    fn from(absence: Absence) -> Self {
        match absence {
            Absence::Removed => Self::Removed,
            Absence::AlreadyAbsent => Self::AlreadyAbsent,
            Absence::NeverCreated => Self::NeverCreated,
            Absence::PrincipalGone => Self::PrincipalGone,
            Absence::AccountGone => Self::AccountGone,
        }
    }
}
