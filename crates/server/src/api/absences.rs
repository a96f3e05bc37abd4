use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{Actor, Role};
use hallpass_api::{Absence, AbsenceEnded, Absences, EndAbsence, Problem, SetAbsence};
use hallpass_base::UserId;

use super::locks::{ensure_any, whom};
use super::{once, remember};
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::{Body, KeyOf},
    problem::ProblemResponse,
};

fn shown(absence: &hallpass_access::Absence) -> Absence {
    Absence {
        user: absence.person.email.to_string(),
        user_name: absence.person.name.clone(),
        user_id: absence.person.user.to_string(),
        since: absence.since,
        until: absence.until,
        delegate: absence.delegate.as_ref().map(|it| it.email.to_string()),
        set_by: absence.set_by.email.to_string(),
    }
}

/// For others than the caller, the token needs the scope `admin`: checked before any lookup, so that
/// unauthorized callers do not learn which users exist.
async fn of_whom<'a>(
    app: &App,
    caller: &'a AuthenticatedCaller,
    user: Option<&String>,
) -> Result<(&'a Actor, UserId), ProblemResponse> {
    let Some(text) = user else {
        let actor = caller.allow(&[TokenScope::Review])?;
        return Ok((actor, caller.owner.user.clone()));
    };
    let actor = caller.allow(&[TokenScope::Admin])?;
    ensure_any(actor, &[Role::Admin])?;
    Ok((actor, whom(app, text).await?))
}

/// Absences in force: all for administrators and auditors, else those that concern the caller.
#[utoipa::path(get, path = "/api/v1/absences", responses((status = 200, body = Absences)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
) -> Result<Json<Absences>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let items = app.access.absences(actor).await?;
    let items = items.iter().map(shown).collect();
    Ok(Json(Absences { items }))
}

/// Set the absence of the caller, or of others as administrator; it replaces an earlier one.
#[utoipa::path(post, path = "/api/v1/absences", request_body = SetAbsence,
    responses((status = 200, body = Absence), (status = 400, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn set(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Body(body): Body<SetAbsence>,
) -> Result<Json<Absence>, ProblemResponse> {
    let (actor, user) = of_whom(&app, &caller, body.user.as_ref()).await?;
    let delegate = match &body.delegate {
        Some(text) => Some(whom(&app, text).await?),
        None => None,
    };
    let key = key.with(&body);
    let work = async {
        let set = app
            .access
            .set_absence(actor, &user, body.until, delegate.as_ref());
        set.await.map_err(ProblemResponse::from)
    };
    let now = async {
        let all = app.access.absences(actor).await?;
        let found = all.into_iter().find(|it| it.person.user == user);
        found.ok_or_else(|| ProblemResponse::not_found("absence"))
    };
    let absence = once(&app, actor, key, work, now).await?;
    Ok(Json(shown(&absence)))
}

/// End the absence of the caller now, or of others as administrator.
#[utoipa::path(post, path = "/api/v1/absences/end", request_body = EndAbsence,
    responses((status = 200, body = AbsenceEnded), (status = 403, body = Problem)))]
pub(crate) async fn end(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Body(body): Body<EndAbsence>,
) -> Result<Json<AbsenceEnded>, ProblemResponse> {
    let (actor, user) = of_whom(&app, &caller, body.user.as_ref()).await?;
    let key = key.with(&body);
    if app.access.was_carried_out(actor, key.as_ref()).await? {
        return Ok(Json(AbsenceEnded { changed: true }));
    }
    let changed = app.access.end_absence(actor, &user).await?;
    if changed {
        remember(&app, actor, key.as_ref()).await;
    }
    Ok(Json(AbsenceEnded { changed }))
}
