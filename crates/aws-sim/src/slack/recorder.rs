//! Records messages and acts (`simulator.md` K-10), and returns a person's current view.

use crate::base::instant;
use serde_json::{Value, json};

use super::{
    methods::shown,
    text::unescape,
    workspace::{Message, ModalView, Shown, Version, Workspace},
};

const SCREEN_MESSAGES: usize = 50;

fn version(one: &Version) -> Value {
    json!({
        "at": instant(one.at),
        "by": one.by,
        "text": one.text,
        "plain": unescape(&one.text),
        "blocks": one.blocks,
        "flags": one.flags,
    })
}

fn message(one: &Message) -> Value {
    let latest = one.latest();
    json!({
        "channel": one.channel,
        "ts": one.ts,
        "user": one.user,
        "thread_ts": one.thread,
        "reply_broadcast": one.broadcast,
        "only_for": one.only_for,
        "metadata": one.metadata,
        "reactions": one.reactions.iter().map(|(name, user)| json!({ "name": name, "user": user })).collect::<Vec<_>>(),
        "deleted": one.deleted,
        "text": latest.map(|one| one.text.as_str()),
        "blocks": latest.map(|one| &one.blocks),
        "flags": latest.map(|one| &one.flags),
        "versions": one.versions.iter().map(version).collect::<Vec<_>>(),
    })
}

/// Returns the seconds of a timestamp such as `1700000000.000100`.
fn seconds(ts: &str) -> f64 {
    ts.parse().unwrap_or(0.0)
}

/// Returns messages with all versions, oldest first; `since` limits them to those posted or changed
/// later.
pub(crate) fn messages(space: &Workspace, channel: Option<&str>, since: Option<&str>) -> Value {
    let since = since.map_or(f64::NEG_INFINITY, seconds);
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of this century fit"
    )]
    let changed = |one: &Message| {
        one.latest()
            .map_or(0.0, |latest| latest.at as f64 / 1_000.0)
    };
    let rows: Vec<Value> = space
        .messages
        .iter()
        .filter(|one| channel.is_none_or(|channel| channel == one.channel))
        .filter(|one| seconds(&one.ts) > since || changed(one) > since)
        .map(message)
        .collect();
    json!({ "messages": rows, "revision": space.revision })
}

fn view(space: &Workspace, one: &ModalView) -> Value {
    json!({
        "user": one.user,
        "state": match one.shown {
            Shown::Open => "open",
            Shown::Submitted => "submitted",
            Shown::Closed => "closed",
        },
        "opened": instant(one.opened),
        "errors": one.errors,
        "view": shown(space, one),
        "earlier": one.earlier,
    })
}

/// Returns all views, oldest first.
pub(crate) fn views(space: &Workspace) -> Value {
    let mut all: Vec<&ModalView> = space.views.values().collect();
    all.sort_by_key(|view| view.opened);
    let rows: Vec<Value> = all.into_iter().map(|one| view(space, one)).collect();
    json!({ "views": rows })
}

/// Returns a person's conversations, newest messages and top modal.
pub(crate) fn screen(space: &Workspace, user: &str, channel: Option<&str>) -> Value {
    let seen: Vec<_> = space
        .channels
        .iter()
        .filter(|one| one.is_seen_by(user))
        .collect();
    let visible = |one: &&Message| {
        let own = one.only_for.as_deref().is_none_or(|only| only == user);
        let here = channel.is_none_or(|channel| channel == one.channel);
        !one.deleted && own && here && seen.iter().any(|room| room.id == one.channel)
    };
    let mut newest: Vec<Value> = space
        .messages
        .iter()
        .rev()
        .filter(visible)
        .take(SCREEN_MESSAGES)
        .map(message)
        .collect();
    newest.reverse();
    let rooms: Vec<Value> = seen
        .iter()
        .map(|room| json!({ "id": room.id, "name": room.name, "direct": room.with.is_some() }))
        .collect();
    let person = space.user(user);
    json!({
        "user": { "id": user, "name": person.map(|person| person.name.as_str()) },
        "channels": rooms,
        "messages": newest,
        "modal": space.top(user).map(|top| view(space, top)),
        "levels": space.stacks.get(user).map_or(0, Vec::len),
        "revision": space.revision,
    })
}
