//! `hallpass query alerts run`: runs every rule once, as after `hallpass sync`.

use std::path::PathBuf;

use hallpass_alerts::RulePhase;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::snapshots_at::SnapshotsAt;
use hallpass_app::reports::alerts::{AlertRunner, RanRule, WhichRules};
use hallpass_app::setup::opening::ConfigArgs;
use hallpass_channels::wording::alert::{alert_text, blocked_by};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs, Table};
use serde_json::{Value, json};

use super::{message_json, rule_file, store};

/// Run every rule once over the newest snapshots, and store its messages
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Run every rule once over the newest snapshots, and store its messages\n\nStates \
                  and messages go to the store of the configuration. A server on that store \
                  delivers the messages through its channels, each once a rule and run; this \
                  command prints them, too. A rule with unread tables does not run, and none of \
                  its rows counts as recovered: exit 1.",
    after_help = "Examples:
  hallpass sync; hallpass query alerts run alerts.yaml
  hallpass query alerts run --config /etc/hallpass/hallpass.toml --output json"
)]
pub(super) struct Args {
    /// The rule file [default: `alerts.file` of the configuration]
    file: Option<PathBuf>,
    /// Where snapshots are: a folder, or `s3://bucket/prefix` [default: `inventory.snapshots`, else
    /// `snapshots`]
    #[arg(long, visible_alias = "snapshots", value_name = "PLACE")]
    folder: Option<SnapshotsAt>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

const FIELDS: &[&str] = &[
    "rule", "state", "severity", "active", "snapshot", "why", "text",
];

pub(super) fn run(args: &Args) -> Outcome {
    let loaded = args.config.load()?;
    let file = rule_file(args.file.as_ref(), &loaded)?;
    let folder = match &args.folder {
        Some(at) => at.clone(),
        None => loaded.alerted_snapshots()?,
    };
    let address = loaded.store()?;
    // without a server the first run starts empty
    if !address.may_be_there()? {
        output::say(&format!(
            "note: there was no database `{address}`; in the one that is made every row is new, and none is muted"
        ));
    }
    let ran = runtime()?.block_on(async {
        let store = store(address).await?;
        let runner = AlertRunner { store, folder };
        runner
            .run(&file, WhichRules::All, hallpass_base::clock::now())
            .await
    })?;
    let format = args.output.format();
    if format == Format::Table {
        for message in ran.iter().filter_map(|it| it.message.as_ref()) {
            output::say(&alert_text(message));
        }
    }
    show_ran(format, &ran)?;
    let is_blocked = |it: &RanRule| matches!(it.state.phase, RulePhase::Blocked { .. });
    Ok(if ran.iter().any(is_blocked) {
        Exit::Failed
    } else {
        Exit::Ok
    })
}

pub fn show_ran(format: Format, ran: &[RanRule]) -> Result<(), Failure> {
    let rows: Vec<Value> = ran.iter().map(row).collect();
    output::list(format, &rows, FIELDS, || table(ran))
}

fn why(ran: &RanRule) -> Option<String> {
    match &ran.state.phase {
        RulePhase::Blocked { why, .. } => Some(blocked_by(why)),
        RulePhase::Running | RulePhase::Retired { .. } => None,
    }
}

fn row(ran: &RanRule) -> Value {
    let state = &ran.state;
    json!({
        "rule": state.rule,
        "state": state.phase.name(),
        "severity": state.severity,
        "active": state.active(),
        "snapshot": state.snapshot,
        "why": why(ran),
        "text": ran.message.as_ref().map(alert_text),
        "message": ran.message.as_ref().map(message_json),
    })
}

fn table(ran: &[RanRule]) -> Table {
    let mut table = Table::new(&["RULE", "=STATE", "=ACTIVE", "=TOLD", "WHY"]);
    for it in ran {
        table.row([
            it.state.rule.to_string(),
            it.state.phase.name().to_owned(),
            it.state.active().to_string(),
            if it.message.is_some() { "yes" } else { "no" }.to_owned(),
            why(it).unwrap_or_default(),
        ]);
    }
    table
}
