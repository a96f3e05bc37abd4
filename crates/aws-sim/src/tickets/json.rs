//! An address per ticket. A comment with the id of an earlier one is ignored.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{TicketCall, TicketReply};

pub(super) fn answer(call: &TicketCall<'_>) -> TicketReply {
    let [key] = call.path.as_slice() else {
        return missing();
    };
    let Some(ticket) = call.ticket(key) else {
        return missing();
    };
    if call.is_get {
        return TicketReply::ok(json!({ "ticket": {
            "key": ticket.key,
            "state": ticket.state,
            "project": ticket.project,
            "assignee": ticket.assignee,
        } }));
    }
    let (Some(text), Some(id)) = (call.text("/comment"), call.text("/id")) else {
        let body = json!({ "error": { "message": "`comment` and `id` are needed" } });
        return TicketReply::of(StatusCode::BAD_REQUEST, body);
    };
    let reply = TicketReply::ok(Value::Object(serde_json::Map::new()));
    if ticket.comments.iter().any(|it| it.contains(id)) {
        return reply;
    }
    reply.writing(ticket, text)
}

fn missing() -> TicketReply {
    let body = json!({ "error": { "message": "Not Found" } });
    TicketReply::of(StatusCode::NOT_FOUND, body)
}
