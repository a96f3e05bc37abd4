use serde_json::{Map, Value, json};

use super::{redact::redact, sso_oidc};
use crate::core::{
    call::{Call, Output},
    caller::{AwsCaller, CallerKind},
    context::HandlerResult,
    errors::{ApiError, ErrorClass},
    event_history::{HistoryEvent, event_id, event_time},
    portal,
    sign_in_events::person_identity,
    state::SimState,
};

/// Data operations, recorded only on a trail's request.
const OF_DATA: &[(&str, &str)] = &[
    ("sqs", "SendMessage"),
    ("sqs", "SendMessageBatch"),
    ("sqs", "ReceiveMessage"),
    ("sqs", "DeleteMessage"),
    ("sqs", "DeleteMessageBatch"),
    ("sqs", "ChangeMessageVisibility"),
    ("events", "PutEvents"),
    ("s3", "ListObjects"),
    ("s3", "ListObjectsV2"),
    ("s3", "GetObject"),
    ("s3", "HeadObject"),
    ("s3", "PutObject"),
    ("s3", "DeleteObject"),
];
const PERSON: &str = "arn:aws:identitystore:::user/";

pub(super) fn note_call(
    state: &mut SimState,
    call: &Call,
    caller: &AwsCaller,
    result: &HandlerResult,
    is_read_only: bool,
) {
    let service = call.service.signing_name;
    let is_of_data = OF_DATA.contains(&(service, call.operation.as_str()));
    if is_of_data || result.as_ref().is_err_and(|error| !is_recorded(error)) {
        return;
    }
    let Some(identity) = identity(state, caller, result) else {
        return;
    };
    let (account, region) = if caller.account.is_empty() {
        let center = &state.center;
        (state.head.management.clone(), center.home_region.clone())
    } else {
        let region = call.service.region(&call.region);
        (caller.account.clone(), region.to_owned())
    };
    let output = match result {
        Ok(Output::Members(members)) if !is_read_only => spelled(&redact(members)),
        Ok(_) | Err(_) => Value::Null,
    };
    let source = if service.is_empty() { "sso" } else { service };
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": event_time(state.latest),
        "eventSource": format!("{source}.amazonaws.com"),
        "eventName": call.operation,
        "awsRegion": region,
        "sourceIPAddress": call.source_ip,
        "userAgent": "aws-cli/2",
        "requestParameters": spelled(&redact(&call.input)),
        "responseElements": output,
        "requestID": event_id(state.seed, &format!("request {}", call.seq)),
        "eventID": event_id(state.seed, &call.seq.to_string()),
        "readOnly": is_read_only,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": account,
        "eventCategory": "Management",
    });
    if let (Err(error), Some(members)) = (result, record.as_object_mut()) {
        members.insert("errorCode".to_owned(), error.code.clone().into());
        members.insert("errorMessage".to_owned(), error.message.clone().into());
    }
    let at = state.latest;
    state.note_call(HistoryEvent {
        at,
        account,
        region,
        record,
    });
}

/// Whether a refusal is recorded: unauthenticated and throttled calls are not.
fn is_recorded(error: &ApiError) -> bool {
    matches!(error.class, ErrorClass::Client | ErrorClass::Denied)
}

/// The caller; absent for unauthenticated operations.
fn identity(state: &SimState, caller: &AwsCaller, result: &HandlerResult) -> Option<Value> {
    if caller.account.is_empty() {
        if let Some(user) = caller.arn.strip_prefix(PERSON) {
            return Some(person_identity(state, &user.into()));
        }
        let Ok(Output::Members(members)) = result else {
            return None;
        };
        let token = members.get(sso_oidc::ACCESS_TOKEN)?.as_str()?;
        let sign_in = portal::holder(state, token, state.latest)?;
        return Some(person_identity(state, &sign_in.user));
    }
    let mut found = json!({
        "principalId": caller.user_id, "arn": caller.arn, "accountId": caller.account,
        "accessKeyId": caller.access_key_id,
    });
    let members = found.as_object_mut()?;
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    match caller.kind {
        CallerKind::Root => {
            put("type", "Root".into());
        }
        CallerKind::User => {
            put("type", "IAMUser".into());
            let name = caller.arn.rsplit('/').next().unwrap_or_default();
            put("userName", name.into());
        }
        CallerKind::Session => {
            put("type", "AssumedRole".into());
            put("sessionContext", session_context(state, caller));
            if let Some(user) = &caller.user {
                let person = person_identity(state, user);
                let behalf = person.get("onBehalfOf").cloned();
                behalf.and_then(|it| put("onBehalfOf", it));
            }
        }
    }
    Some(found)
}

fn session_context(state: &SimState, caller: &AwsCaller) -> Value {
    let role = caller.arn.split('/').nth(1).unwrap_or_default();
    let path = match caller.role_path.as_str() {
        "" if caller.user.is_some() => portal::reserved_path(&state.center.home_region),
        "" => "/".to_owned(),
        path => path.to_owned(),
    };
    let account = &caller.account;
    let id = caller.user_id.split(':').next().unwrap_or_default();
    let mut context = json!({
        "sessionIssuer": {
            "type": "Role", "principalId": id, "accountId": account, "userName": role,
            "arn": format!("arn:aws:iam::{account}:role{path}{role}"),
        },
        "attributes": {"creationDate": event_time(caller.issued), "mfaAuthenticated": "false"},
    });
    if let (Some(source), Some(members)) = (&caller.source_identity, context.as_object_mut()) {
        members.insert("sourceIdentity".to_owned(), source.clone().into());
    }
    context
}

/// Lower-cases the first letter of names, as in records.
fn spelled(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let small = |name: &String| {
                let mut letters = name.chars();
                let first = letters.next().map(|it| it.to_ascii_lowercase());
                first.into_iter().chain(letters).collect::<String>()
            };
            let named = members
                .iter()
                .map(|(name, value)| (small(name), spelled(value)));
            Value::Object(named.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(spelled).collect(),
        other => other.clone(),
    }
}
