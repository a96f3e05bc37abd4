use axum::Json;
use axum::http::StatusCode;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::api;

#[derive(OpenApi)]
#[openapi(
    modifiers(&Doors, &Refusals),
    security(("token" = []), ("session" = [])),
    info(
        title = "Hallpass",
        description = "Temporary access across an AWS Organization"
    ),
    paths(
        api::people::me,
        api::people::catalog,
        api::own::sessions,
        api::own::end_session,
        api::own::end_others,
        api::own::tokens,
        api::own::revoke_token,
        api::preview::preview,
        api::permission_sets::show,
        api::denied::fitting,
        api::login::device,
        api::login::token,
        api::login::logout,
        api::requests::ask,
        api::requests::ask_batch,
        api::requests::list,
        api::requests::show,
        api::requests::approve,
        api::requests::deny,
        api::requests::discard,
        api::requests::break_glass,
        api::requests::close_review,
        api::grants::list,
        api::grants::show,
        api::grants::activity,
        api::grants::release,
        api::grants::extend,
        api::grants::revoke,
        api::grants::revoke_many,
        api::entitlements::held,
        api::absences::list,
        api::absences::set,
        api::absences::end,
        api::campaigns::list,
        api::campaigns::begin,
        api::campaigns::show,
        api::campaigns::lines,
        api::campaigns::answer,
        api::campaigns::reassign,
        api::campaigns::sign_off,
        api::campaigns::plan,
        api::campaigns::rows,
        api::locks::list,
        api::locks::lock,
        api::locks::lift,
        api::alerts::list,
        api::alerts::rows,
        api::alerts::mute,
        api::alerts::unmute,
        api::remediations::list,
        api::remediations::show,
        api::remediations::approve,
        api::remediations::decline,
        api::judged_people::list,
        api::sweeps::list,
        api::sweeps::begin,
        api::sweeps::show,
        api::sweeps::confirm,
        api::group_sync::show,
        api::standing::list,
        api::group_assignments::list,
        api::standing::act,
        api::explain::explain,
        api::rule_check::check,
        api::replay::replay,
        api::reports::access,
        api::reports::requests,
        api::reports::approvals::list,
        api::reports::conflicts::list,
        api::records::list,
        api::records::events,
    )
)]
struct Api;

/// Authentication: a token, or a browser session cookie with `X-Hallpass-Csrf` for changes.
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

struct Refusals;

const OF_EVERY_CALL: [(StatusCode, &str); 2] = [
    (StatusCode::BAD_REQUEST, "Not understood"),
    (StatusCode::TOO_MANY_REQUESTS, "Too many calls"),
];

const OF_BODIES: [(StatusCode, &str); 3] = [
    (StatusCode::REQUEST_TIMEOUT, "The body did not come in time"),
    (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON"),
];

const OF_THINGS: [(StatusCode, &str); 1] = [(
    StatusCode::NOT_FOUND,
    "Absent, or not visible to the caller",
)];

const OF_DOORS: [(StatusCode, &str); 2] = [
    (StatusCode::UNAUTHORIZED, "The caller is not known"),
    (StatusCode::FORBIDDEN, "The caller may not do that"),
];

impl Modify for Refusals {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut document.paths.paths {
            for call in [&mut item.get, &mut item.post].into_iter().flatten() {
                refusals(path, call);
            }
        }
    }
}

fn refusals(path: &str, call: &mut Operation) {
    let responses = &mut call.responses.responses;
    for response in responses.values_mut() {
        if let RefOr::T(response) = response
            && response.content.values().any(is_problem)
        {
            response.content = problem("").content;
        }
    }
    let mut add = |rows: &[(StatusCode, &str)]| {
        for (status, words) in rows {
            let known = responses.entry(status.as_str().to_owned());
            known.or_insert_with(|| RefOr::T(problem(words)));
        }
    };
    add(&OF_EVERY_CALL);
    if call.request_body.is_some() {
        add(&OF_BODIES);
    }
    if path.contains('{') {
        add(&OF_THINGS);
    }
    if call.security.is_none() {
        add(&OF_DOORS);
    }
}

fn is_problem(content: &RefOr<Content>) -> bool {
    let RefOr::T(content) = content else {
        return false;
    };
    let problem = Ref::from_schema_name("Problem");
    matches!(&content.schema, Some(RefOr::Ref(named)) if named.ref_location == problem.ref_location)
}

fn problem(words: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description(words)
        .content("application/problem+json", content)
        .build()
}

pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

pub(crate) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
