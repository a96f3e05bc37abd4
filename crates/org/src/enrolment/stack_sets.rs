//! The role that Control Tower enters by, made by a stack set of the management account (`organization.md` N-4): where no
//! role lets us in, nothing else can make it. One operation an account, one after the other: AWS runs one at a time of
//! a stack set, and what fails then belongs to its account.

use hallpass_base::{AccountId, TimeSpan};
use hallpass_plans::{Effect, Lane, StepError, StepProbe, Verify, WriteAnswer, hash};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::gather::region_config;
use super::roles::{EXECUTION, EnrolmentCalls};
use crate::changing::ServiceCalls;
use crate::ports::OrganizationFault;
use crate::reading::{Operation, ReadCallFailed, ReadPlace, Reader, text};
use crate::step_executor::{setback, unseen};

/// The stack set is there: [`StackSetWish`].
pub(super) const STACK_SET: &str = "enrolment.create-stack-set";
/// It made the role in an account, and the role lets us in: [`StackInstanceWish`].
pub(super) const STACK_INSTANCE: &str = "enrolment.create-stack-instance";
/// Nothing inside an account that was closed before stands in the way: [`InsideWish`].
pub(super) const INSIDE: &str = "enrolment.look-inside";

/// What the stack set is called.
const NAME: &str = "HallpassControlTowerExecution";
/// The parameter of its template that names the account which the role trusts.
const ADMINISTRATOR: &str = "AdministratorAccountId";
/// How long the stack of an account may take, AWS's minutes until a new role lets somebody in included.
pub(super) const MAKING: TimeSpan = TimeSpan::minutes(30);

/// The stack set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StackSetWish {
    /// Its name.
    name: String,
    /// The account that the role trusts.
    administrator: String,
    /// Hash of its template: another release's is another wish.
    template: String,
}

/// The role in an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StackInstanceWish {
    /// The account.
    pub(super) account: AccountId,
    /// The root or unit that it stands in.
    pub(super) unit: String,
    /// The Region of the stack; the role is in none.
    pub(super) region: String,
}

/// What is looked at once an account can be entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InsideWish {
    /// The account.
    pub(super) account: AccountId,
    /// The Regions that Control Tower governs.
    pub(super) regions: Vec<String>,
    /// Whether Config may stay, since AWS Support has allowed it.
    pub(super) may_stay: bool,
}

/// The lane of its operations.
pub(super) fn lane() -> Lane {
    Lane::occupied(format!("stack-set:{NAME}"))
}

/// AWS's own form of the role (AWS Control Tower User Guide, "Manually add the required IAM role"). It stays where the
/// stack goes: without it Control Tower could not enter the account any more.
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

impl StackSetWish {
    /// The stack set of an organization.
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

/// Whether the stack set is there, and is ours.
pub(super) async fn look_set(
    calls: &dyn ServiceCalls,
    wish: &StackSetWish,
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

/// What a stack set of our name has that ours has not.
fn difference(found: &Value, wish: &StackSetWish) -> Option<&'static str> {
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
        Some("it deploys into other accounts by itself")
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

/// Makes the stack set, with no stack in it.
pub(super) async fn make_set(
    calls: &dyn ServiceCalls,
    wish: &StackSetWish,
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
        // ours, whose answer was lost, or another's: the look that follows tells
        Err(OrganizationFault::Refused { code, .. }) if code == "NameAlreadyExistsException" => {
            Ok(accepted)
        }
        Err(fault) => Err(setback(fault)),
    }
}

/// Whether the role lets us in; what may pass by itself counts as not yet.
async fn enters(calls: &EnrolmentCalls, account: &AccountId) -> bool {
    calls.enters(account, EXECUTION).await == Ok(true)
}

/// The stack of an account, as AWS describes it.
async fn stack(
    calls: &dyn ServiceCalls,
    wish: &StackInstanceWish,
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

/// How far the stack of an account is.
pub(super) async fn look_instance(
    calls: &EnrolmentCalls,
    wish: &StackInstanceWish,
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
        // what failed before is begun again
        _ => StepProbe::Absent,
    })
}

fn is_missing(failed: &ReadCallFailed) -> bool {
    matches!(
        failed.code.as_str(),
        "StackInstanceNotFoundException" | "StackSetNotFoundException"
    )
}

/// Begins the stack of one account, and of no other in its unit.
pub(super) async fn make_instance(
    calls: &dyn ServiceCalls,
    wish: &StackInstanceWish,
    token: &str,
) -> Result<WriteAnswer, StepError> {
    // a later plan of the same wish has the same token: after an operation that failed, its id is another one, and the
    // same again however often this is repeated
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
            // it was begun before, and its answer was lost
            "OperationIdAlreadyExistsException" => Ok(accepted),
            // another changed the stack set between our look and our call
            "StaleRequestException" => Ok(WriteAnswer::later(message)),
            _ => Err(setback(OrganizationFault::Refused { code, message })),
        },
        Err(fault) => Err(setback(fault)),
    }
}

/// How far an operation is, and whether the role lets us in after it.
pub(super) async fn ask_instance(
    calls: &EnrolmentCalls,
    wish: &StackInstanceWish,
    remote: &str,
) -> Result<Verify, StepError> {
    let home = at_home(calls.home.as_ref());
    let input = json!({ "StackSetName": NAME, "OperationId": remote, "CallAs": "SELF" });
    let operation = ("cloudformation", "DescribeStackSetOperation");
    let found = home.one_unless(operation, input.clone(), "OperationNotFoundException");
    let Some(found) = found.await.map_err(unseen)? else {
        // what was begun just now is not seen everywhere yet
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
    // one that is told as done with an account that failed is not done
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

/// What the checks of an account could not see before it had a role.
pub(super) async fn look_inside(
    calls: &EnrolmentCalls,
    wish: &InsideWish,
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
