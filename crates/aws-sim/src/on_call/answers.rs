//! The bodies of the services, in their documented forms.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{base::parameter, organization::OnCallSchedule};

const SHIFT: SignedDuration = SignedDuration::from_hours(12);

fn all<'a>(parameters: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    let given = parameters.iter().filter(|(key, _)| key == name);
    given.map(|(_, value)| value.as_str()).collect()
}

/// `PagerDuty` REST API v2, "List all of the on-calls".
pub(super) fn pagerduty(schedules: &[OnCallSchedule], parameters: &[(String, String)]) -> Value {
    let number = |name: &str| parameter(parameters, name)?.parse::<usize>().ok();
    let (limit, offset) = (number("limit").unwrap_or(25), number("offset").unwrap_or(0));
    let wanted = all(parameters, "schedule_ids[]");
    let policies = all(parameters, "escalation_policy_ids[]");
    let whole = all(parameters, "include[]").contains(&"users");
    let is_meant = |it: &&OnCallSchedule| {
        (wanted.is_empty() || wanted.contains(&it.id.as_str()))
            && (policies.is_empty() || policies.contains(&it.policy.as_str()))
    };
    let entry = |it: &OnCallSchedule, address: &str| {
        let mut user = json!({ "id": address, "type": "user_reference", "summary": address });
        if whole && let Some(user) = user.as_object_mut() {
            user.insert("type".to_owned(), "user".into());
            user.insert("email".to_owned(), address.into());
        }
        json!({
            "escalation_policy": { "id": it.policy, "type": "escalation_policy_reference" },
            "escalation_level": it.level.unwrap_or(1),
            "schedule": { "id": it.id, "type": "schedule_reference", "summary": it.name },
            "user": user,
            "start": null,
            "end": null,
        })
    };
    let meant = schedules.iter().filter(is_meant);
    let entries = meant.flat_map(|it| it.people.iter().map(move |address| entry(it, address)));
    let entries: Vec<Value> = entries.collect();
    let more = entries.len() > offset + limit;
    let page: Vec<Value> = entries
        .into_iter()
        .skip(offset)
        .take(limit.min(100))
        .collect();
    json!({ "oncalls": page, "limit": limit, "offset": offset, "more": more, "total": null })
}

/// `PagerDuty` REST API v2, "List incidents".
pub(super) fn pagerduty_incidents(
    schedules: &[OnCallSchedule],
    parameters: &[(String, String)],
) -> Value {
    let wanted = all(parameters, "service_ids[]");
    let whole = all(parameters, "include[]").contains(&"assignees");
    let assignment = |address: &String| {
        let mut user = json!({ "id": address, "type": "user_reference", "summary": address });
        if whole && let Some(user) = user.as_object_mut() {
            user.insert("email".to_owned(), address.as_str().into());
        }
        json!({ "at": null, "assignee": user })
    };
    let incident = |it: &OnCallSchedule| {
        let service = it.incident.as_deref()?;
        (wanted.is_empty() || wanted.contains(&service)).then(|| {
            let assignments: Vec<Value> = it.people.iter().map(assignment).collect();
            json!({
                "id": format!("Q{}", it.id),
                "status": "triggered",
                "service": { "id": service, "type": "service_reference" },
                "assignments": assignments,
            })
        })
    };
    let incidents: Vec<Value> = schedules.iter().filter_map(incident).collect();
    json!({ "incidents": incidents, "limit": 100, "offset": 0, "more": false })
}

/// incident.io API v2, "List schedule entries".
pub(super) fn incident_io(
    schedules: &[OnCallSchedule],
    parameters: &[(String, String)],
    now: Timestamp,
) -> Option<Value> {
    let id = parameter(parameters, "schedule_id")?;
    let schedule = schedules.iter().find(|it| it.id == id)?;
    let entry = |address: &String| {
        json!({
            "entry_id": format!("{id}-{address}"),
            "rotation_id": id,
            "start_at": (now - SHIFT).to_string(),
            "end_at": (now + SHIFT).to_string(),
            "user": { "id": address, "name": address, "email": address, "role": "responder" },
        })
    };
    let entries: Vec<Value> = schedule.people.iter().map(entry).collect();
    Some(json!({
        "schedule_entries": { "final": entries, "scheduled": entries, "overrides": [] },
        "pagination_meta": { "after": null, "after_url": null },
    }))
}

pub(super) fn json(schedules: &[OnCallSchedule], id: &str) -> Option<Value> {
    let schedule = schedules.iter().find(|it| it.id == id)?;
    Some(json!({ "on_call": schedule.people }))
}
