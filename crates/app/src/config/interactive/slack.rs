use std::path::Path;

use hallpass_channels::slack::Marks;
use hallpass_server::SetupPart;
use hallpass_terminal::exit::Failure;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::config::Loaded;
use crate::config::indirect::{resolve_secrets, resolve_texts};

pub(super) const KEYS: &[(&str, &str)] = &[
    ("slack.signing_secret", "none"),
    ("slack.bot_token", "none"),
    ("slack.app_token", "none"),
    ("slack.channel", "none"),
    ("slack.api_url", "https://slack.com/api"),
    ("slack.dm_outside_channel", "true"),
    ("slack.announce_end", "true"),
    ("slack.marks.waiting", ":large_yellow_circle:"),
    ("slack.marks.good", ":large_green_circle:"),
    ("slack.marks.bad", ":red_circle:"),
    ("slack.marks.discarded", ":white_circle:"),
];

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlackTable {
    pub signing_secret: Option<SecretString>,
    pub bot_token: Option<SecretString>,
    pub app_token: Option<SecretString>,
    pub channel: Option<String>,
    pub api_url: String,
    pub dm_outside_channel: bool,
    pub announce_end: bool,
    pub marks: Marks,
}

impl Default for SlackTable {
    fn default() -> Self {
        Self {
            signing_secret: None,
            bot_token: None,
            app_token: None,
            channel: None,
            api_url: "https://slack.com/api".into(),
            dm_outside_channel: true,
            announce_end: true,
            marks: Marks::default(),
        }
    }
}

impl SlackTable {
    pub(super) fn look_up(&mut self, folder: &Path) -> Result<(), Failure> {
        let marks = &mut self.marks;
        let texts = [
            &mut self.api_url,
            &mut marks.waiting,
            &mut marks.good,
            &mut marks.bad,
            &mut marks.discarded,
        ];
        resolve_texts(texts.into_iter().chain(&mut self.channel), folder)?;
        let secrets = [
            &mut self.signing_secret,
            &mut self.bot_token,
            &mut self.app_token,
        ];
        resolve_secrets(secrets.into_iter().flatten(), folder)
    }

    pub(super) fn setup_part(&self) -> SetupPart {
        let channel = self.channel.as_deref();
        SetupPart {
            name: "Slack",
            without: "People request and approve on pages and on the command line only.",
            configured: self
                .bot_token
                .is_some()
                .then(|| channel.map_or_else(|| "Direct messages.".to_owned(), str::to_owned)),
            lines: "[slack]\nbot_token = \"${env:SLACK_BOT_TOKEN}\"\n\
                    signing_secret = \"${env:SLACK_SIGNING_SECRET}\"\nchannel = \"#access\"",
            document: "how-to/slack.md",
            probe: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct SlackApp {
    /// None in pure Socket Mode: HTTP requests are then refused.
    pub signing_secret: Option<SecretString>,
    pub bot_token: SecretString,
    pub app_token: Option<SecretString>,
    pub api_url: String,
    pub setup: hallpass_channels::slack::Setup,
}

impl Loaded {
    /// The portal is set once it is known.
    pub fn slack(&self) -> Result<Option<SlackApp>, Failure> {
        let table = &self.config.slack;
        let given = |secret: &Option<SecretString>| {
            let secret = secret.as_ref();
            secret
                .filter(|secret| !secret.expose_secret().trim().is_empty())
                .cloned()
        };
        let Some(bot_token) = given(&table.bot_token) else {
            return Ok(None);
        };
        let missing = |key: &str| {
            Failure::bad_input(format!(
                "`slack.bot_token` is given and `slack.{key}` is not"
            ))
            .help("docs/how-to/slack.md says where Slack shows it")
        };
        let app_token = given(&table.app_token);
        let signing_secret = given(&table.signing_secret);
        if signing_secret.is_none() && app_token.is_none() {
            return Err(missing("signing_secret"));
        }
        let channel = table.channel.clone().filter(|channel| !channel.is_empty());
        Ok(Some(SlackApp {
            signing_secret,
            bot_token,
            app_token,
            api_url: table.api_url.clone(),
            setup: hallpass_channels::slack::Setup {
                channel: channel.ok_or_else(|| missing("channel"))?,
                dm_outside_channel: table.dm_outside_channel,
                announce_end: table.announce_end,
                marks: table.marks.clone(),
                account_notes: self.config.access.account_notes.clone(),
                contact: hallpass_access::contact(&self.config.identity.admins).to_owned(),
                public_url: self
                    .config
                    .server
                    .public_url
                    .trim_end_matches('/')
                    .to_owned(),
                portal_url: String::new(),
                zone: hallpass_terminal::words::zone(),
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::parse;

    fn slack(text: &str) -> Result<Option<SlackApp>, Failure> {
        Loaded {
            config: parse(text, "x").unwrap(),
            folder: PathBuf::new(),
        }
        .slack()
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(slack("").unwrap().is_none());
        for (text, missing) in [
            ("[slack]\nbot_token = \"x\"", "signing_secret"),
            (
                "[slack]\nbot_token = \"x\"\nsigning_secret = \"s\"",
                "channel",
            ),
        ] {
            let failure = slack(text).unwrap_err();
            assert!(format!("{failure:?}").contains(missing), "{failure:?}");
        }
    }

    #[test]
    fn in_socket_mode_a_secret_that_is_empty_is_none() {
        let socket = "[slack]\nbot_token = \"x\"\napp_token = \"a\"\nchannel = \"C1\"\n";
        for (given, is_known) in [
            ("", false),
            ("signing_secret = \"\"", false),
            ("signing_secret = \" \"", false),
            ("signing_secret = \"s\"", true),
        ] {
            let app = slack(&format!("{socket}{given}")).unwrap().unwrap();
            assert_eq!(app.signing_secret.is_some(), is_known, "{given}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let text =
            "[slack]\nbot_token = \"xoxb-very\"\nsigning_secret = \"quite\"\nchannel = \"C1\"";
        let config = parse(text, "x").unwrap();
        let shown = format!("{config:?}{:?}", slack(text).unwrap());
        assert!(
            !shown.contains("xoxb-very") && !shown.contains("quite"),
            "{shown}"
        );
    }
}
