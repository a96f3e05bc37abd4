//! The paths under `/_slack/`.

use std::{sync::Arc, time::Duration};

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
    forms::decode,
    hooks::respond,
    methods::{MethodCall, MethodError, MethodResult, answer},
    page,
    perform::{act, space},
    recorder::{messages, screen, views},
};
use crate::{
    call_log::{CallRecord, redact},
    connections::{Conduct, cut},
    control_access::guarded,
    core::table::instant,
    faults::{Cut, Effects, ReplyFault, Subject},
    parameters::{self, JsonAnswer, Parameters},
    refusal::Refusal,
    world::{Shared, SimWorld},
};

/// The largest request of an app, in bytes.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// The routes under `/_slack/`. People's acts and the recorder are guarded like the control API;
/// what the app calls is not, it has its tokens.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
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
        .merge(guarded(people, &shared.access))
        .with_state(shared)
}

pub(super) fn host(headers: &HeaderMap) -> String {
    let given = headers.get("host").and_then(|value| value.to_str().ok());
    given.unwrap_or("127.0.0.1").to_owned()
}

/// The value of a query parameter; an empty one is none.
pub(super) fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters::parameter(parameters, name).filter(|value| !value.is_empty())
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

async fn post_act(
    Extract(shared): Extract<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> JsonAnswer {
    // a form of another site cannot send this type without being asked first
    if !is_json(&headers) {
        let text = "send the act as application/json";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Refusal::new(status, "bad_request", text));
    }
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return Err(Refusal::bad("", "not JSON"));
    };
    act(&shared, &body, &host(&headers)).await.map(Json)
}

async fn post_disconnect(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> JsonAnswer {
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
    let told = shared.wires.disconnect(reason, all);
    Ok(Json(json!({ "disconnected": told })))
}

async fn post_reset(Extract(shared): Extract<Arc<Shared>>) -> JsonAnswer {
    space(&mut shared.lock())?.reset();
    Ok(Json(json!({ "reset": true })))
}

async fn get_messages(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
) -> JsonAnswer {
    let mut world = shared.lock();
    let (channel, since) = (
        parameter(&parameters, "channel"),
        parameter(&parameters, "since"),
    );
    Ok(Json(messages(space(&mut world)?, channel, since)))
}

async fn get_views(Extract(shared): Extract<Arc<Shared>>) -> JsonAnswer {
    let mut world = shared.lock();
    Ok(Json(views(space(&mut world)?)))
}

async fn get_acts(Extract(shared): Extract<Arc<Shared>>) -> JsonAnswer {
    let connections = shared.wires.count();
    let mut world = shared.lock();
    let acts = &space(&mut world)?.acts;
    Ok(Json(json!({ "acts": acts, "connections": connections })))
}

async fn get_screen(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
) -> JsonAnswer {
    let mut world = shared.lock();
    let space = space(&mut world)?;
    let who = parameter(&parameters, "user").unwrap_or_default();
    let person = space.person(who).map(|person| person.id.clone());
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, "not_found", "nobody is this user");
    let user = person.ok_or_else(unknown)?;
    let shown = screen(space, &user, parameter(&parameters, "channel"));
    Ok(Json(shown))
}

