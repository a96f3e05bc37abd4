//! How long somebody can still act after access was taken away (`policies.md` §14).
//!
//! AWS checks credentials, not intentions: a role session lives until its own end, and a role
//! reached from it an hour longer. This module adds the numbers up, and never guesses in favour of
//! a short answer.

mod chain;
mod end;
mod read;
mod words;

use std::collections::BTreeSet;

use hallpass_aws_model::facts;
use hallpass_base::{TimeSpan, Timestamp};
use serde::Serialize;

pub use chain::{ChainRole, Graph};
pub use read::{HeldSession, SessionKind, Sessions, instant, span};
pub use words::{Remains, after_assignment_removed, after_sign_in_disabled};

use crate::input::BadInput;

/// What happened, at the instant asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The person was disabled at the identity provider, and nowhere else.
    IdpDisabled,
    /// Their session of the access portal was deleted.
    PortalDeleted,
    /// They were disabled or deleted in Identity Center.
    UserDisabled,
    /// The assignment was removed.
    AssignmentRemoved,
    /// A deny for the person: in the permission set, or a service control policy.
    UserDenied,
    /// A deny by `aws:TokenIssueTime` on a role, or on every role.
    SessionsDenied {
        /// The role; `None` for every role.
        role: Option<String>,
    },
    /// An attribute that policies look at was changed.
    AttributeChanged,
}

impl Event {
    /// The words of `--event`, in the order of the specification's table.
    pub const WORDS: [&'static str; 7] = [
        "idp-disabled",
        "portal-deleted",
        "user-disabled",
        "assignment-removed",
        "user-denied",
        "token-issue-time",
        "attribute-changed",
    ];

    /// Reads a word of [`Event::WORDS`]; `token-issue-time:ROLE` names the role.
    ///
    /// # Errors
    /// `E_ARG` for any other word.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        let (word, role) = match text.split_once(':') {
            Some((word, role)) => (word, Some(role.to_owned())),
            None => (text, None),
        };
        let event = match word {
            "idp-disabled" => Self::IdpDisabled,
            "portal-deleted" => Self::PortalDeleted,
            "user-disabled" => Self::UserDisabled,
            "assignment-removed" => Self::AssignmentRemoved,
            "user-denied" => Self::UserDenied,
            "token-issue-time" => return Ok(Self::SessionsDenied { role }),
            "attribute-changed" => Self::AttributeChanged,
            _ => return Err(not_an_event(text)),
        };
        if role.is_some() {
            return Err(not_an_event(text));
        }
        Ok(event)
    }

    /// The word of it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::IdpDisabled => "idp-disabled",
            Self::PortalDeleted => "portal-deleted",
            Self::UserDisabled => "user-disabled",
            Self::AssignmentRemoved => "assignment-removed",
            Self::UserDenied => "user-denied",
            Self::SessionsDenied { .. } => "token-issue-time",
            Self::AttributeChanged => "attribute-changed",
        }
    }
}

fn not_an_event(text: &str) -> BadInput {
    let message = format!(
        "`{text}` is no event: write one of {}",
        Event::WORDS.join(", ")
    );
    BadInput::new("E_ARG", message, "--event")
}

/// A deny that was attached at the same instant. It ends no session of a role that is held by an entitlement, nor what
/// is assumed from one: see [`HeldEntitlement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Deny {
    /// None.
    None,
    /// A service control policy: every role of member accounts, none of the management account.
    Scp,
    /// A policy on every role that is named.
    Iam,
}

/// What the person holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Nobody knows: everything was taken in the last moment.
    Worst,
    /// Exactly this.
    Listed(Sessions),
}

