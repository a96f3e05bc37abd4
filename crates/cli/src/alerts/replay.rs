//! `hallpass query alerts test`: replays a rule file over past snapshots (`inventory.md` R-7).

use std::path::PathBuf;

use hallpass_alerts::{AlertJob, AlertMessage, AlertState, RulePhase, advance};
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::snapshots_at::SnapshotsAt;
use hallpass_app::reports::alerts::{RuleFileOfAlerts, asked, evaluate};
use hallpass_base::Timestamp;
use hallpass_channels::wording::alert::{alert_text, blocked_by};
use hallpass_inventory::SnapshotId;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::message_json;

/// Show what a rule file would have reported over snapshots; stores nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass query alerts test alerts.yaml --snapshots 20261120T000000Z-00000001,20261121T000000Z-00000002
  hallpass query alerts test alerts.yaml --snapshots \"$(hallpass query snapshots list -o csv |
      tail -n +2 | cut -d, -f1 | paste -sd,)\"")]
pub(super) struct Args {
    /// The rule file to test
    file: PathBuf,
    /// Snapshots; every rule runs after each, at its start instant
    #[arg(long, value_name = "ID,...", value_delimiter = ',', required = true)]
    snapshots: Vec<SnapshotId>,
    /// Where snapshots are: a folder, or `s3://bucket/prefix`
    #[arg(long, value_name = "PLACE", default_value = "snapshots")]
    folder: SnapshotsAt,
    #[command(flatten)]
    output: OutputArgs,
}

const FIELDS: &[&str] = &["snapshot", "at", "rule", "severity", "text"];

pub(super) fn run(args: &Args) -> Outcome {
    let file = RuleFileOfAlerts::read(&args.file, None)?;
    let replay = runtime()?.block_on(replay(args, &file))?;
    match args.output.format() {
        Format::Table => {
            let texts: Vec<String> = replay.told.iter().map(shown).collect();
            output::print(&texts.join("\n"))?;
            if replay.told.is_empty() {
                output::say("nothing would have been reported");
            }
        }
        format => {
            let rows: Vec<Value> = replay.told.iter().map(message_json).collect();
            output::list(format, &rows, FIELDS, || output::Table::new(&[]))?;
        }
    }
    for state in &replay.states {
        if let RulePhase::Blocked { why, .. } = &state.phase {
            output::say(&format!(
                "blocked in the end: {}: {}",
                state.rule,
                blocked_by(why)
            ));
        }
    }
    Ok(Exit::Ok)
}

/// The messages, and the final state.
#[derive(Default)]
struct Replay {
    told: Vec<AlertMessage>,
    states: Vec<AlertState>,
}

async fn replay(args: &Args, file: &RuleFileOfAlerts) -> Result<Replay, Failure> {
    let mut replay = Replay::default();
    let mut snapshots = Vec::new();
    for id in &args.snapshots {
        snapshots.push(id.to_string());
        let enabled = file.rules.iter().filter(|rule| rule.enabled);
        let now = begun(id)?;
        let job = AlertJob {
            as_of: Some(now),
            snapshots: Some(snapshots.clone()),
            rules: enabled.map(|rule| asked(rule, None)).collect(),
        };
        let answers = evaluate(&args.folder, &job).await?;
        for step in advance(&file.name, &file.rules, &replay.states, &answers, now) {
            let state = step.write.state;
            replay.states.retain(|it| it.rule != state.rule);
            replay.states.push(state);
            replay.told.extend(step.write.message);
        }
    }
    Ok(replay)
}

fn begun(id: &SnapshotId) -> Result<Timestamp, Failure> {
    let stamp = id.as_str().split('-').next().unwrap_or_default();
    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", stamp);
    let at = at.and_then(|it| it.to_zoned(TimeZone::UTC));
    at.map(|it| it.timestamp()).map_err(|_| {
        let message = format!("`{id}` names no instant");
        Failure::bad_input(message).help("`hallpass query snapshots list` shows the ids")
    })
}

fn shown(message: &AlertMessage) -> String {
    let snapshot = message.snapshot.as_deref().unwrap_or("no snapshot");
    let text = alert_text(message);
    let lines = text.lines().map(|it| format!("  {}\n", output::plain(it)));
    let lines = lines.collect::<Vec<_>>().concat();
    format!("{snapshot}\n{lines}")
}
