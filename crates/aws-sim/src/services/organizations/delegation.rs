use crate::base::{Millis, hash};
use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, account_not_found, accounts, seconds};
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListDelegatedAdministrators", Reads(administrators)),
    ("ListDelegatedServicesForAccount", Reads(services)),
    ("ListAWSServiceAccessForOrganization", Reads(service_access)),
];

fn since(text: Option<&String>, default: Millis) -> Millis {
    text.and_then(|text| text.parse::<jiff::Timestamp>().ok())
        .map_or(default, jiff::Timestamp::as_millisecond)
}

fn ordered(after: Option<&(u64, String)>, rows: Vec<(String, Value)>) -> Vec<(u64, String, Value)> {
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(id, row)| (hash(&id), id, row))
        .filter(|(order, id, _)| after.is_none_or(|last| (*order, id) > (last.0, &last.1)))
        .collect();
    rows.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    rows
}

fn administrators(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let service = context.optional("ServicePrincipal");
    let state = &context.state;
    let mut seen = std::collections::BTreeSet::new();
    let rows: Vec<(String, Value)> = state
        .head
        .delegations
        .iter()
        .filter(|row| service.is_none_or(|service| service == row.service))
        .filter(|row| seen.insert(row.account.clone()))
        .filter_map(|row| {
            let account = state.account(&row.account)?;
            let mut members = accounts::shape(state, account);
            members.shift_remove("Paths");
            let enabled = since(row.since.as_ref(), account.joined);
            members.insert("DelegationEnabledDate".to_owned(), seconds(enabled));
            Some((row.account.clone(), members.into()))
        })
        .collect();
    let (rows, token) = page.take(ordered(page.after.as_ref(), rows).into_iter());
    Ok(context.paged(rows, token))
}

fn services(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let id = context.text("AccountId");
    let account = context.state.account(id).ok_or_else(account_not_found)?;
    let rows: Vec<(String, Value)> = context
        .state
        .head
        .delegations
        .iter()
        .filter(|row| row.account == id)
        .map(|row| {
            let enabled = seconds(since(row.since.as_ref(), account.joined));
            let shape =
                json!({ "ServicePrincipal": row.service, "DelegationEnabledDate": enabled });
            (row.service.clone(), shape)
        })
        .collect();
    if rows.is_empty() {
        return Err(ApiError::new(
            "AccountNotRegisteredException",
            "The specified account is not a delegated administrator for this AWS service.",
        ));
    }
    let (rows, token) = page.take(ordered(page.after.as_ref(), rows).into_iter());
    Ok(context.paged(rows, token))
}

fn service_access(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let created = context.state.center.created;
    let rows = context.state.head.service_access.iter();
    let rows = rows
        .map(|name| {
            (
                name.clone(),
                json!({ "ServicePrincipal": name, "DateEnabled": seconds(created) }),
            )
        })
        .collect();
    let (rows, token) = page.take(ordered(page.after.as_ref(), rows).into_iter());
    Ok(context.paged(rows, token))
}
