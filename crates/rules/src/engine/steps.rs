//! A decision as questions and answers, in the order of `access.md` §2.

use hallpass_base::Timestamp;
use serde::Serialize;

use super::{Ask, OwnLater, Principal, Ready, Rules, decide::Evaluation, decide::Exclusion, words};
use crate::{
    decision_kind::DecisionKind,
    directory::Directory,
    rule::{RuleId, Targets},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionStep {
    pub question: DecisionQuestion,
    pub yes: bool,
    pub rules: Vec<RuleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionQuestion {
    /// Step 1: does any rule cover the target?
    Covered,
    /// Step 2: may the requester request it?
    MayAsk,
    /// Steps 3 and 4: is it granted without approval?
    WithoutApproval,
    /// Steps 3 and 5: may the requester approve?
    ByThemselves,
    /// Steps 7 and 8: can another user approve?
    ByOthers,
}

impl Rules {
    /// Returns the steps up to the deciding one.
    pub fn steps<'a>(
        &self,
        requester: impl Into<Principal<'a>>,
        ask: &Ask<'_>,
        facts: &Directory,
        now: Timestamp,
    ) -> Vec<DecisionStep> {
        let evaluation = Evaluation::new(&self.compiled, requester.into(), ask, facts, now);
        let mut steps = vec![step(
            DecisionQuestion::Covered,
            !evaluation.affecting.is_empty(),
            &evaluation.affecting,
            None,
        )];
        if evaluation.affecting.is_empty() {
            return steps;
        }
        steps.push(may_ask(&evaluation));
        if evaluation.eligible.is_empty() {
            return steps;
        }
        let auto = without_approval(&evaluation);
        let own = by_themselves(&evaluation);
        let (is_auto, is_own) = (auto.yes, own.yes);
        steps.push(auto);
        if is_auto {
            return steps;
        }
        steps.push(own);
        if is_own {
            return steps;
        }
        let eligible = evaluation.eligible.clone();
        let decision = evaluation.decision();
        let others = decision.kind == DecisionKind::RequiresApproval
            && decision.own_later != OwnLater::Alone;
        steps.push(step(DecisionQuestion::ByOthers, others, &eligible, None));
        steps
    }
}

fn step(
    question: DecisionQuestion,
    yes: bool,
    rules: &[&Ready],
    why: Option<String>,
) -> DecisionStep {
    DecisionStep {
        question,
        yes,
        rules: rules.iter().map(|ready| ready.rule.id.clone()).collect(),
        why,
    }
}

fn may_ask(evaluation: &Evaluation<'_>) -> DecisionStep {
    if !evaluation.eligible.is_empty() {
        let permitting = evaluation.eligible.iter().copied();
        let permitting: Vec<&Ready> = permitting.filter(|ready| ready.permits).collect();
        let why = match permitting.as_slice() {
            [only] => Some(format!(
                "it lets {} request",
                words::requesters(only.terms())
            )),
            _ => None,
        };
        return step(DecisionQuestion::MayAsk, true, &permitting, why);
    }
    let excluded: Vec<&Ready> = evaluation
        .excluded
        .iter()
        .map(|(ready, _)| *ready)
        .collect();
    let mut permitting = evaluation
        .excluded
        .iter()
        .filter(|(ready, _)| ready.permits);
    let telling = permitting.next().or_else(|| evaluation.excluded.first());
    let why = telling.map(|(ready, why)| match why {
        _ if !ready.permits => format!("`{}` permits no request alone", ready.rule.id),
        Exclusion::NotAllowed | Exclusion::LeftOut => format!(
            "`{}` lets {} request",
            ready.rule.id,
            words::requesters(ready.terms())
        ),
        Exclusion::Unread => {
            "a group or an attribute that says who may request could not be read; try again".to_owned()
        }
        Exclusion::PlaceUnread => match &ready.terms().targets {
            Targets::Accounts { .. } => {
                "the tags of the account, which say which rules are about it, could not be read; try again"
                    .to_owned()
            }
            Targets::Groups(_) => format!(
                "`{}` names the group by a name that several groups have",
                ready.rule.id
            ),
        },
        Exclusion::OutsideHours => match &ready.terms().hours {
            Some(hours) => format!("`{}` lets people request only {hours}", ready.rule.id),
            None => "it is outside the hours in which people may request".to_owned(),
        },
        // only rules that permit nothing are excluded this way
        Exclusion::AddsOnly | Exclusion::NotYet => format!("`{}` permits no request alone", ready.rule.id),
    });
    step(DecisionQuestion::MayAsk, false, &excluded, why)
}

fn without_approval(evaluation: &Evaluation<'_>) -> DecisionStep {
    let question = DecisionQuestion::WithoutApproval;
    match (evaluation.auto, evaluation.deny_auto) {
        (Some(auto), None) => step(question, true, &[auto], None),
        (Some(auto), Some(deny)) => {
            let why = format!(
                "`{}` says yes; `{}` says no, and a no beats any yes",
                auto.rule.id, deny.rule.id
            );
            step(question, false, &[auto, deny], Some(why))
        }
        (None, Some(deny)) => {
            let why = "it forbids to skip approval".to_owned();
            step(question, false, &[deny], Some(why))
        }
        (None, None) => {
            let why = "no rule that applies skips approval".to_owned();
            step(question, false, &[], Some(why))
        }
    }
}

fn by_themselves(evaluation: &Evaluation<'_>) -> DecisionStep {
    let question = DecisionQuestion::ByThemselves;
    match (evaluation.own, evaluation.deny_self) {
        (Some(own), None) => match evaluation.closed_by {
            None => step(question, true, &[own], None),
            Some(closed) => {
                let hours = closed.terms().approval_hours.as_ref();
                let hours = hours.map(ToString::to_string).unwrap_or_default();
                let why = format!(
                    "`{}` says yes; by `{}` approvals are given only {hours}",
                    own.rule.id, closed.rule.id
                );
                step(question, false, &[own, closed], Some(why))
            }
        },
        (Some(own), Some(deny)) => {
            let why = format!(
                "`{}` says yes; `{}` lists the requester and says no, and a no beats any yes",
                own.rule.id, deny.rule.id
            );
            step(question, false, &[own, deny], Some(why))
        }
        (None, Some(deny)) => {
            let why = "it lists the requester and forbids it".to_owned();
            step(question, false, &[deny], Some(why))
        }
        (None, None) => {
            let why = "no rule that applies lists the requester and allows it".to_owned();
            step(question, false, &[], Some(why))
        }
    }
}
