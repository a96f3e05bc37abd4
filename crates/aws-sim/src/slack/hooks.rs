//! `response_url`: later answers of the app to an act (`simulator.md` K-7).

use crate::base::Millis;
use serde_json::{Map, Value};

use super::{
    methods::Draft,
    workspace::{HOOK_MS, HOOK_USES, Message, Workspace},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotTaken {
    pub status: u16,
    pub error: String,
}

fn not_taken(status: u16, error: &str) -> NotTaken {
    NotTaken {
        status,
        error: error.to_owned(),
    }
}

/// Accepts an answer.
///
/// # Errors
/// 404 `expired_url` after five uses or half an hour, 400 for invalid content.
pub(crate) fn respond(
    space: &mut Workspace,
    id: &str,
    body: &Map<String, Value>,
    now: Millis,
) -> Result<(), NotTaken> {
    let hook = space.hooks.get(id).cloned();
    let hook = hook.ok_or_else(|| not_taken(404, "expired_url"))?;
    if hook.uses >= HOOK_USES || now - hook.at > HOOK_MS {
        return Err(not_taken(404, "expired_url"));
    }
    let on = |name: &str| body.get(name) == Some(&Value::Bool(true));
    let original = hook.message.clone();
    if on("delete_original") {
        if let Some(message) = original.and_then(|ts| space.message_mut(&hook.channel, &ts)) {
            message.deleted = true;
        }
    } else {
        let text = body.get("text").and_then(Value::as_str).map(str::to_owned);
        let draft = Draft::check(text, body.get("blocks").cloned());
        let draft = draft.map_err(|refused| not_taken(400, &refused.error))?;
        if let Some(ts) = original.filter(|_| on("replace_original")) {
            replace(space, &hook.channel, &ts, draft, now);
        } else {
            let mut message = space.app_message(&hook.channel);
            let open = body.get("response_type").and_then(Value::as_str) == Some("in_channel");
            message.only_for = (!open).then(|| hook.user.clone());
            let thread = body.get("thread_ts").and_then(Value::as_str);
            message.thread = thread.map(str::to_owned);
            space.say(message, draft, now);
        }
    }
    if let Some(hook) = space.hooks.get_mut(id) {
        hook.uses += 1;
    }
    space.revision += 1;
    Ok(())
}

fn replace(space: &mut Workspace, channel: &str, ts: &str, draft: Draft, now: Millis) {
    let before = space
        .message(channel, ts)
        .and_then(Message::latest)
        .cloned();
    let version = space.version(draft, before.as_ref(), "response", now);
    if let Some(message) = space.message_mut(channel, ts) {
        message.versions.push(version);
    }
}
