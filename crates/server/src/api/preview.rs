use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{ApprovalHours, ApprovalsOpen, RequestVerdict};
use hallpass_api::{Preview, Problem};
use hallpass_base::Timestamp;
use serde::Deserialize;

use crate::{
    App, auth::AuthenticatedCaller, body::Parameters, convert, convert_approvals, convert_states,
    convert_sweeps, problem::ProblemResponse,
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewQuery {
    /// The account's id or unique name. Needs `permission_set`.
    account: Option<String>,
    /// The permission set's name.
    permission_set: Option<String>,
    /// The group's id or name, instead of account and permission set.
    group: Option<String>,
    /// Start, as in a request; default now.
    #[param(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
}

/// The approvers, the maximum duration, and whether the caller already has the access outside
/// Hallpass: from AWS if it answers within a second, else from the newest sweep.
#[utoipa::path(get, path = "/api/v1/preview", params(PreviewQuery),
    responses((status = 200, body = Preview), (status = 400, body = Problem)))]
pub(crate) async fn preview(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(thought): Parameters<PreviewQuery>,
) -> Result<Json<Preview>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read, TokenScope::Request])?;
    let wanted = super::wanted(
        thought.account.as_deref(),
        thought.permission_set.as_deref(),
        thought.group.as_deref(),
    )?;
    let starts_at = thought.starts_at;
    let preview = app.access.preview_at(actor, &wanted, starts_at).await?;
    let preview = preview.map_err(|problems| {
        let texts: Vec<&str> = problems.iter().map(|it| it.message.as_str()).collect();
        ProblemResponse::bad("unknown-target", texts.join(" "))
    })?;
    let (decision, held) = (&preview.decision, preview.held.as_ref());
    let waits = preview.by_rules() == Ok(RequestVerdict::Waits);
    let hours = if waits {
        decision.approval_hours.as_slice()
    } else {
        &[]
    };
    let open = ApprovalHours::open(hours, app.clock.now());
    Ok(Json(Preview {
        decision: convert_states::decision(decision.kind),
        approvers: decision.approvers.iter().map(ToString::to_string).collect(),
        approvals_needed: decision.approvals_needed,
        max_duration_seconds: preview.limits().longest().as_seconds(),
        because: decision.based_on.iter().map(ToString::to_string).collect(),
        warnings: convert::warnings(&decision.warnings),
        approval_hours: convert_approvals::hours(hours),
        approvals_closed: open != ApprovalsOpen::Now,
        approvals_open_at: convert_approvals::opens_at(open),
        standing: preview.stands.map(convert_sweeps::held_already),
        held: held.map(|held| convert::grant(&held.grant, &app.identity)),
    }))
}
