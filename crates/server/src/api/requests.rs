use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hallpass_access::identity::TokenScope;
use hallpass_access::{
    AccessError, Actor, Approving, Asking, ListingQuery, RequestFilter, RequestOutcome,
    RequestStateKind, RequestView, RequestedTogether, Role, TARGETS_MAX, WaitLimit, Wanted,
};
use hallpass_api::{
    Approve, Ask, BreakGlass, CloseReview, Deny, HeldAlready, Page, Problem, Request, RequestBatch,
    RequestedBatch,
};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::refused::TriedPress;
use hallpass_rules::RuleWarning;
use serde::Deserialize;

use super::{ids::request_id, own_request, page_size};
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::{Body, KeyOf, OptionalBody, Parameters, Path},
    convert, convert_sweeps, grant_activity,
    listing::{conditions, instant},
    problem::{ProblemResponse, bad_parameter},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestsQuery {
    /// Only in this state.
    state: Option<String>,
    /// `mine`, `to-review` or `all` (the default: all visible to the caller).
    role: Option<String>,
    /// `open`: those whose break-glass review the caller could close or watch.
    review: Option<String>,
    /// Requester: id, address or name, or part.
    user: Option<String>,
    /// Account: id or name, or part.
    account: Option<String>,
    /// Permission set, or part.
    permission_set: Option<String>,
    /// Group: id or name, or part.
    group: Option<String>,
    /// Deciding rule.
    rule: Option<String>,
    /// From this instant.
    from: Option<String>,
    /// Before this instant.
    to: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
    /// Rows, 1 to 500.
    limit: Option<usize>,
}

impl RequestsQuery {
    fn conditions(&self) -> Result<ListingQuery, ProblemResponse> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Ok(ListingQuery {
            person: text(&self.user),
            account: text(&self.account),
            permission_set: text(&self.permission_set),
            group: text(&self.group),
            rule: text(&self.rule),
            from: instant("from", self.from.as_deref())?,
            to: instant("to", self.to.as_deref())?,
        })
    }
}

#[utoipa::path(post, path = "/api/v1/requests", request_body = Ask,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = Request), (status = 200, body = Request), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn ask(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Body(body): Body<Ask>,
) -> Result<Response, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Request])?;
    let key = key.with(&body);
    let asking = Asking {
        wanted: super::wanted(
            body.account.as_deref(),
            body.permission_set.as_deref(),
            body.group.as_deref(),
        )?,
        duration: TimeSpan::seconds(body.duration_seconds),
        reason: body.reason,
        ticket: body.ticket,
        starts_at: body.starts_at,
        confirmed: body.confirmed_warnings,
    };
    // read before the request: afterwards it would include the new grant
    let standing = held_already(&app, actor, &asking.wanted).await;
    let asked = app.access.ask(actor, &asking, key.as_ref()).await?;
    answer(&app, actor, asked, standing.as_ref()).await
}

/// Request several targets together: all or none.
#[utoipa::path(post, path = "/api/v1/requests/batch", request_body = RequestBatch,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = RequestedBatch), (status = 200, body = RequestedBatch), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn ask_batch(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Body(body): Body<RequestBatch>,
) -> Result<Response, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Request])?;
    let key = key.with(&body);
    let count = body.targets.len();
    if count == 0 || count > TARGETS_MAX {
        return Err(AccessError::TargetCount(count).into());
    }
    let mut askings = Vec::with_capacity(count);
    for target in &body.targets {
        askings.push(Asking {
            wanted: super::wanted(
                target.account.as_deref(),
                target.permission_set.as_deref(),
                target.group.as_deref(),
            )?,
            duration: TimeSpan::seconds(body.duration_seconds),
            reason: body.reason.clone(),
            ticket: body.ticket.clone(),
            starts_at: body.starts_at,
            confirmed: body.confirmed_warnings.clone(),
        });
    }
    let asked = app.access.ask_together(actor, &askings, key.as_ref());
    let all = match asked.await? {
        RequestedTogether::All(all) => all,
        RequestedTogether::Refused(refused) => {
            let place = |request: &hallpass_access::Request| {
                let at = askings.iter().position(|it| it.wanted == request.wanted);
                at.map_or_else(|| "targets".to_owned(), |at| format!("targets[{at}]"))
            };
            let refused: Vec<_> = refused
                .iter()
                .map(|(request, refusal)| (place(request), refusal))
                .collect();
            return Err(ProblemResponse::rejected_batch(&refused, askings.len()));
        }
    };
    let is_new = |asked: &RequestOutcome| !matches!(asked, RequestOutcome::AlreadyPending(_));
    let status = if all.iter().any(is_new) {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut items = Vec::with_capacity(all.len());
    for asked in &all {
        items.push(Request {
            already_pending: !is_new(asked),
            ..stored(&app, actor, asked.request()).await
        });
    }
    Ok((status, Json(RequestedBatch { items })).into_response())
}

