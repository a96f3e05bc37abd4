//! VPC flow logs: a tag marks those created by Hallpass, so that undo deletes no other.

use hallpass_plans::{StepError, StepProbe};
use serde_json::{Value, json};

use super::place::{StepCalls, text};
use super::spec::RemediationArguments;
use crate::remediation::action::{FlowLogParams, LoggedTraffic};
use crate::remediation::deviation::partition;
use crate::remediation::ports::{Allowed, MemberOperation};

const EC2: &str = "ec2";
const LOGS: MemberOperation = (EC2, "DescribeFlowLogs");
/// Tag with the remediation id.
const OURS: &str = "hallpass:remediation";

fn vpc_of(resource: &str) -> Result<&str, StepError> {
    let id = resource.rsplit(['/', ':']).next().unwrap_or_default();
    if id.starts_with("vpc-") {
        return Ok(id);
    }
    Err(StepError::failed(
        "NoVpc",
        &format!("`{resource}` is no VPC"),
    ))
}

pub(super) fn needs(wish: &RemediationArguments, account: &str, region: &str) -> Vec<Allowed> {
    let partition = partition(region);
    let logs = format!("arn:{partition}:ec2:{region}:{account}:vpc-flow-log/*");
    let any = |actions: Vec<&'static str>| (actions, vec!["*".to_owned()]);
    if wish.old.is_some() {
        return vec![
            any(vec!["ec2:DescribeFlowLogs", "logs:DeleteLogDelivery"]),
            (vec!["ec2:DeleteFlowLogs"], vec![logs]),
        ];
    }
    let on = vec![wish.resource.clone(), logs.clone()];
    let mut all = vec![
        any(vec!["ec2:DescribeFlowLogs", "logs:CreateLogDelivery"]),
        (vec!["ec2:CreateFlowLogs"], on),
        (vec!["ec2:CreateTags"], vec![logs]),
    ];
    if let Some(role) = wish.params.get("role").and_then(Value::as_str) {
        let role = format!("arn:{partition}:iam::{account}:role/{role}");
        all.push((vec!["iam:PassRole"], vec![role]));
    }
    all
}

async fn logs(calls: &StepCalls<'_>, vpc: &str) -> Result<Vec<Value>, StepError> {
    let filter = json!({ "Filter": [{ "Name": "resource-id", "Values": [vpc] }] });
    calls.list(LOGS, filter, "FlowLogs").await
}

/// Returns whether a flow log is active, delivers, and covers the traffic.
fn counts(log: &Value, traffic: LoggedTraffic) -> bool {
    let all = LoggedTraffic::All.name();
    text(log, "FlowLogStatus") == "ACTIVE"
        && text(log, "DeliverLogsStatus") != "FAILED"
        && [traffic.name(), all].contains(&text(log, "TrafficType"))
}

pub(super) async fn look(
    calls: &StepCalls<'_>,
    resource: &str,
    params: &FlowLogParams,
) -> Result<StepProbe, StepError> {
    let found = logs(calls, vpc_of(resource)?).await?;
    if found.iter().any(|it| counts(it, params.traffic)) {
        return Ok(StepProbe::Satisfied);
    }
    let ids: Vec<&str> = found.iter().map(|it| text(it, "FlowLogId")).collect();
    Ok(StepProbe::Differs {
        old: json!({ "flow_logs": ids }),
    })
}

/// EC2 may return 200 for a failed request.
fn whole(answer: &Value, operation: &str) -> Result<(), StepError> {
    let rows = answer.get("Unsuccessful").and_then(Value::as_array);
    let error = rows.and_then(|it| it.first()?.get("Error"));
    error.map_or(Ok(()), |error| {
        let words = format!("{operation}: {}", text(error, "Message"));
        Err(StepError::failed(text(error, "Code"), &words))
    })
}

/// Creates the log. The step's token makes retries idempotent.
pub(super) async fn make(
    calls: &StepCalls<'_>,
    wish: &RemediationArguments,
    token: &str,
    params: &FlowLogParams,
) -> Result<(), StepError> {
    let (account, region) = (calls.place.account.as_str(), calls.place.region.as_str());
    let destination = params.destination.replace("{account}", account);
    let destination = destination.replace("{region}", region);
    let kind = if params.to_bucket() {
        "s3"
    } else {
        "cloud-watch-logs"
    };
    let tag = json!({ "Key": OURS, "Value": wish.remediation });
    let mut input = json!({
        "ClientToken": token, "ResourceIds": [vpc_of(&wish.resource)?], "ResourceType": "VPC",
        "TrafficType": params.traffic.name(), "LogDestinationType": kind, "LogDestination": destination,
        "TagSpecifications": [{ "ResourceType": "vpc-flow-log", "Tags": [tag] }],
    });
    if let (Some(role), Some(members)) = (&params.role, input.as_object_mut()) {
        let role = format!("arn:{}:iam::{account}:role/{role}", partition(region));
        members.insert("DeliverLogsPermissionArn".to_owned(), role.into());
    }
    let answer = calls.send((EC2, "CreateFlowLogs"), input).await?;
    whole(&answer, "CreateFlowLogs")
}

/// Returns the logs created by this remediation.
async fn ours(
    calls: &StepCalls<'_>,
    wish: &RemediationArguments,
) -> Result<Vec<String>, StepError> {
    let found = logs(calls, vpc_of(&wish.resource)?).await?;
    let is_ours = |log: &&Value| {
        let tags = log.get("Tags").and_then(Value::as_array);
        let mut tags = tags.into_iter().flatten();
        tags.any(|it| (text(it, "Key"), text(it, "Value")) == (OURS, wish.remediation.as_str()))
    };
    let ids = found.iter().filter(is_ours);
    Ok(ids.map(|it| text(it, "FlowLogId").to_owned()).collect())
}

pub(super) async fn look_gone(
    calls: &StepCalls<'_>,
    wish: &RemediationArguments,
) -> Result<StepProbe, StepError> {
    Ok(if ours(calls, wish).await?.is_empty() {
        StepProbe::Satisfied
    } else {
        StepProbe::Absent
    })
}

pub(super) async fn delete(
    calls: &StepCalls<'_>,
    wish: &RemediationArguments,
) -> Result<(), StepError> {
    let ids = ours(calls, wish).await?;
    if ids.is_empty() {
        return Ok(());
    }
    let input = json!({ "FlowLogIds": ids });
    let answer = calls.send((EC2, "DeleteFlowLogs"), input).await?;
    whole(&answer, "DeleteFlowLogs")
}
