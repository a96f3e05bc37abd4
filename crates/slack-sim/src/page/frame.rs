//! What stands around the conversation: who I am, where I can go, the modal on top.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    Look,
    blocks::{Home, blocks, field},
    mrkdwn::{escape, plain},
    talk::talk,
};
use crate::{
    settings::Person,
    workspace::{Channel, Workspace},
};

/// Two letters for a round picture.
pub(super) fn initials(name: &str) -> String {
    let words = name
        .split_whitespace()
        .filter_map(|word| word.chars().next());
    words
        .filter(|letter| letter.is_alphanumeric())
        .take(2)
        .collect()
}

/// What changes whenever the person could see a change.
pub(super) fn mark(space: &Workspace, look: &Look<'_>) -> String {
    let minute = look.reader.now.as_second() / 60;
    format!("{}.{minute}.{}", space.revision, u8::from(look.connected))
}

/// The whole page.
pub(super) fn whole(look: &Look<'_>) -> String {
    let space = look.reader.space;
    let app = escape(&space.settings.app_name);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Simulated Slack · {app}</title>\
         <link rel=\"icon\" href=\"/_slack/static/icon.svg\">\
         <link rel=\"stylesheet\" href=\"/_slack/static/slack.css\">\
         <script src=\"/_slack/static/slack.js\" defer></script></head>\
         <body data-as=\"{user}\" data-channel=\"{channel}\" data-seen=\"{mark}\">\
         <a class=\"skip\" href=\"#talk\">To the conversation</a>\
         <p class=\"strip\" role=\"note\">This is a simulated Slack. Nothing here reaches Slack, \
         and nobody is notified.</p>\
         <div class=\"shell\"><aside class=\"side\">{me}<nav id=\"places\" \
         aria-label=\"Conversations\">{places}</nav></aside>\
         <main>{head}<div id=\"talk\" tabindex=\"0\" role=\"region\" aria-label=\"Messages\">{talk}</div>{compose}</main></div>\
         <div id=\"layer\">{layer}</div>\
         <dialog id=\"ask\" aria-labelledby=\"ask-h\"><form method=\"dialog\"><h2 id=\"ask-h\"></h2>\
         <p id=\"ask-t\"></p><div class=\"foot\"><button class=\"btn\" value=\"no\"></button>\
         <button class=\"btn go\" value=\"yes\"></button></div></form></dialog>\
         <p class=\"sr\" id=\"heard\" role=\"status\"></p>\
         <div id=\"toast\" role=\"status\" aria-live=\"assertive\"></div></body></html>",
        user = escape(look.reader.user),
        channel = escape(look.channel.unwrap_or_default()),
        mark = escape(&mark(space, look)),
        me = me(look),
        places = places(look),
        head = head(look),
        talk = talk(look),
        compose = compose(look),
        layer = layer(look),
    )
}

fn in_channel(space: &Workspace, person: &Person) -> bool {
    let public = space
        .channels
        .iter()
        .filter(|channel| channel.with.is_none());
    let mut public = public.peekable();
    public.peek().is_none() || public.any(|channel| channel.is_seen_by(&person.id))
}

fn me(look: &Look<'_>) -> String {
    let space = look.reader.space;
    let person = space.user(look.reader.user);
    let name = person
        .map(|person| person.name.as_str())
        .unwrap_or_default();
    let title = person
        .and_then(|person| person.title.as_deref())
        .unwrap_or_default();
    let mut out = format!(
        "<form class=\"me\" method=\"get\" action=\"/_slack/\"><span class=\"av\" \
         aria-hidden=\"true\">{}</span><div class=\"grow\"><label for=\"as\">You are</label>\
         <select class=\"in\" id=\"as\" name=\"as\">",
        escape(&initials(name))
    );
    for one in space
        .settings
        .users
        .iter()
        .filter(|one| !one.deleted && !one.bot)
    {
        let on = if one.id == look.reader.user {
            " selected"
        } else {
            ""
        };
        let note = match (one.guest, in_channel(space, one)) {
            (true, _) => " · guest",
            (false, false) => " · not in the channel",
            (false, true) => "",
        };
        let _ = write!(
            out,
            "<option value=\"{}\"{on}>{}{note}</option>",
            escape(&one.id),
            escape(&one.name)
        );
    }
    let _ = write!(
        out,
        "</select><p class=\"small muted\">{}</p></div><noscript><button class=\"btn\">Change\
         </button></noscript></form>",
        escape(title)
    );
    out
}

fn name_of(look: &Look<'_>, channel: &Channel) -> String {
    match channel.with {
        Some(_) => look.reader.space.settings.app_name.clone(),
        None => format!("# {}", channel.name),
    }
}

