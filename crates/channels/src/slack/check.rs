//! Checks the Slack setup for `hallpass server doctor`.

use serde_json::Value;

use crate::slack::client::Client;
use crate::slack::manifest::SCOPES;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckFinding {
    Fine(String),
    /// Only comfort is affected.
    Lacks(String, String),
    /// Failure and fix.
    Broken(String, String),
}

/// Checks the token, its scopes and the channel.
pub async fn check(client: &Client, channel: &str) -> Vec<CheckFinding> {
    let myself = match client.myself().await {
        Ok(myself) => myself,
        Err(error) => {
            let remedy = match error.code() {
                Some("invalid_auth" | "not_authed" | "token_revoked" | "account_inactive") => {
                    "set `slack.bot_token` to the app's Bot User OAuth Token (xoxb-…)"
                }
                _ => "can this machine reach `slack.api_url`?",
            };
            return vec![CheckFinding::Broken(error.to_string(), remedy.to_owned())];
        }
    };
    let mut found = vec![CheckFinding::Fine(format!(
        "workspace {} ({})",
        myself.team_name, myself.team
    ))];
    let missing: Vec<&str> = SCOPES
        .iter()
        .map(|(scope, _)| *scope)
        .filter(|scope| {
            !myself.scopes.is_empty() && !myself.scopes.iter().any(|given| given == scope)
        })
        .collect();
    match missing.as_slice() {
        [] => {}
        ["channels:history"] => found.push(CheckFinding::Lacks(
            "the token lacks channels:history".to_owned(),
            "without it a message whose posting was not confirmed is posted twice".to_owned(),
        )),
        missing => found.push(CheckFinding::Broken(
            format!("the token lacks {}", missing.join(", ")),
            "add the scopes under OAuth & Permissions and install the app again".to_owned(),
        )),
    }
    found.push(match client.channel(channel).await {
        Ok(about) if about.get("is_member").and_then(Value::as_bool) == Some(true) => {
            CheckFinding::Fine(format!("member of channel {channel}"))
        }
        Ok(_) => CheckFinding::Broken(
            format!("the app is not a member of channel {channel}"),
            "in the channel, write /invite @Hallpass".to_owned(),
        ),
        Err(error) if error.code() == Some("missing_scope") => CheckFinding::Lacks(
            format!("channel {channel} cannot be read"),
            "add channels:read and groups:read, and install the app again".to_owned(),
        ),
        Err(error) => CheckFinding::Broken(
            error.to_string(),
            "`slack.channel` is the channel's id (C…), not its name".to_owned(),
        ),
    });
    found
}
