use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_api::{DenialMessage, FittingSets, Problem};

use crate::{App, auth::AuthenticatedCaller, body::Body, denied, problem::ProblemResponse};

/// The smallest permission set that the caller may request and that would have allowed a denied
/// call, with its other permissions. If AWS denies the call because the caller's access ended,
/// proposes the same set again. Ignores policies of the organization and the resource.
#[utoipa::path(post, path = "/api/v1/denials", request_body = DenialMessage,
    responses((status = 200, body = FittingSets), (status = 400, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn fitting(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Body(denial): Body<DenialMessage>,
) -> Result<Json<FittingSets>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read, TokenScope::Request])?;
    let found = denied::fitting(&app, actor, &denial).await?;
    Ok(Json(found))
}
