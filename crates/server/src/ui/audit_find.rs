//! Finding records: what a filter means, and a search backwards that is bounded however long the
//! log is. The page and its exports share this, so an export holds what the page shows.

use std::collections::BTreeSet;

use hallpass_access::{Actor, Directory};
use hallpass_audit::{AuditStore, Record, RecordQuery, StoreFault};
use hallpass_model::Timestamp;
use jiff::{civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;

use super::audit_words::GROUPS;
use super::shell::url_encoded;
use crate::api::records::may_read;

/// Records looked at by one read of the store.
const WINDOW: u64 = 5_000;
/// Records looked at for one page; then the page says how far it looked.
const LOOKED_AT_MAX: u64 = 100_000;
/// Records of one moment may be numbered out of order by this much.
const SLACK: u64 = 200;
/// Names resolved to ids; with more, every record is read and held against all of them.
const NAMES_MAX: usize = 100;

/// A filter as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    /// Words.
    pub(crate) q: String,
    /// A kind of events, or one event.
    pub(crate) event: String,
    /// First day (UTC), `YYYY-MM-DD`.
    pub(crate) from: String,
    /// Last day (UTC).
    pub(crate) to: String,
}

impl Filter {
    /// The filter as a query, without a leading `?`; empty when nothing is filtered.
    pub(crate) fn query(&self) -> String {
        [
            ("q", &self.q),
            ("event", &self.event),
            ("from", &self.from),
            ("to", &self.to),
        ]
        .into_iter()
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| format!("{name}={}", url_encoded(value.trim())))
        .collect::<Vec<_>>()
        .join("&")
    }
}

/// A filter that was understood.
#[derive(Debug)]
pub(crate) struct Search {
    actor: Actor,
    /// Lower case; empty = any.
    words: String,
    /// Ids and addresses of what the words name.
    named: BTreeSet<String>,
    events: Vec<String>,
    /// Milliseconds of Unix time: from, and below.
    span: (i64, i64),
    /// What of the filter was not understood.
    pub(crate) problems: Vec<String>,
}

/// What was found.
pub(crate) struct Found {
    pub(crate) records: Vec<Record>,
    /// Go on below this number.
    pub(crate) next: Option<u64>,
    /// The search stopped before it was full: it looked this far back.
    pub(crate) looked_to: Option<u64>,
}

impl Search {
    pub(crate) fn new(filter: &Filter, actor: &Actor, directory: &Directory) -> Self {
        let mut problems = Vec::new();
        let words = filter.q.trim().to_lowercase();
        let mut day = |text: &str, what: &str| {
            let text = text.trim();
            if text.is_empty() {
                return None;
            }
            let day = text.parse::<Date>().ok();
            if day.is_none() {
                problems.push(format!("“{what}” is not a day such as 2026-11-20."));
            }
            day
        };
        let from = day(&filter.from, "From");
        let to = day(&filter.to, "To").and_then(|day| day.tomorrow().ok());
        let instant = |day: Date| {
            let at = day.to_zoned(TimeZone::UTC).ok()?;
            Some(at.timestamp().as_millisecond())
        };
        let events = match filter.event.trim() {
            "" => Vec::new(),
            kind => match GROUPS.iter().find(|group| group.name == kind) {
                Some(group) => group.events.iter().map(|name| (*name).to_owned()).collect(),
                None => vec![kind.to_owned()],
            },
        };
        Self {
            actor: actor.clone(),
            named: if words.is_empty() {
                BTreeSet::new()
            } else {
                named(directory, &words)
            },
            words,
            events,
            span: (
                from.and_then(instant).unwrap_or(i64::MIN),
                to.and_then(instant).unwrap_or(i64::MAX),
            ),
            problems,
        }
    }

    /// Whether anything but the reader's rights narrows it.
    pub(crate) fn is_narrowed(&self) -> bool {
        !self.words.is_empty() || !self.events.is_empty() || self.span != (i64::MIN, i64::MAX)
    }

    /// Whether a record is one of those looked for.
    pub(crate) fn wants(&self, record: &Record) -> bool {
        let at = record.fields().get("timestamp").and_then(Value::as_i64);
        let (from, to) = self.span;
        may_read(&self.actor, record)
            && at.is_none_or(|at| from <= at && at < to)
            && (self.events.is_empty() || self.events.iter().any(|event| event == record.event()))
            && (self.words.is_empty() || self.says(record))
    }

    fn says(&self, record: &Record) -> bool {
        let matches =
            |text: &str| self.named.contains(text) || text.to_lowercase().contains(&self.words);
        let rules = record.fields().get("based_on").and_then(Value::as_array);
        SEARCHED
            .iter()
            .filter_map(|field| record.text(field))
            .chain(rules.into_iter().flatten().filter_map(Value::as_str))
            .any(matches)
    }

    /// What the store may leave out for us: never a record that is wanted.
    fn query(&self) -> RecordQuery {
        let mut with = Vec::new();
        if !self.actor.reads_all() {
            with.push(vec![inner(self.actor.email.as_str())]);
        }
        // a store compares ASCII letters without case, and others as they are
        if !self.words.is_empty() && self.words.is_ascii() && self.named.len() <= NAMES_MAX {
            let mut any: Vec<String> = self.named.iter().map(|name| inner(name)).collect();
            any.push(inner(&self.words));
            with.push(any);
        }
        RecordQuery {
            events: self.events.clone(),
            with,
            ..RecordQuery::default()
        }
    }

