use std::path::PathBuf;

use hallpass_access_files::{
    AccessFile, DriftAuthor, DriftedItem, changing_events, drift, name_authors,
};
use hallpass_app::chores::access_look::{compared, usable};
use hallpass_app::chores::plans;
use hallpass_app::host::runtime::runtime;
use hallpass_app::log_files::log_source::LogSource;
use hallpass_app::setup::opening::ReadingArgs;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table};

use super::drift_log::{self, ChangesWanted};

const FIELDS: &[&str] = &["drift", "permission_set", "account", "what", "last_change"];

/// Show what was changed outside the files
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show what was changed outside the files\n\nThe comparison of `plan` in reverse, \
                  and nothing is saved: added_outside, removed_outside, changed_outside, \
                  outdated_provisioning, unknown_principal. Temporary access from Hallpass is \
                  never drift.\n\nWith `--log` each item has the author, time and CloudTrail \
                  event id of its last change; changes missing from the log are `not in the log`, \
                  never guessed. Unreadable parts of the log are exit 1.",
    after_help = "Examples:
  hallpass access drift access.yaml
  hallpass access drift access.yaml --log lookup
  hallpass access drift access.yaml --log s3://acme-trail --days 180
  hallpass access drift access.yaml --detailed-exitcode --output json"
)]
pub(super) struct Args {
    /// The files: YAML, TOML or JSON
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Exit with 3 if there is drift
    #[arg(long)]
    detailed_exitcode: bool,
    /// Find who changed it: `lookup` (CloudTrail, 90 days), `s3://bucket/prefix` or `dir:` and a
    /// folder
    #[arg(long, value_name = "SOURCE")]
    log: Option<LogSource>,
    /// Days of the log to read
    #[arg(
        long,
        value_name = "N",
        default_value_t = 90,
        requires = "log",
        value_parser = clap::value_parser!(u32).range(1..=3650)
    )]
    days: u32,
    #[command(flatten)]
    shown: ReadingArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.shown.output.format();
    // without it temporary access would count as drift
    args.shown.config.existing_store()?;
    let file = usable(&args.files, |it| output::say(&it))?;
    let (items, unread) = found(args, &file)?;
    output::list(format, &items, FIELDS, || table(&items))?;
    if items.is_empty() {
        output::say("No drift");
    }
    if items
        .iter()
        .any(|it| it.last_change == DriftAuthor::NotInLog)
    {
        output::say(&format!(
            "`not in the log`: no such change in the last {} days, or later than CloudTrail has \
             written (some five minutes)",
            args.days
        ));
    }
    Ok(if unread > 0 {
        Exit::Failed
    } else if args.detailed_exitcode && !items.is_empty() {
        Exit::Findings
    } else {
        Exit::Ok
    })
}

fn found(args: &Args, file: &AccessFile) -> Result<(Vec<DriftedItem>, u64), Failure> {
    let runtime = runtime()?;
    let (mut items, seen, context) = runtime.block_on(async {
        let context = plans::open(&args.shown.config.load()?).await?;
        let compared = compared(&context.access(), file).await?;
        let (wanted, seen) = (&compared.wanted, &compared.seen);
        let items = drift(&compared.diff, wanted, seen, &compared.directory);
        Ok::<_, Failure>((items, compared.seen, context))
    })?;
    let Some(log) = &args.log else {
        return Ok((items, 0));
    };
    let (names, about) = (changing_events(&items), context.aws.about());
    let wanted = ChangesWanted {
        names: &names,
        region: &about.region,
        now: hallpass_base::clock::now(),
        days: args.days,
    };
    let logged = match log {
        _ if items.is_empty() => return Ok((items, 0)),
        LogSource::Lookup => runtime.block_on(drift_log::look_up(context.calls.as_ref(), &wanted)),
        LogSource::Place(place) => drift_log::of_files(place, &wanted)?,
    };
    name_authors(&mut items, &seen, &logged.changes);
    Ok((items, logged.unread))
}

fn table(items: &[DriftedItem]) -> Table {
    let cells = |item: &DriftedItem| {
        let account = item.account.as_ref().map(ToString::to_string);
        [
            item.drift.name().to_owned(),
            item.permission_set.to_string(),
            account.unwrap_or_default(),
            item.what.clone(),
        ]
    };
    if items
        .iter()
        .all(|it| it.last_change == DriftAuthor::NotAsked)
    {
        let mut table = Table::new(&["drift", "permission set", "account", "what"]);
        for item in items {
            table.row(cells(item));
        }
        return table;
    }
    let heads = [
        "drift",
        "permission set",
        "account",
        "what",
        "changed by",
        "at",
    ];
    let mut table = Table::new(&heads);
    for item in items {
        let (who, at) = match &item.last_change {
            DriftAuthor::NotAsked => (String::new(), String::new()),
            DriftAuthor::NotInLog => ("not in the log".to_owned(), String::new()),
            DriftAuthor::Known(change) => (change.who(), change.at.to_string()),
        };
        let [drift, set, account, what] = cells(item);
        table.row([drift, set, account, what, who, at]);
    }
    table
}
