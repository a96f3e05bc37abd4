use std::collections::HashSet;

use serde_json::{Value, json};

use super::{OrganizationFile, User};

/// The last of this team is on Slack and not in the channel.
const OUTSIDE_OF: &str = "payments-eng";
/// The last of this team, an approver, is not on Slack.
const ABSENT_FROM: &str = "oncall";
/// The first people of the presets, with short ids.
const PERSONAS: usize = 5;
const CROWD: usize = 500;

const TEAM: &str = "T0EXAMPLE";
const CHANNEL: &str = "C0ACCESS";
/// Not a secret: it signs requests of a simulator.
const SIGNING_SECRET: &str = "5f1a2b3c4d5e6f708192a3b4c5d6e7f8";

pub(super) fn demo(file: &OrganizationFile) -> Value {
    let users = &file.identity_center.users;
    let absent = last_of(file, ABSENT_FROM);
    let rows = users
        .iter()
        .take(CROWD)
        .enumerate()
        .filter(|(_, user)| Some(&user.user_name) != absent)
        .map(|(index, user)| row(user, index < PERSONAS));
    workspace(first_of_each_id(rows), last_of(file, OUTSIDE_OF))
}

fn last_of<'a>(file: &'a OrganizationFile, group: &str) -> Option<&'a String> {
    let groups = &file.identity_center.groups;
    let group = groups.iter().find(|one| one.name == group)?;
    group.members.last()
}

pub(super) fn some(file: &OrganizationFile) -> Value {
    let users = file.identity_center.users.iter().take(CROWD);
    let outside = users.clone().next_back().map(|user| &user.user_name);
    let rows = users.map(|user| row(user, false));
    workspace(first_of_each_id(rows), outside)
}

/// Different names may give equal ids.
fn first_of_each_id(rows: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut taken = HashSet::new();
    rows.filter(|row| taken.insert(row.get("id").cloned()))
        .collect()
}

fn row(user: &User, short: bool) -> Value {
    let name = user.display_name.clone().unwrap_or_else(|| {
        let (given, family) = (user.given_name.as_deref(), user.family_name.as_deref());
        format!(
            "{} {}",
            given.unwrap_or_default(),
            family.unwrap_or_default()
        )
    });
    let local = user.user_name.split('@').next().unwrap_or_default();
    let stem = if short {
        local.split('.').next().unwrap_or(local)
    } else {
        local
    };
    let stem: String = stem.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut row = json!({
        "id": format!("U0{}", stem.to_uppercase()),
        "name": name.trim(),
        "tz": "Europe/Stockholm",
    });
    if let Some(fields) = row.as_object_mut() {
        for (key, value) in [("email", &user.email), ("title", &user.title)] {
            if let Some(value) = value {
                fields.insert(key.to_owned(), value.clone().into());
            }
        }
    }
    row
}

fn workspace(mut users: Vec<Value>, outside: Option<&String>) -> Value {
    let id = |user: &Value| user.get("id").cloned().unwrap_or_default();
    let inside = |user: &&Value| {
        let mail = user.get("email").and_then(Value::as_str);
        mail.is_none() || mail != outside.map(String::as_str)
    };
    let mut members: Vec<Value> = users.iter().filter(inside).map(id).collect();
    // a guest of another company, without an address to match
    users.push(json!({
        "id": "U0GUEST",
        "name": "Robin Castell (Northwind)",
        "tz": "Europe/Lisbon",
        "guest": true,
        "team": "T0NORTHWIND",
        "title": "Consultant",
    }));
    members.push("U0GUEST".into());
    json!({
        "team": TEAM,
        "team_name": "Example",
        "signing_secret": SIGNING_SECRET,
        "bot_token": "xoxb-sim",
        "app_token": "xapp-sim",
        "channels": [{ "id": CHANNEL, "name": "access", "members": members }],
        "users": users,
    })
}
