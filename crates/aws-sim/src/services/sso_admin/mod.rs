//! IAM Identity Center: instance, permission sets, assignments.

mod assignments;
mod instances;
mod lifecycle;
mod management_account;
mod permission_sets;
mod policies;
mod provisioned;
mod regions;
mod statuses;
mod tags;

use crate::base::{Millis, hash};
use hallpass_aws_model::facts;
use serde_json::Value;

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::{
    core::{
        call::{Output, input_text, seconds},
        caller::AwsCaller,
        center_key,
        clearance::{self, AccountStanding, CallableIn},
        context::{Context, HandlerResult},
        entities::{AsyncKind, PermissionSet},
        errors::{self, ApiError},
        keyed_data::KeyedData,
        service::{
            BucketSharing, CallRates, DenialText, PolicyFacts, RequestForm, ScopeRegions,
            SimService,
        },
        state::SimState,
    },
    vocabulary::session_seconds,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        name: "Sso",
        signing_name: "sso",
        page_rows: 100,
        requests: RequestForm::Table("sso-admin"),
        scope: ScopeRegions::Regional,
        rates: CallRates::one(
            BucketSharing::Everybody,
            facts::CENTER_CALLS.rate(),
            facts::CENTER_CALLS.rate(),
        ),
        errors: errors::JSON,
        policies: Some(PolicyFacts {
            resources,
            denials: DenialText::Plain,
            ..PolicyFacts::BY_NAME
        }),
        secrets: &["NextToken"],
        names_origin: false,
    },
    begin,
    operations: &[
        &[
            (
                "DescribeInstance",
                Reads(|call| Ok(instances::describe(call))),
            ),
            (
                "DescribeAccountAssignmentCreationStatus",
                Reads(|call| statuses::describe(call, AsyncKind::Create)),
            ),
            (
                "DescribeAccountAssignmentDeletionStatus",
                Reads(|call| statuses::describe(call, AsyncKind::Delete)),
            ),
            (
                "ListAccountAssignmentCreationStatus",
                Reads(|call| statuses::list(call, AsyncKind::Create)),
            ),
            (
                "ListAccountAssignmentDeletionStatus",
                Reads(|call| statuses::list(call, AsyncKind::Delete)),
            ),
            (
                "DescribePermissionSetProvisioningStatus",
                Reads(|call| statuses::describe(call, AsyncKind::Provision)),
            ),
            (
                "ListPermissionSetProvisioningStatus",
                Reads(|call| statuses::list(call, AsyncKind::Provision)),
            ),
        ],
        instances::OPERATIONS,
        regions::OPERATIONS,
        permission_sets::OPERATIONS,
        lifecycle::OPERATIONS,
        policies::OPERATIONS,
        tags::OPERATIONS,
        assignments::OPERATIONS,
        provisioned::OPERATIONS,
    ],
};

/// Writes that take their token only after the check of pending operations.
const ADMITTED_LATER: [&str; 2] = ["CreateAccountAssignment", "DeleteAccountAssignment"];

/// Instance metadata, not encrypted with its key (not verified: undocumented).
const WITHOUT_KEY: [&str; 6] = [
    "DescribeInstance",
    "ListRegions",
    "DescribeRegion",
    "AddRegion",
    "RemoveRegion",
    "UpdateInstance",
];

const OF_EVERY_REGION: [&str; 3] = ["DescribeInstance", "ListRegions", "DescribeRegion"];

fn begin(context: &mut Context<'_>) -> Result<(), ApiError> {
    let operation = context.call.operation.as_str();
    if operation == "ListInstances" {
        return context.admit();
    }
    let callable = if OF_EVERY_REGION.contains(&operation) {
        CallableIn::EveryRegion
    } else {
        CallableIn::HomeRegion
    };
    if !clearance::may_use_identity_center(context.state, context.call, context.caller, callable) {
        return Err(not_cleared(context));
    }
    check_instance(context)?;
    if !WITHOUT_KEY.contains(&operation) {
        center_key::check(context, KeyedData::Instance)?;
    }
    if ADMITTED_LATER.contains(&operation) {
        return Ok(());
    }
    context.admit()
}

