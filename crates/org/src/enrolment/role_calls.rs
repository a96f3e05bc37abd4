//! Looks for Control Tower's role in an account, and creates it (`organization.md` N-4).

use std::sync::Arc;

use hallpass_plans::{StepError, StepProbe, WriteAnswer};
use serde_json::{Value, json};

use super::role_steps::DesiredRole;
use super::roles::{EXECUTION, EnrolmentCalls};
use crate::changing::ServiceCalls;
use crate::reading::{ReadPlace, Reader, text};
use crate::steps::{setback, unseen};
use hallpass_enforcement::OrganizationFault;

fn there(is_there: bool) -> StepProbe {
    if is_there {
        StepProbe::Satisfied
    } else {
        StepProbe::Absent
    }
}

fn inside<'a>(
    calls: &'a EnrolmentCalls,
    wish: &DesiredRole,
) -> Result<&'a Arc<dyn ServiceCalls>, StepError> {
    let found = calls.by(&wish.by);
    found.ok_or_else(|| StepError::failed("plan", &format!("no role is called `{}`", wish.by)))
}

fn reader_inside<'a>(
    calls: &'a EnrolmentCalls,
    wish: &DesiredRole,
) -> Result<Reader<'a>, StepError> {
    Ok(Reader {
        calls: inside(calls, wish)?.as_ref(),
        place: ReadPlace {
            account: Some(wish.account.clone()),
            region: None,
        },
    })
}

pub(super) async fn look_role(
    calls: &EnrolmentCalls,
    wish: &DesiredRole,
) -> Result<StepProbe, StepError> {
    let there_in = reader_inside(calls, wish)?;
    let named = json!({ "RoleName": EXECUTION });
    let found = there_in.one_unless(("iam", "GetRole"), named, "NoSuchEntity");
    Ok(there(found.await.map_err(unseen)?.is_some()))
}

pub(super) async fn look_granted(
    calls: &EnrolmentCalls,
    wish: &DesiredRole,
) -> Result<StepProbe, StepError> {
    let there_in = reader_inside(calls, wish)?;
    let named = json!({ "RoleName": EXECUTION });
    let none = Some("NoSuchEntity");
    let operation = ("iam", "ListAttachedRolePolicies");
    let found = there_in.list_unless(operation, named, "AttachedPolicies", none);
    let held = found.await.map_err(unseen)?.unwrap_or_default();
    let administrator = wish.administrator();
    Ok(there(
        held.iter()
            .any(|it| text(it, "/PolicyArn") == administrator),
    ))
}

pub(super) async fn make_role(
    calls: &EnrolmentCalls,
    wish: &DesiredRole,
) -> Result<WriteAnswer, StepError> {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": wish.trusted() },
        "Action": "sts:AssumeRole",
    }]});
    let input = json!({
        "RoleName": EXECUTION, "AssumeRolePolicyDocument": trust.to_string(),
        "Description": "Control Tower enters this account by it",
    });
    send_inside(calls, wish, "CreateRole", &input).await
}

pub(super) async fn grant_role(
    calls: &EnrolmentCalls,
    wish: &DesiredRole,
) -> Result<WriteAnswer, StepError> {
    let input = json!({ "RoleName": EXECUTION, "PolicyArn": wish.administrator() });
    send_inside(calls, wish, "AttachRolePolicy", &input).await
}

async fn send_inside(
    calls: &EnrolmentCalls,
    wish: &DesiredRole,
    operation: &'static str,
    input: &Value,
) -> Result<WriteAnswer, StepError> {
    let place = ReadPlace {
        account: Some(wish.account.clone()),
        region: None,
    };
    let accepted = WriteAnswer::Accepted {
        remote: EXECUTION.to_owned(),
    };
    match inside(calls, wish)?
        .send(&place, ("iam", operation), input)
        .await
    {
        Ok(_) => Ok(accepted),
        Err(OrganizationFault::Refused { code, .. }) if code.starts_with("EntityAlreadyExists") => {
            Ok(accepted)
        }
        // IAM shows a new role some seconds late
        Err(OrganizationFault::Refused { code, message }) if code.starts_with("NoSuchEntity") => {
            Ok(WriteAnswer::later(message))
        }
        Err(fault) => Err(setback(fault)),
    }
}
