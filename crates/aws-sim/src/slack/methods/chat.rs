//! `chat.*` and `reactions.add`.

use crate::base::Millis;
use serde_json::{Map, Value, json};

use super::{MethodCall, MethodError, MethodResult, flag, need, object, structure, text};
use crate::slack::{
    blocks::{BLOCK_TEXT_MAX, check_message, text_length},
    text::{flags, texts},
    workspace::{Channel, Message, Version, Workspace},
};

/// A longer text is cut (`chat.postMessage`).
const TEXT_MAX: usize = 40_000;
/// A longer text is refused (`chat.update`).
const UPDATE_TEXT_MAX: usize = 4_000;
const ATTACHMENTS_MAX: usize = 100;

/// Validated text and blocks; `None` means not given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub text: Option<String>,
    pub blocks: Option<Value>,
}

impl Draft {
    /// Validates text and blocks.
    ///
    /// # Errors
    /// `no_text`, `invalid_blocks`, `msg_blocks_too_long`, `too_many_attachments`.
    fn of(call: &MethodCall<'_>) -> Result<Self, MethodError> {
        let given = text(call, "text").map(str::to_owned);
        let blocks = structure(call, "blocks", "invalid_blocks_format")?;
        if let Some(list) = structure(call, "attachments", "invalid_attachments")?
            && list
                .as_array()
                .is_some_and(|list| list.len() > ATTACHMENTS_MAX)
        {
            return Err(MethodError::new("too_many_attachments"));
        }
        Self::check(given, blocks)
    }

    pub(crate) fn check(text: Option<String>, blocks: Option<Value>) -> Result<Self, MethodError> {
        let empty = blocks
            .as_ref()
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty);
        if text.is_none() && (blocks.is_none() || empty) {
            return Err(MethodError::new("no_text"));
        }
        if let Some(blocks) = &blocks {
            let messages = check_message(blocks);
            if !messages.is_empty() {
                let mut refused = MethodError::new("invalid_blocks");
                refused.extra.push(("errors".to_owned(), json!(messages)));
                return Err(refused.because(messages));
            }
            if text_length(blocks) > BLOCK_TEXT_MAX {
                return Err(MethodError::new("msg_blocks_too_long"));
            }
        }
        let cut = |text: String| text.chars().take(TEXT_MAX).collect();
        Ok(Self {
            text: text.map(cut),
            blocks,
        })
    }
}

/// Gives every block and element an id, as Slack does.
pub(crate) fn complete(space: &mut Workspace, blocks: &mut Value) {
    let Some(blocks) = blocks.as_array_mut() else {
        return;
    };
    for block in blocks.iter_mut().filter_map(Value::as_object_mut) {
        if !block.contains_key("block_id") {
            let id = space.token(5);
            block.insert("block_id".to_owned(), id.into());
        }
        for name in ["accessory", "element"] {
            if let Some(element) = block.get_mut(name).and_then(Value::as_object_mut) {
                name_element(space, element);
            }
        }
        let list = block.get_mut("elements").and_then(Value::as_array_mut);
        for element in list.into_iter().flatten().filter_map(Value::as_object_mut) {
            name_element(space, element);
        }
    }
}

fn name_element(space: &mut Workspace, element: &mut Map<String, Value>) {
    let kind = element
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let silent = ["image", "plain_text", "mrkdwn"].contains(&kind) || kind.starts_with("rich");
    if !silent && !element.contains_key("action_id") {
        let id = space.token(5);
        element.insert("action_id".to_owned(), id.into());
    }
}

impl Workspace {
    pub(crate) fn say(&mut self, mut message: Message, draft: Draft, now: Millis) -> String {
        let ts = self.ts(now);
        let version = self.version(draft, None, "post", now);
        message.ts.clone_from(&ts);
        message.versions.push(version);
        self.messages.push(message);
        self.revision += 1;
        self.forget(now);
        ts
    }

