//! The conversation: messages, their threads, what only this person sees.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{
    Look,
    blocks::{Home, blocks},
    mrkdwn::{clock, escape, mrkdwn},
};
use crate::workspace::Message;

/// Messages shown, without the answers in threads.
const SHOWN: usize = 100;

/// The messages of the conversation in the middle.
pub(super) fn talk(look: &Look<'_>) -> String {
    let Some(channel) = look.channel else {
        return "<p class=\"empty\">This person is in no conversation with the app yet. Use a \
                shortcut above: the answer comes as a direct message.</p>"
            .to_owned();
    };
    let visible = |message: &&Message| {
        let own = message.only_for.as_deref();
        message.channel == channel
            && !message.deleted
            && own.is_none_or(|only| only == look.reader.user)
    };
    let all: Vec<&Message> = look.reader.space.messages.iter().filter(visible).collect();
    let heads: Vec<&&Message> = all
        .iter()
        .filter(|message| message.thread.is_none())
        .collect();
    if heads.is_empty() {
        return "<p class=\"empty\"><b>Nothing has been said here yet.</b><br>Open <b>Shortcuts</b> \
                and choose <b>access</b>, or type <code>/access</code> below, and see what the \
                app does.</p>"
            .to_owned();
    }
    let mut out = String::from("<ol class=\"posts\">");
    for head in heads.iter().skip(heads.len().saturating_sub(SHOWN)) {
        out.push_str("<li class=\"post\">");
        post(head, look, &mut out);
        let answers: Vec<_> = all
            .iter()
            .filter(|message| message.thread.as_deref() == Some(head.ts.as_str()))
            .collect();
        if !answers.is_empty() {
            let count = answers.len();
            let word = if count == 1 { "reply" } else { "replies" };
            let _ = write!(out, "<ol class=\"thread\" aria-label=\"{count} {word}\">");
            for answer in answers {
                out.push_str("<li class=\"reply\">");
                post(answer, look, &mut out);
                out.push_str("</li>");
            }
            out.push_str("</ol>");
        }
        out.push_str("</div></li>");
    }
    out.push_str("</ol>");
    out
}

/// A message; the element `div` of its head stays open for the thread.
fn post(message: &Message, look: &Look<'_>, out: &mut String) {
    let space = look.reader.space;
    let is_head = message.thread.is_none();
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
    let class = if message.only_for.is_some() {
        "body only"
    } else {
        "body"
    };
    let _ = write!(
        out,
        "<span class=\"av app\" aria-hidden=\"true\">{}</span><div class=\"{class}\">",
        escape(&super::frame::initials(&name))
    );
    if message.only_for.is_some() {
        out.push_str("<p class=\"eye\">Only visible to you</p>");
    }
    let _ = write!(
        out,
        "<p class=\"by\"><b>{}</b>{} <time datetime=\"{whole}\">{short}</time>{}</p>",
        escape(&name),
        if app {
            " <span class=\"tag\">APP</span>"
        } else {
            ""
        },
        if message.versions.len() > 1 {
            " <span class=\"muted small\">(updated)</span>"
        } else {
            ""
        }
    );
    if let Some(latest) = message.latest() {
        let home = Home::Message(&message.channel, &message.ts);
        let shown = blocks(Some(&latest.blocks), home, &look.reader);
        if shown.is_empty() {
            let _ = write!(
                out,
                "<div class=\"bk-t\">{}</div>",
                mrkdwn(&latest.text, &look.reader)
            );
        } else {
            let _ = write!(out, "<div class=\"bk\">{shown}</div>");
        }
    }
    reactions(message, out);
    if !is_head {
        out.push_str("</div>");
    }
}

fn reactions(message: &Message, out: &mut String) {
    if message.reactions.is_empty() {
        return;
    }
    out.push_str("<p class=\"reacts\">");
    for (name, _) in &message.reactions {
        let shown = super::emoji::picture(name);
        let shown = shown.map_or_else(|| format!(":{name}:"), str::to_owned);
        let _ = write!(out, "<span>{}</span>", escape(&shown));
    }
    out.push_str("</p>");
}
