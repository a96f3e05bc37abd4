//! `ServiceNow` (Table API). Comments are work notes.

use async_trait::async_trait;
use hallpass_access::{TicketComment, TicketFault, TicketSource};
use hallpass_rules::{Assignee, Ticket};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    OutsideService, OutsideSettingsError, TicketSettings, fault, in_time, is_number, is_there,
    link, list, name_at, person, read, service_of_user, unknown_form, write, written,
};
use crate::outside_service::wrong;

const FIELDS: &str = "sys_id,number,state,assigned_to,assigned_to.email";

pub(super) struct ServiceNow {
    service: OutsideService,
    table: String,
}

/// A ticket with the id that its notes have.
struct Row {
    id: String,
    ticket: Ticket,
}

impl ServiceNow {
    pub(super) fn new(settings: &TicketSettings) -> Result<Self, OutsideSettingsError> {
        let table = settings.project.as_deref().unwrap_or("incident");
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        if table.is_empty() || table.len() > 80 || !table.bytes().all(plain) {
            return Err(wrong("project", "is no name of a table"));
        }
        Ok(Self {
            service: service_of_user(settings)?,
            table: table.to_owned(),
        })
    }

    async fn row(&self, text: &str) -> Result<Option<Row>, TicketFault> {
        // the query has operators, such as `^`
        let Some(number) = number(text) else {
            return Ok(None);
        };
        let wanted = format!("number={number}");
        let query = [
            ("sysparm_query", wanted.as_str()),
            ("sysparm_fields", FIELDS),
            ("sysparm_display_value", "all"),
            ("sysparm_limit", "2"),
        ];
        let call = self.service.get(&format!("/api/now/table/{}", self.table));
        let Some(answer) = read(call.query(&query)).await? else {
            return Ok(None);
        };
        match list(&answer, "/result")? {
            [] => Ok(None),
            [row] => self.read(row, &number).map(Some),
            _ => Err(fault("two tickets have this number")),
        }
    }

    fn read(&self, row: &Value, number: &str) -> Result<Row, TicketFault> {
        let key = name_at(row, "/number/display_value")?;
        // a filter that the service does not understand selects every row
        if !key.eq_ignore_ascii_case(number) {
            return Err(unknown_form("number"));
        }
        let id = name_at(row, "/sys_id/value")?;
        if id.len() != 32 || !id.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Err(unknown_form("sys_id.value"));
        }
        let user = row.pointer("/assigned_to/value").and_then(Value::as_str);
        let user = user.ok_or_else(|| unknown_form("assigned_to.value"))?;
        let assignee = if user.is_empty() {
            Assignee::Nobody
        } else {
            let address = row.get("assigned_to.email");
            person(address.and_then(|it| it.get("value")))
        };
        let mut url = self.service.under("/nav_to.do");
        let page = format!("{}.do?sys_id={id}", self.table);
        url.query_pairs_mut().append_pair("uri", &page);
        let ticket = Ticket {
            key,
            state: name_at(row, "/state/display_value")?,
            project: self.table.clone(),
            assignee,
            url: link(url.as_str()),
        };
        Ok(Row { id, ticket })
    }

    async fn write(&self, text: &str, comment: &TicketComment) -> Result<(), TicketFault> {
        let Some(Row { id, .. }) = self.row(text).await? else {
            return Ok(());
        };
        let notes = format!("element_id={id}^element=work_notes^ORDERBYDESCsys_created_on");
        let query = [
            ("sysparm_query", notes.as_str()),
            ("sysparm_fields", "value"),
            ("sysparm_limit", "100"),
        ];
        let call = self.service.get("/api/now/table/sys_journal_field");
        let there = read(call.query(&query)).await?;
        let there = there.ok_or_else(|| fault("its work notes cannot be read"))?;
        if is_there(list(&there, "/result")?, "value", comment)? {
            return Ok(());
        }
        let path = format!("/api/now/table/{}/{id}", self.table);
        let call = self.service.call(Method::PATCH, self.service.under(&path));
        write(call.json(&json!({ "work_notes": written(comment) }))).await
    }
}

/// `INC0010023`: letters, then digits.
fn number(text: &str) -> Option<String> {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let letters = text.len() - digits.len();
    ((1..=10).contains(&letters) && is_number(digits, 18)).then(|| text.to_ascii_uppercase())
}

#[async_trait]
impl TicketSource for ServiceNow {
    async fn ticket(&self, text: &str) -> Result<Option<Ticket>, TicketFault> {
        Ok(self.row(text).await?.map(|row| row.ticket))
    }

    async fn comment(&self, text: &str, comment: &TicketComment) -> Result<(), TicketFault> {
        in_time(self.write(text, comment)).await
    }
}
