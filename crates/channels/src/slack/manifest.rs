//! The app's manifest, with the original's callback ids.

use serde_json::{Value, json};

use crate::slack::ids;

/// How Slack reaches the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The server's public address, without a final slash.
    Http(String),
    Socket,
}

/// Bot scopes with their purpose. The last three are for direct messages and their recipients.
pub const SCOPES: [(&str, &str); 8] = [
    ("commands", "the slash command and the shortcuts"),
    ("chat:write", "posting"),
    ("users:read", "who presses"),
    ("users:read.email", "who that is in Identity Center"),
    (
        "channels:history",
        "finding a message whose posting was not confirmed",
    ),
    ("channels:read", "who is in the channel"),
    ("groups:read", "who is in a private channel"),
    ("im:write", "direct messages"),
];

fn put(to: &mut Value, name: &str, text: String) {
    if let Some(fields) = to.as_object_mut() {
        fields.insert(name.to_owned(), Value::String(text));
    }
}

/// Returns the manifest for Slack's "create an app from a manifest".
pub fn manifest(reach: &Reach) -> Value {
    let shortcut = |name: &str, callback: &str, words: &str| json!({"name": name, "type": "global", "callback_id": callback, "description": words});
    let mut command = json!({
        "command": ids::COMMAND,
        "description": "Request temporary AWS access",
        "usage_hint": "[group | mine | done]",
        "should_escape": false,
    });
    let mut interactivity = json!({"is_enabled": true});
    if let Reach::Http(url) = reach {
        let interactions = format!("{url}/slack/interactions");
        put(&mut command, "url", format!("{url}/slack/commands"));
        put(&mut interactivity, "request_url", interactions.clone());
        put(&mut interactivity, "message_menu_options_url", interactions);
    }
    let scopes: Vec<&str> = SCOPES.iter().map(|(scope, _)| *scope).collect();
    json!({
        "display_information": {
            "name": "Hallpass",
            "description": "Temporary AWS access that ends automatically",
            "background_color": "#1f2a37",
        },
        "features": {
            "app_home": {"home_tab_enabled": false, "messages_tab_enabled": true, "messages_tab_read_only_enabled": true},
            "bot_user": {"display_name": "Hallpass", "always_online": true},
            "shortcuts": [
                shortcut("access", ids::SHORTCUT_ACCESS, "Request access to an AWS account"),
                shortcut("group-access", ids::SHORTCUT_GROUP, "Request membership of a group"),
                shortcut("access-done", ids::SHORTCUT_DONE, "End access early"),
                shortcut("my-access", ids::SHORTCUT_MINE, "My access and requests"),
            ],
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": scopes}},
        "settings": {
            "interactivity": interactivity,
            "org_deploy_enabled": false,
            "socket_mode_enabled": *reach == Reach::Socket,
            "token_rotation_enabled": false,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callback_ids_are_the_originals_and_urls_only_over_http() {
        let http = manifest(&Reach::Http("https://h.example".to_owned()));
        let names: Vec<&str> = http["features"]["shortcuts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|shortcut| shortcut["callback_id"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "request_for_access",
                "request_for_group_membership",
                "hallpass_done",
                "hallpass_my_access"
            ]
        );
        assert_eq!(
            http["settings"]["interactivity"]["request_url"],
            "https://h.example/slack/interactions"
        );
        assert_eq!(
            http["features"]["slash_commands"][0]["url"],
            "https://h.example/slack/commands"
        );
        let socket = manifest(&Reach::Socket).to_string();
        assert!(!socket.contains("url") && socket.contains("\"socket_mode_enabled\":true"));
    }
}
