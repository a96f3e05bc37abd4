//! Holds the parts of a policy against the whole: the engine has to decide alike on requests that
//! the policy's own texts suggest.

use std::sync::Arc;

use crate::evaluation::{Decision, Layers, Policy, decide};
use crate::language::{PolicyJson, PolicyType, ScpLanguage};
use crate::samples;

/// What everybody may, so that only the policy decides.
const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A request that the parts decide otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} on {resource}: {whole} as one policy, {parts} in parts")]
pub struct Difference {
    /// What was asked for.
    pub action: String,
    /// The ARN of the resource that was asked about.
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
