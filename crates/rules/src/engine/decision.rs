use std::collections::BTreeSet;

use hallpass_base::{Email, TimeSpan, UserId};
use serde::Serialize;

use super::{
    approval_hours::ApprovalHours,
    delegates::{Delegates, recipients},
    quorum::{self, Seats},
    request_blockers::RequestBlocker,
    requester_manager::RequesterManager,
    requirement::Requirement,
    rule_warning::RuleWarning,
    sign_in::{OverLimit, SignInRequirement},
    ticket_requirement::{TicketProblem, TicketRequirement},
};
use crate::{
    arming::EndArming, decision_kind::DecisionKind, directory::Directory, named_facts::UnreadFact,
    never_together::Conflict, on_call::OnCallFact, rule::RuleId, ticket::TicketFact,
};

/// One of several required reviews. An approver counts in one stage only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    pub rule: RuleId,
    pub name: String,
    pub approvers: BTreeSet<Email>,
    pub quorum: u32,
    #[serde(skip)]
    pub(super) users: BTreeSet<UserId>,
    /// Those who approve in the place of one of `users`.
    #[serde(skip)]
    pub(super) delegates: Delegates,
}

impl Stage {
    /// Whose approval fits the stage, given these approvals.
    pub(super) fn fitting<'a>(
        &'a self,
        approvals: &'a BTreeSet<UserId>,
    ) -> impl Iterator<Item = &'a str> {
        let delegates = self.delegates.fitting(approvals);
        self.users.iter().chain(delegates).map(UserId::as_str)
    }
}

/// Whether the requester may approve once approval hours are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OwnLater {
    #[default]
    No,
    BesideOthers,
    /// The other approvers are too few, so the request waits for the hours.
    Alone,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use = "a decision that is not acted on has no effect"]
pub struct Decision {
    pub kind: DecisionKind,
    /// Empty unless the kind is `RequiresApproval`. Informative: approvals are decided again when
    /// given. Contains the requester only if they alone wait for hours.
    pub approvers: BTreeSet<Email>,
    /// Whether the requester may approve once approval hours are open.
    #[serde(skip)]
    pub own_later: OwnLater,
    #[serde(skip)]
    pub not_asking: Vec<RequestBlocker>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<RequesterManager>,
    pub based_on: Vec<RuleId>,
    /// `None` uses the settings.
    pub max_duration: Option<TimeSpan>,
    #[serde(skip)]
    pub max_duration_by: Vec<RuleId>,
    /// Latest start of a grant; `None` uses the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lead_time: Option<TimeSpan>,
    #[serde(skip)]
    pub max_lead_time_by: Vec<RuleId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approval_hours: Vec<ApprovalHours>,
    /// Handling of a waiting request that now exceeds the limit.
    #[serde(skip_serializing_if = "OverLimit::is_default")]
    pub over_limit: OverLimit,
    /// Sign-in requirements for approval and break-glass; all apply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sign_in: Vec<SignInRequirement>,
    /// Whether AWS enforces the expiry; `None` uses the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub armed_ends: Option<EndArming>,
    /// Texts that requester and approver must confirm; each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<RuleWarning>,
    /// 0 when granted immediately or denied.
    pub approvals_needed: u32,
    pub stages: Vec<Stage>,
    /// Those who approve only in the place of others.
    #[serde(skip)]
    pub delegates: Delegates,
    /// After how long a wait more people may approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalates_after: Option<TimeSpan>,
    pub notify: BTreeSet<Email>,
    pub slack_channel: Option<String>,
    /// Whether the requester may break the glass (`access.md` §17).
    pub break_glass: bool,
    pub reason_patterns: Vec<Requirement>,
    pub ticket_patterns: Vec<Requirement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<TicketRequirement>,
    /// What the services of those rules answered about the request's ticket.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ticket_facts: BTreeSet<TicketFact>,
    /// Why the ticket is refused: the first problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_problem: Option<TicketProblem>,
    /// What the requester holds that no one may hold together with the target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// Why it is not known what the requester holds, if that matters.
    #[serde(skip)]
    pub holdings_unread: Option<String>,
    /// Unread memberships and placements, decided on the safe side.
    pub unread: Vec<String>,
    /// What on-call lists said about the requester, for the rules that name such lists.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub on_call: BTreeSet<OnCallFact>,
    /// Whether some approvers are those on call: then other people approve at another time.
    #[serde(skip)]
    pub approvers_on_call: bool,
    /// Readable facts among these: once read, the decision may differ.
    #[serde(skip)]
    pub not_read: BTreeSet<UnreadFact>,
}

impl Decision {
    /// Those to notify, as people are in office now.
    pub fn recipients(&self, facts: &Directory) -> BTreeSet<Email> {
        recipients(self.notify.clone(), &self.delegates, facts)
    }

    /// Converts to a decision for access that starts now: self-approval uses the hours at the
    /// start, so the request does not wait for others.
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

    /// Returns whether the approvals suffice: enough different users, and every stage filled, each
    /// approval in one stage. An approval in the place of another does not count beside theirs. If
    /// only the requester waits for hours, no approval suffices before.
    pub fn is_satisfied_by(&self, approvals: &BTreeSet<UserId>) -> bool {
        if self.own_later == OwnLater::Alone {
            return false;
        }
        let counted = self.delegates.counted(approvals);
        let enough = u32::try_from(counted.len()).unwrap_or(u32::MAX) >= self.approvals_needed;
        let seats: Vec<Seats<'_>> = self
            .stages
            .iter()
            .map(|s| Seats {
                fitting: s.fitting(approvals).collect(),
                count: s.quorum,
            })
            .collect();
        enough && quorum::fills(&seats, &counted)
    }

    pub fn reason_refused(&self, reason: &str) -> Option<&Requirement> {
        self.reason_patterns
            .iter()
            .find(|need| !need.pattern.is_found_in(reason))
    }

    /// Returns the first requirement the ticket violates. A missing ticket is the empty text: a
    /// pattern matching it makes the ticket optional.
    pub fn ticket_refused(&self, ticket: &str) -> Option<&Requirement> {
        self.ticket_patterns
            .iter()
            .find(|need| !need.pattern.is_found_in(ticket))
    }

    /// What a requester writes as ticket; `None` if no rule asks for one.
    pub fn ticket_hint(&self) -> Option<String> {
        let pattern = self.ticket_patterns.first();
        let words = pattern.map(|need| need.words("ticket")).into_iter();
        let words: Vec<String> = words
            .chain(self.tickets.iter().map(TicketRequirement::words))
            .collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    pub fn ticket_is_optional(&self) -> bool {
        let mut required = self.tickets.iter().map(|it| &it.terms);
        self.ticket_refused("").is_none()
            && required.all(|terms| !terms.required || terms.else_approval)
    }
}