/// An answer to something that a person did.
async fn response(
    Extract(shared): Extract<Arc<Shared>>,
    Path(hook): Path<String>,
    body: Bytes,
) -> Response {
    let body: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    let mut world = shared.lock();
    let now = world.now(shared.clock.now());
    let taken = match space(&mut world) {
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

/// The socket of Socket Mode, for whoever has a ticket.
async fn link(
    Extract(shared): Extract<Arc<Shared>>,
    Query(parameters): Parameters,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ticket = parameter(&parameters, "ticket").unwrap_or_default();
    let app = {
        let mut world = shared.lock();
        let now = world.now(shared.clock.now());
        match space(&mut world) {
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
    upgrade.on_upgrade(move |socket| async move { shared.wires.serve(socket, &app, &host).await })
}

/// One call of the Web API, with faults around it.
async fn web_api(
    Extract(shared): Extract<Arc<Shared>>,
    Path(method): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let effects = {
        let mut world = shared.lock();
        let now = world.now(shared.clock.now());
        let subject = Subject {
            service: "slack".to_owned(),
            operation: method.clone(),
            ..Subject::default()
        };
        let seed = world.state.seed;
        world.faults.apply(&subject, seed, now)
    };
    pause(effects.before_ms).await;
    let ended = {
        let mut world = shared.lock();
        run(&shared, &mut world, &method, &parts, &body, &effects)
    };
    pause(effects.after_ms).await;
    match ended {
        Ok(response) => response,
        Err(Cut::Reset) => cut(&parts, Conduct::Reset),
        Err(Cut::Close) => cut(&parts, Conduct::Close),
        Err(Cut::Hang(ms)) => {
            pause(ms).await;
            cut(&parts, Conduct::Close)
        }
    }
}

async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// Arguments from the query, a form or a JSON body.
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
    shared: &Shared,
    world: &mut SimWorld,
    method: &str,
    parts: &Parts,
    body: &Bytes,
    effects: &Effects,
) -> Result<Response, Cut> {
    let given = arguments(parts, body);
    let wall = shared.clock.now();
    let now = world.now(wall);
    let throttle = world.state.settings.throttle;
    let bearer = parts
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let host = host(&parts.headers);
    let mut effect = false;
    let instead = instead(effects);
    let said: MethodResult = match (instead.said, &given) {
        (Some(said), _) => said,
        (None, Err(refused)) => Err(refused.clone()),
        (None, Ok(arguments)) => match &mut world.slack {
            None => Err(MethodError::new("team_not_found")),
            Some(space) => {
                let call = MethodCall {
                    method,
                    token: bearer.or_else(|| arguments.get("token").and_then(Value::as_str)),
                    arguments,
                    host: &host,
                    throttle,
                    now,
                };
                let before = space.revision;
                let said = answer(space, &call);
                effect = space.revision != before;
                said
            }
        },
    };
    let log = Log {
        method,
        arguments: given.ok().map(Value::Object).unwrap_or_default(),
        said: &said,
        dropped: instead.dropped.is_some(),
        effect,
        fault: effects.fault.as_deref(),
    };
    log.write(world, wall, now);
    match instead.dropped {
        Some(how) => Err(how),
        None => Ok(written(said, instead.status)),
    }
}

/// What faults put in the place of an answer.
struct Instead {
    /// Said without asking the method.
    said: Option<MethodResult>,
    status: u16,
    /// The connection ends without an answer.
    dropped: Option<Cut>,
}

fn instead(effects: &Effects) -> Instead {
    let mut instead = Instead {
        said: None,
        status: 200,
        dropped: None,
    };
    match &effects.reply {
        None => {}
        Some(ReplyFault::DropBefore(how)) => {
            instead.said = Some(Ok(Map::new()));
            instead.dropped = Some(*how);
        }
        Some(ReplyFault::DropAfter(how)) => instead.dropped = Some(*how),
        Some(ReplyFault::Slack(fault)) => {
            instead.status = fault.http.unwrap_or(200);
            instead.dropped = fault.hang_ms.map(Cut::Hang);
            let mut refused = MethodError::new(&fault.error);
            refused.retry_after = fault.retry_after;
            instead.said = Some(Err(refused));
        }
        Some(ReplyFault::Error { code, http, .. }) => {
            instead.status = *http;
            instead.said = Some(Err(MethodError::new(code)));
        }
        Some(ReplyFault::Throttle) => instead.said = Some(Err(MethodError::ratelimited(1))),
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

/// A call as the log of calls keeps it.
struct Log<'a> {
    method: &'a str,
    arguments: Value,
    said: &'a MethodResult,
    dropped: bool,
    effect: bool,
    fault: Option<&'a str>,
}

impl Log<'_> {
    fn write(mut self, world: &mut SimWorld, wall: jiff::Timestamp, now: i64) {
        let seq = world.next_seq();
        if let Some(fields) = self.arguments.as_object_mut() {
            fields.shift_remove("token");
        }
        let outcome = match self.said {
            _ if self.dropped => "dropped",
            Ok(_) => "ok",
            Err(refused) if refused.retry_after.is_some() => "throttled",
            Err(_) => "client_error",
        };
        let error = self
            .said
            .as_ref()
            .err()
            .map(|refused| refused.error.as_str());
        let mut row = json!({
            "seq": seq,
            "at": instant(now),
            "wall": wall.to_string(),
            "service": "slack",
            "operation": self.method,
            "request": redact(&self.arguments),
            "outcome": outcome,
            "effect": self.effect,
        });
        if let Some(row) = row.as_object_mut() {
            for (name, value) in [("error", error), ("fault", self.fault)] {
                if let Some(value) = value {
                    row.insert(name.to_owned(), value.into());
                }
            }
        }
        world.calls.push(CallRecord {
            seq,
            service: "slack".to_owned(),
            operation: self.method.to_owned(),
            outcome,
            shown: row,
        });
    }
}
