//! Jira REST API 2: an issue and its comments.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{TicketCall, TicketReply, parameter};
use crate::organization::StatedTicket;

pub(super) fn answer(call: &TicketCall<'_>) -> TicketReply {
    let ["rest", "api", "2", "issue", key, below @ ..] = call.path.as_slice() else {
        return missing();
    };
    let Some(ticket) = call.ticket(key) else {
        return missing();
    };
    match (below, call.is_get) {
        ([], true) => TicketReply::ok(issue(ticket, &call.base)),
        (["comment"], true) => TicketReply::ok(comments(ticket, call)),
        (["comment"], false) => {
            let Some(text) = call.text("/body") else {
                let errors = json!({ "errorMessages": [], "errors": { "comment": "required" } });
                return TicketReply::of(StatusCode::BAD_REQUEST, errors);
            };
            let comment = comment(ticket.comments.len(), text);
            TicketReply::of(StatusCode::CREATED, comment).writing(ticket, text)
        }
        _ => missing(),
    }
}

fn missing() -> TicketReply {
    let text = "Issue does not exist or you do not have permission to see it.";
    let body = json!({ "errorMessages": [text], "errors": {} });
    TicketReply::of(StatusCode::NOT_FOUND, body)
}

fn issue(ticket: &StatedTicket, base: &str) -> Value {
    let assignee = ticket
        .assignee
        .as_ref()
        .map(|address| json!({ "emailAddress": address, "displayName": address, "active": true }));
    json!({
        "id": ticket.key,
        "key": ticket.key,
        "self": format!("{base}/rest/api/2/issue/{}", ticket.key),
        "fields": {
            "status": { "name": ticket.state },
            "project": { "key": ticket.project },
            "assignee": assignee,
        },
    })
}

fn comment(number: usize, text: &str) -> Value {
    json!({ "id": (10_000 + number).to_string(), "body": text })
}

fn comments(ticket: &StatedTicket, call: &TicketCall<'_>) -> Value {
    let (start, most) = (call.number("startAt"), call.number("maxResults"));
    let (start, most) = (start.unwrap_or(0), most.unwrap_or(50).min(100));
    let all = ticket.comments.iter().enumerate();
    let mut all: Vec<Value> = all.map(|(number, text)| comment(number, text)).collect();
    if parameter(call.parameters, "orderBy") == Some("-created") {
        all.reverse();
    }
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(start).take(most).collect();
    json!({ "startAt": start, "maxResults": most, "total": total, "comments": page })
}
