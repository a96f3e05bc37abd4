//! Refusals of actions on sweeps and standing access.

use hallpass_base::TimeSpan;

use super::Brake;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StandingRefused {
    #[error("sweeps are off: `access.sweep.mode` in the configuration switches them on")]
    Off,
    #[error("this sweep is {state}: there is nothing to confirm")]
    NoPlan { state: &'static str },
    /// The mode changed since the plan.
    #[error("the mode of sweeps is `{now}` by now; the next sweep makes a new plan")]
    ModeChanged { now: &'static str },
    /// The state differs from the plan.
    #[error(
        "{count} of its items are not as the plan shows them: {first}. Nothing was done; run a sweep \
         for a new plan"
    )]
    PlanChanged { count: usize, first: String },
    /// Exceeds the limit of a run without explicit confirmation.
    #[error("{brake}; confirm it again with the limit lifted to run it anyway")]
    OverLimit { brake: Brake },
    #[error("this access does not exist: AWS does not show it")]
    NotThere,
    #[error("this access was given by Hallpass and has an end already")]
    HeldByGrant,
    /// Existed before a live grant.
    #[error(
        "a grant exists above this access and leaves it when it ends: revoke that grant and adopt this a minute \
         later, or accept it"
    )]
    UnderGrant,
    #[error("a sweep is removing this access; it can be accepted once that is over")]
    BeingRemoved,
    #[error("this access is not accepted as standing")]
    NotAccepted,
    #[error("the configuration accepts this, by `{pattern}` in `access.standing`")]
    AcceptedByPattern { pattern: String },
    /// No one can hold the grant.
    #[error(
        "its holder is not an enabled user of the directory with an address, and can hold no grant"
    )]
    NobodyToHold,
    #[error("an end can be set between {least} and {most} from now")]
    BadLength { least: TimeSpan, most: TimeSpan },
    #[error("the review has to be in the future")]
    ReviewInThePast,
    /// The management account, which Hallpass cannot change.
    #[error("AWS lets only the management account itself change this")]
    OutOfReach,
}

impl StandingRefused {
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Off => "sweeps-off",
            Self::NoPlan { .. } => "no-plan",
            Self::ModeChanged { .. } => "mode-changed",
            Self::PlanChanged { .. } => "plan-changed",
            Self::OverLimit { .. } => "over-limit",
            Self::NotThere => "not-standing",
            Self::HeldByGrant => "held-by-grant",
            Self::UnderGrant => "under-grant",
            Self::BeingRemoved => "being-removed",
            Self::NotAccepted => "not-accepted",
            Self::AcceptedByPattern { .. } => "accepted-by-configuration",
            Self::NobodyToHold => "nobody-to-hold",
            Self::BadLength { .. } => "bad-length",
            Self::ReviewInThePast => "review-in-the-past",
            Self::OutOfReach => "management-account",
        }
    }

    /// Whether the input, not the state, is the cause.
    pub const fn is_bad_input(&self) -> bool {
        match self {
            Self::BadLength { .. } | Self::ReviewInThePast => true,
            Self::Off
            | Self::NoPlan { .. }
            | Self::ModeChanged { .. }
            | Self::PlanChanged { .. }
            | Self::OverLimit { .. }
            | Self::NotThere
            | Self::HeldByGrant
            | Self::UnderGrant
            | Self::BeingRemoved
            | Self::NotAccepted
            | Self::AcceptedByPattern { .. }
            | Self::NobodyToHold
            | Self::OutOfReach => false,
        }
    }
}
