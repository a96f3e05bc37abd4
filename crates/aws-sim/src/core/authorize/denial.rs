//! Policy denials in each service's words (`simulator.md` AU-4).

use hallpass_iam::{Decision, Explanation, Layer, Request};
use serde_json::{Value, json};

use crate::core::{
    call::Call, caller::AwsCaller, denials, errors::ApiError, service::DenialText, state::SimState,
};

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

fn where_details_are(region: &str, id: &str) -> String {
    format!(
        ". Go to https://{region}.console.aws.amazon.com/iam/home?region={region}#/authorization-details/{id} for complete \
         details, or call the GetRequestAuthorizationDetails API with the following authorization id: {id}"
    )
}

fn plainly(caller: &AwsCaller, action: &str, resource: &str) -> String {
    let who = &caller.arn;
    format!("User: {who} is not authorized to perform: {action} on resource: {resource}")
}

pub(super) fn words(caller: &AwsCaller, action: &str, resource: &str, why: &Explanation) -> String {
    plainly(caller, action, resource) + &reason(action, why)
}

pub(super) fn of(
    state: &SimState,
    call: &Call,
    caller: &AwsCaller,
    (action, request): (&str, &Request),
    why: &Explanation,
) -> ApiError {
    let resource = request.resource();
    let plain = plainly(caller, action, resource);
    let explicit = why.decision == Decision::ExplicitlyDenied;
    let says_why = match call.service.policies.as_ref().map(|facts| facts.denials) {
        Some(DenialText::SaysWhy) => true,
        Some(DenialText::SaysWhenExplicit) => explicit,
        Some(DenialText::Plain) | None => false,
    };
    let has_id = says_why && state.settings.behaviour.is("authorization_ids", "given");
    let kept = has_id.then(|| {
        let asked = (action, resource);
        let region = call.service.region(&call.region);
        denials::kept(
            (state.seed, state.latest, call.seq),
            (&caller.account, region),
            asked,
            (why, request.context()),
        )
    });
    let mut text = if says_why {
        plain + &reason(action, why)
    } else {
        plain
    };
    if let Some(kept) = &kept {
        text += &where_details_are(&kept.region, &kept.id);
    }
    let mut error = (call.service.errors.denied)(&text);
    error.kept = kept.map(Box::new);
    let mut by = serde_json::to_value(&why.decided_by).unwrap_or(Value::Null);
    if let Some(members) = by.as_object_mut() {
        members.insert("decision".to_owned(), why.decision.as_str().into());
        members.insert("resource".to_owned(), resource.into());
    }
    error.denied_by = Some(Box::new(by));
    error
}

pub(super) fn malformed(call: &Call, caller: &AwsCaller, action: &str) -> ApiError {
    let text = format!(
        "User: {} is not authorized to perform: {action}",
        caller.arn
    );
    let mut error = (call.service.errors.denied)(&text);
    error.denied_by = Some(Box::new(json!({ "layer": "request" })));
    error
}
