//! Converts domain values to stored text and back. Requests, grants and sessions have separate row
//! types; other bodies are their types' JSON.

mod grant;
mod request;
mod row_conversion;
mod session;

use hallpass_access::identity::WebSession;
use hallpass_access::{Grant, Request, Subject};
use hallpass_audit::{Head, Record};
use hallpass_base::{HoldKey, Target, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fault::StorageFault;
use crate::packed::{pack, unpack};

use self::grant::{GrantRow, GrantStateRow};
use self::request::{RequestRow, RequestStateRow};
use self::session::SessionBody;

/// Formats RFC 3339 in UTC with nine decimals: text order is time order, to the nanosecond.
/// Instants before the year 0 are stored as its first.
pub(crate) fn instant(at: Timestamp) -> String {
    let text = at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    if text.starts_with('-') {
        "0000-01-01T00:00:00.000000000Z".to_owned()
    } else {
        text
    }
}

pub(crate) fn read_instant(text: &str) -> Result<Timestamp, StorageFault> {
    text.parse()
        .map_err(|error| StorageFault::Unavailable(format!("stored instant `{text}`: {error}")))
}

/// The version of stored bodies. A body of version 1 does not have a member `body_version`.
const BODY_VERSION: u32 = 1;

#[derive(Deserialize)]
struct Versioned {
    #[serde(default = "first_version")]
    body_version: u32,
}

const fn first_version() -> u32 {
    1
}

/// Refuses bodies of later releases: their meaning is unknown, even if every known member is
/// readable.
fn ensure_known_version(what: &str, text: &str) -> Result<(), StorageFault> {
    match serde_json::from_str::<Versioned>(text) {
        Ok(Versioned { body_version }) if body_version > BODY_VERSION => {
            Err(StorageFault::Unavailable(format!(
                "stored {what} was written by a newer hallpass (body version {body_version}, this one reads \
                 up to {BODY_VERSION}); start that release, or restore a backup of this one"
            )))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(crate) fn body<T: Serialize>(value: &T) -> Result<String, StorageFault> {
    serde_json::to_string(value)
        .map_err(|error| StorageFault::Unavailable(format!("cannot be written as JSON: {error}")))
}

pub(crate) fn read_body<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StorageFault> {
    ensure_known_version(what, text)?;
    serde_json::from_str(text).map_err(|error| {
        StorageFault::Unavailable(format!("stored {what} cannot be read: {error}"))
    })
}

/// Separates row and state: both have members of the same name (`reason` of a request, and of its
/// denial), which one JSON object cannot hold.
#[derive(Serialize, Deserialize)]
struct Apart<T, S> {
    row: T,
    state: S,
}

pub(crate) fn request_text(request: &Request) -> Result<String, StorageFault> {
    body(&Apart {
        row: RequestRow::from(request),
        state: RequestStateRow::from(request.state.clone()),
    })
}

pub(crate) fn request_body(request: &Request) -> Result<Vec<u8>, StorageFault> {
    Ok(pack(&request_text(request)?))
}

pub(crate) fn read_request(body: &[u8]) -> Result<Request, StorageFault> {
    read_request_text(&unpack(body)?)
}

pub(crate) fn read_request_text(text: &str) -> Result<Request, StorageFault> {
    let stored = read_body::<Apart<RequestRow, RequestStateRow>>("request", text)?;
    Ok(stored.row.with_state(stored.state))
}

pub(crate) fn grant_text(grant: &Grant) -> Result<String, StorageFault> {
    body(&Apart {
        row: GrantRow::from(grant),
        state: GrantStateRow::from(grant.state.clone()),
    })
}

pub(crate) fn grant_body(grant: &Grant) -> Result<Vec<u8>, StorageFault> {
    Ok(pack(&grant_text(grant)?))
}

pub(crate) fn read_grant(body: &[u8]) -> Result<Grant, StorageFault> {
    read_grant_text(&unpack(body)?)
}

pub(crate) fn read_grant_text(text: &str) -> Result<Grant, StorageFault> {
    let stored = read_body::<Apart<GrantRow, GrantStateRow>>("grant", text)?;
    Ok(stored.row.with_state(stored.state))
}

pub(crate) fn session_body(session: &WebSession) -> Result<String, StorageFault> {
    body(&SessionBody::from(session.clone()))
}

pub(crate) fn read_session(text: &str) -> Result<WebSession, StorageFault> {
    read_body::<SessionBody>("session", text).map(WebSession::from)
}

pub(crate) fn read_record(body: &[u8]) -> Result<Record, StorageFault> {
    Ok(Record::parse(unpack(body)?.as_bytes())?)
}

/// Returns a unique subject name.
pub(crate) fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::Account {
            account,
            permission_set,
        } => format!("{account}/{permission_set}"),
        Subject::Group { group } => group.to_string(),
    }
}

pub(crate) fn read_subject(name: &str) -> Result<Subject, StorageFault> {
    let unreadable = |error| StorageFault::Unavailable(format!("stored subject `{name}`: {error}"));
    match name.split_once('/') {
        Some((account, set)) => Ok(Subject::Account {
            account: account.parse().map_err(unreadable)?,
            permission_set: set.to_owned(),
        }),
        None => Ok(Subject::Group {
            group: name.parse().map_err(unreadable)?,
        }),
    }
}

pub(crate) fn read_key(name: &str) -> Result<HoldKey, StorageFault> {
    let unreadable = |error| StorageFault::Unavailable(format!("stored key `{name}`: {error}"));
    let (user, target) = name.split_once('@').unwrap_or((name, ""));
    let target = match (target.strip_prefix("group "), target.split_once('/')) {
        (Some(group), _) => Target::Group {
            group: group.parse().map_err(unreadable)?,
        },
        (None, found) => {
            let (account, set) = found.unwrap_or((target, ""));
            Target::Account {
                account: account.parse().map_err(unreadable)?,
                permission_set: set.parse().map_err(unreadable)?,
            }
        }
    };
    let user = user.parse().map_err(unreadable)?;
    Ok(HoldKey { user, target })
}

pub(crate) fn subject_of(request: &Request) -> Option<Subject> {
    Subject::of(&request.key.as_ref()?.target, &request.names)
}

pub(crate) fn account_of(target: &Target) -> Option<&str> {
    match target {
        Target::Account { account, .. } => Some(account.as_str()),
        Target::Group { .. } => None,
    }
}

/// Returns the chain's end after `record`, with the record's time (milliseconds).
pub(crate) fn head_at(record: &Record) -> Head {
    let time = record.at().unwrap_or(Timestamp::UNIX_EPOCH);
    Head {
        seq: record.seq(),
        hash: record.hash().to_owned(),
        time,
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
