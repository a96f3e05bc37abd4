//! States by name, without what they hold: what is listed, counted and stored by. The one list of the
//! states in which a grant is live.

use std::fmt;

/// Where a request is. See [`RequestState`](crate::RequestState).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestStateKind {
    /// Waits for a person.
    Pending,
    /// Decided yes.
    Approved,
    /// Decided no.
    Denied,
    /// Withdrawn.
    Discarded,
    /// Nobody decided in time.
    Expired,
    /// Refused when it was made.
    Rejected,
}

impl RequestStateKind {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Discarded,
        Self::Expired,
        Self::Rejected,
    ];

    /// Every legal step, as (prior, next); the store refuses any other.
    pub const STEPS: &'static [(Self, Self)] = &[
        (Self::Pending, Self::Pending),
        (Self::Pending, Self::Approved),
        (Self::Pending, Self::Denied),
        (Self::Pending, Self::Discarded),
        (Self::Pending, Self::Expired),
        (Self::Pending, Self::Rejected),
        // the review of a break-glass grant is closed
        (Self::Approved, Self::Approved),
        // an approval that waits for more of them keeps the state; nothing leaves the others
    ];

    /// Its name in storage, API and pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Discarded => "discarded",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

impl fmt::Display for RequestStateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a grant is. See [`GrantState`](crate::GrantState).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantStateKind {
    /// Stored with its end; nothing was sent yet.
    Scheduled,
    /// Being made.
    Granting,
    /// Seen in Identity Center.
    Active,
    /// Being removed.
    Ending,
    /// Over.
    Ended,
    /// AWS refused, or nothing came of it.
    Failed,
}

impl GrantStateKind {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Scheduled,
        Self::Granting,
        Self::Active,
        Self::Ending,
        Self::Ended,
        Self::Failed,
    ];

    /// Those of a grant that is not over: its access is there, or may be.
    pub const LIVE: [Self; 4] = [Self::Scheduled, Self::Granting, Self::Active, Self::Ending];

    /// Those of a grant that keeps its access wanted: live, and not ending.
    pub const HOLDING: [Self; 3] = [Self::Scheduled, Self::Granting, Self::Active];

    /// Every legal step, as (prior, next); the store refuses any other. A step to the same state
    /// changes what is known, not where the grant is.
    pub const STEPS: &'static [(Self, Self)] = &[
        (Self::Scheduled, Self::Scheduled),
        (Self::Scheduled, Self::Granting),
        (Self::Scheduled, Self::Ending),
        (Self::Granting, Self::Granting),
        (Self::Granting, Self::Active),
        (Self::Granting, Self::Failed),
        (Self::Granting, Self::Ending),
        (Self::Active, Self::Active),
        (Self::Active, Self::Ending),
        (Self::Ending, Self::Ending),
        (Self::Ending, Self::Ended),
    ];

    /// Its name in storage, API and pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Granting => "granting",
            Self::Active => "active",
            Self::Ending => "ending",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Whether it is one of [`Self::LIVE`].
    pub const fn is_live(self) -> bool {
        match self {
            Self::Scheduled | Self::Granting | Self::Active | Self::Ending => true,
            Self::Ended | Self::Failed => false,
        }
    }
}

impl fmt::Display for GrantStateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_live_is_one_list() {
        for kind in RequestStateKind::ALL {
            assert_eq!(RequestStateKind::named(kind.name()), Some(kind));
        }
        for kind in GrantStateKind::ALL {
            assert_eq!(GrantStateKind::named(kind.name()), Some(kind));
            assert_eq!(kind.is_live(), GrantStateKind::LIVE.contains(&kind));
            let holds = kind.is_live() && kind != GrantStateKind::Ending;
            assert_eq!(holds, GrantStateKind::HOLDING.contains(&kind));
        }
        assert_eq!(GrantStateKind::named("gone"), None);
        assert_eq!(RequestStateKind::named("Pending"), None);
    }

    #[test]
    fn nothing_comes_back_from_being_over() {
        for (prior, next) in GrantStateKind::STEPS {
            assert!(prior.is_live(), "{prior} to {next}");
        }
    }
}
