//! Simulated services of tickets, `/_tickets/` (`simulator.md` §9): Jira, `ServiceNow`, GitHub,
//! Linear, and an address that answers JSON. They share the tickets of the organization. Faults hit
//! them as service `tickets` with the names of the services as operations.

mod github;
mod jira;
mod json;
mod linear;
mod service_now;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State as Extract},
    http::{HeaderMap, Method, StatusCode, request::Parts},
    response::{IntoResponse as _, Redirect, Response},
    routing::any,
};
use serde_json::{Value, json};

use crate::{
    base::{Parameters, cut, parameter, pause},
    faults::{Effects, ReplyFault, Subject},
    organization::{StatedTicket, TicketService},
    world::{Shared, SimWorld},
};

/// Its name in faults.
pub(crate) const SERVICE: &str = "tickets";

pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/_tickets/{service}/{*path}", any(answer))
        .with_state(shared.clone())
}

/// A call of one service.
struct TicketCall<'a> {
    /// Of this service only.
    tickets: Vec<&'a StatedTicket>,
    is_get: bool,
    path: Vec<&'a str>,
    parameters: &'a [(String, String)],
    body: &'a Value,
    /// `http://HOST/_tickets/SERVICE`.
    base: String,
}

impl TicketCall<'_> {
    fn number(&self, name: &str) -> Option<usize> {
        parameter(self.parameters, name)?.parse().ok()
    }

    /// As the services do, without case.
    fn ticket(&self, key: &str) -> Option<&StatedTicket> {
        let mut tickets = self.tickets.iter();
        tickets.find(|it| it.key.eq_ignore_ascii_case(key)).copied()
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }
}

struct TicketReply {
    status: StatusCode,
    body: Value,
    /// The key of a ticket, and its new comment.
    written: Option<(String, String)>,
}

impl TicketReply {
    fn ok(body: Value) -> Self {
        Self::of(StatusCode::OK, body)
    }

    fn of(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            body,
            written: None,
        }
    }

    fn writing(mut self, ticket: &StatedTicket, text: &str) -> Self {
        self.written = Some((ticket.key.clone(), text.to_owned()));
        self
    }
}

async fn answer(
    Extract(shared): Extract<Arc<Shared>>,
    Path((name, path)): Path<(String, String)>,
    Query(parameters): Parameters,
    parts: Parts,
    body: Bytes,
) -> Response {
    let service = serde_json::from_value::<TicketService>(name.clone().into());
    let Ok(service) = service else {
        return refused(StatusCode::NOT_FOUND, "Not Found");
    };
    // links that people open
    if path == "nav_to.do" || path.starts_with("browse/") {
        return Redirect::to("/_sim/tickets").into_response();
    }
    if service != TicketService::Json && !has_token(&parts.headers, service) {
        return refused(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    let host = parts.headers.get("host").and_then(|it| it.to_str().ok());
    let base = format!("http://{}/_tickets/{name}", host.unwrap_or_default());
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let subject = Subject {
        service: SERVICE.to_owned(),
        operation: name,
        ..Subject::default()
    };
    let wall = shared.clock.now();
    let (effects, reply) = {
        let mut world = shared.lock();
        let (seed, now) = (world.state.seed, world.now(wall));
        let effects = world.faults.apply(&subject, seed, now);
        let tickets = world.state.tickets.iter();
        let call = TicketCall {
            tickets: tickets.filter(|it| it.service == service).collect(),
            is_get: parts.method == Method::GET,
            path: path.split('/').collect(),
            parameters: &parameters,
            body: &body,
            base,
        };
        let reply = reply(service, &call);
        let reply = match effects.reply {
            None | Some(ReplyFault::DropAfter(_)) => written(&mut world, wall, service, reply),
            Some(_) => reply,
        };
        (effects, reply)
    };
    pause(effects.before_ms + effects.after_ms).await;
    said(effects, reply, &parts).await
}

fn reply(service: TicketService, call: &TicketCall<'_>) -> TicketReply {
    match service {
        TicketService::Jira => jira::answer(call),
        TicketService::ServiceNow => service_now::answer(call),
        TicketService::Github => github::answer(call),
        TicketService::Linear => linear::answer(call),
        TicketService::Json => json::answer(call),
    }
}

fn written(
    world: &mut SimWorld,
    wall: jiff::Timestamp,
    service: TicketService,
    reply: TicketReply,
) -> TicketReply {
    let Some((key, comment)) = &reply.written else {
        return reply;
    };
    let body = json!({ "service": service, "key": key, "comment": comment });
    match world.run_command(wall, "ticket", body) {
        Ok(_) => reply,
        Err(refusal) => {
            let message = json!({ "error": { "message": refusal.message() } });
            TicketReply::of(refusal.status(), message)
        }
    }
}

async fn said(effects: Effects, reply: TicketReply, parts: &Parts) -> Response {
    match effects.reply {
        Some(ReplyFault::DropBefore(how) | ReplyFault::DropAfter(how)) => cut(parts, how).await,
        Some(ReplyFault::Throttle) => {
            let mut answer = refused(StatusCode::TOO_MANY_REQUESTS, "Rate Limit Exceeded");
            answer.headers_mut().insert("retry-after", 1.into());
            answer
        }
        Some(ReplyFault::Error { code, http, .. }) => {
            let status = StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            refused(status, &code)
        }
        Some(ReplyFault::Slack(_)) | None => (reply.status, Json(reply.body)).into_response(),
    }
}

/// Linear's keys have no scheme.
fn has_token(headers: &HeaderMap, service: TicketService) -> bool {
    let given = headers.get("authorization");
    let given = given.and_then(|value| value.to_str().ok());
    let given = given.unwrap_or_default();
    let has_scheme = ["Basic ", "Bearer "].iter().any(|it| given.starts_with(it));
    !given.is_empty() && (has_scheme || service == TicketService::Linear)
}

fn refused(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": { "message": message } }))).into_response()
}
