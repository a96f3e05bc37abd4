//! Common parts of collectors: paged and parallel calls, and slices for the store.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::io;

use crate::{GLOBAL, Slice, SliceFailure, SliceKey, SliceOutcome, TableRow, read_row, table};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use hallpass_aws_model::{OperationModel, ServiceModel, tables};
use hallpass_base::AccountId;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::collect::documents::{if_there, listed, undecodable};
use crate::collect::ports::{
    AnswerPage, CallPlace, ServiceCalls, SliceStore, TemporaryAssignments,
};

const AT_ONCE: usize = 16;
const PAGES_MAX: usize = 100_000;

pub(crate) type Collected<T> = Result<T, SliceFailure>;

pub(crate) struct Collector<'a> {
    pub(crate) calls: &'a dyn ServiceCalls,
    pub(crate) store: &'a dyn SliceStore,
    pub(crate) temporary: Option<&'a dyn TemporaryAssignments>,
}

impl Collector<'_> {
    pub(crate) async fn call(
        &self,
        place: &CallPlace,
        service: &'static str,
        operation: &'static str,
        input: Value,
    ) -> Collected<Value> {
        let page = self.calls.call(place, (service, operation), &input).await?;
        Ok(page.answer)
    }

    pub(crate) async fn pages(
        &self,
        place: &CallPlace,
        service: &'static str,
        operation: &'static str,
        input: Value,
    ) -> Collected<Vec<Value>> {
        let mut input = input;
        if let (Some(members), Some((name, most))) =
            (input.as_object_mut(), largest_page(service, operation))
        {
            members.insert(name.to_owned(), most.into());
        }
        let mut pages = Vec::new();
        let mut token: Option<Map<String, Value>> = None;
        let mut asked = BTreeSet::new();
        loop {
            let mut input = input.clone();
            if let (Some(members), Some(token)) = (input.as_object_mut(), &token) {
                members.extend(token.clone());
            }
            let found = self.calls.call(place, (service, operation), &input).await?;
            let AnswerPage { answer, next } = found;
            pages.push(answer);
            match next {
                None => return Ok(pages),
                // a repeated token would loop forever
                Some(next) if !asked.insert(Value::Object(next.clone()).to_string()) => {
                    return Err(undecodable(
                        operation,
                        "its token of the next page was used before",
                    ));
                }
                Some(_) if asked.len() > PAGES_MAX => {
                    return Err(undecodable(operation, "it has no end"));
                }
                Some(next) => token = Some(next),
            }
        }
    }

    pub(crate) async fn list(
        &self,
        place: &CallPlace,
        service: &'static str,
        operation: &'static str,
        input: Value,
    ) -> Collected<Vec<Value>> {
        let pages = self.pages(place, service, operation, input).await?;
        rows_of(service, operation, &pages)
    }

    /// Omits items deleted after their listing, with a note (`inventory.md` W-12).
    pub(crate) async fn if_not_gone<T>(
        &self,
        what: &str,
        work: impl Future<Output = Collected<T>>,
    ) -> Collected<Option<T>> {
        let found = if_there(work.await)?;
        if found.is_none() {
            self.store
                .note(format!("{what} went away while it was read"));
        }
        Ok(found)
    }

    pub(crate) fn wants(&self, table: &str, account: Option<&AccountId>) -> bool {
        !self.store.has(&key(table, account))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.calls.now()
    }

    /// Stores a slice: rows or the failure. Keeps a slice of an earlier run.
    pub(crate) fn keep(
        &self,
        table: &'static str,
        account: Option<&AccountId>,
        started: Timestamp,
        collected: Collected<Vec<Value>>,
    ) -> io::Result<()> {
        if !self.wants(table, account) {
            return Ok(());
        }
        let (outcome, rows) = match collected.and_then(|rows| typed(table, &rows)) {
            Ok(rows) => {
                let row_count = rows.len() as u64;
                (SliceOutcome::Ok { row_count }, rows)
            }
            Err(failure) => {
                let more = Vec::new();
                (SliceOutcome::Failed { failure, more }, Vec::new())
            }
        };
        self.tell(table, account, started, outcome, rows)
    }

    /// Records why a slice is skipped.
    pub(crate) fn skip(
        &self,
        table: &'static str,
        account: &AccountId,
        reason: &str,
    ) -> io::Result<()> {
        if !self.wants(table, Some(account)) {
            return Ok(());
        }
        let reason = reason.to_owned();
        let outcome = SliceOutcome::Skipped { reason };
        self.tell(table, Some(account), self.now(), outcome, Vec::new())
    }

    fn tell(
        &self,
        table: &'static str,
        account: Option<&AccountId>,
        started: Timestamp,
        outcome: SliceOutcome,
        rows: Vec<TableRow>,
    ) -> io::Result<()> {
        let slice = Slice {
            key: key(table, account),
            started,
            finished: Some(self.now()),
            outcome,
        };
        self.store.keep(slice, rows)
    }
}

fn modelled(
    service: &str,
    operation: &str,
) -> Option<(&'static ServiceModel, &'static OperationModel)> {
    let model = tables().service(service)?;
    Some((model, model.operation(operation)?))
}

fn largest_page(service: &str, operation: &str) -> Option<(&'static str, i64)> {
    let (model, operation) = modelled(service, operation)?;
    model.largest_page(operation)
}

/// Rows of a listing's pages, by the model's member.
pub(crate) fn rows_of(service: &str, operation: &str, pages: &[Value]) -> Collected<Vec<Value>> {
    let model = modelled(service, operation);
    let name = model.and_then(|(service, operation)| service.page_members(operation).rows);
    let name =
        name.ok_or_else(|| undecodable(operation, "its rows have no name (this is a bug)"))?;
    listed(operation, pages, name)
}

fn key(table: &str, account: Option<&AccountId>) -> SliceKey {
    SliceKey {
        table: table.to_owned(),
        account: account.map(ToString::to_string),
        region: GLOBAL.to_owned(),
    }
}

/// Converts rows to the table's types. Of duplicates, caused by changes during the listing, the
/// last counts.
fn typed(name: &'static str, rows: &[Value]) -> Collected<Vec<TableRow>> {
    let wrong = |message: String| undecodable("", &message);
    let table =
        table(name).ok_or_else(|| wrong(format!("`{name}` is no table (this is a bug)")))?;
    let mut found: Vec<TableRow> = Vec::with_capacity(rows.len());
    let mut places: HashMap<String, usize> = HashMap::with_capacity(rows.len());
    for row in rows {
        let row = read_row(table, row).map_err(|error| wrong(error.to_string()))?;
        let id = row.first().and_then(|it| it.as_text()).unwrap_or_default();
        if let Some(place) = places.get(id).and_then(|at| found.get_mut(*at)) {
            *place = row;
        } else {
            places.insert(id.to_owned(), found.len());
            found.push(row);
        }
    }
    Ok(found)
}

/// Runs in parallel; returns results in order, or the first failure.
pub(crate) async fn for_each<T, U, W: Future<Output = Collected<U>>>(
    things: impl IntoIterator<Item = T>,
    work: impl FnMut(T) -> W,
) -> Collected<Vec<U>> {
    let under_way = stream::iter(things).map(work).buffered(AT_ONCE);
    under_way.try_collect().await
}

pub(crate) async fn flat<T, U, W: Future<Output = Collected<Vec<U>>>>(
    things: impl IntoIterator<Item = T>,
    work: impl FnMut(T) -> W,
) -> Collected<Vec<U>> {
    Ok(for_each(things, work)
        .await?
        .into_iter()
        .flatten()
        .collect())
}
