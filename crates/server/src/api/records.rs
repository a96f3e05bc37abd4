//! The audit log and its event stream.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use hallpass_access::identity::TokenScope;
use hallpass_access::{AccessError, Actor};
use hallpass_api::{Page, Problem};
use hallpass_audit::{Event as Recorded, Order, Record, RecordQuery, StoreFault, names_user};
use hallpass_base::{RequestId, UserId};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::page_size;
use crate::{
    App,
    auth::{AuthenticatedCaller, Credential},
    body::{Parameters, RecordNumber, last_event},
    connections::{StreamSlot, TooManyStreams},
    listing::{accounts_in_records, instant, people_in_records},
    problem::ProblemResponse,
    record_times,
};

/// Records per read of a stream.
const BATCH: u32 = 500;
const ROUNDS_MAX: u32 = 4;
/// Poll interval of a stream, in case a notification was lost or another node wrote.
const LOOK_SECONDS: u64 = 2;
/// How long a record with an unreadable request is retried before it is skipped.
const LOOKED_FOR: Duration = Duration::from_secs(10);
/// Maximum lifetime of a stream. Reconnecting needs a valid token or session.
const STREAM_TIME_MAX: Duration = Duration::from_mins(15);
/// `Retry-After` without a free stream, in seconds.
const COME_AGAIN: HeaderValue = HeaderValue::from_static("30");

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordsQuery {
    /// Records after this number.
    #[param(value_type = Option<u64>)]
    after: Option<RecordNumber>,
    /// Only this event.
    event: Option<String>,
    /// Named user: id, address or name, or part.
    user: Option<String>,
    /// Account: id or name, or part.
    account: Option<String>,
    /// From this instant.
    from: Option<String>,
    /// Before this instant.
    to: Option<String>,
    /// Rows, 1 to 500.
    limit: Option<usize>,
}

/// Records visible to the caller, oldest first. A page may be short or empty and still continue:
/// `next` is the position.
#[utoipa::path(get, path = "/api/v1/audit", params(RecordsQuery), responses((status = 200, body = Page<Value>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(listing): Parameters<RecordsQuery>,
) -> Result<Json<Page<Value>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let size = page_size(listing.limit);
    let span = record_times::span(
        instant("from", listing.from.as_deref())?,
        instant("to", listing.to.as_deref())?,
    );
    let fault = |fault: StoreFault| ProblemResponse::unavailable(&fault);
    let numbers = record_times::numbers(app.audit.as_ref(), span).await;
    let (first, end) = numbers.map_err(fault)?;
    let after = listing.after.map_or(0, RecordNumber::get);
    let mut query = RecordQuery {
        order: Order::OldestFirst,
        from: after.saturating_add(1).max(first),
        before: Some(end),
        events: listing.event.into_iter().collect(),
        naming: readable_by(actor),
        people: people_in_records(&app, listing.user.as_deref()).await?,
        accounts: accounts_in_records(&app, listing.account.as_deref()),
        ..RecordQuery::default()
    };
    let mut page = Page {
        items: Vec::new(),
        next: None,
    };
    for _ in 0..ROUNDS_MAX {
        let wanted = size.saturating_sub(page.items.len());
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let turn = app.access.turn(actor).await;
        let found = app.audit.records_found(&query, wanted).await;
        drop(turn);
        let found = found.map_err(fault)?;
        let readable = found.records.iter();
        let readable = readable.filter(|it| may_read(actor, it) && record_times::is_in(span, it));
        let shown = readable.map(|record| Value::Object(record.fields().clone()));
        page.items.extend(shown);
        page.next = found.next.map(|next| next.to_string());
        match found.next {
            Some(next) if page.items.len() < size => query = query.after(next),
            _ => break,
        }
    }
    Ok(Json(page))
}

/// Returns the users whose records the caller may read; `None` = all.
pub(crate) fn readable_by(actor: &Actor) -> Option<BTreeSet<UserId>> {
    (!actor.reads_all()).then(|| actor.user.iter().cloned().collect())
}

