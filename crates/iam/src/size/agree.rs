//! Holds the parts of a policy against the whole: the engine has to decide alike on requests that
//! the policy's own texts suggest.

use std::sync::Arc;

use crate::evaluation::{Context, Decision, Layers, Policy, Request, decide};
use crate::language::{Condition, Document, Kind, ScpLanguage, Source, Statement};

/// The most requests that are tried.
const REQUESTS_MAX: usize = 20_000;
/// The principal of the requests.
const PRINCIPAL: &str = "arn:aws:sts::111122223333:assumed-role/Sample/someone";
/// What everybody may, so that only the policy decides.
const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A request that the parts decide otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} on {resource}: {whole} as one policy, {parts} in parts")]
pub struct Difference {
    /// What was asked for.
    pub action: String,
    /// On what.
    pub resource: String,
    /// What the policy decides.
    pub whole: Decision,
    /// What its parts decide.
    pub parts: Decision,
}

/// Whether parts of a policy decide like the whole; the number of requests tried. Policies that
/// cannot be read agree on nothing: none is tried.
///
/// # Errors
/// The first request that they decide otherwise.
pub fn agree(whole: &str, parts: &[String], kind: Kind) -> Result<usize, Box<Difference>> {
    let (Some(one), Some(many)) = (layers(&[whole], kind), layers(parts, kind)) else {
        return Ok(0);
    };
    let Ok(source) = Source::new(whole) else {
        return Ok(0);
    };
    let (document, _) = source.document(kind, ScpLanguage::Full);
    let requests = requests(&document);
    for request in &requests {
        let (whole, parts) = (
            decide(&one, &request.request),
            decide(&many, &request.request),
        );
        if whole != parts {
            return Err(Box::new(Difference {
                action: request.action.clone(),
                resource: request.resource.clone(),
                whole,
                parts,
            }));
        }
    }
    Ok(requests.len())
}

fn layers<T: AsRef<str>>(texts: &[T], kind: Kind) -> Option<Layers> {
    let read = |text: &str, kind| Policy::parse(text, kind).ok().map(Arc::new);
    let policies: Option<Vec<_>> = texts.iter().map(|it| read(it.as_ref(), kind)).collect();
    let policies = policies?;
    Some(if kind == Kind::Scp {
        Layers {
            scps: vec![policies],
            identity: vec![read(EVERYTHING, Kind::Identity)?],
            ..Layers::default()
        }
    } else {
        Layers {
            identity: policies,
            ..Layers::default()
        }
    })
}

struct Sample {
    action: String,
    resource: String,
    request: Request,
}

fn requests(document: &Document<'_>) -> Vec<Sample> {
    let mut samples = Vec::new();
    let all: Vec<String> = document
        .statements
        .iter()
        .flat_map(|it| &it.actions.items)
        .map(|it| sample_action(&it.text))
        .chain(["sample:Other".to_owned()])
        .collect();
    for statement in &document.statements {
        let contexts = contexts(statement);
        let resources = resources(statement);
        for action in &all {
            for resource in &resources {
                for context in &contexts {
                    if samples.len() >= REQUESTS_MAX {
                        return samples;
                    }
                    let request = Request::new(PRINCIPAL, action, resource, context.clone());
                    samples.extend(request.ok().map(|request| Sample {
                        action: action.clone(),
                        resource: resource.clone(),
                        request,
                    }));
                }
            }
        }
    }
    samples
}

/// A text that the pattern takes.
fn sample(pattern: &str) -> String {
    pattern.replace('*', "x").replace('?', "y")
}

fn sample_action(pattern: &str) -> String {
    match pattern.split_once(':') {
        Some(_) => sample(pattern),
        None => "sample:Action".to_owned(),
    }
}

fn resources(statement: &Statement<'_>) -> Vec<String> {
    let listed = statement.resources.iter().flat_map(|it| &it.items);
    let arns = listed.map(|it| match it.text.as_ref() {
        "*" => "*".to_owned(),
        text => sample(text),
    });
    arns.chain(["arn:aws:sample:::other".to_owned(), "*".to_owned()])
        .collect()
}

/// The values of the request for one condition: each listed, another, none.
fn answers(condition: &Condition<'_>) -> Vec<Option<String>> {
    let listed = condition.values.iter().map(|it| Some(sample(&it.text)));
    listed
        .chain([Some("something-else".to_owned()), None])
        .collect()
}

/// One condition varies while the others have their first value.
fn contexts(statement: &Statement<'_>) -> Vec<Context> {
    let build = |varied: usize, value: Option<&String>| {
        let mut context = Context::new();
        for (at, condition) in statement.conditions.iter().enumerate() {
            let first = condition.values.first().map(|it| sample(&it.text));
            let value = if at == varied { value.cloned() } else { first };
            let Some(value) = value else { continue };
            let key = condition.key.text.as_ref();
            context = match condition.operator.quantifier {
                crate::language::Quantifier::One => context.with(key, value),
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
