//! IAM Identity Center: instance, permission sets, assignments.

mod assignments;
mod instances;
mod lifecycle;
mod permission_sets;
mod policies;
mod provisioned;
mod statuses;
mod tags;

pub(super) use assignments::{duration, enqueue};
pub(super) use lifecycle::read_tags;

use serde_json::{Map, Value};

use super::{
    call::{ApiError, Output},
    clearance::{self, AccountStanding},
    context::Context,
    entities::PermissionSet,
    table::Millis,
};

/// The operations that have behaviour.
pub(super) const OPERATIONS: &[&str] = &[
    "ListInstances",
    "DescribeInstance",
    "ListPermissionSets",
    "DescribePermissionSet",
    "CreatePermissionSet",
    "UpdatePermissionSet",
    "DeletePermissionSet",
    "ListManagedPoliciesInPermissionSet",
    "AttachManagedPolicyToPermissionSet",
    "DetachManagedPolicyFromPermissionSet",
    "ListCustomerManagedPolicyReferencesInPermissionSet",
    "GetInlinePolicyForPermissionSet",
    "PutInlinePolicyToPermissionSet",
    "DeleteInlinePolicyFromPermissionSet",
    "GetPermissionsBoundaryForPermissionSet",
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
    "CreateAccountAssignment",
    "DeleteAccountAssignment",
    "DescribeAccountAssignmentCreationStatus",
    "DescribeAccountAssignmentDeletionStatus",
    "ListAccountAssignmentCreationStatus",
    "ListAccountAssignmentDeletionStatus",
    "ListAccountAssignments",
    "ListAccountAssignmentsForPrincipal",
    "ListPermissionSetsProvisionedToAccount",
    "ListAccountsForProvisionedPermissionSet",
    "ProvisionPermissionSet",
    "DescribePermissionSetProvisioningStatus",
    "ListPermissionSetProvisioningStatus",
];

/// Rows on a page when the caller does not say.
const DEFAULT_PAGE: usize = 100;

type HandlerResult = Result<Output, ApiError>;

/// Answers an operation of the list above.
pub(super) fn answer(context: &mut Context<'_>) -> HandlerResult {
    let operation = context.call.operation.as_str();
    if operation == "ListInstances" {
        context.admit()?;
        return instances::list(context);
    }
    let standing = clearance::identity_center(context.state, context.call, context.caller)?;
    check_instance(context)?;
    if operation != "CreateAccountAssignment" && operation != "DeleteAccountAssignment" {
        context.admit()?;
    }
    match operation {
        "DescribeInstance" => Ok(instances::describe(context)),
        "ListPermissionSets" => permission_sets::list(context),
        "DescribePermissionSet" => permission_sets::describe(context),
        "CreatePermissionSet" => lifecycle::create(context),
        "UpdatePermissionSet" => lifecycle::update(context, standing),
        "DeletePermissionSet" => lifecycle::delete(context, standing),
        "ListManagedPoliciesInPermissionSet" => policies::list_managed(context),
        "AttachManagedPolicyToPermissionSet" => policies::attach(context, standing),
        "DetachManagedPolicyFromPermissionSet" => policies::detach(context, standing),
        "ListCustomerManagedPolicyReferencesInPermissionSet" => {
            policies::list_customer_managed(context)
        }
        "GetInlinePolicyForPermissionSet" => policies::get_inline(context),
        "PutInlinePolicyToPermissionSet" => policies::put_inline(context, standing),
        "DeleteInlinePolicyFromPermissionSet" => policies::delete_inline(context, standing),
        "GetPermissionsBoundaryForPermissionSet" => policies::get_boundary(context),
        "ListTagsForResource" => tags::list(context),
        "TagResource" => tags::tag(context, standing),
        "UntagResource" => tags::untag(context, standing),
        "CreateAccountAssignment" => assignments::create(context, standing),
        "DeleteAccountAssignment" => assignments::delete(context, standing),
        "ListAccountAssignments" => assignments::list(context),
        "ListAccountAssignmentsForPrincipal" => assignments::list_for_principal(context, standing),
        "ListPermissionSetsProvisionedToAccount" => provisioned::sets(context),
        "ListAccountsForProvisionedPermissionSet" => provisioned::accounts(context),
        "ProvisionPermissionSet" => provisioned::provision(context, standing),
        _ => statuses::answer(context),
    }
}

fn check_instance(context: &Context<'_>) -> Result<(), ApiError> {
    match context.optional("InstanceArn") {
        Some(arn) if arn != context.state.center.instance_arn => Err(ApiError::denied(
            "AccessDeniedException",
            format!(
                "User: {} is not authorized to perform: sso:{} on resource: {arn}",
                context.caller.arn, context.call.operation
            ),
        )),
        _ => Ok(()),
    }
}

/// The set that `PermissionSetArn` names, as writers see it.
fn target_set<'a>(context: &'a Context<'_>) -> Result<&'a PermissionSet, ApiError> {
    find_set(context, context.text("PermissionSetArn"), Millis::MAX)
}

/// The same as readers see it.
fn read_set<'a>(context: &'a Context<'_>) -> Result<&'a PermissionSet, ApiError> {
    find_set(context, context.text("PermissionSetArn"), context.reading)
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

/// Refuses a delegated administrator's change to a set that is provisioned in the management
/// account (`simulator.md` §2.5).
fn check_managed(
    context: &Context<'_>,
    standing: AccountStanding,
    set: &str,
) -> Result<(), ApiError> {
    if standing != AccountStanding::Delegated || !context.state.settings.authorize {
        return Ok(());
    }
    let management = context.state.head.management.as_str();
    let key = (management.into(), context.state.order(set), set.into());
    if context.state.provisions.latest(&key).is_none() {
        return Ok(());
    }
    let arn = context.state.set_arn(set);
    Err(clearance::sso_denied(
        context.caller,
        &context.call.operation,
        &arn,
    ))
}

fn paged(name: &str, rows: Vec<Value>, token: Option<String>) -> Output {
    let mut members = Map::new();
    members.insert(name.to_owned(), Value::Array(rows));
    if let Some(token) = token {
        members.insert("NextToken".to_owned(), token.into());
    }
    Output::Members(Value::Object(members))
}

/// Seconds since the epoch with milliseconds (`simulator.md` R-3).
pub(super) fn seconds(at: Millis) -> Value {
    if at % 1000 == 0 {
        return Value::from(at / 1000);
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of this era fit a double"
    )]
    let seconds = at as f64 / 1000.0;
    Value::from(seconds)
}

/// The length of a session from its ISO 8601 form; `None` unless from one to twelve hours.
pub(crate) fn session_seconds(text: &str) -> Option<u32> {
    let mut rest = text.strip_prefix("PT")?;
    let mut total = 0_u32;
    for (unit, size) in [('H', 3600), ('M', 60), ('S', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            total = total.checked_add(number.parse::<u32>().ok()?.checked_mul(size)?)?;
            rest = after;
        }
    }
    (rest.is_empty() && (3600..=43_200).contains(&total)).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::session_seconds;

    #[test]
    fn session_durations() {
        for (text, expected) in [
            ("PT1H", Some(3600)),
            ("PT12H", Some(43_200)),
            ("PT1H30M", Some(5400)),
            ("PT90M", Some(5400)),
            ("PT59M", None),
            ("PT13H", None),
            ("P1D", None),
            ("1H", None),
        ] {
            assert_eq!(session_seconds(text), expected, "{text}");
        }
    }
}
