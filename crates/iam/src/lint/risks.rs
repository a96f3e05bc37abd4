//! Risks of granted actions (codes 51 to 56). Action lists: [`crate::facts::risk`].

use super::checker::{Checker, Shape, StatementFacts, is_star};
use super::codes::LintCode;
use super::resources::{listed, works_on};
use crate::facts::{self, ActionFacts, actions_matching, risk};
use crate::language::json::ByteSpan;
use crate::language::{Condition, PolicyType, Quantifier, Test};
use crate::pattern::{action_covers, action_overlaps, resource_covers, resource_overlaps};

pub(super) fn check(checker: &mut Checker<'_>) {
    if checker.kind() != PolicyType::Identity {
        return;
    }
    escalations(checker);
    checker.each(|checker, part| {
        if part.is_allow() {
            pass_role(checker, part);
            classes(checker, part);
        }
    });
}

struct AllowedAt<'p> {
    part: &'p StatementFacts<'p>,
    span: ByteSpan,
}

fn places<'p>(parts: &'p [StatementFacts<'p>], action: &str) -> Vec<AllowedAt<'p>> {
    let allowing = parts
        .iter()
        .filter(|it| it.is_allow() && !harmless(it, action) && reachable(it, action));
    let mut found = Vec::new();
    for part in allowing {
        if !part.lists_actions() {
            let left_out = part
                .entries
                .iter()
                .any(|it| action_covers(&it.text.text, action));
            let span = part.statement.actions.key_span;
            found.extend((!left_out).then_some(AllowedAt { part, span }));
            continue;
        }
        let entry = part
            .entries
            .iter()
            .find(|it| action_overlaps(&it.text.text, action));
        found.extend(entry.map(|it| AllowedAt {
            part,
            span: it.text.span,
        }));
    }
    found.retain(|place| !parts.iter().any(|it| takes_away(it, place.part, action)));
    found
}

fn reachable(part: &StatementFacts<'_>, action: &str) -> bool {
    match (part.resources(), facts::action(action)) {
        (Some(list), Some(action)) => list
            .items
            .iter()
            .any(|it| is_star(&it.text) || works_on(action, &it.text)),
        _ => true,
    }
}

/// Whether a condition prevents escalation: a required boundary, or the caller's own tags and name.
fn harmless(part: &StatementFacts<'_>, action: &str) -> bool {
    part.conditions().iter().any(|it| {
        let positive = !it.operator.test.is_negated()
            && !it.operator.if_exists
            && it.operator.quantifier == Quantifier::One
            && it.operator.test != Test::Null;
        let key = it.key.text.to_ascii_lowercase();
        positive && action.starts_with("iam:") && key == "iam:permissionsboundary"
    })
}

/// Whether an unconditional Deny fully covers the Allow.
fn takes_away(deny: &StatementFacts<'_>, allow: &StatementFacts<'_>, action: &str) -> bool {
    if deny.is_allow() || !deny.conditions().is_empty() {
        return false;
    }
    let named = deny
        .entries
        .iter()
        .any(|it| action_covers(&it.text.text, action));
    let all = deny
        .resources()
        .is_some_and(|list| list.items.iter().any(|it| is_star(&it.text)));
    named == deny.lists_actions() && (all || covers_resources(deny, allow))
}

pub(super) fn covers_resources(wide: &StatementFacts<'_>, narrow: &StatementFacts<'_>) -> bool {
    let (Some(wide), Some(narrow)) = (wide.resources(), narrow.resources()) else {
        return false;
    };
    narrow.items.iter().all(|one| {
        let mut all = wide.items.iter();
        all.any(|it| resource_covers(&it.text, &one.text))
    })
}

/// Whether two statements share a resource; skipped across services, whose types differ.
fn meet(first: &AllowedAt<'_>, second: &AllowedAt<'_>) -> bool {
    let (Some(one), Some(other)) = (first.part.resources(), second.part.resources()) else {
        return true;
    };
    one.items.iter().any(|a| {
        let mut others = other.items.iter();
        others.any(|b| resource_overlaps(&a.text, &b.text))
    })
}

fn escalations(checker: &mut Checker<'_>) {
    let management = checker.options.management_account.clone();
    let parts = std::mem::take(&mut checker.parts);
    let mut found: Vec<(ByteSpan, Vec<String>)> = Vec::new();
    for set in risk::ESCALATIONS {
        let Some(span) = held(&parts, set, management.as_deref()) else {
            continue;
        };
        let name = set.actions.join("+");
        match found.iter_mut().find(|(at, _)| *at == span) {
            Some((_, names)) => names.push(name),
            None => found.push((span, vec![name])),
        }
    }
    checker.parts = parts;
    for (span, names) in found {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let message = format!(
            "this lets its holder gain any permission: {}",
            listed(&names)
        );
        checker.report(LintCode::PrivEsc, span, message);
    }
}

fn held(
    parts: &[StatementFacts<'_>],
    set: &risk::Escalation,
    management: Option<&str>,
) -> Option<ByteSpan> {
    let mut chosen: Vec<(&str, Vec<AllowedAt<'_>>)> = Vec::new();
    for action in set.actions {
        let places = places(parts, action);
        if places.is_empty() {
            return None;
        }
        chosen.push((action, places));
    }
    let service = |action: &str| action.split(':').next().unwrap_or("").to_owned();
    let together = chosen.iter().enumerate().all(|(at, (action, places))| {
        let same = chosen
            .iter()
            .take(at)
            .filter(|(other, _)| service(other) == service(action));
        let mut same = same.peekable();
        same.peek().is_none()
            || same.all(|(_, others)| {
                places
                    .iter()
                    .any(|place| others.iter().any(|other| meet(place, other)))
            })
    });
    let (_, last) = chosen.last().filter(|_| together)?;
    let place = last.first()?;
    if set.on_management_account && !reaches(last, management) {
        return None;
    }
    Some(place.span)
}

fn reaches(places: &[AllowedAt<'_>], management: Option<&str>) -> bool {
    let kinds = [
        format!("account/{}", management.unwrap_or("*")),
        "instance/*".to_owned(),
        "permissionSet/*".to_owned(),
    ];
    kinds.iter().all(|kind| {
        let wanted = format!("arn:*:sso:::{kind}");
        places.iter().any(|place| match place.part.resources() {
            None => true,
            // an unknown account is certainly matched only by a pattern
            Some(list) if management.is_none() && kind.starts_with("account") => {
                list.items.iter().any(|it| {
                    is_star(&it.text)
                        || (it.text.contains('*') && resource_overlaps(&it.text, &wanted))
                })
            }
            Some(list) => list
                .items
                .iter()
                .any(|it| resource_overlaps(&it.text, &wanted)),
        })
    })
}

fn pass_role(checker: &mut Checker<'_>, part: &StatementFacts<'_>) {
    let star = part
        .resources()
        .is_none_or(|list| list.items.iter().any(|it| wide_role(&it.text)));
    let limited = part.conditions().iter().any(|it| {
        let key = it.key.text.to_ascii_lowercase();
        matches!(
            key.as_str(),
            "iam:passedtoservice" | "iam:associatedresourcearn"
        ) && !it.operator.test.is_negated()
            && !it.values.iter().any(|value| value.text == "*")
    });
    let Some(entry) = part
        .entries
        .iter()
        .filter(|it| it.shape != Shape::Everything)
        .find(|it| action_overlaps(&it.text.text, "iam:PassRole"))
    else {
        return;
    };
    if part.lists_actions() && star && !limited {
        let message = "any role can be passed to any service: list roles, and compare \
                       iam:PassedToService";
        checker.report(LintCode::PassRoleStar, entry.text.span, message);
    }
}

/// `*`, or every role of an account.
fn wide_role(resource: &str) -> bool {
    is_star(resource) || resource.ends_with(":role/*") || resource.ends_with(":*")
}

fn limits_action(condition: &Condition<'_>) -> bool {
    // request sources do not limit the damage
    condition
        .key
        .text
        .to_ascii_lowercase()
        .starts_with("aws:principaltag/")
}

type Class = (LintCode, fn(&ActionFacts) -> bool, &'static str);

fn classes(checker: &mut Checker<'_>, part: &StatementFacts<'_>) {
    let all = part
        .resources()
        .is_some_and(|list| list.items.iter().any(|it| is_star(&it.text)));
    if !all || !part.lists_actions() || !part.on_everything() {
        return;
    }
    if part.conditions().iter().any(limits_action) {
        return;
    }
    let classes: [Class; 3] = [
        (
            LintCode::DataExfil,
            risk::exfiltrates,
            "read data of every resource",
        ),
        (
            LintCode::CredentialsExposure,
            risk::exposes_credentials,
            "answer with credentials",
        ),
        (
            LintCode::ResourceExposure,
            risk::exposes_resources,
            "change who may use every resource",
        ),
    ];
    for (rule, belongs, what) in classes {
        let mut found: Vec<(ByteSpan, Vec<String>)> = Vec::new();
        for entry in &part.entries {
            let names: Vec<String> = if entry.shape == Shape::Everything {
                actions_matching("*")
                    .filter(|it| belongs(it))
                    .map(ActionFacts::full_name)
                    .collect()
            } else {
                entry
                    .known
                    .iter()
                    .filter(|it| belongs(it))
                    .map(|it| it.full_name())
                    .collect()
            };
            if !names.is_empty() {
                found.push((entry.text.span, names));
            }
        }
        // one finding per statement and class: at the first entry, naming all
        let Some((span, _)) = found.first() else {
            continue;
        };
        let span = *span;
        let names: Vec<&str> = found
            .iter()
            .flat_map(|(_, it)| it)
            .map(String::as_str)
            .collect();
        checker.report(rule, span, format!("{} {what}", listed(&names)));
    }
    for entry in part.entries.iter().filter(|it| it.shape == Shape::Service) {
        let message = format!("every action of {} on every resource", entry.service());
        checker.report(LintCode::ServiceWildcard, entry.text.span, message);
    }
}