    pub(crate) fn version(
        &mut self,
        draft: Draft,
        before: Option<&Version>,
        by: &'static str,
        now: Millis,
    ) -> Version {
        let kept_text = || before.map(|one| one.text.clone()).unwrap_or_default();
        let kept_blocks = || before.map_or_else(|| json!([]), |one| one.blocks.clone());
        let text = draft.text.unwrap_or_else(kept_text);
        let mut blocks = draft.blocks.unwrap_or_else(kept_blocks);
        complete(self, &mut blocks);
        let found = texts(&text, &blocks);
        let flags = found
            .iter()
            .flat_map(|(path, text)| flags(path, text, &self.typed))
            .collect();
        Version {
            at: now,
            by,
            text,
            blocks,
            flags,
        }
    }

    pub(crate) fn app_message(&self, channel: &str) -> Message {
        Message {
            channel: channel.to_owned(),
            ts: String::new(),
            user: self.settings.bot_user.clone(),
            thread: None,
            broadcast: false,
            only_for: None,
            metadata: None,
            reactions: Vec::new(),
            deleted: false,
            versions: Vec::new(),
        }
    }
}

pub(crate) fn card(space: &Workspace, message: &Message) -> Value {
    let latest = message.latest();
    let mut card = json!({
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "bot_id": bot_id(space),
        "app_id": space.settings.app_id,
        "text": latest.map(|one| one.text.as_str()).unwrap_or_default(),
        "team": space.settings.team,
    });
    if let Some(fields) = card.as_object_mut() {
        let blocks = latest.map(|one| &one.blocks);
        if let Some(blocks) = blocks.filter(|list| list.as_array().is_some_and(|l| !l.is_empty())) {
            fields.insert("blocks".to_owned(), blocks.clone());
        }
        if let Some(thread) = &message.thread {
            fields.insert("thread_ts".to_owned(), thread.clone().into());
        }
        if let Some(metadata) = &message.metadata {
            fields.insert("metadata".to_owned(), metadata.clone());
        }
        if message.versions.len() > 1 {
            let edited = json!({ "user": message.user, "ts": message.ts });
            fields.insert("edited".to_owned(), edited);
        }
    }
    card
}

/// The bot's id, `B…`.
pub(super) fn bot_id(space: &Workspace) -> String {
    let user = &space.settings.bot_user;
    format!("B{}", user.strip_prefix('U').unwrap_or(user))
}

fn target(space: &mut Workspace, call: &MethodCall<'_>) -> Result<Channel, MethodError> {
    let unknown = || MethodError::new("channel_not_found");
    let wanted = need(call, "channel")?;
    let direct = space.user(wanted).filter(|person| !person.deleted);
    let id = match direct.map(|person| person.id.clone()) {
        Some(user) => space.direct(&user),
        None => wanted.trim_start_matches('#').to_owned(),
    };
    let found = space
        .channels
        .iter()
        .find(|channel| channel.id == id || (channel.with.is_none() && channel.name == id));
    let channel = found.ok_or_else(unknown)?;
    if channel.without_app {
        let hidden = channel.private;
        return Err(if hidden {
            unknown()
        } else {
            MethodError::new("not_in_channel")
        });
    }
    if channel.archived {
        return Err(MethodError::new("is_archived"));
    }
    Ok(channel.clone())
}

fn thread(
    space: &Workspace,
    call: &MethodCall<'_>,
    channel: &str,
) -> Result<Option<String>, MethodError> {
    let Some(ts) = text(call, "thread_ts") else {
        return Ok(None);
    };
    let parent = space
        .message(channel, ts)
        .filter(|message| !message.deleted && message.only_for.is_none())
        .ok_or_else(|| MethodError::new("thread_not_found"))?;
    // an answer to an answer is in the same thread
    Ok(Some(parent.thread.clone().unwrap_or_else(|| ts.to_owned())))
}

/// Reads app metadata: an event's type and members.
fn metadata(call: &MethodCall<'_>) -> Result<Option<Value>, MethodError> {
    let given = structure(call, "metadata", "invalid_metadata_format")?;
    let right = given.as_ref().is_none_or(|given| {
        given.get("event_type").is_some_and(Value::is_string)
            && given.get("event_payload").is_some_and(Value::is_object)
    });
    if right {
        Ok(given)
    } else {
        Err(MethodError::new("invalid_metadata_format"))
    }
}

