//! PCI findings as alert rows: each reported once, the next level as a new row (`inventory.md`
//! H-14).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_activity::{PciAlertKind, PciReport, PciRow};
use hallpass_alerts::{
    AlertCommitError, AlertQuestion, AlertRule, AlertRuleId, AlertSeverity, AlertState, AlertStore,
    HappeningRule, RowPhase, RunAnswer, RunRows, happened,
};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value, json};

use super::reading::RanReport;
use crate::reports::alerts::{AlertRunner, RanRule, RuleFileOfAlerts, unstored};

/// State key of these rules; no file can have this name.
const RULES: &str = "pci/watch";
const ALL_CLEAR: &str = "pci/all_clear";
const COLUMNS: [&str; 5] = ["user_id", "since", "user_name", "days", "basis"];
/// Row limit of a message; the rest is counted, and listed in a file.
const TOLD_MAX: usize = 50;

#[derive(Clone, Copy)]
pub enum PciReported<'a> {
    Report(&'a RanReport),
    Failed(&'a str, Timestamp),
}

/// Returns the rules. `every` is the run interval; a rule not evaluated for twice as long is
/// reported.
pub fn alert_rules(
    every: TimeSpan,
    remind: TimeSpan,
    notify: &[String],
) -> Result<RuleFileOfAlerts, Failure> {
    let rule = |kind: PciAlertKind| {
        let (is_hard, message) = match kind {
            PciAlertKind::PasswordWarn => (false, "{user_name}: the password is {days} days old"),
            PciAlertKind::PasswordExpired => (
                true,
                // no API resets it (`inventory.md` H-18)
                "{user_name}: the password is {days} days old. To reset it: console of IAM Identity Center, Users, \
                 {user_name}, Reset password",
            ),
            PciAlertKind::InactiveWarn => (false, "{user_name}: not there for {days} days"),
            PciAlertKind::Inactive => (true, "{user_name}: not there for {days} days"),
        };
        Ok(AlertRule {
            id: rule_id(kind)?,
            question: AlertQuestion::Shipped(format!("pci/{}", kind.name())),
            parameters: BTreeMap::new(),
            every,
            severity: if is_hard {
                AlertSeverity::High
            } else {
                AlertSeverity::Low
            },
            key: vec!["user_id".to_owned(), "since".to_owned()],
            message: Some(message.to_owned()),
            snapshots_needed: 1,
            notify: notify.to_vec(),
            recover: true,
            remind: Some(remind).filter(|it| is_hard && !it.is_zero()),
            max_new: TOLD_MAX,
            enabled: true,
        })
    };
    let rules: Result<Vec<AlertRule>, Failure> = PciAlertKind::ALL.into_iter().map(rule).collect();
    Ok(RuleFileOfAlerts {
        name: RULES.to_owned(),
        rules: rules?,
    })
}

/// Stores new and ended rows for delivery. Idempotent per report.
pub async fn tell(
    runner: &AlertRunner,
    rules: &RuleFileOfAlerts,
    told: PciReported<'_>,
) -> Result<Vec<RanRule>, Failure> {
    let mut states = runner.states().await?;
    let (answers, at) = match told {
        PciReported::Report(ran) if ran.is_whole() => {
            close_what_became_worse(&mut states, ran);
            (answers(&rules.rules, &states, &ran.report), ran.as_of)
        }
        PciReported::Report(ran) => {
            let broken = ran.not_as_delivered();
            let why =
                format!("{broken} files of the log could not be read, or are not as delivered");
            (no_answers(&rules.rules, &why), ran.as_of)
        }
        PciReported::Failed(why, at) => (no_answers(&rules.rules, why), at),
    };
    runner.store_steps(rules, &states, &answers, at).await
}

/// Reports that no user exceeds a limit, once per `every`; skips if any user does or is unknown.
pub async fn all_clear(
    store: &dyn AlertStore,
    ran: &RanReport,
    every: TimeSpan,
    notify: &[String],
) -> Result<(), Failure> {
    let is_unknown = |it: &PciRow| it.password_state == "unknown" || it.activity_state == "unknown";
    let people = &ran.report.users;
    if !ran.report.alerts.is_empty() || people.iter().any(is_unknown) || every.is_zero() {
        return Ok(());
    }
    let rule = HappeningRule {
        id: ALL_CLEAR.parse().map_err(Failure::bug)?,
        severity: AlertSeverity::Low,
        key: vec!["period".to_owned()],
        message: "none of {people} people is over a limit; the log is whole since {since}"
            .to_owned(),
        mail_to: Vec::new(),
    };
    let seconds = i64::try_from(every.as_seconds()).unwrap_or(i64::MAX);
    let period = ran.as_of.as_second().div_euclid(seconds.max(1));
    let values = json!({"period": period, "people": people.len(), "since": ran.coverage_from});
    let Some(values) = values.as_object() else {
        return Ok(());
    };
    let state = store.alert_state(&rule.id).await;
    let state = state.map_err(|error| unstored(&error))?;
    let Some(mut write) = happened(&rule, state, values, ran.as_of) else {
        return Ok(());
    };
    if let Some(message) = &mut write.message {
        message.notify = notify.to_vec();
    }
    match store.commit_alert(write).await {
        Ok(()) | Err(AlertCommitError::Raced(_)) => Ok(()),
        Err(error) => Err(unstored(&error)),
    }
}

fn rule_id(kind: PciAlertKind) -> Result<AlertRuleId, Failure> {
    format!("pci/{}", kind.name()).parse().map_err(Failure::bug)
}

/// Closes a warning that reached the next level without a recovery message.
fn close_what_became_worse(states: &mut [AlertState], ran: &RanReport) {
    let levels = [
        (PciAlertKind::PasswordWarn, PciAlertKind::PasswordExpired),
        (PciAlertKind::InactiveWarn, PciAlertKind::Inactive),
    ];
    for (warned, over) in levels {
        let worse: Vec<(Value, Value)> = ran
            .report
            .alerts
            .iter()
            .filter(|it| it.kind == over)
            .map(|it| (json!(it.user_id), json!(it.since)))
            .collect();
        let rule = format!("pci/{}", warned.name());
        let of_rule = states.iter_mut().filter(|it| it.rule.as_str() == rule);
        for row in of_rule.flat_map(|it| it.rows.values_mut()) {
            let (who, since) = (row.values.get("user_id"), row.values.get("since"));
            let is_worse = worse
                .iter()
                .any(|it| (Some(&it.0), Some(&it.1)) == (who, since));
            if is_worse && matches!(row.phase, RowPhase::Active { .. }) {
                row.phase = RowPhase::Retired { at: ran.as_of };
            }
        }
    }
}

const fn answer(result: RunRows) -> RunAnswer {
    RunAnswer {
        snapshot: None,
        tables: Vec::new(),
        members: None,
        result,
    }
}

/// Marks all rules as unknown, so that none recovers.
fn no_answers(rules: &[AlertRule], why: &str) -> BTreeMap<AlertRuleId, RunAnswer> {
    let failed = |rule: &AlertRule| {
        let message = why.to_owned();
        (rule.id.clone(), answer(RunRows::Failed { message }))
    };
    rules.iter().map(failed).collect()
}

fn answers(
    rules: &[AlertRule],
    states: &[AlertState],
    report: &PciReport,
) -> BTreeMap<AlertRuleId, RunAnswer> {
    let pairs = rules.iter().zip(PciAlertKind::ALL);
    let of = |(rule, kind): (&AlertRule, PciAlertKind)| {
        let state = states.iter().find(|it| it.rule == rule.id);
        let standing = state.into_iter();
        let mut rows = rows(report, kind);
        rows.extend(standing.flat_map(|it| still_told(it, report, kind)));
        let columns = COLUMNS.map(str::to_owned).to_vec();
        (rule.id.clone(), answer(RunRows::Rows { columns, rows }))
    };
    pairs.map(of).collect()
}

fn rows(report: &PciReport, kind: PciAlertKind) -> Vec<Map<String, Value>> {
    let alerts = report.alerts.iter().filter(|it| it.kind == kind);
    let row = alerts.map(|it| {
        let person = report.users.iter().find(|row| row.user_id == it.user_id);
        let basis = person.and_then(|row| match kind {
            PciAlertKind::PasswordWarn | PciAlertKind::PasswordExpired => {
                row.password_basis.map(str::to_owned)
            }
            PciAlertKind::InactiveWarn | PciAlertKind::Inactive => row.activity_basis.clone(),
        });
        let values = [
            json!(it.user_id),
            json!(it.since),
            json!(it.user_name),
            json!(it.days),
            json!(basis),
        ];
        let members = COLUMNS.iter().map(|it| (*it).to_owned()).zip(values);
        members.collect()
    });
    row.collect()
}

/// Keeps reported rows of users whose state is now unknown.
fn still_told(
    state: &AlertState,
    report: &PciReport,
    kind: PciAlertKind,
) -> Vec<Map<String, Value>> {
    let is_unknown = |it: &&PciRow| match kind {
        PciAlertKind::PasswordWarn | PciAlertKind::PasswordExpired => {
            it.password_state == "unknown"
        }
        PciAlertKind::InactiveWarn | PciAlertKind::Inactive => it.activity_state == "unknown",
    };
    let unknown: BTreeSet<&str> = report
        .users
        .iter()
        .filter(is_unknown)
        .map(|it| it.user_id.as_str())
        .collect();
    let standing = state.rows.values().filter(|row| {
        let who = row.values.get("user_id").and_then(Value::as_str);
        let is_active = matches!(row.phase, RowPhase::Active { .. });
        is_active && who.is_some_and(|it| unknown.contains(it))
    });
    standing.map(|row| row.values.clone()).collect()
}
