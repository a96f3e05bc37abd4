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
    /// Its name in storage, API and the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Guard => "guard",
            Self::AlreadyAbsent => "already_absent",
            Self::NeverCreated => "never_created",
            Self::PrincipalGone => "principal_gone",
            Self::AccountGone => "account_gone",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_executor_saw_and_how_an_end_was_settled_have_the_same_names() {
        for absence in [
            Absence::Removed,
            Absence::AlreadyAbsent,
            Absence::NeverCreated,
            Absence::PrincipalGone,
            Absence::AccountGone,
        ] {
            assert_eq!(EndOutcome::from(absence).name(), absence.name());
        }
    }
}
