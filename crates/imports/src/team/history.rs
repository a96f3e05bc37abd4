//! Past requests in AWS TEAM's table (`schema.graphql`: `requests`).

use serde_json::{Map, Value};

use super::TeamExport;
use super::rows::read_rows;
use super::tables::TeamTable;
use crate::dynamodb::ExportRefused;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRequest {
    pub id: String,
    /// The address, or the user name in old items.
    pub requester: Option<String>,
    pub approver: Option<String>,
    pub account: Option<String>,
    pub permission_set: Option<String>,
    pub reason: Option<String>,
    pub whole: Value,
}

/// Keeps numbers as text: some JSON readers lose digits.
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

/// Reads the request table in file order.
///
/// # Errors
/// The export is incomplete, or of another table.
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
