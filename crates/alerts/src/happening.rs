//! Events instead of query rows: each is reported once, by its key. Some are momentary
//! (`organization.md` Y-2), others last until their end is reported (D-9).

use std::collections::BTreeMap;

use hallpass_base::{TimeSpan, Timestamp};
use serde_json::{Map, Value};

use crate::message::{AlertMessage, AlertNews, ListedRows, RowNews, ToldRow};
use crate::ports::AlertWrite;
use crate::row::{AlertRow, AlertRowKey, RowPhase, kept};
use crate::rule::{AlertRuleId, AlertSeverity};
use crate::state::AlertState;

/// How long an event is remembered: AWS redelivers for a day at most.
const KNOWN: TimeSpan = TimeSpan::hours(30 * 24);
/// How long an event lasts without a reported end: events may be lost.
const STANDS: TimeSpan = TimeSpan::hours(180 * 24);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HappeningRule {
    /// Should differ from the rule names in files.
    pub id: AlertRuleId,
    pub severity: AlertSeverity,
    /// The identifying columns.
    pub key: Vec<String>,
    /// With `{column}` for values.
    pub message: String,
    /// Recipients in addition to those of all alerts.
    pub mail_to: Vec<String>,
}

/// `None` if already reported.
pub fn happened(
    rule: &HappeningRule,
    state: Option<AlertState>,
    values: &Map<String, Value>,
    now: Timestamp,
) -> Option<AlertWrite> {
    happened_together(rule, state, std::slice::from_ref(values), now)
}

/// As [`happened`], with one message for several simultaneous events.
pub fn happened_together(
    rule: &HappeningRule,
    state: Option<AlertState>,
    things: &[Map<String, Value>],
    now: Timestamp,
) -> Option<AlertWrite> {
    let mut state = begun(rule, state);
    let new = add_new(&mut state, by_key(rule, things), now);
    if new.is_empty() {
        return None;
    }
    touch(&mut state, rule, now);
    Some(AlertWrite {
        state,
        message: Some(message(rule, news_of(new), now)),
    })
}

fn begun(rule: &HappeningRule, state: Option<AlertState>) -> AlertState {
    state.unwrap_or_else(|| AlertState::begun(rule.id.clone(), rule.severity, rule.key.clone()))
}

fn by_key(
    rule: &HappeningRule,
    things: &[Map<String, Value>],
) -> BTreeMap<AlertRowKey, Map<String, Value>> {
    let row = |it| (AlertRowKey::of(it, &rule.key), kept(it));
    things.iter().map(row).collect()
}

fn add_new(
    state: &mut AlertState,
    things: BTreeMap<AlertRowKey, Map<String, Value>>,
    now: Timestamp,
) -> Vec<ToldRow> {
    let mut new = Vec::new();
    for (key, values) in things {
        if state.rows.contains_key(&key) {
            continue;
        }
        state.rows.insert(key.clone(), told_once(&values, now));
        new.extend(told(key, values, now).rows);
    }
    new
}

fn news_of(rows: Vec<ToldRow>) -> RowNews {
    RowNews {
        new: ListedRows {
            count: u64::try_from(rows.len()).unwrap_or(u64::MAX),
            rows,
        },
        ..RowNews::default()
    }
}

fn told_once(values: &Map<String, Value>, now: Timestamp) -> AlertRow {
    AlertRow {
        values: values.clone(),
        first_seen: now,
        flap_count: 0,
        phase: RowPhase::Recovered { at: now },
    }
}

