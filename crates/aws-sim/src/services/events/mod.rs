//! Amazon `EventBridge`: the rules of an account's default bus, of which there are none: what makes some is not simulated.

use serde_json::json;

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError},
    service::{
        BucketSharing, CallRate, CallRates, PolicyFacts, RequestForm, ScopeRegions, SimService,
    },
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        name: "EventBridge",
        signing_name: "events",
        requests: RequestForm::Table("events"),
        scope: ScopeRegions::Regional,
        // AWS: "Amazon EventBridge quotas": 50 a second for most operations
        rates: CallRates::One(CallRate {
            shared: BucketSharing::AccountAndRegion,
            rate: 50.0,
            burst: 50.0,
        }),
        errors: errors::JSON,
        policies: Some(PolicyFacts::BY_NAME),
        secrets: &["NextToken"],
        names_origin: false,
    },
    begin: |call| call.admit(),
    operations: &[
        ("ListRules", Reads(list_rules)),
        ("ListTargetsByRule", Reads(list_targets)),
    ],
};

fn absent(text: String) -> ApiError {
    ApiError::new("ResourceNotFoundException", text)
}

/// Every account has the default bus, and no other.
fn bus(context: &Context<'_>) -> Result<(), ApiError> {
    match context.optional("EventBusName") {
        None | Some("default") => Ok(()),
        Some(name) => Err(absent(format!("Event bus {name} does not exist."))),
    }
}

/// `ListRules`
fn list_rules(context: &Context<'_>) -> HandlerResult {
    bus(context)?;
    Ok(Output::Members(json!({ "Rules": [] })))
}

/// `ListTargetsByRule`
fn list_targets(context: &Context<'_>) -> HandlerResult {
    bus(context)?;
    let rule = context.text("Rule");
    Err(absent(format!(
        "Rule {rule} does not exist on EventBus default."
    )))
}
