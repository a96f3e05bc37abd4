//! A user group of Slack, which most on-call tools keep in step.

use async_trait::async_trait;
use hallpass_access::{OnCallFault, OnCallSource};
use hallpass_base::Email;
use hallpass_channels::slack;
use secrecy::SecretString;

use super::{OnCallSettings, OutsideSettingsError, fault, wrong};

/// One call each.
const MEMBERS_MAX: usize = 15;

pub(super) struct SlackGroup {
    client: slack::Client,
    group: String,
}

impl SlackGroup {
    pub(super) fn new(
        settings: &OnCallSettings,
        slack: Option<(&str, &SecretString)>,
    ) -> Result<Self, OutsideSettingsError> {
        if !settings.schedules.is_empty() {
            return Err(wrong(
                "schedules",
                "is not possible here: write `user_group`",
            ));
        }
        let group = settings.user_group.clone();
        let group = group.ok_or_else(|| wrong("user_group", "is needed, such as `S0123ABCD`"))?;
        let (base, token) = slack.ok_or_else(|| wrong("kind", "needs `slack.bot_token`"))?;
        let token = settings.token.as_ref().unwrap_or(token);
        let client = slack::Client::new(base, token.clone());
        let client = client.map_err(|_| wrong("kind", "cannot be called: there is no TLS"))?;
        Ok(Self { client, group })
    }
}

#[async_trait]
impl OnCallSource for SlackGroup {
    async fn on_call(&self) -> Result<Vec<Email>, OnCallFault> {
        let said = |error: slack::SlackError| OnCallFault(error.to_string());
        let members = self.client.user_group(&self.group).await.map_err(said)?;
        if members.len() > MEMBERS_MAX {
            return Err(OnCallFault(format!(
                "the user group has more than {MEMBERS_MAX} members"
            )));
        }
        let mut people = Vec::new();
        for member in members {
            let user = self.client.user(&member).await.map_err(said)?;
            if user.is_nobody || user.is_stranger {
                continue;
            }
            let email = user.email.as_deref().map(Email::new);
            match email {
                Some(Ok(email)) => people.push(email),
                Some(Err(_)) | None => {
                    return Err(fault("a member has no e-mail address (`users:read.email`)"));
                }
            }
        }
        Ok(people)
    }
}
