//! `[mail]` and `[[webhooks]]`: notification channels.

use std::sync::Arc;

use hallpass_access::Channel;
use hallpass_base::Clock;
use hallpass_channels::notify::{Mail, MailSettings, Webhook, WebhookSettings};
use hallpass_terminal::exit::Failure;
use secrecy::SecretString;
use serde::Deserialize;

use super::Loaded;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailTable {
    pub url: Option<SecretString>,
    from: String,
    to_requesters: bool,
    to_approvers: bool,
    pub alerts: Vec<String>,
}

impl Default for MailTable {
    fn default() -> Self {
        Self {
            url: None,
            from: String::new(),
            to_requesters: true,
            to_approvers: true,
            alerts: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTable {
    name: String,
    pub(super) url: SecretString,
    pub(super) secret: SecretString,
    #[serde(default = "all")]
    events: Vec<String>,
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

impl Loaded {
    /// Channels that reach people; `log` without any.
    pub fn channel_names(&self) -> Vec<String> {
        let config = &self.config;
        let interactive = config.interactive_parts().into_iter();
        let interactive = interactive.filter(|(_, part)| part.configured.is_some());
        let interactive = interactive.map(|(name, _)| name.to_owned());
        let mail = config.mail.url.as_ref().map(|_| "mail".to_owned());
        let webhooks = config
            .webhooks
            .iter()
            .map(|it| format!("webhook:{}", it.name));
        let mut names: Vec<String> = interactive.chain(mail).chain(webhooks).collect();
        if names.is_empty() {
            names.push("log".to_owned());
        }
        names.extend(self.alert_targets().names());
        names
    }

    pub fn mail(&self, clock: &Arc<dyn Clock>) -> Result<Option<Mail>, Failure> {
        let table = &self.config.mail;
        let Some(url) = &table.url else {
            return Ok(None);
        };
        if table.from.is_empty() {
            return Err(
                Failure::bad_input("`mail.url` is given, and `mail.from` is not")
                    .help("write the sender of mails: from = \"Hallpass <hallpass@example.com>\""),
            );
        }
        let settings = MailSettings {
            url: url.clone(),
            from: table.from.clone(),
            to_requesters: table.to_requesters,
            to_approvers: table.to_approvers,
            alerts: table.alerts.clone(),
            public_url: self.config.server.public_url.clone(),
        };
        let mail = Mail::new(&settings, Arc::clone(clock));
        mail.map(Some).map_err(|error| {
            Failure::bad_input(error.to_string()).help("docs/reference/notifications.md")
        })
    }

    pub fn webhooks(&self, clock: &Arc<dyn Clock>) -> Result<Vec<Webhook>, Failure> {
        let tables = &self.config.webhooks;
        let mut made = Vec::with_capacity(tables.len());
        for (index, table) in tables.iter().enumerate() {
            if tables.iter().take(index).any(|it| it.name == table.name) {
                let message = format!("two webhooks are called `{}`", table.name);
                return Err(Failure::bad_input(message)
                    .help("deliveries are kept by name: give each its own"));
            }
            let settings = WebhookSettings {
                name: table.name.clone(),
                url: table.url.clone(),
                secret: table.secret.clone(),
                events: table.events.clone(),
                public_url: self.config.server.public_url.clone(),
            };
            let webhook = Webhook::new(&settings, Arc::clone(clock)).map_err(|error| {
                Failure::bad_input(error.to_string()).help("docs/reference/notifications.md")
            })?;
            made.push(webhook);
        }
        Ok(made)
    }

    pub fn channels(&self, clock: &Arc<dyn Clock>) -> Result<Vec<Arc<dyn Channel>>, Failure> {
        let mut channels: Vec<Arc<dyn Channel>> = Vec::new();
        if let Some(mail) = self.mail(clock)? {
            channels.push(Arc::new(mail));
        }
        for webhook in self.webhooks(clock)? {
            channels.push(Arc::new(webhook));
        }
        Ok(channels)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use hallpass_base::clock::SystemClock;

    fn channels(text: &str) -> Result<Vec<String>, String> {
        let loaded = Loaded {
            config: super::super::parse(text, "x").map_err(|failure| failure.words())?,
            folder: PathBuf::new(),
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let channels = loaded.channels(&clock).map_err(|failure| failure.words())?;
        Ok(channels.iter().map(|it| it.name().to_owned()).collect())
    }

    const HOOK: &str = "[[webhooks]]\nname = \"tickets\"\nurl = \"https://example.com/h\"\nsecret = \"0123456789abcdef\"\n";

    #[test]
    fn channels_are_those_configured() {
        assert_eq!(channels("").unwrap(), Vec::<String>::new());
        let mail = "[mail]\nurl = \"smtp://127.0.0.1:25?tls=none\"\nfrom = \"a@example.com\"\n";
        assert_eq!(channels(mail).unwrap(), ["mail"]);
        let both = format!("{mail}{HOOK}");
        assert_eq!(channels(&both).unwrap(), ["mail", "webhook:tickets"]);
    }

    #[test]
    fn what_cannot_work_is_told_without_secrets() {
        let twice = format!("{HOOK}{HOOK}");
        for (text, said) in [
            (
                "[mail]\nurl = \"smtp://u:hunter2@h?tls=none\"\nfrom = \"a@b.c\"\n",
                "mail.url",
            ),
            ("[mail]\nurl = \"smtp://u:hunter2@h\"\n", "mail.from"),
            (
                "[mail]\nurl = \"smtp://h\"\nfrom = \"noreply\"\n",
                "mail.from",
            ),
            (
                "[mail]\nurl = \"smtp://h\"\nfrom = \"a@b.c\"\nalerts = [\"ops\"]\n",
                "mail.alerts",
            ),
            ("[mail]\nurl = \"file:/no/such/hunter2\"\n", "/no/such"),
            ("[mail]\nserver = \"x\"\n", "server"),
            (twice.as_str(), "two webhooks"),
            (&HOOK.replace("https", "http"), "`url`"),
            (&HOOK.replace("0123456789abcdef", "hunter2"), "`secret`"),
            (
                &format!("{HOOK}events = [\"granted\", \"grantd\"]\n"),
                "grantd",
            ),
            (&HOOK.replace("tickets", "tick ets"), "`name`"),
            ("[[webhooks]]\nname = \"x\"\n", "missing field"),
        ] {
            let told = channels(text).expect_err(text);
            assert!(told.contains(said), "{told}");
            assert!(
                !told.contains("hunter2") || text.contains("file:"),
                "{told}"
            );
        }
    }
}
