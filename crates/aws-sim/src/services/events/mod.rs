//! Amazon `EventBridge`: rules, targets and events on default buses. Other features are not
//! simulated.

mod putting;
mod rules;
mod targets;

use serde_json::json;

use super::ServiceDescriptor;
use crate::core::{
    call::input_text,
    context::{Context, HandlerResult},
    errors::ApiError,
    rules::{BusRule, RuleKey},
    service::{BucketSharing, CallRates, PolicyFacts, SimService},
};

const NAME: &str = "events";

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        // AWS: "Amazon EventBridge quotas": 50 a second for most operations
        rates: CallRates::one(BucketSharing::AccountAndRegion, 50.0, 50.0),
        policies: Some(PolicyFacts {
            resources: |_, caller, operation, input| {
                let place = format!("arn:aws:events:*:{}", caller.account);
                if operation == "PutEvents" {
                    return vec![format!("{place}:event-bus/{BUS}")];
                }
                let mut named = ["Name", "Rule"].iter();
                let named = named.find_map(|it| input_text(input, it));
                named
                    .map(|name| format!("{place}:rule/{name}"))
                    .into_iter()
                    .collect()
            },
            ..PolicyFacts::BY_NAME
        }),
        secrets: &["NextToken"],
        page_rows: 100,
        ..SimService::named("EventBridge", NAME)
    },
    begin: |call| call.admit(),
    operations: &[rules::OPERATIONS, targets::OPERATIONS, putting::OPERATIONS],
};

const BUS: &str = "default";

fn absent(text: String) -> ApiError {
    ApiError::new("ResourceNotFoundException", text)
}

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", text)
}

fn limit_exceeded() -> ApiError {
    let text = "The requested resource exceeds the maximum number allowed.";
    ApiError::new("LimitExceededException", text)
}

/// Account and Region of the default bus, by name or ARN.
fn bus(context: &Context<'_>) -> Result<(String, String), ApiError> {
    let own = (context.caller.account.clone(), context.call.region.clone());
    match context.optional("EventBusName") {
        None => Ok(own),
        Some(name) if name == BUS || name == bus_arn(&own) => Ok(own),
        Some(name) => Err(absent(format!("Event bus {name} does not exist."))),
    }
}

fn bus_arn((account, region): &(String, String)) -> String {
    format!("arn:aws:events:{region}:{account}:event-bus/{BUS}")
}

/// The place of the named rule, which may not exist.
fn place(context: &Context<'_>, member: &str) -> Result<RuleKey, ApiError> {
    let (account, region) = bus(context)?;
    Ok((account, region, context.text(member).to_owned()))
}

fn no_rule(name: &str) -> ApiError {
    absent(format!("Rule {name} does not exist on EventBus {BUS}."))
}

fn named<'a>(context: &'a Context<'_>, key: &RuleKey) -> Result<&'a BusRule, ApiError> {
    let rule = context.state.bus_rules.get(key);
    rule.ok_or_else(|| no_rule(&key.2))
}

/// Refuses changes of a service-managed rule, unless forced where permitted.
fn unmanaged(context: &Context<'_>, key: &RuleKey, may_force: bool) -> Result<(), ApiError> {
    let rule = context.state.bus_rules.get(key);
    let is_managed = rule.is_some_and(|it| it.managed_by.is_some());
    let is_forced = may_force && context.call.input.get("Force") == Some(&json!(true));
    if !is_managed || is_forced {
        return Ok(());
    }
    let name = &key.2;
    let text = format!("{name} is a managed rule. Set 'force' parameter to true to override.");
    Err(ApiError::new("ManagedRuleException", text))
}
