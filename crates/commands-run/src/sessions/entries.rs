//! `hallpass people sessions list`: whose sessions at AWS are cut off, and until when; with `--web`, who is
//! signed in on the web pages.

use hallpass_chores::plans;
use hallpass_chores::plans::chore_failed;
use hallpass_host::runtime::runtime;
use hallpass_org::sessions::{EntryState, list};
use hallpass_setup::opening::ConfigArgs;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use hallpass_wording::time::utc;

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

/// List whose sessions at AWS are cut off, with the end of each
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass people sessions list
  hallpass people sessions list --web --output json")]
pub(super) struct Args {
    /// List sessions of the web pages instead, on the server's own machine
    #[arg(long)]
    web: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    if args.web {
        return signed_in::run_list(&args.config, &args.output);
    }
    let rows = runtime()?.block_on(async {
        let context = plans::open(&args.config.load()?).await?;
        let (organization, kept) = (context.organization.as_ref(), context.kept.as_ref());
        list(organization, kept, context.clock.now())
            .await
            .map_err(chore_failed)
    })?;
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
    output::list(args.output.format(), &rows, FIELDS, table)?;
    Ok(Exit::Ok)
}

fn word(state: EntryState) -> &'static str {
    match state {
        EntryState::InForce => "cut off",
        EntryState::Past => "over, can be pruned",
        EntryState::NoEnd => "cut off, end not known",
        EntryState::NotInForce => "not in force",
    }
}
