//! Any address that answers `{"ticket": {"key", "state", "project", "assignee", "url"}}`.

use async_trait::async_trait;
use hallpass_access::{TicketComment, TicketFault, TicketSource};
use hallpass_base::Email;
use hallpass_rules::{Assignee, Ticket};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::{
    OutsideService, OutsideSettingsError, TEXT_MAX, TicketSettings, in_time, link, name_at, read,
    service, unknown_form, write, written,
};
use crate::outside_service::wrong;

const PLACE: &str = "{ticket}";

pub(super) struct JsonTickets {
    service: OutsideService,
    /// The address, with [`PLACE`].
    template: String,
}

impl JsonTickets {
    pub(super) fn new(settings: &TicketSettings) -> Result<Self, OutsideSettingsError> {
        let service = service(settings, None, "Bearer ")?;
        let template = settings.url.clone().unwrap_or_default();
        if template.matches(PLACE).count() != 1 || !is_in_path_or_query(&template) {
            return Err(wrong(
                "url",
                "must contain `{ticket}` once, in its path or query",
            ));
        }
        Ok(Self { service, template })
    }

    fn address(&self, text: &str) -> Option<Url> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"._:-".contains(&c);
        let is_key = text.len() <= TEXT_MAX
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(plain)
            && !text.contains("..");
        is_key.then(|| filled(&self.template, text)).flatten()
    }
}

/// The pattern of keys leaves one character that URLs use.
fn filled(template: &str, text: &str) -> Option<Url> {
    let encoded = text.replace(':', "%3A");
    Url::parse(&template.replace(PLACE, &encoded)).ok()
}

fn is_in_path_or_query(template: &str) -> bool {
    let (Some(one), Some(other)) = (filled(template, "a"), filled(template, "b")) else {
        return false;
    };
    one.origin() == other.origin() && one.fragment() == other.fragment() && one != other
}

fn ticket(answer: &Value) -> Result<Ticket, TicketFault> {
    let ticket = answer.get("ticket").filter(|it| it.is_object());
    let ticket = ticket.ok_or_else(|| unknown_form("ticket"))?;
    let assignee = match ticket.get("assignee") {
        Some(Value::Null) => Some(Assignee::Nobody),
        Some(Value::String(address)) => Email::new(address).ok().map(Assignee::Person),
        _ => None,
    };
    let url = ticket.get("url").and_then(Value::as_str);
    Ok(Ticket {
        key: name_at(answer, "/ticket/key")?,
        state: name_at(answer, "/ticket/state")?,
        project: name_at(answer, "/ticket/project")?,
        assignee: assignee.ok_or_else(|| unknown_form("ticket.assignee"))?,
        url: url.and_then(link),
    })
}

#[async_trait]
impl TicketSource for JsonTickets {
    async fn ticket(&self, text: &str) -> Result<Option<Ticket>, TicketFault> {
        let Some(address) = self.address(text) else {
            return Ok(None);
        };
        let answer = read(self.service.call(Method::GET, address)).await?;
        answer.map(|answer| ticket(&answer)).transpose()
    }

    /// The receiver ignores a repeated id.
    async fn comment(&self, text: &str, comment: &TicketComment) -> Result<(), TicketFault> {
        let Some(address) = self.address(text) else {
            return Ok(());
        };
        let body = json!({ "comment": written(comment), "id": comment.marker });
        let call = self.service.call(Method::POST, address);
        let call = call.header("idempotency-key", &comment.marker);
        in_time(write(call.json(&body))).await
    }
}