/// Reports each listed event once, while listed; `None` if all were reported. Unlisted ones are
/// forgotten with the next report.
pub fn listed(
    rule: &HappeningRule,
    state: Option<AlertState>,
    things: &[Map<String, Value>],
    now: Timestamp,
) -> Option<AlertWrite> {
    let mut state = begun(rule, state);
    let things = by_key(rule, things);
    state.rows.retain(|key, _| things.contains_key(key));
    let new = add_new(&mut state, things, now);
    if new.is_empty() {
        return None;
    }
    // Listed events do not expire.
    note_asked(&mut state, rule, now);
    Some(AlertWrite {
        state,
        message: Some(message(rule, news_of(new), now)),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HappeningTurn {
    Began,
    /// Worse: reported again if open, as new if never reported.
    Worse,
    Ended,
}

/// `None` without a change. An end may precede its start, which is then not reported, and events
/// may repeat.
pub fn stood(
    rule: &HappeningRule,
    state: Option<AlertState>,
    values: &Map<String, Value>,
    turn: HappeningTurn,
    now: Timestamp,
) -> Option<AlertWrite> {
    let mut state = begun(rule, state);
    let (key, values) = (AlertRowKey::of(values, &rule.key), kept(values));
    touch(&mut state, rule, now);
    let is_muted = state.mute_of(&key, now).is_some();
    let there = state.rows.get(&key).cloned();
    let listed = told(key.clone(), values.clone(), now);
    let mut news = RowNews::default();
    let told_at = (!is_muted).then_some(now);
    let (first_seen, phase) = match (there, turn) {
        // An early end, or a late start
        (None, HappeningTurn::Ended) => (now, RowPhase::Recovered { at: now }),
        (None, HappeningTurn::Began | HappeningTurn::Worse) => {
            news.new = listed;
            (
                now,
                RowPhase::Active {
                    since: now,
                    told_at,
                },
            )
        }
        (Some(row), turn) => {
            let RowPhase::Active { since, .. } = row.phase else {
                return None;
            };
            match turn {
                HappeningTurn::Began => return None,
                HappeningTurn::Worse if row.values == values => return None,
                HappeningTurn::Worse => {
                    news.still = listed;
                    (row.first_seen, RowPhase::Active { since, told_at })
                }
                HappeningTurn::Ended => {
                    news.recovered = listed;
                    (row.first_seen, RowPhase::Recovered { at: now })
                }
            }
        }
    };
    let row = AlertRow {
        values,
        first_seen,
        flap_count: 0,
        phase,
    };
    state.rows.insert(key, row);
    let has_news = news != RowNews::default() && !is_muted;
    Some(AlertWrite {
        message: has_news.then(|| message(rule, news, now)),
        state,
    })
}

fn touch(state: &mut AlertState, rule: &HappeningRule, now: Timestamp) {
    let (known, stands) = (KNOWN.before(now), STANDS.before(now));
    state.rows.retain(|_, row| match row.phase {
        RowPhase::Recovered { at } => at >= known,
        _ => row.first_seen >= stands,
    });
    note_asked(state, rule, now);
}

fn note_asked(state: &mut AlertState, rule: &HappeningRule, now: Timestamp) {
    state.asked_at = now;
    state.severity = rule.severity;
    state.key.clone_from(&rule.key);
}

fn told(key: AlertRowKey, values: Map<String, Value>, now: Timestamp) -> ListedRows {
    ListedRows {
        count: 1,
        rows: vec![ToldRow {
            key,
            values,
            since: now,
            flap_count: 0,
        }],
    }
}

fn message(rule: &HappeningRule, news: RowNews, now: Timestamp) -> AlertMessage {
    AlertMessage {
        alert: rule.id.clone(),
        severity: rule.severity,
        at: now,
        snapshot: None,
        template: Some(rule.message.clone()),
        news: AlertNews::Rows(news),
        notify: Vec::new(),
        mail_to: rule.mail_to.clone(),
    }
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
        assert_eq!(first.state.active(), 0, "nothing is open");
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

    #[test]
    fn what_a_list_has_is_told_once_however_long_and_what_it_lost_is_forgotten() {
        let rule = HappeningRule {
            id: "remediate/exception-over".parse().unwrap(),
            severity: AlertSeverity::Medium,
            key: vec!["what".to_owned()],
            message: "{what}".to_owned(),
            mail_to: Vec::new(),
        };
        let things = |names: &[&str]| -> Vec<Map<String, Value>> {
            let row = |name: &&str| json!({ "what": name }).as_object().cloned().unwrap();
            names.iter().map(row).collect()
        };
        let at = |day: i64| Timestamp::from_second(1_780_000_000 + day * 86_400).unwrap();
        let told = |write: &AlertWrite| match &write.message.as_ref().unwrap().news {
            AlertNews::Rows(news) => news.new.count,
            AlertNews::Blocked { .. } => panic!("rows"),
        };
        let first = listed(&rule, None, &things(&["a", "b"]), at(0)).unwrap();
        assert_eq!(told(&first), 2, "in one message");
        let state = || Some(first.state.clone());
        assert!(listed(&rule, state(), &things(&["b", "a"]), at(400)).is_none());
        assert!(listed(&rule, state(), &things(&[]), at(400)).is_none());
        let second = listed(&rule, state(), &things(&["b", "c"]), at(400)).unwrap();
        assert_eq!(told(&second), 1, "`b` was reported a year ago");
        let kept: Vec<&str> = second.state.rows.keys().map(AlertRowKey::as_str).collect();
        assert_eq!(kept, ["[\"b\"]", "[\"c\"]"]);
        assert!(listed(&rule, None, &things(&[]), at(0)).is_none());
    }

    fn insight(severity: &str) -> Map<String, Value> {
        let values = json!({ "insight_id": "i-1", "severity": severity });
        values.as_object().cloned().unwrap()
    }

    /// Reports per turn of one insight: new, still, recovered.
    fn told_of(turns: &[(HappeningTurn, &str)], muted: bool) -> Vec<Option<[usize; 3]>> {
        let rule = HappeningRule {
            id: "devops-guru/insights".parse().unwrap(),
            severity: AlertSeverity::High,
            key: vec!["insight_id".to_owned()],
            message: "{insight_id}".to_owned(),
            mail_to: Vec::new(),
        };
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let mut state = AlertState::begun(rule.id.clone(), rule.severity, rule.key.clone());
        if muted {
            state = state.muted(crate::state::Mute {
                key: AlertRowKey::of(&insight("high"), &rule.key),
                until: Timestamp::MAX,
                by: "ana".to_owned(),
                reason: "known".to_owned(),
                at: now,
            });
        }
        let mut told = Vec::new();
        for (turn, severity) in turns {
            let write = stood(&rule, Some(state.clone()), &insight(severity), *turn, now);
            told.push(write.and_then(|write| {
                state = write.state;
                let AlertNews::Rows(news) = write.message?.news else {
                    return None;
                };
                Some(
                    [news.new.count, news.still.count, news.recovered.count]
                        .map(|it| usize::try_from(it).unwrap()),
                )
            }));
        }
        told
    }

    #[test]
    fn what_stands_is_told_when_it_begins_becomes_worse_and_is_over_once_each_in_any_order() {
        use HappeningTurn::{Began, Ended, Worse};
        let (new, still, over) = (Some([1, 0, 0]), Some([0, 1, 0]), Some([0, 0, 1]));
        for (turns, expected) in [
            (
                vec![
                    (Began, "low"),
                    (Began, "low"),
                    (Worse, "high"),
                    (Worse, "high"),
                    (Ended, "high"),
                    (Ended, "high"),
                ],
                vec![new, None, still, None, over, None],
            ),
            // Too minor at first, then worse
            (
                vec![(Worse, "high"), (Began, "low"), (Ended, "high")],
                vec![new, None, over],
            ),
            // The end came before the start
            (
                vec![(Ended, "high"), (Began, "high"), (Worse, "high")],
                vec![None, None, None],
            ),
        ] {
            assert_eq!(told_of(&turns, false), expected, "{turns:?}");
            assert_eq!(told_of(&turns, true), vec![None; turns.len()], "muted");
        }
    }
}
