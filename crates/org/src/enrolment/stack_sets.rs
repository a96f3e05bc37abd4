//! Creates Control Tower's role by a stack set of the management account (`organization.md` N-4),
//! the only method without an accessible role. One operation per account, in sequence: AWS runs one
//! at a time per stack set, and a failure then belongs to its account.

use hallpass_base::{AccountId, TimeSpan};
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{Effect, Lane, StepError, StepProbe, Verify, WriteAnswer, hash};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::gather::region_config;
use super::roles::{EXECUTION, EnrolmentCalls};
use crate::changing::ServiceCalls;
use crate::reading::{Operation, ReadCallFailed, ReadPlace, Reader, text};
use crate::steps::{setback, unseen};

const NAME: &str = "HallpassControlTowerExecution";
const ADMINISTRATOR: &str = "AdministratorAccountId";
/// Timeout of an account's stack, including AWS's delay until a new role is usable.
pub(super) const MAKING: TimeSpan = TimeSpan::minutes(30);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DesiredStackSet {
    name: String,
    administrator: String,
    /// Hash of the template: another release's is another step.
    template: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DesiredStackInstance {
    pub(super) account: AccountId,
    pub(super) unit: String,
    /// Region of the stack; the role is global.
    pub(super) region: String,
}

/// Checks after access is available.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InsideCheck {
    pub(super) account: AccountId,
    pub(super) regions: Vec<String>,
    /// Config may stay, as AWS Support has allowed it.
    pub(super) may_stay: bool,
}

pub(super) fn lane() -> Lane {
    Lane::occupied(format!("stack-set:{NAME}"))
}

/// AWS's form of the role (AWS Control Tower User Guide, "Manually add the required IAM role").
/// Retained if the stack is deleted: Control Tower needs it.
fn template() -> Value {
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role by which AWS Control Tower enters an account",
        "Parameters": { ADMINISTRATOR: { "Type": "String", "AllowedPattern": "[0-9]{12}" } },
        "Resources": { "ExecutionRole": {
            "Type": "AWS::IAM::Role", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain",
            "Properties": {
                "RoleName": EXECUTION,
                "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Action": "sts:AssumeRole",
                    "Principal": { "AWS": { "Fn::Sub": format!("arn:${{AWS::Partition}}:iam::${{{ADMINISTRATOR}}}:root") } },
                }] },
                "ManagedPolicyArns": [{ "Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess" }],
            },
        } },
    })
}

impl DesiredStackSet {
    pub(super) fn of(management: &str) -> Self {
        Self {
            name: NAME.to_owned(),
            administrator: management.to_owned(),
            template: hash(&template().to_string()),
        }
    }
}

fn at_home(calls: &dyn ServiceCalls) -> Reader<'_> {
    Reader {
        calls,
        place: ReadPlace::default(),
    }
}

pub(super) async fn look_set(
    calls: &dyn ServiceCalls,
    wish: &DesiredStackSet,
) -> Result<StepProbe, StepError> {
    let operation = ("cloudformation", "DescribeStackSet");
    let input = json!({ "StackSetName": wish.name, "CallAs": "SELF" });
    let home = at_home(calls);
    let found = home.one_unless(operation, input, "StackSetNotFoundException");
    let Some(found) = found.await.map_err(unseen)? else {
        return Ok(StepProbe::Absent);
    };
    if text(&found, "/StackSet/Status") == "DELETED" {
        return Ok(StepProbe::Absent);
    }
    Ok(match difference(&found, wish) {
        None => StepProbe::Satisfied,
        Some(what) => StepProbe::Blocked {
            reason: format!(
                "a stack set `{}` is there already, and {what}: delete it, or use `--create-role account`",
                wish.name
            ),
        },
    })
}

fn difference(found: &Value, wish: &DesiredStackSet) -> Option<&'static str> {
    let parameters = found
        .pointer("/StackSet/Parameters")
        .and_then(Value::as_array);
    let administrator = parameters.into_iter().flatten().find_map(|it| {
        let is_named = text(it, "/ParameterKey") == ADMINISTRATOR;
        is_named.then(|| text(it, "/ParameterValue"))
    });
    let body: Option<Value> = serde_json::from_str(text(found, "/StackSet/TemplateBody")).ok();
    if text(found, "/StackSet/PermissionModel") != "SERVICE_MANAGED" {
        Some("its permissions are not those of the service")
    } else if found.pointer("/StackSet/AutoDeployment/Enabled") == Some(&Value::Bool(true)) {
        Some("it deploys into other accounts automatically")
    } else if body != Some(template()) {
        Some("its template is another one")
    } else if administrator != Some(wish.administrator.as_str()) {
        Some("its role trusts another account")
    } else {
        None
    }
}