/// `chat.postMessage`
pub(super) fn post(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    need(call, "channel")?;
    let draft = Draft::of(call)?;
    let channel = target(space, call)?;
    let mut message = space.app_message(&channel.id);
    message.thread = thread(space, call, &channel.id)?;
    message.broadcast = flag(call, "reply_broadcast");
    message.metadata = metadata(call)?;
    let ts = space.say(message, draft, call.now);
    let shown = space
        .message(&channel.id, &ts)
        .map(|message| card(space, message));
    Ok(object(
        json!({ "channel": channel.id, "ts": ts, "message": shown }),
    ))
}

/// `chat.postEphemeral`
pub(super) fn post_ephemeral(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let user = need(call, "user")?.to_owned();
    let draft = Draft::of(call)?;
    let channel = target(space, call)?;
    if !&channel.is_seen_by(&user) {
        return Err(MethodError::new("user_not_in_channel"));
    }
    let mut message = space.app_message(&channel.id);
    message.thread = thread(space, call, &channel.id)?;
    message.only_for = Some(user);
    let ts = space.say(message, draft, call.now);
    Ok(object(json!({ "message_ts": ts })))
}

fn own(
    space: &Workspace,
    call: &MethodCall<'_>,
    foreign: &str,
) -> Result<(String, String), MethodError> {
    let (channel, ts) = (need(call, "channel")?, need(call, "ts")?);
    if space.channel(channel).is_none() {
        return Err(MethodError::new("channel_not_found"));
    }
    let found = space
        .message(channel, ts)
        .filter(|message| !message.deleted && message.only_for.is_none());
    let message = found.ok_or_else(|| MethodError::new("message_not_found"))?;
    if message.user != space.settings.bot_user {
        return Err(MethodError::new(foreign));
    }
    Ok((channel.to_owned(), ts.to_owned()))
}

/// `chat.update`
pub(super) fn update(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let (channel, ts) = own(space, call, "cant_update_message")?;
    let long = text(call, "text").is_some_and(|text| text.chars().count() > UPDATE_TEXT_MAX);
    if long {
        return Err(MethodError::new("msg_too_long"));
    }
    let draft = Draft::of(call)?;
    let before = space
        .message(&channel, &ts)
        .and_then(Message::latest)
        .cloned();
    let version = space.version(draft, before.as_ref(), "update", call.now);
    let text = version.text.clone();
    if let Some(message) = space.message_mut(&channel, &ts) {
        message.versions.push(version);
    }
    space.revision += 1;
    let shown = space
        .message(&channel, &ts)
        .map(|message| card(space, message));
    Ok(object(
        json!({ "channel": channel, "ts": ts, "text": text, "message": shown }),
    ))
}

/// `chat.delete`
pub(super) fn delete(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let (channel, ts) = own(space, call, "cant_delete_message")?;
    if let Some(message) = space.message_mut(&channel, &ts) {
        message.deleted = true;
    }
    space.revision += 1;
    Ok(object(json!({ "channel": channel, "ts": ts })))
}

/// `chat.getPermalink`
pub(super) fn permalink(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let (channel, ts) = (need(call, "channel")?, need(call, "message_ts")?);
    if space.channel(channel).is_none() {
        return Err(MethodError::new("channel_not_found"));
    }
    let found = space
        .message(channel, ts)
        .filter(|message| !message.deleted);
    if found.is_none() {
        return Err(MethodError::new("message_not_found"));
    }
    let link = format!(
        "http://{}/_slack/?channel={channel}&message={ts}",
        call.host
    );
    Ok(object(json!({ "channel": channel, "permalink": link })))
}

/// `reactions.add`
pub(super) fn react(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let (channel, ts) = (need(call, "channel")?, need(call, "timestamp")?);
    let name = need(call, "name")?.trim_matches(':').to_owned();
    let bot = space.settings.bot_user.clone();
    let message = space
        .message_mut(channel, ts)
        .filter(|message| !message.deleted);
    let message = message.ok_or_else(|| MethodError::new("message_not_found"))?;
    let reaction = (name, bot);
    if message.reactions.contains(&reaction) {
        return Err(MethodError::new("already_reacted"));
    }
    message.reactions.push(reaction);
    space.revision += 1;
    Ok(Map::new())
}
