//! Remediations: list, show, approve, decline.

use axum::{Json, extract::State};
use hallpass_access::{AccessError, RemediationView};
use hallpass_api::{ApproveRemediation, DeclineRemediation, Problem, Remediation, Remediations};
use hallpass_identity::TokenScope;
use hallpass_remediation::{RemediationFilter, RemediationId, RemediationPhase};
use hallpass_wording::{PlainStyle, remediation};
use serde::Deserialize;

use super::page_size;
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::{Body, KeyOf, OptionalBody, Parameters, Path},
    problem::{ProblemResponse, bad_parameter},
};

/// Filters of a listing.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemediationsOf {
    /// `backlog`: those that wait for people; `all` (the default).
    state: Option<String>,
    /// How many at most, the newest first.
    limit: Option<usize>,
}

fn body(view: &RemediationView) -> Remediation {
    let (it, style) = (&view.item, &PlainStyle);
    let at = &it.deviation;
    let why = remediation::why(it, style);
    Remediation {
        id: it.id.to_string(),
        state: it.phase.name().to_owned(),
        rule: it.rule.clone(),
        action: it.action.name().to_owned(),
        account: at.account.to_string(),
        region: at.region.clone(),
        resource: at.resource.clone(),
        control: at.control.clone(),
        severity: at.severity.clone(),
        decided_at: it.decided_at,
        waits_until: match &it.phase {
            RemediationPhase::Waiting { until, .. } => Some(*until),
            RemediationPhase::Observed
            | RemediationPhase::Pending { .. }
            | RemediationPhase::Finished { .. }
            | RemediationPhase::Manual { .. }
            | RemediationPhase::Drifted { .. }
            | RemediationPhase::Undone { .. } => None,
        },
        why: (!why.is_empty()).then_some(why),
        approved_by: it.approved_by.clone(),
        approvers: view
            .approvers
            .as_ref()
            .ok()
            .map(|may| remediation::approvers(may, style)),
        may_decide: view.may_decide,
        plan: it.plan.as_ref().map(ToString::to_string),
    }
}

fn remediation_id(text: &str) -> Result<RemediationId, ProblemResponse> {
    RemediationId::read(text).ok_or_else(|| AccessError::NotFound("remediation").into())
}

/// What findings led to; administrators, auditors, operators, and approvers what they may decide about.
#[utoipa::path(get, path = "/api/v1/remediations", params(RemediationsOf),
    responses((status = 200, body = Remediations), (status = 403, body = Problem)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(wanted): Parameters<RemediationsOf>,
) -> Result<Json<Remediations>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let filter = match wanted.state.as_deref() {
        None | Some("all") => RemediationFilter::All,
        Some("backlog") => RemediationFilter::Backlog,
        Some(other) => {
            let words = format!("`{other}` is neither `all` nor `backlog`");
            return Err(bad_parameter("state", words));
        }
    };
    let most = page_size(wanted.limit);
    let found = app.access.remediations(actor, filter, most).await?;
    let items = found.iter().map(body).collect();
    Ok(Json(Remediations { items }))
}

/// One of them.
#[utoipa::path(get, path = "/api/v1/remediations/{id}", responses((status = 200, body = Remediation)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
) -> Result<Json<Remediation>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let view = app.access.remediation(actor, &remediation_id(&id)?).await?;
    Ok(Json(body(&view)))
}

/// Let what waits happen; whom the rules of remediations name, or administrators.
#[utoipa::path(post, path = "/api/v1/remediations/{id}/approve", request_body = Option<ApproveRemediation>,
    responses((status = 200, body = Remediation), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn approve(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    _key: KeyOf,
    Path(id): Path<String>,
    OptionalBody(said): OptionalBody<Option<ApproveRemediation>>,
) -> Result<Json<Remediation>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Review])?;
    let (id, said) = (remediation_id(&id)?, said.unwrap_or_default());
    app.access
        .approve_remediation(actor, &id, &said.comment)
        .await?;
    Ok(Json(body(&app.access.remediation(actor, &id).await?)))
}

/// Say no to what waits: it is for people, and the finding says so.
#[utoipa::path(post, path = "/api/v1/remediations/{id}/decline", request_body = DeclineRemediation,
    responses((status = 200, body = Remediation), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn decline(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    _key: KeyOf,
    Path(id): Path<String>,
    Body(said): Body<DeclineRemediation>,
) -> Result<Json<Remediation>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Review])?;
    let id = remediation_id(&id)?;
    app.access
        .decline_remediation(actor, &id, &said.reason)
        .await?;
    Ok(Json(body(&app.access.remediation(actor, &id).await?)))
}
