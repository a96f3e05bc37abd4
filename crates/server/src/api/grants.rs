use std::collections::HashMap;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use hallpass_access::identity::TokenScope;
use hallpass_access::{
    AccessError, ActionRefused, Actor, Extending, GrantFilter, GrantState, GrantStateKind, InLine,
    ListingQuery, Revoking, Role,
};
use hallpass_api::{
    Extend, Grant, GrantActivity, Page, Problem, Request, Revoke, RevokeMany, Revoked, RevokedOne,
};
use hallpass_base::{AccountId, Email, GrantId, TimeSpan, UserId};
use serde::Deserialize;

use super::{entitlements, ids::grant_id, page, page_size, requests};
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::{Body, KeyOf, Parameters, Path},
    convert, convert_states, costly, grant_activity,
    listing::{conditions, instant},
    problem::{ProblemResponse, bad_parameter},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantsQuery {
    /// Only in this state, or `live` for all that have not ended.
    state: Option<String>,
    /// Only of this user (e-mail).
    user: Option<String>,
    /// Only in this account (id).
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

impl GrantsQuery {
    fn conditions(&self) -> Result<ListingQuery, ProblemResponse> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Ok(ListingQuery {
            permission_set: text(&self.permission_set),
            group: text(&self.group),
            rule: text(&self.rule),
            from: instant("from", self.from.as_deref())?,
            to: instant("to", self.to.as_deref())?,
            ..ListingQuery::default()
        })
    }
}

/// Maximum number of queue positions in a listing, because each needs a read of the queue.
const QUEUES_MAX: usize = 50;

/// Grants visible to the caller, newest first.
#[utoipa::path(get, path = "/api/v1/grants", params(GrantsQuery), responses((status = 200, body = Page<Grant>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(listing): Parameters<GrantsQuery>,
) -> Result<Json<Page<Grant>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let states = match listing.state.as_deref() {
        None => Vec::new(),
        Some("live") => GrantStateKind::LIVE.to_vec(),
        Some(state) => vec![GrantStateKind::named(state).ok_or_else(|| {
            let known = GrantStateKind::ALL.map(GrantStateKind::name).join(", ");
            bad_parameter("state", format!("`{state}` is not one of {known}, live"))
        })?],
    };
    let before = listing.cursor.as_ref().map(|it| it.parse()).transpose();
    let filter = GrantFilter {
        only: conditions(&app, actor, &listing.conditions()?).await?,
        states,
        before: before.map_err(|error| bad_parameter("cursor", error))?,
        ..GrantFilter::default()
    };
    let holder = match &listing.user {
        None => None,
        Some(text) => match named(&app, actor, text).await? {
            Some(user) => Some(user),
            None if actor.reads_all() => return Err(nobody(text)),
            // callers who do not read everything must not learn which users exist: unknown users
            // have no visible grants
            None => {
                let (items, next) = (Vec::new(), None);
                return Ok(Json(Page { items, next }));
            }
        },
    };
    let filter = narrowed(&app, filter, holder, listing.account.as_deref())?;
    let size = page_size(listing.limit);
    let found = app.access.grants(actor, &filter, size).await?;
    let waits = |grant: &&hallpass_access::Grant| {
        matches!(grant.state, GrantState::Scheduled | GrantState::Granting)
    };
    let waiting: Vec<_> = found
        .rows
        .iter()
        .filter(waits)
        .take(QUEUES_MAX)
        .cloned()
        .collect();
    let places = app.access.in_line(&waiting).await;
    let queues: HashMap<GrantId, InLine> = waiting
        .iter()
        .zip(places)
        .filter_map(|(grant, place)| Some((grant.id, place?)))
        .collect();
    let armed = app.access.armed_ends(&found.rows).await?;
    let (lost, now) = (app.access.home_region_lost_since(), app.clock.now());
    Ok(Json(page(&found, |grant| {
        let told = convert::grant(grant, &app.identity);
        Grant {
            queue: queues.get(&grant.id).copied().map(convert::queue),
            aws_silent_since: convert::silent_since(grant, lost, now),
            ..convert::enforced(grant, told, armed.get(&grant.key))
        }
    })))
}

fn narrowed(
    app: &App,
    filter: GrantFilter,
    holder: Option<UserId>,
    account: Option<&str>,
) -> Result<GrantFilter, ProblemResponse> {
    let account = match account {
        Some(text) => {
            let found = app.access.account_of(text);
            let refusal =
                || bad_parameter("account", format!("no single account is named `{text}`"));
            Some(found.ok_or_else(refusal)?.to_string())
        }
        None => None,
    };
    Ok(GrantFilter {
        holder,
        account,
        ..filter
    })
}

/// Finds a user by id or unique address; none if unknown, or if the caller must not learn that it
/// is ambiguous.
pub(super) async fn named(
    app: &App,
    actor: &Actor,
    text: &str,
) -> Result<Option<UserId>, ProblemResponse> {
    if let Ok(user) = UserId::new(text) {
        return Ok(Some(user));
    }
    let email = Email::new(text).map_err(|error| bad_parameter("user", error))?;
    match app.access.user_of(&email).await {
        Err(AccessError::Refused(ActionRefused::SharedAddress)) if !actor.reads_all() => Ok(None),
        found => Ok(found?),
    }
}

pub(super) fn nobody(text: &str) -> ProblemResponse {
    bad_parameter("user", format!("no known user has `{text}`"))
}

