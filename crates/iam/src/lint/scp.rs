//! Service and resource control policies, and exemptions from them (codes 59, 60, 64, 65).

use super::checker::{Checker, Shape, StatementFacts, is_star};
use super::codes::LintCode;
use super::values::is_placeholder;
use crate::language::{Condition, PolicyType, split_arn};
use crate::pattern::{action_covers, resource_overlaps};

/// What takes a service control policy away again.
const UNDO: [&str; 3] = [
    "organizations:DetachPolicy",
    "organizations:UpdatePolicy",
    "organizations:DeletePolicy",
];

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

fn lockout(checker: &mut Checker<'_>, part: &StatementFacts<'_>) {
    let everywhere = part
        .resources()
        .is_some_and(|list| list.items.iter().any(|it| is_star(&it.text)));
    if !part.conditions().is_empty() || !everywhere || !part.lists_actions() {
        return;
    }
    for entry in &part.entries {
        if entry.shape == Shape::Everything {
            let message = "this denies everything to everybody for ever: exempt a role, or set an \
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
        let message = "this denies what would take the policy away again, to everybody: exempt \
                       the role that manages policies";
        checker.report(LintCode::ScpLockout, entry.text.span, message);
    }
}

/// Values of a negated comparison with aws:PrincipalArn in a Deny: who is exempt.
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
        let Some(role) = rest.strip_prefix("role/").filter(|_| !is_placeholder(text)) else {
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
        // roles that only Identity Center can make
        if role.starts_with("aws-reserved/") {
            continue;
        }
        if account.contains(['*', '?']) || account.is_empty() {
            let message = format!(
                "whoever may create a role of the name `{role}` in any account is exempt: name \
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
