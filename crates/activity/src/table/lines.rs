//! Rows as JSON lines, from log readers to table writers.

use std::collections::BTreeSet;
use std::iter;

use hallpass_base::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::merge::{MergedPiece, PIECE_EVENTS};
use super::principal::{ActivityPrincipal, PrincipalKind};
use super::row::{ActivityFacts, ActivityKey, ActivityTotals, SampleSet};

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

/// Excludes the line end.
///
/// # Errors
/// It cannot be written (this is a bug).
pub fn write_line(key: &ActivityKey, facts: &ActivityFacts) -> Result<String, LineError> {
    let events = facts.events.iter().copied().collect();
    line_of(key, &facts.totals(), events)
}

/// Splits a row into lines of at most [`PIECE_EVENTS`] events, which bounds the reader's memory.
pub fn write_lines<'a>(
    key: &'a ActivityKey,
    facts: &'a ActivityFacts,
) -> impl Iterator<Item = Result<String, LineError>> + 'a {
    let totals = facts.totals();
    let mut left = facts.events.iter().copied().peekable();
    iter::from_fn(move || {
        left.peek()?;
        let events = left.by_ref().take(PIECE_EVENTS).collect();
        Some(line_of(key, &totals, events))
    })
}

/// # Errors
/// It cannot be written (this is a bug).
pub fn piece_line(piece: &MergedPiece<'_>) -> Result<String, LineError> {
    line_of(piece.key, piece.totals, piece.events.to_vec())
}

fn line_of(
    key: &ActivityKey,
    totals: &ActivityTotals,
    events: Vec<u64>,
) -> Result<String, LineError> {
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
        first: totals.first_seen,
        last: totals.last_seen,
        write: totals.is_write,
        resources: texts(&totals.resources),
        addresses: texts(&totals.source_addresses),
        events,
    };
    serde_json::to_string(&line).map_err(|error| LineError(error.to_string()))
}

/// # Errors
/// It is no row.
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
