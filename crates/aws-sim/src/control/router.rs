//! The control API's paths.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State as Extract},
    http::{HeaderMap, StatusCode},
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde_json::{Value, json};

use super::{clock, faults, file, sessions, state};
use crate::{control_access::guard, refusal::Refusal, world::Shared};

type Parameters = Query<Vec<(String, String)>>;
type ControlAnswer = Result<(StatusCode, Value), Refusal>;

/// The value of a query parameter.
pub(super) fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// Refuses parameters that are not known.
pub(super) fn check_parameters(
    parameters: &[(String, String)],
    known: &[&str],
) -> Result<(), Refusal> {
    match parameters
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        Some((name, _)) => Err(Refusal::bad(name, "unknown parameter")),
        None => Ok(()),
    }
}

fn show(answer: ControlAnswer) -> Response {
    match answer {
        Ok((status, Value::Null)) => status.into_response(),
        Ok((status, value)) => (status, axum::Json(value)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn read(body: &Bytes) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad("", &format!("not JSON: {error}")))
}

/// The routes under `/_sim/`, those of the pages among them, and 404 for what is not there.
pub(crate) fn router(shared: Arc<Shared>, pages: Router<Arc<Shared>>) -> Router {
    let guard = middleware::from_fn_with_state(shared.access.clone(), guard);
    let routes = Router::new()
        .route(
            "/healthz",
            get(|| async { axum::Json(json!({ "ok": true })) }),
        )
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
        .route("/sessions", get(get_sessions))
        .route("/login", post(post_login))
        .route("/device/approve", post(post_device_approve))
        .route("/device/deny", post(post_device_deny))
        .route("/mutate", post(post_mutate))
        .merge(pages)
        .fallback(|| async {
            Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is no such path")
        })
        .layer(guard)
        .with_state(shared);
    Router::new().nest("/_sim", routes)
}

async fn get_state(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
) -> Response {
    show(state::show(&shared, &parameters).map(|value| (StatusCode::OK, value)))
}

async fn get_credentials(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
) -> Response {
    show(state::credentials(&shared, &parameters).map(|value| (StatusCode::OK, value)))
}

async fn post_faults(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> Response {
    let added = read(&body).and_then(|body| faults::add(&shared, &body));
    show(added.map(|value| (StatusCode::CREATED, value)))
}

async fn get_faults(Extract(shared): Extract<Arc<Shared>>) -> Response {
    let faults = shared.lock().faults.list();
    show(Ok((StatusCode::OK, json!({ "faults": faults }))))
}

async fn delete_faults(Extract(shared): Extract<Arc<Shared>>) -> Response {
    shared.lock().faults.remove(None);
    show(Ok((StatusCode::NO_CONTENT, Value::Null)))
}

async fn delete_fault(Extract(shared): Extract<Arc<Shared>>, Path(id): Path<String>) -> Response {
    if shared.lock().faults.remove(Some(&id)) {
        return show(Ok((StatusCode::NO_CONTENT, Value::Null)));
    }
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not_found",
        &format!("there is no fault `{id}`"),
    )
    .into_response()
}

async fn post_advance(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> Response {
    let moved = read(&body).and_then(|body| clock::advance(&shared, &body));
    show(moved.map(|value| (StatusCode::OK, value)))
}

async fn post_load(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
    body: Bytes,
) -> Response {
    let loaded = read(&body).and_then(|body| file::load(&shared, &parameters, body));
    show(loaded.map(|value| (StatusCode::OK, value)))
}

async fn post_reset(Extract(shared): Extract<Arc<Shared>>) -> Response {
    show(file::reset(&shared).map(|value| (StatusCode::OK, value)))
}

async fn get_calls(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
) -> Response {
    show(calls(&shared, &parameters).map(|value| (StatusCode::OK, value)))
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

async fn post_calls_reset(Extract(shared): Extract<Arc<Shared>>) -> Response {
    shared.lock().calls.reset();
    show(Ok((StatusCode::OK, json!({ "reset": true }))))
}

async fn get_sessions(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
) -> Response {
    show(sessions::list(&shared, &parameters).map(|value| (StatusCode::OK, value)))
}

async fn post_login(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> Response {
    let session = read(&body).and_then(|body| shared.run("login", body));
    show(session.map(|value| (StatusCode::OK, value)))
}

async fn post_device_approve(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> Response {
    let answered = read(&body).and_then(|body| shared.run("device_approve", body));
    show(answered.map(|value| (StatusCode::OK, value)))
}

async fn post_device_deny(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> Response {
    let answered = read(&body).and_then(|body| shared.run("device_deny", body));
    show(answered.map(|value| (StatusCode::OK, value)))
}

async fn post_mutate(Extract(shared): Extract<Arc<Shared>>, _: HeaderMap, body: Bytes) -> Response {
    let changed = read(&body).and_then(|body| shared.run("mutate", body));
    show(changed.map(|value| (StatusCode::OK, value)))
}
