//! The simulated Slack of the organizations that are made here: everybody of the small preset,
//! the first people of any other, with those that are always forgotten.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{OrganizationFile, User};

/// The last of this team is on Slack and not in the channel.
const OUTSIDE_OF: &str = "payments-eng";
/// The last of this team, who approves, is not on Slack.
const ABSENT_FROM: &str = "oncall";
/// People of the small preset that have short ids.
const PERSONAS: usize = 5;
/// People of a generated organization that are on Slack.
const CROWD: usize = 500;

const TEAM: &str = "T0EXAMPLE";
const CHANNEL: &str = "C0ACCESS";
/// Not a secret: it signs requests of a simulator.
const SIGNING_SECRET: &str = "5f1a2b3c4d5e6f708192a3b4c5d6e7f8";

/// Everybody of the small preset but one.
pub(super) fn small(file: &OrganizationFile) -> Value {
    let users = &file.identity_center.users;
    let absent = last_of(file, ABSENT_FROM);
    let users: Vec<Value> = users
        .iter()
        .enumerate()
        .filter(|(_, user)| Some(&user.user_name) != absent)
        .map(|(index, user)| row(user, index < PERSONAS))
        .collect();
    workspace(users, last_of(file, OUTSIDE_OF))
}

fn last_of<'a>(file: &'a OrganizationFile, group: &str) -> Option<&'a String> {
    let groups = &file.identity_center.groups;
    let group = groups.iter().find(|one| one.name == group)?;
    group.members.last()
}

/// The first people of a generated organization; of two with one id the first.
pub(super) fn some(file: &OrganizationFile) -> Value {
    let users = file.identity_center.users.iter().take(CROWD);
    let outside = users.clone().next_back().map(|user| &user.user_name);
    let mut taken = HashSet::new();
    let rows = users.map(|user| row(user, false));
    let rows = rows.filter(|row| taken.insert(row.get("id").cloned()));
    workspace(rows.collect(), outside)
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
    // a guest of another company: no address to be matched by
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
