//! Temporary access requested by a partner and accepted in the account. Requests come from the
//! organization file: AWS does not publish the onboarding for new ones.

use serde_json::{Map, Value, json};

use super::{
    ApiError, Context, HandlerResult, Iam, changes::change, date, listed, seen, seen_by_name,
    single,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;
use crate::{
    core::{call::Output, instants::instant, instants::written},
    organization::{
        IamDelegationRequest,
        IamDelegationState::{
            self, Accepted, Assigned, Expired, Finalized, PendingApproval, Rejected, Unassigned,
        },
    },
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListDelegationRequests", Reads(list)),
    ("GetDelegationRequest", Reads(get)),
    ("AssociateDelegationRequest", Writes(associate)),
    ("UpdateDelegationRequest", Writes(update)),
    ("AcceptDelegationRequest", Writes(accept)),
    ("RejectDelegationRequest", Writes(reject)),
    ("SendDelegationToken", Writes(send)),
];

const SESSION_SECONDS: u32 = 3_600;
const TEMPLATE: &str = "arn:aws:iam::aws:delegation-template";

/// The current state: undecided requests expire.
fn state(context: &Context<'_>, request: &IamDelegationRequest) -> IamDelegationState {
    let is_over = instant(request.expires.as_ref()).is_some_and(|at| at <= context.now);
    match request.state {
        Finalized | Rejected | Expired => request.state,
        Unassigned | Assigned | PendingApproval | Accepted if is_over => Expired,
        state @ (Unassigned | Assigned | PendingApproval | Accepted) => state,
    }
}

fn row(context: &Context<'_>, request: &IamDelegationRequest) -> Value {
    let joined = context.state.joined(&context.caller.account);
    let created = date(request.created.as_ref(), joined);
    let updated = request.updated.as_ref().or(request.created.as_ref());
    let mut row = json!({
        "DelegationRequestId": request.id,
        "OwnerAccountId": context.caller.account,
        "State": state(context, request).name(),
        "RequestorId": request.requestor,
        "Permissions": { "PolicyTemplateArn": format!("{TEMPLATE}/{}", request.id) },
        "SessionDuration": request.session_duration.unwrap_or(SESSION_SECONDS),
        "CreateDate": created,
        "UpdatedTime": date(updated, joined),
    });
    let policy = request.policy.as_ref().map(Value::to_string);
    let may = [
        ("RequestorName", &request.requestor_name),
        ("Description", &request.description),
        ("OwnerId", &request.owner),
        ("ApproverId", &request.approver),
        ("PermissionPolicy", &policy),
        ("Notes", &request.notes),
        ("RejectionReason", &request.rejection_reason),
    ];
    if let Some(members) = row.as_object_mut() {
        let given = may
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
        members.extend(given);
        if !request.boundaries.is_empty() {
            let name = "RolePermissionRestrictionArns".to_owned();
            members.insert(name, json!(request.boundaries));
        }
        if request.expires.is_some() {
            let expires = date(request.expires.as_ref(), joined);
            members.insert("ExpirationTime".to_owned(), json!(expires));
        }
    }
    row
}

/// `ListDelegationRequests`: only owned ones (AWS: IAM API reference).
fn list(context: &Context<'_>) -> HandlerResult {
    let iam = seen(context);
    let wanted = context.optional("OwnerId");
    let owned = iam.delegation_requests.iter().filter(|it| {
        let owner = it.owner.as_deref();
        owner.is_some() && wanted.is_none_or(|wanted| owner == Some(wanted))
    });
    let rows = owned.map(|it| (it.id.clone(), row(context, it)));
    let answer = listed(context, rows.collect())?;
    let Output::Members(Value::Object(mut members)) = answer else {
        return Ok(answer);
    };
    // only this operation has a lower-case name
    let more = members.contains_key("Marker");
    members.insert("isTruncated".to_owned(), json!(more));
    Ok(Output::Members(Value::Object(members)))
}

fn missing(id: &str) -> ApiError {
    let text = format!("Delegation request {id} does not exist.");
    ApiError::new("NoSuchEntity", text)
}

/// `GetDelegationRequest`: does not compare with the caller's rights.
fn get(context: &Context<'_>) -> HandlerResult {
    let id = context.text("DelegationRequestId");
    let iam = seen_by_name(context);
    let mut all = iam.delegation_requests.iter();
    let found = all.find(|it| it.id == id).ok_or_else(|| missing(id))?;
    Ok(single("DelegationRequest", row(context, found)))
}

/// Moves a request of the caller's account one step on, from the right state only.
fn step(
    context: &mut Context<'_>,
    from: &[IamDelegationState],
    to: IamDelegationState,
    write: impl FnOnce(&mut IamDelegationRequest, &Map<String, Value>, &str),
) -> HandlerResult {
    let id = context.text("DelegationRequestId").to_owned();
    let iam = context.state.iam_now(&context.caller.account);
    let found = iam.delegation_requests.iter().find(|it| it.id == id);
    let stands = state(context, found.ok_or_else(|| missing(&id))?);
    if !from.contains(&stands) {
        let text = format!("Delegation request {id} is in state {}.", stands.name());
        // accepting has no input error in the model
        return Err(if to == Accepted {
            ApiError::new("ConcurrentModification", text)
        } else {
            ApiError::new("InvalidInput", text)
        });
    }
    let input = context.call.input.as_object().cloned().unwrap_or_default();
    let caller = context.caller.arn.clone();
    let now = written(context.now - context.now.rem_euclid(1000));
    change(context, |iam: &mut Iam| {
        let mut all = iam.delegation_requests.iter_mut();
        let found = all.find(|it| it.id == id).ok_or_else(|| missing(&id))?;
        found.state = to;
        found.updated = Some(now);
        write(found, &input, &caller);
        Ok(())
    })?;
    Ok(Output::Nothing)
}

fn notes(input: &Map<String, Value>) -> Option<String> {
    Some(input.get("Notes")?.as_str()?.to_owned())
}

/// `AssociateDelegationRequest`: makes the caller the owner.
fn associate(context: &mut Context<'_>) -> HandlerResult {
    step(context, &[Unassigned], Assigned, |it, _, caller| {
        it.owner = Some(caller.to_owned());
    })
}

/// `UpdateDelegationRequest`: passes it on for approval.
fn update(context: &mut Context<'_>) -> HandlerResult {
    let from = [Assigned, PendingApproval];
    step(context, &from, PendingApproval, |it, input, _| {
        it.notes = notes(input);
    })
}

/// `AcceptDelegationRequest`: the partner will act as the caller.
fn accept(context: &mut Context<'_>) -> HandlerResult {
    let from = [Assigned, PendingApproval];
    step(context, &from, Accepted, |it, _, caller| {
        it.approver = Some(caller.to_owned());
    })
}

/// `RejectDelegationRequest`: also after acceptance, until the token is sent.
fn reject(context: &mut Context<'_>) -> HandlerResult {
    let from = [Unassigned, Assigned, PendingApproval, Accepted];
    step(context, &from, Rejected, |it, input, _| {
        it.rejection_reason = notes(input);
    })
}

/// `SendDelegationToken`: gives the partner access.
fn send(context: &mut Context<'_>) -> HandlerResult {
    step(context, &[Accepted], Finalized, |_, _, _| {})
}