/// A role that the person may take by an entitlement of account access manager, without any assignment.
///
/// No deny for the person is known to reach its sessions. AWS does not say that they carry `identitystore:UserId`; the
/// name in `aws:userid` is chosen by whoever takes one; and nothing says that they have an `aws:SourceIdentity`, since
/// the trust that such a role needs is without `sts:SetSourceIdentity` (AWS: `GetRoleCredentials` in the Account Access
/// Runtime API Reference, `CreateEntitlement` in the Account Access Manager API Reference). A deny by
/// `aws:TokenIssueTime` on the role reaches them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldEntitlement {
    /// ARN of the role.
    pub role: String,
    /// Its account.
    pub account: String,
    /// Whether a group has it that the person is in.
    pub by_group: bool,
}

/// What is known of the roles that the person may take by entitlements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldEntitlements {
    /// Nothing: nobody asked.
    NotAsked,
    /// Nothing: the server was asked, and reads none.
    NotRead,
    /// These are all.
    Read(Vec<HeldEntitlement>),
}

impl HeldEntitlements {
    fn known(&self) -> &[HeldEntitlement] {
        match self {
            Self::NotAsked | Self::NotRead => &[],
            Self::Read(held) => held,
        }
    }
}

/// The lengths that the answer rests on. All are printed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lengths {
    /// Session of the access portal, seconds: 15 minutes to 90 days.
    #[serde(rename = "portal_seconds")]
    pub portal: TimeSpan,
    /// Limit of the identity provider; the shorter of the two counts. `None`: no limit known.
    #[serde(rename = "idp_seconds")]
    pub idp: Option<TimeSpan>,
    /// Role session of a permission set: 1 to 12 hours.
    #[serde(rename = "permission_set_seconds")]
    pub permission_set: TimeSpan,
    /// A session of a role that was assumed from a role: AWS allows an hour.
    #[serde(rename = "chained_seconds")]
    pub chained: TimeSpan,
    /// How seldom an application asks Identity Center again.
    #[serde(rename = "app_seconds")]
    pub app: TimeSpan,
    /// How long the command line's token outlives a deleted portal session.
    #[serde(rename = "cli_token_seconds")]
    pub cli_token: TimeSpan,
    /// How long a new policy takes to hold everywhere.
    #[serde(rename = "propagation_seconds")]
    pub propagation: TimeSpan,
}

/// No session of a role lasts longer.
const LONGEST_SESSION: TimeSpan = TimeSpan::hours(facts::SESSION_HOURS.value as u64);

impl Default for Lengths {
    /// AWS's own defaults; the longest possible where a permission set decides.
    fn default() -> Self {
        Self {
            portal: TimeSpan::hours(8),
            idp: None,
            permission_set: LONGEST_SESSION,
            chained: TimeSpan::hours(1),
            app: TimeSpan::hours(1),
            cli_token: TimeSpan::hours(1),
            propagation: TimeSpan::minutes(5),
        }
    }
}

impl Lengths {
    /// The end of a portal session that began then.
    fn portal_end(&self, start: Timestamp) -> Timestamp {
        let shorter = self.idp.map_or(self.portal, |idp| idp.min(self.portal));
        shorter.after(start)
    }

    fn check(&self) -> Result<(), BadInput> {
        let range = |value: TimeSpan, least: TimeSpan, most: TimeSpan, flag: &str, what: &str| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let message = format!("{what} lasts {least} to {most}, not {value}");
            Err(BadInput::new("E_DURATION", message, flag))
        };
        let (hour, day) = (TimeSpan::hours(1), TimeSpan::hours(24));
        range(
            self.portal,
            TimeSpan::minutes(15),
            TimeSpan::hours(24 * 90),
            "--portal",
            "a portal session",
        )?;
        range(
            self.permission_set,
            hour,
            LONGEST_SESSION,
            "--permission-set-duration",
            "a session of a permission set",
        )?;
        let short = TimeSpan::seconds(1);
        range(
            self.chained,
            short,
            hour,
            "--chained",
            "a session of a role assumed from a role",
        )?;
        range(self.app, short, day, "--app", "an application's session")?;
        let none = TimeSpan::ZERO;
        range(
            self.cli_token,
            none,
            day,
            "--cli-token",
            "a token left over",
        )?;
        range(
            self.propagation,
            none,
            day,
            "--propagation",
            "propagation of a policy",
        )?;
        match self.idp {
            Some(idp) if idp.is_zero() => {
                let message = "a limit of the identity provider cannot be zero";
                Err(BadInput::new("E_DURATION", message, "--idp"))
            }
            _ => Ok(()),
        }
    }
}

