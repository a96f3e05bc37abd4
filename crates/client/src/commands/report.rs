use clap::ValueEnum;
use hallpass_access::{NotAMoment, end_moment, moment};
use hallpass_api::{
    Conflict, ConflictHolding, Conflicts, GrantUse, ReportedAccess, ReportedKind, Request,
};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_channels::wording::states;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table};
use hallpass_terminal::words;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::requests::name;
use crate::api_args::ApiArgs;
use crate::client::{Listing, block_on};
use crate::tables;

const ROWS_MAX: usize = 100_000;

const ACCESS_FIELDS: &[&str] = &[
    "kind",
    "user",
    "user_name",
    "user_id",
    "account",
    "account_name",
    "permission_set",
    "group",
    "group_name",
    "from",
    "until",
    "ends_at",
    "state",
    "because",
    "approvers",
    "approval",
    "used",
    "request_id",
    "grant_id",
    "first_seen",
    "last_seen",
    "looked_at",
];

const CONFLICT_FIELDS: &[&str] = &[
    "user",
    "user_name",
    "user_id",
    "constraint",
    "held",
    "excepted_until",
    "exception_approved_by",
    "exception_reason",
];

const DECISION_FIELDS: &[&str] = &[
    "seq",
    "time",
    "event",
    "actor",
    "actor_user_id",
    "requester_email",
    "account_id",
    "role_name",
    "group_name",
    "group_id",
    "reason",
    "approval",
    "based_on",
    "access_request_id",
    "hash",
];

/// Report who had access, what was requested or decided, or conflicting access
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Report who had access, what was requested or decided, or conflicting access\n\nFor auditors and \
                  administrators. Access of grants is exact; standing access is as sweeps saw it.",
    after_help = "Examples:
  hallpass report access --permission-set AdministratorAccess --account payments-prod \\
      --at '2026-10-14 03:00'
  hallpass report access --from 2026-10-01 --to 2026-10-31 --output csv > october.csv
  hallpass report approvals --person ana@acme.example
  hallpass report conflicts"
)]
pub struct Args {
    /// Which report
    #[arg(value_enum, value_name = "REPORT")]
    report: ReportArg,
    /// Start: a day, a local day and time, or an instant [default: 30 days before the end]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// End, excluded; a day is included [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// One moment, in place of a period
    #[arg(long, value_name = "TIME", conflicts_with_all = ["from", "to"])]
    at: Option<String>,
    /// Only this holder, requester or decider: e-mail or user id
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// Only in this account: id or name
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Only in accounts that are now below this organizational unit: id or name
    #[arg(long, value_name = "OU")]
    ou: Option<String>,
    /// Only this permission set
    #[arg(long, value_name = "NAME")]
    permission_set: Option<String>,
    /// Only this group: id or name
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReportArg {
    Access,
    Requests,
    Approvals,
    /// What people hold although rules forbid to hold it together; takes no other filter
    Conflicts,
}

pub fn run(args: &Args) -> Outcome {
    let zone = words::zone();
    match args.report {
        ReportArg::Access => print(args, ACCESS_FIELDS, &zone, access_table)?,
        ReportArg::Requests => print(args, tables::REQUEST_FIELDS, &zone, request_table)?,
        ReportArg::Conflicts => conflicts(args, &zone)?,
        ReportArg::Approvals => print(args, DECISION_FIELDS, &zone, decision_table)?,
    }
    Ok(Exit::Ok)
}

fn print<T: Serialize + DeserializeOwned>(
    args: &Args,
    fields: &[&str],
    zone: &TimeZone,
    table: impl FnOnce(&[T], &TimeZone) -> Table,
) -> Result<(), Failure> {
    let query = query(args, zone)?;
    let client = args.api.client()?;
    let path = ["reports", &name(&args.report)];
    let found = block_on(client.list::<T>(&path, &query, ROWS_MAX))?;
    if found.has_more {
        let words = format!("the report has more than {} rows", found.items.len());
        return Err(Failure::failed(words).help("choose a shorter period, or a filter"));
    }
    args.api
        .print_listing(&found, fields, |rows| table(rows, zone))
}

fn conflicts(args: &Args, zone: &TimeZone) -> Result<(), Failure> {
    if !query(args, zone)?.is_empty() {
        let message = "`report conflicts` takes no period and no filter";
        return Err(Failure::bad_input(message).help("it reports what is held now"));
    }
    let client = args.api.client()?;
    let found: Conflicts = block_on(client.get(&["reports", "conflicts"], &[]))?;
    for group in &found.unread_groups {
        output::say(&format!(
            "note: the members of group {group} could not be read: rows may be missing"
        ));
    }
    let list = Listing {
        items: found.items,
        has_more: false,
    };
    args.api
        .print_listing(&list, CONFLICT_FIELDS, conflict_table)
}

fn conflict_table(rows: &[Conflict]) -> Table {
    let mut table = Table::new(&["WHO", "CONSTRAINT", "HOLDS", "EXCEPTED UNTIL"]);
    for row in rows {
        let held: Vec<String> = row.held.iter().map(holding).collect();
        let until = row.excepted_until.map(|at| at.to_string());
        table.row([
            row.user.clone().unwrap_or_else(|| row.user_name.clone()),
            row.constraint.clone(),
            held.join(", "),
            until.unwrap_or_default(),
        ]);
    }
    table
}

fn holding(held: &ConflictHolding) -> String {
    let target = tables::target(
        held.account_name.as_ref().or(held.account.as_ref()),
        held.permission_set.as_ref(),
        held.group_name.as_ref().or(held.group.as_ref()),
    );
    match (&held.through_group, &held.grant_id) {
        (Some(group), _) => format!("{target} (by group {group})"),
        (None, Some(id)) => format!("{target} ({id})"),
        (None, None) => target,
    }
}

fn query(args: &Args, zone: &TimeZone) -> Result<Vec<(&'static str, String)>, Failure> {
    type Reader = fn(&str, &TimeZone) -> Result<Timestamp, NotAMoment>;
    let moments: [(&str, &Option<String>, Reader); 3] = [
        ("from", &args.from, moment),
        ("to", &args.to, end_moment),
        ("at", &args.at, moment),
    ];
    let mut query = Vec::new();
    for (name, text, reader) in moments {
        let Some(text) = text else { continue };
        let at = reader(text, zone)
            .map_err(|error| Failure::bad_input(format!("`--{name}`: {error}")))?;
        query.push((name, at.to_string()));
    }
    let filters = [
        ("user", &args.person),
        ("account", &args.account),
        ("ou", &args.ou),
        ("permission_set", &args.permission_set),
        ("group", &args.group),
    ];
    query.extend(
        filters
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.clone()?))),
    );
    Ok(query)
}

fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M %Z")
        .to_string()
}

fn access_table(rows: &[ReportedAccess], zone: &TimeZone) -> Table {
    let mut table = Table::new(&[
        "WHO", "WHAT", "FROM", "UNTIL", "STATE", "APPROVED", "RULES", "USED", "REQUEST",
    ]);
    for row in rows {
        let target = tables::target(
            row.account_name.as_ref().or(row.account.as_ref()),
            row.permission_set.as_ref(),
            row.group_name.as_ref().or(row.group.as_ref()),
        );
        let user = row.user.as_ref().or(row.user_id.as_ref());
        let group = row.group_name.as_ref().or(row.group.as_ref());
        let who = match row.kind {
            ReportedKind::Group => group.map(|group| format!("group {group}")),
            ReportedKind::Grant | ReportedKind::Standing | ReportedKind::Unknown => user.cloned(),
        };
        let begins = row.from.map(|at| stamp(at, zone));
        let seen = row.first_seen.map(|at| format!("seen {}", stamp(at, zone)));
        let state = row
            .state
            .map_or(row.kind.name(), |it| states::word(it.name()));
        table.row([
            who.unwrap_or_default(),
            target,
            begins.or(seen).unwrap_or_default(),
            until(row, zone),
            state.to_owned(),
            row.approvers.join(", "),
            row.because.join(", "),
            row.used
                .map(GrantUse::name)
                .unwrap_or_default()
                .replace('_', " "),
            row.request_id.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn until(row: &ReportedAccess, zone: &TimeZone) -> String {
    match (row.until, row.ends_at, row.last_seen) {
        (Some(at), ..) => stamp(at, zone),
        (None, Some(at), _) => format!("active, ends {}", stamp(at, zone)),
        (None, None, Some(at)) => format!("last seen {}", stamp(at, zone)),
        (None, None, None) => String::new(),
    }
}

fn request_table(rows: &[Request], zone: &TimeZone) -> Table {
    let mut table = Table::new(&["=ID", "=STATE", "WHO", "WHAT", "REQUESTED", "BY", "AFTER"]);
    for row in rows {
        let after = row
            .decided_at
            .map(|at| TimeSpan::between(row.created_at, at).to_string());
        table.row([
            row.id.clone(),
            states::word(row.state.name()).to_owned(),
            row.requester.clone(),
            tables::asked_for(row),
            stamp(row.created_at, zone),
            deciders(row),
            after.unwrap_or_default(),
        ]);
    }
    table
}

fn deciders(row: &Request) -> String {
    let mut all: Vec<&str> = row
        .reviews
        .iter()
        .map(|review| review.by.as_str())
        .collect();
    all.extend(row.decided_by.as_deref());
    all.dedup();
    all.join(", ")
}

fn decision_table(rows: &[Value], zone: &TimeZone) -> Table {
    let mut table = Table::new(&["=SEQ", "TIME", "EVENT", "BY", "FOR", "WHAT", "REQUEST"]);
    for row in rows {
        let text = |field: &str| {
            let text = row.get(field).and_then(Value::as_str);
            text.filter(|text| *text != "NA")
        };
        let owned = |field: &str| text(field).map(str::to_owned);
        let at = text("time").and_then(|at| at.parse::<Timestamp>().ok());
        table.row([
            row.get("seq").map(Value::to_string).unwrap_or_default(),
            at.map(|at| stamp(at, zone)).unwrap_or_default(),
            owned("event").unwrap_or_default(),
            owned("actor").unwrap_or_default(),
            owned("requester_email").unwrap_or_default(),
            tables::target(
                owned("account_id").as_ref(),
                owned("role_name").as_ref(),
                owned("group_name").or_else(|| owned("group_id")).as_ref(),
            ),
            owned("access_request_id").unwrap_or_default(),
        ]);
    }
    table
}
