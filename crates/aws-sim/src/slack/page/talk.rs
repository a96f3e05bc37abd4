//! Renders the conversation: messages, threads and ephemeral messages.

use askama::Template;
use jiff::Timestamp;

use super::{
    Look,
    blocks::{Home, blocks},
    emoji::picture,
    html,
    initials::initials,
    mrkdwn::{clock, mrkdwn},
};
use crate::slack::workspace::Message;

/// Messages shown, without thread answers.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "talk.html")]
struct TalkPart {
    talk: Talk,
}

enum Talk {
    Nowhere,
    Silent,
    Threads(Vec<ThreadView>),
}

struct ThreadView {
    head: MessageView,
    answers: Vec<MessageView>,
}

struct MessageView {
    initials: String,
    name: String,
    app: bool,
    /// Visible to this person only.
    only: bool,
    at: String,
    clock: String,
    updated: bool,
    body: MessageBody,
    reactions: Vec<String>,
}

enum MessageBody {
    Nothing,
    Text(String),
    Blocks(String),
}

pub(super) fn talk(look: &Look<'_>) -> String {
    html(&TalkPart { talk: read(look) })
}

fn read(look: &Look<'_>) -> Talk {
    let Some(channel) = look.channel else {
        return Talk::Nowhere;
    };
    let visible = |message: &&Message| message.is_seen_by(look.reader.user, channel);
    let all: Vec<&Message> = look.reader.space.messages.iter().filter(visible).collect();
    let heads: Vec<&Message> = all
        .iter()
        .copied()
        .filter(|message| message.thread.is_none())
        .collect();
    if heads.is_empty() {
        return Talk::Silent;
    }
    let latest = heads.iter().skip(heads.len().saturating_sub(SHOWN));
    let threads = latest.map(|head| {
        let answers = all
            .iter()
            .filter(|message| message.thread.as_deref() == Some(head.ts.as_str()));
        ThreadView {
            head: shown(head, look),
            answers: answers.map(|answer| shown(answer, look)).collect(),
        }
    });
    Talk::Threads(threads.collect())
}

fn shown(message: &Message, look: &Look<'_>) -> MessageView {
    let space = look.reader.space;
    let app = message.user == space.settings.bot_user;
    let name = if app {
        space.settings.app_name.clone()
    } else {
        space
            .user(&message.user)
            .map(|one| one.name.clone())
            .unwrap_or_default()
    };
    let seconds: f64 = message.ts.parse().unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seconds of this century fit"
    )]
    let at = Timestamp::from_second(seconds as i64).unwrap_or_default();
    let (short, whole) = clock(at, &look.reader.zone);
    let reactions = message.reactions.iter().map(|(name, _)| {
        let known = picture(name);
        known.map_or_else(|| format!(":{name}:"), str::to_owned)
    });
    MessageView {
        initials: initials(&name),
        name,
        app,
        only: message.only_for.is_some(),
        at: whole,
        clock: short,
        updated: message.versions.len() > 1,
        body: body(message, look),
        reactions: reactions.collect(),
    }
}

fn body(message: &Message, look: &Look<'_>) -> MessageBody {
    let Some(latest) = message.latest() else {
        return MessageBody::Nothing;
    };
    let home = Home::Message(&message.channel, &message.ts);
    let shown = blocks(Some(&latest.blocks), home, &look.reader);
    if shown.is_empty() {
        MessageBody::Text(mrkdwn(&latest.text, &look.reader))
    } else {
        MessageBody::Blocks(shown)
    }
}
