use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, NAME, Output, PRINCIPAL, graph, own_place};
use crate::core::{
    call::seconds,
    designating::{designate, make_graph},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("EnableOrganizationAdminAccount", Writes(enable)),
    ("DisableOrganizationAdminAccount", Writes(disable)),
    ("ListOrganizationAdminAccounts", Reads(list)),
    ("ListGraphs", Reads(graphs)),
    ("DescribeOrganizationConfiguration", Reads(configuration)),
    ("UpdateOrganizationConfiguration", Writes(configure)),
];

fn place(context: &Context<'_>) -> (String, String) {
    (NAME.to_owned(), context.call.region.clone())
}

fn only_management(context: &Context<'_>) -> Result<(), ApiError> {
    if *context.caller.account == *context.state.head.management {
        return Ok(());
    }
    let text = "The request was not made by the organization management account.";
    Err(ApiError::denied("AccessDeniedException", text))
}

fn invalid(text: String) -> ApiError {
    ApiError::new("ValidationException", text)
}

/// `EnableOrganizationAdminAccount`: one per Region, and everywhere the one registered in
/// Organizations (AWS: "Designating the Detective administrator account for an organization").
fn enable(context: &mut Context<'_>) -> HandlerResult {
    only_management(context)?;
    let account = context.text("AccountId").to_owned();
    if context.state.account(&account).is_none() || *account == *context.state.head.management {
        return Err(invalid(format!(
            "Account {account} cannot be the Detective administrator account."
        )));
    }
    let rows = &context.state.head.delegations;
    let other = rows
        .iter()
        .any(|row| row.service == PRINCIPAL && row.account != account);
    if other {
        return Err(invalid(
            "The organization has another Detective administrator account.".to_owned(),
        ));
    }
    context.write(Window::Immediate);
    let (now, place) = (context.now, place(context));
    let region = place.1.clone();
    designate(context.state, PRINCIPAL, place, &account, now);
    make_graph(context.state, &region, &account, now);
    Ok(Output::Nothing)
}

/// `DisableOrganizationAdminAccount`: deletes the Region's graph.
fn disable(context: &mut Context<'_>) -> HandlerResult {
    only_management(context)?;
    context.write(Window::Immediate);
    let place = place(context);
    let state = &mut *context.state;
    if let Some(held) = state.regional_administrators.remove(&place) {
        state.behavior_graphs.remove(&(held.account, place.1));
    }
    Ok(Output::Nothing)
}

#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn list(context: &Context<'_>) -> HandlerResult {
    let place = place(context);
    let held = context.state.regional_administrators.get(&place);
    let rows: Vec<Value> = held
        .map(|it| {
            let graphs = &context.state.behavior_graphs;
            let graph = graphs.get(&(it.account.clone(), place.1.clone()));
            json!({
                "AccountId": it.account, "DelegationTime": seconds(it.since),
                "GraphArn": graph.map(|it| it.arn.clone()),
            })
        })
        .into_iter()
        .collect();
    Ok(context.paged(rows, None))
}

#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn graphs(context: &Context<'_>) -> HandlerResult {
    let own = context.state.behavior_graphs.get(&own_place(context));
    let rows: Vec<Value> = own
        .filter(|it| it.ready <= context.now)
        .map(|it| json!({ "Arn": it.arn, "CreatedTime": seconds(it.ready) }))
        .into_iter()
        .collect();
    Ok(context.paged(rows, None))
}

fn configuration(context: &Context<'_>) -> HandlerResult {
    let auto_enable = graph(context)?.auto_enable;
    Ok(Output::Members(json!({ "AutoEnable": auto_enable })))
}

fn configure(context: &mut Context<'_>) -> HandlerResult {
    graph(context)?;
    let on = context
        .call
        .input
        .get("AutoEnable")
        .and_then(Value::as_bool);
    context.write(Window::Immediate);
    let place = own_place(context);
    if let (Some(graph), Some(on)) = (context.state.behavior_graphs.get_mut(&place), on) {
        graph.auto_enable = on;
    }
    Ok(Output::Nothing)
}
