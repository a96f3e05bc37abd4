use hallpass_app::chores::plans;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::ReadingArgs;
use hallpass_channels::wording::time::utc;
use hallpass_org::sessions::{EntryState, list};
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;

use super::signed_in;

const FIELDS: &[&str] = &[
    "policy",
    "kind",
    "value",
    "issued_before",
    "state",
    "ends_at",
    "targets",
];

/// List users with revoked AWS sessions, with the end of each
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass people sessions list
  hallpass people sessions list --web --output json")]
pub(super) struct Args {
    /// List sessions of the web pages instead, on the server's own machine
    #[arg(long)]
    web: bool,
    #[command(flatten)]
    shown: ReadingArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    if args.web {
        return signed_in::run_list(&args.shown.config, &args.shown.output);
    }
    let rows = runtime()?.block_on(plans::listed(&args.shown.config.load()?, list))?;
    let table = || {
        let mut table = output::Table::new(&[
            "whose",
            "state",
            "last session ends",
            "attached to",
            "policy",
        ]);
        for row in &rows {
            table.row([
                row.entry.to_string(),
                word(row.state).to_owned(),
                row.ends_at.map_or_else(|| "not known".to_owned(), utc),
                row.targets.join(" "),
                row.policy.clone(),
            ]);
        }
        table
    };
    output::list(args.shown.output.format(), &rows, FIELDS, table)?;
    Ok(Exit::Ok)
}

fn word(state: EntryState) -> &'static str {
    match state {
        EntryState::InForce => "revoked",
        EntryState::Past => "over, can be pruned",
        EntryState::NoEnd => "revoked, end not known",
        EntryState::NotInForce => "not in force",
    }
}
