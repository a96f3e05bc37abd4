use serde_json::Value;

use super::memberships::sync_rules;
use crate::rule_text::quoted;

/// Most durations in an sso-elevator list (`access.md` §7).
const LENGTHS_MAX: usize = 100;
/// Cap of the longest duration: sso-elevator's list has at most 99 entries, half an hour apart.
pub(super) const LONGEST_HOURS: u64 = 49;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Becomes {
    Hours,
    LongestTime,
    Lengths,
    Minutes,
    Number,
    Text,
    Flag,
    Texts,
    Rate,
    Schedule,
    Level,
    Bucket,
    /// A secret, never repeated in the output.
    Secret,
    SyncRules,
    Notes,
    Chat,
    Teams,
    /// A name created by the module.
    Made,
}

/// Parses lists, numbers and flags that functions get as text.
pub(super) fn spelled_out(value: &Value) -> Value {
    let Value::String(text) = value else {
        return value.clone();
    };
    match text.trim() {
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        text => match serde_json::from_str(text) {
            Ok(read @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
                read
            }
            Ok(Value::Null | Value::String(_)) | Err(_) => value.clone(),
        },
    }
}

pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

pub(super) fn toml(becomes: Becomes, value: &Value) -> Option<String> {
    match becomes {
        Becomes::Hours => Some(span(value.as_u64()?.checked_mul(3600)?)),
        Becomes::LongestTime => longest(value.as_u64()?),
        Becomes::Minutes => Some(span(value.as_u64()?.checked_mul(60)?)),
        Becomes::Number => Some(value.as_u64()?.to_string()),
        Becomes::Flag => Some(value.as_bool()?.to_string()),
        Becomes::Text => {
            // an id of digits alone parses as a number
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            plain(&text)
        }
        Becomes::Texts => Some(format!("[{}]", texts(value)?.join(", "))),
        Becomes::Lengths => {
            let mut lengths = texts(value)?;
            if lengths.len() > LENGTHS_MAX {
                lengths.drain(LENGTHS_MAX - 1..lengths.len() - 1);
            }
            Some(format!("[{}]", lengths.join(", ")))
        }
        Becomes::Rate => rate(value.as_str()?),
        Becomes::Schedule => schedule(value.as_str()?).map(quoted),
        Becomes::Notes => {
            let notes = value.as_object()?.iter();
            let notes: Option<Vec<String>> = notes
                .map(|(account, text)| {
                    Some(format!(
                        "{} = {}",
                        plain(account.trim())?,
                        plain(text.as_str()?)?
                    ))
                })
                .collect();
            Some(format!("{{ {} }}", notes?.join(", ")))
        }
        Becomes::Level => {
            let level = match value.as_str()?.to_ascii_uppercase().as_str() {
                "DEBUG" => "debug",
                "INFO" => "info",
                "WARNING" | "WARN" => "warn",
                "ERROR" | "CRITICAL" => "error",
                _ => return None,
            };
            Some(quoted(level))
        }
        Becomes::Bucket => {
            let name = value.as_str()?;
            let is_name =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
            name.chars()
                .all(is_name)
                .then(|| quoted(&format!("s3://{name}")))
        }
        Becomes::SyncRules => sync_rules(value)?.toml,
        Becomes::Secret | Becomes::Chat | Becomes::Teams | Becomes::Made => None,
    }
}

fn longest(hours: u64) -> Option<String> {
    match hours {
        0 => None,
        hours if hours > LONGEST_HOURS => Some(span(LONGEST_HOURS * 3600 + 1800)),
        hours => Some(span(hours * 3600)),
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?.iter();
    items.map(|item| plain(item.as_str()?)).collect()
}

fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => quoted("0"),
        (hours, 0) => quoted(&format!("{hours}h")),
        (0, minutes) => quoted(&format!("{minutes}m")),
        (hours, minutes) => quoted(&format!("{hours}h{minutes}m")),
    }
}

fn plain(text: &str) -> Option<String> {
    (!text.chars().any(char::is_control)).then(|| quoted(text))
}

fn rate(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix("rate(")?.strip_suffix(')')?;
    let (number, unit) = inner.trim().split_once(' ')?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    let number = Some(number).filter(|number| *number > 0)?;
    Some(span(number.checked_mul(seconds)?))
}

pub(super) fn schedule(text: &str) -> Option<&str> {
    let text = text.trim();
    if let Some(fields) = text.strip_prefix("cron(") {
        let fields: Vec<&str> = fields.strip_suffix(')')?.split_whitespace().collect();
        let is_cron = fields.len() == CRON.len()
            && fields
                .iter()
                .zip(CRON)
                .all(|(field, range)| is_field(field, range))
            && (fields.get(2) == Some(&"?")) != (fields.get(4) == Some(&"?"));
        return is_cron.then_some(text);
    }
    rate(text).map(|_| text)
}

/// Field ranges (`EventBridge`, "Cron expressions"): minutes, hours, days, months, weekdays, years.
const CRON: [(u32, u32); 6] = [(0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199)];
const CRON_NAMES: [&str; 19] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", "SUN",
    "MON", "TUE", "WED", "THU", "FRI", "SAT",
];

fn is_field(field: &str, (least, most): (u32, u32)) -> bool {
    let is_part = |part: &str| {
        let bare = part.trim_end_matches(['L', 'W']);
        let is_name = CRON_NAMES.contains(&part.to_ascii_uppercase().as_str());
        let is_number = |text: &str| {
            text.parse()
                .is_ok_and(|it: u32| (least..=most).contains(&it))
        };
        ["*", "?", "L", "LW"].contains(&part) || is_name || is_number(bare)
    };
    // a step or week number follows a slash or hash
    field.split(',').all(|item| {
        let (item, steps) = match item.split_once(['/', '#']) {
            Some((item, steps)) => (item, steps.parse().is_ok_and(|it: u32| it > 0)),
            None => (item, true),
        };
        steps && item.split('-').all(is_part)
    })
}
