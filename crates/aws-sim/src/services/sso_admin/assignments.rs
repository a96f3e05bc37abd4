//! Assignments: requested here, settled in `settle`.

use std::ops::Bound;

use crate::base::Millis;
use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, Output, check_managed, denied, is_delegated,
    management_account, read_set, statuses, target_set,
};
use crate::core::{
    entities::{
        Assignment, AssignmentKey, AsyncKind, AsyncState, FailAsync, Id, Operation, PrincipalType,
    },
    errors::ErrorClass,
    limits::OUTSTANDING,
    settle::{duration, enqueue},
    state::{SimState, first_of},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateAccountAssignment", Writes(create)),
    ("DeleteAccountAssignment", Writes(delete)),
    ("ListAccountAssignments", Reads(list)),
    (
        "ListAccountAssignmentsForPrincipal",
        Reads(list_for_principal),
    ),
];

struct AssignmentTarget {
    account: Id,
    set: Id,
    principal_type: PrincipalType,
    principal: Id,
}

fn target(context: &Context<'_>) -> Result<AssignmentTarget, ApiError> {
    let account = context.text("TargetId");
    if is_delegated(context)
        && account == context.state.head.management
        && context.state.settings.authorize
    {
        let arn = context.text("PermissionSetArn");
        return Err(denied(context, arn));
    }
    let set = target_set(context)?.id.clone();
    check_managed(context, &set)?;
    if context.state.account(account).is_none() {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!("Could not find AWS account with id {account}"),
        ));
    }
    let principal_type = PrincipalType::parse(context.text("PrincipalType"))
        .ok_or_else(|| ApiError::new("ValidationException", "PrincipalType is not valid."))?;
    Ok(AssignmentTarget {
        account: account.into(),
        set,
        principal_type,
        principal: context.text("PrincipalId").into(),
    })
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    let target = target(context)?;
    let behaviour = &context.state.settings.behaviour;
    let exists = context
        .state
        .principal_exists(target.principal_type, &target.principal);
    if !exists && behaviour.is("unknown_principal", "sync_not_found") {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!(
                "Could not find {} with id {}",
                target.principal_type.as_str(),
                target.principal
            ),
        ));
    }
    let key = key(context.state, &target);
    let stands = context.state.assignments.latest(&key).is_some();
    if stands && behaviour.is("duplicate_create", "conflict") {
        return Err(ApiError::new(
            "ConflictException",
            "The account assignment already exists.",
        ));
    }
    let early = behaviour.is("visible_while_in_progress", "yes")
        && exists
        && context.call.modifiers.fail_async.is_none()
        && refused_by_iam(context, AsyncKind::Create, &target).is_none();
    let answer = accept(context, AsyncKind::Create, &target)?;
    if early && !stands {
        let now = context.now;
        context
            .state
            .add_assignment(key, Assignment::since(now), now, now);
    }
    Ok(answer)
}

fn delete(context: &mut Context<'_>) -> HandlerResult {
    let target = target(context)?;
    let stands = context
        .state
        .assignments
        .latest(&key(context.state, &target))
        .is_some();
    if !stands
        && context
            .state
            .settings
            .behaviour
            .is("delete_absent", "sync_not_found")
    {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            "Assignment not found.",
        ));
    }
    accept(context, AsyncKind::Delete, &target)
}

fn key(state: &SimState, target: &AssignmentTarget) -> AssignmentKey {
    state.assignment_key(
        &target.account,
        &target.set,
        target.principal_type,
        &target.principal,
    )
}

/// Whether this is the set's only assignment in the account.
fn is_alone(state: &SimState, target: &AssignmentTarget) -> bool {
    let own = key(state, target);
    let mut others = state.assignments_of(&target.account, &target.set);
    !others.any(|it| *it != own)
}

fn refused_by_iam(
    context: &Context<'_>,
    kind: AsyncKind,
    target: &AssignmentTarget,
) -> Option<FailAsync> {
    let place = (&*target.account, &*target.set);
    let role_changes = is_alone(context.state, target);
    management_account::refused(context, kind, place, role_changes)
}

/// Final checks and start of an asynchronous write.
fn accept(context: &mut Context<'_>, kind: AsyncKind, target: &AssignmentTarget) -> HandlerResult {
    if conflicts(context.state, target) {
        return Err(conflict());
    }
    check_outstanding(context)?;
    context.admit()?;
    let fresh = kind == AsyncKind::Create
        && context
            .state
            .assignments_of(&target.account, &target.set)
            .next()
            .is_none();
    let operation = Operation {
        id: context.random().uuid().into(),
        kind,
        account: Some(target.account.clone()),
        set: target.set.clone(),
        principal: Some((target.principal_type, target.principal.clone())),
        created: context.now,
        due: 0,
        progress: AsyncState::Running,
        fail: refused_by_iam(context, kind, target),
        hidden: false,
        foreign: false,
    };
    let extra = if fresh { 2_000 } else { 0 };
    let operation = start(context, operation, extra);
    let member = statuses::member(kind);
    let mut answer = serde_json::Map::new();
    answer.insert(member.to_owned(), statuses::shape(context, &operation));
    Ok(Output::Members(Value::Object(answer)))
}

/// "There is a conflicting operation in process."
pub(super) fn conflict() -> ApiError {
    ApiError::new(
        "ConflictException",
        "There is a conflicting operation in process.",
    )
}

pub(super) fn check_outstanding(context: &Context<'_>) -> Result<(), ApiError> {
    let most = context
        .state
        .settings
        .limits
        .get("sso")
        .and_then(|limit| limit.outstanding);
    if context.state.in_flight.len() < most.unwrap_or(OUTSTANDING) {
        return Ok(());
    }
    Err(ApiError::new(
        "ThrottlingException",
        "There are too many requests processing. Please try again later.",
    )
    .class(ErrorClass::Throttled))
}

