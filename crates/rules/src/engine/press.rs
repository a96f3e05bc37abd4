//! The decision at the moment of a press: may this person say yes or no now (`access.md` §3)?

use hallpass_model::Timestamp;
use serde::Serialize;

use super::{
    Ask, Compiled, Ready,
    decide::{Evaluation, When},
    decision::Decision,
    people::{Membership, PersonView, Principal},
};
use crate::{
    decision_kind::DecisionKind, directory::Directory, rule::RuleId, rule_names::RuleNames,
};

/// That somebody may answer a request, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use = "a permit that is not used decides nothing"]
pub struct Permit {
    /// The rules that list the person, in file order.
    pub listed_by: Vec<RuleId>,
    /// Whether it is the requester, approving for themselves.
    pub own_request: bool,
    /// What the rules say to the request now.
    pub decision: Decision,
}

/// Why somebody may not answer a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum PressRefusedByRules {
    /// Today's rules would not let the request wait for approval (rule 3).
    #[error("the rules of today refuse this request: {kind}{}", RuleNames::of(rules).aside())]
    NotOpen {
        /// What they say.
        kind: DecisionKind,
        /// The rules it rests on.
        rules: Vec<RuleId>,
    },
    /// No rule that affects the request lists the person (rule 4).
    #[error("not an approver of this request{}{}", RuleNames::of(rules).aside(), left_out(left_out_by))]
    NotListed {
        /// The rules that affect it.
        rules: Vec<RuleId>,
        /// Those of them that would list the person, and leave them out.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        left_out_by: Vec<RuleId>,
        /// Memberships that could not be read.
        unread: Vec<String>,
    },
    /// It is the person's own request (rule 5).
    #[error("nobody approves their own request here{}", RuleNames::of(rules).aside())]
    OwnRequest {
        /// The rule that forbids it, or those that list the person without allowing it.
        rules: Vec<RuleId>,
    },
}

/// That rules leave somebody out, to append.
fn left_out(by: &[RuleId]) -> String {
    if by.is_empty() {
        return String::new();
    }
    let names: Vec<String> = by.iter().map(|rule| format!("`{rule}`")).collect();
    format!("; left out of its approvers by {}", names.join(", "))
}

pub(super) fn may_approve(
    rules: &Compiled,
    presser: Principal<'_>,
    requester: Principal<'_>,
    ask: &Ask<'_>,
    facts: &Directory,
    now: Timestamp,
) -> Result<Permit, PressRefusedByRules> {
    let evaluation = Evaluation::new(rules, requester, ask, facts, now);
    let presser = PersonView::new(rules, presser, facts);
    let listed_by = listed_by(&evaluation, &presser);
    let own_request = presser.is(&evaluation.requester);
    let own_refused = own_request && evaluation.own_approver().is_none();
    let denial = evaluation.deny_self.map(|ready| ready.rule.id.clone());
    let not_listed = not_listed(&evaluation, &presser);
    let decision = evaluation.decision();
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
    if listed_by.is_empty() {
        return Err(not_listed);
    }
    if own_refused {
        let rules = denial.map_or(listed_by, |denial| vec![denial]);
        return Err(PressRefusedByRules::OwnRequest { rules });
    }
    Ok(Permit {
        listed_by,
        own_request,
        decision,
    })
}

pub(super) fn may_deny(
    rules: &Compiled,
    presser: Principal<'_>,
    requester: Principal<'_>,
    ask: &Ask<'_>,
    facts: &Directory,
    now: Timestamp,
) -> Result<Permit, PressRefusedByRules> {
    let evaluation = Evaluation::new(rules, requester, ask, facts, now);
    let presser = PersonView::new(rules, presser, facts);
    // hours say when access is given, not when it is taken away
    let is_closed = evaluation.waits_for_hours();
    let whenever =
        is_closed.then(|| Evaluation::new(rules, requester, ask, facts, When::AtAnyHour));
    let counted = whenever.as_ref().unwrap_or(&evaluation);
    let listed_by = listed_by(counted, &presser);
    if presser.is(&counted.requester) {
        return Err(PressRefusedByRules::OwnRequest { rules: listed_by });
    }
    if listed_by.is_empty() {
        return Err(not_listed(counted, &presser));
    }
    Ok(Permit {
        listed_by,
        own_request: false,
        decision: evaluation.decision(),
    })
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
