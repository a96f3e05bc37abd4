//! Why a press had no effect: policy's no, with a stable code for callers.

use hallpass_base::time::{utc, utc_seconds};
use hallpass_base::{Disagreement, TimeSpan, Timestamp};
use hallpass_rules::{ApprovalHours, PressRefusedByRules, RuleNames, RuleWarning};

use crate::text_limits::TooLong;
use crate::{
    Closed, FieldProblem, JUSTIFICATION_CHARACTERS_MAX, JUSTIFICATION_CHARACTERS_MIN, OverQuota,
    StandingRefused, TextField, all_of,
};

/// Why a press had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PressRefused {
    /// Somebody, or time, was first.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// Today's rules say no.
    #[error(transparent)]
    Rules(#[from] PressRefusedByRules),
    /// The directory does not know the person, or they are disabled.
    #[error("you are not an enabled user of the directory")]
    NotInDirectory,
    /// Today's limits are narrower than those of when it was asked for.
    #[error("it does not fit any more: {}", messages(_0))]
    NoLongerFits(Vec<FieldProblem>),
    /// The rules want whoever presses this to have signed in lately, or in a certain way.
    #[error("{}", sign_in_words(rule, *max_age, acr))]
    SignInAgain {
        /// The rule, or what else asks for it.
        rule: String,
        /// How long ago it may have been; `None` = whenever.
        max_age: Option<TimeSpan>,
        /// In which ways, as the provider calls them; empty = any.
        acr: Vec<String>,
    },
    /// Rules give approvals hours, and it is not within all of them.
    #[error("{}{}", approvals_only(hours), not_before(hours, *opens_at))]
    OutsideApprovalHours {
        /// The hours, each with its rule.
        hours: Vec<ApprovalHours>,
        /// When all of them are open next; `None` = not within a week.
        opens_at: Option<Timestamp>,
    },
    /// Rules give a warning here, which whoever presses this has not confirmed.
    #[error("read this first, and confirm that you have: {}", texts(warnings))]
    WarningsUnconfirmed {
        /// Those that are not confirmed.
        warnings: Vec<RuleWarning>,
    },
    /// The person said yes already; more people are needed.
    #[error("you have approved this already; it needs {needed} approvals and has {given}")]
    AlreadyReviewed {
        /// How many have said yes.
        given: u32,
        /// How many are needed.
        needed: u32,
    },
    /// It is not what the person looked at any more.
    #[error("the request has changed since you looked at it; look again")]
    Changed,
    /// The person was matched through a fallback e-mail domain, which is enough to ask and no more
    /// (`access.md` §11.5).
    #[error(
        "you were matched through the second mail domain; that is enough to ask, not to decide"
    )]
    SecondaryDomain,
    /// The person is locked: they may give back, and nothing else.
    #[error(
        "you are locked since {}: you can give access back, and nothing else; ask an administrator",
        utc(*since)
    )]
    Locked {
        /// Since when they are locked.
        since: Timestamp,
    },
    /// Whoever asked is locked.
    #[error("whoever asked is locked since {}; ask an administrator", utc(*since))]
    RequesterLocked {
        /// Since when the requester is locked.
        since: Timestamp,
    },
    /// Nobody lifts their own lock.
    #[error("somebody else must lift a lock of yours")]
    OwnLock,
    /// Then nobody could let anybody in again.
    #[error(
        "the last administrator who is not locked cannot be locked, but by `hallpass people lock --force` with \
         a token made on the server's own machine"
    )]
    LastAdministrator,
    /// Which of them is meant cannot be told.
    #[error(
        "this address is that of more than one person of the directory; name the one who is meant by their user id"
    )]
    SharedAddress,
    /// It would let its person in again.
    #[error("a lock ends later than now, or when it is lifted")]
    LockIsOver,
    /// Neither the requester, an approver nor an administrator.
    #[error("only the requester, an approver or an administrator can do this")]
    NotYours,
    /// Neither an approver by the rules of remediations nor, where these name none, an administrator.
    #[error("only its approvers can do this: the rules of remediations say who they are")]
    NotAnApprover,
    /// It waits for nobody.
    #[error("{_0}")]
    Remediation(String),
    /// What was asked is not what would be done any more.
    #[error(
        "rule `{rule}` is gone or asks for something else since; decline it, and the next event is decided anew"
    )]
    RuleChanged {
        /// The rule.
        rule: String,
    },
    /// Only the holder gives access back.
    #[error("only its holder can do this")]
    NotHolder,
    /// Taking access away needs a word why.
    #[error("say in a few words why")]
    ReasonMissing,
    /// Only the requester breaks the glass.
    #[error("only its requester can do this")]
    NotRequester,
    /// The rules of today do not let this person break the glass here.
    #[error("the rules of today do not let you break the glass here{}", rules.aside())]
    BreakGlassNotAllowed {
        /// The rules that decide about the request.
        rules: RuleNames,
    },
    /// A justification is too short or too long.
    #[error(
        "a justification has {JUSTIFICATION_CHARACTERS_MIN} to {JUSTIFICATION_CHARACTERS_MAX} \
         characters; this has {characters}"
    )]
    Justification {
        /// How long it is, in characters after trimming.
        characters: usize,
    },
    /// An approval may be for as long as was asked or for less, down to the shortest there is.
    #[error("it can be approved for {shortest} to {longest}")]
    ApprovedLength {
        /// The shortest.
        shortest: TimeSpan,
        /// As long as was asked for.
        longest: TimeSpan,
    },
    /// A text is longer than it may be; nothing was stored.
    #[error("{} has at most {} characters; this has {characters}", field.noun(), field.most())]
    LongText {
        /// Which.
        field: TextField,
        /// How long it is, in characters.
        characters: usize,
    },
    /// The store keeps as much of this person as it may; nothing was stored.
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    /// The disk of the store is full: nothing new is stored, and access still ends.
    #[error(
        "the disk of the store is full, and nothing was stored; access that exists still ends, and can be released and \
         revoked"
    )]
    StorageFull,
    /// The rules of a start, or those who approved it, do not allow it any more.
    #[error("the rules, or those who approved it, do not allow it any more")]
    StartRefused,
    /// The glass was not broken: there is nothing to review.
    #[error("there is no break-glass review to close")]
    NoReview,
    /// Whoever broke the glass does not review it.
    #[error("somebody else must close the review of your own request")]
    OwnReview,
    /// Of a sweep, or of standing access.
    #[error(transparent)]
    Standing(#[from] StandingRefused),
    /// No access is counted from a time that may be wrong; what ends access goes on.
    #[error(
        "no access is given while clocks disagree: {0}; access that exists still ends, and can be \
         given back and revoked"
    )]
    ClocksDisagree(Disagreement),
    /// What is known of the directory is too old to give access by, and it cannot be read.
    #[error("{}", unread(*.read_at, why))]
    DirectoryUnread {
        /// When it was last read; `None` when it never was.
        read_at: Option<Timestamp>,
        /// Which listing failed, and what AWS said.
        why: String,
    },
    /// Whether the person is still an enabled user could not be asked just now.
    #[error("your account could not be checked in the directory just now: {why}; nothing was done")]
    PersonUnchecked {
        /// What AWS said.
        why: String,
    },
    /// Records of the audit log wait for the export longer than the settings allow.
    #[error(
        "no access is given while the audit log is not exported: its oldest record waits since {}, and \
         {allowed} are allowed; access that exists still ends, and can be given back and revoked",
        utc_seconds(*since)
    )]
    ExportBehind {
        /// When the oldest record that waits happened.
        since: Timestamp,
        /// How long one may wait.
        allowed: TimeSpan,
    },
    /// Its end has to be armed at AWS, and cannot be there.
    #[error("no access is given whose end AWS does not enforce, and here it cannot: {why}")]
    EndNotArmed {
        /// What stands in the way.
        why: &'static str,
    },
    /// The grant is not in a state for this.
    #[error("this access is {state} already")]
    GrantOver {
        /// Its state.
        state: &'static str,
    },
}

