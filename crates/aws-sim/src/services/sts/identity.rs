use serde_json::json;

use super::{ApiError, Context, HandlerResult, Output};
use crate::core::{iam, issue::account_of};
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[("GetAccessKeyInfo", Reads(key_info))];

/// `GetCallerIdentity`: never denied.
pub(super) fn caller(context: &Context<'_>) -> Output {
    let caller = context.caller;
    Output::Members(json!({
        "Arn": caller.arn,
        "UserId": caller.user_id,
        "Account": caller.account,
    }))
}

fn key_info(context: &Context<'_>) -> HandlerResult {
    let id = context.text("AccessKeyId");
    let state = &context.state;
    let listed = state.credentials.iter().find(|key| key.access_key_id == id);
    let listed = listed
        .and_then(|key| key.principal.split(':').nth(4))
        .map(str::to_owned);
    let of_user = || iam::account_of_key(state, id);
    let account = listed
        .or_else(of_user)
        .or_else(|| id.strip_prefix("AKIA0000").map(str::to_owned))
        .or_else(|| account_of(id))
        .filter(|account| state.account(account).is_some() || state.iam.contains_key(account));
    match account {
        Some(account) => Ok(Output::Members(json!({ "Account": account }))),
        None => Err(ApiError::new(
            "ValidationError",
            format!("The access key {id} is not known."),
        )),
    }
}
