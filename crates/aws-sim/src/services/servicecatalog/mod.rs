//! AWS Service Catalog, as far as Account Factory of Control Tower is its product.

mod factory;
mod provisioned;

use hallpass_aws_model::message;
use serde_json::{Map, Value};

use super::{
    OperationHandler::{Reads, Writes},
    ServiceDescriptor,
};
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    control_tower::tower_id,
    errors::{self, ApiError, ErrorForms},
    service::SimService,
    tower::SimTower,
};

/// Rows on a page when the caller does not say (AWS: "`PageSize`").
const DEFAULT_PAGE: usize = 20;

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
        ..SimService::named("ServiceCatalog", "servicecatalog")
    },
    begin: |call| call.admit(),
    operations: &[
        ("SearchProductsAsAdmin", Reads(factory::search)),
        ("ListProvisioningArtifacts", Reads(factory::artifacts)),
        ("ListPortfoliosForProduct", Reads(factory::portfolios)),
        ("ListPrincipalsForPortfolio", Reads(factory::principals)),
        (
            "AssociatePrincipalWithPortfolio",
            Writes(factory::associate),
        ),
        ("ListLaunchPaths", Reads(factory::launch_paths)),
        ("ProvisionProduct", Writes(provisioned::provision)),
        ("DescribeRecord", Reads(provisioned::record)),
        ("DescribeProvisionedProduct", Reads(provisioned::describe)),
        ("SearchProvisionedProducts", Reads(provisioned::search)),
    ],
};

/// The landing zone, as the management account sees it in its home Region.
fn tower<'a>(context: &'a Context<'_>) -> Option<&'a SimTower> {
    let is_ours = context.caller.account == context.state.head.management;
    let tower = context.state.tower.as_ref().filter(|_| is_ours)?;
    (tower.basis.home_region == context.call.region).then_some(tower)
}

/// An id of something that Control Tower made in Service Catalog.
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

/// Rows of a listing, in the order of their ids, after the place of the page.
fn page(context: &Context<'_>, name: &str, mut rows: Vec<(String, Value)>) -> HandlerResult {
    let page = context.page(DEFAULT_PAGE)?;
    let after = page.after.as_ref().map_or("", |(_, id)| id.as_str());
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    let rows = rows.into_iter().filter(|(id, _)| id.as_str() > after);
    let (rows, token) = page.take(rows.map(|(id, row)| (0, id, row)));
    let mut members = Map::new();
    members.insert(name.to_owned(), Value::Array(rows));
    if let Some(token) = token {
        members.insert("NextPageToken".to_owned(), token.into());
    }
    Ok(Output::Members(Value::Object(members)))
}
