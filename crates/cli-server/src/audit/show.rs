use hallpass_client::api_args::ApiArgs;
use hallpass_client::api_args::say_more;
use hallpass_client::client::{Client, block_on};
use hallpass_client::listing_args::TimesArgs;
use hallpass_client::tables::Viewpoint;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table};
use serde_json::Value;

use super::page;

const FIELDS: &[&str] = &[
    "seq",
    "time",
    "event",
    "actor",
    "source",
    "requester_email",
    "approver_email",
    "account_id",
    "role_name",
    "group_id",
    "group_name",
    "permission_duration",
    "reason",
    "decision",
    "approval",
    "based_on",
    "access_request_id",
    "grant_id",
    "ends_at",
    "removed",
    "why",
    "error",
    "id",
    "hash",
];

/// Show records of the audit log, oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass audit show --after 1200 --limit 20
  hallpass audit show --account payments-prod --from 2026-11-01 --output csv")]
pub(crate) struct Args {
    /// Only records after this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// Only this event, such as `grant.succeeded`
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Named user: id, e-mail or name, or part
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Account: id or name, or part
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    #[command(flatten)]
    times: TimesArgs,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    api: ApiArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let (records, has_more) = block_on(find(args, &client))?;
    output::list(args.api.format(), &records, FIELDS, || table(&records))?;
    say_more(has_more, records.len());
    Ok(Exit::Ok)
}

async fn find(args: &Args, client: &Client) -> Result<(Vec<Value>, bool), Failure> {
    let texts = [
        ("event", &args.event),
        ("user", &args.user),
        ("account", &args.account),
    ];
    let texts = texts.into_iter();
    let texts = texts.filter_map(|(name, text)| Some((name, text.clone()?)));
    let filter: Vec<_> = texts.chain(args.times.query()).collect();
    let mut found = Vec::new();
    let mut after = args.after;
    loop {
        let ask_for = args.limit.saturating_sub(found.len()).saturating_add(1);
        let (records, next) = page(client, after, &filter, ask_for).await?;
        found.extend(records);
        if found.len() > args.limit {
            found.truncate(args.limit);
            return Ok((found, true));
        }
        match next {
            Some(next) => after = next,
            None => return Ok((found, false)),
        }
    }
}

fn table(records: &[Value]) -> Table {
    let view = Viewpoint::here();
    let mut table = Table::new(&["=SEQ", "=TIME", "=EVENT", "BY", "WHO", "WHAT", "WHY"]);
    for record in records {
        let text = |name: &str| {
            record
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| *text != hallpass_audit::NOT_APPLICABLE)
                .unwrap_or_default()
                .to_owned()
        };
        let time = record
            .get("timestamp")
            .and_then(Value::as_i64)
            .and_then(|at| hallpass_base::Timestamp::from_millisecond(at).ok())
            .map_or_else(|| text("time"), |at| view.time(at));
        let seq = record.get("seq").map(ToString::to_string);
        table.row([
            seq.unwrap_or_default(),
            time,
            text("event"),
            text("actor"),
            text("requester_email"),
            what(&text("account_id"), &text("role_name"), &text("group_name")),
            first_said([text("error"), text("why"), text("reason")]),
        ]);
    }
    table
}

fn what(account: &str, set: &str, group: &str) -> String {
    match (account, set, group) {
        ("", "", "") => String::new(),
        ("", "", group) => format!("group {group}"),
        (account, set, _) => format!("{account} / {set}"),
    }
}

fn first_said<const N: usize>(texts: [String; N]) -> String {
    let said = texts.into_iter().find(|text| !text.is_empty());
    said.unwrap_or_default()
}