async fn send(
    calls: &dyn ServiceCalls,
    operation: &'static str,
    input: &Value,
) -> Result<Value, OrganizationFault> {
    let (place, operation) = (ReadPlace::default(), ("cloudformation", operation));
    calls.send(&place, operation, input).await
}

pub(super) async fn make_set(
    calls: &dyn ServiceCalls,
    wish: &DesiredStackSet,
    token: &str,
) -> Result<WriteAnswer, StepError> {
    let input = json!({
        "StackSetName": wish.name, "CallAs": "SELF", "ClientRequestToken": token,
        "Description": "Made by hallpass: the role by which AWS Control Tower enters accounts",
        "TemplateBody": template().to_string(), "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Parameters": [{ "ParameterKey": ADMINISTRATOR, "ParameterValue": wish.administrator }],
        "PermissionModel": "SERVICE_MANAGED", "AutoDeployment": { "Enabled": false },
    });
    let accepted = WriteAnswer::Accepted {
        remote: wish.name.clone(),
    };
    match send(calls, "CreateStackSet", &input).await {
        Ok(_) => Ok(accepted),
        Err(OrganizationFault::Refused { code, .. }) if code == "NameAlreadyExistsException" => {
            Ok(accepted)
        }
        Err(fault) => Err(setback(fault)),
    }
}

/// A temporary failure counts as not yet.
async fn enters(calls: &EnrolmentCalls, account: &AccountId) -> bool {
    calls.enters(account, EXECUTION).await == Ok(true)
}

async fn stack(
    calls: &dyn ServiceCalls,
    wish: &DesiredStackInstance,
) -> Result<Option<Value>, StepError> {
    let operation: Operation = ("cloudformation", "DescribeStackInstance");
    let input = json!({
        "StackSetName": NAME, "StackInstanceAccount": wish.account, "StackInstanceRegion": wish.region,
        "CallAs": "SELF",
    });
    let place = ReadPlace::default();
    match calls.call(&place, operation, &input).await {
        Ok((found, _)) => Ok(Some(found)),
        Err(it) if is_missing(&it) => Ok(None),
        Err(it) => Err(unseen(crate::reading::failed(operation, &it))),
    }
}

pub(super) async fn look_instance(
    calls: &EnrolmentCalls,
    wish: &DesiredStackInstance,
) -> Result<StepProbe, StepError> {
    let Some(found) = stack(calls.home.as_ref(), wish).await? else {
        return Ok(StepProbe::Absent);
    };
    let at = |name: &str| text(&found, &format!("/StackInstance/{name}"));
    let remote = at("LastOperationId").to_owned();
    Ok(match at("StackInstanceStatus/DetailedStatus") {
        "SUCCEEDED" if enters(calls, &wish.account).await => StepProbe::Satisfied,
        "SUCCEEDED" | "PENDING" | "RUNNING" if !remote.is_empty() => {
            StepProbe::InProgress { remote }
        }
        "INOPERABLE" => StepProbe::Blocked {
            reason: format!(
                "the stack of account {} is inoperable: `aws cloudformation delete-stack-instances --retain-stacks`, \
                 and delete the stack in the account",
                wish.account
            ),
        },
        _ => StepProbe::Absent,
    })
}

fn is_missing(failed: &ReadCallFailed) -> bool {
    matches!(
        failed.code.as_str(),
        "StackInstanceNotFoundException" | "StackSetNotFoundException"
    )
}

