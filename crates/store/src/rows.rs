//! Domain values to stored text and back.

use hallpass_access::{Grant, GrantState, Request, RequestState};
use hallpass_audit::{Head, Record};
use hallpass_model::{Target, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// RFC 3339 in UTC with nine decimals: text order is time order, to the nanosecond. Instants
/// before the year 0 are stored as its first.
pub(crate) fn instant(at: Timestamp) -> String {
    let text = at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    if text.starts_with('-') {
        "0000-01-01T00:00:00.000000000Z".to_owned()
    } else {
        text
    }
}

/// Reads what [`instant`] wrote.
pub(crate) fn read_instant(text: &str) -> Result<Timestamp, Fault> {
    text.parse()
        .map_err(|error| Fault::Unavailable(format!("stored instant `{text}`: {error}")))
}

/// A value as its JSON body.
pub(crate) fn body<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|error| Fault::Unavailable(format!("cannot be written as JSON: {error}")))
}

/// A value from its JSON body; `what` names it in the error.
pub(crate) fn read_body<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::Unavailable(format!("stored {what} cannot be read: {error}")))
}

/// A row and its state apart: both have members of the same name (`reason` of a request, and of
/// its denial), which one JSON object cannot hold.
#[derive(Serialize, Deserialize)]
struct Apart<T, S> {
    row: T,
    state: S,
}

/// The body of a request.
pub(crate) fn request_body(request: &Request) -> Result<String, Fault> {
    let row = Request {
        state: RequestState::Pending,
        ..request.clone()
    };
    let state = &request.state;
    body(&Apart { row, state })
}

/// A request from its body.
pub(crate) fn read_request(text: &str) -> Result<Request, Fault> {
    let Apart { row, state } = read_body::<Apart<Request, RequestState>>("request", text)?;
    Ok(Request { state, ..row })
}

/// The body of a grant.
pub(crate) fn grant_body(grant: &Grant) -> Result<String, Fault> {
    let row = Grant {
        state: GrantState::Scheduled,
        ..grant.clone()
    };
    let state = &grant.state;
    body(&Apart { row, state })
}

/// A grant from its body.
pub(crate) fn read_grant(text: &str) -> Result<Grant, Fault> {
    let Apart { row, state } = read_body::<Apart<Grant, GrantState>>("grant", text)?;
    Ok(Grant { state, ..row })
}

/// The account of a target, if it has one.
pub(crate) fn account_of(target: &Target) -> Option<&str> {
    match target {
        Target::Account { account, .. } => Some(account.as_str()),
        Target::Group { .. } => None,
    }
}

/// The end of the chain after `record`, as of the record's own time (milliseconds).
pub(crate) fn head_at(record: &Record) -> Head {
    let time = record
        .fields()
        .get("timestamp")
        .and_then(serde_json::Value::as_i64)
        .and_then(|millisecond| Timestamp::from_millisecond(millisecond).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH);
    Head {
        seq: record.seq(),
        hash: record.hash().to_owned(),
        time,
    }
}
