//! Linear's GraphQL, as far as an issue, its comments and `commentCreate` need it. All fields of an
//! issue are answered, whichever are asked for.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{TicketCall, TicketReply};
use crate::organization::StatedTicket;

/// The start of a connection's arguments.
const COMMENTS: &str = "comments(";

pub(super) fn answer(call: &TicketCall<'_>) -> TicketReply {
    let (["graphql"], false, Some(query)) =
        (call.path.as_slice(), call.is_get, call.text("/query"))
    else {
        let body = json!({ "errors": [{ "message": "Cannot answer this." }] });
        return TicketReply::of(StatusCode::BAD_REQUEST, body);
    };
    let is_mutation = query.contains("commentCreate");
    let variable = if is_mutation {
        "/variables/issue"
    } else {
        "/variables/id"
    };
    let id = call.text(variable).unwrap_or_default();
    let Some(ticket) = call.ticket(id) else {
        return missing();
    };
    if is_mutation {
        let text = call.text("/variables/body").unwrap_or_default();
        let created = json!({ "data": { "commentCreate": { "success": true } } });
        return TicketReply::ok(created).writing(ticket, text);
    }
    TicketReply::ok(json!({ "data": { "issue": issue(ticket, query) } }))
}

fn missing() -> TicketReply {
    let said = "Could not find referenced Issue.";
    let extensions = json!({ "code": "INPUT_ERROR", "userPresentableMessage": said });
    let error = json!({ "message": "Entity not found: Issue", "extensions": extensions });
    TicketReply::ok(json!({ "errors": [error], "data": null }))
}

fn issue(ticket: &StatedTicket, query: &str) -> Value {
    let assignee = ticket.assignee.as_ref();
    let assignee = assignee.map(|address| json!({ "email": address, "name": address }));
    let mut issue = Map::new();
    for (name, value) in [
        ("id", json!(ticket.key)),
        ("identifier", json!(ticket.key)),
        (
            "url",
            json!(format!("https://linear.app/issue/{}", ticket.key)),
        ),
        ("state", json!({ "name": ticket.state })),
        ("team", json!({ "key": ticket.project })),
        ("assignee", json!(assignee)),
    ] {
        issue.insert(name.to_owned(), value);
    }
    for (at, _) in query.match_indices(COMMENTS) {
        let (before, after) = query.split_at(at);
        let arguments = after.trim_start_matches(COMMENTS);
        let arguments = arguments.split(')').next().unwrap_or_default();
        let alias = before.trim_end().strip_suffix(':');
        let alias = alias.and_then(|it| it.split_whitespace().next_back());
        let nodes = nodes(ticket, arguments);
        let name = alias.unwrap_or("comments").to_owned();
        issue.insert(name, json!({ "nodes": nodes }));
    }
    issue.into()
}

/// With `first: N` or `last: N`.
fn nodes(ticket: &StatedTicket, arguments: &str) -> Vec<Value> {
    let (which, most) = arguments.split_once(':').unwrap_or(("first", "50"));
    let most = most.trim().parse().unwrap_or(50).min(250);
    let all = ticket.comments.as_slice();
    let left_out = match which.trim() {
        "last" => all.len().saturating_sub(most),
        _ => 0,
    };
    let some = all.iter().skip(left_out).take(most);
    some.map(|text| json!({ "body": text })).collect()
}
