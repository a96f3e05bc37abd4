//! The "slack" section of the organization file (`simulator.md` §5): people, the installed app and
//! its addresses.

use std::collections::HashSet;

use crate::base::{Problem, Random};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Default scopes of the app, from `access.md` §11.1.
const SCOPES: &[&str] = &[
    "commands",
    "chat:write",
    "users:read",
    "users:read.email",
    "channels:history",
    "channels:read",
    "groups:read",
    "im:write",
    "usergroups:read",
];

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Person {
    /// `U…`
    pub id: String,
    /// Missing for people of other workspaces and some guests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub name: String,
    /// IANA name; default: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A guest (`is_restricted`).
    pub guest: bool,
    pub deleted: bool,
    pub bot: bool,
    /// Foreign workspace, for people of shared channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

impl Person {
    /// Returns the name for addresses: lower case, dots for blanks.
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

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChannelFile {
    /// `C…`
    pub id: String,
    /// Without the `#`.
    pub name: String,
    pub members: Vec<String>,
    pub private: bool,
    /// Refuses new messages.
    pub archived: bool,
    /// The app is not a member.
    pub without_app: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UserGroup {
    /// `S…`
    pub id: String,
    pub handle: String,
    pub users: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Shortcut {
    pub callback_id: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WorkspaceSettings {
    /// `T…`
    pub team: String,
    pub team_name: String,
    /// `A…`
    pub app_id: String,
    pub app_name: String,
    pub bot_user: String,
    /// Signature key; default: derived from the seed.
    pub signing_secret: String,
    /// `xoxb-…`
    pub bot_token: String,
    /// `xapp-…`
    pub app_token: String,
    pub scopes: Vec<String>,
    pub channels: Vec<ChannelFile>,
    pub users: Vec<Person>,
    pub user_groups: Vec<UserGroup>,
    pub shortcuts: Vec<Shortcut>,
    pub commands: Vec<String>,
    pub request_url: Option<String>,
    /// Default: derived from `request_url`.
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
            user_groups: Vec::new(),
            shortcuts: vec![
                shortcut("request_for_access", "access"),
                shortcut("request_for_group_membership", "group-access"),
                shortcut("hallpass_done", "End early"),
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
    /// Reads the section; `check` reports its problems.
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

    /// Returns `command_url`, else the address beside `request_url`.
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

/// Returns problems of a section `slack`: duplicate ids, unknown members.
pub fn check(section: &Value) -> Vec<Problem> {
    let settings = match serde_json::from_value::<WorkspaceSettings>(section.clone()) {
        Ok(settings) => settings,
        // a null key; the schema and `read` accept it
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
                let text = format!("no user on Slack is `{member}`");
                problems.push(Problem::new(format!("{at}/members/{place}"), text));
            }
        }
    }
    problems
}

/// Finds a person by id, e-mail (any case) or name.
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
