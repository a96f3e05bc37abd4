use hallpass_aws_model::facts;
use serde_json::{Map, Value, json};

use super::{ApiError, Context, HandlerResult, Output, graph, own_place};
use crate::core::{
    administrators::{GraphMember, taking},
    call::{input_text, seconds},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListMembers", Reads(list)),
    ("CreateMembers", Writes(create)),
    ("ListDatasourcePackages", Reads(packages)),
    ("UpdateDatasourcePackages", Writes(add_packages)),
];

const MEMBERS_MAX: usize = facts::GRAPH_ACCOUNTS.count();
const CORE: &str = "DETECTIVE_CORE";

fn shape(context: &Context<'_>, arn: &str, account: &str, member: &GraphMember) -> Value {
    let (status, reason) = match &member.refused {
        _ if member.outside => ("INVITED", None),
        _ if member.ready > context.now => ("VERIFICATION_IN_PROGRESS", None),
        Some(reason) => ("ACCEPTED_BUT_DISABLED", Some(reason.as_str())),
        None => ("ENABLED", None),
    };
    let mut row = json!({
        "AccountId": account, "EmailAddress": member.email, "GraphArn": arn,
        "AdministratorId": *context.caller.account, "Status": status,
        "InvitedTime": seconds(member.since), "UpdatedTime": seconds(member.ready.min(context.now)),
        "InvitationType": if member.outside { "INVITATION" } else { "ORGANIZATION" },
    });
    if let (Some(reason), Some(members)) = (reason, row.as_object_mut()) {
        members.insert("DisabledReason".to_owned(), reason.into());
    }
    row
}

fn list(context: &Context<'_>) -> HandlerResult {
    let graph = graph(context)?;
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let rows = graph
        .members
        .iter()
        .filter(|(id, _)| after.as_ref().is_none_or(|after| *id > after))
        .map(|(id, member)| (0, id.clone(), shape(context, &graph.arn, id, member)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

/// `CreateMembers`: adds the organization's accounts directly; invites others, by id and root user
/// address.
fn create(context: &mut Context<'_>) -> HandlerResult {
    let arn = graph(context)?.arn.clone();
    let asked = context.call.input.get("Accounts").and_then(Value::as_array);
    let asked: Vec<(String, String)> = asked
        .into_iter()
        .flatten()
        .map(|row| {
            let part = |name| input_text(row, name).unwrap_or_default().to_owned();
            (part("AccountId"), part("EmailAddress"))
        })
        .collect();
    if graph(context)?.members.len() + asked.len() > MEMBERS_MAX {
        let text = "This request would cause the number of member accounts in the graph to exceed the maximum.";
        return Err(ApiError::new("ServiceQuotaExceededException", text));
    }
    let refused = context.call.modifiers.fail_async.clone();
    let ready = context.now + taking(context.state.settings.speed);
    context.write(Window::Immediate);
    let (mut made, mut unprocessed) = (Vec::new(), Vec::new());
    let place = own_place(context);
    for (account, email) in asked {
        let outside = context.state.account(&account).is_none();
        if outside && !email.contains('@') {
            let reason = "The email address is not that of the account.";
            unprocessed.push(json!({ "AccountId": account, "Reason": reason }));
            continue;
        }
        let member = GraphMember {
            outside,
            email,
            since: context.now,
            ready,
            refused: refused.as_ref().map(|it| it.reason.clone()),
        };
        let kept = match context.state.behavior_graphs.get_mut(&place) {
            Some(graph) => graph
                .members
                .entry(account.clone())
                .or_insert(member)
                .clone(),
            None => member,
        };
        made.push(shape(context, &arn, &account, &kept));
    }
    Ok(Output::Members(
        json!({ "Members": made, "UnprocessedAccounts": unprocessed }),
    ))
}

fn packages(context: &Context<'_>) -> HandlerResult {
    let graph = graph(context)?;
    let started = json!({ "DatasourcePackageIngestState": "STARTED" });
    let names = std::iter::once(CORE).chain(graph.packages.iter().map(String::as_str));
    let all: Map<String, Value> = names
        .map(|name| (name.to_owned(), started.clone()))
        .collect();
    Ok(Output::Members(json!({ "DatasourcePackages": all })))
}

fn add_packages(context: &mut Context<'_>) -> HandlerResult {
    graph(context)?;
    let names = context.call.input.get("DatasourcePackages");
    let names = names.and_then(Value::as_array).into_iter().flatten();
    let names: Vec<String> = names
        .filter_map(Value::as_str)
        .filter(|it| *it != CORE)
        .map(str::to_owned)
        .collect();
    context.write(Window::Immediate);
    let place = own_place(context);
    if let Some(graph) = context.state.behavior_graphs.get_mut(&place) {
        for name in names {
            if !graph.packages.contains(&name) {
                graph.packages.push(name);
            }
        }
    }
    Ok(Output::Nothing)
}
