mod attributes;
mod groups;
mod memberships;
mod users;

use std::ops::Bound;

use hallpass_aws_model::facts;
use serde_json::{Map, Value};

use super::ServiceDescriptor;
use crate::core::{
    call::{Output, input_text, seconds},
    caller::AwsCaller,
    center_key,
    clearance::{self, CallableIn},
    context::{Context, HandlerResult},
    entities::{Id, Origin},
    errors::{self, ApiError, ErrorForms},
    keyed_data::KeyedData,
    limits::DIRECTORY,
    pages::PageCursor,
    service::{BucketSharing, CallRates, PolicyFacts, SimService},
    state::SimState,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        rates: CallRates::one(
            BucketSharing::Everybody,
            facts::STORE_CALLS.rate(),
            facts::STORE_CALLS.rate(),
        ),
        errors: ErrorForms {
            throttled: || (errors::JSON.throttled)().with("RetryAfterSeconds", 1),
            ..errors::JSON
        },
        policies: Some(PolicyFacts {
            resources,
            ..PolicyFacts::BY_NAME
        }),
        secrets: &["NextToken"],
        page_rows: 50,
        ..SimService::named("IdentityStore", "identitystore")
    },
    begin,
    operations: &[
        users::OPERATIONS,
        groups::OPERATIONS,
        memberships::OPERATIONS,
    ],
};

fn begin(context: &mut Context<'_>) -> Result<(), ApiError> {
    let writes = ["Create", "Update", "Delete"]
        .iter()
        .any(|verb| context.call.operation.starts_with(verb));
    let callable = if writes {
        CallableIn::HomeRegion
    } else {
        CallableIn::EveryRegion
    };
    if !clearance::may_use_identity_center(context.state, context.call, context.caller, callable) {
        return Err(not_cleared(context));
    }
    context.admit()?;
    let store = context.text("IdentityStoreId");
    if store.rsplit('/').next() != Some(context.state.center.store.as_str()) {
        return Err(not_found("IDENTITY_STORE", store));
    }
    center_key::check(context, KeyedData::Store)?;
    if context.state.center.source == "active_directory" && !writes {
        let kind = if context.call.operation.contains("Group") {
            "GROUP"
        } else {
            "USER"
        };
        return Err(not_found(kind, ""));
    }
    if writes && context.state.center.source != "identity_center" {
        return Err(ApiError::denied(
            "AccessDeniedException",
            "The identity store is managed by an external identity provider.",
        ));
    }
    Ok(())
}

fn not_cleared(context: &Context<'_>) -> ApiError {
    let operation = &context.call.operation;
    let state = &context.state;
    ApiError::denied(
        "AccessDeniedException",
        format!(
            "User: {} is not authorized to perform: identitystore:{operation} on resource: \
             arn:aws:identitystore::{}:identitystore/{} because no identity-based policy allows \
             the identitystore:{operation} action",
            context.caller.arn, state.head.management, state.center.store
        ),
    )
}

fn resources(state: &SimState, _: &AwsCaller, _: &str, input: &Value) -> Vec<String> {
    let store = format!(
        "arn:aws:identitystore::{}:identitystore/{}",
        state.head.management, state.center.store
    );
    let parts = [
        ("user", input_text(input, "UserId")),
        ("group", input_text(input, "GroupId")),
        ("membership", input_text(input, "MembershipId")),
    ];
    let parts = parts.into_iter().filter_map(|(kind, id)| {
        let id = id?;
        let id = id.rsplit('/').next().unwrap_or(id);
        Some(format!("arn:aws:identitystore:::{kind}/{id}"))
    });
    std::iter::once(store).chain(parts).collect()
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

/// Enforces the quota.
fn check_room(held: usize) -> Result<(), ApiError> {
    if held < DIRECTORY {
        return Ok(());
    }
    let message = "The identity store is full.";
    Err(ApiError::new("ServiceQuotaExceededException", message))
}

/// A listing's filter value; only one attribute is supported.
fn filtered_by<'a>(context: &'a Context<'_>, path: &str) -> Result<Option<&'a str>, ApiError> {
    let Some(filter) = context.call.input.pointer("/Filters/0") else {
        return Ok(None);
    };
    let text = |name: &str| filter.get(name).and_then(Value::as_str).unwrap_or_default();
    if !text("AttributePath").eq_ignore_ascii_case(path) {
        let message = format!("Only {path} can be filtered by.");
        return Err(ApiError::new("ValidationException", message));
    }
    Ok(Some(text("AttributeValue")))
}

fn after(page: &PageCursor) -> Bound<(u64, Id)> {
    match &page.after {
        Some((order, id)) => Bound::Excluded((*order, id.as_str().into())),
        None => Bound::Unbounded,
    }
}

/// Refuses a write for another revision.
fn check_revision(context: &Context<'_>, origin: &Origin) -> Result<(), ApiError> {
    match context.call.input.get("Revision") {
        Some(Value::String(revision)) if *revision != origin.revision.to_string() => {
            Err(ApiError::new(
                "ConflictException",
                "The resource was changed by another caller.",
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

/// An id given bare or as an ARN.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn arn(kind: &str, id: &str) -> Value {
    format!("arn:aws:identitystore:::{kind}/{id}").into()
}

/// The identifiers of a `User`, a `Group` or a `Membership`, with its revision after a write.
fn naming(context: &Context<'_>, kind: &str, id: &str, revision: Option<u64>) -> Output {
    let mut members = Map::new();
    let store = context.state.center.store.clone();
    members.insert(format!("{kind}Id"), id.into());
    members.insert("IdentityStoreId".to_owned(), store.into());
    members.insert(format!("{kind}Arn"), arn(&kind.to_lowercase(), id));
    if let Some(revision) = revision {
        members.insert("Revision".to_owned(), revision.to_string().into());
    }
    Output::Members(Value::Object(members))
}

fn fresh_id(context: &mut Context<'_>) -> String {
    let uuid = context.random().uuid();
    format!(
        "{}-{uuid}",
        context.state.center.store.trim_start_matches("d-")
    )
}
