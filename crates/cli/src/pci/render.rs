use hallpass_activity::{PciReport, PciRow};
use hallpass_app::log_files::tell_digests;
use hallpass_app::reports::pci::{RanReport, document};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{self, Format, Table};

const COLUMNS: &[&str] = &[
    "user_name",
    "user_id",
    "password_state",
    "password_age_days",
    "password_basis",
    "password_since",
    "activity_state",
    "inactive_days",
    "activity_basis",
    "last_activity",
    "failed_verifications",
];
const NAMED_MAX: usize = 10;

pub(super) fn show(ran: &RanReport, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return output::one(format, &document(ran), &[], String::new);
    }
    output::list(format, &ran.report.users, COLUMNS, || {
        table(&ran.report.users)
    })
}

fn table(rows: &[PciRow]) -> Table {
    let mut table = Table::new(&["PERSON", "=PASSWORD", "=ACTIVITY", "LAST SEEN", "=FAILED"]);
    for row in rows {
        let state = |state: &str, days: Option<i64>| match days {
            Some(days) => format!("{state} {days}d"),
            None => state.to_owned(),
        };
        let password = state(row.password_state, row.password_age_days);
        let seen = match (&row.last_activity, &row.activity_basis) {
            (Some(at), Some(basis)) => format!("{} {basis}", day(&at.to_string())),
            (Some(at), None) => day(&at.to_string()),
            (None, Some(_)) => "never".to_owned(),
            (None, None) => String::new(),
        };
        table.row([
            row.user_name.clone(),
            match row.password_basis {
                Some("event") | None => password,
                Some(basis) => format!("{password} ({basis})"),
            },
            state(row.activity_state, row.inactive_days),
            seen,
            match row.failed_verifications {
                0 => String::new(),
                failed => failed.to_string(),
            },
        ]);
    }
    table
}

fn day(instant: &str) -> String {
    instant.split('T').next().unwrap_or_default().to_owned()
}

pub(super) fn tell(ran: &RanReport) {
    let report = &ran.report;
    let logs = &ran.logs;
    output::say(&format!(
        "read {} records in {} files; {} of them are about people, {} twice",
        logs.count.records, logs.files, report.events_read, report.duplicates
    ));
    if ran.counts_copies {
        output::say("note: there are too many events to tell all copies; copies are counted again");
    }
    if !report.ignored.is_empty() {
        let reasons = report.ignored.iter();
        let reasons: Vec<String> = reasons
            .map(|(why, count)| format!("{why} {count}"))
            .collect();
        output::say(&format!("ignored: {}", reasons.join(", ")));
    }
    match ran.coverage_from {
        Some(from) => output::say(&format!("the log is whole since {from}")),
        None if logs.broken > 0 => {
            output::say("since when the log is whole is not known: files of it could not be read");
        }
        None => output::say("since when the log is whole is not known: `--coverage-from` says it"),
    }
    tell_digests(ran.digests.as_ref());
    tell_unknown(report);
    if !report.weak_matches.is_empty() {
        let weak = |it: &&PciRow| report.weak_matches.contains(&it.user_id);
        let names = named(report.users.iter().filter(weak));
        output::say(&format!("found by a name without its domain: {names}"));
    }
    if logs.broken > 0 {
        let broken = logs.broken;
        output::say(&format!(
            "{broken} files were skipped: their content is not known"
        ));
    }
    output::say(
        "note: a password is at most so old: what people reset themselves is not in CloudTrail",
    );
}

fn tell_unknown(report: &PciReport) {
    let is_unknown =
        |it: &&PciRow| it.password_state == "unknown" || it.activity_state == "unknown";
    let unknown: Vec<&PciRow> = report.users.iter().filter(is_unknown).collect();
    if !unknown.is_empty() {
        let (count, names) = (unknown.len(), named(unknown.into_iter()));
        output::say(&format!(
            "{count} people are unknown, as the log does not reach back far enough: {names}"
        ));
    }
}

fn named<'a>(rows: impl Iterator<Item = &'a PciRow>) -> String {
    let names: Vec<String> = rows.map(|it| output::plain(&it.user_name)).collect();
    let (shown, more) = names.split_at(names.len().min(NAMED_MAX));
    match more.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