/// The conversations that the person is in.
pub(super) fn places(look: &Look<'_>) -> String {
    let space = look.reader.space;
    let seen: Vec<_> = space
        .channels
        .iter()
        .filter(|channel| channel.is_seen_by(look.reader.user))
        .collect();
    let mut out = String::new();
    for (title, direct) in [("Channels", false), ("Direct messages", true)] {
        let _ = write!(out, "<h2>{title}</h2><ul>");
        let mut any = false;
        for channel in seen
            .iter()
            .filter(|channel| channel.with.is_some() == direct)
        {
            any = true;
            let newest = space.messages.iter().rev().find(|message| {
                let own = message.only_for.as_deref();
                message.channel == channel.id
                    && !message.deleted
                    && own.is_none_or(|only| only == look.reader.user)
            });
            let current = if look.channel == Some(channel.id.as_str()) {
                " aria-current=\"page\""
            } else {
                ""
            };
            let _ = write!(
                out,
                "<li><a href=\"/_slack/?as={}&amp;channel={}\"{current} data-place=\"{}\" \
                 data-newest=\"{}\">{}<span class=\"dot\" hidden><span class=\"sr\"> has news\
                 </span></span></a></li>",
                escape(look.reader.user),
                escape(&channel.id),
                escape(&channel.id),
                newest
                    .map(|message| message.ts.as_str())
                    .unwrap_or_default(),
                escape(&name_of(look, channel))
            );
        }
        if !any {
            let none = if direct {
                "None yet"
            } else {
                "You are in none"
            };
            let _ = write!(out, "<li class=\"none\">{none}</li>");
        }
        out.push_str("</ul>");
    }
    out
}

fn head(look: &Look<'_>) -> String {
    let space = look.reader.space;
    let channel = look.channel.and_then(|id| space.channel(id));
    let name = channel.map_or_else(|| "Nowhere".to_owned(), |channel| name_of(look, channel));
    let about = match channel {
        Some(channel) if channel.with.is_some() => "Between you and the app".to_owned(),
        Some(channel) => format!("{} people and the app", channel.members.len()),
        None => String::new(),
    };
    let mut out = format!(
        "<header class=\"head\"><div><h1>{}</h1><p class=\"small muted\">{about}</p></div>\
         <details class=\"menu\"><summary class=\"btn\">Shortcuts</summary><ul>",
        escape(&name)
    );
    for shortcut in &space.settings.shortcuts {
        let _ = write!(
            out,
            "<li><button type=\"button\" data-shortcut=\"{}\">{}<span class=\"muted small\"> {}\
             </span></button></li>",
            escape(&shortcut.callback_id),
            escape(&shortcut.name),
            escape(&space.settings.app_name)
        );
    }
    out.push_str("</ul></details></header>");
    if !look.connected {
        out.push_str(
            "<p class=\"note\" role=\"note\">No app is connected: set <code>slack.request_url</code> \
             in the organization file, or connect with Socket Mode.</p>",
        );
    }
    out
}

fn compose(look: &Look<'_>) -> String {
    let commands = &look.reader.space.settings.commands;
    let mut out = String::from(
        "<form class=\"say\" id=\"say\" autocomplete=\"off\"><label class=\"sr\" for=\"cmd\">Slash \
         command</label><input class=\"in\" id=\"cmd\" list=\"commands\" spellcheck=\"false\" \
         placeholder=\"Try ",
    );
    out.push_str(&escape(commands.first().map_or("/access", String::as_str)));
    out.push_str("\"><datalist id=\"commands\">");
    for command in commands {
        let _ = write!(out, "<option value=\"{}\"></option>", escape(command));
    }
    out.push_str("</datalist><button class=\"btn go\">Send</button></form>");
    out
}

/// The modal on top of everything, if one is open.
pub(super) fn layer(look: &Look<'_>) -> String {
    let space = look.reader.space;
    let Some(view) = space.top(look.reader.user) else {
        return String::new();
    };
    let levels = space.stacks.get(look.reader.user).map_or(0, Vec::len);
    let words = |name: &str, other: &str| {
        let given = view.content.get(name).map(|one| field(one, "text"));
        plain(given.filter(|text| !text.is_empty()).unwrap_or(other))
    };
    let content = view.content.get("blocks");
    let submit = if view.content.contains_key("submit") {
        format!(
            "<button class=\"btn go\">{}</button>",
            words("submit", "Submit")
        )
    } else {
        String::new()
    };
    let errors: Vec<String> = view
        .errors
        .iter()
        .map(|(block, text)| format!("{block} {text}"))
        .collect();
    format!(
        "<dialog id=\"modal\" aria-labelledby=\"modal-h\" data-view=\"{id}\" data-key=\"{key}\">\
         <form novalidate><div class=\"top\"><span class=\"av app\" aria-hidden=\"true\">{letters}\
         </span><h2 id=\"modal-h\">{title}</h2><button type=\"button\" class=\"btn quiet\" \
         data-close aria-label=\"Close\">×</button></div><div class=\"in-modal\">{blocks}</div>\
         <div class=\"foot\"><p class=\"err\" id=\"modal-err\" role=\"alert\"></p>\
         <button type=\"button\" class=\"btn\" data-close>{close}</button>{submit}</div></form>\
         </dialog>",
        id = escape(&view.id),
        key = escape(&format!("{} {} {}", view.id, view.hash, errors.join(" "))),
        letters = escape(&initials(&space.settings.app_name)),
        title = words("title", ""),
        blocks = blocks(
            content.or(Some(&Value::Null)),
            Home::View(view),
            &look.reader
        ),
        close = words("close", if levels > 1 { "Back" } else { "Cancel" }),
    )
}
