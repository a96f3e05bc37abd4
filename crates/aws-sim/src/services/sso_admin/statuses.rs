use serde_json::{Map, Value, json};

use super::{ApiError, Context, HandlerResult, Output, seconds};
use crate::core::entities::{AsyncKind, AsyncState, Operation};

pub(super) fn member(kind: AsyncKind) -> &'static str {
    match kind {
        AsyncKind::Create => "AccountAssignmentCreationStatus",
        AsyncKind::Delete => "AccountAssignmentDeletionStatus",
        AsyncKind::Provision => "PermissionSetProvisioningStatus",
    }
}

pub(super) fn shape(context: &Context<'_>, operation: &Operation) -> Value {
    let mut row = Map::new();
    row.insert("Status".to_owned(), operation.progress.as_str().into());
    row.insert("RequestId".to_owned(), operation.id.as_ref().into());
    if let AsyncState::Failed(reason) = &operation.progress {
        row.insert("FailureReason".to_owned(), reason.clone().into());
    }
    let set = context.state.set_arn(&operation.set);
    if operation.kind == AsyncKind::Provision {
        if let Some(account) = &operation.account {
            row.insert("AccountId".to_owned(), account.as_ref().into());
        }
        row.insert("PermissionSetArn".to_owned(), set.into());
    } else {
        row.insert(
            "TargetId".to_owned(),
            operation.account.as_deref().unwrap_or_default().into(),
        );
        row.insert("TargetType".to_owned(), "AWS_ACCOUNT".into());
        row.insert("PermissionSetArn".to_owned(), set.into());
        if let Some((kind, id)) = &operation.principal {
            row.insert("PrincipalType".to_owned(), kind.as_str().into());
            row.insert("PrincipalId".to_owned(), id.as_ref().into());
        }
    }
    row.insert("CreatedDate".to_owned(), seconds(operation.created));
    Value::Object(row)
}

fn asked_for(kind: AsyncKind) -> &'static str {
    match kind {
        AsyncKind::Create => "AccountAssignmentCreationRequestId",
        AsyncKind::Delete => "AccountAssignmentDeletionRequestId",
        AsyncKind::Provision => "ProvisionPermissionSetRequestId",
    }
}

pub(super) fn describe(context: &Context<'_>, kind: AsyncKind) -> HandlerResult {
    let id = context.text(asked_for(kind));
    let operation = context
        .state
        .operations
        .get(id)
        .filter(|operation| operation.kind == kind && !operation.hidden && !operation.foreign)
        .ok_or_else(|| {
            ApiError::new(
                "ResourceNotFoundException",
                format!("Could not find request with id {id}"),
            )
        })?;
    let mut answer = Map::new();
    answer.insert(member(kind).to_owned(), shape(context, operation));
    Ok(Output::Members(Value::Object(answer)))
}

pub(super) fn list(context: &Context<'_>, kind: AsyncKind) -> HandlerResult {
    let page = context.page()?;
    let status = context
        .call
        .input
        .pointer("/Filter/Status")
        .and_then(Value::as_str);
    let after = page.after.clone().unwrap_or_default();
    let rows = context
        .state
        .operation_order
        .range((kind, after.0, after.1.as_str().into())..)
        .take_while(|(of, ..)| *of == kind)
        .filter(|(_, order, id)| page.after.is_none() || (*order, &**id) > (after.0, &*after.1))
        .filter_map(|(_, order, id)| Some((*order, id, context.state.operations.get(id)?)))
        .filter(|(_, _, operation)| !operation.hidden && !operation.foreign)
        .filter(|(_, _, operation)| {
            status.is_none_or(|status| operation.progress.as_str() == status)
        })
        .map(|(order, id, operation)| {
            let row = json!({
                "Status": operation.progress.as_str(),
                "RequestId": operation.id,
                "CreatedDate": seconds(operation.created),
            });
            (order, id.to_string(), row)
        });
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}