#[utoipa::path(get, path = "/api/v1/grants/{id}", responses((status = 200, body = Grant), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
) -> Result<Json<Grant>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read, TokenScope::Request, TokenScope::Review])?;
    let id = grant_id(&app, actor, &id).await?;
    let grant = app.access.grant(actor, id).await?;
    let places = app.access.in_line(std::slice::from_ref(&grant)).await;
    let armed = app.access.armed_ends([&grant]).await?;
    let told = convert::grant(&grant, &app.identity);
    Ok(Json(Grant {
        queue: places.into_iter().flatten().next().map(convert::queue),
        aws_silent_since: convert::silent_since(
            &grant,
            app.access.home_region_lost_since(),
            app.clock.now(),
        ),
        ..convert::enforced(&grant, told, armed.get(&grant.key))
    }))
}

/// The recorded activity of a grant.
#[utoipa::path(get, path = "/api/v1/grants/{id}/activity",
    responses((status = 200, body = GrantActivity), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn activity(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
) -> Result<Json<GrantActivity>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let _turn = costly::turn(&app, actor).await?;
    let id = grant_id(&app, actor, &id).await?;
    let grant = app.access.grant(actor, id).await?;
    let found = grant_activity::of_grant(&app, &grant).await;
    let found = found.map_err(|error| {
        ProblemResponse::new(StatusCode::SERVICE_UNAVAILABLE, "logs-unreadable", error)
            .help("`hallpass activity ingest` on the server's folder says what is wrong with it")
    })?;
    Ok(Json(convert::grant_activity(&grant, found.as_ref())))
}

/// Release the caller's own access.
#[utoipa::path(post, path = "/api/v1/grants/{id}/release",
    responses((status = 200, body = Grant), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn release(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Path(id): Path<String>,
) -> Result<Json<Grant>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Request])?;
    let id = grant_id(&app, actor, &id).await?;
    let key = key.with(&());
    let grant = app.access.release(actor, id, key.as_ref()).await?;
    Ok(Json(convert::grant(&grant, &app.identity)))
}

/// Request a later end; returns the new request.
#[utoipa::path(post, path = "/api/v1/grants/{id}/extend", request_body = Extend,
    responses((status = 201, body = Request), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn extend(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Path(id): Path<String>,
    Body(body): Body<Extend>,
) -> Result<Response, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Request])?;
    let key = key.with(&body);
    let extending = Extending {
        duration: TimeSpan::seconds(body.duration_seconds),
        reason: body.reason.as_deref(),
        ticket: body.ticket.as_deref(),
        confirmed: &body.confirmed_warnings,
    };
    let id = grant_id(&app, actor, &id).await?;
    let asked = app
        .access
        .extend(actor, id, extending, key.as_ref())
        .await?;
    requests::answer(&app, actor, asked, None).await
}

#[utoipa::path(post, path = "/api/v1/grants/{id}/revoke", request_body = Revoke,
    responses((status = 200, body = Grant), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn revoke(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Path(id): Path<String>,
    Body(body): Body<Revoke>,
) -> Result<Json<Grant>, ProblemResponse> {
    caller.allow(&[TokenScope::Review, TokenScope::Admin])?;
    let key = key.with(&body);
    let revoking = Revoking {
        reason: &body.reason,
        end_sessions: body.end_sessions,
    };
    let actor = caller.acting();
    let id = grant_id(&app, &actor, &id).await?;
    let revoked = app.access.revoke(&actor, id, revoking, key.as_ref());
    let grant = revoked.await.map_err(|error| caller.lacking(error))?;
    Ok(Json(convert::grant(&grant, &app.identity)))
}

/// Revoke many grants, and with `user` that user's own entitlements of account access manager;
/// administrators. One call takes up to 1,000, active ones first, and reports in `more` whether to
/// repeat it. Repeating is safe, with or without an `Idempotency-Key`.
#[utoipa::path(post, path = "/api/v1/revocations", request_body = RevokeMany,
    responses((status = 200, body = Revoked), (status = 403, body = Problem)))]
pub(crate) async fn revoke_many(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    _key: KeyOf,
    Body(body): Body<RevokeMany>,
) -> Result<Json<Revoked>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    if !actor.is(Role::Admin) {
        return Err(ActionRefused::NotYours.into());
    }
    let holder = match &body.user {
        None => None,
        Some(text) => Some(
            named(&app, actor, text)
                .await?
                .ok_or_else(|| nobody(text))?,
        ),
    };
    let filter = narrowed(
        &app,
        GrantFilter::default(),
        holder,
        body.account.as_deref(),
    )?;
    let account = filter.account.as_deref().map(AccountId::new).transpose();
    let account = account.map_err(|error| bad_parameter("account", error))?;
    let revoking = Revoking {
        reason: &body.reason,
        end_sessions: body.end_sessions,
    };
    let revoked = app.access.revoke_all(actor, &filter, revoking).await?;
    let items = revoked
        .outcomes
        .into_iter()
        .map(|(id, outcome)| match outcome {
            Ok(grant) => RevokedOne {
                id: id.to_string(),
                state: Some(convert_states::grant(&grant.state)),
                error: None,
            },
            Err(error) => RevokedOne {
                id: id.to_string(),
                state: None,
                error: Some(error.to_string()),
            },
        })
        .collect();
    let entitlements = match &filter.holder {
        Some(user) => entitlements::revoke(&app, actor, user, account.as_ref(), &body.reason).await,
        None => None,
    };
    Ok(Json(Revoked {
        items,
        more: revoked.has_more,
        entitlements,
    }))
}
