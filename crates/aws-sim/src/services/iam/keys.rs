use crate::base::Millis;
use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, date, listed, seen_by_name, user_or_caller};
use crate::services::{OperationHandler::Reads, OperationRow};
use crate::{
    core::{
        call::Output, caller::CallerKind, iam::holder, instants::instant, issue::whole_seconds,
        state::SimState,
    },
    organization::IamKey,
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListAccessKeys", Reads(list)),
    ("GetAccessKeyLastUsed", Reads(last_used)),
];

/// Default last use if the organization file states none.
const ELSEWHERE: (&str, &str) = ("sts", "us-east-1");

pub(super) fn status(key: &IamKey) -> &str {
    key.status.as_deref().unwrap_or("Active")
}

fn list(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    if context.caller.kind == CallerKind::Root && context.optional("UserName").is_none() {
        let root = iam.root.as_ref().map_or(&[][..], |root| &root.keys);
        return listed(context, rows(context, root, None, None));
    }
    let user = user_or_caller(context, &iam)?;
    let rows = rows(context, &user.keys, Some(&user.name), user.created.as_ref());
    listed(context, rows)
}

fn rows(
    context: &Context<'_>,
    keys: &[IamKey],
    user: Option<&String>,
    made: Option<&String>,
) -> Vec<(String, Value)> {
    let joined = context.state.joined(&context.caller.account);
    let row = |key: &IamKey| {
        let mut row = json!({
            "AccessKeyId": key.id,
            "Status": status(key),
            "CreateDate": date(key.created.as_ref().or(made), joined),
        });
        if let (Some(user), Some(members)) = (user, row.as_object_mut()) {
            members.insert("UserName".to_owned(), user.as_str().into());
        }
        (key.id.clone(), row)
    };
    keys.iter().map(row).collect()
}

/// The last use: time, service, Region. From calls here and from the file.
pub(super) fn used(state: &SimState, key: &IamKey) -> Option<(Millis, String, String)> {
    let stated = instant(key.last_used.as_ref()).map(|at| {
        let or = |given: &Option<String>, other: &str| given.clone().unwrap_or(other.to_owned());
        let service = or(&key.last_used_service, ELSEWHERE.0);
        (at, service, or(&key.last_used_region, ELSEWHERE.1))
    });
    let here = state.key_uses.get(&key.id);
    let here = here.map(|last| (last.at, last.service.clone(), last.region.clone()));
    stated.max(here)
}

fn last_used(context: &Context<'_>) -> HandlerResult {
    let id = context.text("AccessKeyId");
    let iam = seen_by_name(context);
    let found = holder(&iam, &context.caller.account, id);
    let (owner, key) = found.ok_or_else(|| no_key(id))?;
    let last = match used(context.state, key) {
        Some((at, service, region)) => json!({
            "LastUsedDate": whole_seconds(at), "ServiceName": service, "Region": region,
        }),
        None => json!({ "ServiceName": "N/A", "Region": "N/A" }),
    };
    let mut answer = json!({ "AccessKeyLastUsed": last });
    if let (Some((_, name)), Some(members)) = (owner.rsplit_once('/'), answer.as_object_mut()) {
        members.insert("UserName".to_owned(), name.into());
    }
    Ok(Output::Members(answer))
}

pub(super) fn no_key(id: &str) -> ApiError {
    let text = format!("The Access Key with id {id} cannot be found.");
    ApiError::new("NoSuchEntity", text)
}
