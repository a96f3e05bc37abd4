//! The Table API of `ServiceNow`: a record by its number, its work notes.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{TicketCall, TicketReply, parameter};
use crate::{base::Random, organization::StatedTicket};

pub(super) fn answer(call: &TicketCall<'_>) -> TicketReply {
    match (call.path.as_slice(), call.is_get) {
        (["api", "now", "table", "sys_journal_field"], true) => notes(call),
        (["api", "now", "table", table], true) => {
            let number = condition(call, "number");
            let found = number.and_then(|number| call.ticket(&number));
            let found = found.filter(|it| it.project == *table);
            let rows: Vec<Value> = found.into_iter().map(record).collect();
            TicketReply::ok(json!({ "result": rows }))
        }
        (["api", "now", "table", table, id], false) => {
            let mut tickets = call.tickets.iter();
            let ticket = tickets.find(|it| it.project == *table && id_of(it) == *id);
            match (ticket, call.text("/work_notes")) {
                (Some(ticket), Some(text)) => {
                    TicketReply::ok(json!({ "result": record(ticket) })).writing(ticket, text)
                }
                (Some(ticket), None) => TicketReply::ok(json!({ "result": record(ticket) })),
                (None, _) => missing(),
            }
        }
        _ => missing(),
    }
}

fn missing() -> TicketReply {
    let error = json!({ "message": "No Record found", "detail": "Record doesn't exist" });
    let body = json!({ "error": error, "status": "failure" });
    TicketReply::of(StatusCode::NOT_FOUND, body)
}

fn id_of(ticket: &StatedTicket) -> String {
    Random::new(0, &format!("ticket {}", ticket.key)).hex(32)
}

/// A value in the encoded query: `element_id=…^element=work_notes`.
fn condition(call: &TicketCall<'_>, field: &str) -> Option<String> {
    let query = parameter(call.parameters, "sysparm_query")?;
    let mut parts = query.split('^').filter_map(|part| part.split_once('='));
    parts
        .find(|(name, _)| *name == field)
        .map(|(_, value)| value.to_owned())
}

/// As with `sysparm_display_value=all`.
fn record(ticket: &StatedTicket) -> Value {
    let both = |text: &str| json!({ "display_value": text, "value": text });
    let address = ticket.assignee.as_deref().unwrap_or_default();
    json!({
        "sys_id": both(&id_of(ticket)),
        "number": both(&ticket.key),
        "state": { "display_value": ticket.state, "value": "2" },
        "assigned_to": both(address),
        "assigned_to.email": both(address),
    })
}

fn notes(call: &TicketCall<'_>) -> TicketReply {
    let id = condition(call, "element_id").unwrap_or_default();
    let ticket = call.tickets.iter().find(|it| id_of(it) == id);
    let notes = ticket.map(|it| it.comments.as_slice()).unwrap_or_default();
    let most = call.number("sysparm_limit").unwrap_or(10_000);
    let newest = notes.iter().rev().take(most);
    let rows: Vec<Value> = newest.map(|text| json!({ "value": text })).collect();
    TicketReply::ok(json!({ "result": rows }))
}
