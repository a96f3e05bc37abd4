//! AWS Organizations: reads, and moving an account.

mod accounts;
mod delegation;
mod tree;

pub(super) use accounts::put_under;

use serde_json::{Map, Value};

use super::{
    call::{ApiError, Output},
    clearance,
    context::Context,
    sso::seconds,
};

/// The operations that have behaviour.
pub(super) const OPERATIONS: &[&str] = &[
    "DescribeOrganization",
    "ListRoots",
    "ListAccounts",
    "DescribeAccount",
    "ListAccountsForParent",
    "ListOrganizationalUnitsForParent",
    "DescribeOrganizationalUnit",
    "ListParents",
    "ListChildren",
    "ListTagsForResource",
    "ListDelegatedAdministrators",
    "ListDelegatedServicesForAccount",
    "ListAWSServiceAccessForOrganization",
    "MoveAccount",
];

/// Rows on a page when the caller does not say; also the most.
const DEFAULT_PAGE: usize = 20;

type Answer = Result<Output, ApiError>;

/// Answers an operation of the list above.
pub(super) fn answer(context: &mut Context<'_>) -> Answer {
    clearance::organization(context.state, context.call, context.caller)?;
    context.admit()?;
    match context.call.operation.as_str() {
        "DescribeOrganization" => Ok(tree::describe_organization(context)),
        "ListRoots" => tree::list_roots(context),
        "ListAccounts" => accounts::list(context),
        "DescribeAccount" => accounts::describe(context),
        "ListAccountsForParent" => accounts::list_for_parent(context),
        "ListOrganizationalUnitsForParent" => tree::list_ous(context),
        "DescribeOrganizationalUnit" => tree::describe_ou(context),
        "ListParents" => tree::list_parents(context),
        "ListChildren" => tree::list_children(context),
        "ListTagsForResource" => tree::list_tags(context),
        "ListDelegatedAdministrators" => delegation::administrators(context),
        "ListDelegatedServicesForAccount" => delegation::services(context),
        "ListAWSServiceAccessForOrganization" => delegation::service_access(context),
        _ => accounts::relocate(context),
    }
}

fn paged(name: &str, rows: Vec<Value>, token: Option<String>) -> Output {
    let mut members = Map::new();
    members.insert(name.to_owned(), Value::Array(rows));
    if let Some(token) = token {
        members.insert("NextToken".to_owned(), token.into());
    }
    Output::Members(Value::Object(members))
}

fn account_not_found() -> ApiError {
    ApiError::new(
        "AccountNotFoundException",
        "You specified an account that doesn't exist.",
    )
}

fn check_parent(context: &Context<'_>, id: &str) -> Result<(), ApiError> {
    if id == context.state.head.root || context.state.ou(id).is_some() {
        return Ok(());
    }
    Err(ApiError::new(
        "ParentNotFoundException",
        "You specified parent that doesn't exist.",
    ))
}
