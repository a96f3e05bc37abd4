//! GitHub REST API: an issue, its comments, and its assignee.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{TicketCall, TicketReply};
use crate::organization::StatedTicket;

pub(super) fn answer(call: &TicketCall<'_>) -> TicketReply {
    let (owner, name, number, below) = match call.path.as_slice() {
        ["users", login] if call.is_get => return user(call, login),
        ["repos", owner, name, "issues", number, below @ ..] => (owner, name, number, below),
        _ => return missing(),
    };
    let Some(ticket) = call.ticket(&format!("{owner}/{name}#{number}")) else {
        return missing();
    };
    match (below, call.is_get) {
        ([], true) => TicketReply::ok(issue(ticket, number)),
        (["comments"], true) => TicketReply::ok(comments(ticket, call)),
        (["comments"], false) => {
            let Some(text) = call.text("/body") else {
                let body = json!({ "message": "Validation Failed" });
                return TicketReply::of(StatusCode::UNPROCESSABLE_ENTITY, body);
            };
            let comment = json!({ "id": ticket.comments.len(), "body": text });
            TicketReply::of(StatusCode::CREATED, comment).writing(ticket, text)
        }
        _ => missing(),
    }
}

fn missing() -> TicketReply {
    let body = json!({ "message": "Not Found", "status": "404" });
    TicketReply::of(StatusCode::NOT_FOUND, body)
}

/// `ines-moreau`: logins have no dots.
fn login(address: &str) -> String {
    let (local, _) = address.split_once('@').unwrap_or((address, ""));
    local.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

fn issue(ticket: &StatedTicket, number: &str) -> Value {
    let assignees = ticket.assignee.iter();
    let assignees: Vec<Value> = assignees.map(|it| json!({ "login": login(it) })).collect();
    json!({
        "number": number.parse::<u64>().unwrap_or_default(),
        "state": ticket.state,
        "html_url": format!("https://github.com/{}/issues/{number}", ticket.project),
        "assignee": assignees.first(),
        "assignees": assignees,
        "comments": ticket.comments.len(),
    })
}

fn user(call: &TicketCall<'_>, wanted: &str) -> TicketReply {
    let mut addresses = call.tickets.iter().filter_map(|it| it.assignee.as_ref());
    match addresses.find(|address| login(address) == wanted) {
        Some(address) => TicketReply::ok(json!({ "login": wanted, "email": address })),
        None => missing(),
    }
}

fn comments(ticket: &StatedTicket, call: &TicketCall<'_>) -> Value {
    let most = call.number("per_page").unwrap_or(30).min(100);
    let before = call.number("page").unwrap_or(1).saturating_sub(1);
    let all = ticket.comments.iter().enumerate();
    let page = all.skip(before.saturating_mul(most)).take(most);
    page.map(|(id, text)| json!({ "id": id, "body": text }))
        .collect()
}
