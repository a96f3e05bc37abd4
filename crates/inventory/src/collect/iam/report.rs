//! The credential report of an account: made by AWS when it is asked for, and then CSV.

use std::collections::HashMap;
use std::time::Duration;

use crate::{ColumnType, table};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallpass_base::AccountId;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{IamAccount, REPORTS, SERVICE};
use crate::collect::collector::{Collected, Collector};
use crate::collect::csv::csv;
use crate::collect::documents::{needed, text, undecodable};

const GET: &str = "GetCredentialReport";
/// How long we wait until it is made.
const MADE_WITHIN: Duration = Duration::from_mins(1);
/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Words that stand for no value.
const NOTHING: [&str; 4] = ["N/A", "no_information", "not_supported", ""];

/// A report, as it was read.
#[derive(Debug)]
pub(super) struct CredentialReport {
    generated: Value,
    /// A line by the names of its columns, without the prefix that the table has.
    lines: Vec<Map<String, Value>>,
    by_arn: HashMap<String, usize>,
}

impl CredentialReport {
    /// The line of a user, as one is listed. One who was made since has the name of another who is gone.
    pub(super) fn line(&self, user: &Value) -> Option<&Map<String, Value>> {
        let arn = text(user, "Arn")?;
        let line = self.lines.get(*self.by_arn.get(arn)?)?;
        let second = |it: &str| it.parse().ok().map(|it: Timestamp| it.as_second());
        let listed = text(user, "CreateDate").and_then(second);
        let reported = line.get("user_creation_time").and_then(Value::as_str);
        let both = listed.zip(reported.and_then(second));
        // one of the two may be rounded
        both.is_none_or(|(listed, reported)| listed.abs_diff(reported) <= 1)
            .then_some(line)
    }

    /// Whether a user has, or ever had, an access key. One that the report does not know may.
    pub(super) fn may_have_keys(&self, user: &Value) -> bool {
        let Some(line) = self.line(user) else {
            return true;
        };
        let has = |key: &str| {
            let active = line.get(&format!("access_key_{key}_active"));
            let rotated = line.get(&format!("access_key_{key}_last_rotated"));
            active != Some(&Value::Bool(false)) || rotated != Some(&Value::Null)
        };
        has("1") || has("2")
    }

    /// Whether a user has a second factor. One that the report does not know may.
    pub(super) fn may_have_mfa(&self, user: &Value) -> bool {
        let line = self.line(user);
        line.is_none_or(|it| it.get("mfa_active") != Some(&Value::Bool(false)))
    }

    /// The rows of the table; columns that it does not have are put together.
    pub(super) fn rows(&self, account: &AccountId) -> Vec<Value> {
        let lines = self.lines.iter().map(|line| {
            let mut row = Map::new();
            let mut extra = Map::new();
            row.insert("report_account_id".to_owned(), json!(account));
            row.insert("report_generated".to_owned(), self.generated.clone());
            for (name, value) in line {
                match column(name) {
                    Some(_) => row.insert(format!("report_{name}"), value.clone()),
                    None => extra.insert(name.clone(), value.clone()),
                };
            }
            row.insert("extra".to_owned(), Value::Object(extra));
            Value::Object(row)
        });
        lines.collect()
    }

    fn read(answer: &Value) -> Collected<Self> {
        let wrong = |message: &str| undecodable(GET, message);
        let content = STANDARD.decode(needed(GET, answer, "Content")?);
        let content = content.map_err(|_| wrong("its content is not base64"))?;
        let content = String::from_utf8(content).map_err(|_| wrong("its content is no text"))?;
        let mut lines = csv(&content).into_iter();
        let head = lines.next().ok_or_else(|| wrong("it has no header"))?;
        for needed in ["user", "arn", "password_enabled", "mfa_active"] {
            if !head.iter().any(|it| it == needed) {
                return Err(wrong(&format!("it has no column `{needed}`")));
            }
        }
        let mut report = Self {
            generated: answer.get("GeneratedTime").cloned().unwrap_or_default(),
            lines: Vec::new(),
            by_arn: HashMap::new(),
        };
        for cells in lines {
            if cells.len() != head.len() {
                return Err(wrong(
                    "a line has another number of columns than the header",
                ));
            }
            let cells = head.iter().zip(cells);
            let line = cells.map(|(name, cell)| (name.clone(), typed(name, cell)));
            let line: Map<String, Value> = line.collect();
            if let Some(arn) = line.get("arn").and_then(Value::as_str) {
                report.by_arn.insert(arn.to_owned(), report.lines.len());
            }
            report.lines.push(line);
        }
        Ok(report)
    }
}

/// The type of a column that the table has.
fn column(name: &str) -> Option<ColumnType> {
    let (_, column) = table(REPORTS)?.column(&format!("report_{name}"))?;
    Some(column.kind)
}

/// A cell as a value (`inventory.md` T-15).
fn typed(name: &str, cell: String) -> Value {
    // a user may be called like a word that stands for nothing
    if name != "user" && NOTHING.contains(&cell.as_str()) {
        return Value::Null;
    }
    match (column(name), cell.to_ascii_lowercase().as_str()) {
        (Some(ColumnType::Bool), "true") => Value::Bool(true),
        (Some(ColumnType::Bool), "false") => Value::Bool(false),
        _ => Value::String(cell),
    }
}

impl Collector<'_> {
    /// Has the report made, and reads it (`inventory.md` T-15).
    pub(super) async fn credential_report(
        &self,
        account: &IamAccount<'_>,
    ) -> Collected<CredentialReport> {
        let mut pause = FIRST_PAUSE;
        let mut waited = Duration::ZERO;
        let mut is_made = self.make_report(account).await?;
        loop {
            if is_made {
                let answer = self.call(&account.place, SERVICE, GET, json!({})).await;
                let failure = match answer {
                    Ok(answer) => return CredentialReport::read(&answer),
                    Err(failure) => failure,
                };
                match failure.http_status {
                    // it is being made
                    Some(404) if waited < MADE_WITHIN => {}
                    // there is none, or it is too old
                    Some(410) if waited < MADE_WITHIN => {
                        self.make_report(account).await?;
                    }
                    _ => return Err(failure),
                }
            }
            self.calls.pause(pause).await;
            waited += pause;
            pause *= 2;
            // whether it is there by now is asked of it
            is_made = true;
        }
    }

    /// Asks for a report; whether there is one already.
    async fn make_report(&self, account: &IamAccount<'_>) -> Collected<bool> {
        let operation = "GenerateCredentialReport";
        let answer = self
            .call(&account.place, SERVICE, operation, json!({}))
            .await?;
        Ok(text(&answer, "State") == Some("COMPLETE"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_nothing_are_no_value() {
        for (name, cell, expected) in [
            ("password_enabled", "true", json!(true)),
            ("password_enabled", "FALSE", json!(false)),
            ("password_enabled", "not_supported", Value::Null),
            ("password_last_used", "no_information", Value::Null),
            ("password_last_changed", "N/A", Value::Null),
            ("access_key_1_last_used_service", "s3", json!("s3")),
            ("user", "N/A", json!("N/A")),
            ("a_new_column", "true", json!("true")),
        ] {
            assert_eq!(typed(name, cell.to_owned()), expected, "{name} {cell}");
        }
    }
}