fn not_cleared(context: &Context<'_>) -> ApiError {
    let resource = ["PermissionSetArn", "InstanceArn"]
        .iter()
        .find_map(|name| context.optional(name))
        .unwrap_or("*");
    denied(context, resource)
}

/// IAM Identity Center's denial has no reason.
fn denied(context: &Context<'_>, resource: &str) -> ApiError {
    ApiError::denied(
        "AccessDeniedException",
        format!(
            "User: {} is not authorized to perform: sso:{} on resource: {resource}",
            context.caller.arn, context.call.operation
        ),
    )
}

fn is_delegated(context: &Context<'_>) -> bool {
    let standing = clearance::standing(context.state, &context.caller.account, "sso.amazonaws.com");
    standing == AccountStanding::Delegated
}

const WITH_ACCOUNT: [&str; 4] = [
    "CreateAccountAssignment",
    "DeleteAccountAssignment",
    "ListAccountAssignments",
    "ProvisionPermissionSet",
];

fn resources(_: &SimState, _: &AwsCaller, operation: &str, input: &Value) -> Vec<String> {
    let account = input_text(input, "TargetId").or_else(|| input_text(input, "AccountId"));
    let account = account.filter(|_| WITH_ACCOUNT.contains(&operation));
    let account = account.map(|id| format!("arn:aws:sso:::account/{id}"));
    let others = ["InstanceArn", "PermissionSetArn", "ResourceArn"];
    let others = others
        .into_iter()
        .filter_map(|name| input_text(input, name));
    account
        .into_iter()
        .chain(others.map(str::to_owned))
        .collect()
}

fn check_instance(context: &Context<'_>) -> Result<(), ApiError> {
    match context.optional("InstanceArn") {
        Some(arn) if arn != context.state.center.instance_arn => Err(denied(context, arn)),
        _ => Ok(()),
    }
}

/// As writers see it.
fn target_set<'a>(context: &'a Context<'_>) -> Result<&'a PermissionSet, ApiError> {
    find_set(context, context.text("PermissionSetArn"), Millis::MAX)
}

/// As readers see it.
fn read_set<'a>(context: &'a Context<'_>) -> Result<&'a PermissionSet, ApiError> {
    find_set(
        context,
        context.text("PermissionSetArn"),
        context.reading_by_id,
    )
}

fn find_set<'a>(
    context: &'a Context<'_>,
    arn: &str,
    at: Millis,
) -> Result<&'a PermissionSet, ApiError> {
    let id = arn.rsplit('/').next().unwrap_or_default();
    let place = context.state.place(id);
    let found = context.state.sets.seen(&place, at);
    found
        .filter(|set| context.state.set_arn(&set.id) == arn)
        .ok_or_else(|| {
            ApiError::new(
                "ResourceNotFoundException",
                format!("Could not find PermissionSet with id {id}"),
            )
        })
}

/// A delegated administrator must not change a set provisioned in the management account
/// (`simulator.md` §2.5).
fn check_managed(context: &Context<'_>, set: &str) -> Result<(), ApiError> {
    if !is_delegated(context) || !context.state.settings.authorize {
        return Ok(());
    }
    let management = context.state.head.management.as_str();
    let key = (management.into(), context.state.order(set), set.into());
    if context.state.provisions.latest(&key).is_none() {
        return Ok(());
    }
    Err(denied(context, &context.state.set_arn(set)))
}

fn ordered(
    rows: impl Iterator<Item = (String, Value)>,
    after: Option<&(u64, String)>,
) -> impl Iterator<Item = (u64, String, Value)> {
    let mut rows: Vec<_> = rows.map(|(id, row)| (hash(&id), id, row)).collect();
    rows.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    rows.retain(|(order, id, _)| after.is_none_or(|last| (*order, id) > (last.0, &last.1)));
    rows.into_iter()
}
