use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output, PRINCIPAL};
use crate::core::{designating::designate, windows::Window};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("EnableOrganizationAdminAccount", Writes(enable)),
    ("DisableOrganizationAdminAccount", Writes(disable)),
    ("ListOrganizationAdminAccounts", Reads(list)),
];

fn place(context: &Context<'_>) -> (String, String) {
    super::place(&context.call.region)
}

fn only_management(context: &Context<'_>) -> Result<(), ApiError> {
    if *context.caller.account == *context.state.head.management {
        return Ok(());
    }
    let text =
        "The request was rejected because it was not made by the organization management account.";
    Err(ApiError::denied("AccessDeniedException", text))
}

fn enable(context: &mut Context<'_>) -> HandlerResult {
    only_management(context)?;
    let account = context.text("AdminAccountId").to_owned();
    let there = context.state.account(&account).is_some();
    if !there {
        let text = format!("Account {account} is not a member of the organization.");
        return Err(ApiError::new("InvalidInputException", text));
    }
    let place = place(context);
    let held = context.state.regional_administrators.get(&place);
    if held.is_some_and(|it| it.account != account) {
        let text =
            "The organization has another Security Hub administrator account in this Region.";
        return Err(ApiError::new("ResourceConflictException", text));
    }
    context.write(Window::Immediate);
    let now = context.now;
    designate(context.state, PRINCIPAL, place, &account, now);
    Ok(Output::Members(json!({ "AdminAccountId": account })))
}

fn disable(context: &mut Context<'_>) -> HandlerResult {
    only_management(context)?;
    let (account, place) = (context.text("AdminAccountId"), place(context));
    let held = context.state.regional_administrators.get(&place);
    if held.is_none_or(|it| it.account != account) {
        let text = format!("Account {account} is not the Security Hub administrator account.");
        return Err(ApiError::new("InvalidInputException", text));
    }
    context.write(Window::Immediate);
    context.state.regional_administrators.remove(&place);
    context.state.without_administrator.insert(place);
    Ok(Output::Members(json!({})))
}

fn list(context: &Context<'_>) -> HandlerResult {
    only_management(context)?;
    let held = context.state.regional_administrators.get(&place(context));
    let rows: Vec<Value> = held
        .map(|it| json!({ "AccountId": it.account, "Status": "ENABLED" }))
        .into_iter()
        .collect();
    Ok(context.paged(rows, None))
}
