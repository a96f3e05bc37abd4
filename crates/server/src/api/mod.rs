pub(crate) mod absences;
pub(crate) mod alerts;
pub(crate) mod campaigns;
pub(crate) mod denied;
pub(crate) mod entitlements;
pub(crate) mod explain;
pub(crate) mod grants;
pub(crate) mod group_assignments;
pub(crate) mod group_sync;
mod ids;
pub(crate) mod judged_people;
pub(crate) mod locks;
pub(crate) mod login;
pub(crate) mod own;
mod own_request;
pub(crate) mod people;
pub(crate) mod permission_sets;
pub(crate) mod preview;
pub(crate) mod records;
pub(crate) mod remediations;
pub(crate) mod replay;
pub(crate) mod reports;
pub(crate) mod requests;
pub(crate) mod rule_check;
pub(crate) mod standing;
pub(crate) mod sweeps;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use hallpass_access::{Actor, Idempotency, Listed, Wanted};

use crate::{App, problem::ProblemResponse};

/// Calls that end with their answer.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/api/v1/me", get(people::me))
        .route("/api/v1/me/sessions", get(own::sessions))
        .route("/api/v1/me/sessions/{id}/end", post(own::end_session))
        .route("/api/v1/me/sessions/end-others", post(own::end_others))
        .route("/api/v1/me/tokens", get(own::tokens))
        .route("/api/v1/me/tokens/{id}/revoke", post(own::revoke_token))
        .route("/api/v1/login/device", post(login::device))
        .route("/api/v1/login/token", post(login::token))
        .route("/api/v1/logout", post(login::logout))
        .route("/api/v1/catalog", get(people::catalog))
        .route("/api/v1/preview", get(preview::preview))
        .route("/api/v1/permission-sets/{name}", get(permission_sets::show))
        .route("/api/v1/denials", post(denied::fitting))
        .route("/api/v1/requests", get(requests::list).post(requests::ask))
        .route("/api/v1/requests/batch", post(requests::ask_batch))
        .route("/api/v1/requests/{id}", get(requests::show))
        .route("/api/v1/requests/{id}/approve", post(requests::approve))
        .route("/api/v1/requests/{id}/deny", post(requests::deny))
        .route("/api/v1/requests/{id}/discard", post(requests::discard))
        .route(
            "/api/v1/requests/{id}/break-glass",
            post(requests::break_glass),
        )
        .route(
            "/api/v1/requests/{id}/close-review",
            post(requests::close_review),
        )
        .route("/api/v1/grants", get(grants::list))
        .route("/api/v1/grants/{id}", get(grants::show))
        .route("/api/v1/grants/{id}/activity", get(grants::activity))
        .route("/api/v1/grants/{id}/release", post(grants::release))
        .route("/api/v1/grants/{id}/extend", post(grants::extend))
        .route("/api/v1/grants/{id}/revoke", post(grants::revoke))
        .route("/api/v1/revocations", post(grants::revoke_many))
        .route("/api/v1/entitlements", get(entitlements::held))
        .route("/api/v1/locks", get(locks::list).post(locks::lock))
        .route("/api/v1/locks/lift", post(locks::lift))
        .route("/api/v1/sweeps", get(sweeps::list).post(sweeps::begin))
        .route("/api/v1/sweeps/{id}", get(sweeps::show))
        .route("/api/v1/sweeps/{id}/confirm", post(sweeps::confirm))
        .route("/api/v1/group-sync", get(group_sync::show))
        .merge(of_all_access())
        .route("/api/v1/alerts", get(alerts::list))
        .route("/api/v1/alerts/rows", get(alerts::rows))
        .route("/api/v1/alerts/mute", post(alerts::mute))
        .route("/api/v1/alerts/unmute", post(alerts::unmute))
        .route("/api/v1/remediations", get(remediations::list))
        .route("/api/v1/remediations/{id}", get(remediations::show))
        .route(
            "/api/v1/remediations/{id}/approve",
            post(remediations::approve),
        )
        .route(
            "/api/v1/remediations/{id}/decline",
            post(remediations::decline),
        )
        .route("/api/v1/people", get(judged_people::list))
        .route("/api/v1/rules/explain", get(explain::explain))
        // rule files exceed the usual body limit; unauthorized senders are refused before reading
        .route(
            "/api/v1/rules/check",
            post(rule_check::check).layer(DefaultBodyLimit::max(RULE_FILE_BODY_MAX)),
        )
        .route(
            "/api/v1/rules/replay",
            post(replay::replay).layer(DefaultBodyLimit::max(RULE_FILE_BODY_MAX)),
        )
        .route("/api/v1/audit", get(records::list))
}

