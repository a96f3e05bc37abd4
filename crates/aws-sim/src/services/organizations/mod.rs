//! AWS Organizations: reads, organizational units, account moves, policies, tags.

mod accounts;
mod administration;
mod attachments;
mod creation;
mod delegation;
mod effective;
mod handshakes;
mod policies;
mod resource_policy;
mod tags;
mod transfers;
mod tree;
mod units;

use crate::base::Millis;
use hallpass_aws_model::{Violation, facts, message};
use serde_json::Value;

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    attaching::policy_arn,
    call::{Output, input_text, seconds},
    caller::AwsCaller,
    clearance::{AccountStanding, standing},
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    service::{
        BucketSharing, CallRate, CallRates, DenialText, PolicyFacts, ScopeRegions, SimService,
    },
    state::SimState,
    tree::node_arn,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        scope: ScopeRegions::Global,
        rates: CallRates::Split {
            reads: CallRate {
                shared: BucketSharing::Account,
                rate: facts::ORGANIZATION_CALLS.rate(),
                burst: 20.0,
            },
            writes: CallRate {
                shared: BucketSharing::Account,
                rate: 3.0,
                burst: 3.0,
            },
        },
        errors: ERRORS,
        policies: Some(PolicyFacts {
            free: &[],
            other_actions: &[],
            condition_keys: &[
                ("Type", "organizations:PolicyType"),
                ("PolicyType", "organizations:PolicyType"),
                ("Filter", "organizations:PolicyType"),
                ("ServicePrincipal", "organizations:ServicePrincipal"),
            ],
            resources,
            denials: DenialText::SaysWhy,
        }),
        secrets: &["NextToken"],
        page_rows: 20,
        ..SimService::named("Organizations", "organizations")
    },
    begin,
    operations: &[
        &[(
            "DescribeOrganization",
            Reads(|call| Ok(tree::describe_organization(call))),
        )],
        tree::OPERATIONS,
        accounts::OPERATIONS,
        tags::OPERATIONS,
        delegation::OPERATIONS,
        administration::OPERATIONS,
        creation::OPERATIONS,
        units::OPERATIONS,
        policies::OPERATIONS,
        attachments::OPERATIONS,
        effective::OPERATIONS,
        resource_policy::OPERATIONS,
        transfers::OPERATIONS,
        handshakes::OPERATIONS,
    ],
};

const ERRORS: ErrorForms = ErrorForms {
    invalid: |_, violations| invalid(constraint_reason(violations), &message(violations)),
    page_token: || invalid("INVALID_NEXT_TOKEN", "Invalid pagination token."),
    throttled: || {
        ApiError::new(
            "TooManyRequestsException",
            "AWS Organizations can't complete your request because another request is already in \
             progress. Try again later.",
        )
    },
    internal: |text| ApiError::new("ServiceException", text),
    ..errors::JSON
};

/// The `Reason` for a violation of the model.
fn constraint_reason(violations: &[Violation]) -> &'static str {
    let first = violations.first().map(|one| one.constraint.as_str());
    let constraint = first.unwrap_or_default();
    let known = [
        ("must not be null", "INPUT_REQUIRED"),
        ("length less than", "MAX_LENGTH_EXCEEDED"),
        ("length greater than", "MIN_LENGTH_EXCEEDED"),
        ("value less than", "MAX_VALUE_EXCEEDED"),
        ("value greater than", "MIN_VALUE_EXCEEDED"),
        ("enum value set", "INVALID_ENUM"),
    ];
    let found = known.iter().find(|(part, _)| constraint.contains(part));
    found.map_or("INVALID_PATTERN", |(_, reason)| reason)
}

fn begin(context: &mut Context<'_>) -> Result<(), ApiError> {
    check_standing(context)?;
    context.admit()
}

/// Whether the caller may read or change the organization.
///
/// # Errors
/// `AccessDeniedException`, or an account without an organization.
fn check_standing(context: &Context<'_>) -> Result<(), ApiError> {
    let (state, call, caller) = (&context.state, context.call, context.caller);
    let reads = call.operation.starts_with("Describe") || call.operation.starts_with("List");
    if call.operation == "ListHandshakesForAccount" {
        return Ok(());
    }
    let may = match standing(state, &caller.account, "") {
        AccountStanding::Management => true,
        AccountStanding::Delegated => reads || resource_policy::delegates(context),
        // the delegation policy names accounts, delegated administrators or not
        AccountStanding::Member => {
            call.operation == "DescribeOrganization" || resource_policy::delegates(context)
        }
        AccountStanding::Outsider => {
            return Err(ApiError::denied(
                "AWSOrganizationsNotInUseException",
                "Your account is not a member of an organization.",
            ));
        }
    };
    if may || !state.settings.authorize {
        return Ok(());
    }
    Err(ApiError::denied(
        "AccessDeniedException",
        "You don't have permissions to access this resource.",
    ))
}

fn resources(state: &SimState, _: &AwsCaller, operation: &str, input: &Value) -> Vec<String> {
    if operation == "CreatePolicy" {
        let kind = input_text(input, "Type").unwrap_or_default();
        return vec![resource_policy::arn_to_be(state, kind)];
    }
    let policy = input_text(input, "PolicyId").and_then(|id| policy_arn(state, id));
    let nodes = [
        "TargetId",
        "AccountId",
        "OrganizationalUnitId",
        "ParentId",
        "ChildId",
        "RootId",
        "SourceParentId",
        "DestinationParentId",
        "ResourceId",
    ];
    let nodes = nodes.into_iter().filter_map(|name| {
        let id = input_text(input, name)?;
        node_arn(state, id).or_else(|| policy_arn(state, id))
    });
    policy.into_iter().chain(nodes).collect()
}

/// The instant of a `stale_read` fault; `None`: policy reads return the latest writes.
fn stale(context: &Context<'_>) -> Option<Millis> {
    (context.call.modifiers.stale_ms > 0).then_some(context.reading)
}

fn constraint(reason: &'static str, text: &str) -> ApiError {
    ApiError::new("ConstraintViolationException", text).with("Reason", reason)
}

fn invalid(reason: &'static str, text: &str) -> ApiError {
    ApiError::new("InvalidInputException", text).with("Reason", reason)
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
