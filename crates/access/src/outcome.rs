use hallpass_assignments::Absence;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOutcome {
    Removed,
    Guard,
    AlreadyAbsent,
    NeverCreated,
    PrincipalGone,
    AccountGone,
    Standing,
    HeldByOtherGrant,
}

impl EndOutcome {
    /// Whether the access existed, even if it was never observed: it can appear, be used and be
    /// removed between two checks.
    pub(crate) const fn was_there(self) -> bool {
        matches!(self, Self::Removed | Self::Guard)
    }

    /// Its name in storage, API and the audit log; executor results keep their name.
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