/// Auditors and administrators read all; others read records about or by their own user id, because
/// an address may have belonged to another user. Reasons of locks and unlocks are visible only to
/// callers who read all, and to their author (`access.md` K-2).
pub(crate) fn may_read(actor: &Actor, record: &Record) -> bool {
    let locks = [Recorded::PersonLocked, Recorded::PersonUnlocked].map(Recorded::name);
    let is_theirs = |user: &UserId| {
        if locks.contains(&record.event()) {
            return record.text("actor_user_id") == Some(user.as_str());
        }
        names_user(record, user)
    };
    actor.reads_all() || actor.user.as_ref().is_some_and(is_theirs)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamReader {
    /// API clients: events are named by kind.
    Programs,
    /// Hallpass pages: all events are named `news`, for one listener.
    Pages,
}

struct Tail {
    app: App,
    actor: Actor,
    credential: Credential,
    form: StreamReader,
    after: u64,
    ready: VecDeque<Event>,
    /// Unreadable requests, with the first failure.
    unread: BTreeMap<String, Instant>,
    news: tokio::sync::watch::Receiver<u64>,
    until: Instant,
    _slot: StreamSlot,
}

/// Live events: server-sent events visible to the caller. The id of an event is its record number;
/// `Last-Event-ID` resumes after it, and one beyond the log is ignored. A stream ends after a
/// while; reconnect.
#[utoipa::path(get, path = "/api/v1/events", responses((status = 200, content_type = "text/event-stream"),
    (status = 429, body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn events(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?.clone();
    let resumed = last_event(&headers);
    stream(
        app,
        actor,
        caller.credential(),
        resumed,
        StreamReader::Programs,
    )
    .await
}

/// Opens a stream after a record, or from now; refuses if too many are open.
pub(crate) async fn stream(
    app: App,
    actor: Actor,
    credential: Credential,
    after: Option<u64>,
    form: StreamReader,
) -> Result<Response, ProblemResponse> {
    let person = match &actor.user {
        Some(user) => user.to_string(),
        None => actor.email.to_string(),
    };
    let slot = match app.connections.stream(&person) {
        Ok(slot) => slot,
        Err(why) => return Ok(no_place(why)),
    };
    let head = app.audit.head().await;
    let head = head.map_err(|fault| ProblemResponse::unavailable(&fault))?;
    let head = head.map_or(0, |head| head.seq);
    // a number beyond the log stems from before a restore, and would suppress events until the log
    // is that long
    let after = after.filter(|after| *after <= head);
    // a page reloads its data on reconnect, so a long gap needs no replay
    let is_near = |after: &u64| form == StreamReader::Programs || head - after <= BATCH.into();
    let after = after.filter(is_near).unwrap_or(head);
    let news = app.access.newest_record();
    let tail = Tail {
        app,
        actor,
        credential,
        form,
        after,
        ready: VecDeque::new(),
        unread: BTreeMap::new(),
        news,
        until: Instant::now() + STREAM_TIME_MAX,
        _slot: slot,
    };
    let events = stream::unfold(tail, |mut tail| async move {
        let event = tail.next().await?;
        Some((Ok::<_, Infallible>(event), tail))
    });
    let stream = Sse::new(events).keep_alive(KeepAlive::default());
    Ok(stream.into_response())
}

fn no_place(why: TooManyStreams) -> Response {
    let detail = match why {
        TooManyStreams::OfThisPerson => "you have too many event streams open",
        TooManyStreams::InAll => "too many event streams are open",
    };
    let failure = ProblemResponse::new(StatusCode::TOO_MANY_REQUESTS, "too-many-streams", detail)
        .help("close pages or programs that listen, or look now and then instead");
    let mut response = failure.into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, COME_AGAIN);
    response
}

impl Tail {
    /// Returns the next event; `None` at shutdown or when the client must reconnect.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if *self.app.stopping.borrow() || Instant::now() >= self.until {
                return None;
            }
            // rights may end during a stream: each round checks reader and rights again
            let reader = self.credential.reader(&self.app, self.actor.origin).await;
            self.actor = reader?;
            let is_behind = self.read().await;
            if self.ready.is_empty() && !is_behind {
                let mut stopping = self.app.stopping.clone();
                tokio::select! {
                    _ = self.news.changed() => {}
                    _ = stopping.changed() => {}
                    () = tokio::time::sleep(Duration::from_secs(LOOK_SECONDS)) => {}
                }
            }
        }
    }

    /// Reads more; returns whether further records may exist.
    async fn read(&mut self) -> bool {
        let next = self.after.saturating_add(1);
        let Ok(records) = self.app.audit.records_from(next, BATCH).await else {
            return false;
        };
        for record in &records {
            match self.may_hear(record).await {
                Ok(true) => self.ready.push_back(event_of(record, self.form)),
                // retried later, unless the row stays unreadable
                Err(_) if self.waits_for(record) => return false,
                Ok(false) | Err(_) => {}
            }
            self.after = record.seq();
        }
        records.len() >= BATCH as usize
    }

    /// Returns whether to retry an unreadable record: for a limited time, once per request.
    fn waits_for(&mut self, record: &Record) -> bool {
        let id = record.text("access_request_id").unwrap_or_default();
        let now = Instant::now();
        let since = *self.unread.entry(id.to_owned()).or_insert(now);
        now < since + LOOKED_FOR
    }

    /// Checks the rights for every event against the current state.
    async fn may_hear(&self, record: &Record) -> Result<bool, AccessError> {
        if may_read(&self.actor, record) {
            return Ok(true);
        }
        let id = record
            .text("access_request_id")
            .and_then(|id| id.parse::<RequestId>().ok());
        let Some(id) = id else {
            return Ok(false);
        };
        match self.app.access.request(&self.actor, id).await {
            Ok(_) => Ok(true),
            Err(AccessError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn event_of(record: &Record, form: StreamReader) -> Event {
    let data = serde_json::json!({
        "seq": record.seq(),
        "event": record.event(),
        "request_id": record.text("access_request_id"),
        "grant_id": record.text("grant_id"),
        "at": record.text("time"),
    });
    Event::default()
        .id(record.seq().to_string())
        .event(match form {
            StreamReader::Programs => record.event(),
            StreamReader::Pages => "news",
        })
        .data(data.to_string())
}
