//! Computes how long a user can still act after access was revoked (`policies.md` §14).
//!
//! AWS checks credentials: a role session lives until its own end, and a chained role session up to
//! an hour longer. The result is always the worst case.

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    IdpDisabled,
    PortalDeleted,
    UserDisabled,
    AssignmentRemoved,
    UserDenied,
    /// A deny by `aws:TokenIssueTime` on a role, or on every role.
    SessionsDenied {
        /// `None` is every role.
        role: Option<String>,
    },
    AttributeChanged,
}

impl Event {
    /// The values of `--event`, in the order of the specification's table.
    pub const WORDS: [&'static str; 7] = [
        "idp-disabled",
        "portal-deleted",
        "user-disabled",
        "assignment-removed",
        "user-denied",
        "token-issue-time",
        "attribute-changed",
    ];

    /// Reads a value of [`Event::WORDS`]; `token-issue-time:ROLE` names the role.
    ///
    /// # Errors
    /// `E_ARG` for any other value.
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

/// A deny attached at the same instant. It ends no session of a role held by an entitlement and no
/// session chained from one: see [`HeldEntitlement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Deny {
    None,
    Scp,
    Iam,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Unknown: assumes that everything was taken at the last moment.
    Worst,
    Listed(Sessions),
}

/// A role the user may assume by an entitlement of account access manager, without an assignment.
///
/// No deny for the user is known to reach its sessions. AWS does not document that they carry
/// `identitystore:UserId`; the caller chooses the name in `aws:userid`; and the role's required
/// trust has no `sts:SetSourceIdentity`, so `aws:SourceIdentity` may be missing (AWS:
/// `GetRoleCredentials` in the Account Access Runtime API Reference, `CreateEntitlement` in the
/// Account Access Manager API Reference). A deny by `aws:TokenIssueTime` on the role reaches them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldEntitlement {
    pub role: String,
    pub account: String,
    pub by_group: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldEntitlements {
    NotAsked,
    NotRead,
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

/// The durations behind the result. All are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lengths {
    /// Access portal session: 15 minutes to 90 days.
    #[serde(rename = "portal_seconds")]
    pub portal: TimeSpan,
    /// Limit of the identity provider; the shorter of the two counts. `None`: no known limit.
    #[serde(rename = "idp_seconds")]
    pub idp: Option<TimeSpan>,
    /// Role session of a permission set: 1 to 12 hours.
    #[serde(rename = "permission_set_seconds")]
    pub permission_set: TimeSpan,
    /// Chained role session: AWS allows an hour.
    #[serde(rename = "chained_seconds")]
    pub chained: TimeSpan,
    /// Longest time between an application's checks with Identity Center.
    #[serde(rename = "app_seconds")]
    pub app: TimeSpan,
    /// How long the CLI token outlives a deleted portal session.
    #[serde(rename = "cli_token_seconds")]
    pub cli_token: TimeSpan,
    /// Time until a new policy is effective everywhere.
    #[serde(rename = "propagation_seconds")]
    pub propagation: TimeSpan,
}

const LONGEST_SESSION: TimeSpan = TimeSpan::hours(facts::SESSION_HOURS.value as u64);

impl Default for Lengths {
    /// AWS defaults; the longest possible duration if a permission set decides.
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResidualQuestion {
    pub at: Timestamp,
    pub event: Event,
    pub held: Held,
    pub lengths: Lengths,
    pub graph: Option<Graph>,
    pub deny: Deny,
    pub entitlements: HeldEntitlements,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndKind {
    Portal,
    CliToken,
    Role,
    NewRole,
    Chained,
    App,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResidualEnd {
    pub kind: EndKind,
    pub id: String,
    /// The start, or the latest possible start.
    pub start: Timestamp,
    /// `None`: never ends.
    pub end: Option<Timestamp>,
    pub why: String,
}

/// The result (`policies.md` §14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Residual {
    pub at: Timestamp,
    pub event: &'static str,
    pub ends: Vec<ResidualEnd>,
    /// The latest instant at which the user can act; `None`: no limit.
    pub latest_end: Option<Timestamp>,
    /// Seconds from the event; never negative.
    pub residual_seconds: Option<u64>,
    /// Roles that can be kept forever by assuming them again.
    pub unbounded: Vec<String>,
    /// Actions to take, and the limits of the computation.
    pub advice: Vec<String>,
    pub lengths: Lengths,
    /// The counted entitlements; absent if not requested or not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<Vec<HeldEntitlement>>,
}

/// Computes the result.
///
/// # Errors
/// `E_DURATION` for a length outside its range; `E_ARG` for a short name of several roles. Files
/// are checked when they are read.
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
    fn counts(&self) -> bool {
        match self.kind {
            EndKind::Portal | EndKind::CliToken => false,
            EndKind::Role | EndKind::NewRole | EndKind::Chained | EndKind::App => true,
        }
    }
}
