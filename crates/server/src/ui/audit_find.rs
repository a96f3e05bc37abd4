//! Record search: filter and bounded backward search. Page and exports share it, so they match.

use std::collections::BTreeSet;

use hallpass_access::{Actor, Directory};
use hallpass_audit::{AuditStore, Order, Record, RecordQuery, StoreFault, Words};
use hallpass_base::{Timestamp, time};
use jiff::civil::Date;
use serde::Deserialize;

use super::audit_words::GROUPS;
use super::shell::{Viewer, url_encoded};
use crate::api::records::{may_read, readable_by};
use crate::{App, record_times};

const PIECE: u32 = 1_000;
/// Store reads per page; then the page reports its search limit.
const ROUNDS_MAX: u32 = 4;

/// The filter in the URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    pub(crate) q: String,
    pub(crate) event: String,
    /// First day in the viewer's time zone, `YYYY-MM-DD`.
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Filter {
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

#[derive(Debug)]
pub(crate) struct Search {
    actor: Actor,
    query: RecordQuery,
    span: (i64, i64),
    pub(crate) problems: Vec<String>,
}

#[derive(Default)]
pub(crate) struct RecordsPage {
    pub(crate) records: Vec<Record>,
    pub(crate) next: Option<u64>,
    pub(crate) looked_to: Option<u64>,
}

impl Search {
    pub(crate) fn new(filter: &Filter, viewer: &Viewer, directory: &Directory) -> Self {
        let Viewer { actor, zone, .. } = viewer;
        let mut problems = Vec::new();
        let words = filter.q.trim().to_lowercase();
        let mut day = |text: &str, what: &str| {
            let text = text.trim();
            if text.is_empty() {
                return None;
            }
            let day = time::day(text).ok();
            if day.is_none() {
                problems.push(format!("“{what}” is not a day such as 2026-11-20."));
            }
            day
        };
        let from = day(&filter.from, "From");
        let to = day(&filter.to, "To").and_then(|day| day.tomorrow().ok());
        let instant = |day: Date| {
            let at = day.to_zoned(zone.clone()).ok()?;
            Some(at.timestamp().as_millisecond())
        };
        let events = match filter.event.trim() {
            "" => Vec::new(),
            kind => match GROUPS.iter().find(|group| group.name == kind) {
                Some(group) => group.events.iter().map(|name| (*name).to_owned()).collect(),
                None => vec![kind.to_owned()],
            },
        };
        let words = (!words.is_empty()).then(|| Words {
            named: named(directory, &words),
            text: words,
        });
        Self {
            actor: actor.clone(),
            query: RecordQuery {
                events,
                naming: readable_by(actor),
                words,
                ..RecordQuery::default()
            },
            span: (
                from.and_then(instant).unwrap_or(i64::MIN),
                to.and_then(instant).unwrap_or(i64::MAX),
            ),
            problems,
        }
    }

    pub(crate) fn is_narrowed(&self) -> bool {
        let is_asked = self.query.words.is_some() || !self.query.events.is_empty();
        is_asked || self.span != (i64::MIN, i64::MAX)
    }

    fn wants(&self, record: &Record) -> bool {
        let at = record.at().map(Timestamp::as_millisecond);
        let (from, to) = self.span;
        may_read(&self.actor, record) && at.is_none_or(|at| from <= at && at < to)
    }

    pub(crate) async fn bounds(&self, audit: &dyn AuditStore) -> Result<(u64, u64), StoreFault> {
        record_times::numbers(audit, self.span).await
    }

    pub(crate) async fn backwards(
        &self,
        app: &App,
        after: Option<u64>,
        limit: usize,
    ) -> Result<RecordsPage, StoreFault> {
        let audit = app.audit.as_ref();
        let (first, end) = self.bounds(audit).await?;
        let mut query = RecordQuery {
            from: first,
            before: Some(after.map_or(end, |after| after.min(end))),
            ..self.query.clone()
        };
        let mut records: Vec<Record> = Vec::new();
        let mut looked_to = None;
        for _ in 0..ROUNDS_MAX {
            let wanted = limit + 1 - records.len();
            let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
            let turn = app.access.turn(&self.actor).await;
            let found = audit.records_found(&query, wanted).await?;
            drop(turn);
            let fitting = found.records.into_iter();
            records.extend(fitting.filter(|record| self.wants(record)));
            looked_to = found.next;
            match found.next {
                Some(next) if records.len() <= limit => query = query.after(next),
                _ => break,
            }
        }
        if records.len() > limit {
            records.truncate(limit);
            let next = records.last().map(Record::seq);
            return Ok(RecordsPage {
                records,
                next,
                looked_to: None,
            });
        }
        Ok(RecordsPage {
            records,
            next: looked_to,
            looked_to,
        })
    }

    pub(crate) async fn forwards(
        &self,
        app: &App,
        from: u64,
        end: u64,
    ) -> Result<(Vec<Record>, u64), StoreFault> {
        let query = RecordQuery {
            order: Order::OldestFirst,
            from,
            before: Some(end),
            ..self.query.clone()
        };
        let turn = app.access.turn(&self.actor).await;
        let mut found = app.audit.records_found(&query, PIECE).await?;
        drop(turn);
        found.records.retain(|record| self.wants(record));
        Ok((found.records, found.next.map_or(end, |next| next + 1)))
    }
}

/// Resolves names: records contain ids and addresses only.
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
