//! IAM Toolbox: denied calls by authorization id, which the switch `authorization_ids` adds to
//! messages. Policy texts are not simulated.

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError},
    service::{RequestForm, SimService},
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        errors: errors::REST_JSON_VALIDATION,
        requests: RequestForm::Table("iam-toolbox"),
        secrets: &["nextToken"],
        // uses IAM's actions and signatures
        ..SimService::named("IamToolbox", "iam")
    },
    begin: |call| call.admit(),
    operations: &[&[("GetRequestAuthorizationDetails", Reads(details))]],
};

/// `GetRequestAuthorizationDetails`: in the denial's Region, for callers of the denied caller's
/// organization.
fn details(context: &Context<'_>) -> HandlerResult {
    let id = context.text("authorizationId");
    let state = &context.state;
    let region = context.call.service.region(&context.call.region);
    let found = state.denials.find(id, context.now);
    let is_within = |account: &str| state.account(account).is_some();
    let found = found.filter(|it| {
        let own = it.account == context.caller.account;
        let organization = is_within(&it.account) && is_within(&context.caller.account);
        it.region == region && (own || organization)
    });
    let missing = || {
        let text =
            "The requested authorization details do not exist in this region or have expired.";
        ApiError::new("ResourceNotFoundException", text)
    };
    Ok(Output::Members(found.ok_or_else(missing)?.details.clone()))
}