pub(super) async fn make_instance(
    calls: &dyn ServiceCalls,
    wish: &DesiredStackInstance,
    token: &str,
) -> Result<WriteAnswer, StepError> {
    // a later plan of the same request has the same token: after a failed operation the id is
    // another one, stable across retries
    let before = stack(calls, wish).await?;
    let before = before
        .as_ref()
        .map_or("", |it| text(it, "/StackInstance/LastOperationId"));
    let id = if before.is_empty() {
        token.to_owned()
    } else {
        hash(&format!("{token} {before}"))
    };
    let input = json!({
        "StackSetName": NAME, "CallAs": "SELF", "OperationId": id, "Regions": [wish.region],
        "DeploymentTargets": {
            "OrganizationalUnitIds": [wish.unit], "Accounts": [wish.account], "AccountFilterType": "INTERSECTION",
        },
        "OperationPreferences": { "FailureToleranceCount": 0, "MaxConcurrentCount": 1 },
    });
    let accepted = WriteAnswer::Accepted { remote: id };
    match send(calls, "CreateStackInstances", &input).await {
        Ok(_) => Ok(accepted),
        Err(OrganizationFault::Refused { code, message }) => match code.as_str() {
            // started before, with a lost answer
            "OperationIdAlreadyExistsException" => Ok(accepted),
            // another user changed the stack set since the look
            "StaleRequestException" => Ok(WriteAnswer::later(message)),
            _ => Err(setback(OrganizationFault::Refused { code, message })),
        },
        Err(fault) => Err(setback(fault)),
    }
}

/// Progress of an operation, and whether the role is usable.
pub(super) async fn ask_instance(
    calls: &EnrolmentCalls,
    wish: &DesiredStackInstance,
    remote: &str,
) -> Result<Verify, StepError> {
    let home = at_home(calls.home.as_ref());
    let input = json!({ "StackSetName": NAME, "OperationId": remote, "CallAs": "SELF" });
    let operation = ("cloudformation", "DescribeStackSetOperation");
    let found = home.one_unless(operation, input.clone(), "OperationNotFoundException");
    let Some(found) = found.await.map_err(unseen)? else {
        // a new operation is not visible everywhere yet
        return Ok(Verify::Running);
    };
    let status = text(&found, "/StackSetOperation/Status");
    if !matches!(status, "SUCCEEDED" | "FAILED" | "STOPPED") {
        return Ok(Verify::Running);
    }
    let operation = ("cloudformation", "ListStackSetOperationResults");
    let rows = home.list(operation, input, "Summaries").await;
    let rows = rows.map_err(unseen)?;
    let own = rows
        .iter()
        .find(|it| text(it, "/Account") == wish.account.as_str());
    let own_status = own.map_or("", |it| text(it, "/Status"));
    // a successful operation with a failed account is not done
    if status != "SUCCEEDED" || own_status != "SUCCEEDED" {
        let why = [
            own.map_or("", |it| text(it, "/StatusReason")),
            text(&found, "/StackSetOperation/StatusReason"),
        ];
        let why = why.into_iter().find(|it| !it.is_empty());
        let why = why.unwrap_or("it did not reach the account");
        let told = format!(
            "the stack set `{NAME}` made no role in account {}: its operation {remote} ended {status}: {why}",
            wish.account
        );
        return Ok(Verify::Setback(StepError::failed("NoRole", &told)));
    }
    if !enters(calls, &wish.account).await {
        return Ok(Verify::Running);
    }
    Ok(Verify::Done(Effect {
        new: json!({ "account": wish.account, "role": EXECUTION, "stack_set": NAME }),
        requests: Vec::new(),
    }))
}

pub(super) async fn look_inside(
    calls: &EnrolmentCalls,
    wish: &InsideCheck,
) -> Result<StepProbe, StepError> {
    let Some(by) = calls.by(EXECUTION) else {
        return Err(StepError::failed(
            "plan",
            &format!("no role is called `{EXECUTION}`"),
        ));
    };
    if !calls
        .enters(&wish.account, EXECUTION)
        .await
        .map_err(unseen)?
    {
        return Ok(StepProbe::Absent);
    }
    let mut found = Vec::new();
    for region in wish.regions.iter().filter(|_| !wish.may_stay) {
        let config = region_config(by.as_ref(), &wish.account, region);
        let config = config.await.map_err(unseen)?;
        if config.recorder.is_some() {
            found.push(format!("config-recorder in {region}"));
        }
        if config.channel.is_some() {
            found.push(format!("delivery-channel in {region}"));
        }
    }
    Ok(if found.is_empty() {
        StepProbe::Satisfied
    } else {
        StepProbe::Blocked {
            reason: format!(
                "{}: `--fix config` deletes it, and keeps its settings",
                found.join(", ")
            ),
        }
    })
}
