//! The decision when a user approves or denies (`access.md` §3).

use std::collections::BTreeSet;

use hallpass_base::{Timestamp, UserId};
use serde::Serialize;

use super::{
    Ask, Compiled, Ready,
    decide::{Evaluation, When},
    decision::Decision,
    people::{Membership, PersonView, Principal},
};
use crate::{
    decision_kind::DecisionKind, directory::Directory, named_facts::UnreadFact, rule::RuleId,
    rule_names::RuleNames,
};

/// Permission to answer a request, and its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use = "a permit that is not used decides nothing"]
pub struct Permit {
    pub listed_by: Vec<RuleId>,
    pub own_request: bool,
    /// The approvers who are out of office, in whose place the user answers; empty if a rule lists
    /// the user.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub on_behalf_of: BTreeSet<UserId>,
    pub decision: Decision,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum PressRefusedByRules {
    /// The current rules do not leave the request waiting (rule 3).
    #[error("the rules of today refuse this request: {kind}{}", RuleNames::of(rules).aside())]
    NotOpen {
        kind: DecisionKind,
        rules: Vec<RuleId>,
    },
    /// No applicable rule lists the user (rule 4).
    #[error("not an approver of this request{}{}", RuleNames::of(rules).aside(), left_out(left_out_by))]
    NotListed {
        rules: Vec<RuleId>,
        /// Rules that would list the user but exclude them.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        left_out_by: Vec<RuleId>,
        unread: Vec<String>,
    },
    #[error("no one approves their own request here{}", RuleNames::of(rules).aside())]
    OwnRequest {
        /// The forbidding rule, or the listing rules without permission.
        rules: Vec<RuleId>,
    },
}

fn left_out(by: &[RuleId]) -> String {
    if by.is_empty() {
        return String::new();
    }
    let names: Vec<String> = by.iter().map(|rule| format!("`{rule}`")).collect();
    format!("; left out of its approvers by {}", names.join(", "))
}

/// A pending answer with the evaluation of requester and approver.
pub struct JudgedPress<'a> {
    evaluation: Evaluation<'a>,
    /// The evaluation without hours, if only the hour excludes a rule: hours limit granting, not
    /// revoking.
    whenever: Option<Evaluation<'a>>,
    presser: PersonView<'a>,
    listed_by: Vec<RuleId>,
    own_request: bool,
}

impl<'a> JudgedPress<'a> {
    pub(super) fn new(
        rules: &'a Compiled,
        presser: Principal<'a>,
        requester: Principal<'a>,
        ask: &Ask<'_>,
        facts: &'a Directory,
        now: Timestamp,
    ) -> Self {
        let evaluation = Evaluation::new(rules, requester, ask, facts, now);
        let presser = PersonView::new(rules, presser, facts);
        let is_closed = evaluation.waits_for_hours();
        let whenever =
            is_closed.then(|| Evaluation::new(rules, requester, ask, facts, When::AtAnyHour));
        Self {
            whenever,
            listed_by: listed_by(&evaluation, &presser),
            own_request: presser.is(&evaluation.requester),
            evaluation,
            presser,
        }
    }

    /// Checks whether the user may approve: the rule-based part of `access.md` §3 (its rules 3, 4
    /// and 5).
    ///
    /// # Errors
    /// The violated rule.
    pub fn may_approve(self) -> Result<Permit, PressRefusedByRules> {
        let own_refused = self.own_request && self.evaluation.own_approver().is_none();
        let denial = self.evaluation.deny_self.map(|ready| ready.rule.id.clone());
        let not_listed = not_listed(&self.evaluation, &self.presser);
        let on_behalf_of = self.evaluation.represented(&self.presser);
        let decision = self.evaluation.decision();
        match decision.kind {
            DecisionKind::ApprovalNotRequired
            | DecisionKind::SelfApproval
            | DecisionKind::RequiresApproval => {}
            DecisionKind::NoApprovers
            | DecisionKind::NoStatements
            | DecisionKind::RequesterNotAllowed => {
                return Err(PressRefusedByRules::NotOpen {
                    kind: decision.kind,
                    rules: decision.based_on,
                });
            }
        }
        if self.listed_by.is_empty() {
            return Err(not_listed);
        }
        if own_refused {
            let rules = denial.map_or(self.listed_by, |denial| vec![denial]);
            return Err(PressRefusedByRules::OwnRequest { rules });
        }
        Ok(Permit {
            listed_by: self.listed_by,
            own_request: self.own_request,
            on_behalf_of,
            decision,
        })
    }

    /// Returns unread groups that may make the user an approver.
    pub(crate) fn not_read(&self) -> BTreeSet<UnreadFact> {
        let evaluation = &self.evaluation;
        let eligible = evaluation.eligible.iter();
        let unsure =
            eligible.filter(|ready| evaluation.lists(&self.presser, ready) == Membership::Unread);
        let groups = unsure.flat_map(|it| [&it.listed_groups, &it.except_approver_groups]);
        { groups.flat_map(|it| evaluation.unread_members(it)) }.collect()
    }

    /// Checks whether the user may deny the request or revoke its grant: listed by an affecting
    /// rule, at any hour, and not the requester (`access.md` §5).
    pub fn may_deny(self) -> Result<Permit, PressRefusedByRules> {
        let counted = self.whenever.as_ref().unwrap_or(&self.evaluation);
        let listed_by = listed_by(counted, &self.presser);
        if self.own_request {
            return Err(PressRefusedByRules::OwnRequest { rules: listed_by });
        }
        if listed_by.is_empty() {
            return Err(not_listed(counted, &self.presser));
        }
        Ok(Permit {
            listed_by,
            own_request: false,
            on_behalf_of: counted.represented(&self.presser),
            decision: self.evaluation.decision(),
        })
    }
}

fn listed_by(evaluation: &Evaluation<'_>, presser: &PersonView<'_>) -> Vec<RuleId> {
    evaluation
        .eligible
        .iter()
        .filter(|ready| evaluation.lists(presser, ready) == Membership::Yes)
        .map(|ready| ready.rule.id.clone())
        .collect()
}

fn not_listed(evaluation: &Evaluation<'_>, presser: &PersonView<'_>) -> PressRefusedByRules {
    let unread = evaluation
        .eligible
        .iter()
        .filter(|ready| evaluation.lists(presser, ready) == Membership::Unread)
        .map(|ready| {
            format!(
                "an approver group of rule `{}` could not be read",
                ready.rule.id
            )
        })
        .collect();
    let ids = |of: &dyn Fn(&&&Ready) -> bool| {
        let eligible = evaluation.eligible.iter();
        let picked = eligible.filter(|ready| of(ready));
        picked.map(|ready| ready.rule.id.clone()).collect()
    };
    PressRefusedByRules::NotListed {
        rules: ids(&|_| true),
        left_out_by: ids(&|ready| {
            presser.named_by(ready) == Membership::Yes
                && presser.is_no_approver(ready) == Membership::Yes
        }),
        unread,
    }
}
