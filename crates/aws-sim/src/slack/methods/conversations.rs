//! `conversations.*`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    MethodCall, MethodError, MethodResult, chat::card, flag, missing_scope, need, number, object,
    text,
};
use crate::slack::workspace::{Channel, Message, Workspace};

/// Default page size.
const PAGE: u64 = 100;
const PAGE_MAX: u64 = 1_000;

fn channel(space: &Workspace, call: &MethodCall<'_>, verb: &str) -> Result<Channel, MethodError> {
    let wanted = need(call, "channel")?;
    let found = space.channel(wanted);
    let found = found.filter(|channel| !(channel.private && channel.without_app));
    let channel = found.ok_or_else(|| MethodError::new("channel_not_found"))?;
    let kind = match (&channel.with, channel.private) {
        (Some(_), _) => "im",
        (None, true) => "groups",
        (None, false) => "channels",
    };
    let scope = format!("{kind}:{verb}");
    // the app's direct messages may be read with im:write, too
    let written = kind == "im" && verb == "read";
    let held = |one: &String| *one == scope || (written && one == "im:write");
    if !space.settings.scopes.iter().any(held) {
        return Err(missing_scope(space, &[&scope]));
    }
    Ok(channel.clone())
}

/// Returns a page and the next cursor; empty at the end.
fn page<'a, T>(call: &MethodCall<'_>, items: &'a [T]) -> Result<(&'a [T], String), MethodError> {
    let limit = number(call, "limit")?.unwrap_or(PAGE);
    if limit == 0 || limit > PAGE_MAX {
        return Err(MethodError::new("invalid_limit"));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let start = match text(call, "cursor") {
        None => 0,
        Some(cursor) => read_cursor(cursor).ok_or_else(|| MethodError::new("invalid_cursor"))?,
    };
    let rest = items
        .get(start..)
        .ok_or_else(|| MethodError::new("invalid_cursor"))?;
    let taken = rest.get(..limit).unwrap_or(rest);
    let next = if taken.len() < rest.len() {
        BASE64_STANDARD.encode(format!("next:{}", start + taken.len()))
    } else {
        String::new()
    };
    Ok((taken, next))
}

fn read_cursor(cursor: &str) -> Option<usize> {
    let bytes = BASE64_STANDARD.decode(cursor).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.strip_prefix("next:")?.parse().ok()
}

/// `conversations.members`
pub(super) fn members(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let channel = channel(space, call, "read")?;
    let mut members = channel.members.clone();
    if channel.with.is_none() && !channel.without_app {
        members.push(space.settings.bot_user.clone());
    }
    let (taken, next) = page(call, &members)?;
    Ok(object(json!({
        "members": taken,
        "response_metadata": { "next_cursor": next },
    })))
}

/// `conversations.open`, for one person.
pub(super) fn open(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let user = if let Some(channel) = text(call, "channel") {
        let found = space
            .channel(channel)
            .and_then(|channel| channel.with.clone());
        found.ok_or_else(|| MethodError::new("channel_not_found"))?
    } else {
        need(call, "users")?.to_owned()
    };
    if user.contains(',') {
        let text = "[ERROR] conversations of more than two are not simulated".to_owned();
        return Err(MethodError::new("invalid_arguments").because(vec![text]));
    }
    let person = space
        .user(&user)
        .ok_or_else(|| MethodError::new("user_not_found"))?;
    if person.deleted {
        return Err(MethodError::new("user_disabled"));
    }
    let before = space.channels.len();
    let id = space.direct(&user);
    let old = before == space.channels.len();
    let mut shown = json!({ "id": id });
    if flag(call, "return_im") {
        shown = json!({ "id": id, "user": user, "is_im": true, "is_open": true });
    }
    Ok(object(
        json!({ "channel": shown, "no_op": old, "already_open": old }),
    ))
}

/// `conversations.info`
pub(super) fn info(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let channel = channel(space, call, "read")?;
    let direct = channel.with.is_some();
    let mut shown = json!({
        "id": channel.id,
        "is_im": direct,
        "is_channel": !direct && !channel.private,
        "is_group": !direct && channel.private,
        "is_private": channel.private,
        "is_archived": channel.archived,
        "is_member": !channel.without_app,
    });
    if let Some(fields) = shown.as_object_mut() {
        match &channel.with {
            Some(user) => fields.insert("user".to_owned(), user.clone().into()),
            None => fields.insert("name".to_owned(), channel.name.clone().into()),
        };
        if flag(call, "include_num_members") {
            let count = channel.members.len() + usize::from(!direct && !channel.without_app);
            fields.insert("num_members".to_owned(), count.into());
        }
    }
    Ok(object(json!({ "channel": shown })))
}

fn within(call: &MethodCall<'_>, message: &Message) -> bool {
    let (oldest, latest) = (text(call, "oldest"), text(call, "latest"));
    let inclusive = flag(call, "inclusive");
    let ts = message.ts.as_str();
    let after = oldest.is_none_or(|oldest| later(ts, oldest) || (inclusive && ts == oldest));
    let before = latest.is_none_or(|latest| later(latest, ts) || (inclusive && ts == latest));
    after && before
}

/// Renders a message for histories: metadata only on request.
fn told(space: &Workspace, call: &MethodCall<'_>, message: &Message) -> Value {
    let mut told = card(space, message);
    if let Some(fields) = told
        .as_object_mut()
        .filter(|_| !flag(call, "include_all_metadata"))
    {
        fields.shift_remove("metadata");
    }
    told
}

fn pages_of_messages(call: &MethodCall<'_>, found: &[Value]) -> MethodResult {
    let (taken, next) = page(call, found)?;
    Ok(object(json!({
        "messages": taken,
        "has_more": !next.is_empty(),
        "response_metadata": { "next_cursor": next },
    })))
}

fn readable(space: &Workspace, call: &MethodCall<'_>) -> Result<Channel, MethodError> {
    let channel = channel(space, call, "history")?;
    if channel.without_app {
        return Err(MethodError::new("not_in_channel"));
    }
    Ok(channel)
}

/// `conversations.history`, newest first, without thread answers.
pub(super) fn history(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let channel = readable(space, call)?;
    let found: Vec<Value> = space
        .messages
        .iter()
        .rev()
        .filter(|message| message.channel == channel.id && message.is_for_all())
        .filter(|message| message.thread.is_none() || message.broadcast)
        .filter(|message| within(call, message))
        .map(|message| told(space, call, message))
        .collect();
    pages_of_messages(call, &found)
}

/// `conversations.replies`: the head of a thread, then its answers, oldest first.
pub(super) fn replies(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let head = need(call, "ts")?;
    let channel = readable(space, call)?;
    let there = space
        .message(&channel.id, head)
        .is_some_and(Message::is_for_all);
    if !there {
        return Err(MethodError::new("thread_not_found"));
    }
    let belongs = |message: &&Message| {
        message.ts == head || (message.thread.as_deref() == Some(head) && within(call, message))
    };
    let found: Vec<Value> = space
        .messages
        .iter()
        .filter(|message| message.channel == channel.id && message.is_for_all())
        .filter(belongs)
        .map(|message| told(space, call, message))
        .collect();
    pages_of_messages(call, &found)
}

/// Compares timestamps; both have six decimals.
fn later(one: &str, other: &str) -> bool {
    let micros = |ts: &str| {
        let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
        let seconds: i64 = seconds.parse().unwrap_or(0);
        let fraction: i64 = format!("{fraction:0<6}").parse().unwrap_or(0);
        seconds.saturating_mul(1_000_000).saturating_add(fraction)
    };
    micros(one) > micros(other)
}
