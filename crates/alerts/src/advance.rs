//! Computes new states and messages from stored states and query results (`inventory.md` R-1 to
//!

use std::collections::BTreeMap;

use hallpass_base::{TimeSpan, Timestamp};
use serde_json::{Map, Value};

use crate::message::{AlertMessage, AlertNews, ListedRows, RowNews, ToldRow};
use crate::ports::AlertWrite;
use crate::row::{AlertRow, AlertRowKey, RowPhase, kept};
use crate::rule::{AlertRule, AlertRuleId, columns_of};
use crate::run::{BlockedBy, RunAnswer, RunRows};
use crate::state::{AlertState, RulePhase};

/// Retention of closed rows, so that a returning one is recognized.
const CLOSED_KEPT: TimeSpan = TimeSpan::hours(30 * 24);
/// A blocked rule is reported after so many times its `every`.
const BLOCKED_TOLD_AFTER: u64 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a step that is not committed has not happened"]
pub struct RuleStep {
    pub write: AlertWrite,
    /// All rows of a summary message, with their changes: for the file named in the message. The
    /// file is stored before the commit.
    pub listed: Vec<(&'static str, ToldRow)>,
}

/// Whether a rule is due without a new snapshot.
pub fn is_due(rule: &AlertRule, state: Option<&AlertState>, now: Timestamp) -> bool {
    rule.enabled && state.is_none_or(|it| !rule.every.covers(it.asked_at, now))
}

/// Advances all rules that ran, and those removed from the file. Other rules stay unchanged.
pub fn advance(
    file: &str,
    rules: &[AlertRule],
    states: &[AlertState],
    runs: &BTreeMap<AlertRuleId, RunAnswer>,
    now: Timestamp,
) -> Vec<RuleStep> {
    let state_of = |id: &AlertRuleId| states.iter().find(|it| it.rule == *id);
    let run = rules.iter().filter_map(|rule| {
        let run = runs.get(&rule.id).filter(|_| rule.enabled)?;
        let state = state_of(&rule.id).map_or_else(
            || AlertState::begun(rule.id.clone(), rule.severity, Vec::new()),
            AlertState::clone,
        );
        Some(step(file, rule, state, run, now))
    });
    let is_gone = |state: &&AlertState| {
        let stands = !matches!(state.phase, RulePhase::Retired { .. });
        stands && state.file == file && !rules.iter().any(|rule| rule.id == state.rule)
    };
    let gone = states
        .iter()
        .filter(is_gone)
        .map(|state| retired(state.clone(), now));
    run.chain(gone).collect()
}

/// Closes the rows of a removed rule without a message (`inventory.md` R-4).
fn retired(mut state: AlertState, now: Timestamp) -> RuleStep {
    close_rows(&mut state, now);
    state.phase = RulePhase::Retired { at: now };
    silent(state)
}

fn silent(state: AlertState) -> RuleStep {
    RuleStep {
        write: AlertWrite {
            state,
            message: None,
        },
        listed: Vec::new(),
    }
}

fn close_rows(state: &mut AlertState, now: Timestamp) {
    for row in state.rows.values_mut() {
        match row.phase {
            RowPhase::New { .. } | RowPhase::Active { .. } => {
                row.phase = RowPhase::Retired { at: now };
            }
            RowPhase::Recovered { .. } | RowPhase::Retired { .. } => {}
        }
    }
}

fn step(
    file: &str,
    rule: &AlertRule,
    mut state: AlertState,
    run: &RunAnswer,
    now: Timestamp,
) -> RuleStep {
    file.clone_into(&mut state.file);
    state.severity = rule.severity;
    state.asked_at = now;
    state.snapshot.clone_from(&run.snapshot);
    state.mutes.retain(|mute| mute.until > now);
    if let Some(why) = run.blocked(&state.scope) {
        return blocked(rule, state, why, now);
    }
    let (columns, rows, unread) = match &run.result {
        RunRows::Rows { columns, rows } => (columns, rows, [].as_slice()),
        RunRows::Partly {
            columns,
            rows,
            unread,
        } => (columns, rows, unread.as_slice()),
        RunRows::NotAsked | RunRows::Failed { .. } => return silent(state),
    };
    let key = if rule.key.is_empty() {
        columns
    } else {
        &rule.key
    };
    if let Some(message) = unknown_column(rule, key, columns) {
        return blocked(rule, state, BlockedBy::QueryFailed { message }, now);
    }
    if state.key != *key {
        // The key changed: old rows cannot be matched.
        close_rows(&mut state, now);
        state.key.clone_from(key);
    }
    let is_new_snapshot = state.believed.is_none() || state.believed != run.snapshot;
    state.believed.clone_from(&run.snapshot);
    state.scope = run.scope();
    let was = std::mem::replace(&mut state.phase, RulePhase::Running);
    let rows = keyed(rows, key);
    see(rule, &mut state, &rows, is_new_snapshot, now);
    let mut told = Changes {
        recovered: recover(rule, &mut state, &rows, unread, now),
        ..Changes::default()
    };
    tell(rule, &mut state, &mut told, now);
    prune(&mut state, now);
    let blocked_since = match was {
        RulePhase::Blocked { since, told, .. } => Some(since).filter(|_| told),
        RulePhase::Running | RulePhase::Retired { .. } => None,
    };
    told.into_step(rule, state, blocked_since, now)
}

/// Indexes rows by key. Of several with one key, one is kept.
fn keyed(rows: &[Map<String, Value>], key: &[String]) -> BTreeMap<AlertRowKey, Map<String, Value>> {
    let mut keyed: BTreeMap<AlertRowKey, Map<String, Value>> = BTreeMap::new();
    let text = |row: &Map<String, Value>| Value::Object(row.clone()).to_string();
    for row in rows {
        let (key, row) = (AlertRowKey::of(row, key), kept(row));
        match keyed.get(&key) {
            Some(other) if text(other) <= text(&row) => {}
            _ => {
                keyed.insert(key, row);
            }
        }
    }
    keyed
}

fn unknown_column(rule: &AlertRule, key: &[String], columns: &[String]) -> Option<String> {
    let is_unknown = |name: &&str| !columns.iter().any(|it| it == name);
    let listed = columns.join("`, `");
    let unknown = |what: &str, name: &str| {
        format!("`{what}` names the column `{name}`, and there are `{listed}`")
    };
    let of_key = key.iter().map(String::as_str).find(is_unknown);
    let template = rule.message.as_deref().unwrap_or_default();
    of_key.map(|name| unknown("key", name)).or_else(|| {
        columns_of(template)
            .into_iter()
            .find(is_unknown)
            .map(|it| unknown("message", it))
    })
}

fn see(
    rule: &AlertRule,
    state: &mut AlertState,
    rows: &BTreeMap<AlertRowKey, Map<String, Value>>,
    is_new_snapshot: bool,
    now: Timestamp,
) {
    for (key, values) in rows {
        let row = state.rows.entry(key.clone()).or_insert_with(|| AlertRow {
            values: Map::new(),
            first_seen: now,
            flap_count: 0,
            phase: RowPhase::Retired { at: now },
        });
        row.values.clone_from(values);
        let (snapshots, recovered_at) = match row.phase {
            RowPhase::Active { .. } => continue,
            RowPhase::New {
                snapshots,
                recovered_at,
            } => (snapshots + u32::from(is_new_snapshot), recovered_at),
            RowPhase::Recovered { at } => (1, Some(at)),
            RowPhase::Retired { .. } => {
                (row.first_seen, row.flap_count) = (now, 0);
                (1, None)
            }
        };
        row.phase = if snapshots >= rule.snapshots_needed {
            row.flap_count += u32::from(recovered_at.is_some());
            RowPhase::Active {
                since: now,
                told_at: None,
            }
        } else {
            RowPhase::New {
                snapshots,
                recovered_at,
            }
        };
    }
}

/// Closes rows that a complete run no longer returned; returns those to report.
fn recover(
    rule: &AlertRule,
    state: &mut AlertState,
    rows: &BTreeMap<AlertRowKey, Map<String, Value>>,
    unread: &[Map<String, Value>],
    now: Timestamp,
) -> Vec<ToldRow> {
    let mut told = Vec::new();
    let is_unread = |row: &AlertRow| {
        let has = |(name, value): (&String, &Value)| row.values.get(name) == Some(value);
        unread.iter().any(|place| place.iter().all(has))
    };
    let gone: Vec<AlertRowKey> = state
        .rows
        .iter()
        .filter(|(key, row)| !rows.contains_key(key) && !is_unread(row))
        .map(|(key, _)| key.clone())
        .collect();
    for key in gone {
        let is_muted = state.mute_of(&key, now).is_some();
        let Some(row) = state.rows.get_mut(&key) else {
            continue;
        };
        match row.phase {
            RowPhase::Active { since, told_at } => {
                if told_at.is_some() && rule.recover && !is_muted {
                    told.push(told_row(&key, row, since));
                }
                row.phase = RowPhase::Recovered { at: now };
            }
            RowPhase::New {
                recovered_at: Some(at),
                ..
            } => row.phase = RowPhase::Recovered { at },
            RowPhase::New {
                recovered_at: None, ..
            } => {
                state.rows.remove(&key);
            }
            RowPhase::Recovered { .. } | RowPhase::Retired { .. } => {}
        }
    }
    told
}

/// Collects new rows and reminders.
fn tell(rule: &AlertRule, state: &mut AlertState, told: &mut Changes, now: Timestamp) {
    let muted: Vec<AlertRowKey> = state.mutes.iter().map(|mute| mute.key.clone()).collect();
    for (key, row) in &mut state.rows {
        let RowPhase::Active { since, told_at } = row.phase else {
            continue;
        };
        if muted.contains(key) {
            continue;
        }
        let list = match (told_at, rule.remind) {
            (None, _) => &mut told.new,
            (Some(at), Some(remind)) if remind.after(at) <= now => &mut told.still,
            (Some(_), _) => continue,
        };
        list.push(told_row(key, row, since));
        row.phase = RowPhase::Active {
            since,
            told_at: Some(now),
        };
    }
}

fn told_row(key: &AlertRowKey, row: &AlertRow, since: Timestamp) -> ToldRow {
    ToldRow {
        key: key.clone(),
        values: row.values.clone(),
        since,
        flap_count: row.flap_count,
    }
}

fn prune(state: &mut AlertState, now: Timestamp) {
    let before = CLOSED_KEPT.before(now);
    state.rows.retain(|_, row| match row.phase {
        RowPhase::New { .. } | RowPhase::Active { .. } => true,
        RowPhase::Recovered { at } | RowPhase::Retired { at } => at >= before,
    });
}

/// Keeps the state, and reports the blocking once.
fn blocked(rule: &AlertRule, mut state: AlertState, why: BlockedBy, now: Timestamp) -> RuleStep {
    let (since, was_told) = match state.phase {
        RulePhase::Blocked { since, told, .. } => (since, told),
        RulePhase::Running | RulePhase::Retired { .. } => (now, false),
    };
    let patience = TimeSpan::seconds(rule.every.as_seconds().saturating_mul(BLOCKED_TOLD_AFTER));
    let tells = !was_told && patience.after(since) <= now;
    state.phase = RulePhase::Blocked {
        since,
        why: why.clone(),
        told: was_told || tells,
    };
    let message = tells.then(|| message(rule, &state, AlertNews::Blocked { since, why }, now));
    RuleStep {
        write: AlertWrite { state, message },
        listed: Vec::new(),
    }
}

fn message(rule: &AlertRule, state: &AlertState, news: AlertNews, now: Timestamp) -> AlertMessage {
    AlertMessage {
        alert: rule.id.clone(),
        severity: rule.severity,
        at: now,
        snapshot: state.snapshot.clone(),
        template: rule.message.clone(),
        news,
        notify: rule.notify.clone(),
        mail_to: Vec::new(),
    }
}

#[derive(Default)]
struct Changes {
    new: Vec<ToldRow>,
    recovered: Vec<ToldRow>,
    still: Vec<ToldRow>,
}

impl Changes {
    fn into_step(
        self,
        rule: &AlertRule,
        state: AlertState,
        blocked_since: Option<Timestamp>,
        now: Timestamp,
    ) -> RuleStep {
        let all = [
            ("new", &self.new),
            ("recovered", &self.recovered),
            ("still", &self.still),
        ];
        if blocked_since.is_none() && all.iter().all(|(_, rows)| rows.is_empty()) {
            return silent(state);
        }
        let is_long = all.iter().any(|(_, rows)| rows.len() > rule.max_new);
        let file = is_long.then(|| {
            let at = now.strftime("%Y%m%dT%H%M%SZ");
            format!("_alerts/{}-{at}.jsonl", rule.id.as_str().replace('/', "-"))
        });
        let news = AlertNews::Rows(RowNews {
            new: ListedRows::of(&self.new, rule.max_new),
            recovered: ListedRows::of(&self.recovered, rule.max_new),
            still: ListedRows::of(&self.still, rule.max_new),
            file,
            blocked_since,
        });
        let message = Some(message(rule, &state, news, now));
        let lines = |(change, rows): (&'static str, Vec<ToldRow>)| {
            rows.into_iter().map(move |row| (change, row))
        };
        let listed = [
            ("new", self.new),
            ("recovered", self.recovered),
            ("still", self.still),
        ];
        RuleStep {
            write: AlertWrite { state, message },
            listed: if is_long {
                listed.into_iter().flat_map(lines).collect()
            } else {
                Vec::new()
            },
        }
    }
}
