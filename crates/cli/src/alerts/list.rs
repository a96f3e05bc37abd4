//! `hallpass query alerts list`: rules with their last run, or their rows.

use hallpass_alerts::{AlertRow, AlertRowKey, AlertState, RowPhase, RulePhase};
use hallpass_app::host::runtime::runtime;
use hallpass_app::reports::alerts::unstored;
use hallpass_app::setup::opening::ConfigArgs;
use hallpass_base::Timestamp;
use hallpass_channels::wording::alert::{blocked_by, row_key};
use hallpass_channels::wording::time::utc;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};
use serde_json::{Value, json};

use super::store;

/// List rules with their last run, or their rows with who muted them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass query alerts list
  hallpass query alerts list --rows --rule keys/unused
  hallpass query alerts list --rows --output csv > rows.csv")]
pub(super) struct Args {
    /// List rows instead of rules: active, muted or still counted ones
    #[arg(long)]
    rows: bool,
    /// Also list resolved rows
    #[arg(long, requires = "rows")]
    all: bool,
    /// Only this rule
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

const RULE_FIELDS: &[&str] = &[
    "rule", "state", "severity", "file", "active", "muted", "asked_at", "snapshot", "since", "why",
];
const ROW_FIELDS: &[&str] = &[
    "rule",
    "state",
    "since",
    "key",
    "flap_count",
    "muted_until",
    "muted_by",
    "muted_why",
];

pub(super) fn run(args: &Args) -> Outcome {
    let address = args.config.existing_store()?;
    let mut states = runtime()?.block_on(async {
        let states = store(address).await?.alert_states().await;
        states.map_err(|error| unstored(&error))
    })?;
    states.retain(|it| {
        args.rule
            .as_ref()
            .is_none_or(|rule| it.rule.as_str() == rule)
    });
    let (now, format) = (hallpass_base::clock::now(), args.output.format());
    if args.rows {
        let rows: Vec<ListedRow<'_>> = states.iter().flat_map(|it| listed(it, now)).collect();
        let rows: Vec<_> = rows
            .into_iter()
            .filter(|it| args.all || !it.is_over())
            .collect();
        let values: Vec<Value> = rows.iter().map(ListedRow::json).collect();
        output::list(format, &values, ROW_FIELDS, || row_table(&rows))?;
    } else {
        let values: Vec<Value> = states.iter().map(|it| rule_json(it, now)).collect();
        output::list(format, &values, RULE_FIELDS, || rule_table(&states, now))?;
    }
    Ok(Exit::Ok)
}

fn muted(state: &AlertState, now: Timestamp) -> usize {
    state.mutes.iter().filter(|it| it.until > now).count()
}

fn since_and_why(state: &AlertState) -> (Option<Timestamp>, Option<String>) {
    match &state.phase {
        RulePhase::Running => (None, None),
        RulePhase::Blocked { since, why, .. } => (Some(*since), Some(blocked_by(why))),
        RulePhase::Retired { at } => (Some(*at), None),
    }
}

fn rule_json(state: &AlertState, now: Timestamp) -> Value {
    let (since, why) = since_and_why(state);
    json!({
        "rule": state.rule,
        "state": state.phase.name(),
        "severity": state.severity,
        "file": state.file,
        "key": state.key,
        "active": state.active(),
        "muted": muted(state, now),
        "asked_at": state.asked_at,
        "snapshot": state.snapshot,
        "since": since,
        "why": why,
    })
}

fn rule_table(states: &[AlertState], now: Timestamp) -> Table {
    let mut table = Table::new(&[
        "RULE",
        "=STATE",
        "=SEVERITY",
        "=ACTIVE",
        "=MUTED",
        "ASKED",
        "WHY",
    ]);
    for state in states {
        table.row([
            state.rule.to_string(),
            state.phase.name().to_owned(),
            state.severity.name().to_owned(),
            state.active().to_string(),
            muted(state, now).to_string(),
            utc(state.asked_at),
            since_and_why(state).1.unwrap_or_default(),
        ]);
    }
    table
}

/// A row with its rule.
struct ListedRow<'a> {
    state: &'a AlertState,
    key: &'a AlertRowKey,
    row: &'a AlertRow,
    now: Timestamp,
}

fn listed(state: &AlertState, now: Timestamp) -> Vec<ListedRow<'_>> {
    let rows = state.rows.iter();
    rows.map(|(key, row)| ListedRow {
        state,
        key,
        row,
        now,
    })
    .collect()
}

impl ListedRow<'_> {
    fn is_over(&self) -> bool {
        match self.row.phase {
            RowPhase::New { .. } | RowPhase::Active { .. } => false,
            RowPhase::Recovered { .. } | RowPhase::Retired { .. } => true,
        }
    }

    fn since(&self) -> Timestamp {
        match self.row.phase {
            RowPhase::New { .. } => self.row.first_seen,
            RowPhase::Active { since, .. } => since,
            RowPhase::Recovered { at } | RowPhase::Retired { at } => at,
        }
    }

    fn json(&self) -> Value {
        let mute = self.state.mute_of(self.key, self.now);
        json!({
            "rule": self.state.rule,
            "state": self.row.phase.name(),
            "since": self.since(),
            "key": self.key,
            "flap_count": self.row.flap_count,
            "muted_until": mute.map(|it| it.until),
            "muted_by": mute.map(|it| &it.by),
            "muted_why": mute.map(|it| &it.reason),
            "row": self.row.values,
        })
    }
}

fn row_table(rows: &[ListedRow<'_>]) -> Table {
    let mut table = Table::new(&["RULE", "=STATE", "SINCE", "KEY", "MUTED"]);
    for it in rows {
        let mute = it.state.mute_of(it.key, it.now);
        let mute = mute.map(|it| format!("until {} by {}: {}", utc(it.until), it.by, it.reason));
        table.row([
            it.state.rule.to_string(),
            it.row.phase.name().to_owned(),
            utc(it.since()),
            row_key(it.key),
            mute.unwrap_or_default(),
        ]);
    }
    table
}
