//! Denied calls by authorization id (IAM User Guide, "Troubleshoot access denied error messages
//! with authorization ID"). In memory and bounded.

use std::collections::VecDeque;

use crate::base::{Millis, Random};
use hallpass_iam::{Context, ContextValue, Decision, Explanation, Layer};
use serde_json::{Map, Value, json};

const KEPT_MAX: usize = 1_000;
/// AWS's minimum retention (IAM Toolbox API Reference, "`GetRequestAuthorizationDetails`").
const KEPT_FOR: Millis = 24 * 3_600_000;
const ID_CHARACTERS: usize = 26;
const ID_LETTERS: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptDenial {
    pub id: String,
    pub account: String,
    pub region: String,
    pub at: Millis,
    pub details: Value,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct KeptDenials {
    kept: VecDeque<KeptDenial>,
}

impl KeptDenials {
    pub(crate) fn add(&mut self, denial: KeptDenial) {
        if self.kept.len() >= KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(denial);
    }

    pub(crate) fn find(&self, id: &str, now: Millis) -> Option<&KeptDenial> {
        let mut kept = self.kept.iter();
        kept.find(|it| it.id == id && it.at + KEPT_FOR > now)
    }
}

/// Records a call denied by policies: seed, time and call number; caller's account and called
/// Region.
pub(crate) fn kept(
    (seed, at, seq): (u64, Millis, u64),
    (account, region): (&str, &str),
    (action, resource): (&str, &str),
    (why, context): (&Explanation, &Context),
) -> KeptDenial {
    let mut random = Random::new(seed, &format!("denial {seq}"));
    KeptDenial {
        id: random.text(ID_LETTERS, ID_CHARACTERS),
        account: account.to_owned(),
        region: region.to_owned(),
        at,
        details: json!({
            "requestContext": keys(context),
            "evaluations": [{
                "action": action,
                "resource": if resource == "*" { "" } else { resource },
                "evaluatedEffect": effect(why.decision),
                "checks": [check(why)],
            }],
            "policies": [],
        }),
    }
}

fn keys(context: &Context) -> Map<String, Value> {
    let keys = context.iter().map(|(key, value)| {
        let value = match value {
            ContextValue::One(value) => Value::from(value.as_str()),
            ContextValue::List(values) => Value::from(values.clone()),
        };
        (key.to_owned(), value)
    });
    keys.collect()
}

fn effect(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "ALLOW",
        Decision::ExplicitlyDenied => "EXPLICIT_DENY",
        Decision::ImplicitlyDenied => "IMPLICIT_DENY",
    }
}

/// The denying check; AWS's additional checks are not simulated.
fn check(why: &Explanation) -> Value {
    let by = why.decided_by.as_ref();
    let kind = match by.map(|it| it.layer) {
        Some(Layer::Scp) => "SERVICE_CONTROL_POLICY",
        Some(Layer::Rcp) => "RESOURCE_CONTROL_POLICY",
        Some(Layer::Resource) => "RESOURCE",
        Some(Layer::Boundary) => "PERMISSIONS_BOUNDARY",
        Some(Layer::Session) => "SESSION",
        Some(Layer::Identity) | None => "PRINCIPAL",
    };
    let statement = |sid: Option<&String>| match sid {
        Some(sid) => json!([{ "sid": sid, "evaluatedEffect": "DENY" }]),
        None => json!([]),
    };
    let matched = by.and_then(|it| {
        let policy = it.policy.as_ref()?;
        Some(json!({ "uri": policy, "matchedStatements": statement(it.sid.as_ref()) }))
    });
    json!({
        "checkType": kind,
        "evaluatedEffect": effect(why.decision),
        "matchedPolicies": matched.into_iter().collect::<Vec<_>>(),
    })
}
