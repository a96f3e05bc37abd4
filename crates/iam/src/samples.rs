//! Generates requests from a policy's own texts: each statement's actions, resources and condition
//! values matched, missed and omitted, one at a time.

use crate::evaluation::{Context, Request};
use crate::language::{Condition, Document, PolicyType, PrincipalKind, Quantifier, Statement};

const REQUESTS_MAX: usize = 20_000;
const PRINCIPAL: &str = "arn:aws:sts::111122223333:assumed-role/Sample/someone";
const STRANGER: &str = "arn:aws:sts::999988887777:assumed-role/Stranger/nobody";

/// Generates distinct requests for policies of a kind, at most 20,000.
pub fn requests(documents: &[&Document<'_>], kind: PolicyType) -> Vec<Request> {
    let statements = || documents.iter().flat_map(|document| &document.statements);
    let mut actions: Vec<String> = statements()
        .flat_map(|it| &it.actions.items)
        .map(|it| sample_action(&it.text))
        .chain(["sample:Other".to_owned()])
        .collect();
    actions.sort();
    actions.dedup();
    let principals = principals(statements(), kind);
    let mut samples: Vec<Request> = Vec::new();
    for statement in statements() {
        let contexts = contexts(statement);
        for resource in &resources(statement, kind) {
            for action in &actions {
                for context in &contexts {
                    for principal in &principals {
                        if samples.len() >= REQUESTS_MAX {
                            return samples;
                        }
                        let request = Request::new(principal, action, resource, context.clone());
                        samples.extend(request);
                    }
                }
            }
        }
    }
    samples
}

fn principals<'s>(
    statements: impl Iterator<Item = &'s Statement<'s>>,
    kind: PolicyType,
) -> Vec<String> {
    let mut all = vec![PRINCIPAL.to_owned()];
    if matches!(
        kind,
        PolicyType::Resource | PolicyType::Trust | PolicyType::Rcp
    ) {
        all.push(STRANGER.to_owned());
        let listed = statements.flat_map(|it| &it.principals);
        for entry in listed.flat_map(|it| &it.entries) {
            let text = entry.text.text.as_ref();
            let account = entry.kind == PrincipalKind::Aws && !text.contains(':') && text != "*";
            all.push(if account {
                format!("arn:aws:sts::{text}:assumed-role/Sample/someone")
            } else {
                text.to_owned()
            });
        }
    }
    all.sort();
    all.dedup();
    all
}

fn sample(pattern: &str) -> String {
    pattern.replace('*', "x").replace('?', "y")
}

fn sample_action(pattern: &str) -> String {
    match pattern.split_once(':') {
        Some(_) => sample(pattern),
        None => "sample:Action".to_owned(),
    }
}

fn resources(statement: &Statement<'_>, kind: PolicyType) -> Vec<String> {
    if kind == PolicyType::Trust {
        return vec!["arn:aws:iam::111122223333:role/Sample".to_owned()];
    }
    let listed = statement.resources.iter().flat_map(|it| &it.items);
    let arns = listed.map(|it| match it.text.as_ref() {
        "*" => "*".to_owned(),
        text => sample(text),
    });
    let mut all: Vec<String> = arns
        .chain(["arn:aws:sample:::other".to_owned(), "*".to_owned()])
        .collect();
    all.sort();
    all.dedup();
    all
}

fn answers(condition: &Condition<'_>) -> Vec<Option<String>> {
    let listed = condition.values.iter().map(|it| Some(sample(&it.text)));
    listed
        .chain([Some("something-else".to_owned()), None])
        .collect()
}

/// Varies one condition; the others keep their first value.
fn contexts(statement: &Statement<'_>) -> Vec<Context> {
    let build = |varied: usize, value: Option<&String>| {
        let mut context = Context::new();
        for (at, condition) in statement.conditions.iter().enumerate() {
            let first = condition.values.first().map(|it| sample(&it.text));
            let value = if at == varied { value.cloned() } else { first };
            let Some(value) = value else { continue };
            let key = condition.key.text.as_ref();
            context = match condition.operator.quantifier {
                Quantifier::One => context.with(key, value),
                _ => context.with_list(key, [value]),
            };
        }
        context
    };
    let mut contexts = vec![Context::new(), build(usize::MAX, None)];
    for (at, condition) in statement.conditions.iter().enumerate() {
        contexts.extend(answers(condition).iter().map(|it| build(at, it.as_ref())));
    }
    contexts
}
