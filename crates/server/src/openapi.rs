//! The description of the API, made from the handlers themselves.

use axum::Json;
use utoipa::OpenApi;

use crate::api;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hallpass",
        description = "Temporary access across an AWS Organization"
    ),
    paths(
        api::people::me,
        api::people::catalog,
        api::login::device,
        api::login::token,
        api::login::logout,
        api::requests::ask,
        api::requests::list,
        api::requests::show,
        api::requests::approve,
        api::requests::deny,
        api::requests::discard,
        api::grants::list,
        api::grants::show,
        api::grants::release,
        api::grants::extend,
        api::grants::revoke,
        api::grants::revoke_many,
        api::explain::explain,
        api::records::list,
        api::records::events,
    )
)]
struct Api;

/// The document served at `/api/openapi.json`.
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

pub(crate) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
