//! A denial by policies in the words of each service (`simulator.md` AU-4).

use hallpass_iam::{Decision, Explanation, Layer};
use serde_json::{Value, json};

use crate::core::call::{ApiError, AwsCaller, Call, SimService};

/// How AWS calls the policies of a layer.
fn called(layer: Layer) -> &'static str {
    match layer {
        Layer::Scp => "service control policy",
        Layer::Rcp => "resource control policy",
        Layer::Resource => "resource-based policy",
        Layer::Boundary => "permissions boundary",
        Layer::Session => "session policy",
        Layer::Identity => "identity-based policy",
    }
}

fn reason(action: &str, why: &Explanation) -> String {
    let layer = why.decided_by.as_ref().map(|decider| decider.layer);
    let name = called(layer.unwrap_or(Layer::Identity));
    let article = if layer.unwrap_or(Layer::Identity) == Layer::Identity {
        "an"
    } else {
        "a"
    };
    match why.decision {
        Decision::ExplicitlyDenied => format!(" with an explicit deny in {article} {name}"),
        _ => format!(" because no {name} allows the {action} action"),
    }
}

/// The refusal of a call that policies do not let through.
pub(super) fn of(
    call: &Call,
    caller: &AwsCaller,
    action: &str,
    resource: &str,
    why: &Explanation,
) -> ApiError {
    let plain = format!(
        "User: {} is not authorized to perform: {action} on resource: {resource}",
        caller.arn
    );
    let explicit = why.decision == Decision::ExplicitlyDenied;
    let text = match call.service {
        // names no reason
        SimService::Sso => plain,
        // never tells whether the role is there, unless something denies outright
        SimService::Sts if !explicit => plain,
        _ => plain + &reason(action, why),
    };
    let mut error = refusal(call, &text);
    let mut by = serde_json::to_value(&why.decided_by).unwrap_or(Value::Null);
    if let Some(members) = by.as_object_mut() {
        members.insert("decision".to_owned(), why.decision.as_str().into());
        members.insert("resource".to_owned(), resource.into());
    }
    error.denied_by = Some(Box::new(by));
    error
}

/// The refusal of a call that cannot be put to the policies.
pub(super) fn malformed(call: &Call, caller: &AwsCaller, action: &str) -> ApiError {
    let text = format!(
        "User: {} is not authorized to perform: {action}",
        caller.arn
    );
    let mut error = refusal(call, &text);
    error.denied_by = Some(Box::new(json!({ "layer": "request" })));
    error
}

fn refusal(call: &Call, text: &str) -> ApiError {
    match call.service {
        SimService::Sts | SimService::Iam | SimService::S3 => {
            ApiError::denied("AccessDenied", text).status(403)
        }
        SimService::Ec2 => {
            let text = format!("You are not authorized to perform this operation. {text}");
            ApiError::denied("UnauthorizedOperation", text).status(403)
        }
        SimService::Sso
        | SimService::IdentityStore
        | SimService::Organizations
        | SimService::SsoOidc
        | SimService::SsoPortal => ApiError::denied("AccessDeniedException", text),
    }
}
