//! `[[tickets]]`: services of tickets, for rules and comments.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallpass_access::{Channel, TicketSource};
use hallpass_terminal::exit::Failure;
use secrecy::SecretString;
use serde::Deserialize;

use super::Loaded;
use crate::tickets::{TicketComments, TicketKind, TicketSettings, source};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketTable {
    name: String,
    kind: TicketKind,
    pub(super) url: Option<String>,
    user: Option<String>,
    pub(super) token: Option<SecretString>,
    project: Option<String>,
    #[serde(default)]
    comment: bool,
}

/// Sources by the name that rules use.
pub type TicketSources = BTreeMap<String, Arc<dyn TicketSource>>;

impl Loaded {
    /// Makes the configured sources without a call.
    pub fn tickets(&self) -> Result<TicketSources, Failure> {
        let mut sources = TicketSources::new();
        for table in &self.config.tickets {
            let name = &table.name;
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
                let message = format!("`tickets.name`: `{name}` is no name of a service");
                return Err(Failure::bad_input(message)
                    .help("write 1 to 40 of a-z, 0-9 and `-`; rules use this name"));
            }
            let made = source(&table.settings()).map_err(|error| {
                let message = format!("tickets `{name}`: `{}` {}", error.key, error.message);
                Failure::bad_input(message).help("docs/how-to/tickets.md")
            })?;
            if sources.insert(name.clone(), made).is_some() {
                let message = format!("two services of tickets are called `{name}`");
                return Err(Failure::bad_input(message).help("give each its own name"));
            }
        }
        Ok(sources)
    }

    /// Channels that comment on tickets. They reach no people, so the log is needed beside them.
    pub fn ticket_comments(&self) -> Result<Vec<Arc<dyn Channel>>, Failure> {
        let sources = self.tickets()?;
        let tables = self.config.tickets.iter().filter(|table| table.comment);
        let made = tables.filter_map(|table| {
            let source = Arc::clone(sources.get(&table.name)?);
            let public_url = &self.config.server.public_url;
            let comments = TicketComments::new(&table.name, source, public_url);
            Some(Arc::new(comments) as Arc<dyn Channel>)
        });
        Ok(made.collect())
    }
}

impl TicketTable {
    fn settings(&self) -> TicketSettings {
        TicketSettings {
            kind: self.kind,
            url: self.url.clone(),
            user: self.user.clone(),
            token: self.token.clone(),
            project: self.project.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn loaded(text: &str) -> Result<Loaded, String> {
        Ok(Loaded {
            config: super::super::parse(text, "x").map_err(|failure| failure.words())?,
            folder: PathBuf::new(),
        })
    }

    fn names(text: &str) -> Result<Vec<String>, String> {
        let sources = loaded(text)?.tickets().map_err(|failure| failure.words())?;
        Ok(sources.into_keys().collect())
    }

    fn table(kind: &str, more: &str) -> String {
        format!("[[tickets]]\nname = \"{kind}\"\nkind = \"{kind}\"\ntoken = \"hunter2\"\n{more}")
            .replace("name = \"service_now\"", "name = \"service-now\"")
    }

    const URL: &str = "url = \"https://x.example\"\n";

    #[test]
    fn services_are_those_configured_and_comments_those_switched_on() {
        assert_eq!(names("").unwrap(), Vec::<String>::new());
        let all = [
            table("jira", &format!("{URL}user = \"bot\"\ncomment = true\n")),
            table(
                "service_now",
                &format!("{URL}project = \"change_request\"\n"),
            ),
            table("github", "project = \"acme/ops\"\ncomment = true\n"),
            table("linear", ""),
            table("json", "url = \"https://x.example/t?id={ticket}&x=1\"\n"),
        ]
        .concat();
        let sorted = ["github", "jira", "json", "linear", "service-now"];
        assert_eq!(names(&all).unwrap(), sorted);
        let loaded = loaded(&all).unwrap();
        let comments = loaded.ticket_comments().unwrap();
        let comments: Vec<&str> = comments.iter().map(|it| it.name()).collect();
        assert_eq!(comments, ["ticket:jira", "ticket:github"]);
        assert_eq!(loaded.channel_names(), ["log"], "they reach no people");
    }

    fn is_refused(text: &str, said: &str) {
        let told = names(text).expect_err(text);
        assert!(told.contains(said), "{told}\n{text}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_key_and_without_secrets() {
        let jira = table("jira", URL);
        is_refused(&format!("{jira}{jira}"), "two services of tickets");
        for (good, bad, said) in [
            ("name = \"jira\"", "name = \"My Jira\"", "tickets.name"),
            ("name = \"jira\"", "name = \"\"", "tickets.name"),
            ("kind = \"jira\"", "kind = \"redmine\"", "unknown variant"),
            ("token = \"hunter2\"\n", "", "`token` is needed"),
            ("hunter2", "hunter2\\n", "`token` has characters"),
            ("https", "http", "`url` must begin"),
            ("x.example", "u:hunter2@x.example", "`url` has a user"),
            ("https://x.example", "x", "`url` is no URL"),
            (URL, "", "`url` is needed"),
            ("token", "user = \"a:hunter2\"\ntoken", "`user` is no user"),
            ("token", "project = \"OPS\"\ntoken", "`project` is only"),
            ("token", "comments = true\ntoken", "unknown field"),
        ] {
            is_refused(&jira.replace(good, bad), said);
        }
    }

    #[test]
    fn each_kind_refuses_what_it_cannot_use() {
        let without_token = |kind| table(kind, "").replace("token = \"hunter2\"\n", "");
        is_refused(&without_token("github"), "`token` is needed");
        is_refused(&without_token("linear"), "`token` is needed");
        let place = "`url` must contain `{ticket}`";
        for (kind, key, value, said) in [
            ("service_now", "project", "incident", "`url` is needed"),
            ("service_now", "project", "a^b", "`project` is no name"),
            ("github", "project", "acme", "`project` is no repository"),
            ("github", "project", "acme/..", "`project` is no repository"),
            ("github", "user", "a", "`user` is only possible"),
            ("linear", "user", "a", "`user` is only possible"),
            ("linear", "project", "ENG", "`project` is only possible"),
            ("json", "project", "ops", "`project` is only possible"),
            ("json", "url", "https://x.example/t", place),
            ("json", "url", "https://x.example/{ticket}/{ticket}", place),
            ("json", "url", "https://x.example/t#{ticket}", place),
            ("json", "url", "https://{ticket}.example/t", place),
            (
                "json",
                "url",
                "https://{ticket}@x.example/t",
                "`url` has a user",
            ),
        ] {
            is_refused(&table(kind, &format!("{key} = \"{value}\"\n")), said);
        }
    }
}