impl PressRefused {
    /// A stable code for callers.
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
        }
    }

    /// Whether the state of things, not the person, stands in the way.
    pub const fn is_conflict(&self) -> bool {
        match self {
            Self::Standing(refused) => !refused.is_bad_input(),
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
            | Self::LockIsOver
            | Self::SharedAddress
            | Self::ReasonMissing => false,
        }
    }

    /// Whether what was sent is too much, so that nothing was stored, not even a refusal.
    pub const fn is_over_limit(&self) -> bool {
        matches!(self, Self::LongText { .. } | Self::OverQuota(_))
    }

    /// How long to wait before another try, when it was neither the person nor the state of things
    /// that stood in the way, but what could not be known just now.
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
            | Self::GrantOver { .. } => None,
        }
    }
}

impl From<TooLong> for PressRefused {
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
         what is that old; access can be given back and revoked"
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
            ": these hours never meet, so nobody can approve it; the rules are to be corrected"
                .to_owned()
        }
        (None, _) => String::new(),
    }
}

fn sign_in_words(rule: &str, max_age: Option<TimeSpan>, acr: &[String]) -> String {
    let within = max_age.map(|age| format!(" within the last {age}"));
    let ways = (!acr.is_empty()).then(|| format!(" by {}", acr.join(" or ")));
    format!(
        "{rule} wants you to have signed in{}{}: sign in again on the page, then press again",
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
    format!("{} It can be asked for again", all_of(problems))
}
