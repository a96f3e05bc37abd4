//! Decisions of a period, from the audit log.

use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{ReportFilter, Subject};
use hallpass_api::{Page, Problem};
use hallpass_audit::{Event, Order, Record, RecordQuery};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{ReportQuery, filter, refuse_moment};
use crate::{
    App,
    api::page_size,
    auth::AuthenticatedCaller,
    body::Parameters,
    problem::{ProblemResponse, bad_parameter},
    record_times,
};

const ROUNDS_MAX: u32 = 4;

pub(crate) const DECISIONS: [Event; 4] = [
    Event::RequestReviewed,
    Event::RequestApproved,
    Event::RequestDenied,
    Event::ReviewClosed,
];

/// Decisions in a period, as audit records, newest first: approvals, denials and closed reviews.
/// `user` is who decided. A page may be short or empty and still continue. Auditors and
/// administrators.
#[utoipa::path(get, path = "/api/v1/reports/approvals", params(ReportQuery),
    responses((status = 200, body = Page<Value>), (status = 404, body = Problem)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(query): Parameters<ReportQuery>,
) -> Result<Json<Page<Value>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let filter = filter(&app, actor, &query, &TimeZone::UTC).await?;
    refuse_moment(&query)?;
    let size = page_size(query.limit);
    let unavailable = |fault| ProblemResponse::unavailable(&fault);
    let span = filter.period;
    let span = (span.from().as_millisecond(), span.to().as_millisecond() + 1);
    let bounds = record_times::numbers(app.audit.as_ref(), span).await;
    let (first, end) = bounds.map_err(unavailable)?;
    let cursor = query.cursor.as_deref().map(str::parse::<u64>).transpose();
    let cursor = cursor.map_err(|error| bad_parameter("cursor", error))?;
    let mut records = RecordQuery {
        order: Order::NewestFirst,
        from: first,
        before: Some(cursor.map_or(end, |cursor| cursor.min(end))),
        events: DECISIONS.map(|event| event.name().to_owned()).to_vec(),
        ..RecordQuery::default()
    };
    let mut items = Vec::new();
    let mut next = None;
    for _ in 0..ROUNDS_MAX {
        let wanted = u32::try_from(size - items.len()).unwrap_or(u32::MAX);
        let turn = app.access.turn(actor).await;
        let found = app.audit.records_found(&records, wanted).await;
        drop(turn);
        let found = found.map_err(unavailable)?;
        let fitting = found.records.iter().filter(|it| decides(&app, &filter, it));
        items.extend(fitting.map(|record| Value::Object(record.fields().clone())));
        next = found.next;
        match found.next {
            Some(seq) if items.len() < size => records = records.after(seq),
            _ => break,
        }
    }
    let next = next.map(|next| next.to_string());
    Ok(Json(Page { items, next }))
}

fn decides(app: &App, filter: &ReportFilter, record: &Record) -> bool {
    let person = filter.person.as_ref();
    let by = record.text("actor_user_id");
    record.at().is_some_and(|at| filter.period.has(at))
        && person.is_none_or(|person| by == Some(person.as_str()))
        && (filter.targets.is_all()
            || subject(record)
                .is_some_and(|it| filter.targets.covers(&it, &app.access.directory())))
}

fn subject(record: &Record) -> Option<Subject> {
    let group = record.text("group_id").and_then(|id| id.parse().ok());
    group.map(|group| Subject::Group { group }).or_else(|| {
        Some(Subject::Account {
            account: record.text("account_id")?.parse().ok()?,
            permission_set: record.text("role_name")?.to_owned(),
        })
    })
}
