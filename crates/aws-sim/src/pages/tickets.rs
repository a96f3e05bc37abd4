//! `/_sim/tickets`: the tickets of the simulated services with their comments, and forms to change
//! them.

use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::{Value, json};

use super::{Visit, refused, show};
use crate::organization::StatedTicket;

#[derive(Template)]
#[template(path = "tickets.html")]
struct TicketsPage {
    title: &'static str,
    tickets: Vec<TicketRow>,
}

struct TicketRow {
    service: String,
    key: String,
    state: String,
    project: String,
    assignee: String,
    comments: Vec<String>,
}

impl From<&StatedTicket> for TicketRow {
    fn from(it: &StatedTicket) -> Self {
        let service = json!(it.service);
        Self {
            service: service.as_str().unwrap_or_default().to_owned(),
            key: it.key.clone(),
            state: it.state.clone(),
            project: it.project.clone(),
            assignee: it.assignee.clone().unwrap_or_default(),
            comments: it.comments.clone(),
        }
    }
}

pub(super) fn ask(visit: &Visit<'_>) -> Response<Body> {
    let world = visit.shared.lock();
    let tickets = world.state.tickets.iter().map(TicketRow::from).collect();
    drop(world);
    let page = TicketsPage {
        title: "Tickets",
        tickets,
    };
    show(StatusCode::OK, &page, "")
}

pub(super) fn answer(visit: &Visit<'_>) -> Response<Body> {
    let names = ["service", "key", "state", "assignee"];
    let body: Value = names
        .into_iter()
        .map(|name| (name.to_owned(), visit.field(name).into()))
        .collect::<serde_json::Map<String, Value>>()
        .into();
    match visit.run("ticket", body) {
        Ok(_) => ask(visit),
        Err(why) => refused(&why),
    }
}
