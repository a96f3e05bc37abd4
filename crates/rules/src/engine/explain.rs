//! Explains a decision: every rule considered, and the deciding step.

use hallpass_base::{Email, Timestamp};
use serde::Serialize;

use super::{
    Ask, Decision, Ready, Rules,
    decide::{Evaluation, Exclusion},
    people::{Membership, PersonView, Principal, address_of},
    places::{self, AccountView, LeftOut},
    request_blockers::people_with_another,
    requester_manager::RequesterManager,
    words,
};
use crate::{
    decision_kind::DecisionKind,
    diagnostic::Position,
    directory::Directory,
    rule::{RuleId, Targets},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub requester: Email,
    pub target: String,
    #[serde(flatten)]
    pub decision: Decision,
    /// The deciding step of `access.md` §2: 2 and 4 to 8.
    pub step: u8,
    pub because: String,
    /// Every rule of the target kind, in file order.
    pub rules: Vec<Considered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Considered {
    pub id: RuleId,
    #[serde(flatten)]
    pub position: Position,
    pub sentence: String,
    pub effect: Effect,
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Affects the target and allows the requester.
    Applies,
    /// Affects the target, but does not allow the requester now; its denials count, and its limits
    /// if applicability is unread.
    DeniesOnly,
    /// Affects another target, or has no effect for this requester.
    DoesNotApply,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nearest {
    pub rule: RuleId,
    pub lacks: String,
}

impl Rules {
    pub fn explain<'a>(
        &self,
        requester: impl Into<Principal<'a>>,
        ask: &Ask<'_>,
        facts: &Directory,
        now: Timestamp,
    ) -> Explanation {
        let requester = requester.into();
        let evaluation = Evaluation::new(&self.compiled, requester, ask, facts, now);
        let rules: Vec<Considered> = self
            .compiled
            .rules
            .iter()
            .filter(|ready| is_same_kind(ready, ask))
            .map(|ready| considered(&evaluation, ready, ask))
            .collect();
        let nearest = nearest(&evaluation, &self.compiled.rules, ask);
        let (step, because) = step(&evaluation);
        let decision = evaluation.decision();
        let (step, because) = match decision.kind {
            DecisionKind::NoApprovers => (7, no_approvers(&decision, because)),
            _ => (step, because),
        };
        let nearest = match decision.kind {
            DecisionKind::NoStatements | DecisionKind::RequesterNotAllowed => nearest,
            DecisionKind::ApprovalNotRequired
            | DecisionKind::SelfApproval
            | DecisionKind::RequiresApproval
            | DecisionKind::NoApprovers => None,
        };
        Explanation {
            requester: requester.email.clone(),
            target: described(ask, facts),
            decision,
            step,
            because,
            rules,
            nearest,
        }
    }
}

fn described(ask: &Ask<'_>, facts: &Directory) -> String {
    match ask {
        Ask::Account {
            account,
            permission_set,
        } => match facts.account(account) {
            Some(known) => format!("{permission_set} in {} ({account})", known.name),
            None => format!("{permission_set} in {account}"),
        },
        Ask::Group { group } => match facts.group(group) {
            Some(known) => format!("group {} ({group})", known.name),
            None => format!("group {group}"),
        },
    }
}

fn is_same_kind(ready: &Ready, ask: &Ask<'_>) -> bool {
    match (&ready.terms().targets, ask) {
        (Targets::Accounts { .. }, Ask::Account { .. })
        | (Targets::Groups(_), Ask::Group { .. }) => true,
        (Targets::Accounts { .. }, Ask::Group { .. })
        | (Targets::Groups(_), Ask::Account { .. }) => false,
    }
}

/// Returns the deciding step; step 7 may still find no approver.
fn step(evaluation: &Evaluation<'_>) -> (u8, String) {
    if let (Some(ready), None) = (evaluation.auto, evaluation.deny_auto) {
        return (4, format!("rule `{}` waives approval", ready.rule.id));
    }
    if let Some(ready) = evaluation.self_approval() {
        let why = "lists the requester, who may approve for themselves";
        return (5, format!("rule `{}` {why}", ready.rule.id));
    }
    if evaluation.affecting.is_empty() {
        return (6, "no rule is about this target".to_owned());
    }
    if evaluation.eligible.is_empty() {
        return (
            2,
            "rules are about this target, and none lets this requester request".to_owned(),
        );
    }
    (
        8,
        "an approver listed by the rules that apply has to approve".to_owned(),
    )
}

fn no_approvers(decision: &Decision, because: String) -> String {
    match decision.kind {
        DecisionKind::NoApprovers => {
            const FEW: &str = "the rules that apply list too few people who could approve, the requester left out";
            match decision.manager {
                Some(RequesterManager::Missing(why)) => format!("{FEW}; {}", why.words()),
                Some(RequesterManager::Is(_)) | None => FEW.to_owned(),
            }
        }
        _ => because,
    }
}

fn considered(evaluation: &Evaluation<'_>, ready: &Ready, ask: &Ask<'_>) -> Considered {
    let is = |other: &&Ready| other.rule.id == ready.rule.id;
    let excluded = evaluation.excluded.iter().find(|(other, _)| is(other));
    let (effect, why) = if let Some((_, why)) = excluded {
        let is_unread = matches!(why, Exclusion::Unread | Exclusion::PlaceUnread);
        let why = excluded_because(evaluation, ready, *why);
        match still(evaluation, ready) {
            Some(still) => (Effect::DeniesOnly, format!("{why}; still, {still}")),
            None if is_unread && evaluation.denies(ready) => (Effect::DeniesOnly, why),
            None => (Effect::DoesNotApply, why),
        }
    } else if evaluation.eligible.iter().any(is) {
        (Effect::Applies, contributes(evaluation, ready))
    } else {
        (
            Effect::DoesNotApply,
            mismatch(evaluation.facts, ready, ask).1,
        )
    };
    Considered {
        id: ready.rule.id.clone(),
        position: ready.rule.position,
        sentence: words::sentence(ready),
        effect,
        why,
    }
}

fn excluded_because(evaluation: &Evaluation<'_>, ready: &Ready, why: Exclusion) -> String {
    let why = match why {
        Exclusion::NotAllowed => {
            let attributes = evaluation.requester.other_attributes(ready);
            if !attributes.is_empty() {
                return format!("it is for {}", people_with_another(&attributes));
            }
            "the requester is not among those who may request"
        }
        Exclusion::LeftOut => "it excludes the requester from requesting",
        Exclusion::Unread => "whether the requester may request could not be read; try again",
        Exclusion::PlaceUnread => match &ready.terms().targets {
            Targets::Accounts { .. } => {
                "whether it is about the account could not be read, as it names tags; try again"
            }
            Targets::Groups(_) => {
                "several groups have the name that it has: name the group by its id"
            }
        },
        Exclusion::OutsideHours => "it is outside the hours of its requests",
        Exclusion::NotYet => "it adds approvers once a request has waited",
        Exclusion::AddsOnly => {
            "it permits no request alone, and no other rule lets the requester request"
        }
    };
    why.to_owned()
}

fn still(evaluation: &Evaluation<'_>, ready: &Ready) -> Option<String> {
    const LIMITS: &str = "its limits hold, as long as it is not known that it does not apply";
    let denials = denials(evaluation, ready).filter(|_| evaluation.denies(ready));
    let limits = evaluation.holds(ready).then(|| LIMITS.to_owned());
    let parts: Vec<String> = denials.into_iter().chain(limits).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn denials(evaluation: &Evaluation<'_>, ready: &Ready) -> Option<String> {
    let terms = ready.terms();
    let mut denials = Vec::new();
    if terms.approval_is_not_required == Some(false) {
        denials.push("it forbids to skip approval");
    }
    if terms.allow_self_approval == Some(false) {
        match evaluation.requester.named_by(ready) {
            Membership::Yes => denials.push("it forbids self approval and lists the requester"),
            Membership::Unread => denials.push(
                "it forbids self approval and may list the requester (a group could not be read)",
            ),
            Membership::No => {}
        }
    }
    (!denials.is_empty()).then(|| denials.join("; "))
}

fn contributes(evaluation: &Evaluation<'_>, ready: &Ready) -> String {
    let terms = ready.terms();
    let mut parts = Vec::new();
    if !ready.permits {
        parts.push("it permits no request alone, and adds to the rules that do".to_owned());
    }
    if terms.approval_is_not_required == Some(true) {
        parts.push(match evaluation.deny_auto {
            Some(deny) => {
                format!("it waives approval, which `{}` forbids", deny.rule.id)
            }
            None => "it waives approval".to_owned(),
        });
    }
    let listed = evaluation.requester.listed_by(ready);
    if terms.allow_self_approval == Some(true) {
        parts.push(match (listed, evaluation.deny_self) {
            (Membership::Yes, None) if evaluation.closed_by.is_some() => {
                "it lets the requester approve for themselves, outside of the hours of approvals not now"
                    .to_owned()
            }
            (Membership::Yes, None) => "it lets the requester approve for themselves".to_owned(),
            (Membership::Yes, Some(deny)) => {
                format!(
                    "it lets the requester approve for themselves, which `{}` forbids",
                    deny.rule.id
                )
            }
            (Membership::No | Membership::Unread, _) => {
                "it allows self approval, and does not list the requester".to_owned()
            }
        });
    }
    parts.extend(denials(evaluation, ready));
    parts.extend(approvers(evaluation, ready, listed));
    parts.join("; ")
}

fn approvers(evaluation: &Evaluation<'_>, ready: &Ready, listed: Membership) -> Vec<String> {
    let mut parts = Vec::new();
    let people = ready.listed.len();
    let groups = ready.listed_groups.len();
    if people + groups > 0 {
        let who = match listed {
            Membership::Yes => ", the requester among them",
            Membership::No | Membership::Unread if ready.excludes_approvers() => {
                ", without those it excludes"
            }
            Membership::No | Membership::Unread => "",
        };
        parts.push(match (people, groups) {
            (people, 0) => format!("it lists {people} approver(s){who}"),
            (0, groups) => format!("it lists {groups} approver group(s){who}"),
            (people, groups) => {
                format!("it lists {people} approver(s) and {groups} approver group(s){who}")
            }
        });
    }
    if ready.terms().asks_manager() {
        const IT: &str = "it lets the requester's manager approve";
        parts.push(match &evaluation.manager {
            Some(Ok(manager)) => {
                let who = address_of(manager);
                let who = who.map_or_else(|| manager.user_name.clone(), |it| it.to_string());
                match evaluation.leaves_manager_out(ready, manager) {
                    Membership::No => format!("{IT}, {who}"),
                    Membership::Yes => format!("{IT}, and leaves {who} out"),
                    Membership::Unread => {
                        format!("{IT}, and whether it leaves {who} out could not be read")
                    }
                }
            }
            Some(Err(why)) => format!("{IT}, and {}", why.words()),
            None => IT.to_owned(),
        });
    }
    if parts.is_empty() {
        parts.push("it lists no approvers".to_owned());
    }
    parts
}

fn mismatch(facts: &Directory, ready: &Ready, ask: &Ask<'_>) -> (u8, String) {
    let Ask::Account {
        account,
        permission_set,
    } = ask
    else {
        return (3, "it is about other groups".to_owned());
    };
    let (targets, view) = (&ready.terms().targets, AccountView::new(account, facts));
    if let Some(left_out) = left_out(&view, ready, permission_set) {
        return left_out;
    }
    let is_unknown = !view.is_known() && places::needs_directory(targets);
    match (
        view.coverage(targets) != Membership::No,
        ready.sets.contain(permission_set),
    ) {
        (true, true) => (0, "it applies".to_owned()),
        (true, false) => (
            1,
            format!("it covers the account, and not permission set {permission_set}"),
        ),
        (false, true) if is_unknown => (
            2,
            "whether it covers the account is not known: the directory lacks it".to_owned(),
        ),
        (false, true) => (
            2,
            format!("it covers {permission_set}, and not this account"),
        ),
        (false, false) => (
            3,
            "it covers neither the account nor the permission set".to_owned(),
        ),
    }
}

fn left_out(view: &AccountView<'_>, ready: &Ready, set: &str) -> Option<(u8, String)> {
    let targets = &ready.terms().targets;
    let no_set = ready.sets.left_out(set);
    if view.selected_by(targets) != Membership::Yes
        || (no_set.is_none() && !ready.sets.contain(set))
    {
        return None;
    }
    let account = match view.left_out_by(targets) {
        None => None,
        Some(LeftOut::Place(place)) => Some(words::place(place)),
        Some(LeftOut::Tag(tag)) => Some(words::tagged(tag)),
        Some(LeftOut::UnreadTag | LeftOut::Unknown) => return None,
    };
    match (account, no_set) {
        (None, None) => None,
        (Some(account), None) => Some((2, format!("it leaves out {account}"))),
        (None, Some(set)) => Some((1, format!("it leaves out {}", words::set(set)))),
        (Some(account), Some(set)) => Some((
            3,
            format!("it leaves out {account}, and {}", words::set(set)),
        )),
    }
}

fn nearest(evaluation: &Evaluation<'_>, rules: &[Ready], ask: &Ask<'_>) -> Option<Nearest> {
    let mut excluded = evaluation.excluded.iter();
    if let Some((ready, why)) = excluded.find(|(ready, _)| ready.permits) {
        let lacks = excluded_because(evaluation, ready, *why);
        return Some(Nearest {
            rule: ready.rule.id.clone(),
            lacks,
        });
    }
    let allowed = |ready: &&Ready| allows(&evaluation.requester, ready);
    rules
        .iter()
        .filter(|ready| is_same_kind(ready, ask))
        .filter(allowed)
        .map(|ready| (mismatch(evaluation.facts, ready, ask), ready))
        .filter(|((distance, _), _)| *distance < 3)
        .min_by_key(|((distance, _), _)| *distance)
        .map(|((_, lacks), ready)| Nearest {
            rule: ready.rule.id.clone(),
            lacks: format!(
                "{lacks}; it is about {}",
                words::target(&ready.terms().targets)
            ),
        })
}

/// Ignores hours.
pub(super) fn allows(person: &PersonView<'_>, ready: &Ready) -> bool {
    ready.permits && person.may_ask(ready) == Membership::Yes
}
