//! Resources, and whether actions support them (codes 20 to 24, 72).

use super::checker::{ActionEntry, Checker, Shape, StatementFacts, is_star};
use super::codes::{LintCode, Severity};
use super::values::{is_account, is_partition, is_placeholder, is_region};
use crate::facts::{self, ActionFacts};
use crate::language::json::ByteSpan;
use crate::language::{Condition, PolicyType, Test};
use crate::pattern::{action_overlaps, covers, fits_some_arn};

const SHAPE: &str = "arn:partition:service:region:account:resource";
/// Names listed per message.
const NAMES_MAX: usize = 4;

pub(super) fn check(checker: &mut Checker<'_>) {
    checker.each(|checker, part| {
        written(checker, part);
        if part.lists_actions() && part.resources().is_some() {
            for entry in &part.entries {
                fits(checker, part, entry);
            }
            star(checker, part);
        }
        for condition in part.conditions() {
            one_type_only(checker, part, condition);
        }
    });
    partial(checker);
}

fn written(checker: &mut Checker<'_>, part: &StatementFacts<'_>) {
    let Some(list) = &part.statement.resources else {
        return;
    };
    for item in &list.items {
        let text = item.text.as_ref();
        // API Gateway resource policies may omit the first ARN parts
        let short = checker.kind() == PolicyType::Resource && text.starts_with("execute-api:/");
        if is_placeholder(checker.options, text) || short {
            continue;
        }
        if text.starts_with("arn:") && !fits_some_arn(text) {
            let message = format!(
                "`{text}` has fewer than six parts and no `*` that stands for the others: {SHAPE}"
            );
            checker.report(LintCode::ShortArn, item.span, message);
        } else if let Some(wrong) = malformed(text) {
            checker.report(LintCode::ResourceMalformed, item.span, wrong);
        }
    }
}

fn malformed(text: &str) -> Option<String> {
    if !text.contains([':', '*']) {
        return Some(format!("a resource is `*` or an ARN, {SHAPE}"));
    }
    // missing parts are unknown
    let mut parts = ["*"; 6];
    for (slot, part) in parts.iter_mut().zip(text.splitn(6, ':')) {
        *slot = part;
    }
    let [arn, partition, service, region, account, rest] = parts;
    // as is text after a `*` that may pass its colon
    let known = |part: &str, before: &[&str]| {
        part.bytes().all(|it| it.is_ascii_digit()) || !before.iter().any(|it| it.ends_with('*'))
    };
    // patterns and variables are unknown
    let open = |part: &str| part.contains(['*', '?']) || part.contains("${");
    if !covers(arn, "arn") {
        return Some(format!("an ARN begins with `arn:`: {SHAPE}"));
    }
    if !open(partition) && !is_partition(partition) {
        return Some(format!(
            "there is no partition `{partition}`: aws, aws-cn or aws-us-gov"
        ));
    }
    if service.is_empty() {
        return Some(format!("the service is missing: {SHAPE}"));
    }
    if !open(region)
        && !region.is_empty()
        && known(region, &[partition, service])
        && !is_region(region)
    {
        return Some(format!(
            "`{region}` is no region, such as eu-west-1: {SHAPE}"
        ));
    }
    let named =
        account.is_empty() || account == "aws" || !known(account, &[partition, service, region]);
    if !open(account) && !named && !is_account(account) {
        return Some(format!(
            "`{account}` is no account, which is 12 digits: {SHAPE}"
        ));
    }
    rest.is_empty()
        .then(|| format!("the resource is missing: {SHAPE}"))
}

fn usable<'p>(checker: &Checker<'_>, part: &'p StatementFacts<'_>) -> Vec<&'p str> {
    let list = part.resources().map_or(&[][..], |list| &list.items);
    list.iter()
        .map(|item| item.text.as_ref())
        .filter(|text| {
            malformed(text).is_none()
                && fits_some_arn(text)
                && !is_placeholder(checker.options, text)
        })
        .collect()
}

pub(crate) fn works_on(action: &ActionFacts, resource: &str) -> bool {
    let service = facts::service(action.service);
    action.resource_types.iter().any(|used| {
        service
            .and_then(|it| it.resource_type(used.name))
            // a type without a known ARN may be anything
            .is_none_or(|kind| kind.arns.is_empty() || kind.overlaps(resource))
    })
}

fn fits(checker: &mut Checker<'_>, part: &StatementFacts<'_>, entry: &ActionEntry<'_>) {
    let resources = usable(checker, part);
    if resources.is_empty() || entry.known.is_empty() || resources.iter().any(|it| is_star(it)) {
        return;
    }
    let text = &entry.text.text;
    let mut typed = entry
        .known
        .iter()
        .filter(|it| !it.resource_types.is_empty())
        .peekable();
    if typed.peek().is_none() {
        let message = format!(
            "AWS's reference has no resource that `{text}` works on: then it needs \"Resource\": \"*\""
        );
        checker.report(LintCode::ResourceStarRequired, entry.text.span, message);
        return;
    }
    let first = typed.clone().next();
    if typed.any(|action| resources.iter().any(|it| works_on(action, it))) {
        return;
    }
    let wanted = first.map_or(String::new(), |action| arns_of(action));
    let message = format!("no resource listed is one that `{text}` works on: {wanted}");
    let is_certain = first.is_some_and(|action| facts::has_all_types(action));
    checker
        .report(LintCode::ResourceMismatch, entry.text.span, message)
        .as_bad_as(Severity::error_if(is_certain));
}

