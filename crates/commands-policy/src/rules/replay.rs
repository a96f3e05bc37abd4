//! `hallpass rules replay`: what a changed rule file would have changed about past requests.

use std::path::PathBuf;

use hallpass_api::{ReplayRules, ReplayedRequest, ReplayedRules};
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::{Client, block_on};
use hallpass_client::tables::{Viewpoint, asked_for};
use hallpass_model::{TimeSpan, Timestamp};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table};
use hallpass_wording::lists::count;

use super::finding;

const FIELDS: &[&str] = &["request", "was", "would_be", "changes", "because"];

/// Show which past requests a changed rule file would have decided otherwise
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show which past requests a changed rule file would have decided otherwise\n\nThe \
                  server holds the requests of the last days against the file and against the rules \
                  in force, both by today's directory and by the hour of the request: whether it \
                  would be granted, refused or wait, who would approve it, and whether its duration, \
                  reason or ticket would be refused. Nothing is changed. Administrators and auditors \
                  may ask; a token with the scope `read` is enough, as in a pipeline that reviews \
                  rules.\n\nExit 2 when the file has errors, and with --detailed-exitcode 3 when a \
                  request would have been decided otherwise.",
    after_help = "Examples:
  hallpass rules replay rules.toml
  hallpass rules replay rules.toml --days 30 --detailed-exitcode --output json"
)]
pub(crate) struct Args {
    /// The changed rule file
    file: PathBuf,
    /// Requests of so many days
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3660))]
    days: u32,
    /// Exit 3 when a request would have been decided otherwise
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    api: ApiArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let read = super::read(&args.file)?;
    if let Err(errors) = &read.outcome {
        let failure = Failure::bad_input(format!(
            "`{}` has errors and would not be loaded",
            args.file.display()
        ));
        return Err({ errors.iter() }.fold(failure, |failure, error| {
            finding::detailed(failure, error, &read.text)
        }));
    }
    let since = TimeSpan::hours(24 * u64::from(args.days)).before(hallpass_clock::now());
    let client = args.api.client()?;
    let file = args.file.file_name().unwrap_or(args.file.as_os_str());
    let wanted = ReplayRules {
        file: file.to_string_lossy().into_owned(),
        text: read.text,
        since: Some(since),
        ..ReplayRules::default()
    };
    let found = block_on(replay(&client, wanted))?;
    output::list(args.api.format(), &found.items, FIELDS, || {
        table(&found.items)
    })?;
    output::say(&told(&found, since));
    if args.detailed_exitcode && !found.items.is_empty() {
        Ok(Exit::Findings)
    } else {
        Ok(Exit::Ok)
    }
}

/// All of it, a page after the other.
async fn replay(client: &Client, mut wanted: ReplayRules) -> Result<ReplayedRules, Failure> {
    let mut all = ReplayedRules {
        looked_at: 0,
        items: Vec::new(),
        next: None,
    };
    loop {
        let path = ["rules", "replay"];
        let page: ReplayedRules = client.post(&path, &wanted).await?;
        all.looked_at += page.looked_at;
        all.items.extend(page.items);
        if page.next.is_none() || page.next == wanted.cursor {
            return Ok(all);
        }
        wanted.cursor = page.next;
    }
}

fn told(found: &ReplayedRules, since: Timestamp) -> String {
    let looked_at = count(
        usize::try_from(found.looked_at).unwrap_or(usize::MAX),
        "request",
    );
    let since = hallpass_model::time::utc(since);
    match found.items.len() {
        0 => format!("{looked_at} since {since}: the rules of the file change nothing about them"),
        n => format!("{looked_at} since {since}: {n} would have been decided otherwise"),
    }
}

fn table(items: &[ReplayedRequest]) -> Table {
    let view = Viewpoint::here();
    let mut table = Table::new(&["ASKED", "REQUESTER", "FOR", "CHANGE", "RULES"]);
    for item in items {
        let changes: Vec<&str> = item.changes.iter().map(|it| it.message.as_str()).collect();
        table.row([
            view.time(item.request.created_at),
            item.request.requester.clone(),
            asked_for(&item.request),
            changes.join("; "),
            item.because.join(", "),
        ]);
    }
    table
}
