//! The description of the API, made from the handlers themselves.

use axum::Json;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::api;

#[derive(OpenApi)]
#[openapi(
    modifiers(&Doors),
    security(("token" = []), ("session" = [])),
    info(
        title = "Hallpass",
        description = "Temporary access across an AWS Organization"
    ),
    paths(
        api::people::me,
        api::people::catalog,
        api::preview::preview,
        api::permission_sets::show,
        api::login::device,
        api::login::token,
        api::login::logout,
        api::requests::ask,
        api::requests::list,
        api::requests::show,
        api::requests::approve,
        api::requests::deny,
        api::requests::discard,
        api::requests::break_glass,
        api::requests::close_review,
        api::grants::list,
        api::grants::show,
        api::grants::release,
        api::grants::extend,
        api::grants::revoke,
        api::grants::revoke_many,
        api::locks::list,
        api::locks::lock,
        api::locks::lift,
        api::sweeps::list,
        api::sweeps::begin,
        api::sweeps::show,
        api::sweeps::confirm,
        api::standing::list,
        api::standing::act,
        api::explain::explain,
        api::records::list,
        api::records::events,
    )
)]
struct Api;

/// How callers prove who they are: a token, or the cookie of a signed-in browser, which sends
/// `X-Hallpass-Csrf` with whatever changes something.
struct Doors;

impl Modify for Doors {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let session = ApiKey::Cookie(ApiKeyValue::new("hallpass"));
        components.add_security_scheme("session", SecurityScheme::ApiKey(session));
    }
}

/// The document served at `/api/openapi.json`.
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

pub(crate) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
