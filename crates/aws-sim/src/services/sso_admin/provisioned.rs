use std::ops::Bound;

use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, Output, assignments, check_managed, read_set, statuses,
    target_set,
};
use crate::core::{
    entities::Id,
    entities::{AsyncKind, AsyncState, Operation, Provision},
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListPermissionSetsProvisionedToAccount", Reads(sets)),
    ("ListAccountsForProvisionedPermissionSet", Reads(accounts)),
    ("ProvisionPermissionSet", Writes(provision)),
];

fn passes(context: &Context<'_>, set: &Id, provision: &Provision) -> bool {
    let newest = context
        .state
        .set(set)
        .map_or(provision.version, |set| set.version);
    match context.optional("ProvisioningStatus") {
        Some("LATEST_PERMISSION_SET_PROVISIONED") => provision.version == newest,
        Some("LATEST_PERMISSION_SET_NOT_PROVISIONED") => provision.version != newest,
        _ => true,
    }
}

fn sets(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let account = Id::from(context.text("AccountId"));
    if context.state.account(&account).is_none() {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!("Could not find AWS account with id {account}"),
        ));
    }
    let start = match &page.after {
        Some((order, id)) => Bound::Excluded((account.clone(), *order, id.as_str().into())),
        None => Bound::Included((account.clone(), 0, "".into())),
    };
    let rows = context
        .state
        .provisions
        .range_seen(start, context.reading)
        .take_while(|((of, ..), _)| *of == account)
        .filter(|((_, _, set), provision)| passes(context, set, provision))
        .map(|((_, order, set), _)| (*order, set.to_string(), context.state.set_arn(set).into()));
    let (rows, token) = page.take(rows);
    // AWS omits an empty member
    if rows.is_empty() && token.is_none() {
        return Ok(Output::Members(json!({})));
    }
    Ok(context.paged(rows, token))
}

fn accounts(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let set = read_set(context)?.id.clone();
    let order = context.state.order(&set);
    let start = match &page.after {
        Some((order, id)) => Bound::Excluded((set.clone(), *order, Id::from(id.as_str()))),
        None => Bound::Included((set.clone(), 0, "".into())),
    };
    let rows = context
        .state
        .provisioned_in
        .range((start, Bound::Unbounded))
        .take_while(|(of, ..)| *of == set)
        .filter(|(set, _, account)| {
            let key = (account.clone(), order, set.clone());
            let provision = context.state.provisions.seen(&key, context.reading);
            provision.is_some_and(|provision| passes(context, set, provision))
        })
        .map(|(_, order, account)| (*order, account.to_string(), Value::from(&**account)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn provision(context: &mut Context<'_>) -> HandlerResult {
    let set = target_set(context)?.id.clone();
    check_managed(context, &set)?;
    let account = context.optional("TargetId").map(Id::from);
    if context.text("TargetType") == "AWS_ACCOUNT" {
        let known = account
            .as_ref()
            .is_some_and(|id| context.state.account(id).is_some());
        if !known {
            return Err(ApiError::new(
                "ResourceNotFoundException",
                "Could not find the target AWS account",
            ));
        }
    }
    let busy = context
        .state
        .in_flight
        .iter()
        .filter_map(|(_, id)| context.state.operations.get(id));
    let clash = |other: &Operation| {
        other.set == set
            && (account.is_none() || other.account.is_none() || other.account == account)
    };
    if busy.into_iter().any(clash) {
        return Err(assignments::conflict());
    }
    assignments::check_outstanding(context)?;
    let operation = Operation {
        id: context.random().uuid().into(),
        kind: AsyncKind::Provision,
        account,
        set,
        principal: None,
        created: context.now,
        due: 0,
        progress: AsyncState::Running,
        fail: None,
        hidden: false,
        foreign: false,
    };
    let operation = assignments::start(context, operation, 0);
    let status = statuses::shape(context, &operation);
    Ok(Output::Members(
        json!({ "PermissionSetProvisioningStatus": status }),
    ))
}
