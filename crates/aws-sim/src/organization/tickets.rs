//! Tickets of the demo.

use super::{StatedTicket, TicketService};

/// Of one project in Jira: an open ticket of two people each, a done one of the first.
pub(super) fn demo() -> Vec<StatedTicket> {
    let rows = [
        ("OPS-101", "In Progress", "ines.moreau@example.com"),
        ("OPS-102", "Done", "ines.moreau@example.com"),
        ("OPS-103", "In Progress", "mara.lindqvist@example.com"),
    ];
    let tickets = rows.map(|(key, state, assignee)| StatedTicket {
        service: TicketService::Jira,
        key: key.to_owned(),
        state: state.to_owned(),
        project: "OPS".to_owned(),
        assignee: Some(assignee.to_owned()),
        comments: Vec::new(),
    });
    tickets.into()
}
