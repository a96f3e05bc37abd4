//! VPC flow logs (Amazon VPC User Guide, "Logging IP traffic using VPC Flow Logs"): create, list,
//! delete. No data.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ApiError, Context, HandlerResult, filters, ids, is_on, passes, xml};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;
use crate::{
    core::{
        call::input_text,
        caller::AwsCaller,
        exposure::{FlowLog, digits, place},
        instants::written,
        networks,
        state::SimState,
        windows::Window,
    },
    vocabulary::regions,
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateFlowLogs", Writes(create)),
    ("DescribeFlowLogs", Reads(describe)),
    ("DeleteFlowLogs", Writes(delete)),
];

pub(super) fn resources(
    state: &SimState,
    caller: &AwsCaller,
    operation: &str,
    input: &Value,
) -> Vec<String> {
    let account = caller.account.as_str();
    let named = |member: &str| -> Vec<&str> {
        let one = |n: usize| input_text(input, &format!("{member}.{n}"));
        (1..).map_while(one).collect()
    };
    let arn = |region: &str, rest: String| format!("arn:aws:ec2:{region}:{account}:{rest}");
    match operation {
        "CreateFlowLogs" => {
            let has = |region: &&str, id: &str| {
                let rows = networks::vpcs(state, account, region);
                rows.iter().any(|vpc| vpc.id == id)
            };
            let of = |id: &str| {
                let region = regions::all().find(|region| has(region, id));
                let region = region.unwrap_or("*");
                [
                    arn(region, format!("vpc/{id}")),
                    arn(region, "vpc-flow-log/*".to_owned()),
                ]
            };
            named("ResourceId").into_iter().flat_map(of).collect()
        }
        "DeleteFlowLogs" => {
            let of = |id: &str| {
                let mut places = state.exposure.flow_logs.iter();
                let place = places.find(|(_, rows)| rows.iter().any(|it| it.id == id));
                let region = place.and_then(|(place, _)| place.split_once(' '));
                let region = region.map_or("*", |(_, region)| region);
                arn(region, format!("vpc-flow-log/{id}"))
            };
            named("FlowLogId").into_iter().map(of).collect()
        }
        _ => Vec::new(),
    }
}

fn own<'a>(context: &'a Context<'_>) -> &'a [FlowLog] {
    let place = place(&context.caller.account, &context.call.region);
    let rows = context.state.exposure.flow_logs.get(&place);
    rows.map_or(&[], Vec::as_slice)
}

fn tags(context: &Context<'_>) -> BTreeMap<String, String> {
    let of = |n: usize, name: &str| context.optional(&format!("TagSpecification.1.Tag.{n}.{name}"));
    let rows = (1..).map_while(|n| {
        let value = of(n, "Value").unwrap_or_default();
        Some((of(n, "Key")?.to_owned(), value.to_owned()))
    });
    rows.collect()
}

fn asked(context: &Context<'_>) -> Result<FlowLog, ApiError> {
    let missing = |name: &str| {
        let text = format!("The request must contain the parameter {name}");
        Err(ApiError::new("MissingParameter", text))
    };
    let region = &context.call.region;
    let kind = context.optional("LogDestinationType");
    let kind = kind.unwrap_or("cloud-watch-logs");
    let group = context.optional("LogGroupName");
    let role = context.optional("DeliverLogsPermissionArn");
    let destination = match (kind, context.optional("LogDestination"), group) {
        ("s3", Some(bucket), _) if bucket.starts_with("arn:aws:s3:::") => bucket.to_owned(),
        ("cloud-watch-logs", Some(arn), None) => arn.to_owned(),
        ("cloud-watch-logs", None, Some(name)) => {
            format!(
                "arn:aws:logs:{region}:{}:log-group:{name}",
                context.caller.account
            )
        }
        ("s3" | "cloud-watch-logs", ..) => return missing("LogDestination"),
        (other, ..) => {
            let text = format!("Invalid value for log destination type: {other}");
            return Err(ApiError::new("InvalidParameterValue", text));
        }
    };
    if kind == "cloud-watch-logs" && role.is_none() {
        return missing("DeliverLogsPermissionArn");
    }
    let Some(traffic) = context.optional("TrafficType") else {
        return missing("TrafficType");
    };
    Ok(FlowLog {
        traffic: traffic.to_owned(),
        kind: kind.to_owned(),
        destination,
        group: group.map(str::to_owned),
        role: role.map(str::to_owned),
        created: context.now,
        tags: tags(context),
        token: context.optional("ClientToken").map(str::to_owned),
        ..FlowLog::default()
    })
}

fn unsuccessful(id: &str, code: &str, text: &str) -> Value {
    json!({ "resourceId": id, "error": { "code": code, "message": text } })
}

