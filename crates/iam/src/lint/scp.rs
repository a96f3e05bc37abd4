//! Service and resource control policies, and exemptions (codes 59, 60, 64, 65).

use super::checker::{Checker, Shape, StatementFacts, is_star};
use super::codes::LintCode;
use super::values::is_placeholder;
use crate::language::{Condition, PolicyType, split_arn};
use crate::pattern::{action_covers, resource_overlaps};

/// Actions that remove a service control policy.
const UNDO: [&str; 3] = [
    "organizations:DetachPolicy",
    "organizations:UpdatePolicy",
    "organizations:DeletePolicy",
];

const UNDO_DENIED: &str = "this denies to remove the policy again, to everyone: exempt the role that manages \
                           policies";

pub(super) fn check(checker: &mut Checker<'_>) {
    if !matches!(
        checker.kind(),
        PolicyType::Scp | PolicyType::Rcp | PolicyType::Resource
    ) {
        return;
    }
    checker.each(|checker, part| {
        if part.is_allow() {
            return;
        }
        if checker.kind() == PolicyType::Scp {
            lockout(checker, part);
        }
        for condition in part.conditions() {
            exemptions(checker, condition);
        }
    });
}

/// Exempts no one and never ends: the caller chooses the region.
fn is_of_region(condition: &Condition<'_>) -> bool {
    let key = &condition.key.text;
    key.eq_ignore_ascii_case("aws:RequestedRegion") && !condition.operator.test.is_negated()
}

/// Whether resources include organization policies, other than by name.
fn reaches_policies(part: &StatementFacts<'_>) -> bool {
    // each by name: a partition wildcard would extend too far
    let policies = ["aws", "aws-cn", "aws-us-gov"]
        .map(|partition| format!("arn:{partition}:organizations:*:*:policy/*"));
    let overlaps = |text: &str| policies.iter().any(|it| resource_overlaps(text, it));
    part.statement.resources.as_ref().is_some_and(|list| {
        let mut items = list.items.iter();
        if list.not {
            !items.any(|it| is_star(&it.text) || overlaps(&it.text))
        } else {
            items.any(|it| is_star(&it.text))
        }
    })
}

fn lockout(checker: &mut Checker<'_>, part: &StatementFacts<'_>) {
    if !part.conditions().iter().all(is_of_region) || !reaches_policies(part) {
        return;
    }
    if !part.lists_actions() {
        let is_spared = |action: &str| {
            let mut entries = part.entries.iter();
            entries.any(|it| action_covers(&it.text.text, action))
        };
        if let Some(entry) = part.entries.first()
            && !UNDO.into_iter().all(is_spared)
        {
            checker.report(LintCode::ScpLockout, entry.text.span, UNDO_DENIED);
        }
        return;
    }
    for entry in &part.entries {
        if entry.shape == Shape::Everything {
            let message = "this denies everything to everyone for ever: exempt a role, or set an \
                           end by DateLessThan aws:CurrentTime";
            checker.report(LintCode::ScpLockout, entry.text.span, message);
            return;
        }
    }
    let undoing = part.entries.iter().find(|entry| {
        let mut undo = UNDO.iter();
        undo.any(|action| action_covers(&entry.text.text, action))
    });
    if let Some(entry) = undoing {
        checker.report(LintCode::ScpLockout, entry.text.span, UNDO_DENIED);
    }
}

/// Exemptions: values of a negated aws:PrincipalArn comparison in a Deny.
fn exemptions(checker: &mut Checker<'_>, condition: &Condition<'_>) {
    let exempts = condition.key.text.eq_ignore_ascii_case("aws:PrincipalArn")
        && condition.operator.test.is_negated()
        && condition.operator.test.takes_wildcards();
    if !exempts {
        return;
    }
    for value in &condition.values {
        let text = value.text.as_ref();
        let Some([.., account, rest]) = split_arn(text) else {
            continue;
        };
        let Some(role) = rest
            .strip_prefix("role/")
            .filter(|_| !is_placeholder(checker.options, text))
        else {
            continue;
        };
        let linked = "arn:*:iam::*:role/aws-service-role/*";
        if role.starts_with("aws-service-role/") {
            if checker.kind() == PolicyType::Scp && resource_overlaps(text, linked) {
                let message = "service-linked roles are out of reach of service control policies \
                               anyway";
                checker.report(LintCode::ScpSlrNoop, value.span, message);
            }
            continue;
        }
        // only Identity Center can create these
        if role.starts_with("aws-reserved/") {
            continue;
        }
        if account.contains(['*', '?']) || account.is_empty() {
            let message = format!(
                "anyone who may create a role of the name `{role}` in any account is exempt: name \
                 the accounts, or deny creating and changing it"
            );
            checker.report(LintCode::ExemptByNameAnyAccount, value.span, message);
        }
        if role == "*" || role.ends_with("/*") {
            let message = format!(
                "members can create roles under `{role}` and so exempt themselves: name exact \
                 roles"
            );
            checker.report(LintCode::ExemptPathCreatable, value.span, message);
        }
    }
}
