//! Policy refusals of user actions, with a stable code for callers.

use hallpass_base::time::{utc, utc_seconds};
use hallpass_base::{Disagreement, TimeSpan, Timestamp};
use hallpass_rules::{ApprovalHours, PressRefusedByRules, RuleNames, RuleWarning};

use crate::text_limits::TooLong;
use crate::{
    AbsenceProblem, CampaignRefused, Closed, FieldProblem, JUSTIFICATION_CHARACTERS_MAX,
    JUSTIFICATION_CHARACTERS_MIN, OverQuota, StandingRefused, TextField, all_of,
};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionRefused {
    /// Already decided or expired.
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error(transparent)]
    Rules(#[from] PressRefusedByRules),
    /// The user is unknown to the directory, or disabled.
    #[error("you are not an enabled user of the directory")]
    NotInDirectory,
    /// Today's limits are narrower than at the request.
    #[error("it no longer fits: {}", messages(_0))]
    NoLongerFits(Vec<FieldProblem>),
    /// The rules require a recent sign-in, or a certain method.
    #[error("{}", sign_in_words(rule, *max_age, acr))]
    SignInAgain {
        /// The rule or setting that requires it.
        rule: String,
        /// `None` accepts any age.
        max_age: Option<TimeSpan>,
        /// Accepted methods, in the provider's terms; empty accepts any.
        acr: Vec<String>,
    },
    #[error("{}{}", approvals_only(hours), not_before(hours, *opens_at))]
    OutsideApprovalHours {
        /// The hours, each with its rule.
        hours: Vec<ApprovalHours>,
        /// When all of them are next open; `None` if not within a week.
        opens_at: Option<Timestamp>,
    },
    #[error("read this first, and confirm that you have: {}", texts(warnings))]
    WarningsUnconfirmed { warnings: Vec<RuleWarning> },
    /// This user approved already; more approvers are needed.
    #[error("you have approved this already; it needs {needed} approvals and has {given}")]
    AlreadyReviewed { given: u32, needed: u32 },
    /// The subject changed since the user viewed it.
    #[error("the request has changed since you read it; read it again")]
    Changed,
    /// The user was matched through a fallback e-mail domain, which permits requests only
    /// (`access.md` §11.5).
    #[error(
        "you were matched through the second mail domain; that is enough to request, not to decide"
    )]
    SecondaryDomain,
    /// A locked user may only end their own access.
    #[error(
        "you are locked since {}: you can only end access early; ask an administrator",
        utc(*since)
    )]
    Locked { since: Timestamp },
    #[error("the requester is locked since {}; ask an administrator", utc(*since))]
    RequesterLocked { since: Timestamp },
    #[error("another administrator must lift your own lock")]
    OwnLock,
    /// Then no one could lift locks.
    #[error(
        "the last administrator who is not locked cannot be locked, but by `hallpass people lock --force` with \
         a token made on the server's own machine"
    )]
    LastAdministrator,
    #[error("several people of the directory have this address; give the user id")]
    SharedAddress,
    #[error("a lock ends later than now, or when it is lifted")]
    LockIsOver,
    /// Neither the requester, an approver nor an administrator.
    #[error("only the requester, an approver or an administrator can do this")]
    NotYours,
    /// Neither an approver under the remediation rules nor, if these name none, an administrator.
    #[error("only its approvers can do this: the rules of remediations say who they are")]
    NotAnApprover,
    #[error("{_0}")]
    Remediation(String),
    /// The proposed remediation is outdated.
    #[error(
        "rule `{rule}` is gone or has another action now; decline it, and the next event is decided again"
    )]
    RuleChanged { rule: String },
    #[error("only its holder can do this")]
    NotHolder,
    #[error("say in a few words why")]
    ReasonMissing,
    #[error("only its requester can do this")]
    NotRequester,
    #[error("the rules of today do not let you break the glass here{}", rules.aside())]
    BreakGlassNotAllowed { rules: RuleNames },
    #[error(
        "a justification has {JUSTIFICATION_CHARACTERS_MIN} to {JUSTIFICATION_CHARACTERS_MAX} \
         characters; this has {characters}"
    )]
    Justification {
        /// In characters after trimming.
        characters: usize,
    },
    /// An approved duration is between the shortest and the requested one.
    #[error("it can be approved for {shortest} to {longest}")]
    ApprovedLength {
        shortest: TimeSpan,
        longest: TimeSpan,
    },
    /// A text exceeds its limit; nothing was stored.
    #[error("{} has at most {} characters; this has {characters}", field.noun(), field.most())]
    LongText { field: TextField, characters: usize },
    /// The user reached a storage quota; nothing was stored.
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    /// The disk is full: nothing new is stored, but access still ends.
    #[error(
        "the disk of the store is full, and nothing was stored; access that exists still ends, and can be ended \
         early and revoked"
    )]
    StorageFull,
    /// The start's rules or approvals no longer allow it.
    #[error("the rules, or those who approved it, no longer allow it")]
    StartRefused,
    #[error("there is no break-glass review to close")]
    NoReview,
    #[error("another person must close the review of your own request")]
    OwnReview,
    #[error(transparent)]
    Standing(#[from] StandingRefused),
    /// No access is granted by an unreliable clock; access still ends.
    #[error(
        "no access is given while clocks disagree: {0}; access that exists still ends, and can be ended early and \
         revoked"
    )]
    ClocksDisagree(Disagreement),
    /// The directory snapshot is too old to grant access, and a new read failed.
    #[error("{}", unread(*.read_at, why))]
    DirectoryUnread {
        /// `None` if it was never read.
        read_at: Option<Timestamp>,
        /// The failed listing, and AWS's error.
        why: String,
    },
    /// AWS could not confirm that the user is enabled.
    #[error("your account could not be checked in the directory just now: {why}; nothing was done")]
    PersonUnchecked { why: String },
    /// Audit records wait for export longer than the settings allow.
    #[error(
        "no access is given while the audit log is not exported: its oldest record waits since {}, and \
         {allowed} are allowed; access that exists still ends, and can be ended early and revoked",
        utc_seconds(*since)
    )]
    ExportBehind { since: Timestamp, allowed: TimeSpan },
    /// Enforced expiry is required, but impossible here.
    #[error("no access is given whose end AWS does not enforce, and here it cannot: {why}")]
    EndNotArmed { why: &'static str },
    #[error(transparent)]
    Absence(#[from] AbsenceProblem),
    #[error(transparent)]
    Campaign(#[from] CampaignRefused),
    #[error("this access is {state} already")]
    GrantOver { state: &'static str },
}

impl ActionRefused {
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Closed(_) => "already-decided",
            Self::Rules(PressRefusedByRules::NotOpen { .. }) => "rules-changed",
            Self::Rules(PressRefusedByRules::NotListed { .. }) | Self::NotAnApprover => {
                "not-an-approver"
            }
            Self::Rules(PressRefusedByRules::OwnRequest { .. }) => "own-request",
            Self::NotInDirectory => "not-in-directory",
            Self::SecondaryDomain => "secondary-domain",
            Self::AlreadyReviewed { .. } => "already-reviewed",
            Self::Changed => "request-changed",
            Self::NoLongerFits(_) => "no-longer-fits",
            Self::SignInAgain { .. } => "fresh-sign-in",
            Self::OutsideApprovalHours { .. } => "outside-approval-hours",
            Self::WarningsUnconfirmed { .. } => "warning-not-confirmed",
            Self::Locked { .. } => "locked",
            Self::RequesterLocked { .. } => "requester-locked",
            Self::OwnLock => "own-lock",
            Self::LastAdministrator => "last-administrator",
            Self::LockIsOver => "lock-is-over",
            Self::SharedAddress => "ambiguous-user",
            Self::NotYours => "not-yours",
            Self::Remediation(_) => "not-waiting",
            Self::RuleChanged { .. } => "rule-changed",
            Self::NotHolder => "not-holder",
            Self::ReasonMissing => "missing-reason",
            Self::GrantOver { .. } => "grant-over",
            Self::NotRequester => "not-requester",
            Self::BreakGlassNotAllowed { .. } => "break-glass-not-allowed",
            Self::Justification { .. } => "bad-justification",
            Self::ApprovedLength { .. } => "bad-duration",
            Self::LongText { field, .. } => field.code(),
            Self::OverQuota(over) => over.code(),
            Self::StorageFull => "storage-full",
            Self::StartRefused => "start-refused",
            Self::NoReview => "no-review",
            Self::OwnReview => "own-review",
            Self::Standing(refused) => refused.code(),
            Self::ClocksDisagree(_) => "clocks-disagree",
            Self::DirectoryUnread { .. } => "organization-unread",
            Self::PersonUnchecked { .. } => "person-unchecked",
            Self::ExportBehind { .. } => "export-behind",
            Self::EndNotArmed { .. } => "end-not-armed",
            Self::Absence(problem) => problem.code(),
            Self::Campaign(why) => why.code(),
        }
    }

    /// Whether the state, not the user, is the cause.
    pub const fn is_conflict(&self) -> bool {
        match self {
            Self::Standing(refused) => !refused.is_bad_input(),
            Self::Campaign(refused) => !refused.is_bad_input() && !refused.is_forbidden(),
            Self::Closed(_)
            | Self::AlreadyReviewed { .. }
            | Self::Changed
            | Self::WarningsUnconfirmed { .. }
            | Self::NoLongerFits(_)
            | Self::RequesterLocked { .. }
            | Self::LastAdministrator
            | Self::GrantOver { .. }
            | Self::NoReview
            | Self::StartRefused
            | Self::Remediation(_)
            | Self::RuleChanged { .. }
            | Self::Rules(PressRefusedByRules::NotOpen { .. }) => true,
            Self::Rules(
                PressRefusedByRules::NotListed { .. } | PressRefusedByRules::OwnRequest { .. },
            )
            | Self::NotInDirectory
            | Self::SecondaryDomain
            | Self::NotYours
            | Self::NotAnApprover
            | Self::SignInAgain { .. }
            | Self::OutsideApprovalHours { .. }
            | Self::Locked { .. }
            | Self::OwnLock
            | Self::NotHolder
            | Self::NotRequester
            | Self::BreakGlassNotAllowed { .. }
            | Self::Justification { .. }
            | Self::ApprovedLength { .. }
            | Self::LongText { .. }
            | Self::OverQuota(_)
            | Self::StorageFull
            | Self::OwnReview
            | Self::ClocksDisagree(_)
            | Self::DirectoryUnread { .. }
            | Self::PersonUnchecked { .. }
            | Self::ExportBehind { .. }
            | Self::EndNotArmed { .. }
            | Self::Absence(_)
            | Self::LockIsOver
            | Self::SharedAddress
            | Self::ReasonMissing => false,
        }
    }

    /// Whether the input exceeds a limit, so that not even a refusal was stored.
    pub const fn is_over_limit(&self) -> bool {
        matches!(self, Self::LongText { .. } | Self::OverQuota(_))
    }

    /// Returns the delay before a retry, if a fact was temporarily unknown.
    pub const fn retry_after(&self) -> Option<TimeSpan> {
        match self {
            Self::ClocksDisagree(_) | Self::DirectoryUnread { .. } | Self::StorageFull => {
                Some(TimeSpan::seconds(30))
            }
            Self::ExportBehind { .. } => Some(TimeSpan::minutes(1)),
            Self::PersonUnchecked { .. } => Some(TimeSpan::seconds(5)),
            Self::Closed(_)
            | Self::Rules(_)
            | Self::NotInDirectory
            | Self::WarningsUnconfirmed { .. }
            | Self::AlreadyReviewed { .. }
            | Self::Changed
            | Self::NoLongerFits(_)
            | Self::SignInAgain { .. }
            | Self::OutsideApprovalHours { .. }
            | Self::Locked { .. }
            | Self::RequesterLocked { .. }
            | Self::OwnLock
            | Self::LastAdministrator
            | Self::LockIsOver
            | Self::SharedAddress
            | Self::SecondaryDomain
            | Self::NotYours
            | Self::NotAnApprover
            | Self::Remediation(_)
            | Self::RuleChanged { .. }
            | Self::NotHolder
            | Self::ReasonMissing
            | Self::NotRequester
            | Self::BreakGlassNotAllowed { .. }
            | Self::Justification { .. }
            | Self::ApprovedLength { .. }
            | Self::LongText { .. }
            | Self::OverQuota(_)
            | Self::NoReview
            | Self::StartRefused
            | Self::OwnReview
            | Self::Standing(_)
            | Self::EndNotArmed { .. }
            | Self::Absence(_)
            | Self::Campaign(_)
            | Self::GrantOver { .. } => None,
        }
    }
}

impl From<TooLong> for ActionRefused {
    fn from(text: TooLong) -> Self {
        match text {
            TooLong::Field(field, characters) => Self::LongText { field, characters },
            TooLong::Justification(characters) => Self::Justification { characters },
        }
    }
}

fn unread(read_at: Option<Timestamp>, why: &str) -> String {
    let last = match read_at {
        Some(at) => format!("it was last read at {}", utc_seconds(at)),
        None => "it was never read".to_owned(),
    };
    format!(
        "the directory cannot be read, {last} ({why}): no access is given and nothing is decided by \
         what is that old; access can be ended early and revoked"
    )
}

fn approvals_only(hours: &[ApprovalHours]) -> String {
    let told =
        |it: &ApprovalHours| format!("by rule `{}` approvals are given only {it}", it.rule());
    let told: Vec<String> = hours.iter().map(told).collect();
    told.join(", and ")
}

fn not_before(hours: &[ApprovalHours], opens_at: Option<Timestamp>) -> String {
    match (opens_at, hours) {
        (Some(at), _) => format!(", not before {}", utc(at)),
        (None, [_, _, ..]) => {
            ": these hours never overlap, so no one can approve it; correct the rules".to_owned()
        }
        (None, _) => String::new(),
    }
}

fn sign_in_words(rule: &str, max_age: Option<TimeSpan>, acr: &[String]) -> String {
    let within = max_age.map(|age| format!(" within the last {age}"));
    let ways = (!acr.is_empty()).then(|| format!(" by {}", acr.join(" or ")));
    format!(
        "{rule} requires a sign-in{}{}: sign in again on the page, then press again",
        within.unwrap_or_default(),
        ways.unwrap_or_default()
    )
}

fn texts(warnings: &[RuleWarning]) -> String {
    let texts: Vec<String> = warnings
        .iter()
        .map(|warning| format!("“{}”", warning.text))
        .collect();
    texts.join(" ")
}

fn messages(problems: &[FieldProblem]) -> String {
    format!("{} It can be requested again", all_of(problems))
}
