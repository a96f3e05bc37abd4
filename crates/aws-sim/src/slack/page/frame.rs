//! Renders the page around the conversation: identity, navigation, the top modal.

use askama::Template;
use serde_json::Value;

use super::{
    Look,
    blocks::{Home, blocks, field},
    html,
    initials::initials,
    mrkdwn::plain,
    talk::talk,
};
use crate::slack::{
    settings::{Person, Shortcut},
    workspace::{Channel, Message, Workspace},
};

/// Returns a mark that changes with every visible change.
pub(super) fn mark(space: &Workspace, look: &Look<'_>) -> String {
    let minute = look.reader.now.as_second() / 60;
    format!("{}.{minute}.{}", space.revision, u8::from(look.connected))
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    app: &'a str,
    user: &'a str,
    channel: &'a str,
    mark: String,
    initials: String,
    people: Vec<ChoosablePerson<'a>>,
    title: &'a str,
    places: String,
    heading: String,
    about: String,
    shortcuts: &'a [Shortcut],
    connected: bool,
    talk: String,
    example: &'a str,
    commands: &'a [String],
    layer: String,
}

/// A person the tester can act as.
struct ChoosablePerson<'a> {
    id: &'a str,
    name: &'a str,
    note: &'static str,
}

pub(super) fn whole(look: &Look<'_>) -> String {
    let space = look.reader.space;
    let settings = &space.settings;
    let person = space.user(look.reader.user);
    let channel = look.channel.and_then(|id| space.channel(id));
    let people = settings.users.iter();
    html(&Page {
        app: &settings.app_name,
        user: look.reader.user,
        channel: look.channel.unwrap_or_default(),
        mark: mark(space, look),
        initials: initials(person.map_or("", |person| &person.name)),
        people: people
            .filter(|one| !one.deleted && !one.bot)
            .map(|one| choosable(space, one))
            .collect(),
        title: person
            .and_then(|person| person.title.as_deref())
            .unwrap_or_default(),
        places: places(look),
        heading: channel.map_or_else(|| "Nowhere".to_owned(), |channel| name_of(look, channel)),
        about: match channel {
            Some(channel) if channel.with.is_some() => "Between you and the app".to_owned(),
            Some(channel) => format!("{} people and the app", channel.members.len()),
            None => String::new(),
        },
        shortcuts: &settings.shortcuts,
        connected: look.connected,
        talk: talk(look),
        example: settings.commands.first().map_or("/access", String::as_str),
        commands: &settings.commands,
        layer: layer(look),
    })
}

fn choosable<'a>(space: &Workspace, person: &'a Person) -> ChoosablePerson<'a> {
    ChoosablePerson {
        id: &person.id,
        name: &person.name,
        note: match (person.guest, in_channel(space, person)) {
            (true, _) => " · guest",
            (false, false) => " · not in the channel",
            (false, true) => "",
        },
    }
}

fn in_channel(space: &Workspace, person: &Person) -> bool {
    let public = space
        .channels
        .iter()
        .filter(|channel| channel.with.is_none());
    let mut public = public.peekable();
    public.peek().is_none() || public.any(|channel| channel.is_seen_by(&person.id))
}

fn name_of(look: &Look<'_>, channel: &Channel) -> String {
    match channel.with {
        Some(_) => look.reader.space.settings.app_name.clone(),
        None => format!("# {}", channel.name),
    }
}

#[derive(Template)]
#[template(path = "places.html")]
struct Places<'a> {
    user: &'a str,
    lists: [PlaceList<'a>; 2],
}

struct PlaceList<'a> {
    title: &'static str,
    none: &'static str,
    places: Vec<Place<'a>>,
}

struct Place<'a> {
    id: &'a str,
    name: String,
    current: bool,
    newest: &'a str,
}

pub(super) fn places(look: &Look<'_>) -> String {
    let list = |title, none, direct: bool| PlaceList {
        title,
        none,
        places: place_list(look, direct),
    };
    html(&Places {
        user: look.reader.user,
        lists: [
            list("Channels", "You are in none", false),
            list("Direct messages", "None yet", true),
        ],
    })
}

fn place_list<'a>(look: &Look<'a>, direct: bool) -> Vec<Place<'a>> {
    let space = look.reader.space;
    let user = look.reader.user;
    let newest = |channel: &Channel| -> &'a str {
        let visible = |message: &&Message| message.is_seen_by(user, &channel.id);
        let found = space.messages.iter().rev().find(visible);
        found.map(|message| message.ts.as_str()).unwrap_or_default()
    };
    let seen = space.channels.iter().filter(|one| one.is_seen_by(user));
    seen.filter(|channel| channel.with.is_some() == direct)
        .map(|channel| Place {
            id: &channel.id,
            name: name_of(look, channel),
            current: look.channel == Some(channel.id.as_str()),
            newest: newest(channel),
        })
        .collect()
}

#[derive(Template)]
#[template(path = "layer.html")]
struct Layer<'a> {
    id: &'a str,
    key: String,
    initials: String,
    title: String,
    blocks: String,
    close: String,
    submit: Option<String>,
}

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
    let content = view.content.get("blocks").or(Some(&Value::Null));
    let has_submit = view.content.contains_key("submit");
    let errors: Vec<String> = view
        .errors
        .iter()
        .map(|(block, text)| format!("{block} {text}"))
        .collect();
    html(&Layer {
        id: &view.id,
        key: format!("{} {} {}", view.id, view.hash, errors.join(" ")),
        initials: initials(&space.settings.app_name),
        title: words("title", ""),
        blocks: blocks(content, Home::View(view), &look.reader),
        close: words("close", if levels > 1 { "Back" } else { "Cancel" }),
        submit: has_submit.then(|| words("submit", "Submit")),
    })
}
