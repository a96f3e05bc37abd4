//! Writes of trusted access and delegated administrators.

use super::{ApiError, Context, HandlerResult, Output, account_not_found, constraint, invalid};
use crate::services::{OperationHandler::Writes, OperationRow};
use crate::{core::windows::Window, organization::Delegation};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("EnableAWSServiceAccess", Writes(trust)),
    ("DisableAWSServiceAccess", Writes(distrust)),
    ("RegisterDelegatedAdministrator", Writes(register)),
    ("DeregisterDelegatedAdministrator", Writes(deregister)),
];

/// Checks only the form of a service principal.
fn principal<'a>(context: &Context<'a>) -> Result<&'a str, ApiError> {
    let name = context.text("ServicePrincipal");
    if name.ends_with(".amazonaws.com") {
        return Ok(name);
    }
    Err(invalid(
        "UNRECOGNIZED_SERVICE_PRINCIPAL",
        "You specified an unrecognized service principal.",
    ))
}

/// `EnableAWSServiceAccess`: idempotent.
fn trust(context: &mut Context<'_>) -> HandlerResult {
    let name = principal(context)?.to_owned();
    context.write(Window::Immediate);
    let access = &mut context.state.head.service_access;
    if !access.contains(&name) {
        access.push(name);
    }
    Ok(Output::Nothing)
}

fn distrust(context: &mut Context<'_>) -> HandlerResult {
    let name = principal(context)?;
    let rows = &context.state.head.delegations;
    if rows.iter().any(|row| row.service == name) {
        let text = "You must deregister the delegated administrators of the service first.";
        return Err(constraint("CANNOT_DISABLE_SERVICE_ACCESS", text));
    }
    context.write(Window::Immediate);
    let access = &mut context.state.head.service_access;
    access.retain(|it| it != name);
    Ok(Output::Nothing)
}

fn is_row(row: &Delegation, account: &str, service: &str) -> bool {
    row.account == account && row.service == service
}

fn register(context: &mut Context<'_>) -> HandlerResult {
    let (account, service) = (context.text("AccountId"), principal(context)?);
    if *account == *context.state.head.management {
        let text = "You cannot register the management account of an organization as a delegated administrator.";
        return Err(constraint(
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            text,
        ));
    }
    let found = context
        .state
        .account(account)
        .ok_or_else(account_not_found)?;
    if found.status() != "ACTIVE" {
        let text = "You cannot register a suspended account as a delegated administrator.";
        return Err(constraint(
            "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
            text,
        ));
    }
    let head = &context.state.head;
    if !head.service_access.iter().any(|it| it == service) {
        let text = "You must enable service access for the specified service.";
        return Err(constraint("SERVICE_ACCESS_NOT_ENABLED", text));
    }
    if head
        .delegations
        .iter()
        .any(|row| is_row(row, account, service))
    {
        return Err(ApiError::new(
            "AccountAlreadyRegisteredException",
            "The specified account is already a delegated administrator for this AWS service.",
        ));
    }
    context.write(Window::Immediate);
    let row = Delegation {
        account: account.to_owned(),
        service: service.to_owned(),
        since: jiff::Timestamp::from_millisecond(context.now)
            .ok()
            .map(|it| it.to_string()),
    };
    context.state.head.delegations.push(row);
    Ok(Output::Nothing)
}

/// `DeregisterDelegatedAdministrator`: also removes the service's regional administrators.
fn deregister(context: &mut Context<'_>) -> HandlerResult {
    let (account, service) = (context.text("AccountId"), principal(context)?);
    context
        .state
        .account(account)
        .ok_or_else(account_not_found)?;
    let rows = &context.state.head.delegations;
    if !rows.iter().any(|row| is_row(row, account, service)) {
        return Err(ApiError::new(
            "AccountNotRegisteredException",
            "The specified account is not a delegated administrator for this AWS service.",
        ));
    }
    context.write(Window::Immediate);
    let state = &mut *context.state;
    state
        .head
        .delegations
        .retain(|row| !is_row(row, account, service));
    let name = service.trim_end_matches(".amazonaws.com");
    state
        .regional_administrators
        .retain(|(of, _), it| of != name || it.account != account);
    state.without_administrator.retain(|(of, _)| of != name);
    if name == crate::services::detective::NAME {
        state.behavior_graphs.retain(|(of, _), _| of != account);
    }
    Ok(Output::Nothing)
}
