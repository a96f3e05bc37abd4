//! A row as a line of JSON: how what reads logs hands rows to what writes tables.

use std::collections::BTreeSet;

use hallpass_model::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::principal::{ActivityPrincipal, PrincipalKind};
use super::row::{ActivityFacts, ActivityKey, SampleSet};

/// The line is no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no row of activity: {0}")]
pub struct LineError(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowLine {
    day: Date,
    account: String,
    region: String,
    kind: PrincipalKind,
    name: String,
    user: Option<String>,
    set: Option<String>,
    role: Option<String>,
    started: Option<Timestamp>,
    service: String,
    action: String,
    error: Option<String>,
    first: Timestamp,
    last: Timestamp,
    write: Option<bool>,
    resources: Vec<String>,
    addresses: Vec<String>,
    events: Vec<u64>,
}

/// The line of a row, without its end.
///
/// # Errors
/// It cannot be written (this is a bug).
pub fn write_line(key: &ActivityKey, facts: &ActivityFacts) -> Result<String, LineError> {
    let principal = key.principal.clone();
    let texts = |samples: &SampleSet| samples.iter().map(str::to_owned).collect();
    let line = RowLine {
        day: key.day,
        account: key.account_id.clone(),
        region: key.region.clone(),
        kind: principal.kind,
        name: principal.name,
        user: principal.user_id,
        set: principal.permission_set,
        role: principal.role,
        started: principal.session_started,
        service: key.service.clone(),
        action: key.action.clone(),
        error: key.error_code.clone(),
        first: facts.first_seen,
        last: facts.last_seen,
        write: facts.is_write,
        resources: texts(&facts.resources),
        addresses: texts(&facts.source_addresses),
        events: facts.events.iter().copied().collect(),
    };
    serde_json::to_string(&line).map_err(|error| LineError(error.to_string()))
}

/// The row of a line.
///
/// # Errors
/// It is none.
pub fn read_line(line: &str) -> Result<(ActivityKey, ActivityFacts), LineError> {
    let line: RowLine = serde_json::from_str(line).map_err(|error| LineError(error.to_string()))?;
    let events: BTreeSet<u64> = line.events.into_iter().collect();
    if events.is_empty() {
        return Err(LineError("it has no event".to_owned()));
    }
    let key = ActivityKey {
        day: line.day,
        account_id: line.account,
        region: line.region,
        principal: ActivityPrincipal {
            kind: line.kind,
            name: line.name,
            user_id: line.user,
            permission_set: line.set,
            role: line.role,
            session_started: line.started,
        },
        service: line.service,
        action: line.action,
        error_code: line.error,
    };
    let facts = ActivityFacts {
        events,
        first_seen: line.first,
        last_seen: line.last,
        is_write: line.write,
        resources: SampleSet::of(line.resources),
        source_addresses: SampleSet::of(line.addresses),
    };
    Ok((key, facts))
}
