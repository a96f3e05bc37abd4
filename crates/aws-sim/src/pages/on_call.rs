//! `/_sim/on-call`: who is on call in the simulated services, and a form to change it.

use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::json;

use super::{Visit, refused, show};
use crate::organization::OnCallSchedule;

#[derive(Template)]
#[template(path = "on_call.html")]
struct OnCallPage {
    title: &'static str,
    schedules: Vec<OnCallRow>,
}

struct OnCallRow {
    id: String,
    name: String,
    level: u32,
    people: String,
    incident: String,
}

impl From<&OnCallSchedule> for OnCallRow {
    fn from(it: &OnCallSchedule) -> Self {
        Self {
            id: it.id.clone(),
            name: it.name.clone(),
            level: it.level.unwrap_or(1),
            people: it.people.join(", "),
            incident: it.incident.clone().unwrap_or_default(),
        }
    }
}

pub(super) fn ask(visit: &Visit<'_>) -> Response<Body> {
    let world = visit.shared.lock();
    let schedules = world.state.on_call.iter().map(OnCallRow::from).collect();
    drop(world);
    let page = OnCallPage {
        title: "On call",
        schedules,
    };
    show(StatusCode::OK, &page, "")
}

pub(super) fn answer(visit: &Visit<'_>) -> Response<Body> {
    let people = visit.field("people").split([',', ' ']);
    let people: Vec<&str> = people.filter(|it| !it.is_empty()).collect();
    let body = json!({ "schedule": visit.field("schedule"), "people": people, "incident": visit.field("incident") });
    match visit.run("on_call", body) {
        Ok(_) => ask(visit),
        Err(why) => refused(&why),
    }
}