fn of_all_access() -> Router<App> {
    Router::new()
        .merge(campaigns::router())
        .route("/api/v1/absences", get(absences::list).post(absences::set))
        .route("/api/v1/absences/end", post(absences::end))
        .route("/api/v1/standing", get(standing::list).post(standing::act))
        .route("/api/v1/standing/groups", get(group_assignments::list))
        .route("/api/v1/reports/access", get(reports::access))
        .route("/api/v1/reports/requests", get(reports::requests))
        .route("/api/v1/reports/approvals", get(reports::approvals::list))
        .route("/api/v1/reports/conflicts", get(reports::conflicts::list))
}

pub(crate) fn streams() -> Router<App> {
    Router::new().route("/api/v1/events", get(records::events))
}

/// A rule file in JSON escapes, with other fields.
const RULE_FILE_BODY_MAX: usize = 4 * hallpass_rules::SOURCE_BYTES_MAX;

/// Default and maximum rows per page.
pub(crate) const PAGE_DEFAULT: usize = 50;
pub(crate) const PAGE_MAX: usize = 500;

pub(crate) fn page_size(limit: Option<usize>) -> usize {
    limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX)
}

pub(crate) fn wanted(
    account: Option<&str>,
    permission_set: Option<&str>,
    group: Option<&str>,
) -> Result<Wanted, ProblemResponse> {
    match (account, permission_set, group) {
        (Some(account), Some(permission_set), None) => Ok(Wanted::Account {
            account: account.to_owned(),
            permission_set: permission_set.to_owned(),
        }),
        (None, None, Some(group)) => Ok(Wanted::Group {
            group: group.to_owned(),
        }),
        _ => Err(ProblemResponse::bad(
            "bad-target",
            "give either `account` and `permission_set`, or `group`",
        )),
    }
}

/// Builds a page with its cursor. A page may be short or empty and still have a next one.
pub(crate) fn page<T, I: ToString, S>(
    listed: &Listed<T, I>,
    shown: impl Fn(&T) -> S,
) -> hallpass_api::Page<S> {
    hallpass_api::Page {
        items: listed.rows.iter().map(shown).collect(),
        next: listed.next.as_ref().map(ToString::to_string),
    }
}

/// Runs an idempotent call; a repeated key returns the state `now` instead.
async fn once<T>(
    app: &App,
    actor: &Actor,
    key: Option<Idempotency>,
    work: impl Future<Output = Result<T, ProblemResponse>>,
    now: impl Future<Output = Result<T, ProblemResponse>>,
) -> Result<T, ProblemResponse> {
    let access = &app.access;
    if access.was_carried_out(actor, key.as_ref()).await? {
        return now.await;
    }
    let done = work.await?;
    remember(app, actor, key.as_ref()).await;
    Ok(done)
}

async fn remember(app: &App, actor: &Actor, key: Option<&Idempotency>) {
    // CRASH: without this record the call runs again, which is idempotent
    if let Err(error) = app.access.carried_out(actor, key).await {
        tracing::warn!(error = %error, "a call that is repeated with its key will be carried out again");
    }
}
