//! Calls made under a permission set or role: from logs, or from the activity table.

use std::collections::BTreeSet;
use std::path::Path;

use crate::log_files::{DigestArgs, Fingerprints, LogPlace, files_of, tell_digests};
use hallpass_activity::{LogFiles as _, LogScope, SeenCall, SeenFold, SeenUse, UseOf, UsesWanted};
use hallpass_base::Timestamp;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::companion_rows;
use super::used_calls::log_days;

#[derive(Debug)]
pub struct SeenActivity {
    pub uses: Vec<SeenUse>,
    pub days: Option<(Date, Date)>,
    pub names: BTreeSet<(String, String)>,
    pub left_out: u64,
}

/// Reads trails in buckets and folders, files, and saved `LookupEvents` pages.
pub fn of_logs(
    sources: &[LogPlace],
    digests: &DigestArgs,
    wanted: &UsesWanted,
) -> Result<SeenActivity, Failure> {
    // starts a day earlier, to detect whether the log reaches back to the first day
    let first = wanted.since.to_zoned(TimeZone::UTC).date();
    let scope = LogScope {
        accounts: BTreeSet::new(),
        regions: BTreeSet::new(),
        days: first.yesterday().unwrap_or(first)..=Date::MAX,
    };
    let mut fold = SeenFold::default();
    let mut files = files_of(sources, &scope, Fingerprints::None)?;
    let checked = digests.check(&mut files, &scope)?;
    tell_digests(checked.as_ref());
    // altered files are already excluded; missing files are unknown too
    let mut left_out = checked.map_or(0, |it| it.findings_count - it.not_delivered.len() as u64);
    for source in files {
        source.files.ahead(&source.found);
        for file in &source.found {
            let read = match source.files.open(&file.path) {
                Ok(bytes) => fold.read(bytes, wanted).map_err(|fault| fault.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = read {
                left_out += 1;
                let name = output::plain(&source.place.name_of(&file.path));
                let why = output::plain(&why);
                output::say(&format!("left out: {name}: {why}"));
            }
        }
    }
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    Ok(SeenActivity {
        days: fold.reach().map(|(first, last)| (day(first), day(last))),
        names: fold.names().clone(),
        uses: fold.uses(),
        left_out,
    })
}

#[derive(Deserialize)]
struct UseRow {
    account_id: String,
    region: String,
    principal: String,
    service: String,
    action: String,
    error_code: Option<String>,
    events: u64,
    last: Timestamp,
}

#[derive(Deserialize)]
struct NameRow {
    service: String,
    action: String,
}

/// Reads the activity table. It does not record whether every event named its resource, so
/// resources are unknown.
pub fn of_table(folder: &Path, wanted: &UsesWanted) -> Result<SeenActivity, Failure> {
    let days = log_days(folder)?;
    let since = wanted.since.to_zoned(TimeZone::UTC).date();
    let (condition, name) = match &wanted.of {
        UseOf::PermissionSet(name) => {
            ("principal_kind = 'person' AND permission_set = $name", name)
        }
        UseOf::Role(name) => ("role = $name", name),
    };
    let mut parameters = vec![
        ("name".to_owned(), name.clone()),
        ("since".to_owned(), since.to_string()),
        ("until".to_owned(), wanted.until.to_string()),
    ];
    let mut sql = format!(
        "SELECT account_id, region, principal, service, action, error_code, sum(events) AS events, max(last_seen) AS last \
         FROM aws_activity WHERE {condition} AND day >= $since AND first_seen <= $until::timestamptz"
    );
    if let Some(account) = &wanted.account {
        sql.push_str(" AND account_id = $account");
        parameters.push(("account".to_owned(), account.clone()));
    }
    sql.push_str(" GROUP BY account_id, region, principal, service, action, error_code ORDER BY 1, 2, 3, 4, 5, 6");
    let rows: Vec<UseRow> = companion_rows::rows(folder, &sql, &parameters)?.rows;
    let named =
        "SELECT DISTINCT service, action FROM aws_activity WHERE day >= $since ORDER BY 1, 2";
    let since = [("since".to_owned(), since.to_string())];
    let all_names: Vec<NameRow> = companion_rows::rows(folder, named, &since)?.rows;
    let seen = |row: UseRow| SeenUse {
        call: SeenCall {
            account_id: row.account_id,
            region: row.region,
            person: row.principal,
            service: row.service,
            event: row.action,
            error_code: row.error_code,
            resources: None,
        },
        events: row.events,
        last: row.last,
    };
    Ok(SeenActivity {
        uses: rows.into_iter().map(seen).collect(),
        days: Some((days.first, days.last)),
        names: all_names
            .into_iter()
            .map(|it| (it.service, it.action))
            .collect(),
        left_out: 0,
    })
}
