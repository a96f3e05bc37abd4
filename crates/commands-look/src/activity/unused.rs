//! `hallpass activity unused`: what permission sets allow and nobody used (`inventory.md` H-30).

use std::path::PathBuf;

use hallpass_activity::{Right, RightState, ServiceRights, by_service, rights};
use hallpass_host::companion;
use hallpass_iam::summary::allowed_actions;
use hallpass_model::{AccountId, TimeSpan, Timestamp};
use hallpass_reports::policies::{SetOfSnapshot, sets};
use hallpass_reports::used_calls::{CallsWanted, LogDays, calls_of, log_days};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};
use jiff::tz::TimeZone;
use serde::Serialize;

/// Unexplained calls that are named; all of them are counted.
const NAMED_MAX: usize = 10;

/// Show what permission sets allow and nobody used
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show what permission sets allow and nobody used\n\nHolds the policies of permission sets, as the newest \
                  snapshot has them, against the activity table. What CloudTrail does not log unless a trail is told to (data \
                  events), and what no event is named after, is `not_visible`, and never called unused. Where the log does not \
                  reach back that far, or a policy is in no snapshot, that is said: exit 1.",
    after_help = "Examples:
  hallpass activity unused --permission-set ProdAdmin
  hallpass activity unused --permission-set ProdAdmin --actions --days 30 -o csv
  hallpass activity unused --account 111111111111 --person ana"
)]
pub(super) struct Args {
    /// Only this permission set [default: all]
    #[arg(long, value_name = "NAME")]
    permission_set: Option<String>,
    /// Only what was used in this account [default: all]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountId>,
    /// Only what this person used: the name of their sessions [default: everybody]
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// So many days up to the instant
    #[arg(long, value_name = "N", default_value_t = 90)]
    days: u32,
    /// Each action instead of each service
    #[arg(long)]
    actions: bool,
    /// The instant that is looked from [default: now]
    #[arg(long, value_name = "RFC3339")]
    as_of: Option<Timestamp>,
    /// The folder of snapshots
    #[arg(long, value_name = "DIR", default_value = "snapshots")]
    folder: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// A service of a permission set.
#[derive(Debug, Serialize)]
struct ServiceRow {
    permission_set: String,
    service: &'static str,
    allowed: usize,
    writes: usize,
    used: usize,
    unused: usize,
    not_visible: usize,
    last_used: Option<Timestamp>,
}

/// An action of a permission set.
#[derive(Debug, Serialize)]
struct ActionRow {
    permission_set: String,
    action: String,
    access: &'static str,
    state: &'static str,
    people: usize,
    last_used: Option<Timestamp>,
}

const SERVICE_FIELDS: &[&str] = &[
    "permission_set",
    "service",
    "allowed",
    "writes",
    "used",
    "unused",
    "not_visible",
    "last_used",
];
const ACTION_FIELDS: &[&str] = &[
    "permission_set",
    "action",
    "access",
    "state",
    "people",
    "last_used",
];

pub(super) fn run(args: &Args) -> Outcome {
    companion::path()?;
    let as_of = args.as_of.unwrap_or_else(hallpass_clock::now);
    let since = TimeSpan::hours(24 * u64::from(args.days)).before(as_of);
    let since = since.to_zoned(TimeZone::UTC).date();
    let log = log_days(&args.folder)?;
    let sets = sets(&args.folder, args.permission_set.as_deref())?;
    let mut services = Vec::new();
    let mut actions = Vec::new();
    let mut is_whole = tell_log(&log, since);
    for set in &sets {
        is_whole &= tell_missing(set);
        let texts: Vec<&str> = set.documents.iter().map(String::as_str).collect();
        let allowed = allowed_actions(&texts).map_err(|error| {
            Failure::bad_input(format!(
                "a policy of `{}` cannot be read: {error}",
                set.name
            ))
        })?;
        let wanted = CallsWanted {
            permission_set: &set.name,
            account: args.account.as_ref(),
            person: args.person.as_deref(),
            since,
            until: as_of,
        };
        let (found, unexplained) = rights(&allowed, &calls_of(&args.folder, &wanted)?);
        services.extend(
            by_service(&found)
                .into_iter()
                .map(|it| service_row(&set.name, &it)),
        );
        actions.extend(found.iter().map(|it| action_row(&set.name, it)));
        if !unexplained.is_empty() {
            let names: Vec<&str> = unexplained
                .iter()
                .take(NAMED_MAX)
                .map(String::as_str)
                .collect();
            output::say(&format!(
                "{}: {} calls are of no action that its policies allow by name: {}",
                output::plain(&set.name),
                unexplained.len(),
                output::plain(&names.join(", "))
            ));
        }
    }
    let format = args.output.format();
    if args.actions {
        output::list(format, &actions, ACTION_FIELDS, || action_table(&actions))?;
    } else {
        output::list(format, &services, SERVICE_FIELDS, || {
            service_table(&services)
        })?;
    }
    Ok(if is_whole { Exit::Ok } else { Exit::Failed })
}

/// Whether the log has all the days.
fn tell_log(log: &LogDays, since: jiff::civil::Date) -> bool {
    output::say(&format!(
        "the log has the days from {} to {}",
        log.first, log.last
    ));
    let is_whole = log.first <= since;
    if !is_whole {
        output::say(&format!(
            "it does not reach back to {since}: what was used before its first day is not known"
        ));
    }
    is_whole
}

/// Whether all policies of a set are there.
fn tell_missing(set: &SetOfSnapshot) -> bool {
    for policy in &set.missing {
        output::say(&format!(
            "{}: the policy `{}` is in no account of the snapshot: what it allows is left out",
            output::plain(&set.name),
            output::plain(policy)
        ));
    }
    set.missing.is_empty()
}

fn service_row(set: &str, rights: &ServiceRights) -> ServiceRow {
    ServiceRow {
        permission_set: set.to_owned(),
        service: rights.service,
        allowed: rights.allowed,
        writes: rights.writes,
        used: rights.used,
        unused: rights.allowed - rights.used - rights.not_visible,
        not_visible: rights.not_visible,
        last_used: rights.last,
    }
}

fn action_row(set: &str, right: &Right) -> ActionRow {
    let (people, last_used) = match right.state {
        RightState::Used { people, last } => (people, Some(last)),
        RightState::Unused | RightState::NotVisible => (0, None),
    };
    ActionRow {
        permission_set: set.to_owned(),
        action: right.action.full_name(),
        access: right.action.access.as_str(),
        state: right.state.name(),
        people,
        last_used,
    }
}

fn day(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |it| it.strftime("%Y-%m-%d").to_string())
}

fn service_table(rows: &[ServiceRow]) -> Table {
    let mut table = Table::new(&[
        "SET",
        "=SERVICE",
        "=ALLOWED",
        "=USED",
        "=UNUSED",
        "=NOT VISIBLE",
        "=LAST USED",
    ]);
    for row in rows {
        table.row([
            row.permission_set.clone(),
            row.service.to_owned(),
            row.allowed.to_string(),
            row.used.to_string(),
            row.unused.to_string(),
            row.not_visible.to_string(),
            day(row.last_used),
        ]);
    }
    table
}

fn action_table(rows: &[ActionRow]) -> Table {
    let mut table = Table::new(&[
        "SET",
        "ACTION",
        "=ACCESS",
        "=STATE",
        "=PEOPLE",
        "=LAST USED",
    ]);
    for row in rows {
        table.row([
            row.permission_set.clone(),
            row.action.clone(),
            row.access.to_owned(),
            row.state.to_owned(),
            match row.people {
                0 => String::new(),
                people => people.to_string(),
            },
            day(row.last_used),
        ]);
    }
    table
}
