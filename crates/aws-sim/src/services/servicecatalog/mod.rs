//! AWS Service Catalog, only for Account Factory of Control Tower.

mod factory;
mod provisioned;

use hallpass_aws_model::message;

use super::ServiceDescriptor;
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    control_tower::tower_id,
    errors::{self, ApiError, ErrorForms},
    service::SimService,
    tower::SimTower,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        errors: ErrorForms {
            invalid: |_, violations| {
                ApiError::new("InvalidParametersException", message(violations))
            },
            page_token: || ApiError::new("InvalidParametersException", "Invalid PageToken."),
            ..errors::JSON
        },
        secrets: &["PageToken"],
        page_rows: 20,
        ..SimService::named("ServiceCatalog", "servicecatalog")
    },
    begin: |call| call.admit(),
    operations: &[factory::OPERATIONS, provisioned::OPERATIONS],
};

/// Visible to the management account in the home Region.
fn tower<'a>(context: &'a Context<'_>) -> Option<&'a SimTower> {
    let is_ours = context.caller.account == context.state.head.management;
    let tower = context.state.tower.as_ref().filter(|_| is_ours)?;
    (tower.basis.home_region == context.call.region).then_some(tower)
}

fn own_id(context: &Context<'_>, prefix: &str) -> String {
    let id = tower_id(context.state, prefix).to_lowercase();
    format!("{prefix}-{}", id.get(..13).unwrap_or_default())
}

fn missing(text: &str) -> ApiError {
    ApiError::new("ResourceNotFoundException", text)
}

fn invalid(text: &str) -> ApiError {
    ApiError::new("InvalidParametersException", text)
}
