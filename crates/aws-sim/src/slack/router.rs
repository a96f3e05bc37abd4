use std::sync::Arc;

use crate::base::{ControlAccess, Cut, JsonAnswer, Parameters, Refusal, cut, guarded, pause};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, Query, Request, State as Extract, ws::WebSocketUpgrade},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde_json::{Map, Value, json};

use super::{
    face::{SlackFace, SlackSimulator},
    forms::{decode, parameter},
    hooks::respond,
    host::{MethodFault, MethodFaults, MethodRecord, SlackHost},
    methods::{MethodCall, MethodError, MethodResult, answer},
    page,
    perform::act,
    recorder::{messages, screen, views},
};

/// Maximum request size of an app, in bytes.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// The routes under `/_slack/`. Acts and the recorder are guarded like the control API; the app's
/// paths use its tokens.
pub fn router(
    slack: Arc<SlackSimulator>,
    host: Arc<dyn SlackHost>,
    access: &Arc<ControlAccess>,
) -> Router {
    let people = Router::new()
        .route("/_slack/act", post(post_act))
        .route("/_slack/disconnect", post(post_disconnect))
        .route("/_slack/reset", post(post_reset))
        .route("/_slack/messages", get(get_messages))
        .route("/_slack/views", get(get_views))
        .route("/_slack/acts", get(get_acts))
        .route("/_slack/screen", get(get_screen))
        .route("/_slack", get(page::slash))
        .route("/_slack/", get(page::page))
        .route("/_slack/parts", get(page::parts))
        .route("/_slack/static/{name}", get(page::file));
    Router::new()
        .route("/_slack/api/{method}", any(web_api))
        .route("/_slack/link", get(link))
        .route("/_slack/response/{hook}", post(response))
        .merge(guarded(people, access))
        .with_state(SlackFace { slack, host })
}

pub(super) fn host(headers: &HeaderMap) -> String {
    let given = headers.get("host").and_then(|value| value.to_str().ok());
    given.unwrap_or("127.0.0.1").to_owned()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

async fn post_act(
    Extract(face): Extract<SlackFace>,
    headers: HeaderMap,
    body: Bytes,
) -> JsonAnswer {
    // a foreign site's form cannot send this type without a preflight
    if !is_json(&headers) {
        let text = "send the act as application/json";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Refusal::new(status, "bad_request", text));
    }
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return Err(Refusal::bad("", "not JSON"));
    };
    act(&face, &body, &host(&headers)).await.map(Json)
}

async fn post_disconnect(Extract(face): Extract<SlackFace>, body: Bytes) -> JsonAnswer {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let reason = body
        .get("reason")
        .and_then(Value::as_str)
        .unwrap_or("refresh_requested");
    if !["warning", "refresh_requested", "link_disabled"].contains(&reason) {
        let text = "is one of warning, refresh_requested, link_disabled";
        return Err(Refusal::bad("reason", text));
    }
    let all = body.get("all") != Some(&Value::Bool(false));
    let told = face.slack.wires.disconnect(reason, all);
    Ok(Json(json!({ "disconnected": told })))
}

async fn post_reset(Extract(face): Extract<SlackFace>) -> JsonAnswer {
    face.lock().space()?.reset();
    Ok(Json(json!({ "reset": true })))
}

async fn get_messages(
    Extract(face): Extract<SlackFace>,
    Query(parameters): Parameters,
) -> JsonAnswer {
    let mut open = face.lock();
    let (channel, since) = (
        parameter(&parameters, "channel"),
        parameter(&parameters, "since"),
    );
    Ok(Json(messages(open.space()?, channel, since)))
}

async fn get_views(Extract(face): Extract<SlackFace>) -> JsonAnswer {
    let mut open = face.lock();
    Ok(Json(views(open.space()?)))
}

async fn get_acts(Extract(face): Extract<SlackFace>) -> JsonAnswer {
    let connections = face.slack.wires.count();
    let mut open = face.lock();
    let acts = &open.space()?.acts;
    Ok(Json(json!({ "acts": acts, "connections": connections })))
}

async fn get_screen(
    Extract(face): Extract<SlackFace>,
    Query(parameters): Parameters,
) -> JsonAnswer {
    let mut open = face.lock();
    let space = open.space()?;
    let who = parameter(&parameters, "user").unwrap_or_default();
    let person = space.person(who).map(|person| person.id.clone());
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is no such user");
    let user = person.ok_or_else(unknown)?;
    let shown = screen(space, &user, parameter(&parameters, "channel"));
    Ok(Json(shown))
}

async fn response(
    Extract(face): Extract<SlackFace>,
    Path(hook): Path<String>,
    body: Bytes,
) -> Response {
    let body: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    let mut open = face.lock();
    let now = face.host.now();
    let taken = match open.space() {
        Ok(space) => respond(space, &hook, &body, now),
        Err(refusal) => return refusal.into_response(),
    };
    match taken {
        Ok(()) => "ok".into_response(),
        Err(not) => {
            let status = StatusCode::from_u16(not.status).unwrap_or(StatusCode::NOT_FOUND);
            (status, not.error).into_response()
        }
    }
}

