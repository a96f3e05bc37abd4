//! Allowed and required elements per policy type (`policies.md` §2.1; AWS: "IAM JSON policy
//! elements reference", "SCP syntax", "RCP syntax").

use super::document::{Effect, PolicyType, PrincipalKind, ScpLanguage, Statement};
use super::json::ByteSpan;
use super::problem::{Problem, What};
use crate::facts;

pub(super) fn check(
    statement: &Statement<'_>,
    kind: PolicyType,
    language: ScpLanguage,
    problems: &mut Vec<Problem>,
) {
    let mut report = |what, span, message: &str| {
        problems.push(Problem {
            what,
            message: message.to_owned(),
            span,
        });
    };
    principal(statement, kind, &mut report);
    resource(statement, kind, &mut report);
    actions(statement, &mut report);
    match kind {
        PolicyType::Scp if language == ScpLanguage::Classic => classic_scp(statement, &mut report),
        PolicyType::Rcp => rcp(statement, &mut report),
        _ => {}
    }
}

type Tell<'t> = dyn FnMut(What, ByteSpan, &str) + 't;

fn principal(statement: &Statement<'_>, kind: PolicyType, report: &mut Tell<'_>) {
    let takes = matches!(
        kind,
        PolicyType::Resource | PolicyType::Trust | PolicyType::Rcp
    );
    match &statement.principals {
        Some(principals) if !takes => report(
            What::PrincipalForbidden,
            principals.key_span,
            "this kind of policy has no principal: it applies to the identity it is attached to",
        ),
        None if takes => report(
            What::PrincipalRequired,
            statement.span,
            "a statement of this kind of policy needs Principal",
        ),
        Some(principals) if principals.not && statement.effect == Effect::Allow => report(
            What::NotPrincipalAllow,
            principals.key_span,
            "NotPrincipal goes with Deny only: with Allow it would grant to everyone else",
        ),
        _ => {}
    }
}

fn resource(statement: &Statement<'_>, kind: PolicyType, report: &mut Tell<'_>) {
    match (&statement.resources, kind) {
        (Some(resources), PolicyType::Trust) => report(
            What::BadElement,
            resources.key_span,
            "a trust policy has no Resource: it is about its own role",
        ),
        (None, PolicyType::Trust | PolicyType::Resource) | (Some(_), _) => {}
        (None, _) => report(
            What::PairNone,
            statement.span,
            "a statement of this kind of policy needs Resource or NotResource",
        ),
    }
}

/// AWS refuses these ("Action vendors must not contain wildcards").
fn actions(statement: &Statement<'_>, report: &mut Tell<'_>) {
    for action in &statement.actions.items {
        let service = action.text.split(':').next().unwrap_or("");
        if service.contains(['*', '?']) && !super::is_any_action(&action.text) {
            let message = "no wildcards in the service of an action; list each service";
            report(What::ActionService, action.span, message);
        }
    }
}

fn classic_scp(statement: &Statement<'_>, report: &mut Tell<'_>) {
    if statement.effect == Effect::Allow {
        if let Some(span) = statement.condition_span {
            let message = "an Allow of the classic language has no Condition";
            report(What::ScpLanguage, span, message);
        }
        if statement.actions.not {
            let message = "an Allow of the classic language has no NotAction";
            report(What::ScpLanguage, statement.actions.key_span, message);
        }
        if let Some(resources) = &statement.resources {
            let star = !resources.not && resources.items.iter().all(|item| item.text == "*");
            if !star {
                let message = "an Allow of the classic language has \"Resource\": \"*\"";
                report(What::ScpLanguage, resources.span, message);
            }
        }
    }
    for action in &statement.actions.items {
        let early = action.text.trim_end_matches('*').contains(['*', '?']);
        if early || action.text.ends_with("**") {
            let message = "in the classic language a wildcard is the whole name or its end";
            report(What::ScpLanguage, action.span, message);
        }
    }
}

/// The statement of `RCPFullAWSAccess`, which lists may repeat.
fn is_full_access(statement: &Statement<'_>) -> bool {
    statement.effect == Effect::Allow
        && !statement.actions.not
        && statement.actions.items.iter().all(|it| it.text == "*")
        && statement.conditions.is_empty()
        && statement
            .resources
            .as_ref()
            .is_some_and(|it| !it.not && it.items.iter().all(|text| text.text == "*"))
}

fn rcp(statement: &Statement<'_>, report: &mut Tell<'_>) {
    if let Some(principals) = &statement.principals {
        let everyone = principals.entries.len() == 1
            && principals
                .entries
                .iter()
                .all(|entry| entry.kind == PrincipalKind::Everyone);
        if principals.not || !everyone {
            let message = "a resource control policy says \"Principal\": \"*\" and nothing else; \
                           report principals apart by conditions";
            report(What::RcpShape, principals.key_span, message);
        }
    }
    if is_full_access(statement) {
        return;
    }
    if statement.effect == Effect::Allow {
        let message = "a resource control policy of yours only denies";
        report(What::Effect, statement.effect_span, message);
    }
    if statement.actions.not {
        let message = "a resource control policy has no NotAction";
        report(What::RcpShape, statement.actions.key_span, message);
    }
    for action in &statement.actions.items {
        let service = action.text.split(':').next().unwrap_or("");
        if !facts::reached_by_rcps(service) {
            let message = "resource control policies do not reach this service; name a service \
                           they reach, such as s3:*";
            report(What::RcpService, action.span, message);
        }
    }
}
