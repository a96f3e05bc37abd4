//! The identity store: users, groups, memberships.

mod attributes;
mod groups;
mod memberships;
mod users;

pub(super) use groups::remove as remove_group;
pub(super) use users::remove as remove_user;

use serde_json::{Map, Value};

use super::{
    call::{ApiError, Output},
    clearance,
    context::Context,
    entities::Origin,
    sso::seconds,
};

/// The operations that have behaviour: all of them.
pub(super) const OPERATIONS: &[&str] = &[
    "CreateUser",
    "DescribeUser",
    "UpdateUser",
    "DeleteUser",
    "ListUsers",
    "GetUserId",
    "CreateGroup",
    "DescribeGroup",
    "UpdateGroup",
    "DeleteGroup",
    "ListGroups",
    "GetGroupId",
    "CreateGroupMembership",
    "DescribeGroupMembership",
    "DeleteGroupMembership",
    "GetGroupMembershipId",
    "ListGroupMemberships",
    "ListGroupMembershipsForMember",
    "IsMemberInGroups",
];

/// Rows on a page when the caller does not say.
const DEFAULT_PAGE: usize = 50;

type HandlerResult = Result<Output, ApiError>;

/// Answers an operation of the list above.
pub(super) fn answer(context: &mut Context<'_>) -> HandlerResult {
    clearance::identity_center(context.state, context.call, context.caller)?;
    context.admit()?;
    let store = context.text("IdentityStoreId");
    if store.rsplit('/').next() != Some(context.state.center.store.as_str()) {
        return Err(not_found("IDENTITY_STORE", store));
    }
    let operation = context.call.operation.as_str();
    let writes = ["Create", "Update", "Delete"]
        .iter()
        .any(|verb| operation.starts_with(verb));
    if writes && context.state.center.source != "identity_center" {
        return Err(ApiError::denied(
            "AccessDeniedException",
            "The identity store is managed by an external identity provider.",
        ));
    }
    match operation {
        "CreateUser" => users::create(context),
        "DescribeUser" => users::describe(context),
        "UpdateUser" => users::update(context),
        "DeleteUser" => users::delete(context),
        "ListUsers" => users::list(context),
        "GetUserId" => users::get_id(context),
        "CreateGroup" => groups::create(context),
        "DescribeGroup" => groups::describe(context),
        "UpdateGroup" => groups::update(context),
        "DeleteGroup" => groups::delete(context),
        "ListGroups" => groups::list(context),
        "GetGroupId" => groups::get_id(context),
        "CreateGroupMembership" => memberships::create(context),
        "DescribeGroupMembership" => memberships::describe(context),
        "DeleteGroupMembership" => memberships::delete(context),
        "GetGroupMembershipId" => memberships::get_id(context),
        "ListGroupMemberships" => memberships::list(context),
        "ListGroupMembershipsForMember" => memberships::list_for_member(context),
        _ => memberships::is_member(context),
    }
}

fn not_found(kind: &str, id: &str) -> ApiError {
    let error = ApiError::new("ResourceNotFoundException", format!("{kind} not found."))
        .with("ResourceType", kind);
    if id.is_empty() {
        error
    } else {
        error.with("ResourceId", id)
    }
}

fn taken(message: &str) -> ApiError {
    ApiError::new("ConflictException", message).with("Reason", "UNIQUENESS_CONSTRAINT_VIOLATION")
}

/// Refuses a write that was made for another revision.
fn check_revision(context: &Context<'_>, origin: &Origin) -> Result<(), ApiError> {
    match context.call.input.get("Revision") {
        Some(Value::String(revision)) if *revision != origin.revision.to_string() => {
            Err(ApiError::new(
                "ConflictException",
                "The resource was changed by somebody else.",
            )
            .with("Reason", "CONCURRENT_MODIFICATION"))
        }
        _ => Ok(()),
    }
}

fn stamp(members: &mut Map<String, Value>, origin: &Origin) {
    members.insert("CreatedAt".to_owned(), seconds(origin.created));
    members.insert("UpdatedAt".to_owned(), seconds(origin.updated));
    members.insert("CreatedBy".to_owned(), origin.created_by.clone().into());
    members.insert("UpdatedBy".to_owned(), origin.updated_by.clone().into());
    members.insert("Revision".to_owned(), origin.revision.to_string().into());
}

/// An id that was given bare or as an ARN.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn arn(kind: &str, id: &str) -> Value {
    format!("arn:aws:identitystore:::{kind}/{id}").into()
}

/// A fresh id with the store's prefix.
fn fresh_id(context: &mut Context<'_>) -> String {
    let uuid = context.random().uuid();
    format!(
        "{}-{uuid}",
        context.state.center.store.trim_start_matches("d-")
    )
}

fn paged(name: &str, rows: Vec<Value>, token: Option<String>) -> Output {
    let mut members = Map::new();
    members.insert(name.to_owned(), Value::Array(rows));
    if let Some(token) = token {
        members.insert("NextToken".to_owned(), token.into());
    }
    Output::Members(Value::Object(members))
}
