//! `hallpass pci watch`: what a report finds, told through the channels of alerts (`inventory.md` H-14).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_activity::{PciAlertKind, PciReport, PciRow};
use hallpass_alerts::{
    AlertQuestion, AlertRule, AlertRuleId, AlertSeverity, AlertState, RowPhase, RunAnswer, RunRows,
};
use hallpass_model::TimeSpan;
use hallpass_wording::alert::alert_text;

use serde_json::{Map, Value, json};

use super::args::ReadArgs;
use super::reading::{RanReport, read};
use super::shown;
use crate::alerts::{AlertRunner, RuleFileOfAlerts};
use crate::clock;
use crate::commands::inventory::alerts;
use crate::exit::{Exit, Failure, Outcome};
use crate::logs::Fingerprints;
use crate::opening::runtime;
use crate::output::{self, OutputArgs};

/// The name by which states know these rules; no file can be called so.
const RULES: &str = "pci/watch";
const COLUMNS: [&str; 5] = ["user_id", "since", "user_name", "days", "basis"];
/// Rows of a message; more are counted, and listed in a file.
const TOLD_MAX: usize = 50;

/// Tell who is over a limit, once, through the channels of alerts
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Tell who is over a limit, once, through the channels of alerts\n\nReads what `report` reads, and \
                  stores what is new and what is over in the store of the configuration; a server on that store \
                  delivers it. Made to be run by a timer, once a day. Where files were skipped nothing is told, and \
                  nothing counts as recovered: exit 1.",
    after_help = "Example:
  hallpass pci watch --users users.json --source dir:trail --state pci.json"
)]
pub(super) struct Args {
    #[command(flatten)]
    read: ReadArgs,
    /// Tell of expired passwords and inactive people again after so long; 0: never
    #[arg(long, value_name = "TIME", default_value = "7d")]
    remind: TimeSpan,
    /// Only these channels tell it [default: all]
    #[arg(long, value_name = "CHANNEL,...", value_delimiter = ',')]
    notify: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let loaded = args.read.config.load()?;
    let known = loaded.channel_names();
    if let Some(unknown) = args.notify.iter().find(|it| !known.contains(it)) {
        let failure = Failure::bad_input(format!("`{unknown}` is no channel here"));
        return Err(failure.help(format!("there are: `{}`", known.join("`, `"))));
    }
    let ran = read(&args.read, &loaded, clock::now(), Fingerprints::None)?;
    let rules = RuleFileOfAlerts {
        name: RULES.to_owned(),
        rules: rules(args)?,
    };
    let told = runtime()?.block_on(async {
        let runner = AlertRunner {
            store: alerts::store(&loaded).await?,
            folder: loaded.alerted_snapshots()?,
        };
        let mut states = runner.states().await?;
        if ran.is_whole() {
            close_what_became_worse(&mut states, &ran);
        }
        let answers = answers(&rules.rules, &states, &ran);
        runner
            .store_steps(&rules, &states, &answers, ran.as_of)
            .await
    })?;
    for message in told.iter().filter_map(|it| it.message.as_ref()) {
        output::say(&alert_text(message));
    }
    alerts::show_ran(args.output.format(), &told)?;
    shown::tell(&ran);
    Ok(if !ran.is_whole() {
        Exit::Failed
    } else {
        Exit::Ok
    })
}

fn rules(args: &Args) -> Result<Vec<AlertRule>, Failure> {
    let rule = |kind: PciAlertKind| {
        let (is_hard, message) = match kind {
            PciAlertKind::PasswordWarn => (false, "{user_name}: the password is {days} days old"),
            PciAlertKind::PasswordExpired => (true, "{user_name}: the password is {days} days old"),
            PciAlertKind::InactiveWarn => (false, "{user_name}: not there for {days} days"),
            PciAlertKind::Inactive => (true, "{user_name}: not there for {days} days"),
        };
        Ok(AlertRule {
            id: rule_id(kind)?,
            question: AlertQuestion::Shipped(format!("pci/{}", kind.name())),
            parameters: BTreeMap::new(),
            every: TimeSpan::hours(24),
            severity: if is_hard {
                AlertSeverity::High
            } else {
                AlertSeverity::Low
            },
            key: vec!["user_id".to_owned(), "since".to_owned()],
            message: Some(message.to_owned()),
            snapshots_needed: 1,
            notify: args.notify.clone(),
            recover: true,
            remind: Some(args.remind).filter(|it| is_hard && !it.is_zero()),
            max_new: TOLD_MAX,
            enabled: true,
        })
    };
    PciAlertKind::ALL.into_iter().map(rule).collect()
}

fn rule_id(kind: PciAlertKind) -> Result<AlertRuleId, Failure> {
    format!("pci/{}", kind.name()).parse().map_err(Failure::bug)
}

/// A warning that became the next level is over without a word: nobody recovered.
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

/// What the report says of each rule. Where files were skipped it says nothing.
fn answers(
    rules: &[AlertRule],
    states: &[AlertState],
    ran: &RanReport,
) -> BTreeMap<AlertRuleId, RunAnswer> {
    let answer = |rule: &AlertRule, kind: PciAlertKind| {
        let result = if !ran.is_whole() {
            let missing = ran.digests.as_ref().map_or(0, |it| it.findings_count);
            let broken = ran.logs.broken.max(missing);
            RunRows::Failed {
                message: format!(
                    "{broken} files of the log could not be read, or are not as delivered"
                ),
            }
        } else {
            let state = states.iter().find(|it| it.rule == rule.id);
            let mut rows = rows(&ran.report, kind);
            rows.extend(
                state
                    .into_iter()
                    .flat_map(|it| still_told(it, &ran.report, kind)),
            );
            RunRows::Rows {
                columns: COLUMNS.map(str::to_owned).to_vec(),
                rows,
            }
        };
        RunAnswer {
            snapshot: None,
            tables: Vec::new(),
            members: None,
            result,
        }
    };
    let pairs = rules.iter().zip(PciAlertKind::ALL);
    pairs
        .map(|(rule, kind)| (rule.id.clone(), answer(rule, kind)))
        .collect()
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

/// Rows that were told of people of whom nothing is known now: as long as the log does not say better, they stand.
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
