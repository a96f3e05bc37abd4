//! Jira Cloud and Data Center (REST API 2).

use async_trait::async_trait;
use hallpass_access::{TicketComment, TicketFault, TicketSource};
use hallpass_rules::{Assignee, Ticket};
use serde_json::{Value, json};

use super::{
    OutsideService, OutsideSettingsError, TicketSettings, in_time, is_there, link, list, name_at,
    person, project_key, read, service_of_user, unknown_form, write, written,
};

pub(super) struct Jira {
    service: OutsideService,
}

impl Jira {
    pub(super) fn new(settings: &TicketSettings) -> Result<Self, OutsideSettingsError> {
        let service = service_of_user(settings)?;
        Ok(Self { service })
    }

    fn read(&self, issue: &Value) -> Result<Ticket, TicketFault> {
        // an issue that was moved is found by its old key
        let key = name_at(issue, "/key")?;
        let key = project_key(&key).ok_or_else(|| unknown_form("key"))?;
        let assignee = issue.pointer("/fields/assignee");
        let assignee = match assignee.ok_or_else(|| unknown_form("fields.assignee"))? {
            Value::Null => Assignee::Nobody,
            user => person(user.get("emailAddress")),
        };
        Ok(Ticket {
            state: name_at(issue, "/fields/status/name")?,
            project: name_at(issue, "/fields/project/key")?,
            assignee,
            url: link(self.service.under(&format!("/browse/{key}")).as_str()),
            key,
        })
    }

    async fn write(&self, key: &str, comment: &TicketComment) -> Result<(), TicketFault> {
        let path = format!("/rest/api/2/issue/{key}/comment");
        let newest = [("orderBy", "-created"), ("maxResults", "100")];
        let Some(there) = read(self.service.get(&path).query(&newest)).await? else {
            return Ok(());
        };
        if is_there(list(&there, "/comments")?, "body", comment)? {
            return Ok(());
        }
        let body = json!({ "body": written(comment) });
        write(self.service.post(&path).json(&body)).await
    }
}

#[async_trait]
impl TicketSource for Jira {
    async fn ticket(&self, text: &str) -> Result<Option<Ticket>, TicketFault> {
        let Some(key) = project_key(text) else {
            return Ok(None);
        };
        let call = self.service.get(&format!("/rest/api/2/issue/{key}"));
        let issue = read(call.query(&[("fields", "status,project,assignee")])).await?;
        issue.map(|issue| self.read(&issue)).transpose()
    }

    async fn comment(&self, text: &str, comment: &TicketComment) -> Result<(), TicketFault> {
        let Some(key) = project_key(text) else {
            return Ok(());
        };
        in_time(self.write(&key, comment)).await
    }
}
