use axum::{Json, extract::State, http::StatusCode};
use hallpass_access::RemovalLimit;
use hallpass_access::identity::TokenScope;
use hallpass_api::{ConfirmSweep, Page, Problem, Sweep, SweepFindings};
use hallpass_base::SweepId;
use serde::Deserialize;

use super::{once, page_size, standing::StandingQuery};
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::{KeyOf, OptionalBody, Parameters, Path},
    convert_sweeps,
    problem::{ProblemResponse, bad_parameter},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepsQuery {
    /// The `next` of the previous page.
    cursor: Option<String>,
    /// Rows, 1 to 500.
    limit: Option<usize>,
}

/// Sweeps, newest first; auditors and administrators.
#[utoipa::path(get, path = "/api/v1/sweeps", params(SweepsQuery),
    responses((status = 200, body = Page<Sweep>), (status = 404, body = Problem)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(listing): Parameters<SweepsQuery>,
) -> Result<Json<Page<Sweep>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let before = listing.cursor.map(|cursor| cursor.parse()).transpose();
    let before = before.map_err(|error| bad_parameter("cursor", error))?;
    let size = page_size(listing.limit);
    let limit = u32::try_from(size).unwrap_or(u32::MAX);
    let found = app.access.sweeps(actor, before, limit).await?;
    let next = found.last().filter(|_| found.len() >= size);
    Ok(Json(Page {
        next: next.map(|sweep| sweep.id.to_string()),
        items: found.iter().map(convert_sweeps::sweep).collect(),
    }))
}

/// Start a sweep; administrators. Returns before it runs. It is `queued` while another runs; an
/// already queued one is returned.
#[utoipa::path(post, path = "/api/v1/sweeps",
    responses((status = 202, body = Sweep), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn begin(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
) -> Result<(StatusCode, Json<Sweep>), ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    let access = &app.access;
    let work = async { Ok::<_, ProblemResponse>(access.want_sweep(actor).await?) };
    let now = async {
        let newest = access.sweeps(actor, None, 1).await?.pop();
        newest.ok_or_else(|| ProblemResponse::not_found("sweep"))
    };
    let sweep = once(&app, actor, key.with(&()), work, now).await?;
    Ok((StatusCode::ACCEPTED, Json(convert_sweeps::sweep(&sweep))))
}

pub(super) fn sweep_id(text: &str) -> Result<SweepId, ProblemResponse> {
    text.parse()
        .map_err(|_| ProblemResponse::not_found("sweep"))
}

/// One sweep, with a page of its findings; auditors and administrators.
#[utoipa::path(get, path = "/api/v1/sweeps/{id}", params(StandingQuery),
    responses((status = 200, body = SweepFindings), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
    Parameters(narrowed): Parameters<StandingQuery>,
) -> Result<Json<SweepFindings>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let (sweep, items) = app.access.sweep(actor, sweep_id(&id)?).await?;
    let items = items.iter().map(convert_sweeps::item).collect();
    let page = narrowed.page(Some(sweep.id), items)?;
    Ok(Json(SweepFindings {
        sweep: convert_sweeps::sweep(&sweep),
        items: page.items,
        next: page.next,
    }))
}

/// Confirm the plan of a sweep as displayed; administrators. Refused without changes if the state
/// changed since. Repeating it returns the same run.
#[utoipa::path(post, path = "/api/v1/sweeps/{id}/confirm", request_body = Option<ConfirmSweep>,
    responses((status = 200, body = Sweep), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn confirm(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
    key: KeyOf,
    OptionalBody(body): OptionalBody<ConfirmSweep>,
) -> Result<Json<Sweep>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    let limits = if body.beyond_limits {
        RemovalLimit::Exceed
    } else {
        RemovalLimit::Keep
    };
    let id = sweep_id(&id)?;
    let access = &app.access;
    let work = async {
        let sweep = access.confirm_sweep(actor, id, limits).await;
        sweep.map_err(ProblemResponse::from)
    };
    let now = async { Ok::<_, ProblemResponse>(access.sweep(actor, id).await?.0) };
    let sweep = once(&app, actor, key.with(&body), work, now).await?;
    Ok(Json(convert_sweeps::sweep(&sweep)))
}