/// `CreateFlowLogs`: for VPCs. A missing VPC or a duplicate destination fails individually;
/// idempotent by token.
fn create(context: &mut Context<'_>) -> HandlerResult {
    is_on(context)?;
    if context.text("ResourceType") != "VPC" {
        let text = "Flow logs of other resources than VPCs are not simulated";
        return Err(ApiError::new("InvalidParameterValue", text));
    }
    let wanted = asked(context)?;
    let (account, region) = (context.caller.account.clone(), context.call.region.clone());
    let vpcs = networks::vpcs(context.state, &account, &region);
    let (mut made, mut failed) = (Vec::new(), Vec::new());
    for id in ids(context, "ResourceId") {
        let rows = own(context);
        let same = |it: &&FlowLog| it.resource == id && it.destination == wanted.destination;
        let again = |it: &&FlowLog| wanted.token.is_some() && it.token == wanted.token;
        if let Some(known) = rows.iter().find(|it| it.resource == id && again(it)) {
            made.push(known.id.clone());
            continue;
        }
        if !vpcs.iter().any(|vpc| vpc.id == id) {
            let text = format!("The vpc ID '{id}' does not exist");
            failed.push(unsuccessful(id, "InvalidVpcID.NotFound", &text));
            continue;
        }
        if rows.iter().any(|it| same(&it)) {
            let text =
                "There is an existing Flow Log with the same configuration and log destination.";
            failed.push(unsuccessful(id, "FlowLogAlreadyExists", text));
            continue;
        }
        let exposure = &mut context.state.exposure;
        exposure.flow_logs_made += 1;
        let seed = format!("flow log {account} {region} {}", exposure.flow_logs_made);
        let log = FlowLog {
            id: format!("fl-{}", digits(&seed)),
            resource: id.to_owned(),
            ..wanted.clone()
        };
        made.push(log.id.clone());
        let rows = exposure.flow_logs.entry(place(&account, &region));
        rows.or_default().push(log);
        context.write(Window::Immediate);
    }
    let members = Map::from_iter([
        ("clientToken".to_owned(), json!(wanted.token)),
        ("flowLogIdSet".to_owned(), json!(made)),
        ("unsuccessful".to_owned(), json!(failed)),
    ]);
    Ok(xml::answer(&context.call.operation, &members))
}

fn shown(it: &FlowLog) -> Value {
    let tags = it.tags.iter();
    let tags: Vec<Value> = tags
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    json!({
        "creationTime": written(it.created), "deliverLogsPermissionArn": it.role, "deliverLogsStatus": "SUCCESS",
        "flowLogId": it.id, "flowLogStatus": "ACTIVE", "logGroupName": it.group, "resourceId": it.resource,
        "trafficType": it.traffic, "logDestinationType": it.kind, "logDestination": it.destination,
        "maxAggregationInterval": 600, "tagSet": tags,
    })
}

fn describe(context: &Context<'_>) -> HandlerResult {
    is_on(context)?;
    let (filters, named) = (filters(context), ids(context, "FlowLogId"));
    let mut rows = Vec::new();
    for it in own(context) {
        let fits = passes(&filters, |name| match name {
            "resource-id" => Some(vec![&it.resource]),
            "flow-log-id" => Some(vec![&it.id]),
            "traffic-type" => Some(vec![&it.traffic]),
            "log-destination-type" => Some(vec![&it.kind]),
            name => {
                let key = name.strip_prefix("tag:")?;
                Some(it.tags.get(key).map(String::as_str).into_iter().collect())
            }
        })?;
        if fits && (named.is_empty() || named.contains(&it.id.as_str())) {
            rows.push((it.id.clone(), shown(it)));
        }
    }
    if let Some(lost) = named
        .iter()
        .find(|id| !rows.iter().any(|(it, _)| it == *id))
    {
        return Err(no_log(lost));
    }
    xml::paged(context, "flowLogSet", rows)
}

fn no_log(id: &str) -> ApiError {
    let text = format!("These flow log ids do not exist: {id}");
    ApiError::new("InvalidFlowLogId.NotFound", text)
}

/// `DeleteFlowLogs`: a missing one fails individually.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    is_on(context)?;
    let named: Vec<String> = ids(context, "FlowLogId")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let is_there = |id: &String| own(context).iter().any(|it| it.id == *id);
    let lost = named.iter().filter(|id| !is_there(id));
    let failed: Vec<Value> = lost
        .map(|id| {
            let error = no_log(id);
            unsuccessful(id, &error.code, &error.message)
        })
        .collect();
    let place = place(&context.caller.account, &context.call.region);
    if let Some(rows) = context.state.exposure.flow_logs.get_mut(&place) {
        rows.retain(|it| !named.contains(&it.id));
    }
    context.write(Window::Immediate);
    let members = Map::from_iter([("unsuccessful".to_owned(), json!(failed))]);
    Ok(xml::answer(&context.call.operation, &members))
}