pub(super) async fn shown(
    app: &App,
    actor: &Actor,
    request: &hallpass_access::Request,
) -> Result<Request, ProblemResponse> {
    let presses = app.access.break_glass_offers(actor, request).await?;
    let links = app.access.visible_links(actor, request).await;
    Ok(convert::request_for(&presses, request, &links))
}

/// Builds a stored request. Omits the caller's next actions if unreadable, because the call has
/// succeeded.
async fn stored(app: &App, actor: &Actor, request: &hallpass_access::Request) -> Request {
    let links = app.access.visible_links(actor, request).await;
    match app.access.break_glass_offers(actor, request).await {
        Ok(presses) => convert::request_for(&presses, request, &links),
        Err(error) => {
            tracing::warn!(request.id = %request.id, error = %error, "an answer goes without what its caller may do next");
            convert::request(request, &links)
        }
    }
}

/// Returns existing access outside Hallpass. An unknown result does not block the request.
async fn held_already(app: &App, actor: &Actor, wanted: &Wanted) -> Option<HeldAlready> {
    let user = actor.user.as_ref()?;
    let target = app.access.target_of(wanted).ok()?;
    let stands = app.access.stands(user, &target, WaitLimit::Look).await;
    stands.ok()?.map(convert_sweeps::held_already)
}

/// Returns 201 for a new request, 200 if an equal one already waits.
pub(super) async fn answer(
    app: &App,
    actor: &Actor,
    asked: RequestOutcome,
    standing: Option<&HeldAlready>,
) -> Result<Response, ProblemResponse> {
    let (status, request, already_pending) = match asked {
        RequestOutcome::Pending(request) | RequestOutcome::Approved(request, _) => {
            (StatusCode::CREATED, request, false)
        }
        RequestOutcome::AlreadyPending(request) => (StatusCode::OK, request, true),
        RequestOutcome::Rejected(request, refusal) => {
            return Err(ProblemResponse::rejected(&request, &refusal));
        }
    };
    let body = Request {
        standing: standing.cloned(),
        already_pending,
        ..stored(app, actor, &request).await
    };
    let location = format!("/api/v1/requests/{}", body.id);
    Ok((status, [(header::LOCATION, location)], Json(body)).into_response())
}

/// Requests visible to the caller, newest first.
#[utoipa::path(get, path = "/api/v1/requests", params(RequestsQuery), responses((status = 200, body = Page<Request>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(listing): Parameters<RequestsQuery>,
) -> Result<Json<Page<Request>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let view = match listing.role.as_deref() {
        None | Some("all") => RequestView::All,
        Some("mine") => RequestView::Mine,
        Some("to-review") => RequestView::ToReview,
        Some(other) => {
            return Err(bad_parameter(
                "role",
                format!("`{other}` is not `mine`, `to-review` or `all`"),
            ));
        }
    };
    let state = |name: String| {
        RequestStateKind::named(&name).ok_or_else(|| {
            let known = RequestStateKind::ALL.map(RequestStateKind::name).join(", ");
            bad_parameter("state", format!("`{name}` is not one of {known}"))
        })
    };
    let before = listing.cursor.as_ref().map(|it| it.parse()).transpose();
    let filter = RequestFilter {
        only: conditions(&app, actor, &listing.conditions()?).await?,
        state: listing.state.map(state).transpose()?,
        before: before.map_err(|error| bad_parameter("cursor", error))?,
        ..RequestFilter::default()
    };
    let size = page_size(listing.limit);
    let found = match listing.review.as_deref() {
        None => app.access.requests(actor, view, &filter, size).await?,
        Some("open") if view == RequestView::All => {
            app.access.open_reviews(actor, &filter, size).await?
        }
        Some("open") => return Err(bad_parameter("role", "`review=open` goes with no `role`")),
        Some(other) => return Err(bad_parameter("review", format!("`{other}` is not `open`"))),
    };
    let mut items = Vec::with_capacity(found.rows.len());
    for request in &found.rows {
        // an unreadable request must not hide others
        items.push(stored(&app, actor, request).await);
    }
    let next = found.next.as_ref().map(ToString::to_string);
    Ok(Json(Page { items, next }))
}

