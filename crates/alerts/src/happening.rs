//! Things that happen, in place of rows that a query finds: each is told once, by its key, and is over with that
//! (`organization.md` Y-2).

use hallpass_model::{TimeSpan, Timestamp};
use serde_json::{Map, Value};

use crate::message::{AlertMessage, AlertNews, ListedRows, RowNews, ToldRow};
use crate::ports::AlertWrite;
use crate::row::{AlertRow, AlertRowKey, RowPhase, kept};
use crate::rule::{AlertRuleId, AlertSeverity};
use crate::state::AlertState;

/// How long one is known: AWS delivers an event again for a day at most.
const KNOWN: TimeSpan = TimeSpan::hours(30 * 24);

/// What is told of things of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HappeningRule {
    /// The name that they are known by; no rule of a file should have it.
    pub id: AlertRuleId,
    /// How bad one is.
    pub severity: AlertSeverity,
    /// The columns that tell one from another.
    pub key: Vec<String>,
    /// What is said of one, with `{column}` for values.
    pub message: String,
    /// Who gets mail of it besides those who get all alerts.
    pub mail_to: Vec<String>,
}

/// The step of something that happened; `None` where it was told already.
pub fn happened(
    rule: &HappeningRule,
    state: Option<AlertState>,
    values: &Map<String, Value>,
    now: Timestamp,
) -> Option<AlertWrite> {
    let mut state = state
        .unwrap_or_else(|| AlertState::begun(rule.id.clone(), rule.severity, rule.key.clone()));
    let (key, values) = (AlertRowKey::of(values, &rule.key), kept(values));
    if state.rows.contains_key(&key) {
        return None;
    }
    let before = KNOWN.before(now);
    state.rows.retain(|_, row| row.first_seen >= before);
    state.asked_at = now;
    state.severity = rule.severity;
    state.key.clone_from(&rule.key);
    let row = AlertRow {
        values: values.clone(),
        first_seen: now,
        flap_count: 0,
        phase: RowPhase::Recovered { at: now },
    };
    state.rows.insert(key.clone(), row);
    let told = ToldRow {
        key,
        values,
        since: now,
        flap_count: 0,
    };
    let news = RowNews {
        new: ListedRows {
            count: 1,
            rows: vec![told],
        },
        ..RowNews::default()
    };
    let message = AlertMessage {
        alert: rule.id.clone(),
        severity: rule.severity,
        at: now,
        snapshot: None,
        template: Some(rule.message.clone()),
        news: AlertNews::Rows(news),
        notify: Vec::new(),
        mail_to: rule.mail_to.clone(),
    };
    Some(AlertWrite {
        state,
        message: Some(message),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_is_told_once_and_forgotten_after_a_month() {
        let rule = HappeningRule {
            id: "payer/root-sign-in".parse().unwrap(),
            severity: AlertSeverity::Critical,
            key: vec!["event_id".to_owned()],
            message: "{event_id}".to_owned(),
            mail_to: vec!["soc@example.com".to_owned()],
        };
        let row = |id: &str| {
            json!({ "event_id": id, "ip": "192.0.2.1" })
                .as_object()
                .cloned()
                .unwrap()
        };
        let at = |day: i64| Timestamp::from_second(1_780_000_000 + day * 86_400).unwrap();
        let first = happened(&rule, None, &row("a"), at(0)).unwrap();
        let told = first.message.clone().unwrap();
        assert_eq!(told.mail_to, rule.mail_to);
        assert_eq!(first.state.active(), 0, "nothing stands");
        let AlertNews::Rows(news) = told.news else {
            panic!("rows")
        };
        assert_eq!(news.new.rows.len(), 1);
        assert!(happened(&rule, Some(first.state.clone()), &row("a"), at(1)).is_none());
        let second = happened(&rule, Some(first.state), &row("b"), at(20)).unwrap();
        assert_eq!(second.state.rows.len(), 2);
        let third = happened(&rule, Some(second.state), &row("c"), at(40)).unwrap();
        let kept: Vec<&str> = third.state.rows.keys().map(AlertRowKey::as_str).collect();
        assert_eq!(kept, ["[\"b\"]", "[\"c\"]"]);
    }
}
