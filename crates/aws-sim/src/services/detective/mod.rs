//! Amazon Detective: administrators, behavior graphs and members. Findings are not simulated.

mod administrators;
mod members;

use super::ServiceDescriptor;
use crate::core::{
    administrators::{BehaviorGraph, GraphPlace},
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    service::{PolicyFacts, SimService},
};

pub(crate) const NAME: &str = "detective";
const PRINCIPAL: &str = "detective.amazonaws.com";

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        errors: ErrorForms {
            page_token: || ApiError::new("ValidationException", "Invalid NextToken."),
            ..errors::REST_JSON_VALIDATION
        },
        policies: Some(PolicyFacts {
            other_actions: &[(
                "ListOrganizationAdminAccounts",
                "ListOrganizationAdminAccount",
            )],
            ..PolicyFacts::BY_NAME
        }),
        secrets: &["NextToken"],
        ..SimService::named("Detective", NAME)
    },
    begin: |call| call.admit(),
    operations: &[administrators::OPERATIONS, members::OPERATIONS],
};

fn own_place(context: &Context<'_>) -> GraphPlace {
    (context.caller.account.clone(), context.call.region.clone())
}

fn graph<'a>(context: &'a Context<'_>) -> Result<&'a BehaviorGraph, ApiError> {
    let arn = context.text("GraphArn");
    let own = context.state.behavior_graphs.get(&own_place(context));
    own.filter(|it| it.arn == arn && it.ready <= context.now)
        .ok_or_else(|| {
            let text = format!("The behavior graph {arn} does not exist.");
            ApiError::new("ResourceNotFoundException", text)
        })
}
