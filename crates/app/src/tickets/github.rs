//! Issues of GitHub (REST API 2022-11-28).

use async_trait::async_trait;
use hallpass_access::{TicketComment, TicketFault, TicketSource};
use hallpass_rules::{Assignee, Ticket};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    OutsideService, OutsideSettingsError, TEXT_MAX, TicketSettings, fault, in_time, is_number,
    is_there, link, list, name_at, person, read, service, unknown_form, write, written,
};
use crate::outside_service::{ServiceAnswer, wrong};

const PAGE: usize = 100;
const PAGES_MAX: usize = 10;

pub(super) struct GithubIssues {
    service: OutsideService,
    /// The only repository, if one is set.
    project: Option<String>,
}

struct IssueNumber<'a> {
    /// `owner/name`.
    repository: &'a str,
    number: &'a str,
}

impl IssueNumber<'_> {
    fn path(&self) -> String {
        format!("/repos/{}/issues/{}", self.repository, self.number)
    }
}

impl GithubIssues {
    pub(super) fn new(settings: &TicketSettings) -> Result<Self, OutsideSettingsError> {
        let project = settings.project.clone();
        if project.as_deref().is_some_and(|it| !is_repository(it)) {
            return Err(wrong("project", "is no repository, such as `owner/name`"));
        }
        let service = service(settings, Some("https://api.github.com"), "Bearer ")?;
        let service = service
            .needing_token()?
            .with_header("accept", "application/vnd.github+json")
            .with_header("x-github-api-version", "2022-11-28");
        Ok(Self { service, project })
    }

    /// `owner/name#12`, and `#12` or `12` of the set repository.
    fn issue<'a>(&'a self, text: &'a str) -> Option<IssueNumber<'a>> {
        let (repository, number) = text.split_once('#').unwrap_or(("", text));
        let set = self.project.as_deref();
        let repository = match (repository, set) {
            ("", set) => set?,
            (given, Some(set)) => set.eq_ignore_ascii_case(given).then_some(set)?,
            (given, None) => given,
        };
        let is_meant = text.len() <= TEXT_MAX && is_repository(repository) && is_number(number, 10);
        is_meant.then_some(IssueNumber { repository, number })
    }

    async fn assignee(&self, issue: &Value) -> Result<Assignee, TicketFault> {
        let login = match list(issue, "/assignees")? {
            [] => return Ok(Assignee::Nobody),
            [user] => name_at(user, "/login")?,
            // a requester is compared with one address
            _ => return Ok(Assignee::WithoutAddress),
        };
        if !is_login(&login) {
            return Ok(Assignee::WithoutAddress);
        }
        let user = read(self.service.get(&format!("/users/{login}"))).await?;
        Ok(person(user.as_ref().and_then(|user| user.get("email"))))
    }

    async fn write(&self, path: &str, comment: &TicketComment) -> Result<(), TicketFault> {
        for page in 1..=PAGES_MAX {
            let query = [("per_page", PAGE), ("page", page)];
            let Some(there) = read(self.service.get(path).query(&query)).await? else {
                return Ok(());
            };
            let there = list(&there, "")?;
            if is_there(there, "body", comment)? {
                return Ok(());
            }
            if there.len() < PAGE {
                let body = json!({ "body": written(comment) });
                return write(self.service.post(path).json(&body)).await;
            }
        }
        Err(fault("the issue has too many comments"))
    }
}

fn is_login(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    (1..=100).contains(&text.len()) && text.bytes().all(plain)
}

fn is_repository(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    text.split_once('/').is_some_and(|(owner, name)| {
        is_login(owner)
            && (1..=100).contains(&name.len())
            && name.bytes().all(plain)
            && !matches!(name, "." | "..")
    })
}

#[async_trait]
impl TicketSource for GithubIssues {
    async fn ticket(&self, text: &str) -> Result<Option<Ticket>, TicketFault> {
        let Some(issue) = self.issue(text) else {
            return Ok(None);
        };
        let answer = ServiceAnswer::to(self.service.get(&issue.path())).await?;
        if answer.status == StatusCode::MOVED_PERMANENTLY {
            return Err(fault("the issue moved: write its new repository"));
        }
        let Some(answer) = answer.found()? else {
            return Ok(None);
        };
        let found = answer.json()?;
        if found.get("pull_request").is_some() {
            return Ok(None);
        }
        let number = found.get("number").and_then(Value::as_u64);
        let number = number.ok_or_else(|| unknown_form("number"))?;
        let url = found.get("html_url").and_then(Value::as_str);
        Ok(Some(Ticket {
            key: format!("{}#{number}", issue.repository),
            state: name_at(&found, "/state")?,
            project: issue.repository.to_owned(),
            assignee: self.assignee(&found).await?,
            url: url.and_then(link),
        }))
    }

    async fn comment(&self, text: &str, comment: &TicketComment) -> Result<(), TicketFault> {
        let Some(issue) = self.issue(text) else {
            return Ok(());
        };
        let path = format!("{}/comments", issue.path());
        in_time(self.write(&path, comment)).await
    }
}
