//! Changes a ticket of a simulated service: state, assignee, or one more comment.

use serde_json::{Value, json};

use crate::base::Refusal;
use crate::core::state::SimState;
use crate::organization::TicketService;

/// As GitHub's limit, in characters.
const COMMENT_MAX: usize = 65_536;
const COMMENTS_MAX: usize = 10_000;

pub(super) fn change(state: &mut SimState, body: &Value) -> Result<Value, Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let service = body.get("service").cloned().unwrap_or_default();
    let service: TicketService = serde_json::from_value(service)
        .map_err(|_| Refusal::bad("service", "expected the name of a service"))?;
    let key = text("key").ok_or_else(|| Refusal::bad("key", "expected text"))?;
    let mut tickets = state.tickets.iter_mut();
    let ticket = tickets.find(|it| it.service == service && it.key == key);
    let ticket = ticket.ok_or_else(|| Refusal::bad("key", "there is no such ticket"))?;
    let comment = text("comment");
    if let Some(comment) = comment
        && (comment.chars().count() > COMMENT_MAX || ticket.comments.len() >= COMMENTS_MAX)
    {
        return Err(Refusal::bad("comment", "too long, or one too many"));
    }
    if let Some(state) = text("state") {
        if state.trim().is_empty() {
            return Err(Refusal::bad("state", "expected text"));
        }
        state.trim().clone_into(&mut ticket.state);
    }
    if let Some(assignee) = text("assignee") {
        let assignee = assignee.trim();
        ticket.assignee = (!assignee.is_empty()).then(|| assignee.to_owned());
    }
    ticket.comments.extend(comment.map(str::to_owned));
    Ok(json!(ticket))
}