#[utoipa::path(get, path = "/api/v1/requests/{id}", responses((status = 200, body = Request), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
) -> Result<Json<Request>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read, TokenScope::Request, TokenScope::Review])?;
    let request = app
        .access
        .request(actor, request_id(&app, actor, &id).await?)
        .await?;
    let past = app.access.past(actor, &request).await?;
    let used = grant_activity::last_of_requester(&app, &request).await;
    let mut warnings = app.access.warnings_to_confirm(&request);
    if request.requester.is(actor) {
        // the start may be after the emergency
        let glass = app.access.warnings_of_broken_glass(&request);
        RuleWarning::add_each_once(&mut warnings, glass);
    }
    Ok(Json(Request {
        before: Some(convert::before(past, used.as_ref())),
        warnings: convert::warnings(&warnings),
        ..shown(&app, actor, &request).await?
    }))
}

/// Approve a request, optionally with a comment and a shorter duration. The shortest duration of
/// all approvers applies.
#[utoipa::path(post, path = "/api/v1/requests/{id}/approve", request_body = Option<Approve>,
    responses((status = 200, body = Request), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn approve(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Path(id): Path<String>,
    OptionalBody(body): OptionalBody<Option<Approve>>,
) -> Result<Json<Request>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Review])?;
    let body = body.unwrap_or_default();
    let key = key.with(&body);
    let approving = Approving {
        seen: None,
        comment: body.comment.as_deref(),
        duration: body.duration_seconds.map(TimeSpan::seconds),
        confirmed: &body.confirmed_warnings,
    };
    let id = request_id(&app, actor, &id).await?;
    let pressed = app.access.approve_with(actor, id, approving, key.as_ref());
    match pressed.await {
        Ok(request) => Ok(Json(stored(&app, actor, &request).await)),
        Err(error) => {
            let press = (id, TriedPress::Approve);
            Err(own_request::refused(&app, actor, press, error).await)
        }
    }
}

#[utoipa::path(post, path = "/api/v1/requests/{id}/deny", request_body = Option<Deny>,
    responses((status = 200, body = Request), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn deny(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Path(id): Path<String>,
    OptionalBody(body): OptionalBody<Deny>,
) -> Result<Json<Request>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Review])?;
    let key = key.with(&body);
    let id = request_id(&app, actor, &id).await?;
    let reason = body.reason.as_deref();
    let pressed = app.access.deny(actor, id, reason, key.as_ref());
    match pressed.await {
        Ok(request) => Ok(Json(stored(&app, actor, &request).await)),
        Err(error) => {
            let press = (id, TriedPress::Deny);
            Err(own_request::refused(&app, actor, press, error).await)
        }
    }
}

#[utoipa::path(post, path = "/api/v1/requests/{id}/discard",
    responses((status = 200, body = Request), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn discard(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Path(id): Path<String>,
) -> Result<Json<Request>, ProblemResponse> {
    caller.allow(&[TokenScope::Request, TokenScope::Review, TokenScope::Admin])?;
    let actor = caller.acting();
    let id = request_id(&app, &actor, &id).await?;
    if !caller.has(TokenScope::Review) && !actor.is(Role::Admin) {
        // a token for requests may withdraw its user's own requests only
        let request = app.access.request(&actor, id).await;
        let request = request.map_err(|error| caller.lacking(error))?;
        if Some(&request.requester.user) != actor.user.as_ref() {
            caller.allow(&[TokenScope::Review])?;
        }
    }
    let request = app
        .access
        .discard(&actor, id, key.with(&()).as_ref())
        .await
        .map_err(|error| caller.lacking(error))?;
    Ok(Json(stored(&app, &actor, &request).await))
}

/// Break the glass: immediate access for an hour at most, for users listed by a rule. Notifies
/// approvers and administrators; an approver closes the review.
#[utoipa::path(post, path = "/api/v1/requests/{id}/break-glass", request_body = BreakGlass,
    responses((status = 200, body = Request), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn break_glass(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Path(id): Path<String>,
    Body(body): Body<BreakGlass>,
) -> Result<Json<Request>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Request])?;
    let (key, id) = (key.with(&body), request_id(&app, actor, &id).await?);
    let pressed = app
        .access
        .break_glass(actor, id, &body.justification, key.as_ref());
    let request = pressed.await?;
    Ok(Json(stored(&app, actor, &request).await))
}

/// Close the review of a break-glass grant: an approver, never the requester.
#[utoipa::path(post, path = "/api/v1/requests/{id}/close-review", request_body = Option<CloseReview>,
    responses((status = 200, body = Request), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn close_review(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Path(id): Path<String>,
    OptionalBody(body): OptionalBody<CloseReview>,
) -> Result<Json<Request>, ProblemResponse> {
    caller.allow(&[TokenScope::Review, TokenScope::Admin])?;
    let actor = caller.acting();
    let (key, id) = (key.with(&body), request_id(&app, &actor, &id).await?);
    let closed = app
        .access
        .close_review(&actor, id, body.reason.as_deref(), key.as_ref());
    let request = closed.await.map_err(|error| caller.lacking(error))?;
    Ok(Json(stored(&app, &actor, &request).await))
}
