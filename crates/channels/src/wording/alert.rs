//! Texts of query findings, for every channel and the terminal. Row values are foreign text, and
//! pass through the style.

use hallpass_alerts::{
    AlertMessage, AlertNews, AlertRowKey, BlockedBy, ListedRows, RowNews, SliceFault, ToldRow,
};
use hallpass_base::{Timestamp, text};
use serde_json::{Map, Value};

use crate::wording::lists::{count, number};
use crate::wording::names::capital;
use crate::wording::notice::mail::Letter;
use crate::wording::style::{ChannelStyle as _, PlainStyle};
use crate::wording::time::utc;

const FOOTER: &str =
    "You get this because your address is in `mail.alerts`, or the alert is about you.";
/// Characters of a subject; inboxes show fewer.
const SUBJECT_MAX: usize = 150;
const VALUE_MAX: usize = 120;
const LINE_MAX: usize = 500;

pub fn alert_text(told: &AlertMessage) -> String {
    let lines = std::iter::once(headline(told)).chain(lines(told));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the headline, for channels that cannot show all rows.
pub fn short_text(told: &AlertMessage) -> String {
    format!(
        "{}\nThe rows are too long for a message of this channel: `hallpass query alerts list --rows` has them.",
        headline(told)
    )
}

pub fn headline(told: &AlertMessage) -> String {
    let rule = PlainStyle.name(told.alert.as_str());
    let severity = capital(told.severity.name());
    match &told.news {
        AlertNews::Rows(news) => {
            let mut parts = Vec::new();
            for (rows, what) in [
                (&news.new, "new"),
                (&news.recovered, "recovered"),
                (&news.still, "still there"),
            ] {
                if rows.count > 0 {
                    parts.push(format!("{} {what}", number(rows.count)));
                }
            }
            match (parts.is_empty(), news.blocked_since) {
                (true, Some(since)) => format!("{severity}: {rule} runs again. {}", paused(since)),
                (_, _) => format!("{severity}: {rule}: {}.", parts.join(", ")),
            }
        }
        AlertNews::Blocked { since, why } => {
            let (since, why) = (utc(*since), blocked_by(why));
            format!("{severity}: {rule} has not run since {since}: {why}.")
        }
    }
}

fn paused(since: Timestamp) -> String {
    format!("It had not since {}.", utc(since))
}

pub fn lines(told: &AlertMessage) -> Vec<String> {
    let news = match &told.news {
        AlertNews::Rows(news) => news,
        AlertNews::Blocked { .. } => {
            return vec![
                "What it found before stays as it was: nothing counts as recovered until it runs."
                    .to_owned(),
            ];
        }
    };
    let template = told.template.as_deref();
    let mut lines = Vec::new();
    for (rows, what) in [
        (&news.new, "New"),
        (&news.recovered, "Recovered"),
        (&news.still, "Still there"),
    ] {
        lines.extend(rows.rows.iter().map(|row| row_line(what, row, template)));
    }
    lines.extend(left_out(news));
    let is_said = news.new.count + news.recovered.count + news.still.count > 0;
    lines.extend(
        news.blocked_since
            .filter(|_| is_said)
            .map(|since| format!("It runs again. {}", paused(since))),
    );
    lines
}

fn left_out(news: &RowNews) -> Option<String> {
    let file = news.file.as_deref()?;
    let is_left_out = |rows: &&ListedRows| rows.is_summary();
    let rows = [&news.new, &news.recovered, &news.still];
    let most: u64 = rows
        .into_iter()
        .filter(is_left_out)
        .map(|it| it.count)
        .sum();
    let (most, file) = (number(most), PlainStyle.quoted(file));
    Some(format!(
        "{most} rows are too many for a message: they are in `{file}` below the folder of snapshots."
    ))
}

fn row_line(what: &str, row: &ToldRow, template: Option<&str>) -> String {
    let mut said = row_text(&row.values, template);
    if row.flap_count > 0 {
        said = format!("{said} (came back {})", count_times(row.flap_count));
    }
    text::line(&format!("{what}: {said}"), LINE_MAX)
}

fn count_times(times: u32) -> String {
    match times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        times => format!("{times} times"),
    }
}

pub fn row_text(values: &Map<String, Value>, template: Option<&str>) -> String {
    let Some(template) = template else {
        let parts = values
            .iter()
            .map(|(name, value)| format!("{} {}", PlainStyle.name(name), shown(value)));
        return parts.collect::<Vec<_>>().join(", ");
    };
    let mut said = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        said.push_str(&before.replace("}}", "}"));
        if let Some(after) = after.strip_prefix('{') {
            said.push('{');
            rest = after;
        } else if let Some((name, after)) = after.split_once('}') {
            said.push_str(
                &values
                    .get(name)
                    .map_or_else(|| format!("{{{name}}}"), shown),
            );
            rest = after;
        } else {
            said.push('{');
            rest = after;
        }
    }
    said.push_str(&rest.replace("}}", "}"));
    PlainStyle.quoted(&said)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(words) => text::line(words, VALUE_MAX),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            text::line(&value.to_string(), VALUE_MAX)
        }
    }
}

pub fn row_key(key: &AlertRowKey) -> String {
    text::line(key.as_str(), LINE_MAX)
}

pub fn blocked_by(why: &BlockedBy) -> String {
    match why {
        BlockedBy::PartialData { tables, failed } => {
            let table = |(name, faults): (&String, &Vec<SliceFault>)| {
                let first = faults.first().map_or_else(String::new, |fault| {
                    let (code, stage) = (
                        PlainStyle.quoted(&fault.code),
                        PlainStyle.quoted(&fault.stage),
                    );
                    let account = fault.account.as_deref().unwrap_or("the whole table");
                    format!(" ({code} in {stage} for {})", PlainStyle.quoted(account))
                });
                format!("{name}{first}")
            };
            let named: Vec<String> = tables.iter().map(table).collect();
            let slices = count(usize::try_from(*failed).unwrap_or(usize::MAX), "slice");
            format!("{slices} of what it reads failed: {}", named.join(", "))
        }
        BlockedBy::CarriedData { tables } => {
            format!(
                "rows of an earlier snapshot stand in for what failed in {}",
                tables.join(", ")
            )
        }
        BlockedBy::NotCollected { tables } => {
            format!("no snapshot has {}", tables.join(", "))
        }
        BlockedBy::FewerAccounts { accounts, count } => {
            let accounts = PlainStyle.quoted(&accounts.join(", "));
            let more = if *count > 5 {
                format!(" and {} more", number(count - 5))
            } else {
                String::new()
            };
            format!("the newest snapshot does not cover {accounts}{more}")
        }
        BlockedBy::QueryFailed { message } => {
            format!(
                "its query failed: {}",
                PlainStyle.quoted(message).trim_end_matches('.')
            )
        }
    }
}

pub fn alert_letter(told: &AlertMessage) -> Letter {
    let headline = headline(told);
    let mut facts = vec![("Rule", told.alert.to_string()), ("At", utc(told.at))];
    facts.extend(told.snapshot.clone().map(|id| ("Snapshot", id)));
    Letter {
        subject: text::line(
            &format!("Alert: {}", headline.trim_end_matches('.')),
            SUBJECT_MAX,
        ),
        headline,
        facts,
        quote: None,
        notes: lines(told),
        link: "Open Hallpass",
        footer: FOOTER.to_owned(),
    }
}
