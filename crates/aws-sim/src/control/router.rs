use std::sync::Arc;

use crate::base::{
    JsonAnswer, Parameters, Refusal, check_parameters, guarded, parameter, read_json,
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State as Extract},
    http::{HeaderMap, StatusCode},
    routing::{delete, get, post},
};
use serde_json::{Value, json};

use super::{clock, events, faults, file, sessions, state};
use crate::{organization::read_strictly, world::Shared};

/// The largest organization file, in bytes: some ten times one of 5,000 accounts and 20,000 people.
const BODY_MAX: usize = 256 * 1024 * 1024;

pub(crate) fn router(shared: &Arc<Shared>, pages: Router<Arc<Shared>>) -> Router {
    let routes = Router::new()
        .route("/healthz", get(|| async { Json(json!({ "ok": true })) }))
        .route("/state", get(get_state))
        .route("/credentials", get(get_credentials))
        .route(
            "/faults",
            post(post_faults).get(get_faults).delete(delete_faults),
        )
        .route("/faults/{id}", delete(delete_fault))
        .route("/advance", post(post_advance))
        .route("/load", post(post_load))
        .route("/reset", post(post_reset))
        .route("/calls", get(get_calls))
        .route("/calls/reset", post(post_calls_reset))
        .route("/events", post(post_events))
        .route("/sessions", get(get_sessions))
        .route("/login", post(post_login))
        .route("/device/approve", post(post_device_approve))
        .route("/device/deny", post(post_device_deny))
        .route("/mutate", post(post_mutate))
        .merge(pages)
        .fallback(|| async {
            Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is no such path")
        })
        .method_not_allowed_fallback(|| async {
            let text = "this path does not take this method";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text)
        })
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(shared.clone());
    Router::new().nest("/_sim", guarded(routes, &shared.access))
}

async fn get_state(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
) -> JsonAnswer {
    state::show(&shared, &parameters).map(Json)
}

async fn get_credentials(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
) -> JsonAnswer {
    state::credentials(&shared, &parameters).map(Json)
}

async fn post_faults(
    Extract(shared): Extract<Arc<Shared>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let added = read_json(&body).and_then(|body| faults::add(&shared, &body))?;
    Ok((StatusCode::CREATED, Json(added)))
}

async fn get_faults(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    let faults = shared.lock().faults.list();
    Json(json!({ "faults": faults }))
}

async fn delete_faults(Extract(shared): Extract<Arc<Shared>>) -> StatusCode {
    shared.lock().faults.remove(None);
    StatusCode::NO_CONTENT
}

async fn delete_fault(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    if shared.lock().faults.remove(Some(&id)) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let text = format!("there is no fault `{id}`");
    Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", &text))
}

async fn post_advance(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> JsonAnswer {
    read_json(&body)
        .and_then(|body| clock::advance(&shared, &body))
        .map(Json)
}

async fn post_load(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
    body: Bytes,
) -> JsonAnswer {
    let body = read_strictly(&body);
    body.map_err(|error| Refusal::bad("", &format!("not JSON: {error}")))
        .and_then(|body| file::load(&shared, &parameters, body))
        .map(Json)
}

async fn post_reset(Extract(shared): Extract<Arc<Shared>>) -> JsonAnswer {
    file::reset(&shared).map(Json)
}

async fn get_calls(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
) -> JsonAnswer {
    calls(&shared, &parameters).map(Json)
}

fn calls(shared: &Shared, parameters: &[(String, String)]) -> Result<Value, Refusal> {
    check_parameters(
        parameters,
        &["since", "limit", "service", "operation", "outcome"],
    )?;
    let number = |name: &str, default: u64| match parameter(parameters, name) {
        None => Ok(default),
        Some(text) => text
            .parse::<u64>()
            .map_err(|_| Refusal::bad(name, "expected a whole number")),
    };
    let limit = usize::try_from(number("limit", 1000)?.min(100_000)).unwrap_or(1000);
    let filters: Vec<(&str, &str)> = ["service", "operation", "outcome"]
        .into_iter()
        .filter_map(|name| Some((name, parameter(parameters, name)?)))
        .collect();
    Ok(shared
        .lock()
        .calls
        .read(number("since", 0)?, limit, &filters))
}

async fn post_calls_reset(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    shared.lock().calls.reset();
    Json(json!({ "reset": true }))
}

async fn post_events(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> JsonAnswer {
    read_json(&body)
        .and_then(|body| events::add(&shared, &body))
        .map(Json)
}

async fn get_sessions(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
) -> JsonAnswer {
    sessions::list(&shared, &parameters).map(Json)
}

async fn post_login(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> JsonAnswer {
    read_json(&body)
        .and_then(|body| shared.run("login", body))
        .map(Json)
}

async fn post_device_approve(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> JsonAnswer {
    read_json(&body)
        .and_then(|body| shared.run("device_approve", body))
        .map(Json)
}

async fn post_device_deny(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> JsonAnswer {
    read_json(&body)
        .and_then(|body| shared.run("device_deny", body))
        .map(Json)
}

async fn post_mutate(
    Extract(shared): Extract<Arc<Shared>>,
    _: HeaderMap,
    body: Bytes,
) -> JsonAnswer {
    read_json(&body)
        .and_then(|body| shared.run("mutate", body))
        .map(Json)
}