fn arns_of(action: &ActionFacts) -> String {
    let service = facts::service(action.service);
    let patterns: Vec<&str> = action
        .resource_types
        .iter()
        .filter_map(|used| service?.resource_type(used.name)?.arns.first())
        .map(facts::ArnPattern::as_str)
        .take(NAMES_MAX)
        .collect();
    patterns.join(" or ")
}

fn star(checker: &mut Checker<'_>, part: &StatementFacts<'_>) {
    if !part.is_allow() || checker.kind() != PolicyType::Identity || !part.on_everything() {
        return;
    }
    let Some(item) = part
        .resources()
        .and_then(|list| list.items.iter().find(|item| is_star(&item.text)))
    else {
        return;
    };
    let narrowable = |entry: &&ActionEntry<'_>| {
        let typed = entry
            .known
            .iter()
            .filter(|it| !it.resource_types.is_empty());
        // tolerates a few exceptions in a pattern such as ec2:Describe*
        2 * typed.count() > entry.known.len()
    };
    let names: Vec<&str> = part
        .entries
        .iter()
        .filter(narrowable)
        .map(|entry| entry.text.text.as_ref())
        .collect();
    if !names.is_empty() {
        let message = format!("{} can be limited to resources", listed(&names));
        checker.report(LintCode::ResourceStar, item.span, message);
    }
}

pub(super) fn listed(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).copied().collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Actions checked against several resources need all of them allowed, in any statements.
fn partial(checker: &mut Checker<'_>) {
    if matches!(
        checker.kind(),
        PolicyType::Resource | PolicyType::Trust | PolicyType::Rcp
    ) {
        return;
    }
    let mut found: Vec<(ByteSpan, Severity, String)> = Vec::new();
    for part in checker
        .parts
        .iter()
        .filter(|it| it.is_allow() && it.lists_actions())
    {
        for entry in part.entries.iter().filter(|it| it.shape == Shape::Plain) {
            let Some(action) = entry.known.first() else {
                continue;
            };
            if let Some(message) = missing_types(checker, action) {
                let severity = if facts::counts_all_required(action) {
                    Severity::Error
                } else {
                    Severity::Info
                };
                found.push((entry.text.span, severity, message));
            }
        }
    }
    for (span, severity, message) in found {
        checker
            .report(LintCode::ResourcePartial, span, message)
            .as_bad_as(severity);
    }
}

fn missing_types(checker: &Checker<'_>, action: &ActionFacts) -> Option<String> {
    let name = action.full_name();
    let required = facts::required_resource_types(&name)?.all;
    let service = facts::service(action.service)?;
    if required.len() < 2 {
        return None;
    }
    let mut resources: Vec<&str> = Vec::new();
    for part in checker.parts.iter().filter(|it| it.is_allow()) {
        let mut taken = part.entries.iter();
        if taken.any(|it| action_overlaps(&it.text.text, &name)) != part.lists_actions() {
            continue;
        }
        // NotResource usually excludes little
        part.resources()?;
        resources.extend(usable(checker, part));
    }
    let has = |wanted: &&&str| {
        let kind = service.resource_type(wanted);
        kind.is_none_or(|kind| resources.iter().any(|it| kind.overlaps(it)))
    };
    let missing: Vec<&str> = required.iter().filter(|it| !has(it)).copied().collect();
    if missing.is_empty() || missing.len() == required.len() {
        return None;
    }
    let (all, missing) = (required.join(", "), missing.join(", "));
    Some(if facts::counts_all_required(action) {
        format!("`{name}` is checked against {all}; no resource allowed is of type {missing}")
    } else {
        format!(
            "AWS's reference has {all} required for `{name}`; no resource allowed is of type \
             {missing}, which is right only where they are alternatives"
        )
    })
}

/// A key present only for some required types: an Allow fails for the others, and a negated Deny
/// always matches them.
fn one_type_only(checker: &mut Checker<'_>, part: &StatementFacts<'_>, condition: &Condition<'_>) {
    let key = condition.key.text.as_ref();
    let negated = condition.operator.test.is_negated();
    let matters = !condition.operator.if_exists
        && condition.operator.test != Test::Null
        && part.is_allow() != negated;
    if !matters {
        return;
    }
    for entry in part.entries.iter().filter(|it| it.shape == Shape::Plain) {
        let Some(action) = entry.known.first() else {
            continue;
        };
        let required: Vec<_> = action
            .resource_types
            .iter()
            .filter(|it| it.required)
            .collect();
        let by_action = action.condition_keys.iter().any(|known| is_key(known, key));
        let everywhere = facts::global_key(key).is_some_and(|it| !it.name.contains("ResourceTag"));
        if required.len() < 2 || by_action || everywhere {
            continue;
        }
        let (with, without): (Vec<_>, Vec<_>) = required
            .into_iter()
            .partition(|it| action.comes_with(it, key));
        let resources = usable(checker, part);
        let service = facts::service(action.service);
        let meets = |name: &str| {
            let kind = service.and_then(|it| it.resource_type(name));
            kind.is_some_and(|kind| resources.iter().any(|it| kind.overlaps(it)))
        };
        let without: Vec<&str> = without
            .iter()
            .map(|it| it.name)
            .filter(|it| meets(it))
            .collect();
        if with.is_empty() || without.is_empty() {
            continue;
        }
        let message = format!(
            "`{}` is also checked against {}, which never has {key}: give it a statement \
             without this condition",
            entry.text.text,
            without.join(", ")
        );
        checker.report(LintCode::MultiResourceCond, condition.key.span, message);
    }
}

fn is_key(known: &str, key: &str) -> bool {
    match known.split_once("${") {
        None => known.eq_ignore_ascii_case(key),
        Some((start, _)) => key
            .get(..start.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(start)),
    }
}
