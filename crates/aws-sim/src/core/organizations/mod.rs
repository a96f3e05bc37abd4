//! AWS Organizations: reads, organizational units, moving an account, policies, tags.

mod accounts;
mod attachments;
mod delegation;
mod policies;
mod tags;
mod tree;
mod units;

pub(super) use accounts::{path, put_under};
pub(super) use attachments::arn_of as node_arn;
pub(super) use policies::{arn_of as policy_arn, fresh_id};

use serde_json::{Map, Value};

use super::{
    call::{ApiError, Output},
    clearance,
    context::Context,
    sso::seconds,
    table::Millis,
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
    "CreateOrganizationalUnit",
    "UpdateOrganizationalUnit",
    "DeleteOrganizationalUnit",
    "TagResource",
    "UntagResource",
    "CreatePolicy",
    "UpdatePolicy",
    "DeletePolicy",
    "DescribePolicy",
    "ListPolicies",
    "AttachPolicy",
    "DetachPolicy",
    "ListTargetsForPolicy",
    "ListPoliciesForTarget",
    "EnablePolicyType",
    "DisablePolicyType",
    "DescribeEffectivePolicy",
];

/// Rows on a page when the caller does not say; also the most.
const DEFAULT_PAGE: usize = 20;

type HandlerResult = Result<Output, ApiError>;

/// Answers an operation of the list above.
pub(super) fn answer(context: &mut Context<'_>) -> HandlerResult {
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
        "ListTagsForResource" => tags::list(context),
        "ListDelegatedAdministrators" => delegation::administrators(context),
        "ListDelegatedServicesForAccount" => delegation::services(context),
        "ListAWSServiceAccessForOrganization" => delegation::service_access(context),
        "MoveAccount" => accounts::relocate(context),
        "CreateOrganizationalUnit" => units::create(context),
        "UpdateOrganizationalUnit" => units::update(context),
        "DeleteOrganizationalUnit" => units::delete(context),
        "TagResource" => tags::tag(context),
        "UntagResource" => tags::untag(context),
        "CreatePolicy" => policies::create(context),
        "UpdatePolicy" => policies::update(context),
        "DeletePolicy" => policies::delete(context),
        "DescribePolicy" => policies::describe(context),
        "ListPolicies" => policies::list(context),
        "AttachPolicy" => attachments::attach(context),
        "DetachPolicy" => attachments::detach(context),
        "ListTargetsForPolicy" => attachments::targets(context),
        "ListPoliciesForTarget" => attachments::for_target(context),
        "EnablePolicyType" => attachments::enable(context),
        "DisablePolicyType" => attachments::disable(context),
        _ => attachments::effective(context),
    }
}

/// The instant a fault makes this read stale to; `None`: reads of policies see what was written.
fn stale(context: &Context<'_>) -> Option<Millis> {
    (context.call.modifiers.stale_ms > 0).then_some(context.reading)
}

fn constraint(reason: &'static str, text: &str) -> ApiError {
    ApiError::new("ConstraintViolationException", text).with("Reason", reason)
}

fn invalid(reason: &'static str, text: &str) -> ApiError {
    ApiError::new("InvalidInputException", text).with("Reason", reason)
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
