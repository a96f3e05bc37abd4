//! A call that AWS denied.

use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_api::{DenialMessage, FittingSets, Problem};

use crate::{App, auth::AuthenticatedCaller, body::Body, denied, problem::ProblemResponse};

/// The smallest permission set that the caller may ask for and that would have allowed a denied call, with what else it
/// allows. Where the caller's own access ended and AWS denies the call for that, the same is proposed again. Policies of the
/// organization and of the resource are not looked at.
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
