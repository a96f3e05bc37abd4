//! `[[on_call]]`: lists of who is on call, for rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallpass_access::OnCallSource;
use hallpass_rules::ON_CALL_PREFIX;
use hallpass_terminal::exit::Failure;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::Loaded;
use crate::on_call::{OnCallKind, OnCallSettings, source};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnCallTable {
    name: String,
    kind: OnCallKind,
    pub(super) url: Option<String>,
    pub(super) token: Option<SecretString>,
    #[serde(default)]
    schedules: Vec<String>,
    #[serde(default)]
    escalation_policies: Vec<String>,
    #[serde(default)]
    levels: Vec<u32>,
    #[serde(default)]
    services: Vec<String>,
    user_group: Option<String>,
}

/// Sources by list name, with its prefix.
pub type OnCallSources = BTreeMap<String, Arc<dyn OnCallSource>>;

impl Loaded {
    /// Makes the configured sources without a call.
    pub fn on_call(&self) -> Result<OnCallSources, Failure> {
        let slack = &self.config.slack;
        let token = slack.bot_token.as_ref();
        let token = token.filter(|token| !token.expose_secret().trim().is_empty());
        let slack = token.map(|token| (slack.api_url.as_str(), token));
        let mut sources = OnCallSources::new();
        for table in &self.config.on_call {
            let name = &table.name;
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
                let message = format!("`on_call.name`: `{name}` is no name of a list");
                return Err(Failure::bad_input(message).help(
                    "write 1 to 40 of a-z, 0-9 and `-`; rules name the list `on-call:NAME`",
                ));
            }
            let made = source(&table.settings(), slack).map_err(|error| {
                let message = format!("on-call list `{name}`: `{}` {}", error.key, error.message);
                Failure::bad_input(message).help("docs/how-to/on-call.md")
            })?;
            if sources
                .insert(format!("{ON_CALL_PREFIX}{name}"), made)
                .is_some()
            {
                let message = format!("two on-call lists are called `{name}`");
                return Err(Failure::bad_input(message)
                    .help("give each its own name; a rule may name several"));
            }
        }
        Ok(sources)
    }
}

impl OnCallTable {
    fn settings(&self) -> OnCallSettings {
        OnCallSettings {
            kind: self.kind,
            url: self.url.clone(),
            token: self.token.clone(),
            schedules: self.schedules.clone(),
            escalation_policies: self.escalation_policies.clone(),
            levels: self.levels.clone(),
            services: self.services.clone(),
            user_group: self.user_group.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn lists(text: &str) -> Result<Vec<String>, String> {
        let loaded = Loaded {
            config: super::super::parse(text, "x").map_err(|failure| failure.words())?,
            folder: PathBuf::new(),
        };
        let sources = loaded.on_call().map_err(|failure| failure.words())?;
        Ok(sources.into_keys().collect())
    }

    const DUTY: &str = "[[on_call]]\nname = \"pay\"\nkind = \"pagerduty\"\ntoken = \"hunter2\"\nschedules = [\"P1\"]\n";
    const SLACK: &str = "[slack]\nbot_token = \"xoxb-1\"\n";

    #[test]
    fn lists_are_those_configured() {
        assert_eq!(lists("").unwrap(), Vec::<String>::new());
        let group =
            "[[on_call]]\nname = \"ops\"\nkind = \"slack_user_group\"\nuser_group = \"S1\"\n";
        let all = format!("{DUTY}{group}{SLACK}");
        assert_eq!(lists(&all).unwrap(), ["on-call:ops", "on-call:pay"]);
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_key_and_without_secrets() {
        let json =
            |url: &str| format!("[[on_call]]\nname = \"j\"\nkind = \"json\"\nurl = \"{url}\"\n");
        for (text, said) in [
            (format!("{DUTY}{DUTY}"), "two on-call lists"),
            (DUTY.replace("\"pay\"", "\"Pay Roll\""), "on_call.name"),
            (
                DUTY.replace("token = \"hunter2\"\n", ""),
                "`token` is needed",
            ),
            (
                DUTY.replace("schedules = [\"P1\"]\n", ""),
                "`schedules` is needed",
            ),
            (format!("{DUTY}levels = [0]\n"), "`levels`"),
            (
                format!("{DUTY}url = \"http://example.com\"\n"),
                "`url` must begin",
            ),
            (
                format!("{DUTY}url = \"https://u:hunter2@x.example\"\n"),
                "`url` has a user",
            ),
            (DUTY.replace("pagerduty", "opsgenie"), "unknown variant"),
            (
                format!("{}levels = [1]\n", json("https://x.example/on")),
                "`levels` is only",
            ),
            (format!("{DUTY}services = [\"S1\"]\n"), "`services` is only"),
            (
                DUTY.replace("\"pagerduty\"", "\"pagerduty_incidents\""),
                "`services` is needed",
            ),
            (json("example"), "`url` is no URL"),
            (
                "[[on_call]]\nname = \"s\"\nkind = \"slack_user_group\"\nuser_group = \"S1\"\n"
                    .into(),
                "slack.bot_token",
            ),
            (
                format!("[[on_call]]\nname = \"s\"\nkind = \"slack_user_group\"\n{SLACK}"),
                "`user_group` is needed",
            ),
        ] {
            let told = lists(&text).expect_err(&text);
            assert!(told.contains(said), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