    /// The numbers between which the days lie: records are numbered as time passes.
    pub(crate) async fn bounds(&self, audit: &dyn AuditStore) -> Result<(u64, u64), StoreFault> {
        let head = audit.head().await?.map_or(0, |head| head.seq);
        let (from, to) = self.span;
        let first = match from {
            i64::MIN => 1,
            at => first_at(audit, head, at)
                .await?
                .saturating_sub(SLACK)
                .max(1),
        };
        let end = match to {
            i64::MAX => head + 1,
            at => (first_at(audit, head, at).await? + SLACK).min(head + 1),
        };
        Ok((first, end))
    }

    /// Records before `after`, newest first, at most `limit`.
    pub(crate) async fn backwards(
        &self,
        audit: &dyn AuditStore,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Found, StoreFault> {
        let (first, end) = self.bounds(audit).await?;
        let start = after.map_or(end, |after| after.min(end));
        let mut before = start;
        let mut records: Vec<Record> = Vec::new();
        while before > first {
            if start - before >= LOOKED_AT_MAX {
                return Ok(Found {
                    records,
                    next: Some(before),
                    looked_to: Some(before),
                });
            }
            let from = before.saturating_sub(WINDOW).max(first);
            // one more than fits says whether there is more
            let wanted = limit + 1 - records.len();
            let (found, cursor) = self.window(audit, from, before, wanted).await?;
            records.extend(found);
            if records.len() > limit {
                records.truncate(limit);
                let next = records.last().map(Record::seq);
                return Ok(Found {
                    records,
                    next,
                    looked_to: None,
                });
            }
            before = cursor;
        }
        Ok(Found {
            records,
            next: None,
            looked_to: None,
        })
    }

    /// Wanted records with a number in `from..before`, newest first, at most `limit`, and the
    /// number below which was not looked.
    async fn window(
        &self,
        audit: &dyn AuditStore,
        from: u64,
        before: u64,
        limit: usize,
    ) -> Result<(Vec<Record>, u64), StoreFault> {
        let batch = u32::try_from(limit.saturating_mul(2).clamp(100, 1_000)).unwrap_or(1_000);
        let query = RecordQuery {
            before: Some(before),
            from,
            ..self.query()
        };
        let found = audit.records_found(&query, batch).await?;
        let is_all = found.len() < usize::try_from(batch).unwrap_or(usize::MAX);
        let cursor = match found.last() {
            Some(last) if !is_all => last.seq(),
            _ => from,
        };
        let mut wanted: Vec<Record> = found
            .into_iter()
            .filter(|record| self.wants(record))
            .collect();
        wanted.truncate(limit);
        Ok((wanted, cursor))
    }

    /// Wanted records with a number in `from..=to`, oldest first: a piece of an export.
    pub(crate) async fn forwards(
        &self,
        audit: &dyn AuditStore,
        from: u64,
        to: u64,
    ) -> Result<Vec<Record>, StoreFault> {
        let query = RecordQuery {
            before: Some(to + 1),
            from,
            ..self.query()
        };
        let limit = u32::try_from(to + 1 - from).unwrap_or(u32::MAX);
        let mut records = audit.records_found(&query, limit).await?;
        records.retain(|record| self.wants(record));
        records.reverse();
        Ok(records)
    }
}

/// Fields that words are looked for in.
const SEARCHED: [&str; 18] = [
    "requester_email",
    "approver_email",
    "actor",
    "account_id",
    "role_name",
    "group_name",
    "group_id",
    "reason",
    "why",
    "error",
    "event",
    "id",
    "access_request_id",
    "grant_id",
    "request_id",
    "sso_user_principal_id",
    "source",
    "approval",
];

/// A text as it stands inside a JSON string.
fn inner(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    let inner = quoted.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner.unwrap_or(text).to_owned()
}

/// Records hold ids and addresses; readers know names.
fn named(directory: &Directory, words: &str) -> BTreeSet<String> {
    let accounts = directory
        .accounts()
        .iter()
        .filter(|account| account.name.to_lowercase().contains(words))
        .map(|account| account.id.to_string());
    let people = directory
        .people()
        .iter()
        .filter(|person| person.display_name.to_lowercase().contains(words))
        .flat_map(|person| person.emails.iter().map(ToString::to_string));
    accounts.chain(people).collect()
}

/// The first number whose record is not older than `at`, found by halving.
pub(crate) async fn first_at(
    audit: &dyn AuditStore,
    head: u64,
    at: i64,
) -> Result<u64, StoreFault> {
    let (mut low, mut high) = (1, head + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = audit.records_from(middle, 1).await?;
        let time = found
            .first()
            .and_then(|record| record.fields().get("timestamp"))
            .and_then(Value::as_i64);
        if time.is_some_and(|time| time < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// When a record was made.
pub(crate) fn time_of(record: &Record) -> Option<Timestamp> {
    let millisecond = record.fields().get("timestamp")?.as_i64()?;
    Timestamp::from_millisecond(millisecond).ok()
}
