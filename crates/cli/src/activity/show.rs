//! `hallpass activity show`: use of a grant.

use hallpass_api::{GrantActivity, GrantCall};
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::block_on;
use hallpass_client::ids::GrantRef;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{self, Format, Table};

const FIELDS: &[&str] = &[
    "service",
    "action",
    "error_code",
    "is_write",
    "count",
    "first",
    "last",
    "after_end",
    "notable",
];

/// Show the use of a grant
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show the use of a grant\n\nThe calls in sessions of its holder that began \
                  during the grant, from the activity table of the server: notable calls first, \
                  then writes. Shows how far the log reaches; calls outside the log are unknown, \
                  not absent.",
    after_help = "Examples:
  hallpass activity show grn_01934a5b6c7d7e8f90123456789abcde
  hallpass activity show grn_01934a5b6c7d7e8f90123456789abcde --output json"
)]
pub(super) struct Args {
    /// The grant, or the request it was made from
    #[arg(value_name = "GRANT")]
    id: GrantRef,
    #[command(flatten)]
    api: ApiArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let found: GrantActivity = block_on(async {
        let id = args.id.resolve(&client).await?;
        client.get(&["grants", &id, "activity"], &[]).await
    })?;
    match args.api.format() {
        Format::Table => {
            output::say(&output::plain(&found.words));
            if !found.calls.is_empty() {
                output::list(Format::Table, &found.calls, FIELDS, || table(&found.calls))?;
            }
        }
        Format::Csv => output::list(Format::Csv, &found.calls, FIELDS, || table(&found.calls))?,
        format @ (Format::Json | Format::Jsonl) => {
            output::one(format, &found, FIELDS, String::new)?;
        }
    }
    Ok(Exit::Ok)
}

fn table(calls: &[GrantCall]) -> Table {
    let mut table = Table::new(&["CALL", "=CALLS", "=LAST", "NOTABLE", "REFUSED"]);
    for call in calls {
        let after = if call.after_end { " after the end" } else { "" };
        table.row([
            format!("{}:{}", call.service, call.action),
            call.count.to_string(),
            format!("{}{after}", call.last),
            call.notable.clone().unwrap_or_default(),
            call.error_code.clone().unwrap_or_default(),
        ]);
    }
    table
}