/// Serves Socket Mode to holders of a ticket.
async fn link(
    Extract(face): Extract<SlackFace>,
    Query(parameters): Parameters,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ticket = parameter(&parameters, "ticket").unwrap_or_default();
    let app = {
        let mut open = face.lock();
        let now = face.host.now();
        match open.space() {
            Ok(space) => {
                let until = space.tickets.remove(ticket);
                let good = until.is_some_and(|until| now <= until);
                good.then(|| space.settings.app_id.clone())
            }
            Err(refusal) => return refusal.into_response(),
        }
    };
    let Some(app) = app else {
        return (
            StatusCode::UNAUTHORIZED,
            "the ticket is unknown, used or too old",
        )
            .into_response();
    };
    let host = host(&headers);
    upgrade
        .on_upgrade(move |socket| async move { face.slack.wires.serve(socket, &app, &host).await })
}

async fn web_api(
    Extract(face): Extract<SlackFace>,
    Path(method): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let faults = face.host.faults(&method);
    pause(faults.before_ms).await;
    let ended = run(&face, &method, &parts, &body, &faults);
    pause(faults.after_ms).await;
    match ended {
        Ok(response) => response,
        Err(how) => cut(&parts, how).await,
    }
}

fn arguments(parts: &Parts, body: &Bytes) -> Result<Map<String, Value>, MethodError> {
    let mut found = decode(parts.uri.query().unwrap_or_default());
    if body.is_empty() {
        return Ok(found);
    }
    let kind = parts
        .headers
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default();
    if is_json(&parts.headers) {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => found.extend(fields),
            Ok(_) => return Err(MethodError::new("json_not_object")),
            Err(_) => return Err(MethodError::new("invalid_json")),
        }
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        found.extend(decode(&String::from_utf8_lossy(body)));
    } else {
        return Err(MethodError::new("invalid_post_type"));
    }
    Ok(found)
}

fn run(
    face: &SlackFace,
    method: &str,
    parts: &Parts,
    body: &Bytes,
    faults: &MethodFaults,
) -> Result<Response, Cut> {
    let given = arguments(parts, body);
    let bearer = parts
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let host = host(&parts.headers);
    let mut effect = false;
    let instead = instead(faults);
    // locked until logged, so that the log has the order of the answers
    let mut open = face.lock();
    let said: MethodResult = match (instead.said, &given) {
        (Some(said), _) => said,
        (None, Err(refused)) => Err(refused.clone()),
        (None, Ok(arguments)) => match &mut open.space {
            None => Err(MethodError::new("team_not_found")),
            Some(space) => {
                let call = MethodCall {
                    method,
                    token: bearer.or_else(|| arguments.get("token").and_then(Value::as_str)),
                    arguments,
                    host: &host,
                    throttle: face.host.throttles(),
                    now: face.host.now(),
                };
                let before = space.revision;
                let said = answer(space, &call);
                effect = space.revision != before;
                said
            }
        },
    };
    let mut arguments = given.unwrap_or_default();
    arguments.shift_remove("token");
    face.host.log(&MethodRecord {
        method,
        arguments: &Value::Object(arguments),
        outcome: outcome(&said, instead.dropped.is_some()),
        error: said.as_ref().err().map(|refused| refused.error.as_str()),
        effect,
        fault: faults.name.as_deref(),
    });
    match instead.dropped {
        Some(how) => Err(how),
        None => Ok(written(said, instead.status)),
    }
}

fn outcome(said: &MethodResult, dropped: bool) -> &'static str {
    match said {
        _ if dropped => "dropped",
        Ok(_) => "ok",
        Err(refused) if refused.retry_after.is_some() => "throttled",
        Err(_) => "client_error",
    }
}

/// A fault's replacement for an answer.
struct Instead {
    /// Answer given without calling the method.
    said: Option<MethodResult>,
    status: u16,
    dropped: Option<Cut>,
}

fn instead(faults: &MethodFaults) -> Instead {
    let mut instead = Instead {
        said: None,
        status: 200,
        dropped: None,
    };
    match &faults.reply {
        None => {}
        Some(MethodFault::DropBefore(how)) => {
            instead.said = Some(Ok(Map::new()));
            instead.dropped = Some(*how);
        }
        Some(MethodFault::DropAfter(how)) => instead.dropped = Some(*how),
        Some(MethodFault::Answer(fault)) => {
            instead.status = fault.http.unwrap_or(200);
            instead.dropped = fault.hang_ms.map(Cut::Hang);
            let mut refused = MethodError::new(&fault.error);
            refused.retry_after = fault.retry_after;
            instead.said = Some(Err(refused));
        }
    }
    instead
}

fn written(said: MethodResult, status: u16) -> Response {
    match said {
        Ok(fields) => {
            let mut body = Map::new();
            body.insert("ok".to_owned(), true.into());
            body.extend(fields);
            Json(Value::Object(body)).into_response()
        }
        Err(refused) => {
            let status = if refused.retry_after.is_some() {
                429
            } else {
                status
            };
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let mut response: Response<Body> = (status, Json(refused.body())).into_response();
            if let Some(seconds) = refused.retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            response
        }
    }
}
