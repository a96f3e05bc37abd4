//! Requests that people made of AWS TEAM, as its table has them (`schema.graphql`: `requests`).

use serde_json::{Map, Value};

use super::TeamExport;
use super::rows::read_rows;
use super::tables::TeamTable;
use crate::dynamodb::ExportRefused;

/// A request of before. Texts are as people wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRequest {
    /// Its id there.
    pub id: String,
    /// Who asked: the address, or the user name where there is none yet.
    pub requester: Option<String>,
    /// Who approved or rejected it.
    pub approver: Option<String>,
    /// The account's id.
    pub account: Option<String>,
    /// The name of the permission set.
    pub permission_set: Option<String>,
    /// The justification.
    pub reason: Option<String>,
    /// Every attribute of the item.
    pub whole: Value,
}

/// The same with numbers as the texts that they are in the table: not every reader of JSON keeps them.
fn as_written(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(items) => Value::Array(items.into_iter().map(as_written).collect()),
        Value::Object(map) => {
            let entries = map.into_iter().map(|(key, value)| (key, as_written(value)));
            Value::Object(entries.collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

/// Reads the table of requests, in the order of its files.
///
/// # Errors
/// When the export is not whole, or of another table.
pub fn history(export: &TeamExport) -> Result<Vec<PastRequest>, ExportRefused> {
    let rows = read_rows(TeamTable::Requests, &export.name, &export.files)?;
    let past = |id: String, attributes: Map<String, Value>| {
        let text = |key: &str| {
            let text = attributes.get(key).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        PastRequest {
            id,
            requester: text("email").or_else(|| text("username")),
            approver: text("approver"),
            account: text("accountId"),
            permission_set: text("role"),
            reason: text("justification"),
            whole: as_written(Value::Object(attributes)),
        }
    };
    Ok(rows
        .into_iter()
        .map(|row| past(row.id, row.attributes))
        .collect())
}
