use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{AccessError, ActionRefused, Actor, RemediationView};
use hallpass_api::{
    ApproveRemediation, DeclineRemediation, Problem, Remediation, RemediationState, Remediations,
};
use hallpass_channels::wording::{PlainStyle, remediation};
use hallpass_findings::remediation::{
    RemediationCursor, RemediationFilter, RemediationId, RemediationPhase, RemediationResult,
};
use serde::Deserialize;

use super::page_size;
use crate::{
    App,
    auth::{AuthenticatedCaller, missing},
    body::{Body, KeyOf, OptionalBody, Parameters, Path},
    problem::{ProblemResponse, bad_parameter},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemediationsQuery {
    /// `backlog`: those waiting for a user; `all` (the default).
    state: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
    /// Rows, 1 to 500, newest first.
    limit: Option<usize>,
}

const fn state(phase: &RemediationPhase) -> RemediationState {
    match phase {
        RemediationPhase::Observed => RemediationState::Observed,
        RemediationPhase::Waiting { .. } => RemediationState::Waiting,
        RemediationPhase::Pending { .. } => RemediationState::Pending,
        RemediationPhase::Finished { result } => match result {
            RemediationResult::Changed => RemediationState::Changed,
            RemediationResult::Unchanged => RemediationState::Unchanged,
            RemediationResult::Suppressed => RemediationState::Suppressed,
        },
        RemediationPhase::Manual { .. } => RemediationState::Manual,
        RemediationPhase::Drifted { .. } => RemediationState::Drifted,
        RemediationPhase::Undone { .. } => RemediationState::Undone,
    }
}

fn body(view: &RemediationView) -> Remediation {
    let (it, style) = (&view.item, &PlainStyle);
    let at = &it.deviation;
    let why = remediation::why(it, style);
    Remediation {
        id: it.id.to_string(),
        state: state(&it.phase),
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

/// Remediations of findings; administrators, auditors and operators, and for approvers those they
/// may decide.
#[utoipa::path(get, path = "/api/v1/remediations", params(RemediationsQuery),
    responses((status = 200, body = Remediations), (status = 403, body = Problem)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(wanted): Parameters<RemediationsQuery>,
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
    let after = match wanted.cursor.as_deref() {
        None => None,
        Some(text) => Some(RemediationCursor::read(text).ok_or_else(|| {
            bad_parameter("cursor", format!("`{text}` is not the `next` of a page"))
        })?),
    };
    let most = page_size(wanted.limit);
    let found = app.access.remediations(actor, filter, after, most).await?;
    Ok(Json(Remediations {
        items: found.rows.iter().map(body).collect(),
        next: found.next.as_ref().map(ToString::to_string),
    }))
}

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

/// Returns a decided remediation. Omits other approvers if unreadable, because the decision is
/// made.
async fn decided(
    app: &App,
    actor: &Actor,
    it: hallpass_findings::remediation::Remediation,
) -> Remediation {
    let view = app.access.remediation(actor, &it.id).await;
    let view = view.unwrap_or_else(|error| RemediationView {
        approvers: Err(error.to_string()),
        may_decide: false,
        item: it,
    });
    body(&view)
}

/// Explains a refusal: if only the token scope is missing, names the scope.
async fn refusal(
    app: &App,
    caller: &AuthenticatedCaller,
    id: &RemediationId,
    error: AccessError,
) -> ProblemResponse {
    let is_refused = matches!(
        error,
        AccessError::NotFound(_) | AccessError::Refused(ActionRefused::NotAnApprover)
    );
    if is_refused && !caller.has(TokenScope::Admin) {
        let seen = app.access.remediation(&caller.actor, id).await;
        if seen.is_ok_and(|view| view.may_decide) {
            return missing(&[TokenScope::Admin]);
        }
    }
    error.into()
}

/// Approve a waiting remediation; users named by the remediation rules, or administrators, with a
/// token of scope `admin`.
#[utoipa::path(post, path = "/api/v1/remediations/{id}/approve", request_body = Option<ApproveRemediation>,
    responses((status = 200, body = Remediation), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn approve(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Path(id): Path<String>,
    OptionalBody(said): OptionalBody<Option<ApproveRemediation>>,
) -> Result<Json<Remediation>, ProblemResponse> {
    caller.allow(&[TokenScope::Review])?;
    let (id, said) = (remediation_id(&id)?, said.unwrap_or_default());
    let (actor, key) = (caller.acting(), key.with(&said));
    let access = &app.access;
    let approved = access.approve_remediation(&actor, &id, &said.comment, key.as_ref());
    match approved.await {
        Ok(it) => Ok(Json(decided(&app, &actor, it).await)),
        Err(error) => Err(refusal(&app, &caller, &id, error).await),
    }
}

/// Deny a waiting remediation: it becomes manual, and the finding gets a note.
#[utoipa::path(post, path = "/api/v1/remediations/{id}/decline", request_body = DeclineRemediation,
    responses((status = 200, body = Remediation), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn decline(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Path(id): Path<String>,
    Body(said): Body<DeclineRemediation>,
) -> Result<Json<Remediation>, ProblemResponse> {
    caller.allow(&[TokenScope::Review])?;
    let id = remediation_id(&id)?;
    let (actor, key) = (caller.acting(), key.with(&said));
    let access = &app.access;
    let declined = access.decline_remediation(&actor, &id, &said.reason, key.as_ref());
    match declined.await {
        Ok(it) => Ok(Json(decided(&app, &actor, it).await)),
        Err(error) => Err(refusal(&app, &caller, &id, error).await),
    }
}
