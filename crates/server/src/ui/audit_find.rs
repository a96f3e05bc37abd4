//! Record search: filter and bounded backward search. Page and exports share it, so they match.

use std::collections::BTreeSet;

use hallpass_access::{AccessError, Actor, Directory};
use hallpass_audit::{AuditStore, Order, Record, RecordQuery, StoreFault, Words};
use serde::Deserialize;

use super::audit_words::GROUPS;
use super::shell::{Viewer, url_encoded};
use crate::App;
use crate::api::records::{may_read, readable_by};
use crate::listing::{Days, accounts_in_records, people_in_records};
use crate::record_times::{self, Span};

const PIECE: u32 = 1_000;
/// Store reads per page; then the page reports its search limit.
const ROUNDS_MAX: u32 = 4;

/// The filter in the URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    pub(crate) q: String,
    pub(crate) person: String,
    pub(crate) account: String,
    pub(crate) event: String,
    /// First day in the viewer's time zone, `YYYY-MM-DD`.
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Filter {
    pub(crate) fn query(&self) -> String {
        [
            ("q", &self.q),
            ("person", &self.person),
            ("account", &self.account),
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
    span: Span,
    pub(crate) problems: Vec<String>,
}

#[derive(Default)]
pub(crate) struct RecordsPage {
    pub(crate) records: Vec<Record>,
    pub(crate) next: Option<u64>,
    pub(crate) looked_to: Option<u64>,
}

impl Search {
    pub(crate) async fn new(
        app: &App,
        filter: &Filter,
        viewer: &Viewer,
    ) -> Result<Self, AccessError> {
        let Viewer { actor, zone, .. } = viewer;
        let days = Days::of(&filter.from, &filter.to, zone);
        let words = filter.q.trim().to_lowercase();
        let events = match filter.event.trim() {
            "" => Vec::new(),
            kind => match GROUPS.iter().find(|group| group.name == kind) {
                Some(group) => group.events.iter().map(|name| (*name).to_owned()).collect(),
                None => vec![kind.to_owned()],
            },
        };
        let words = (!words.is_empty()).then(|| Words {
            named: named(&app.access.directory(), &words),
            text: words,
        });
        Ok(Self {
            actor: actor.clone(),
            query: RecordQuery {
                events,
                naming: readable_by(actor),
                people: people_in_records(app, Some(&filter.person)).await?,
                accounts: accounts_in_records(app, Some(&filter.account)),
                words,
                ..RecordQuery::default()
            },
            span: record_times::span(days.from, days.to),
            problems: days.problems,
        })
    }

    pub(crate) fn is_narrowed(&self) -> bool {
        let RecordQuery {
            words,
            events,
            people,
            accounts,
            ..
        } = &self.query;
        let is_asked = words.is_some() || people.is_some() || accounts.is_some();
        is_asked || !events.is_empty() || self.span != (i64::MIN, i64::MAX)
    }

    fn wants(&self, record: &Record) -> bool {
        may_read(&self.actor, record) && record_times::is_in(self.span, record)
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
