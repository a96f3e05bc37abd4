use hallpass_app::chores::plans;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::ReadingArgs;
use hallpass_channels::wording::time::utc;
use hallpass_org::outage::{DrillRow, DrillState, list};
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;

const FIELDS: &[&str] = &[
    "id",
    "state",
    "policy",
    "targets",
    "ends_at",
    "applied_at",
    "removed_at",
];

/// List drills; exit 1 if one is over and still attached
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org outage list || hallpass org outage reap --apply")]
pub(super) struct Args {
    #[command(flatten)]
    shown: ReadingArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let rows = runtime()?.block_on(plans::listed(&args.shown.config.load()?, list))?;
    let table = || {
        let mut table = output::Table::new(&["=drill", "state", "attached to", "ends", "=policy"]);
        for row in &rows {
            table.row([
                row.id.clone(),
                word(row.state).to_owned(),
                row.targets.join(" "),
                row.ends_at.map(utc).unwrap_or_default(),
                row.policy.clone().unwrap_or_default(),
            ]);
        }
        table
    };
    output::list(args.shown.output.format(), &rows, FIELDS, table)?;
    let is_late = |row: &DrillRow| row.state == DrillState::Expired;
    if rows.iter().any(is_late) {
        output::say(
            "a drill is over and still attached: `hallpass org outage reap --apply` removes it",
        );
        return Ok(Exit::Failed);
    }
    Ok(Exit::Ok)
}

fn word(state: DrillState) -> &'static str {
    match state {
        DrillState::Scheduled => "not begun",
        DrillState::Active => "active",
        DrillState::Expired => "over, still attached",
        DrillState::Detached => "not attached",
        DrillState::Removed => "removed",
    }
}
