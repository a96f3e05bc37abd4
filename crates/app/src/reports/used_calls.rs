//! Calls made with a permission set, and the covered days, from the activity table.

use std::path::Path;

use hallpass_activity::CalledAction;
use hallpass_base::{AccountId, Timestamp};
use hallpass_terminal::exit::Failure;
use jiff::civil::Date;
use serde::Deserialize;

use super::companion_rows;

#[derive(Debug, Deserialize)]
pub struct LogDays {
    pub first: Date,
    pub last: Date,
}

#[derive(Debug)]
pub struct CallsWanted<'a> {
    pub permission_set: &'a str,
    pub account: Option<&'a AccountId>,
    pub person: Option<&'a str>,
    pub since: Date,
    pub until: Timestamp,
}

/// Denied calls do not count as use.
const NOT_REFUSED: &str =
    "(error_code IS NULL OR error_code !~ '(AccessDenied|Unauthorized|Forbidden|NotAuthorized)')";

#[derive(Debug, Deserialize)]
struct CalledRow {
    service: String,
    action: String,
    principal: String,
    last: Timestamp,
}

pub fn log_days(folder: &Path) -> Result<LogDays, Failure> {
    #[derive(Deserialize)]
    struct Days {
        first: Option<Date>,
        last: Option<Date>,
    }
    let sql = "SELECT min(day) AS first, max(day) AS last FROM aws_activity";
    let found: Vec<Days> = companion_rows::rows(folder, sql, &[])?.rows;
    let days = found
        .into_iter()
        .next()
        .and_then(|it| it.first.zip(it.last));
    days.map(|(first, last)| LogDays { first, last })
        .ok_or_else(|| {
            let failure = Failure::bad_input("the activity table has no rows");
            failure.help("`hallpass activity ingest SOURCE` reads logs into it")
        })
}

pub fn calls_of(folder: &Path, wanted: &CallsWanted<'_>) -> Result<Vec<CalledAction>, Failure> {
    let mut parameters = vec![
        ("set".to_owned(), wanted.permission_set.to_owned()),
        ("since".to_owned(), wanted.since.to_string()),
        ("until".to_owned(), wanted.until.to_string()),
    ];
    let mut sql = format!(
        "SELECT service, action, principal, max(last_seen) AS last FROM aws_activity \
         WHERE principal_kind = 'person' AND permission_set = $set AND day >= $since \
         AND first_seen <= $until::timestamptz AND {NOT_REFUSED}"
    );
    if let Some(account) = wanted.account {
        sql.push_str(" AND account_id = $account");
        parameters.push(("account".to_owned(), account.to_string()));
    }
    if let Some(person) = wanted.person {
        sql.push_str(" AND lower(principal) = lower($person)");
        parameters.push(("person".to_owned(), person.to_owned()));
    }
    sql.push_str(" GROUP BY service, action, principal ORDER BY 1, 2, 3");
    let found: Vec<CalledRow> = companion_rows::rows(folder, &sql, &parameters)?.rows;
    let call = |row: CalledRow| CalledAction {
        service: row.service,
        action: row.action,
        person: row.principal,
        last: row.last,
    };
    Ok(found.into_iter().map(call).collect())
}
