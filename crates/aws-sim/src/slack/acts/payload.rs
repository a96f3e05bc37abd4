//! Payloads sent to the app (`simulator.md` K-6).

use serde_json::{Map, Value, json};

use super::find::{Container, Element};
use crate::slack::{
    methods::{card, shown, state},
    settings::Person,
    workspace::Workspace,
};

/// Deprecated token; still sent, never to be trusted.
const VERIFICATION_TOKEN: &str = "verification-token-of-old";

pub(super) fn base(space: &Workspace, kind: &str, user: &str) -> Map<String, Value> {
    let settings = &space.settings;
    let person = space.user(user);
    let handle = person.map(Person::handle).unwrap_or_default();
    let home = person.and_then(|person| person.team.as_deref());
    let body = json!({
        "type": kind,
        "team": { "id": settings.team, "domain": settings.team_name.to_lowercase() },
        "user": {
            "id": user,
            "username": handle,
            "name": handle,
            "team_id": home.unwrap_or(&settings.team),
        },
        "api_app_id": settings.app_id,
        "token": VERIFICATION_TOKEN,
        "enterprise": null,
        "is_enterprise_install": false,
    });
    match body {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

pub(super) fn place(space: &Workspace, container: &Container, body: &mut Map<String, Value>) {
    match container {
        Container::View(view) => {
            let at = json!({ "type": "view", "view_id": view.id });
            body.insert("container".to_owned(), at);
            body.insert("view".to_owned(), shown(space, view));
            body.insert("state".to_owned(), state(view));
        }
        Container::Message(message) => {
            let hidden = message.only_for.is_some();
            let mut at = json!({
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": hidden,
            });
            if let (Some(thread), Some(at)) = (&message.thread, at.as_object_mut()) {
                at.insert("thread_ts".to_owned(), thread.clone().into());
            }
            body.insert("container".to_owned(), at);
            body.insert("channel".to_owned(), space.channel_card(&message.channel));
            // ephemeral messages are not stored, so Slack cannot include them
            if !hidden {
                body.insert("message".to_owned(), card(space, message));
            }
            body.insert("state".to_owned(), json!({ "values": {} }));
        }
    }
}

pub(super) fn action(found: &Element, value: Value, ts: &str) -> Value {
    let mut action = json!({
        "type": found.kind(),
        "action_id": found.action_id(),
        "block_id": found.block_id(),
        "action_ts": ts,
    });
    if let Some(fields) = action.as_object_mut() {
        for name in ["text", "value", "style", "placeholder"] {
            if let Some(given) = found.element.get(name) {
                fields.insert(name.to_owned(), given.clone());
            }
        }
        if let Value::Object(value) = value {
            fields.extend(value);
        }
    }
    action
}