/// Starts an operation. Faults of the call decide its result.
pub(super) fn start(
    context: &mut Context<'_>,
    mut operation: Operation,
    extra: Millis,
) -> Operation {
    let speed = context.state.settings.speed;
    let duration = duration(speed, extra, context.random());
    let modifiers = &context.call.modifiers;
    operation.due = operation.created + duration + modifiers.stuck_ms;
    if modifiers.fail_async.is_some() {
        operation.fail.clone_from(&modifiers.fail_async);
    }
    operation.hidden = modifiers.hide_status;
    context.write(Window::Immediate);
    enqueue(context.state, operation.clone());
    operation
}

fn conflicts(state: &SimState, target: &AssignmentTarget) -> bool {
    let behaviour = &state.settings.behaviour;
    state
        .in_flight
        .iter()
        .filter_map(|(_, id)| state.operations.get(id))
        .any(|operation| {
            let account = operation
                .account
                .as_ref()
                .is_none_or(|account| *account == target.account);
            let set = operation.set == target.set;
            let principal = operation
                .principal
                .as_ref()
                .is_none_or(|(kind, id)| (*kind, id) == (target.principal_type, &target.principal));
            if behaviour.is("conflict_scope", "account") {
                account
            } else if behaviour.is("conflict_scope", "account_set_principal") {
                account && set && principal
            } else {
                account && set
            }
        })
}

fn row(context: &Context<'_>, key: &AssignmentKey) -> Value {
    json!({
        "AccountId": key.account,
        "PermissionSetArn": context.state.set_arn(&key.set),
        "PrincipalType": key.principal_type.as_str(),
        "PrincipalId": key.principal,
    })
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let account = Id::from(context.text("AccountId"));
    let set = read_set(context)?.id.clone();
    if context.state.account(&account).is_none() {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!("Could not find AWS account with id {account}"),
        ));
    }
    let start = match &page.after {
        None => Bound::Included(first_of(&account, &set)),
        Some((order, id)) => Bound::Excluded(AssignmentKey {
            account: account.clone(),
            set: set.clone(),
            order: *order,
            principal_type: if id.starts_with('G') {
                PrincipalType::Group
            } else {
                PrincipalType::User
            },
            principal: id.get(1..).unwrap_or_default().into(),
        }),
    };
    let rows = context
        .state
        .assignments
        .range_seen(start, context.reading)
        .take_while(|(key, _)| key.account == account && key.set == set)
        .map(|(key, _)| {
            let letter = if key.principal_type == PrincipalType::Group {
                'G'
            } else {
                'U'
            };
            (
                key.order,
                format!("{letter}{}", key.principal),
                row(context, key),
            )
        });
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

/// `ListAccountAssignmentsForPrincipal`: a user's own rows and those of its groups (`simulator.md`
/// G-4).
fn list_for_principal(context: &Context<'_>) -> HandlerResult {
    let behaviour = &context.state.settings.behaviour;
    if is_delegated(context) && behaviour.is("principal_listing_from_delegated", "deny") {
        let arn = &context.state.center.instance_arn;
        return Err(denied(context, arn));
    }
    let page = context.page()?;
    let principal = context.text("PrincipalId");
    let kind = PrincipalType::parse(context.text("PrincipalType"))
        .ok_or_else(|| ApiError::new("ValidationException", "PrincipalType is not valid."))?;
    if !context.state.principal_exists(kind, principal) {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!("Could not find {} with id {principal}", kind.as_str()),
        ));
    }
    let filter = context
        .call
        .input
        .pointer("/Filter/AccountId")
        .and_then(Value::as_str);
    let mut rows: Vec<(u64, String, AssignmentKey)> = Vec::new();
    for (kind, holder) in holders(context, kind, principal) {
        rows.extend(held_by(context, kind, &holder, filter, page.after.as_ref()));
    }
    rows.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let rows = rows
        .into_iter()
        .map(|(order, id, key)| (order, id, row(context, &key)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn holders(
    context: &Context<'_>,
    kind: PrincipalType,
    principal: &str,
) -> Vec<(PrincipalType, Id)> {
    let mut holders = vec![(kind, Id::from(principal))];
    if kind == PrincipalType::User {
        let user = Id::from(principal);
        let state = &context.state;
        let groups = state.member_of.range((user.clone(), 0, Id::from(""))..);
        let groups = groups
            .take_while(|(member, ..)| *member == user)
            .filter(|(user, _, group)| {
                let key = state.membership_key(group, user);
                state.memberships.seen(&key, context.reading).is_some()
            })
            .map(|(_, _, group)| (PrincipalType::Group, group.clone()));
        holders.extend(groups);
    }
    holders
}

fn held_by(
    context: &Context<'_>,
    kind: PrincipalType,
    holder: &Id,
    account: Option<&str>,
    after: Option<&(u64, String)>,
) -> Vec<(u64, String, AssignmentKey)> {
    let state = &context.state;
    let start = (holder.clone(), 0, Id::from(""), Id::from(""));
    let held = state.assigned_to.range(start..);
    held.take_while(|(of, ..)| of == holder)
        .filter(|(_, _, of, _)| account.is_none_or(|account| account == &**of))
        .map(|(_, order, account, set)| {
            let key = state.assignment_key(account, set, kind, holder);
            (*order, format!("{account}/{set}/{holder}"), key)
        })
        .filter(|(order, id, _)| after.is_none_or(|last| (*order, id) > (last.0, &last.1)))
        .filter(|(_, _, key)| state.assignments.seen(key, context.reading).is_some())
        .collect()
}
