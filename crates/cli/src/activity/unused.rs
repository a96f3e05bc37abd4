//! `hallpass activity unused`: unused permissions of permission sets (`inventory.md` H-30).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use hallpass_activity::{AccountSpan, Right, RightState, ServiceRights, by_service, rights};
use hallpass_app::host::query_binary;
use hallpass_app::reports::policies::{SetOfSnapshot, sets};
use hallpass_app::reports::used_calls::{CallsWanted, LogDays, calls_of, log_days};
use hallpass_base::{AccountId, TimeSpan, Timestamp};
use hallpass_iam::summary::allowed_actions;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::place::read_manifest;

const NAMED_MAX: usize = 10;

/// Show unused permissions of permission sets
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show unused permissions of permission sets\n\nCompares the policies of \
                  permission sets in the newest snapshot with the activity table. Actions that \
                  CloudTrail logs only if configured (data events) or has no event for are \
                  `not_visible`, never unused. Exit 1 if the log starts too late, ends too early \
                  or lacks days of `--account`, or if a policy is in no snapshot.",
    after_help = "Examples:
  hallpass activity unused --permission-set ProdAdmin
  hallpass activity unused --permission-set ProdAdmin --actions --days 30 -o csv
  hallpass activity unused --account 111111111111 --person ana"
)]
pub(super) struct Args {
    /// Only this permission set [default: all]
    #[arg(long, value_name = "NAME")]
    permission_set: Option<String>,
    /// Only use in this account [default: all]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountId>,
    /// Only use by this user, by session name [default: all users]
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Number of days before the instant
    #[arg(long, value_name = "N", default_value_t = 90)]
    days: u32,
    /// List each action instead of each service
    #[arg(long)]
    actions: bool,
    /// The reference instant [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = hallpass_base::time::instant)]
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
    query_binary::path()?;
    let as_of = args.as_of.unwrap_or_else(hallpass_base::clock::now);
    let since = TimeSpan::hours(24 * u64::from(args.days)).before(as_of);
    let since = since.to_zoned(TimeZone::UTC).date();
    let log = log_days(&args.folder)?;
    let found = sets(&args.folder, args.permission_set.as_deref())?;
    let mut services = Vec::new();
    let mut actions = Vec::new();
    let wanted = since..=as_of.to_zoned(TimeZone::UTC).date();
    let mut is_whole = tell_log(&log, &wanted) & found.is_whole;
    if let Some(account) = &args.account {
        let manifest = read_manifest(&args.folder)?;
        let span = manifest.and_then(|it| it.accounts.get(account.as_str()).copied());
        is_whole &= tell_account(account, span, &wanted);
    }
    for set in &found.sets {
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
        let of_services = by_service(&found).into_iter();
        services.extend(of_services.map(|it| service_row(&set.name, &it)));
        actions.extend(found.iter().map(|it| action_row(&set.name, it)));
        tell_unexplained(&set.name, &unexplained);
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

type WantedDays = RangeInclusive<Date>;

fn tell_log(log: &LogDays, wanted: &WantedDays) -> bool {
    output::say(&format!(
        "the log has the days from {} to {}",
        log.first, log.last
    ));
    tell_days("it", log, wanted)
}

fn tell_account(account: &AccountId, span: Option<AccountSpan>, wanted: &WantedDays) -> bool {
    let Some(span) = span else {
        output::say(&format!(
            "it has nothing of account {account}: use there is not known"
        ));
        return false;
    };
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let days = LogDays {
        first: day(span.from),
        last: day(span.until),
    };
    tell_days(&format!("the log of account {account}"), &days, wanted)
}

/// Whether all days are covered. CloudTrail is delayed: the last day may be incomplete.
fn tell_days(what: &str, has: &LogDays, wanted: &WantedDays) -> bool {
    let (since, until) = (*wanted.start(), *wanted.end());
    let reaches_back = has.first <= since;
    if !reaches_back {
        output::say(&format!(
            "{what} does not reach back to {since}: use before its first day is not known"
        ));
    }
    let goes_on = until.yesterday().is_ok_and(|it| has.last >= it);
    if !goes_on {
        output::say(&format!(
            "{what} ends on {}: use since then is not known",
            has.last
        ));
    }
    reaches_back && goes_on
}

fn tell_unexplained(set: &str, unexplained: &BTreeSet<String>) {
    if unexplained.is_empty() {
        return;
    }
    let names = unexplained.iter().take(NAMED_MAX).map(String::as_str);
    let names: Vec<&str> = names.collect();
    output::say(&format!(
        "{}: {} calls are of no action that its policies allow by name: {}",
        output::plain(set),
        unexplained.len(),
        output::plain(&names.join(", "))
    ));
}

fn tell_missing(set: &SetOfSnapshot) -> bool {
    for policy in &set.missing {
        output::say(&format!(
            "{}: the policy `{}` is in no account of the snapshot: its permissions are left out",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn days(first: &str, last: &str) -> LogDays {
        LogDays {
            first: first.parse().unwrap(),
            last: last.parse().unwrap(),
        }
    }

    #[test]
    fn a_log_has_all_days_where_it_begins_before_them_and_has_not_ended() {
        let wanted = "2026-08-22".parse().unwrap()..="2026-11-20".parse().unwrap();
        for (first, last, expected) in [
            ("2026-08-22", "2026-11-20", true),
            ("2026-01-01", "2026-11-19", true),
            ("2026-01-01", "2026-11-18", false),
            ("2026-08-23", "2026-11-20", false),
            ("2025-01-01", "2026-01-01", false),
        ] {
            let has = days(first, last);
            assert_eq!(tell_log(&has, &wanted), expected, "{first} {last}");
            let span = AccountSpan {
                from: format!("{first}T10:00:00Z").parse().unwrap(),
                until: format!("{last}T10:00:00Z").parse().unwrap(),
            };
            let account = AccountId::new("111111111111").unwrap();
            let told = tell_account(&account, Some(span), &wanted);
            assert_eq!(told, expected, "{first} {last}");
            assert!(!tell_account(&account, None, &wanted));
        }
    }
}
