//! Extracts a call's target account, principal and permission set, by id and name, for faults and
//! the call log.

use serde_json::Value;

use crate::{
    core::{service::SimService, state::SimState},
    faults::Subject,
};

pub(super) fn subject(
    state: &SimState,
    service: &str,
    known: Option<&SimService>,
    operation: &str,
    region: &str,
    caller_account: &str,
    input: &Value,
) -> Subject {
    let text = |pointer: &str| input.pointer(pointer).and_then(Value::as_str);
    let role_account = text("/RoleArn").and_then(|arn| arn.split(':').nth(4));
    let account = text("/TargetId")
        .or_else(|| text("/AccountId"))
        .or_else(|| text("/account_id"))
        .or_else(|| text("/Filter/AccountId"))
        .or(role_account);
    let principal = ["/PrincipalId", "/UserId", "/GroupId", "/MemberId/UserId"]
        .iter()
        .find_map(|name| text(name));
    let mut subject = Subject {
        service: known.map_or_else(|| service.to_owned(), |known| known.signing_name.to_owned()),
        operation: operation.to_owned(),
        region: region.to_owned(),
        caller_account: caller_account.to_owned(),
        account: account.map(str::to_owned),
        principal: principal.map(str::to_owned).into_iter().collect(),
        permission_set: Vec::new(),
    };
    if let Some(id) = principal {
        subject
            .principal
            .extend(state.user(id).map(|user| user.user_name().to_owned()));
        subject
            .principal
            .extend(state.group(id).map(|group| group.name().to_owned()));
    }
    subject
        .permission_set
        .extend(text("/role_name").map(str::to_owned));
    if let Some(arn) = text("/PermissionSetArn") {
        subject.permission_set.push(arn.to_owned());
        let set = state.set(arn.rsplit('/').next().unwrap_or_default());
        subject
            .permission_set
            .extend(set.map(|set| set.name.clone()));
    }
    subject
}