/// The whole question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResidualQuestion {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// What the person held then.
    pub held: Held,
    /// The lengths to count with.
    pub lengths: Lengths,
    /// Which role can assume which.
    pub graph: Option<Graph>,
    /// A deny attached at the same instant.
    pub deny: Deny,
    /// What the person holds by entitlements.
    pub entitlements: HeldEntitlements,
}

/// What kind of thing ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndKind {
    /// The portal: by itself nothing but a door to new role sessions.
    Portal,
    /// The command line's token, a door like the portal.
    CliToken,
    /// A role session held at the instant.
    Role,
    /// A role session taken afterwards.
    NewRole,
    /// A session of a role assumed from another role.
    Chained,
    /// A session of an application.
    App,
}

/// One thing, and its last possible instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResidualEnd {
    /// What it is.
    pub kind: EndKind,
    /// Which one: the session's id, a role, or a path of roles.
    pub id: String,
    /// When it began, or at the latest begins.
    pub start: Timestamp,
    /// The last instant; `None` when there is none.
    pub end: Option<Timestamp>,
    /// Why then.
    pub why: String,
}

/// The answer (`policies.md` §14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Residual {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: &'static str,
    /// Everything that ends, in the order: doors, sessions, chains.
    pub ends: Vec<ResidualEnd>,
    /// The last instant at which the person can act; `None` when there is none.
    pub latest_end: Option<Timestamp>,
    /// From the event until then; never negative.
    pub residual_seconds: Option<u64>,
    /// Roles that can be kept for ever by assuming them again.
    pub unbounded: Vec<String>,
    /// What to do, and what lies outside the computation.
    pub advice: Vec<String>,
    /// The lengths counted with.
    pub lengths: Lengths,
    /// The entitlements that were counted; absent where nobody asked for them, and where none are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<Vec<HeldEntitlement>>,
}

/// Answers a question.
///
/// # Errors
/// `E_DURATION` for a length outside its range; `E_ARG` for the short name of several roles. Files are checked when they are read.
pub fn residual(question: &ResidualQuestion) -> Result<Residual, BadInput> {
    question.lengths.check()?;
    if let Held::Listed(sessions) = &question.held {
        sessions.check()?;
    }
    end::ensure_one_role(question)?;
    let reckoned = end::reckon(question);
    let counted = reckoned.ends.iter().filter(|it| it.counts());
    let latest = counted
        .map(|it| it.end)
        .try_fold(question.at, |latest, end| end.map(|end| latest.max(end)));
    let advice = words::advice(question, &reckoned, latest);
    let unbounded: BTreeSet<&String> = reckoned.rings.iter().flatten().collect();
    let unbounded = unbounded.into_iter().cloned().collect();
    Ok(Residual {
        at: question.at,
        event: question.event.as_str(),
        latest_end: latest,
        residual_seconds: latest.map(|end| TimeSpan::between(question.at, end).as_seconds()),
        ends: reckoned.ends,
        unbounded,
        advice,
        lengths: question.lengths,
        entitlements: match &question.entitlements {
            HeldEntitlements::NotAsked | HeldEntitlements::NotRead => None,
            HeldEntitlements::Read(held) => Some(held.clone()),
        },
    })
}

impl ResidualEnd {
    /// Whether one can act with it; a door only leads to what can.
    fn counts(&self) -> bool {
        match self.kind {
            EndKind::Portal | EndKind::CliToken => false,
            EndKind::Role | EndKind::NewRole | EndKind::Chained | EndKind::App => true,
        }
    }
}
