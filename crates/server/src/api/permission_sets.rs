use axum::{Json, extract::State, http::StatusCode};
use hallpass_access::identity::TokenScope;
use hallpass_api::{PermissionSet, Problem};

use crate::{
    App, auth::AuthenticatedCaller, body::Path, permission_set_policies, problem::ProblemResponse,
};

/// The permissions of a permission set in words, its risky actions, linter findings, and how long
/// access remains usable after its end. For callers who may request it, were granted it, may see
/// another user's request for it, or read everything.
#[utoipa::path(get, path = "/api/v1/permission-sets/{name}",
    params(("name" = String, Path, description = "The permission set's name.")),
    responses((status = 200, body = PermissionSet), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(name): Path<String>,
) -> Result<Json<PermissionSet>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read, TokenScope::Request, TokenScope::Review])?;
    let seen = permission_set_policies::find(&app, actor, &name).await?;
    match &seen.policies {
        Ok(Some(read)) => {
            let read = std::sync::Arc::clone(read);
            let words = permission_set_policies::in_words(&seen, read, app.clock.now()).await?;
            Ok(Json(words))
        }
        Ok(None) => Err(ProblemResponse::not_found("permission set")),
        Err(fault) => Err(ProblemResponse::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "aws-unavailable",
            fault.to_string(),
        )
        .help("try again in a moment; `hallpass server doctor --iam-policy` lists the actions that are needed")),
    }
}
