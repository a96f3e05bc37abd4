//! State names without data, for listing, counting and storage.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestStateKind {
    Pending,
    Approved,
    Denied,
    Discarded,
    Expired,
    Rejected,
}

impl RequestStateKind {
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Discarded,
        Self::Expired,
        Self::Rejected,
    ];

    /// Legal steps as (prior, next); the store refuses others.
    pub const STEPS: &'static [(Self, Self)] = &[
        (Self::Pending, Self::Pending),
        (Self::Pending, Self::Approved),
        (Self::Pending, Self::Denied),
        (Self::Pending, Self::Discarded),
        (Self::Pending, Self::Expired),
        (Self::Pending, Self::Rejected),
        // A break-glass review closes.
        (Self::Approved, Self::Approved),
        // Partial approvals keep the state; other states are final.
    ];

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

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

impl fmt::Display for RequestStateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantStateKind {
    Scheduled,
    Granting,
    Active,
    Ending,
    Ended,
    Failed,
}

impl GrantStateKind {
    pub const ALL: [Self; 6] = [
        Self::Scheduled,
        Self::Granting,
        Self::Active,
        Self::Ending,
        Self::Ended,
        Self::Failed,
    ];

    /// States in which access exists or may exist.
    pub const LIVE: [Self; 4] = [Self::Scheduled, Self::Granting, Self::Active, Self::Ending];

    /// States that keep access wanted.
    pub const HOLDING: [Self; 3] = [Self::Scheduled, Self::Granting, Self::Active];

    /// Legal steps as (prior, next); the store refuses others. A step to the same state changes
    /// only known facts.
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

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

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
