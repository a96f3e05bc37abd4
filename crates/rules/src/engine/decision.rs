//! What the rules come to for one requester and one target.

use std::collections::BTreeSet;

use hallpass_base::{Email, TimeSpan, UserId};
use serde::Serialize;

use super::{
    approval_hours::ApprovalHours,
    not_asking::NotAsking,
    quorum::{self, Seats},
    requester_manager::RequesterManager,
    requirement::Requirement,
    rule_warning::RuleWarning,
    sign_in::{OverLimit, SignInRequirement},
};
use crate::{
    arming::EndArming, decision_kind::DecisionKind, named_facts::UnreadFact, rule::RuleId,
};

/// One of several reviews that must all happen. One person's approval counts in one stage only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// The rule it comes from.
    pub rule: RuleId,
    /// Its name.
    pub name: String,
    /// Who may approve it, without the requester.
    pub approvers: BTreeSet<Email>,
    /// How many of them must.
    pub quorum: u32,
    /// The user ids of those of them whom the directory knows: who sits here.
    #[serde(skip)]
    pub(super) users: BTreeSet<UserId>,
}

/// Whether whoever asks may approve it themselves once the hours of approvals are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OwnLater {
    /// Not that is known, or they may already.
    #[default]
    No,
    /// They may, and others may as well.
    BesideOthers,
    /// They may, and the others are too few: it waits for the hours.
    Alone,
}

/// The outcome for one requester and one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use = "a decision that is not acted on has no effect"]
pub struct Decision {
    /// What the rules say.
    pub kind: DecisionKind,
    /// Who may approve; empty unless the kind is `RequiresApproval`. Informative: who may approve
    /// is decided anew when they do. The requester is among them only where they alone wait for hours.
    pub approvers: BTreeSet<Email>,
    /// Whether the requester may approve it themselves once the hours of approvals are open.
    #[serde(skip)]
    pub own_later: OwnLater,
    /// What keeps the requester from asking, where they may not: of each rule that lets people ask.
    #[serde(skip)]
    pub not_asking: Vec<NotAsking>,
    /// The requester's manager, where rules let them approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<RequesterManager>,
    /// The rules it rests on, in file order.
    pub based_on: Vec<RuleId>,
    /// The longest grant the rules allow; `None` leaves it to the settings.
    pub max_duration: Option<TimeSpan>,
    /// The rules that say so.
    #[serde(skip)]
    pub max_duration_by: Vec<RuleId>,
    /// How far ahead a start may be; `None` leaves it to the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lead_time: Option<TimeSpan>,
    /// The rules that say so.
    #[serde(skip)]
    pub max_lead_time_by: Vec<RuleId>,
    /// When approvals may be given; it must be within all of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approval_hours: Vec<ApprovalHours>,
    /// What becomes of a request that waits and is longer than that by now.
    #[serde(skip_serializing_if = "OverLimit::is_default")]
    pub over_limit: OverLimit,
    /// How whoever approves or breaks the glass must have signed in; all of these must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sign_in: Vec<SignInRequirement>,
    /// Whether AWS is to enforce the end; `None` leaves it to the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub armed_ends: Option<EndArming>,
    /// What whoever asks and whoever approves has to read and confirm; each text once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<RuleWarning>,
    /// How many different people must approve; 0 when granted at once or refused.
    pub approvals_needed: u32,
    /// Stages, each of which needs its own approvals.
    pub stages: Vec<Stage>,
    /// Who is mentioned when approval is asked for.
    pub notify: BTreeSet<Email>,
    /// Where the request is posted; `None` leaves it to the settings.
    pub slack_channel: Option<String>,
    /// Whether the requester may break the glass (`access.md` §17).
    pub break_glass: bool,
    /// What the reason must look like.
    pub reason_patterns: Vec<Requirement>,
    /// What the ticket must look like.
    pub ticket_patterns: Vec<Requirement>,
    /// Memberships and placements that could not be read and were decided to the safe side.
    pub unread: Vec<String>,
    /// What it rests on of that and is there to be read: once it is, the decision may be another.
    #[serde(skip)]
    pub not_read: BTreeSet<UnreadFact>,
}

impl Decision {
    /// The same for access that starts at the instant it was judged by: an approval of one's own is judged by the
    /// hours at the start, so that nobody waits for others to come.
    pub fn of_start(mut self) -> Self {
        if self.own_later == OwnLater::Alone {
            self.kind = DecisionKind::NoApprovers;
            self.approvers.clear();
            self.notify.clear();
            self.approvals_needed = 0;
            self.own_later = OwnLater::No;
        }
        self
    }

    /// Whether the approvals given so far are enough: as many different people as needed, and
    /// every stage filled, each approval counting in one stage.
    /// People are told apart by their user ids. Where the requester alone waits for hours, none are before.
    pub fn is_satisfied_by(&self, approvals: &BTreeSet<UserId>) -> bool {
        if self.own_later == OwnLater::Alone {
            return false;
        }
        let enough = u32::try_from(approvals.len()).unwrap_or(u32::MAX) >= self.approvals_needed;
        let seats: Vec<Seats<'_>> = self
            .stages
            .iter()
            .map(|s| Seats {
                fitting: s.users.iter().map(UserId::as_str).collect(),
                count: s.quorum,
            })
            .collect();
        enough && quorum::fills(&seats, &approvals.iter().map(UserId::as_str).collect())
    }

    /// The first requirement the reason does not meet.
    pub fn reason_refused(&self, reason: &str) -> Option<&Requirement> {
        self.reason_patterns
            .iter()
            .find(|need| !need.pattern.is_found_in(reason))
    }

    /// The first requirement the ticket does not meet. Who names none gives the empty text: a
    /// pattern that is found in it lets people leave the ticket out.
    pub fn ticket_refused(&self, ticket: &str) -> Option<&Requirement> {
        self.ticket_patterns
            .iter()
            .find(|need| !need.pattern.is_found_in(ticket))
    }
}
