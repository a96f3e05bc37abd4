//! Why a press on a sweep or on standing access had no effect.

use hallpass_base::TimeSpan;

use super::Brake;

/// The refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StandingRefused {
    /// Sweeps are switched off.
    #[error("sweeps are off: `access.sweep.mode` in the configuration switches them on")]
    Off,
    /// The run has no plan that waits.
    #[error("this sweep is {state}: there is nothing to confirm")]
    NoPlan {
        /// Its state.
        state: &'static str,
    },
    /// The configuration is another than when the plan was made.
    #[error("the mode of sweeps is `{now}` by now; the next sweep makes a plan of its own")]
    ModeChanged {
        /// The mode in force.
        now: &'static str,
    },
    /// The world is not as the plan shows it.
    #[error(
        "{count} of its items are not as the plan shows them: {first}. Nothing was done; run a sweep \
         for a new plan"
    )]
    PlanChanged {
        /// How many.
        count: usize,
        /// The first, and how it differs.
        first: String,
    },
    /// More than a run may do, and nobody said that this is meant.
    #[error("{brake}; say that this is meant to confirm it all the same")]
    OverLimit {
        /// What is too much.
        brake: Brake,
    },
    /// Nobody has it, as far as AWS shows.
    #[error("this access does not stand: AWS does not show it")]
    NotThere,
    /// Hallpass gave it.
    #[error("this access was given by Hallpass and has an end already")]
    HeldByGrant,
    /// It stood before a grant that is live.
    #[error(
        "a grant stands above this access and leaves it when it ends: revoke that grant and adopt this a minute later, or accept it"
    )]
    UnderGrant,
    /// AWS was asked to remove it.
    #[error(
        "a sweep is removing this access: AWS was asked to; it can be accepted once that is over"
    )]
    BeingRemoved,
    /// Nobody accepted it.
    #[error("this access is not accepted as standing by anybody")]
    NotAccepted,
    /// The configuration accepts it.
    #[error("the configuration accepts this, by `{pattern}` in `access.standing`")]
    AcceptedByPattern {
        /// The pattern.
        pattern: String,
    },
    /// Nobody can hold the grant.
    #[error(
        "whoever has this is not an enabled user of the directory with an address, and can hold no \
         grant"
    )]
    NobodyToHold,
    /// It is to end too soon or too late.
    #[error("an end can be set between {least} and {most} from now")]
    BadLength {
        /// The shortest.
        least: TimeSpan,
        /// The longest length that is allowed.
        most: TimeSpan,
    },
    /// The review is in the past.
    #[error("the review has to be in the future")]
    ReviewInThePast,
    /// The management account, which we cannot change.
    #[error("AWS lets nobody but the management account itself change this")]
    OutOfReach,
}

impl StandingRefused {
    /// A stable code for callers.
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

    /// Whether what was asked for, not the state of things, is to blame.
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
