//! Compares the parts of a policy with the whole: decisions must be equal for requests generated
//! from the policy.

use std::sync::Arc;

use crate::evaluation::{Decision, Layers, Policy, decide};
use crate::language::{PolicyJson, PolicyType, ScpLanguage};
use crate::samples;

const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} on {resource}: {whole} as one policy, {parts} in parts")]
pub struct Difference {
    pub action: String,
    pub resource: String,
    pub whole: Decision,
    pub parts: Decision,
}

/// Checks that the parts of a policy decide like the whole; returns the number of requests tried, 0
/// if the policies cannot be read.
///
/// # Errors
/// The first request with a different decision.
pub fn agree(whole: &str, parts: &[String], kind: PolicyType) -> Result<usize, Box<Difference>> {
    let (Some(one), Some(many)) = (layers(&[whole], kind), layers(parts, kind)) else {
        return Ok(0);
    };
    let Ok(source) = PolicyJson::new(whole) else {
        return Ok(0);
    };
    let (document, _) = source.document(kind, ScpLanguage::Full);
    let requests = samples::requests(&[&document], kind);
    for request in &requests {
        let (whole, parts) = (decide(&one, request), decide(&many, request));
        if whole != parts {
            return Err(Box::new(Difference {
                action: request.action_as_written().to_owned(),
                resource: request.resource().to_owned(),
                whole,
                parts,
            }));
        }
    }
    Ok(requests.len())
}

fn layers<T: AsRef<str>>(texts: &[T], kind: PolicyType) -> Option<Layers> {
    let read = |text: &str, kind| Policy::parse(text, kind).ok().map(Arc::new);
    let policies: Option<Vec<_>> = texts.iter().map(|it| read(it.as_ref(), kind)).collect();
    let policies = policies?;
    Some(if kind == PolicyType::Scp {
        Layers {
            scps: vec![policies],
            identity: vec![read(EVERYTHING, PolicyType::Identity)?],
            ..Layers::default()
        }
    } else {
        Layers {
            identity: policies,
            ..Layers::default()
        }
    })
}
