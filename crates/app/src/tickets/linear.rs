//! Linear (GraphQL).

use async_trait::async_trait;
use hallpass_access::{TicketComment, TicketFault, TicketSource};
use hallpass_rules::{Assignee, Ticket};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    OutsideService, OutsideSettingsError, TicketSettings, in_time, is_there, link, list, name_at,
    person, project_key, service, unknown_form, written,
};
use crate::outside_service::ServiceAnswer;

const ISSUE: &str = "query($id: String!) { issue(id: $id) { identifier url state { name } \
                     team { key } assignee { email } } }";
/// Both ends, as the order of comments is not documented.
const COMMENTS: &str = "query($id: String!) { issue(id: $id) { id \
                        begin: comments(first: 100) { nodes { body } } \
                        end: comments(last: 100) { nodes { body } } } }";
const COMMENT: &str = "mutation($issue: String!, $body: String!) { \
                       commentCreate(input: { issueId: $issue, body: $body }) { success } }";

pub(super) struct Linear {
    service: OutsideService,
}

impl Linear {
    pub(super) fn new(settings: &TicketSettings) -> Result<Self, OutsideSettingsError> {
        // personal keys have no scheme
        let service = service(settings, Some("https://api.linear.app"), "")?.needing_token()?;
        Ok(Self { service })
    }

    /// `None` if there is no such issue.
    async fn data(&self, query: &str, variables: &Value) -> Result<Option<Value>, TicketFault> {
        let body = json!({ "query": query, "variables": variables });
        let answer = ServiceAnswer::to(self.service.post("/graphql").json(&body)).await?;
        // errors of a query come with either status
        let answer = match answer.status {
            StatusCode::BAD_REQUEST => answer,
            _ => answer.success()?,
        };
        let mut said = answer.json()?;
        let errors = said.get("errors").and_then(Value::as_array);
        if let Some(error) = errors.and_then(|errors| errors.first()) {
            return if is_not_found(error) {
                Ok(None)
            } else {
                Err(refused(error))
            };
        }
        answer.success()?;
        let data = said.get_mut("data").map(Value::take);
        data.map(Some).ok_or_else(|| unknown_form("data"))
    }

    async fn issue(&self, query: &str, key: &str) -> Result<Option<Value>, TicketFault> {
        let data = self.data(query, &json!({ "id": key })).await?;
        let Some(mut data) = data else {
            return Ok(None);
        };
        let issue = data.get_mut("issue").map(Value::take);
        let issue = issue.ok_or_else(|| unknown_form("data.issue"))?;
        Ok(Some(issue).filter(|issue| !issue.is_null()))
    }

    async fn write(&self, key: &str, comment: &TicketComment) -> Result<(), TicketFault> {
        let Some(issue) = self.issue(COMMENTS, key).await? else {
            return Ok(());
        };
        for pointer in ["/begin/nodes", "/end/nodes"] {
            if is_there(list(&issue, pointer)?, "body", comment)? {
                return Ok(());
            }
        }
        let variables = json!({ "issue": name_at(&issue, "/id")?, "body": written(comment) });
        let Some(data) = self.data(COMMENT, &variables).await? else {
            return Ok(());
        };
        let success = data.pointer("/commentCreate/success");
        match success.and_then(Value::as_bool) {
            Some(true) => Ok(()),
            Some(false) => Err(super::fault("the service refused the comment")),
            None => Err(unknown_form("data.commentCreate.success")),
        }
    }
}

/// The service has no code of its own for it.
fn is_not_found(error: &Value) -> bool {
    let texts = ["/message", "/extensions/userPresentableMessage"];
    let mut texts = texts.iter().filter_map(|it| error.pointer(it)?.as_str());
    texts.any(|text| {
        let text = text.to_ascii_lowercase();
        text.contains("not found") || text.contains("could not find")
    })
}

/// Names the code only: a message may repeat what was sent.
fn refused(error: &Value) -> TicketFault {
    let code = error.pointer("/extensions/code").and_then(Value::as_str);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match code.filter(|code| code.len() <= 60 && code.chars().all(plain)) {
        Some(code) => TicketFault(format!("the service answered the error `{code}`")),
        None => super::fault("the service answered an error"),
    }
}

#[async_trait]
impl TicketSource for Linear {
    async fn ticket(&self, text: &str) -> Result<Option<Ticket>, TicketFault> {
        let Some(key) = project_key(text) else {
            return Ok(None);
        };
        let Some(issue) = self.issue(ISSUE, &key).await? else {
            return Ok(None);
        };
        let assignee = issue.get("assignee");
        let assignee = match assignee.ok_or_else(|| unknown_form("assignee"))? {
            Value::Null => Assignee::Nobody,
            user => person(user.get("email")),
        };
        let url = issue.get("url").and_then(Value::as_str);
        Ok(Some(Ticket {
            key: name_at(&issue, "/identifier")?,
            state: name_at(&issue, "/state/name")?,
            project: name_at(&issue, "/team/key")?,
            assignee,
            url: url.and_then(link),
        }))
    }

    async fn comment(&self, text: &str, comment: &TicketComment) -> Result<(), TicketFault> {
        let Some(key) = project_key(text) else {
            return Ok(());
        };
        in_time(self.write(&key, comment)).await
    }
}
