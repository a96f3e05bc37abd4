//! The "slack" section of the organization file (`simulator.md` §5): who is there, which app is
//! installed, where its requests go.

use std::collections::HashSet;

use crate::base::{Problem, Random};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Scopes of the installed app when the file names none: those that `access.md` §11.1 lists.
const SCOPES: &[&str] = &[
    "commands",
    "chat:write",
    "users:read",
    "users:read.email",
    "channels:history",
    "channels:read",
    "groups:read",
    "im:write",
];

/// A person of the workspace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Person {
    /// `U…`
    pub id: String,
    /// Absent for people of other workspaces and some guests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// As shown.
    pub name: String,
    /// IANA name; absent: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    /// As shown in the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A guest (`is_restricted`).
    pub guest: bool,
    /// Left.
    pub deleted: bool,
    /// A bot.
    pub bot: bool,
    /// Another workspace, for people of shared channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

impl Person {
    /// The name as it stands in addresses: lower case, dots for blanks.
    pub(crate) fn handle(&self) -> String {
        let from_mail = self
            .email
            .as_deref()
            .and_then(|mail| mail.split('@').next());
        from_mail.map_or_else(
            || self.name.to_lowercase().replace(' ', "."),
            str::to_lowercase,
        )
    }
}

/// A channel as the file has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChannelFile {
    /// `C…`
    pub id: String,
    /// Without the `#`.
    pub name: String,
    /// E-mails or ids.
    pub members: Vec<String>,
    /// Only its members see it.
    pub private: bool,
    /// Nobody may post any more.
    pub archived: bool,
    /// The app has not been invited.
    pub without_app: bool,
}

/// An entry of the shortcuts menu.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Shortcut {
    /// What the app is told.
    pub callback_id: String,
    /// What people read.
    pub name: String,
}

/// The whole section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WorkspaceSettings {
    /// `T…`
    pub team: String,
    /// As shown.
    pub team_name: String,
    /// `A…`
    pub app_id: String,
    /// As shown.
    pub app_name: String,
    /// The bot's user id.
    pub bot_user: String,
    /// Key of the signatures; absent: derived from the seed.
    pub signing_secret: String,
    /// `xoxb-…`
    pub bot_token: String,
    /// `xapp-…`
    pub app_token: String,
    /// Scopes of the bot token.
    pub scopes: Vec<String>,
    /// Channels.
    pub channels: Vec<ChannelFile>,
    /// People.
    pub users: Vec<Person>,
    /// Global shortcuts of the app.
    pub shortcuts: Vec<Shortcut>,
    /// Slash commands of the app.
    pub commands: Vec<String>,
    /// Where interactions go.
    pub request_url: Option<String>,
    /// Where slash commands go; absent: derived from `request_url`.
    pub command_url: Option<String>,
}

impl Default for WorkspaceSettings {
    fn default() -> Self {
        let shortcut = |callback_id: &str, name: &str| Shortcut {
            callback_id: callback_id.to_owned(),
            name: name.to_owned(),
        };
        Self {
            team: "T0SIM".to_owned(),
            team_name: "Example".to_owned(),
            app_id: "A0HALLPASS".to_owned(),
            app_name: "Hallpass".to_owned(),
            bot_user: "U0HALLPASS".to_owned(),
            signing_secret: String::new(),
            bot_token: "xoxb-sim".to_owned(),
            app_token: "xapp-sim".to_owned(),
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            channels: Vec::new(),
            users: Vec::new(),
            shortcuts: vec![
                shortcut("request_for_access", "access"),
                shortcut("request_for_group_membership", "group-access"),
                shortcut("hallpass_done", "I’m done"),
                shortcut("hallpass_my_access", "my access"),
            ],
            commands: ["/access", "/group-access", "/done", "/my-access"]
                .map(str::to_owned)
                .to_vec(),
            request_url: None,
            command_url: None,
        }
    }
}

impl WorkspaceSettings {
    /// Reads the section; what is wrong with it was said by `check`.
    pub(crate) fn read(section: &Value, seed: u64) -> Self {
        let mut section = section.clone();
        if let Some(fields) = section.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        let mut settings: Self = serde_json::from_value(section).unwrap_or_default();
        if settings.signing_secret.is_empty() {
            settings.signing_secret = Random::new(seed, "slack signing secret").hex(32);
        }
        settings
    }

    /// Where slash commands go: its own address, else the one beside `request_url`.
    pub(crate) fn command_target(&self) -> Option<String> {
        if self.command_url.is_some() {
            return self.command_url.clone();
        }
        let url = self.request_url.as_deref()?;
        let beside = url
            .strip_suffix("/slack/interactions")
            .map(|start| format!("{start}/slack/commands"));
        Some(beside.unwrap_or_else(|| url.to_owned()))
    }
}

/// What is wrong with a section `slack`: ids given twice, members that are nobody.
pub fn check(section: &Value) -> Vec<Problem> {
    let settings = match serde_json::from_value::<WorkspaceSettings>(section.clone()) {
        Ok(settings) => settings,
        // a key given as null; the schema has let it pass, and so does `read`
        Err(_) => WorkspaceSettings::read(section, 0),
    };
    let mut problems = Vec::new();
    let mut ids = HashSet::new();
    let mut mails = HashSet::new();
    for (index, person) in settings.users.iter().enumerate() {
        let at = format!("/slack/users/{index}");
        if !ids.insert(person.id.clone()) {
            let text = format!("id `{}` is there twice", person.id);
            problems.push(Problem::new(format!("{at}/id"), text));
        }
        let mail = person.email.as_ref().map(|mail| mail.to_lowercase());
        if mail.is_some_and(|mail| !mails.insert(mail)) {
            let text = "the e-mail address is there twice";
            problems.push(Problem::new(format!("{at}/email"), text));
        }
    }
    for (index, channel) in settings.channels.iter().enumerate() {
        let at = format!("/slack/channels/{index}");
        if !ids.insert(channel.id.clone()) {
            let text = format!("id `{}` is there twice", channel.id);
            problems.push(Problem::new(format!("{at}/id"), text));
        }
        for (place, member) in channel.members.iter().enumerate() {
            if find(&settings.users, member).is_none() {
                let text = format!("nobody on Slack is `{member}`");
                problems.push(Problem::new(format!("{at}/members/{place}"), text));
            }
        }
    }
    problems
}

/// A person by id, e-mail (any case) or name.
pub(crate) fn find<'a>(people: &'a [Person], who: &str) -> Option<&'a Person> {
    let by_mail = |person: &&Person| {
        let mail = person.email.as_deref();
        mail.is_some_and(|mail| mail.eq_ignore_ascii_case(who))
    };
    let by_id = people.iter().find(|person| person.id == who);
    by_id
        .or_else(|| people.iter().find(by_mail))
        .or_else(|| people.iter().find(|person| person.name == who))
}
