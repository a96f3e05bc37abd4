//! Simulated services that say who is on call, `/_on_call/` (`simulator.md` §8): `PagerDuty`,
//! incident.io, and an address that answers JSON. They share the schedules of the organization.
//! Faults hit them as service `on_call` with the operations `pagerduty`, `incident_io` and `json`.

mod answers;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State as Extract},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::{Value, json};

use crate::{
    base::{Parameters, cut, pause},
    faults::{ReplyFault, Subject},
    organization::OnCallSchedule,
    world::Shared,
};

/// Its name in faults.
pub(crate) const SERVICE: &str = "on_call";

pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/_on_call/pagerduty/{listed}", get(pagerduty))
        .route(
            "/_on_call/incident_io/v2/schedule_entries",
            get(incident_io),
        )
        .route("/_on_call/json/{schedule}", get(one_address))
        .with_state(shared.clone())
}

async fn pagerduty(
    Extract(shared): Extract<Arc<Shared>>,
    Path(listed): Path<String>,
    Query(parameters): Parameters,
    parts: Parts,
) -> Response {
    if !has_token(&parts.headers, "Token token=") {
        return refused(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    answered(&shared, "pagerduty", &parts, |schedules, _| {
        match listed.as_str() {
            "oncalls" => Some(answers::pagerduty(schedules, &parameters)),
            "incidents" => Some(answers::pagerduty_incidents(schedules, &parameters)),
            _ => None,
        }
    })
    .await
}

async fn incident_io(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
    parts: Parts,
) -> Response {
    if !has_token(&parts.headers, "Bearer ") {
        return refused(StatusCode::UNAUTHORIZED, "authentication_error");
    }
    answered(&shared, "incident_io", &parts, |schedules, now| {
        answers::incident_io(schedules, &parameters, now)
    })
    .await
}

async fn one_address(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    parts: Parts,
) -> Response {
    answered(&shared, "json", &parts, |schedules, _| {
        answers::json(schedules, &id)
    })
    .await
}

fn has_token(headers: &HeaderMap, scheme: &str) -> bool {
    let given = headers.get("authorization");
    let given = given.and_then(|value| value.to_str().ok());
    given.is_some_and(|given| given.strip_prefix(scheme).is_some_and(|it| !it.is_empty()))
}

async fn answered(
    shared: &Shared,
    operation: &str,
    parts: &Parts,
    answer: impl FnOnce(&[OnCallSchedule], jiff::Timestamp) -> Option<Value>,
) -> Response {
    let subject = Subject {
        service: SERVICE.to_owned(),
        operation: operation.to_owned(),
        ..Subject::default()
    };
    let wall = shared.clock.now();
    let (effects, said) = {
        let mut world = shared.lock();
        let (seed, now) = (world.state.seed, world.now(wall));
        let effects = world.faults.apply(&subject, seed, now);
        let now = jiff::Timestamp::from_millisecond(now).unwrap_or(wall);
        (effects, answer(&world.state.on_call, now))
    };
    pause(effects.before_ms + effects.after_ms).await;
    match (effects.reply, said) {
        (Some(ReplyFault::DropBefore(how) | ReplyFault::DropAfter(how)), _) => {
            cut(parts, how).await
        }
        (Some(ReplyFault::Throttle), _) => {
            let mut answer = refused(StatusCode::TOO_MANY_REQUESTS, "Rate Limit Exceeded");
            answer.headers_mut().insert("retry-after", 1.into());
            answer
        }
        (Some(ReplyFault::Error { code, http, .. }), _) => {
            let status = StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            refused(status, &code)
        }
        (Some(ReplyFault::Slack(_)) | None, Some(said)) => Json(said).into_response(),
        (Some(ReplyFault::Slack(_)) | None, None) => refused(StatusCode::NOT_FOUND, "Not Found"),
    }
}

fn refused(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": { "message": message } }))).into_response()
}
