use hallpass_base::time::utc;
use hallpass_base::{TimeSpan, Timestamp};

use super::{LINES_MAX, ReviewerError};
use crate::{DeadPattern, PatternError};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CampaignRefused {
    #[error("a campaign has a name of 1 to 100 characters")]
    BadName,
    #[error("a campaign has at most {reviewers} reviewers and {patterns} patterns")]
    LongForm { reviewers: usize, patterns: usize },
    #[error("a campaign is due between {least} and {most} from now")]
    BadDue { least: TimeSpan, most: TimeSpan },
    #[error("a campaign repeats every {least} to {most}, and not before it is due")]
    BadRepeat { least: TimeSpan, most: TimeSpan },
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error(transparent)]
    DeadPattern(#[from] DeadPattern),
    #[error(transparent)]
    Reviewer(#[from] ReviewerError),
    #[error("no sweep has listed standing access yet: run `hallpass server sweep run`")]
    NoSweep,
    #[error(
        "the newest sweep listed standing access at {}, more than {most} ago: run `hallpass server sweep run`",
        utc(*at)
    )]
    OldSweep { at: Timestamp, most: TimeSpan },
    #[error("the scope has no standing access to review")]
    NoLines,
    #[error(
        "the scope has {lines} lines of standing access, and a campaign has at most {LINES_MAX}: narrow the scope"
    )]
    TooManyLines { lines: usize },
    #[error("the campaign `{name}` is open already: sign it off first, or use another name")]
    NameTaken { name: String },
    #[error("a call names 1 to {most} lines; these are {lines}")]
    LineCount { lines: usize, most: usize },
    #[error("the campaign is {state}: its answers do not change any more")]
    NotOpen { state: &'static str },
    #[error("line {line} is not yours to answer: {reviewer} reviews it")]
    NotReviewer { line: u32, reviewer: String },
    #[error("line {line} is your own access: have it reassigned")]
    OwnAccess { line: u32 },
    #[error("the holder of line {line} would review their own access: name another reviewer")]
    ReviewerIsHolder { line: u32 },
    #[error("say in a few words why line {line} is kept")]
    ReasonMissing { line: u32 },
    #[error("no rule lets the holder of line {line} request it: remove it or keep it")]
    NotRequestable { line: u32 },
    #[error(
        "the configuration accepts line {line} by `{pattern}` in `access.standing`: it can only be kept"
    )]
    AcceptedByPattern { line: u32, pattern: String },
    #[error("lines without an answer: {lines}; the campaign is not due before {}", utc(*due))]
    Unanswered { lines: u32, due: Timestamp },
    #[error("the campaign is {state}: sign it off first")]
    NotSignedOff { state: &'static str },
    #[error("nothing of it is left to remove or to accept")]
    NothingToApply,
}

impl CampaignRefused {
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadName => "bad-campaign-name",
            Self::LongForm { .. } => "long-campaign-form",
            Self::BadDue { .. } => "bad-due",
            Self::BadRepeat { .. } => "bad-repeat",
            Self::Pattern(_) | Self::DeadPattern(_) => "bad-scope",
            Self::Reviewer(_) => "bad-reviewer",
            Self::NoSweep | Self::OldSweep { .. } => "no-recent-sweep",
            Self::NoLines => "no-lines",
            Self::TooManyLines { .. } => "too-many-lines",
            Self::NameTaken { .. } => "campaign-open",
            Self::LineCount { .. } => "line-count",
            Self::NotOpen { .. } => "campaign-closed",
            Self::NotReviewer { .. } => "not-the-reviewer",
            Self::OwnAccess { .. } => "own-access",
            Self::ReviewerIsHolder { .. } => "reviewer-is-holder",
            Self::ReasonMissing { .. } => "reason-missing",
            Self::NotRequestable { .. } => "not-requestable",
            Self::AcceptedByPattern { .. } => "accepted-by-configuration",
            Self::Unanswered { .. } => "lines-unanswered",
            Self::NotSignedOff { .. } => "not-signed-off",
            Self::NothingToApply => "nothing-to-apply",
        }
    }

    /// Whether the input, not the state, is the cause.
    pub const fn is_bad_input(&self) -> bool {
        match self {
            Self::BadName
            | Self::LongForm { .. }
            | Self::BadDue { .. }
            | Self::BadRepeat { .. }
            | Self::Pattern(_)
            | Self::DeadPattern(_)
            | Self::Reviewer(_)
            | Self::NoLines
            | Self::TooManyLines { .. }
            | Self::LineCount { .. }
            | Self::ReviewerIsHolder { .. }
            | Self::ReasonMissing { .. } => true,
            Self::NoSweep
            | Self::OldSweep { .. }
            | Self::NameTaken { .. }
            | Self::NotOpen { .. }
            | Self::NotReviewer { .. }
            | Self::OwnAccess { .. }
            | Self::NotRequestable { .. }
            | Self::AcceptedByPattern { .. }
            | Self::Unanswered { .. }
            | Self::NotSignedOff { .. }
            | Self::NothingToApply => false,
        }
    }

    /// Whether others may do it.
    pub const fn is_forbidden(&self) -> bool {
        matches!(self, Self::NotReviewer { .. } | Self::OwnAccess { .. })
    }
}
